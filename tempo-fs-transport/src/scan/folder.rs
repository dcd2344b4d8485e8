//! The session folder: whether it is there, and which directories of authors are in it.
//!
//! It is opened for each call and closed after it: an open handle would keep the volume from being
//! unmounted.

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::{OsStr, OsString},
    io, iter, mem,
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use tempo_message::{
    AuthorId, CollectError, CollectRequest, Detachment, FileType, ForeignReason, PendingReason, planted,
};

use crate::{
    error::{absent, collect_error},
    format::{known::known, name::DirName},
    fs::{
        calls::{About, Calls},
        error::is_absence,
        port::{Fs, Identity, Stat},
    },
    local::home::Home,
    scan::{
        author_dir::{AuthorDir, CONTESTED, Freshness},
        findings::{Finding, Findings},
        listing::{fill, list_each, list_place},
        placeholder::in_place_of,
        root::{Locator, Root},
        watching::Watching,
    },
    watch::signal::{Hints, Signal},
};

/// The state of a session folder between two collects.
#[derive(Debug)]
#[allow(clippy::struct_excessive_bools, reason = "facts that have nothing to do with each other")]
pub(crate) struct Folder<F: Fs> {
    pub(crate) calls: Calls<F>,
    pub(crate) path: PathBuf,
    /// Set for a part of a split folder: the authors that are read there.
    part_of: Option<BTreeSet<AuthorId>>,
    /// Boxed, because a tree allocates room for more than it holds.
    pub(crate) author_dirs: BTreeMap<Arc<OsStr>, Box<AuthorDir>>,
    pub(crate) findings: Findings,
    /// The last scan found none of the expected authors.
    pub(crate) is_emptied: bool,
    /// The authors of this installation. Their directories change by our own writes and are listed
    /// less often.
    pub(crate) own: BTreeSet<AuthorId>,
    /// The counters with conflict copies, by author.
    contested: BTreeMap<AuthorId, Arc<BTreeSet<u64>>>,
    pub(crate) identity: Identity,
    /// The identity of the directory that held the session at the last scan, if known.
    home: Option<Home>,
    freshness: Freshness,
    /// The authors that have been here since the folder was opened.
    met: BTreeSet<AuthorId>,
    pub(crate) watching: Watching,
    /// It is not the directory that held the session.
    is_other: bool,
}

/// Of this many familiar directories, one must still be there.
pub(crate) const FAMILIAR: usize = 8;

impl<F: Fs> Folder<F> {
    pub(crate) fn open(
        calls: Calls<F>,
        path: PathBuf,
        signal: Arc<Signal>,
        (hints, may_be_away): (bool, bool),
    ) -> io::Result<Self> {
        // Opening may block; the caller decides how long it waits.
        let identity = match calls.fs.open_root(&path).and_then(|dir| calls.fs.stat_dir(&dir)) {
            // Any folder that comes has another identity.
            Err(error) if may_be_away && is_absence(&error) => Identity { volume: 0, number: 0 },
            stat => stat?.identity,
        };
        Ok(Self::new((calls, path), None, identity, signal, hints))
    }

    /// Creates the state of a part of a split folder, which is never written.
    pub(crate) fn part(calls: Calls<F>, path: PathBuf, identity: Identity, signal: Arc<Signal>, hints: bool) -> Self {
        Self::new((calls, path), Some(BTreeSet::new()), identity, signal, hints)
    }

    fn new(
        (calls, path): (Calls<F>, PathBuf),
        part_of: Option<BTreeSet<AuthorId>>,
        identity: Identity,
        signal: Arc<Signal>,
        hints: bool,
    ) -> Self {
        Self {
            calls,
            path,
            part_of,
            author_dirs: BTreeMap::new(),
            findings: Findings::default(),
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

    /// Sets the authors that are read in this part.
    pub(crate) fn admit(&mut self, authors: BTreeSet<AuthorId>) {
        if self.part_of.as_ref() != Some(&authors) {
            self.part_of = Some(authors);
            self.freshness.distrust();
        }
    }

    /// Sets the identity of the directory that held the session before.
    pub(crate) fn was_home(&mut self, home: Option<Home>) {
        self.home = home;
    }

    /// Opens the folder, and checks that it is still the same.
    pub(crate) fn attach(&mut self) -> Result<Root<F>, CollectError> {
        self.enter(FAMILIAR)
    }

    /// Opens the folder, checks it, and examines all directories that were in it.
    pub(crate) fn attach_to_look(&mut self) -> Result<Root<F>, CollectError> {
        self.enter(usize::MAX)
    }

    fn enter(&mut self, most: usize) -> Result<Root<F>, CollectError> {
        let root = match self.locator(self.author_dirs.keys()).open(&mut self.calls, most) {
            Ok(root) => root,
            Err(error) => {
                self.watching.restart();
                return Err(self.absent(error));
            }
        };
        if root.stat.identity != self.identity {
            self.identity = root.stat.identity;
            self.author_dirs.clear();
            self.met.clear();
            self.contested.clear();
            self.findings = Findings::default();
        } else if root.is_familiar() {
            return Ok(root);
        }
        self.is_other = true;
        // Nothing is written here before the next scan.
        self.is_emptied = true;
        self.watching.restart();
        self.freshness.distrust();
        Ok(root)
    }

    /// Returns how to open the folder where that may block, if this directory is in it.
    pub(crate) fn locator_of(&self, name: &OsStr) -> Option<Locator> {
        let (name, _) = self.author_dirs.get_key_value(name).filter(|_| !self.is_emptied)?;
        Some(self.locator(iter::once(name)))
    }

    /// Returns the authors that are read in this part; `None` for the folder itself.
    pub(crate) fn admitted(&self) -> Option<&BTreeSet<AuthorId>> {
        self.part_of.as_ref()
    }

    /// Returns how to open the folder where that may block, to read these directories.
    pub(crate) fn locator<'a>(&self, author_dirs: impl Iterator<Item = &'a Arc<OsStr>>) -> Locator {
        Locator::new((self.path.clone(), self.part_of.is_some()), (self.identity, self.home), author_dirs)
    }

    fn absent(&self, error: io::Error) -> CollectError {
        absent(self.path.display().to_string(), error)
    }

    /// Lists the directories that are due, and chooses the files to be read. `elsewhere` tells
    /// whether an author is in another part of the folder.
    pub(crate) fn look(
        &mut self,
        root: &mut Root<F>,
        want: &CollectRequest<'_>,
        elsewhere: &dyn Fn(AuthorId) -> bool,
        now: Duration,
    ) -> Result<(), CollectError> {
        let version = root.stat.version();
        let retries = self.findings.next_retry().is_some_and(|retry| retry <= now);
        if want.full || retries || self.freshness.is_due(version, now) {
            let at = self.calls.fs.now();
            self.list(root, now).map_err(|error| collect_error(self.path.display().to_string(), error))?;
            self.freshness.listed(version, at);
        }
        if self.part_of.is_none() {
            self.check_emptied(root, want, elsewhere)?;
        }
        for (name, stat) in mem::take(&mut root.author_dirs) {
            self.look_into(root, &name, stat, want, now);
        }
        Ok(())
    }

    /// Begins the watch, if that is due. While there is much to read, a watch would only report our
    /// own reading; the next scan lists again and finds what came before the watch.
    pub(crate) fn watch(&mut self) {
        self.watching.begin(&mut self.calls, &self.path, self.author_dirs.keys());
    }

    /// Returns the time of the next retry.
    pub(crate) fn next_retry(&self) -> Option<Duration> {
        let findings = self.author_dirs.values().map(|place| &place.findings).chain([&self.findings]);
        findings.filter_map(Findings::next_retry).min()
    }

    /// Notes hints for the next scan; returns the files that they name.
    pub(crate) fn heed(&mut self, hints: Hints) -> BTreeSet<(OsString, OsString)> {
        if let Some(reason) = hints.failure {
            self.watching.fail(reason);
        }
        if hints.everywhere {
            self.freshness.hint();
            self.author_dirs.values_mut().for_each(|place| place.freshness.hint());
        }
        if hints.folder {
            self.freshness.hint();
        }
        for dir in hints.dirs {
            match self.author_dirs.get_mut(&*dir) {
                Some(place) => place.freshness.hint(),
                None => self.freshness.hint(),
            }
        }
        hints.files
    }

    /// Returns whether files of the last scan are still to be read.
    pub(crate) fn is_busy(&self) -> bool {
        self.author_dirs.values().any(|place| place.is_busy())
    }

    /// Chooses the files to be read of some that were named, without scanning; false when there are none. They are an author's
    /// next messages, so that none comes before another one that is not known yet.
    pub(crate) fn choose(&mut self, files: BTreeSet<(OsString, OsString)>, want: &CollectRequest<'_>) -> bool {
        let mut chosen: Option<(OsString, u64)> = None;
        for (dir, name) in files {
            let next = match &chosen {
                Some((other, _)) if *other != dir => break,
                chosen => chosen.as_ref().map(|&(_, next)| next),
            };
            if let Some(next) = self.author_dirs.get_mut(&*dir).and_then(|place| place.choose(name, next, want)) {
                chosen = Some((dir, next));
            }
        }
        chosen.is_some() && !self.is_emptied
    }

    fn list(&mut self, root: &mut Root<F>, now: Duration) -> io::Result<()> {
        let Self { calls, author_dirs, findings, part_of, .. } = self;
        findings.begin_listing();
        let listing = findings.listing();
        let is_admitted = |author| part_of.as_ref().is_none_or(|authors| authors.contains(&author));
        let mut new = Vec::<Arc<OsStr>>::new();
        let mut take = |name: OsString| {
            match DirName::parse(&name) {
                DirName::Copy(_) if planted!(IgnoreCopiedDirs) => return,
                DirName::Author(author) | DirName::Relay(author, _) | DirName::Copy(author) if !is_admitted(author) => {
                    return;
                }
                DirName::Author(_) | DirName::Relay(..) | DirName::Copy(_) => {}
                DirName::Misspelled => {
                    return findings.put(&name, None, Finding::Foreign(ForeignReason::Spelling), now);
                }
                DirName::Foreign => {
                    let reason = known(&name).unwrap_or(ForeignReason::Name);
                    return findings.put(&name, None, Finding::Foreign(reason), now);
                }
            }
            findings.keep(&name);
            match author_dirs.get_mut(&*name) {
                Some(place) => place.listing = listing,
                None => new.push(name.into()),
            }
        };
        list_each(calls, About::Folder, &root.dir, |names| {
            names.into_iter().for_each(&mut take);
            true
        })?;
        let (has_new, before) = (!new.is_empty(), self.author_dirs.len());
        self.meet(root, new, now);
        self.findings.end_listing();
        self.author_dirs.retain(|_, place| place.listing == listing);
        if has_new || self.author_dirs.len() != before {
            self.findings.note_change();
        }
        Ok(())
    }

    /// Examines new names. One that does not answer delays only itself.
    fn meet(&mut self, root: &mut Root<F>, names: Vec<Arc<OsStr>>, now: Duration) {
        let Self { calls, author_dirs, findings, .. } = self;
        let most = Watching::room_beside(author_dirs.len());
        let (dir, mut met, mut files) = (Arc::clone(&root.dir), Vec::new(), Vec::new());
        calls.ask_each(
            names,
            move |fs, name| fs.stat(&dir, name),
            |name, stat| match (DirName::parse(&name).author(), stat) {
                (Some(author), Ok(stat)) if stat.file_type == FileType::Directory => {
                    findings.forget(&name);
                    // One more shows that there are too many.
                    if met.len() <= most {
                        met.push(name.to_os_string());
                    }
                    root.author_dirs.push((Arc::clone(&name), Ok(stat)));
                    author_dirs.insert(name, Box::new(AuthorDir::new(author, findings.listing())));
                }
                (_, Ok(stat)) => files.push((DirName::parse(&name), name, stat)),
                (_, Err(error)) if is_absence(&error) => {}
                (_, Err(error)) => findings.put_unreadable(&name, &error, now),
            },
        );
        let is_here =
            |author| author_dirs.values().any(|place| place.author == author && place.listing == findings.listing());
        let files: Vec<_> =
            files.into_iter().map(|(dir, name, stat)| (in_place_of(dir, &stat, is_here), name, stat)).collect();
        for (finding, name, stat) in files {
            findings.put(&name, Some(stat.version()), finding, now);
        }
        self.watching.add(&mut self.calls, met, most);
    }

    /// Checks whether the folder was emptied or replaced: none of the known authors is left. That
    /// deletes no messages.
    ///
    /// A member that knows no other author cannot recognize the folder without its own directory, so
    /// for it only an empty folder counts, once it has been in it. An author that was never seen
    /// here and is in another part is not expected.
    ///
    /// If it is certainly the directory that held the session, its content was deleted, and
    /// publishing puts it back.
    fn check_emptied(
        &mut self,
        root: &Root<F>,
        want: &CollectRequest<'_>,
        elsewhere: &dyn Fn(AuthorId) -> bool,
    ) -> Result<(), CollectError> {
        let is_own = |author| want.own.is_some_and(|own| own.author == author);
        let is_known = |author| want.known.counters(author).is_some() || self.met.contains(&author) || is_own(author);
        let known = want.known.iter().map(|(author, _)| author).chain(self.met.iter().copied());
        let is_missed = |author| !is_own(author) && (self.met.contains(&author) || !elsewhere(author));
        let knows_others = known.into_iter().any(is_missed);
        self.is_emptied = if knows_others {
            !self.author_dirs.values().any(|place| is_known(place.author))
        } else {
            want.own.is_some_and(|own| own.joined) && self.author_dirs.is_empty()
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
        self.met.extend(self.author_dirs.values().map(|place| place.author));
        Ok(())
    }

    fn look_into(
        &mut self,
        root: &Root<F>,
        name: &OsStr,
        stat: io::Result<Stat>,
        want: &CollectRequest<'_>,
        now: Duration,
    ) {
        if stat.as_ref().is_ok_and(|stat| stat.online_only) && !planted!(DatalessListed) {
            fill(&mut self.calls, root, name);
            return self.findings.put(name, None, Finding::Pending(PendingReason::OnlineOnly), now);
        }
        let author_dirs = self.author_dirs.len();
        let Some(place) = self.author_dirs.get_mut(name) else { return };
        let rechecks = want.recheck.iter().any(|id| id.author == place.author);
        let retries = place.findings.next_retry().is_some_and(|retry| retry <= now);
        let rests = place.is_midway() || place.rests(self.own.contains(&place.author), now);
        let looked = stat.and_then(|stat| {
            let version = stat.version();
            let is_due = retries || place.freshness.is_due(version, now);
            if want.full || rechecks || (is_due && !rests) {
                return list_place(&mut self.calls, root, name, (place, author_dirs), want, now);
            }
            Ok(BTreeSet::new())
        });
        let author = place.author;
        match looked {
            Ok(copies) => {
                self.contest(author, copies);
                self.findings.forget(name);
            }
            Err(error) if is_absence(&error) => {
                self.author_dirs.remove(name);
                self.findings.note_change();
                self.freshness.distrust();
            }
            Err(error) => self.findings.put_unreadable(name, &error, now),
        }
    }

    /// Notes conflict copies of an author's messages. Files that were skipped by name are examined
    /// again.
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
        let knows = |place: &AuthorDir| place.contested.as_ref().is_some_and(|known| Arc::ptr_eq(known, contested));
        for place in self.author_dirs.values_mut().filter(|place| place.author == author && !knows(place)) {
            place.contested = Some(Arc::clone(contested));
            place.freshness.distrust();
        }
    }
}
