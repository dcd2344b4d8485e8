//! One author's directory, and the new files in it.

use std::{
    collections::BTreeSet,
    ffi::{OsStr, OsString},
    io,
    ops::Bound,
    sync::Arc,
    time::Duration,
};

use tempo_clock::Seen;
use tempo_message::{AuthorId, CollectRequest, FileType, ForeignReason, PendingReason, planted};

use crate::{
    format::{known::known, name::FileName},
    fs::port::{Stat, Version},
    scan::{
        findings::{Finding, Findings, Note},
        placeholder::Placeholders,
    },
};

/// A directory whose name is an author, or a copy of one.
#[derive(Debug)]
pub(crate) struct AuthorDir {
    pub(crate) author: AuthorId,
    pub(crate) findings: Findings,
    pub(crate) freshness: Freshness,
    /// The last listing of the folder that included it.
    pub(crate) listing: u32,
    /// The files to be read, by first counter.
    todo: BTreeSet<Candidate>,
    /// Files that were handed up and refused, for the next collect.
    parked: BTreeSet<Candidate>,
    /// Counters with conflict copies: another program may have written under their names, so that a
    /// name alone does not show whether its content is known.
    pub(crate) contested: Option<Arc<BTreeSet<u64>>>,
    /// The last listing included placeholders of known services.
    has_placeholders: bool,
    /// The number of names in the last listing.
    names: u32,
    /// The most names in `todo`.
    room: usize,
    /// There were more names than that.
    overflowed: bool,
    /// The next listing of one pass over very many names continues after this file.
    after: Option<Box<Candidate>>,
}

/// A file to be read. Heads have counter zero, so that they come first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Candidate {
    pub(crate) first: u64,
    pub(crate) name: OsString,
}

/// A listing in progress.
#[derive(Debug)]
pub(crate) struct Listing {
    recheck: BTreeSet<u64>,
    /// Files that were examined before; they are read again if they have changed.
    pub(crate) doubtful: Vec<Candidate>,
    /// The conflict copies in it.
    pub(crate) copies: BTreeSet<u64>,
}

/// The most names that wait to be read: of one directory, and in a folder of few directories
/// altogether. The folder is the buffer for the rest.
const TODO: usize = 4096;
const TODO_OF_ALL: usize = 131_072;
/// The longest rest of a directory after a listing, and the rest for each name beyond a few: ten
/// times the time that listing it takes.
const RESTED: Duration = Duration::from_secs(2);
const FOR_A_NAME: Duration = Duration::from_micros(10);
const FEW: u32 = 1000;
/// The most conflict copies of an author that are remembered.
pub(crate) const CONTESTED: usize = 1024;

impl AuthorDir {
    pub(crate) fn new(author: AuthorId, listing: u32) -> Self {
        Self {
            author,
            findings: Findings::default(),
            freshness: Freshness::default(),
            listing,
            todo: BTreeSet::new(),
            room: TODO,
            parked: BTreeSet::new(),
            contested: None,
            has_placeholders: false,
            names: 0,
            overflowed: false,
            after: None,
        }
    }

    /// Begins a listing, in a folder with this many directories.
    pub(crate) fn begin_listing(&mut self, want: &CollectRequest<'_>, author_dirs: usize) -> Listing {
        self.room = TODO.max(TODO_OF_ALL / author_dirs.max(1));
        self.todo.clear();
        let recheck: BTreeSet<u64> =
            want.recheck.iter().filter(|id| id.author == self.author).map(|id| id.counter).collect();
        self.overflowed = false;
        self.has_placeholders = false;
        self.names = 0;
        if want.full || !recheck.is_empty() {
            self.after = None;
            self.parked.clear();
        }
        self.findings.begin_listing();
        Listing { recheck, doubtful: Vec::new(), copies: BTreeSet::new() }
    }

    /// Adds some names of a listing.
    pub(crate) fn take_names(
        &mut self,
        listing: &mut Listing,
        names: Vec<OsString>,
        want: &CollectRequest<'_>,
        now: Duration,
    ) {
        for name in names {
            self.names = self.names.saturating_add(1);
            match self.judge(&name, want, listing) {
                Judged::Read(first) => self.enqueue(Candidate { first, name }),
                Judged::Doubt(first) => listing.doubtful.push(Candidate { first, name }),
                Judged::PassOver => {}
                Judged::OnlineOnly => {
                    self.findings.put(&name, None, Finding::Pending(PendingReason::OnlineOnly), now);
                }
                Judged::Foreign(reason) => self.findings.put(&name, None, Finding::Foreign(reason), now),
            }
        }
    }

    /// Chooses a file that a hint has named, if it begins with the author's next message: the one
    /// after those that are known, or `next`. Returns the message that follows it.
    pub(crate) fn choose(&mut self, name: OsString, next: Option<u64>, want: &CollectRequest<'_>) -> Option<u64> {
        let (first, last) = match FileName::parse(&name) {
            FileName::Message(counter) => (counter, counter),
            FileName::Pack(first, last) => (first, last),
            _ => return None,
        };
        let is_next = match next {
            Some(next) => first == next,
            None => first == 1 || is_known(want.known, self.author, 1, first - 1),
        };
        let is_new = !is_known(want.known, self.author, first, last) && self.findings.get(&name).is_none();
        if !is_next || !is_new || self.is_contested(first) {
            return None;
        }
        let item = Candidate { first, name };
        self.enqueue(item.clone());
        self.todo.contains(&item).then(|| last.saturating_add(1))
    }

    /// Adds a file that was examined before: it is read when it has changed, or when a retry is due.
    pub(crate) fn take_stat(&mut self, item: Candidate, stat: io::Result<Stat>, now: Duration) {
        let holds = |stat: Stat| self.findings.get(&item.name).is_some_and(|note| note.holds(stat.version(), now));
        if FileName::parse(&item.name) == FileName::Files {
            return self.note_files(&item.name, stat.ok(), now);
        }
        // Reading shows why it cannot be examined.
        if !stat.is_ok_and(holds) {
            self.enqueue(item);
        }
    }

    /// Notes what has the name of the directory of parts, unless it is a directory.
    fn note_files(&mut self, name: &OsStr, stat: Option<Stat>, now: Duration) {
        match stat {
            Some(stat) if stat.file_type != FileType::Directory => {
                let reason = ForeignReason::Type { expected: FileType::Directory, found: stat.file_type };
                self.findings.put(name, Some(stat.version()), Finding::Foreign(reason), now);
            }
            _ => self.findings.forget(name),
        }
    }

    /// Ends a complete listing, which began at this time with this version.
    pub(crate) fn end_listing(&mut self, version: Version, at: Duration) {
        self.findings.end_listing();
        if self.todo.is_empty() {
            self.after = None;
        }
        self.freshness.listed(version, at);
    }

    /// Returns the files to be read after this one, in the order of their counters.
    pub(crate) fn items_after(&self, last: Option<&Candidate>) -> impl Iterator<Item = &Candidate> {
        self.todo.range((last.map_or(Bound::Unbounded, Bound::Excluded), Bound::Unbounded))
    }

    /// Returns whether the last listing met more names to read than there was room for.
    pub(crate) fn has_overflowed(&self) -> bool {
        self.overflowed
    }

    /// Removes a file from those to be read. When there was no room for all names, the next listing
    /// continues after it.
    pub(crate) fn done(&mut self, item: &Candidate) {
        self.todo.remove(item);
        if self.todo.is_empty() {
            self.after = self.overflowed.then(|| Box::new(item.clone()));
            if self.overflowed {
                self.freshness.distrust();
            }
        }
    }

    /// Notes that a listed file is not there. It was removed, or a network drive does not show it
    /// yet: the next listing tells.
    pub(crate) fn vanished(&mut self, item: &Candidate) {
        self.findings.forget(&item.name);
        self.done(item);
        self.freshness.distrust();
    }

    /// Puts a file aside for the next collect. Beyond a limit, the next listing finds it again.
    pub(crate) fn park(&mut self, item: Candidate) {
        self.done(&item);
        if self.parked.len() < TODO {
            self.parked.insert(item);
        }
    }

    /// Takes up files that an earlier collect put aside, once there is nothing else to read, and at
    /// most one collect's worth: they must not count as pending work.
    pub(crate) fn unpark(&mut self, most: usize) {
        if self.todo.is_empty() {
            let parked = &mut self.parked;
            self.todo.extend(std::iter::from_fn(|| parked.pop_first()).take(most));
        }
    }

    /// Returns whether files of the last listing are still to be read: a new listing would not make
    /// that faster.
    pub(crate) fn is_midway(&self) -> bool {
        !self.todo.is_empty()
    }

    /// Returns whether the last listing is too recent for another one: an own directory changes by
    /// our own writes, and one with very many names would take all the time.
    pub(crate) fn rests(&self, is_own: bool, now: Duration) -> bool {
        let for_names = FOR_A_NAME * self.names.saturating_sub(FEW);
        self.freshness.was_listed_within(if is_own { RESTED } else { for_names.min(RESTED) }, now)
    }

    /// Returns the placeholders of files in this directory.
    pub(crate) fn placeholders(&self) -> Placeholders {
        Placeholders { has_known: self.has_placeholders, perhaps: self.findings.placeholders() }
    }

    /// Returns whether there is a file to read.
    pub(crate) fn is_busy(&self) -> bool {
        !self.todo.is_empty() || self.overflowed
    }

    /// Returns whether another program may have written under the name of this message, or of a pack
    /// that begins with it.
    pub(crate) fn is_contested(&self, first: u64) -> bool {
        self.contested.as_ref().is_some_and(|contested| contested.contains(&first))
    }

    fn judge(&mut self, name: &OsStr, want: &CollectRequest<'_>, listing: &mut Listing) -> Judged {
        let file = FileName::parse(name);
        let (first, last) = match file {
            FileName::Message(counter) => (counter, counter),
            FileName::Pack(first, last) => (first, last),
            FileName::Copy(_) if planted!(IgnoreCopies) => return Judged::PassOver,
            FileName::Copy(first) if planted!(CopiesAreKnown) => (first, first),
            FileName::Copy(first) => {
                if listing.copies.len() < CONTESTED {
                    listing.copies.insert(first);
                }
                (first, u64::MAX)
            }
            FileName::Placeholder(first, last) => {
                self.has_placeholders = true;
                // Heads are optional.
                let is_known = last == 0 || is_known(want.known, self.author, first, last);
                let is_sought = first <= last && listing.recheck.range(first..=last).next().is_some();
                return if is_known && !is_sought { Judged::PassOver } else { Judged::OnlineOnly };
            }
            FileName::Head => (0, 0),
            FileName::Files => {
                self.findings.keep(name);
                return Judged::Doubt(0);
            }
            FileName::Staged => return Judged::PassOver,
            FileName::Misspelled => return Judged::Foreign(ForeignReason::Spelling),
            FileName::Foreign => return Judged::Foreign(known(name).unwrap_or(ForeignReason::Name)),
        };
        let is_copy = match file {
            FileName::Copy(_) => !planted!(CopiesAreKnown),
            FileName::Message(first) | FileName::Pack(first, _) => self.is_contested(first),
            _ => false,
        };
        if listing.recheck.range(first..=last).next().is_some() {
            return Judged::Read(first);
        }
        let known = !is_copy && is_known(want.known, self.author, first, last);
        if known {
            // A known file stays in the report while something is wrong with it.
            let is_wrong =
                self.findings.get(name).is_some_and(Note::is_exceptional) && self.findings.keep(name).is_some();
            return if is_wrong { Judged::Doubt(first) } else { Judged::PassOver };
        }
        if self.findings.keep(name).is_none() {
            let is_stopped = planted!(BadStopsDirectory) && self.findings.has_bad();
            return if is_stopped { Judged::PassOver } else { Judged::Read(first) };
        }
        if want.full && !is_copy { Judged::Read(first) } else { Judged::Doubt(first) }
    }

    fn enqueue(&mut self, item: Candidate) {
        if self.after.as_ref().is_some_and(|after| item <= **after) || self.parked.contains(&item) {
            return;
        }
        self.todo.insert(item);
        if self.todo.len() > self.room {
            self.todo.pop_last();
            self.overflowed = true;
        }
    }
}

enum Judged {
    Read(u64),
    /// It was examined before; its version shows whether it has changed.
    Doubt(u64),
    PassOver,
    OnlineOnly,
    Foreign(ForeignReason),
}

fn is_known(known: &Seen, author: AuthorId, first: u64, last: u64) -> bool {
    known.counters(author).is_some_and(|counters| {
        counters.contains_all(first..=last)
            || (planted!(PackKnownByFirst) && counters.contains(first))
            || (planted!(GapsAreKnown) && counters.last() >= Some(last))
    })
}

/// Decides when a directory is listed again.
///
/// A file system shows a change of names in the directory's times, but only once the version [is old
/// enough](Version::QUIET_FOR), and some services and network file systems do not show it at all. An
/// unchanged version is trusted only some time after it was first seen, and never for longer than
/// [`Self::ALL`].
#[derive(Debug, Default)]
pub(crate) struct Freshness {
    listed: Option<Listed>,
    hinted: bool,
}

#[derive(Debug, Clone, Copy)]
struct Listed {
    version: Version,
    first_seen: Duration,
    at: Duration,
}

impl Freshness {
    const ALL: Duration = Duration::from_secs(30);

    /// Notes a hint that something has changed.
    pub(crate) fn hint(&mut self) {
        self.hinted = true;
    }

    /// Forgets the last listing.
    pub(crate) fn distrust(&mut self) {
        self.listed = None;
    }

    pub(crate) fn is_due(&self, version: Version, now: Duration) -> bool {
        if planted!(TrustHints) && self.listed.is_some() {
            return self.hinted;
        }
        match &self.listed {
            Some(listed) if !self.hinted && listed.version == version => {
                !planted!(TrustTimes)
                    && (listed.at < listed.first_seen + Version::QUIET_FOR || listed.at + Self::ALL <= now)
            }
            _ => true,
        }
    }

    /// Notes a complete listing that began at this time, after the version had been seen.
    pub(crate) fn listed(&mut self, version: Version, at: Duration) {
        let first_seen = match &self.listed {
            Some(listed) if listed.version == version => listed.first_seen,
            _ => at,
        };
        self.listed = Some(Listed { version, first_seen, at });
        self.hinted = false;
    }

    /// Returns whether the directory was listed less than `span` ago.
    fn was_listed_within(&self, span: Duration, now: Duration) -> bool {
        self.listed.is_some_and(|listed| now < listed.at + span)
    }
}

#[cfg(test)]
mod tests {
    use tempo_message::{Budget, FileType};

    use super::*;
    use crate::fs::port::Identity;

    fn version() -> Version {
        let identity = Identity { volume: 1, number: 1 };
        let (file_type, modified_ns, changed_ns) = (FileType::Directory, 0, 0);
        Stat { file_type, len: 0, identity, modified_ns, changed_ns, online_only: false }.version()
    }

    /// Returns a directory that was listed at time zero with this many messages.
    fn listed(messages: u32) -> AuthorDir {
        let (known, now) = (Seen::default(), Duration::ZERO);
        let budget = Budget { frames: 1, bytes: 1 };
        let want = CollectRequest { known: &known, own: None, recheck: &[], full: false, budget };
        let mut place = AuthorDir::new("00000000-0000-0000-0000-000000000001".parse().unwrap(), 1);
        let mut listing = place.begin_listing(&want, 1);
        let names = (1..=messages).map(|counter| OsString::from(format!("{counter:016x}"))).collect();
        place.take_names(&mut listing, names, &want, now);
        place.end_listing(version(), now);
        place
    }

    /// Of the files that hints name, only an author's next messages are read before the directory is
    /// listed.
    #[test]
    fn what_a_hint_names_is_chosen_if_it_comes_next() {
        let mut place = AuthorDir::new("00000000-0000-0000-0000-000000000001".parse().unwrap(), 1);
        let mut known = Seen::default();
        (1..=8).for_each(|counter| assert!(known.insert(place.author, counter)));
        let budget = Budget { frames: 1, bytes: 1 };
        let want = CollectRequest { known: &known, own: None, recheck: &[], full: false, budget };
        place.findings.put(OsStr::new("0000000000000009-000000000000000b"), None, Finding::Done, Duration::ZERO);
        let not_next = ["0000000000000008", "0000000000000001-0000000000000008", "000000000000000a"];
        let no_message = ["0000000000000009 (1)", "head-0000000000000001", "~0000000000000009.tmp", "findings.txt"];
        for name in not_next.into_iter().chain(no_message).chain(["0000000000000009-000000000000000b"]) {
            assert_eq!(place.choose(name.into(), None, &want), None, "{name}");
        }
        assert!(!place.is_busy());
        assert_eq!(place.choose("0000000000000009".into(), None, &want), Some(10));
        assert_eq!(place.choose("000000000000000a-000000000000000c".into(), Some(10), &want), Some(13));
        assert_eq!(place.choose("000000000000000e".into(), Some(13), &want), None);
        assert_eq!(place.items_after(None).map(|item| item.first).collect::<Vec<_>>(), [9, 10]);
        place.contested = Some(Arc::new(BTreeSet::from([13])));
        assert_eq!(place.choose("000000000000000d".into(), Some(13), &want), None, "somebody else may have written it");
    }

    #[test]
    fn the_more_names_there_are_the_longer_a_directory_is_left_alone() {
        let rest =
            |place: &AuthorDir, is_own| (0..5000).find(|&ms| !place.rests(is_own, Duration::from_millis(ms))).unwrap();
        assert_eq!([0, FEW, 21_000].map(|messages| rest(&listed(messages), false)), [0, 0, 200]);
        assert_eq!(rest(&listed(1), true), 2000);
        let mut place = listed(FEW);
        place.names = u32::MAX;
        assert_eq!(rest(&place, false), 2000);
        place.freshness.distrust();
        assert_eq!(rest(&place, false), 0);
    }
}
