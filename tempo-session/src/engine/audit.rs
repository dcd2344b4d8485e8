//! Comparing what was sent with what is in an author's directory, by names and lengths.

use std::ops::RangeInclusive;

use tempo_clock::{AuthorId, union};
use tempo_message::{Digest, MessageId, StoredRun};

use crate::core::packing::Stock;
use crate::engine::resume::OwnMessages;

/// The result of the comparison.
#[derive(Debug)]
pub(crate) struct Audit {
    /// Messages that are not in the folder with their full length, alone or in a pack, or that are
    /// there but cut short.
    pub(crate) absent: Vec<(MessageId, Digest)>,
    /// Packs of own messages without their full length.
    pub(crate) damaged: Vec<(u64, u64)>,
    /// Files with their full length, and single messages that are cut short.
    pub(crate) stock: Stock,
}

impl Audit {
    /// Compares an author's messages with its directory. If two messages have one number, the file
    /// of that name counts for neither: publishing them again shows which it is.
    pub(crate) fn of(own: &OwnMessages, author: AuthorId, there: &[StoredRun]) -> Self {
        let own: Vec<(&(MessageId, Digest), u64)> = of_author(own, author).map(|(key, &len)| (key, len)).collect();
        let lengths = Lengths::of(&own);
        let is_full = |part: &StoredRun| lengths.of_run(part.first, part.last) == Some(part.bytes);
        let (full, others): (Vec<StoredRun>, Vec<StoredRun>) = there.iter().partition(|part| is_full(part));
        let others = others.into_iter().filter(|part| lengths.of_run(part.first, part.last).is_some());
        let (torn, damaged): (Vec<StoredRun>, Vec<StoredRun>) = others.partition(|part| part.first == part.last);
        let (is_there, is_torn) = (Runs::of(full.iter().chain(&damaged)), Runs::of(&torn));
        let is_absent = |counter| is_torn.have(counter) || !is_there.have(counter);
        let absent = own.iter().map(|(key, _)| **key).filter(|(id, _)| is_absent(id.counter)).collect();
        let damaged = damaged.iter().map(|part| (part.first, part.last)).collect();
        Self { absent, damaged, stock: Stock::of(full.into_iter().chain(torn)) }
    }
}

/// Returns the messages of one author.
fn of_author(own: &OwnMessages, author: AuthorId) -> impl Iterator<Item = (&(MessageId, Digest), &u64)> {
    let with = |counter, digest| (MessageId { author, counter }, Digest::from_bytes([digest; Digest::LEN]));
    own.range(with(0, 0)..=with(u64::MAX, u8::MAX))
}

/// The cumulative lengths of an author's messages.
struct Lengths {
    counters: Vec<u64>,
    /// For each counter, the sums up to and including it: the bytes, and the numbers that two
    /// messages have.
    sums: Vec<(u64, u64)>,
}

impl Lengths {
    fn of(own: &[(&(MessageId, Digest), u64)]) -> Self {
        let (mut counters, mut sums) = (Vec::with_capacity(own.len()), Vec::with_capacity(own.len() + 1));
        let (mut bytes, mut doubles) = (0, 0);
        sums.push((0, 0));
        for messages in own.chunk_by(|(a, _), (b, _)| a.0.counter == b.0.counter) {
            counters.extend(messages.first().map(|((id, _), _)| id.counter));
            bytes += messages.iter().map(|(_, len)| len).sum::<u64>();
            doubles += u64::from(messages.len() > 1);
            sums.push((bytes, doubles));
        }
        Self { counters, sums }
    }

    /// Returns the bytes of a run of messages; `None` unless each of them is there exactly once.
    fn of_run(&self, first: u64, last: u64) -> Option<u64> {
        let at = self.counters.binary_search(&first).ok()?;
        let end = at.checked_add(usize::try_from(last.checked_sub(first)?).ok()?)?;
        let (before, behind) = (self.sums.get(at)?, self.sums.get(end + 1)?);
        (self.counters.get(end) == Some(&last) && before.1 == behind.1).then(|| behind.0 - before.0)
    }
}

/// The counters that are in any of some parts.
pub(crate) struct Runs(Vec<RangeInclusive<u64>>);

impl Runs {
    pub(crate) fn of<'a>(parts: impl IntoIterator<Item = &'a StoredRun>) -> Self {
        Self(union(parts.into_iter().map(|part| part.first..=part.last)))
    }

    /// Returns whether all counters from `first` to `last` are there.
    pub(crate) fn have_all(&self, first: u64, last: u64) -> bool {
        first > last || self.with(first).is_some_and(|run| run.contains(&last))
    }

    fn have(&self, counter: u64) -> bool {
        self.with(counter).is_some()
    }

    fn with(&self, counter: u64) -> Option<&RangeInclusive<u64>> {
        let at = self.0.partition_point(|run| *run.end() < counter);
        self.0.get(at).filter(|run| run.contains(&counter))
    }
}
