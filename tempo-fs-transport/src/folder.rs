//! The session folder: whether it is there, and which directories of authors are in it.
//!
//! It is opened for each call and closed after it: a handle that is kept would keep the volume from being unmounted.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    ffi::{OsStr, OsString},
    io, mem,
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use tempo_message::{AuthorId, CollectError, Detachment, FileType, ForeignReason, Want, planted};

use crate::{
    DirName, Fs, Hints, Identity, Signal, Stat, Watch,
    calls::{About, Calls, Drained, no_answer},
    error::collect_error,
    examine::unreadable,
    known::known,
    list::{list_names, list_place},
    notes::{Finding, Notes},
    offload::Outlet,
    place::{CONTESTED, Freshness, Place},
};

/// What is known of a session folder.
#[derive(Debug)]
pub(crate) struct Folder<F: Fs> {
    pub(crate) calls: Calls<F>,
    pub(crate) path: PathBuf,
    /// Boxed, because a tree keeps room for more than it has.
    pub(crate) places: BTreeMap<OsString, Box<Place>>,
    pub(crate) notes: Notes,
    pub(crate) without_hints: Option<String>,
    /// The last look found none of the authors that should be here.
    pub(crate) is_emptied: bool,
    /// The authors that are published for here. Their directories change by our own doing and are listed less often.
    pub(crate) own: BTreeSet<AuthorId>,
    /// Of which authors there are copies of which messages, since the folder was opened.
    contested: BTreeMap<AuthorId, BTreeSet<u64>>,
    identity: Identity,
    freshness: Freshness,
    /// The authors that were here since the folder was opened.
    met: BTreeSet<AuthorId>,
    signal: Arc<Signal>,
    watch: Option<Box<dyn Watch>>,
    /// It was away, or another one, since the watch began.
    was_away: bool,
}

/// An opened session folder.
#[derive(Debug)]
pub(crate) struct Root<F: Fs> {
    pub(crate) dir: Arc<F::Dir>,
    stat: Stat,
    is_familiar: bool,
}

/// How to open the folder, and what shows that it is still the same.
#[derive(Debug, Clone)]
pub(crate) struct Door {
    path: PathBuf,
    identity: Identity,
    familiar: Vec<OsString>,
}

/// Of so many who were here one must still be.
const FAMILIAR: usize = 8;
/// Directories beyond this number are not watched, only looked at: watches are a scarce good of the system.
const WATCHES: usize = 256;
/// How long an own directory is left alone after a listing.
const OWN: Duration = Duration::from_secs(2);

impl Door {
    /// Opens the folder. The numbers of a volume, and of a folder on it, are used again for others, so it is familiar only
    /// when somebody who was here is still here.
    pub(crate) fn open<F: Fs>(&self, fs: &F) -> io::Result<Root<F>> {
        let dir = fs.open_root(&self.path)?;
        let stat = fs.stat_dir(&dir)?;
        let is_there = |name: &OsString| fs.stat(&dir, name).is_ok_and(|at| at.file_type == FileType::Directory);
        let is_familiar =
            stat.identity == self.identity && (self.familiar.is_empty() || self.familiar.iter().any(is_there));
        Ok(Root { dir: Arc::new(dir), stat, is_familiar })
    }
}

impl<F: Fs> Root<F> {
    /// Whether it is what it was when it was looked at last.
    pub(crate) fn is_familiar(&self) -> bool {
        self.is_familiar
    }
}

impl<F: Fs> Folder<F> {
    pub(crate) fn open(calls: Calls<F>, path: PathBuf, signal: Arc<Signal>, hints: bool) -> io::Result<Self> {
        // Whoever opens a session decides how long that may take.
        let identity = calls.fs.stat_dir(&calls.fs.open_root(&path)?)?.identity;
        let mut folder = Self {
            calls,
            path,
            places: BTreeMap::new(),
            notes: Notes::default(),
            without_hints: (!hints).then(|| "watching is switched off".to_owned()),
            is_emptied: false,
            own: BTreeSet::new(),
            contested: BTreeMap::new(),
            identity,
            freshness: Freshness::default(),
            met: BTreeSet::new(),
            signal,
            watch: None,
            was_away: false,
        };
        if hints {
            folder.start_watch();
        }
        Ok(folder)
    }

    /// Opens the folder, and makes sure that it is still the one that it was.
    pub(crate) fn attach(&mut self) -> Result<Root<F>, CollectError> {
        let door = self.door();
        let root = match self.calls.run(About::Folder, move |fs| door.open(fs)).flatten() {
            Ok(root) => root,
            Err(error) => {
                self.was_away = true;
                return Err(self.absent(error));
            }
        };
        if root.stat.identity != self.identity {
            self.identity = root.stat.identity;
            self.places.clear();
            self.met.clear();
            self.contested.clear();
            self.notes = Notes::default();
        } else if root.is_familiar {
            return Ok(root);
        }
        // Nothing is written here before somebody has looked who is in it.
        (self.is_emptied, self.was_away) = (true, true);
        self.freshness.distrust();
        Ok(root)
    }

    /// What is needed to open the folder elsewhere.
    pub(crate) fn door(&self) -> Door {
        Door {
            path: self.path.clone(),
            identity: self.identity,
            familiar: self.places.keys().take(FAMILIAR).cloned().collect(),
        }
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

    /// Lists what has to be listed. What is to be read then stands in the places.
    pub(crate) fn look(&mut self, root: &Root<F>, want: &Want<'_>, now: Duration) -> Result<(), CollectError> {
        let version = root.stat.version();
        if want.full || self.freshness.is_due(version, now) {
            self.list(root, now).map_err(|error| collect_error(self.path.display().to_string(), error))?;
            self.freshness.listed(version, now);
        }
        self.check_emptied(want)?;
        if mem::take(&mut self.was_away) && self.watch.is_some() {
            // The watches were those of what was here before.
            self.start_watch();
        }
        for (name, stat) in self.stat_places(root) {
            self.look_into(root, &name, stat, want, now);
        }
        Ok(())
    }

    /// What the directories of the authors are now. One that does not answer keeps only itself waiting.
    fn stat_places(&mut self, root: &Root<F>) -> Vec<(OsString, io::Result<Stat>)> {
        let mut names: VecDeque<OsString> = self.places.keys().cloned().collect();
        let mut stats = Vec::with_capacity(names.len());
        let calls = &mut self.calls;
        names.retain(|name| {
            let is_late = calls.is_late(&About::Directory(name.clone()));
            if is_late {
                stats.push((name.clone(), Err(no_answer())));
            }
            !is_late
        });
        while !names.is_empty() && !self.calls.is_exhausted(0) {
            let (dir, asked) = (Arc::clone(&root.dir), names.clone());
            let drained = self.calls.drain(
                move |fs, outlet: &mut Outlet<io::Result<Stat>>| {
                    let _ = asked.iter().all(|name| outlet.put(fs.stat(&dir, name)));
                },
                |stat| {
                    stats.extend(names.pop_front().map(|name| (name, stat)));
                    true
                },
            );
            match (drained, names.pop_front()) {
                (Ok(Drained::Late(stream)), Some(name)) => {
                    self.calls.keep_late(About::Directory(name.clone()), stream);
                    stats.push((name, Err(no_answer())));
                }
                _ => break,
            }
        }
        stats
    }

    /// When something here is to be looked at again although nothing has changed.
    pub(crate) fn next_retry(&self) -> Option<Duration> {
        let notes = self.places.values().map(|place| &place.notes).chain([&self.notes]);
        notes.filter_map(Notes::next_retry).min()
    }

    /// Notes where something may have changed, for the next look.
    pub(crate) fn heed(&mut self, hints: Hints) {
        if let Some(reason) = hints.failure {
            self.without_hints = Some(reason);
            self.watch = None;
        }
        if hints.everywhere {
            self.freshness.hint();
            self.places.values_mut().for_each(|place| place.freshness.hint());
        }
        if hints.folder {
            self.freshness.hint();
        }
        for dir in hints.dirs {
            match self.places.get_mut(&dir) {
                Some(place) => place.freshness.hint(),
                None => self.freshness.hint(),
            }
        }
    }

    fn list(&mut self, root: &Root<F>, now: Duration) -> io::Result<()> {
        let Self { calls, places, notes, watch, without_hints, .. } = self;
        notes.begin_listing();
        let listing = notes.listing();
        let dir = Arc::clone(&root.dir);
        let mut failed = Ok(());
        let mut take = |name: OsString, stat: Option<io::Result<Stat>>| {
            let author = match DirName::parse(&name) {
                DirName::Copy(_) if planted!(IgnoreCopiedDirs) => return,
                DirName::Author(author) | DirName::Copy(author) => author,
                DirName::Misspelled => return notes.put(&name, None, Finding::Foreign(ForeignReason::Spelling), now),
                DirName::Foreign => {
                    let reason = known(&name).unwrap_or(ForeignReason::Name);
                    return notes.put(&name, None, Finding::Foreign(reason), now);
                }
            };
            notes.keep(&name);
            if let Some(place) = places.get_mut(&name) {
                place.listing = listing;
                return;
            }
            match stat {
                Some(Ok(stat)) if stat.file_type == FileType::Directory => {
                    add_watch(watch, &name, places.len(), without_hints);
                    notes.forget(&name);
                    places.insert(name, Box::new(Place::new(author, listing)));
                }
                Some(Ok(stat)) => {
                    let reason = ForeignReason::Type { expected: FileType::Directory, found: stat.file_type };
                    notes.put(&name, Some(stat.version()), Finding::Foreign(reason), now);
                }
                Some(Err(error)) if !is_absence(&error) => put_unreadable(notes, &name, &error, now),
                Some(Err(_)) | None => {}
            }
        };
        calls.run_each(
            About::Folder,
            move |fs, outlet| list_names(fs, &dir, outlet, |name| is_authors(name).then(|| fs.stat(&dir, name))),
            |some| {
                match some {
                    Ok(names) => names.into_iter().for_each(|(name, stat)| take(name, stat)),
                    Err(error) => failed = Err(error),
                }
                true
            },
        )?;
        failed?;
        notes.end_listing();
        places.retain(|_, place| place.listing == listing);
        Ok(())
    }

    /// A folder in which none of the known authors is left has been emptied or swapped; nothing in it was deleted.
    ///
    /// Whoever knows nobody but itself cannot tell another folder from this one without its own directory, so only an
    /// empty one counts then, and only once the author has been in it.
    fn check_emptied(&mut self, want: &Want<'_>) -> Result<(), CollectError> {
        let is_own = |author| want.own.is_some_and(|own| own.author == author);
        let is_known = |author| want.known.counters(author).is_some() || self.met.contains(&author) || is_own(author);
        let known = want.known.iter().map(|(author, _)| author).chain(self.met.iter().copied());
        let knows_others = known.into_iter().any(|author| !is_own(author));
        self.is_emptied = if knows_others {
            !self.places.values().any(|place| is_known(place.author))
        } else {
            want.own.is_some_and(|own| own.joined) && self.places.is_empty()
        };
        self.is_emptied &= !planted!(EmptiedIsFine);
        if self.is_emptied {
            let place = self.path.display().to_string();
            return Err(CollectError::Detached { place, why: Detachment::Emptied });
        }
        self.met.extend(self.places.values().map(|place| place.author));
        Ok(())
    }

    fn look_into(&mut self, root: &Root<F>, name: &OsStr, stat: io::Result<Stat>, want: &Want<'_>, now: Duration) {
        let Some(place) = self.places.get_mut(name) else { return };
        let rechecks = want.recheck.iter().any(|id| id.author == place.author);
        let retries = place.notes.next_retry().is_some_and(|retry| retry <= now);
        let rests =
            place.is_midway() || (self.own.contains(&place.author) && place.freshness.was_listed_within(OWN, now));
        let looked = stat.and_then(|stat| {
            let is_due = retries || place.freshness.is_due(stat.version(), now);
            if want.full || rechecks || (is_due && !rests) {
                list_place(&mut self.calls, root, name, place, want, now)?;
            }
            Ok(())
        });
        let (author, copies) = (place.author, mem::take(&mut place.copies));
        self.contest(author, copies);
        match looked {
            Ok(()) => self.notes.forget(name),
            Err(error) if is_absence(&error) => {
                self.places.remove(name);
                self.freshness.distrust();
            }
            Err(error) => put_unreadable(&mut self.notes, name, &error, now),
        }
    }

    /// Notes that there are copies of some of an author's messages. What was passed over by its name is looked at again.
    fn contest(&mut self, author: AuthorId, copies: BTreeSet<u64>) {
        if copies.is_empty() || planted!(NamesAreKnown) {
            return;
        }
        let contested = self.contested.entry(author).or_default();
        let before = contested.len();
        let room = CONTESTED.saturating_sub(before);
        let new: Vec<u64> = copies.into_iter().filter(|counter| !contested.contains(counter)).take(room).collect();
        contested.extend(new);
        let is_new = contested.len() != before;
        for place in self.places.values_mut().filter(|place| place.author == author) {
            if is_new || place.contested.len() != contested.len() {
                place.contested.clone_from(contested);
                place.freshness.distrust();
            }
        }
    }

    fn start_watch(&mut self) {
        self.watch = None;
        match self.calls.fs.watch(&self.path, Arc::clone(&self.signal)) {
            Ok(watch) => {
                self.watch = Some(watch);
                self.without_hints = None;
                for (number, name) in self.places.keys().enumerate() {
                    add_watch(&mut self.watch, name, number, &mut self.without_hints);
                }
            }
            Err(error) => self.without_hints = Some(error.to_string()),
        }
    }
}

/// Watches a directory when `others` are watched already and there is room for one more.
fn add_watch(watch: &mut Option<Box<dyn Watch>>, name: &OsStr, others: usize, without_hints: &mut Option<String>) {
    if others >= WATCHES {
        *without_hints = Some("there are too many directories to watch them all".to_owned());
        return;
    }
    let Some(watching) = watch else { return };
    if let Err(error) = watching.add(name) {
        // A directory that is gone again needs no watch; without one for another, hints cannot be relied on.
        if !is_absence(&error) {
            *without_hints = Some(error.to_string());
        }
    }
}

fn put_unreadable(notes: &mut Notes, name: &OsStr, error: &io::Error, now: Duration) {
    notes.put(name, None, Finding::Pending(unreadable(error)), now);
}

fn is_authors(name: &OsStr) -> bool {
    matches!(DirName::parse(name), DirName::Author(_) | DirName::Copy(_))
}

fn is_absence(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}
