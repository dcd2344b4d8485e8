//! The session folder: whether it is there, and which directories of authors are in it.
//!
//! It is opened for each call and closed after it: a handle that is kept would keep the volume from being unmounted.

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::{OsStr, OsString},
    io, iter, mem,
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use tempo_message::{AuthorId, CollectError, Detachment, FileType, ForeignReason, PendingReason, Want, planted};

use crate::{
    error::collect_error,
    format::{known::known, name::DirName},
    fs::{
        calls::{About, Calls},
        error::is_absence,
        port::{Fs, Identity, Stat},
    },
    local::home::Home,
    scan::{
        author_dir::{CONTESTED, Freshness, Place},
        findings::{Finding, Notes},
        listing::{fill, list_names, list_place},
        placeholder::in_place_of,
        root::{Door, Root, Way},
        watching::Watching,
    },
    watch::signal::{Hints, Signal},
};

/// What is known of a session folder.
#[derive(Debug)]
#[allow(clippy::struct_excessive_bools, reason = "facts that have nothing to do with each other")]
pub(crate) struct Folder<F: Fs> {
    pub(crate) calls: Calls<F>,
    pub(crate) path: PathBuf,
    /// It is another piece of the session's folder, of which only these authors are read.
    piece_of: Option<BTreeSet<AuthorId>>,
    /// Boxed, because a tree keeps room for more than it has.
    pub(crate) places: BTreeMap<Arc<OsStr>, Box<Place>>,
    pub(crate) notes: Notes,
    /// The last look found none of the authors that should be here.
    pub(crate) is_emptied: bool,
    /// The authors that are published for here. Their directories change by our own doing and are listed less often.
    pub(crate) own: BTreeSet<AuthorId>,
    /// Of which authors there are copies of which messages, since the folder was opened.
    contested: BTreeMap<AuthorId, Arc<BTreeSet<u64>>>,
    pub(crate) identity: Identity,
    /// Which directory held the session when it was looked at last, if that is known.
    home: Option<Home>,
    freshness: Freshness,
    /// The authors that were here since the folder was opened.
    met: BTreeSet<AuthorId>,
    pub(crate) watching: Watching,
    /// It is another directory than the one that was home.
    is_other: bool,
}

/// Of so many who were here and answer one must still be.
const FAMILIAR: usize = 8;

impl<F: Fs> Folder<F> {
    pub(crate) fn open(
        calls: Calls<F>,
        path: PathBuf,
        signal: Arc<Signal>,
        (hints, may_be_away): (bool, bool),
    ) -> io::Result<Self> {
        // Whoever opens a session decides how long that may take.
        let identity = match calls.fs.open_root(&path).and_then(|dir| calls.fs.stat_dir(&dir)) {
            // Whatever comes is another one than nothing.
            Err(error) if may_be_away && is_absence(&error) => Identity { volume: 0, number: 0 },
            stat => stat?.identity,
        };
        Ok(Self::new((calls, path), None, identity, signal, hints))
    }

    /// Another piece of the folder, which was found to be this. It is never written.
    pub(crate) fn piece(calls: Calls<F>, path: PathBuf, identity: Identity, signal: Arc<Signal>, hints: bool) -> Self {
        Self::new((calls, path), Some(BTreeSet::new()), identity, signal, hints)
    }

    fn new(
        (calls, path): (Calls<F>, PathBuf),
        piece_of: Option<BTreeSet<AuthorId>>,
        identity: Identity,
        signal: Arc<Signal>,
        hints: bool,
    ) -> Self {
        Self {
            calls,
            path,
            piece_of,
            places: BTreeMap::new(),
            notes: Notes::default(),
            is_emptied: false,
            own: BTreeSet::new(),
            contested: BTreeMap::new(),
            identity,
            home: None,
            freshness: Freshness::default(),
            met: BTreeSet::new(),
            watching: Watching::new(signal, hints),
            is_other: false,
        }
    }

    /// Of this piece these authors are read from here on, and no others.
    pub(crate) fn admit(&mut self, authors: BTreeSet<AuthorId>) {
        if self.piece_of.as_ref() != Some(&authors) {
            self.piece_of = Some(authors);
            self.freshness.distrust();
        }
    }

    /// It was found before that the session is in this directory.
    pub(crate) fn was_home(&mut self, home: Option<Home>) {
        self.home = home;
    }

    /// Opens the folder, and makes sure that it is still the one that it was.
    pub(crate) fn attach(&mut self) -> Result<Root<F>, CollectError> {
        self.enter(FAMILIAR)
    }

    /// The same, and asks what has become of all that was in it.
    pub(crate) fn attach_to_look(&mut self) -> Result<Root<F>, CollectError> {
        self.enter(usize::MAX)
    }

    fn enter(&mut self, most: usize) -> Result<Root<F>, CollectError> {
        let root = match self.door(self.places.keys()).open(&mut self.calls, most) {
            Ok(root) => root,
            Err(error) => {
                self.watching.restart();
                return Err(self.absent(error));
            }
        };
        if root.stat.identity != self.identity {
            self.identity = root.stat.identity;
            self.is_other = true;
            self.places.clear();
            self.met.clear();
            self.contested.clear();
            self.notes = Notes::default();
        } else if root.is_familiar() {
            return Ok(root);
        }
        // Nothing is written here before somebody has looked who is in it.
        self.is_emptied = true;
        self.watching.restart();
        self.freshness.distrust();
        Ok(root)
    }

    /// The way to what was found in the folder before.
    pub(crate) fn way(&self) -> Way<F> {
        Way::Through(self.door(self.places.keys()))
    }

    /// How to open the folder where that may block, as long as this place is still in it.
    pub(crate) fn door_to(&self, name: &OsStr) -> Option<Door> {
        let (name, _) = self.places.get_key_value(name).filter(|_| !self.is_emptied)?;
        Some(self.door(iter::once(name)))
    }

    fn door<'a>(&self, places: impl Iterator<Item = &'a Arc<OsStr>>) -> Door {
        Door::new((self.path.clone(), self.piece_of.is_some()), self.identity, places)
    }

    fn absent(&self, error: io::Error) -> CollectError {
        let place = self.path.display().to_string();
        let why = match error.kind() {
            io::ErrorKind::NotFound => Detachment::Missing,
            io::ErrorKind::NotADirectory => Detachment::NotAFolder,
            _ => return collect_error(place, error),
        };
        CollectError::Detached { place, why }
    }

    /// Lists what has to be listed. What is to be read then stands in the places. `elsewhere` says who is in another piece
    /// of the folder.
    pub(crate) fn look(
        &mut self,
        root: &mut Root<F>,
        want: &Want<'_>,
        elsewhere: &dyn Fn(AuthorId) -> bool,
        now: Duration,
    ) -> Result<(), CollectError> {
        let version = root.stat.version();
        let retries = self.notes.next_retry().is_some_and(|retry| retry <= now);
        if want.full || retries || self.freshness.is_due(version, now) {
            let at = self.calls.fs.now();
            self.list(root, now).map_err(|error| collect_error(self.path.display().to_string(), error))?;
            self.freshness.listed(version, at);
        }
        if self.piece_of.is_none() {
            self.check_emptied(root, want, elsewhere)?;
        }
        for (name, stat) in mem::take(&mut root.places) {
            self.look_into(root, &name, stat, want, now);
        }
        Ok(())
    }

    /// Watches the folder, if that is to be begun. As long as there is much to be read that would only tell of our reading; what
    /// comes before the watch is found by the next look, which lists again what was listed a moment ago.
    pub(crate) fn watch(&mut self) {
        self.watching.begin(&mut self.calls, &self.path, self.places.keys());
    }

    /// When something here is to be looked at again although nothing has changed.
    pub(crate) fn next_retry(&self) -> Option<Duration> {
        let notes = self.places.values().map(|place| &place.notes).chain([&self.notes]);
        notes.filter_map(Notes::next_retry).min()
    }

    /// Notes where something may have changed, for the next look; the answer is the files that were named.
    pub(crate) fn heed(&mut self, hints: Hints) -> BTreeSet<(OsString, OsString)> {
        if let Some(reason) = hints.failure {
            self.watching.fail(reason);
        }
        if hints.everywhere {
            self.freshness.hint();
            self.places.values_mut().for_each(|place| place.freshness.hint());
        }
        if hints.folder {
            self.freshness.hint();
        }
        for dir in hints.dirs {
            match self.places.get_mut(&*dir) {
                Some(place) => place.freshness.hint(),
                None => self.freshness.hint(),
            }
        }
        hints.files
    }

    /// Whether something of the last look is still to be read.
    pub(crate) fn is_busy(&self) -> bool {
        self.places.values().any(|place| place.is_busy())
    }

    /// Chooses what is to be read of some files without looking at anything else, and how to come to them; `None` when that is
    /// nothing. They are an author's next messages, so that none comes before another one of which nobody knows yet.
    pub(crate) fn choose(&mut self, files: BTreeSet<(OsString, OsString)>, want: &Want<'_>) -> Option<Way<F>> {
        let mut chosen: Option<(OsString, u64)> = None;
        for (dir, name) in files {
            let next = match &chosen {
                Some((other, _)) if *other != dir => break,
                chosen => chosen.as_ref().map(|&(_, next)| next),
            };
            if let Some(next) = self.places.get_mut(&*dir).and_then(|place| place.choose(name, next, want)) {
                chosen = Some((dir, next));
            }
        }
        self.door_to(&chosen?.0).map(Way::Through)
    }

    fn list(&mut self, root: &mut Root<F>, now: Duration) -> io::Result<()> {
        let Self { calls, places, notes, piece_of, .. } = self;
        notes.begin_listing();
        let listing = notes.listing();
        let is_admitted = |author| piece_of.as_ref().is_none_or(|authors| authors.contains(&author));
        let (mut new, mut failed) = (Vec::<Arc<OsStr>>::new(), Ok(()));
        let mut take = |name: OsString| {
            match DirName::parse(&name) {
                DirName::Copy(_) if planted!(IgnoreCopiedDirs) => return,
                DirName::Author(author) | DirName::Relay(author, _) | DirName::Copy(author) if !is_admitted(author) => {
                    return;
                }
                DirName::Author(_) | DirName::Relay(..) | DirName::Copy(_) => {}
                DirName::Misspelled => return notes.put(&name, None, Finding::Foreign(ForeignReason::Spelling), now),
                DirName::Foreign => {
                    let reason = known(&name).unwrap_or(ForeignReason::Name);
                    return notes.put(&name, None, Finding::Foreign(reason), now);
                }
            }
            notes.keep(&name);
            match places.get_mut(&*name) {
                Some(place) => place.listing = listing,
                None => new.push(name.into()),
            }
        };
        let dir = Arc::clone(&root.dir);
        calls.run_each(
            About::Folder,
            move |fs, outlet| list_names(fs, &dir, |names| outlet.put(names)),
            |some| {
                match some {
                    Ok(names) => names.into_iter().for_each(&mut take),
                    Err(error) => failed = Err(error),
                }
                true
            },
        )?;
        failed?;
        let (has_new, before) = (!new.is_empty(), self.places.len());
        self.meet(root, new, now);
        self.notes.end_listing();
        self.places.retain(|_, place| place.listing == listing);
        if has_new || self.places.len() != before {
            self.notes.note_change();
        }
        Ok(())
    }

    /// Looks what the names are that were not here before. One that does not answer keeps only itself waiting.
    fn meet(&mut self, root: &mut Root<F>, names: Vec<Arc<OsStr>>, now: Duration) {
        let Self { calls, places, notes, .. } = self;
        let room = Watching::room_beside(places.len());
        let (dir, mut met, mut files) = (Arc::clone(&root.dir), Vec::new(), Vec::new());
        calls.ask_each(
            names,
            move |fs, name| fs.stat(&dir, name),
            |name, stat| match (DirName::parse(&name).author(), stat) {
                (Some(author), Ok(stat)) if stat.file_type == FileType::Directory => {
                    notes.forget(&name);
                    // One more shows that there are too many.
                    if met.len() <= room {
                        met.push(name.to_os_string());
                    }
                    root.places.push((Arc::clone(&name), Ok(stat)));
                    places.insert(name, Box::new(Place::new(author, notes.listing())));
                }
                (_, Ok(stat)) => files.push((DirName::parse(&name), name, stat)),
                (_, Err(error)) if is_absence(&error) => {}
                (_, Err(error)) => notes.put_unreadable(&name, &error, now),
            },
        );
        let is_here = |author| places.values().any(|place| place.author == author && place.listing == notes.listing());
        let files: Vec<_> =
            files.into_iter().map(|(dir, name, stat)| (in_place_of(dir, &stat, is_here), name, stat)).collect();
        for (finding, name, stat) in files {
            notes.put(&name, Some(stat.version()), finding, now);
        }
        self.watching.add(&mut self.calls, met, room);
    }

    /// A folder in which none of the known authors is left has been emptied or swapped; nothing in it was deleted.
    ///
    /// Whoever knows nobody but itself cannot tell another folder from this one without its own directory, so only an
    /// empty one counts then, and only once the author has been in it. Who was never seen here and is in another piece
    /// need not be here.
    ///
    /// When it is certainly the directory that held the session, somebody has deleted everything, and whoever publishes
    /// puts it back.
    fn check_emptied(
        &mut self,
        root: &Root<F>,
        want: &Want<'_>,
        elsewhere: &dyn Fn(AuthorId) -> bool,
    ) -> Result<(), CollectError> {
        let is_own = |author| want.own.is_some_and(|own| own.author == author);
        let is_known = |author| want.known.counters(author).is_some() || self.met.contains(&author) || is_own(author);
        let known = want.known.iter().map(|(author, _)| author).chain(self.met.iter().copied());
        let is_missed = |author| !is_own(author) && (self.met.contains(&author) || !elsewhere(author));
        let knows_others = known.into_iter().any(is_missed);
        self.is_emptied = if knows_others {
            !self.places.values().any(|place| is_known(place.author))
        } else {
            want.own.is_some_and(|own| own.joined) && self.places.is_empty()
        };
        self.is_emptied &= !planted!(EmptiedIsFine);
        if self.is_emptied || self.home.is_none() || mem::take(&mut self.is_other) {
            let (dir, stat) = (Arc::clone(&root.dir), root.stat);
            let now = self.calls.run(About::Folder, move |fs| Home::opened(fs, &dir, &stat)).ok().flatten();
            if self.is_emptied {
                self.is_emptied = now.is_none() || now != self.home || planted!(DeletedIsAway);
            } else {
                self.home = now;
            }
        }
        if self.is_emptied {
            let place = self.path.display().to_string();
            return Err(CollectError::Detached { place, why: Detachment::Emptied });
        }
        self.met.extend(self.places.values().map(|place| place.author));
        Ok(())
    }

    fn look_into(&mut self, root: &Root<F>, name: &OsStr, stat: io::Result<Stat>, want: &Want<'_>, now: Duration) {
        if stat.as_ref().is_ok_and(|stat| stat.online_only) && !planted!(DatalessListed) {
            fill(&mut self.calls, root, name);
            return self.notes.put(name, None, Finding::Pending(PendingReason::OnlineOnly), now);
        }
        let places = self.places.len();
        let Some(place) = self.places.get_mut(name) else { return };
        let rechecks = want.recheck.iter().any(|id| id.author == place.author);
        let retries = place.notes.next_retry().is_some_and(|retry| retry <= now);
        let rests = place.is_midway() || place.rests(self.own.contains(&place.author), now);
        let looked = stat.and_then(|stat| {
            let version = stat.version();
            let is_due = retries || place.freshness.is_due(version, now);
            if want.full || rechecks || (is_due && !rests) {
                return list_place(&mut self.calls, root, name, (place, places), want, now);
            }
            Ok(BTreeSet::new())
        });
        let author = place.author;
        match looked {
            Ok(copies) => {
                self.contest(author, copies);
                self.notes.forget(name);
            }
            Err(error) if is_absence(&error) => {
                self.places.remove(name);
                self.notes.note_change();
                self.freshness.distrust();
            }
            Err(error) => self.notes.put_unreadable(name, &error, now),
        }
    }

    /// Notes that there are copies of some of an author's messages. What was passed over by its name is looked at again.
    fn contest(&mut self, author: AuthorId, copies: BTreeSet<u64>) {
        if copies.is_empty() {
            return;
        }
        let contested = self.contested.entry(author).or_default();
        let room = CONTESTED.saturating_sub(contested.len());
        let new: Vec<u64> = copies.into_iter().filter(|counter| !contested.contains(counter)).take(room).collect();
        if !new.is_empty() {
            Arc::make_mut(contested).extend(new);
        }
        let knows = |place: &Place| place.contested.as_ref().is_some_and(|known| Arc::ptr_eq(known, contested));
        for place in self.places.values_mut().filter(|place| place.author == author && !knows(place)) {
            place.contested = Some(Arc::clone(contested));
            place.freshness.distrust();
        }
    }
}
