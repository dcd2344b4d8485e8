//! The other parts of the session's folder: directories beside it that a service has split off. They
//! are read like the folder itself, and never written.
//!
//! Problems with them are not errors: at most the report names them.

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::{OsStr, OsString},
    io, mem,
    path::Path,
    sync::Arc,
    time::Duration,
};

use tempo_message::{Arrival, AuthorId, CollectError, CollectRequest, Disposition, PendingReason, Report, planted};

use crate::{
    format::name::printable,
    fs::{
        calls::Calls,
        error::unreadable,
        port::{Fs, Identity},
        worker::Alive,
    },
    options::Options,
    read::{collect::Work, reader::Reader},
    scan::{
        findings::{Finding, Findings},
        folder::{FAMILIAR, Folder},
        root::{Locator, Root},
    },
    split::{neighbors::Neighbors, relation::Relation},
    watch::signal::Signal,
};

/// The other parts of the folder.
#[derive(Debug)]
pub(crate) struct Parts<F: Fs> {
    /// Calls about the directories beside the folder.
    calls: Calls<F>,
    neighbors: Neighbors,
    options: Options,
    signal: Arc<Signal>,
    /// Held by the threads that call into parts.
    alive: Alive,
    found: BTreeMap<OsString, Box<Part<F>>>,
    /// The parts that cannot be read now.
    findings: Findings,
    /// The number of parts beyond [`PARTS`].
    too_many: u64,
    /// The part that was served last.
    turn: Option<OsString>,
    /// The part that was scanned last, when that took too long.
    looked: Option<OsString>,
    /// The state that was reported last.
    told: Told,
}

/// The reported state of the directories beside the folder.
#[derive(Debug, Default, PartialEq, Eq)]
struct Told {
    parts: Vec<String>,
    undecided: Vec<String>,
    apart: Vec<String>,
    too_many: u64,
}

#[derive(Debug)]
struct Part<F: Fs> {
    folder: Folder<F>,
    reads: Reader,
    signal: Arc<Signal>,
    /// The part was scanned and not read since.
    is_scanned: bool,
    is_here: bool,
}

/// The most parts that are read.
const PARTS: usize = 16;
/// The most late calls about directories and files of a part.
const LATE: usize = 2;

impl<F: Fs> Parts<F> {
    pub(crate) fn new(fs: &F, folder: &Path, options: &Options, (signal, alive): (Arc<Signal>, Alive)) -> Self {
        Self {
            calls: Calls::new(fs.clone(), (Arc::clone(&signal), alive.clone()), options.patience).with_room(LATE),
            neighbors: Neighbors::new(fs, folder, options.decisions.clone()),
            alive,
            options: options.clone(),
            signal,
            found: BTreeMap::new(),
            findings: Findings::default(),
            too_many: 0,
            turn: None,
            looked: None,
            told: Told::default(),
        }
    }

    /// Scans the directory that holds the folder, `main`, and the parts that are found there.
    pub(crate) fn look(&mut self, main: &Root<F>, want: &CollectRequest<'_>, now: Duration) {
        if planted!(IgnoreParts) {
            return;
        }
        let closed: Vec<Arc<OsStr>> = self.neighbors.closed.keys().cloned().collect();
        self.neighbors.look(&mut self.calls, main, want.full, now);
        for name in closed.iter().filter(|name| !self.neighbors.closed.contains_key(*name)) {
            self.findings.forget(name);
        }
        for (name, reason) in &self.neighbors.closed {
            self.findings.put(name, None, Finding::Pending(reason.clone()), now);
        }
        self.keep_parts();
        let began = self.calls.fs.now();
        let looked = self.looked.take();
        for name in self.in_turn(looked.as_ref()) {
            let Some(part) = self.found.get_mut(&name) else { continue };
            part.folder.heed(part.signal.take());
            part.is_here = false;
            match part.look(want, now) {
                Ok(()) => {
                    self.findings.forget(&name);
                    part.is_here = true;
                }
                Err(CollectError::Failed { source, .. }) => {
                    let reason = source.downcast_ref::<io::Error>().map(unreadable);
                    let reason = reason.unwrap_or_else(|| PendingReason::Unreadable { cause: source.to_string() });
                    self.findings.put(&name, None, Finding::Pending(reason), now);
                }
                Err(_) => self.drop_part(&name),
            }
            if self.is_over(began) {
                self.looked = Some(name);
                break;
            }
        }
    }

    /// Opens new parts, and drops directories that are no parts any more.
    fn keep_parts(&mut self) {
        let parts: BTreeMap<OsString, (Identity, BTreeSet<AuthorId>)> =
            self.neighbors.parts().map(|(name, id, authors)| (name.to_os_string(), (id, authors.clone()))).collect();
        let gone: Vec<OsString> = self.found.keys().filter(|name| !parts.contains_key(*name)).cloned().collect();
        for name in &gone {
            self.drop_part(name);
        }
        self.too_many = u64::try_from(parts.len().saturating_sub(PARTS)).unwrap_or(u64::MAX);
        for (name, (identity, authors)) in parts {
            if !self.found.contains_key(&name) && self.found.len() < PARTS {
                let part = self.open(&name, identity);
                self.found.insert(name.clone(), part);
            }
            if let Some(part) = self.found.get_mut(&name) {
                part.folder.admit(authors);
            }
        }
    }

    /// Returns how to open each part where that may block, with the authors that are read in it.
    pub(crate) fn locators(&self) -> impl Iterator<Item = (Locator, BTreeSet<AuthorId>)> + '_ {
        self.session_parts().filter(|(_, part)| part.is_here).map(|(_, part)| {
            let folder = &part.folder;
            (folder.locator(folder.author_dirs.keys().take(FAMILIAR)), folder.admitted().cloned().unwrap_or_default())
        })
    }

    /// Returns the name that most members give the session, if it has parts.
    pub(crate) fn called(&self) -> Option<&String> {
        self.neighbors.called.as_ref()
    }

    /// Returns whether there are no parts.
    pub(crate) fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// Returns whether a part has the author's directory.
    pub(crate) fn hold(&self, author: AuthorId) -> bool {
        let is_in = |part: &Part<F>| part.folder.author_dirs.contains_key(OsStr::new(&author.to_string()));
        self.found.values().any(|part| is_in(part))
    }

    /// Reads within the budget, beginning with the part after the one that was served last.
    pub(crate) fn read(&mut self, work: &mut Work<'_>, now: Duration) {
        // Some have not been scanned.
        work.done.collected.more |= self.looked.is_some();
        let began = self.calls.fs.now();
        for name in self.in_turn(self.turn.as_ref()) {
            let is_over = self.is_over(began);
            let Some(part) = self.found.get_mut(&name) else { continue };
            if !mem::take(&mut part.is_scanned) {
                continue;
            }
            if is_over {
                work.done.collected.more = true;
                continue;
            }
            let was_exhausted = work.is_exhausted();
            part.reads.read(&mut part.folder, work, now);
            if !was_exhausted {
                self.turn = Some(name);
            }
        }
    }

    /// Returns when a part is to be scanned again although nothing has changed.
    pub(crate) fn next_retry(&self) -> Option<Duration> {
        self.found.values().filter(|part| part.is_here).filter_map(|part| part.folder.next_retry()).min()
    }

    /// Returns why hints are missing in a part.
    pub(crate) fn without_hints(&self) -> Option<&String> {
        self.session_parts().find_map(|(_, part)| part.folder.watching.failure.as_ref())
    }

    /// Adds the parts and their contents to a report.
    pub(crate) fn describe(&self, report: &mut Report) {
        let Told { parts, undecided, apart, too_many } = self.told_now();
        (report.parts, report.undecided, report.apart) = (parts, undecided, apart);
        report.unlisted += too_many;
        self.findings.describe(&printable, None, report);
        for (name, part) in self.session_parts() {
            part.folder.describe(Some(name), report);
        }
    }

    /// Hands up new foreign files; returns whether the report has changed.
    pub(crate) fn tell_news(&mut self, take: &mut dyn FnMut(Arrival) -> Disposition) -> bool {
        let now = self.told_now();
        let mut changed = self.findings.take_changed() || now != self.told;
        self.told = now;
        for (name, part) in &mut self.found {
            changed |= part.folder.tell_news(Some(name), take);
        }
        changed
    }

    fn told_now(&self) -> Told {
        let names = |relation| self.neighbors.names_of(relation).map(printable).collect();
        Told {
            parts: self.session_parts().map(|(name, _)| printable(name)).collect(),
            undecided: names(Relation::Undecided),
            apart: names(Relation::Copy),
            too_many: self.too_many + self.neighbors.too_many,
        }
    }

    /// Returns all names, beginning after this one.
    fn in_turn(&self, after: Option<&OsString>) -> Vec<OsString> {
        let (before, mut names): (Vec<_>, Vec<_>) =
            self.found.keys().cloned().partition(|name| after.is_some_and(|after| name <= after));
        names.extend(before);
        names
    }

    /// Returns whether this collect has waited long enough for parts that do not answer.
    fn is_over(&self, began: Duration) -> bool {
        self.calls.fs.now() >= began + self.options.patience
    }

    /// Returns the parts with authors whose messages are read.
    fn session_parts(&self) -> impl Iterator<Item = (&OsString, &Part<F>)> {
        let counts = |part: &Part<F>| !part.folder.author_dirs.is_empty();
        self.found.iter().filter(move |(_, part)| counts(part)).map(|(name, part)| (name, &**part))
    }

    fn open(&self, name: &OsStr, identity: Identity) -> Box<Part<F>> {
        let parent = self.neighbors.home.as_ref().map_or(Path::new("."), |(parent, _)| parent.as_path());
        let around = (Arc::clone(&self.signal), self.alive.clone());
        let calls = Calls::new(self.calls.fs.clone(), around, self.options.patience).with_room(LATE);
        let signal = Arc::new(Signal::below(Arc::clone(&self.signal)));
        let hints = !self.options.without_watching;
        Box::new(Part {
            folder: Folder::part(calls, parent.join(name), identity, Arc::clone(&signal), hints),
            reads: Reader::new(self.options.fetch_online_only),
            signal,
            is_scanned: false,
            is_here: false,
        })
    }

    /// Drops a directory that is no part any more. While calls into it are late, it is kept and only
    /// not read: it might be found again and cause more calls.
    fn drop_part(&mut self, name: &OsStr) {
        let Some(part) = self.found.get_mut(name) else { return };
        if part.is_waiting() {
            part.folder.admit(BTreeSet::new());
        } else {
            self.found.remove(name);
            self.findings.forget(name);
        }
    }
}

impl<F: Fs> Part<F> {
    fn look(&mut self, want: &CollectRequest<'_>, now: Duration) -> Result<(), CollectError> {
        self.is_scanned = false;
        let mut root = self.folder.attach_to_look()?;
        self.folder.look(&mut root, want, &|_| false, now)?;
        if self.folder.author_dirs.is_empty() {
            // Its contents are not ours to report.
            self.folder.findings = Findings::default();
        }
        self.is_scanned = true;
        Ok(())
    }

    fn is_waiting(&mut self) -> bool {
        self.reads.is_waiting() || self.folder.calls.is_waiting()
    }
}
