//! The other pieces of the session's folder: directories beside it that a service has made of it. They are read like
//! the folder itself, and never written.
//!
//! Nothing about them is an error: what cannot be found, opened or read is named in the report at most.

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::{OsStr, OsString},
    io,
    path::Path,
    sync::Arc,
    time::Duration,
};

use tempo_message::{Arrival, AuthorId, CollectError, PendingReason, Report, Taken, Want, planted};

use crate::{
    format::name::printable,
    fs::{
        calls::Calls,
        error::unreadable,
        offload::Alive,
        port::{Fs, Identity},
    },
    options::Options,
    read::{collect::Work, reader::Reads},
    scan::{
        findings::{Finding, Notes},
        folder::Folder,
        root::Root,
    },
    split::{neighbors::Siblings, relation::Kin},
    watch::signal::Signal,
};

/// What is known of the other pieces.
#[derive(Debug)]
pub(crate) struct Pieces<F: Fs> {
    /// Calls about the directories beside the folder.
    calls: Calls<F>,
    siblings: Siblings,
    options: Options,
    signal: Arc<Signal>,
    /// For the threads that look into pieces.
    alive: Alive,
    found: BTreeMap<OsString, Box<Piece<F>>>,
    /// Pieces that cannot be read now.
    notes: Notes,
    /// So many more were found than are read.
    too_many: u64,
    /// Who was served last.
    turn: Option<OsString>,
    /// Who was looked at last when that took too long.
    looked: Option<OsString>,
    /// What was told last.
    told: Told,
}

/// What is told of the directories beside the folder.
#[derive(Debug, Default, PartialEq, Eq)]
struct Told {
    pieces: Vec<String>,
    undecided: Vec<String>,
    apart: Vec<String>,
    too_many: u64,
}

#[derive(Debug)]
struct Piece<F: Fs> {
    folder: Folder<F>,
    reads: Reads,
    signal: Arc<Signal>,
    /// Opened, between a look and what is read after it.
    root: Option<Root<F>>,
    is_here: bool,
}

/// So many pieces are read.
const PIECES: usize = 16;
/// So many calls about directories and files of a piece may be late.
const LATE: usize = 2;

impl<F: Fs> Pieces<F> {
    pub(crate) fn new(fs: &F, folder: &Path, options: &Options, (signal, alive): (Arc<Signal>, Alive)) -> Self {
        Self {
            calls: Calls::new(fs.clone(), (Arc::clone(&signal), alive.clone()), options.patience).with_room(LATE),
            siblings: Siblings::new(fs, folder, options.decisions.clone()),
            alive,
            options: options.clone(),
            signal,
            found: BTreeMap::new(),
            notes: Notes::default(),
            too_many: 0,
            turn: None,
            looked: None,
            told: Told::default(),
        }
    }

    /// Looks which pieces there are beside the folder, which is `main`, and what is to be read in them.
    pub(crate) fn look(&mut self, main: &Root<F>, want: &Want<'_>, now: Duration) {
        if planted!(IgnorePieces) {
            return;
        }
        let closed: Vec<Arc<OsStr>> = self.siblings.closed.keys().cloned().collect();
        self.siblings.look(&mut self.calls, main, want.full, now);
        for name in closed.iter().filter(|name| !self.siblings.closed.contains_key(*name)) {
            self.notes.forget(name);
        }
        for (name, reason) in &self.siblings.closed {
            self.notes.put(name, None, Finding::Pending(reason.clone()), now);
        }
        self.keep_parts();
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

    /// Opens what is a piece, and lets go what is none any more.
    fn keep_parts(&mut self) {
        let parts: BTreeMap<OsString, (Identity, BTreeSet<AuthorId>)> =
            self.siblings.parts().map(|(name, id, authors)| (name.to_os_string(), (id, authors.clone()))).collect();
        let gone: Vec<OsString> = self.found.keys().filter(|name| !parts.contains_key(*name)).cloned().collect();
        for name in &gone {
            self.drop_piece(name);
        }
        self.too_many = u64::try_from(parts.len().saturating_sub(PIECES)).unwrap_or(u64::MAX);
        for (name, (identity, authors)) in parts {
            if !self.found.contains_key(&name) && self.found.len() < PIECES {
                let piece = self.open(&name, identity);
                self.found.insert(name.clone(), piece);
            }
            if let Some(piece) = self.found.get_mut(&name) {
                piece.folder.admit(authors);
            }
        }
    }

    /// What the session is called by most of its members, if there are pieces of it.
    pub(crate) fn called(&self) -> Option<&String> {
        self.siblings.called.as_ref()
    }

    /// Whether there is none.
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
    pub(crate) fn read(&mut self, work: &mut Work<'_>, now: Duration) {
        // Not all of them have been looked at.
        work.done.collected.more |= self.looked.is_some();
        let began = self.calls.fs.now();
        for name in self.in_turn(self.turn.as_ref()) {
            let is_over = self.is_over(began);
            let Some(piece) = self.found.get_mut(&name) else { continue };
            let Some(root) = piece.root.take() else { continue };
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
    }

    /// When something in a piece is to be looked at again although nothing has changed.
    pub(crate) fn next_retry(&self) -> Option<Duration> {
        self.found.values().filter(|piece| piece.is_here).filter_map(|piece| piece.folder.next_retry()).min()
    }

    /// Why nobody tells when something changes in one of them.
    pub(crate) fn without_hints(&self) -> Option<&String> {
        self.session_pieces().find_map(|(_, piece)| piece.folder.watching.failure.as_ref())
    }

    /// Adds to a report which there are and what is in them.
    pub(crate) fn describe(&self, report: &mut Report) {
        let Told { pieces, undecided, apart, too_many } = self.told_now();
        (report.pieces, report.undecided, report.apart) = (pieces, undecided, apart);
        report.unlisted += too_many;
        self.notes.describe(&printable, None, report);
        for (name, piece) in self.session_pieces() {
            piece.folder.describe(Some(name), report);
        }
    }

    /// Hands up what was found foreign; true when what is to be reported has changed.
    pub(crate) fn tell_news(&mut self, take: &mut dyn FnMut(Arrival) -> Taken) -> bool {
        let now = self.told_now();
        let mut changed = self.notes.take_changed() || now != self.told;
        self.told = now;
        for (name, piece) in &mut self.found {
            changed |= piece.folder.tell_news(Some(name), take);
        }
        changed
    }

    fn told_now(&self) -> Told {
        let names = |kin| self.siblings.names_of(kin).map(printable).collect();
        Told {
            pieces: self.session_pieces().map(|(name, _)| printable(name)).collect(),
            undecided: names(Kin::Undecided),
            apart: names(Kin::Copy),
            too_many: self.too_many + self.siblings.too_many,
        }
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

    /// Those in which there is somebody whose messages are read.
    fn session_pieces(&self) -> impl Iterator<Item = (&OsString, &Piece<F>)> {
        let counts = |piece: &Piece<F>| !piece.folder.places.is_empty();
        self.found.iter().filter(move |(_, piece)| counts(piece)).map(|(name, piece)| (name, &**piece))
    }

    fn open(&self, name: &OsStr, identity: Identity) -> Box<Piece<F>> {
        let parent = self.siblings.home.as_ref().map_or(Path::new("."), |(parent, _)| parent.as_path());
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
        })
    }

    /// Forgets a piece that is none any more. As long as calls into it have not come back, it is only not read: it might be found
    /// again, and more be made.
    fn drop_piece(&mut self, name: &OsStr) {
        let Some(piece) = self.found.get_mut(name) else { return };
        if piece.is_waiting() {
            piece.folder.admit(BTreeSet::new());
        } else {
            self.found.remove(name);
            self.notes.forget(name);
        }
    }
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
