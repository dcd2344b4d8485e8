//! One directory of an author: what is new in it.

use std::{
    collections::BTreeSet,
    ffi::{OsStr, OsString},
    io,
    sync::Arc,
    time::Duration,
};

use tempo_clock::Seen;
use tempo_message::{AuthorId, ForeignReason, PendingReason, Want, planted};

use crate::{
    format::{known::known, name::FileName},
    fs::port::{Stat, Version},
    scan::{
        findings::{Finding, Note, Notes},
        placeholder::StandIns,
    },
};

/// A directory whose name is an author, or a copy of one.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) author: AuthorId,
    pub(crate) notes: Notes,
    pub(crate) freshness: Freshness,
    /// The last listing of the folder that has met it.
    pub(crate) listing: u32,
    /// What is to be read, by first counter.
    todo: BTreeSet<Item>,
    /// What nobody had room for; to be read again by the next collect.
    parked: BTreeSet<Item>,
    /// Counters of which there are copies: somebody else may have written under their names as well, so that a name alone
    /// does not tell whether its content is known.
    pub(crate) contested: Option<Arc<BTreeSet<u64>>>,
    /// The last listing has met placeholders of services that are known.
    has_placeholders: bool,
    /// How many names the last listing has met.
    names: u32,
    /// How many names `todo` has room for.
    room: usize,
    /// There were more names to read than that.
    overflowed: bool,
    /// The listings of one pass over very many names go on after this one.
    after: Option<Box<Item>>,
}

/// A file to be read. Of a head the first counter is zero, so that heads come first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Item {
    pub(crate) first: u64,
    pub(crate) name: OsString,
}

/// A listing under way.
#[derive(Debug)]
pub(crate) struct Listing {
    recheck: BTreeSet<u64>,
    /// What was looked at before and is to be looked at again, if it has changed.
    pub(crate) doubtful: Vec<Item>,
    /// The copies that it has met.
    pub(crate) copies: BTreeSet<u64>,
}

/// So many names wait to be read at least, and in a folder of few directories so many altogether; the folder is the buffer for
/// the rest.
const TODO: usize = 4096;
const TODO_OF_ALL: usize = 131_072;
/// How long a directory is left alone after a listing at most. For each name it is ten times what listing it takes; few names
/// cost nothing.
const RESTED: Duration = Duration::from_secs(2);
const FOR_A_NAME: Duration = Duration::from_micros(10);
const FEW: u32 = 1000;
/// So many copies of an author's messages are remembered as such.
pub(crate) const CONTESTED: usize = 1024;

impl Place {
    pub(crate) fn new(author: AuthorId, listing: u32) -> Self {
        Self {
            author,
            notes: Notes::default(),
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

    /// Begins a listing, in a folder of so many directories; what is to be read is chosen anew.
    pub(crate) fn begin_listing(&mut self, want: &Want<'_>, places: usize) -> Listing {
        self.room = TODO.max(TODO_OF_ALL / places.max(1));
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
        self.notes.begin_listing();
        Listing { recheck, doubtful: Vec::new(), copies: BTreeSet::new() }
    }

    /// Takes some names of a listing.
    pub(crate) fn take_names(
        &mut self,
        listing: &mut Listing,
        names: impl Iterator<Item = OsString>,
        want: &Want<'_>,
        now: Duration,
    ) {
        for name in names {
            self.names = self.names.saturating_add(1);
            match self.judge(&name, want, listing) {
                Judged::Read(first) => self.enqueue(Item { first, name }),
                Judged::Doubt(first) => listing.doubtful.push(Item { first, name }),
                Judged::PassOver => {}
                Judged::OnlineOnly => {
                    self.notes.put(&name, None, Finding::Pending(PendingReason::OnlineOnly), now);
                }
                Judged::Foreign(reason) => self.notes.put(&name, None, Finding::Foreign(reason), now),
            }
        }
    }

    /// Chooses a file to be read that begins with the author's next message, by what is known or was chosen before; the answer
    /// is which message comes after it.
    pub(crate) fn choose(&mut self, name: OsString, next: Option<u64>, want: &Want<'_>) -> Option<u64> {
        let (first, last) = match FileName::parse(&name) {
            FileName::Message(counter) => (counter, counter),
            FileName::Pack(first, last) => (first, last),
            _ => return None,
        };
        let is_next = match next {
            Some(next) => first == next,
            None => first == 1 || is_known(want.known, self.author, 1, first - 1),
        };
        let is_new = !is_known(want.known, self.author, first, last) && self.notes.get(&name).is_none();
        if !is_next || !is_new || self.is_contested(first) {
            return None;
        }
        let item = Item { first, name };
        self.enqueue(item.clone());
        self.todo.contains(&item).then(|| last.saturating_add(1))
    }

    /// Takes what a name stands for now that was looked at before; it is read when that has changed, or is due.
    pub(crate) fn take_stat(&mut self, item: Item, stat: io::Result<Stat>, now: Duration) {
        let holds = |stat: Stat| self.notes.get(&item.name).is_some_and(|note| note.holds(stat.version(), now));
        // Whatever is wrong with it shows when it is read.
        if !stat.is_ok_and(holds) {
            self.enqueue(item);
        }
    }

    /// Ends a listing that is whole, and that began at this time with this version.
    pub(crate) fn end_listing(&mut self, version: Version, at: Duration) {
        self.notes.end_listing();
        if self.todo.is_empty() {
            self.after = None;
        }
        self.freshness.listed(version, at);
    }

    /// The first `most` files to be read, in the order of their counters.
    pub(crate) fn first_items(&self, most: usize) -> impl Iterator<Item = &Item> {
        self.todo.iter().take(most)
    }

    /// Whether more is to be read than [`first_items`](Self::first_items) gave.
    pub(crate) fn has_more_than(&self, most: usize) -> bool {
        self.overflowed || self.todo.len() > most
    }

    /// Is done with a file for now. When there was no room for all names, the next look goes on after this one.
    pub(crate) fn done(&mut self, item: &Item) {
        self.todo.remove(item);
        if self.todo.is_empty() {
            self.after = self.overflowed.then(|| Box::new(item.clone()));
            if self.overflowed {
                self.freshness.distrust();
            }
        }
    }

    /// A name that was listed is not there. It was removed, or a network drive does not show it yet: a new listing tells.
    pub(crate) fn vanished(&mut self, item: &Item) {
        self.notes.forget(&item.name);
        self.done(item);
        self.freshness.distrust();
    }

    /// Puts a file aside for the next collect. Beyond a limit the folder remembers it.
    pub(crate) fn park(&mut self, item: Item) {
        self.done(&item);
        if self.parked.len() < TODO {
            self.parked.insert(item);
        }
    }

    /// Takes up again what was put aside by an earlier collect, once there is nothing else to do and no more of it than
    /// fits into one collect: it must not count as work that is waiting.
    pub(crate) fn unpark(&mut self, most: usize) {
        if self.todo.is_empty() {
            let parked = &mut self.parked;
            self.todo.extend(std::iter::from_fn(|| parked.pop_first()).take(most));
        }
    }

    /// Whether something of the last listing is still to be read: a new one would not come to it any sooner.
    pub(crate) fn is_midway(&self) -> bool {
        !self.todo.is_empty()
    }

    /// Whether the last listing was so lately that another one would not be worth it: an own directory changes by our own
    /// doing, and one with very many names would have nobody do anything but list it.
    pub(crate) fn rests(&self, is_own: bool, now: Duration) -> bool {
        let for_names = FOR_A_NAME * self.names.saturating_sub(FEW);
        self.freshness.was_listed_within(if is_own { RESTED } else { for_names.min(RESTED) }, now)
    }

    /// What a service has left here in the place of files.
    pub(crate) fn stand_ins(&self) -> StandIns {
        StandIns { has_known: self.has_placeholders, perhaps: self.notes.stand_ins() }
    }

    /// Whether there is something to read.
    pub(crate) fn is_busy(&self) -> bool {
        !self.todo.is_empty() || self.overflowed
    }

    /// Whether somebody else may have written under the name of this message, or of a pack that begins with it, as well.
    pub(crate) fn is_contested(&self, first: u64) -> bool {
        self.contested.as_ref().is_some_and(|contested| contested.contains(&first))
    }

    fn judge(&mut self, name: &OsStr, want: &Want<'_>, listing: &mut Listing) -> Judged {
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
                // Nobody needs a head.
                let is_known = last == 0 || is_known(want.known, self.author, first, last);
                let is_sought = first <= last && listing.recheck.range(first..=last).next().is_some();
                return if is_known && !is_sought { Judged::PassOver } else { Judged::OnlineOnly };
            }
            FileName::Head => (0, 0),
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
            // What else is wrong with it stays told, also when a pack has brought its message.
            let is_wrong = self.notes.get(name).is_some_and(Note::is_exceptional) && self.notes.keep(name).is_some();
            return if is_wrong { Judged::Doubt(first) } else { Judged::PassOver };
        }
        if self.notes.keep(name).is_none() {
            let is_stopped = planted!(BadStopsDirectory) && self.notes.has_bad();
            return if is_stopped { Judged::PassOver } else { Judged::Read(first) };
        }
        if want.full && !is_copy { Judged::Read(first) } else { Judged::Doubt(first) }
    }

    fn enqueue(&mut self, item: Item) {
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
    /// It was looked at before; whether it has changed shows what it is now.
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

/// When a directory has to be listed again.
///
/// A file system shows a change of names in the directory's times, but only once the version [has settled](Version::SETTLING),
/// and some services and network file systems do not show it at all. So an unchanged version is believed only some
/// time after it was first seen, and never for longer than [`Self::ALL`].
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

    /// Somebody says that something has changed.
    pub(crate) fn hint(&mut self) {
        self.hinted = true;
    }

    /// Nothing that was seen counts any more.
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
                    && (listed.at < listed.first_seen + Version::SETTLING || listed.at + Self::ALL <= now)
            }
            _ => true,
        }
    }

    /// A listing that is complete began at this time, after the version had been seen.
    pub(crate) fn listed(&mut self, version: Version, at: Duration) {
        let first_seen = match &self.listed {
            Some(listed) if listed.version == version => listed.first_seen,
            _ => at,
        };
        self.listed = Some(Listed { version, first_seen, at });
        self.hinted = false;
    }

    /// Whether the directory was listed less than `span` ago.
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

    /// A directory that was listed at time zero and had so many messages.
    fn listed(messages: u32) -> Place {
        let (known, now) = (Seen::default(), Duration::ZERO);
        let budget = Budget { frames: 1, bytes: 1 };
        let want = Want { known: &known, own: None, recheck: &[], full: false, budget };
        let mut place = Place::new("00000000-0000-0000-0000-000000000001".parse().unwrap(), 1);
        let mut listing = place.begin_listing(&want, 1);
        let names = (1..=messages).map(|counter| OsString::from(format!("{counter:016x}")));
        place.take_names(&mut listing, names, &want, now);
        place.end_listing(version(), now);
        place
    }

    /// Of files that hints name only an author's next messages are worth being read before the directory is listed.
    #[test]
    fn what_a_hint_names_is_chosen_if_it_comes_next() {
        let mut place = Place::new("00000000-0000-0000-0000-000000000001".parse().unwrap(), 1);
        let mut known = Seen::default();
        (1..=8).for_each(|counter| assert!(known.insert(place.author, counter)));
        let budget = Budget { frames: 1, bytes: 1 };
        let want = Want { known: &known, own: None, recheck: &[], full: false, budget };
        place.notes.put(OsStr::new("0000000000000009-000000000000000b"), None, Finding::Settled, Duration::ZERO);
        let not_next = ["0000000000000008", "0000000000000001-0000000000000008", "000000000000000a"];
        let no_message = ["0000000000000009 (1)", "head-0000000000000001", "~0000000000000009.tmp", "notes.txt"];
        for name in not_next.into_iter().chain(no_message).chain(["0000000000000009-000000000000000b"]) {
            assert_eq!(place.choose(name.into(), None, &want), None, "{name}");
        }
        assert!(!place.is_busy());
        assert_eq!(place.choose("0000000000000009".into(), None, &want), Some(10));
        assert_eq!(place.choose("000000000000000a-000000000000000c".into(), Some(10), &want), Some(13));
        assert_eq!(place.choose("000000000000000e".into(), Some(13), &want), None);
        assert_eq!(place.first_items(5).map(|item| item.first).collect::<Vec<_>>(), [9, 10]);
        place.contested = Some(Arc::new(BTreeSet::from([13])));
        assert_eq!(place.choose("000000000000000d".into(), Some(13), &want), None, "somebody else may have written it");
    }

    #[test]
    fn the_more_names_there_are_the_longer_a_directory_is_left_alone() {
        let rest =
            |place: &Place, is_own| (0..5000).find(|&ms| !place.rests(is_own, Duration::from_millis(ms))).unwrap();
        assert_eq!([0, FEW, 21_000].map(|messages| rest(&listed(messages), false)), [0, 0, 200]);
        assert_eq!(rest(&listed(1), true), 2000);
        let mut place = listed(FEW);
        place.names = u32::MAX;
        assert_eq!(rest(&place, false), 2000);
        place.freshness.distrust();
        assert_eq!(rest(&place, false), 0);
    }
}
