//! The other pieces of the session's folder: directories beside it that a service has made of it. They are read like
//! the folder itself, and never written.
//!
//! Nothing about them is an error: what cannot be found, opened or read is named in the report at most.

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::{OsStr, OsString},
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use tempo_message::{Arrival, AuthorId, CollectError, FileType, Parent, PendingReason, Report, Taken, Want, planted};

use crate::{
    Fs, Identity, Options, Signal,
    calls::{About, Calls},
    door::Root,
    examine::unreadable,
    folder::Folder,
    list::list_names,
    name::printable,
    notes::{Finding, Notes},
    offload::Alive,
    place::Freshness,
    reads::Reads,
    spelling::composed,
    split::piece_by,
    work::{Done, Work},
};

/// What is known of the other pieces.
#[derive(Debug)]
pub(crate) struct Pieces<F: Fs> {
    /// Calls about the directory that holds the folder.
    calls: Calls<F>,
    /// Where the folder is: the directory that holds it, and its name there. Without them nothing is looked for.
    home: Option<(PathBuf, OsString)>,
    options: Options,
    signal: Arc<Signal>,
    /// For the threads that look into pieces.
    alive: Alive,
    found: BTreeMap<OsString, Box<Piece<F>>>,
    /// Pieces that cannot be read now.
    notes: Notes,
    /// So many more were found than are read.
    too_many: u64,
    freshness: Freshness,
    looked_at: Option<Duration>,
    /// Who was served last.
    turn: Option<OsString>,
    /// Who was looked at last when that took too long.
    looked: Option<OsString>,
    /// What was told last.
    told: (Vec<String>, u64),
}

#[derive(Debug)]
struct Piece<F: Fs> {
    folder: Folder<F>,
    reads: Reads,
    signal: Arc<Signal>,
    /// Opened, between a look and what is read after it.
    root: Option<Root<F>>,
    is_here: bool,
    /// Which directory it is.
    identity: Identity,
    /// Somebody of the session has been seen in it.
    is_admitted: bool,
    /// What is in it was read, and not handed up.
    is_probed: bool,
}

/// So many pieces are read.
const PIECES: usize = 16;
/// So many names of pieces are looked at.
const CANDIDATES: usize = 1024;
/// So many names in the directory that holds the folder are looked at.
const NAMES: usize = 65_536;
/// How long that directory is left alone after a look: it may be a busy one, and is not ours.
const PAUSE: Duration = Duration::from_secs(2);
/// So many calls about directories and files of a piece may be late.
const LATE: usize = 2;

impl<F: Fs> Pieces<F> {
    pub(crate) fn new(fs: &F, folder: &Path, options: &Options, (signal, alive): (Arc<Signal>, Alive)) -> Self {
        // Pieces are beside the folder itself, not beside a link to it.
        let real = fs.resolve(folder).unwrap_or_else(|_| folder.to_owned());
        let parent = real.parent().map(|parent| if parent == Path::new("") { Path::new(".") } else { parent });
        Self {
            calls: Calls::new(fs.clone(), (Arc::clone(&signal), alive.clone()), options.patience).with_room(LATE),
            alive,
            home: parent.zip(real.file_name()).map(|(parent, name)| (parent.to_owned(), name.to_owned())),
            options: options.clone(),
            signal,
            found: BTreeMap::new(),
            notes: Notes::default(),
            too_many: 0,
            freshness: Freshness::default(),
            looked_at: None,
            turn: None,
            looked: None,
            told: (Vec::new(), 0),
        }
    }

    /// Looks which pieces there are beside the folder, which is `main`, and what is to be read in them.
    pub(crate) fn look(&mut self, main: &Root<F>, want: &Want<'_>, now: Duration) {
        if planted!(IgnorePieces) {
            return;
        }
        if want.full || self.looked_at.is_none_or(|looked_at| looked_at + PAUSE <= now) {
            self.looked_at = Some(now);
            // When the directory cannot be listed, what is known stays.
            let _ = self.find(main, want.full, now);
        }
        let began = self.calls.fs.now();
        let looked = self.looked.take();
        for name in self.in_turn(looked.as_ref()) {
            let Some(piece) = self.found.get_mut(&name) else { continue };
            piece.folder.heed(piece.signal.take());
            piece.is_here = false;
            match piece.look(want, now) {
                Ok(()) => {
                    self.notes.forget(&name);
                    piece.is_here = true;
                }
                Err(CollectError::Failed { source, .. }) => {
                    let reason = source.downcast_ref::<io::Error>().map(unreadable);
                    let reason = reason.unwrap_or_else(|| PendingReason::Unreadable { cause: source.to_string() });
                    self.notes.put(&name, None, Finding::Pending(reason), now);
                }
                Err(_) => self.drop_piece(&name),
            }
            if self.is_over(began) {
                self.looked = Some(name);
                break;
            }
        }
    }

    /// Lets those count in which somebody of the session is, of the folder itself or of a piece that counts. Another session
    /// beside it may have such a name as well, and shares nobody with this one. The answer is whether there is now more to
    /// read.
    pub(crate) fn admit(&mut self, is_member: impl Fn(AuthorId) -> bool) -> bool {
        let mut met: BTreeSet<AuthorId> = BTreeSet::new();
        loop {
            let before = met.len();
            for piece in self.found.values_mut() {
                let mut authors = piece.folder.places.values().map(|place| place.author);
                piece.is_admitted |= authors.any(|author| is_member(author) || met.contains(&author));
                if piece.is_admitted {
                    met.extend(piece.folder.places.values().map(|place| place.author));
                }
            }
            if met.len() == before {
                break;
            }
        }
        let is_news = |piece: &Piece<F>| piece.is_admitted && piece.is_probed;
        let news = self.found.iter().filter(|(_, piece)| is_news(piece)).map(|(name, _)| name.clone());
        let news: Vec<OsString> = news.collect();
        for name in &news {
            self.read_anew(name);
        }
        !news.is_empty()
    }

    /// Begins anew with a piece that counts, unless calls into it have not come back.
    fn read_anew(&mut self, name: &OsString) {
        let Some(piece) = self.found.get_mut(name) else { return };
        if piece.is_waiting() {
            return;
        }
        let identity = piece.identity;
        let mut piece = self.open(name, identity);
        piece.is_admitted = true;
        self.found.insert(name.clone(), piece);
    }

    /// Whether nothing has a name like one.
    pub(crate) fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// Whether somebody has a directory in one of them.
    pub(crate) fn hold(&self, author: AuthorId) -> bool {
        let is_in = |piece: &Piece<F>| piece.folder.places.contains_key(OsStr::new(&author.to_string()));
        self.found.values().any(|piece| is_in(piece))
    }

    /// Lets go what was opened: handles that are kept would keep a volume from being unmounted.
    pub(crate) fn close(&mut self) {
        self.found.values_mut().for_each(|piece| piece.root = None);
    }

    /// Reads as far as the budget goes, beginning with the piece after the one that was served last.
    pub(crate) fn read(
        &mut self,
        work: &mut Work<'_>,
        want: &Want<'_>,
        is_member: &dyn Fn(AuthorId) -> bool,
        now: Duration,
    ) {
        let mut unknown = Vec::new();
        // Not all of them have been looked at.
        work.done.collected.more |= self.looked.is_some();
        let began = self.calls.fs.now();
        for name in self.in_turn(self.turn.as_ref()) {
            let is_over = self.is_over(began);
            let Some(piece) = self.found.get_mut(&name) else { continue };
            let Some(root) = piece.root.take() else { continue };
            if !piece.is_admitted {
                unknown.push((name, root));
                continue;
            }
            if is_over {
                work.done.collected.more = true;
                continue;
            }
            let was_exhausted = work.is_exhausted();
            piece.reads.read(&mut piece.folder, &root.way(), work, now);
            if !was_exhausted {
                self.turn = Some(name);
            }
        }
        for (name, root) in unknown {
            work.done.collected.more |= self.get_to_know(&name, &root, want, is_member, now);
        }
    }

    /// Reads what is in a piece in which nobody is known, for what it says of members of the session, or what its authors call
    /// the folder: only whoever belongs to the session comes after its messages, and another session is called by its own
    /// name there. If so, everything in it is read anew.
    fn get_to_know(
        &mut self,
        name: &OsString,
        root: &Root<F>,
        want: &Want<'_>,
        is_member: &dyn Fn(AuthorId) -> bool,
        now: Duration,
    ) -> bool {
        let Some(piece) = self.found.get_mut(name) else { return false };
        let mut knows_us = false;
        let own = self.home.as_ref().map(|(_, name)| composed(name));
        let is_own = |called: &str| own.as_ref().is_some_and(|own| *own == composed(OsStr::new(called)));
        let mut take = |arrival: Arrival| {
            knows_us |= named(&arrival).any(is_member) || called(&arrival).is_some_and(is_own);
            Taken::Settled
        };
        piece.reads.read(&mut piece.folder, &root.way(), &mut Work::new(want, &mut take, Done::default()), now);
        piece.reads.rest();
        (piece.is_probed, piece.is_admitted) = (true, knows_us);
        if knows_us {
            self.read_anew(name);
        }
        knows_us
    }

    /// When something in a piece is to be looked at again although nothing has changed.
    pub(crate) fn next_retry(&self) -> Option<Duration> {
        self.found.values().filter(|piece| piece.is_here).filter_map(|piece| piece.folder.next_retry()).min()
    }

    /// Why nobody tells when something changes in one of them.
    pub(crate) fn without_hints(&self) -> Option<&String> {
        self.session_pieces().find_map(|(_, piece)| piece.folder.without_hints.as_ref())
    }

    /// Adds to a report which there are and what is in them.
    pub(crate) fn describe(&self, report: &mut Report) {
        report.pieces = self.names();
        report.unlisted += self.too_many;
        self.notes.describe(&printable, None, report);
        for (name, piece) in self.session_pieces() {
            piece.folder.describe(Some(name), report);
        }
    }

    /// Hands up what was found foreign; true when what is to be reported has changed.
    pub(crate) fn tell_news(&mut self, take: &mut dyn FnMut(Arrival) -> Taken) -> bool {
        let now = (self.names(), self.too_many);
        let mut changed = self.notes.take_changed() || now != self.told;
        self.told = now;
        for (name, piece) in self.found.iter_mut().filter(|(_, piece)| piece.is_admitted) {
            changed |= piece.folder.tell_news(Some(name), take);
        }
        changed
    }

    /// All, beginning with the one after this.
    fn in_turn(&self, after: Option<&OsString>) -> Vec<OsString> {
        let (before, mut names): (Vec<_>, Vec<_>) =
            self.found.keys().cloned().partition(|name| after.is_some_and(|after| name <= after));
        names.extend(before);
        names
    }

    /// Whether waiting for what does not answer has taken long enough for once.
    fn is_over(&self, began: Duration) -> bool {
        self.calls.fs.now() >= began + self.options.patience
    }

    fn names(&self) -> Vec<String> {
        self.session_pieces().map(|(name, _)| printable(name)).collect()
    }

    /// Those that count and in which there is somebody.
    fn session_pieces(&self) -> impl Iterator<Item = (&OsString, &Piece<F>)> {
        let counts = |piece: &Piece<F>| piece.is_admitted && !piece.folder.places.is_empty();
        self.found.iter().filter(move |(_, piece)| counts(piece)).map(|(name, piece)| (name, &**piece))
    }

    /// Lists the directory that holds the folder, if that has changed or was long ago.
    fn find(&mut self, main: &Root<F>, full: bool, now: Duration) -> io::Result<()> {
        let Some((parent, own)) = self.home.clone() else { return Ok(()) };
        let opened = self.calls.run(About::Folder, move |fs| {
            let dir = fs.open_root(&parent)?;
            let stat = fs.stat_dir(&dir)?;
            io::Result::Ok((Arc::new(dir), stat.version()))
        });
        let (dir, version) = opened??;
        if !full && !self.freshness.is_due(version, now) {
            return Ok(());
        }
        let at = self.calls.fs.now();
        let found = self.list(&dir, &own)?;
        let (mut there, mut doubtful) = (BTreeMap::new(), BTreeSet::new());
        let (main_dir, main_identity) = (Arc::clone(&main.dir), main.stat.identity);
        self.calls.ask_each(
            found.into_iter().map(Arc::from),
            move |fs, name| {
                let stat = fs.stat(&dir, name)?;
                let is_main = stat.identity == main_identity && is_one(fs, &main_dir, (&dir, name))?;
                Ok((!is_main).then_some(stat))
            },
            |name, stat| match stat {
                // Not for a link, whatever it leads to.
                Ok(Some(stat)) if stat.file_type == FileType::Directory => {
                    there.insert(name.to_os_string(), stat.identity);
                }
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(_) => {
                    doubtful.insert(name.to_os_string());
                }
            },
        );
        let gone = self.found.keys().filter(|name| !there.contains_key(*name) && !doubtful.contains(*name));
        for name in gone.cloned().collect::<Vec<_>>() {
            self.drop_piece(&name);
        }
        there.retain(|name, _| !self.found.contains_key(name));
        let room = PIECES.saturating_sub(self.found.len());
        self.too_many = u64::try_from(there.len().saturating_sub(room)).unwrap_or(u64::MAX);
        for (name, identity) in there.into_iter().take(room) {
            let piece = self.open(&name, identity);
            self.found.insert(name, piece);
        }
        self.freshness.listed(version, at);
        Ok(())
    }

    fn list(&mut self, dir: &Arc<F::Dir>, own: &OsStr) -> io::Result<BTreeSet<OsString>> {
        let (mut found, mut left, mut failed) = (BTreeSet::new(), NAMES, Ok(()));
        let listed = Arc::clone(dir);
        self.calls.run_each(
            About::Folder,
            move |fs, outlet| list_names(fs, &listed, |names| outlet.put(names)),
            |some| {
                let names = some.unwrap_or_else(|error| {
                    failed = Err(error);
                    Vec::new()
                });
                left = left.saturating_sub(names.len());
                found.extend(names.into_iter().filter(|name| piece_by(name, own).is_some()));
                left > 0 && found.len() < CANDIDATES
            },
        )?;
        failed.map(|()| found)
    }

    fn open(&self, name: &OsStr, identity: Identity) -> Box<Piece<F>> {
        let parent = self.home.as_ref().map_or(Path::new("."), |(parent, _)| parent.as_path());
        let around = (Arc::clone(&self.signal), self.alive.clone());
        let calls = Calls::new(self.calls.fs.clone(), around, self.options.patience).with_room(LATE);
        let signal = Arc::new(Signal::below(Arc::clone(&self.signal)));
        let hints = !self.options.without_watching;
        Box::new(Piece {
            folder: Folder::piece(calls, parent.join(name), identity, Arc::clone(&signal), hints),
            reads: Reads::new(self.options.fetch_online_only),
            signal,
            root: None,
            is_here: false,
            identity,
            is_admitted: false,
            is_probed: false,
        })
    }

    /// Forgets a piece that is gone, unless calls into it have not come back: it would be found again, and more be made.
    fn drop_piece(&mut self, name: &OsStr) {
        if self.found.get_mut(name).is_some_and(|piece| !piece.is_waiting()) {
            self.found.remove(name);
            self.notes.forget(name);
            self.freshness.distrust();
        }
    }
}

/// Returns whether a directory and the one with this name, which have equal identities, are one. Identities may repeat, so their times
/// must be equal as well; the directory may change between the two looks.
fn is_one<F: Fs>(fs: &F, main: &F::Dir, (parent, name): (&F::Dir, &OsStr)) -> io::Result<bool> {
    const LOOKS: usize = 3;
    let named = fs.open_dir(parent, name)?;
    for _ in 0..LOOKS {
        if fs.stat_dir(main)?.version() == fs.stat_dir(&named)?.version() {
            return Ok(fs.made_ns(main) == fs.made_ns(&named));
        }
    }
    Ok(false)
}

/// What the author of a head calls the folder.
fn called(arrival: &Arrival) -> Option<&str> {
    match arrival {
        Arrival::Head(head) => head.place.as_deref(),
        _ => None,
    }
}

/// Whom an arrival shows that its author has met.
pub(crate) fn named(arrival: &Arrival) -> impl Iterator<Item = AuthorId> {
    let (parents, seen): (&[Parent], &[_]) = match arrival {
        Arrival::Frame(frame) => (&frame.message().parents, &[]),
        Arrival::Head(head) => (&[], &head.seen),
        _ => (&[], &[]),
    };
    parents.iter().map(|parent| parent.author).chain(seen.iter().map(|&(author, _)| author))
}

impl<F: Fs> Piece<F> {
    fn look(&mut self, want: &Want<'_>, now: Duration) -> Result<(), CollectError> {
        self.root = None;
        let mut root = self.folder.attach_to_look()?;
        self.folder.look(&mut root, want, &|_| false, now)?;
        if self.folder.places.is_empty() {
            // What lies in it is none of our business.
            self.folder.notes = Notes::default();
        }
        self.root = Some(root);
        Ok(())
    }

    fn is_waiting(&mut self) -> bool {
        self.reads.is_waiting() || self.folder.calls.is_waiting()
    }
}
