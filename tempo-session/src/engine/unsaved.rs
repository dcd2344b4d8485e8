//! Records that the core has taken and the store does not have yet.

use std::{collections::BTreeMap, mem, sync::Arc};

use tempo_message::{Digest, Durability, Frame};

use crate::store::{contract::Record, error::StoreError};

/// Records on their way into the store. They stay readable here until they are there.
///
/// Invariant: every message that the core has accepted or holds is here or in the store.
#[derive(Debug, Default)]
pub(crate) struct Unsaved {
    next: Batch,
    /// The records of the commit that is under way.
    committing: Arc<Batch>,
    /// There are lazy commits without a durable one after them.
    is_undurable: bool,
    /// It is unknown which sent messages the store has.
    has_failed: bool,
}

/// Records in order, and the place of each.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    records: Vec<Record>,
    places: BTreeMap<Digest, usize>,
}

/// The most received messages that wait for a failing store; the folder keeps the others.
const MOST: usize = 8192;
/// Above this backlog, saving moves to a separate thread.
const MUCH: usize = 512;

impl Batch {
    fn push(&mut self, record: Record) {
        self.places.insert(record.frame.digest(), self.records.len());
        self.records.push(record);
    }

    fn frame(&self, digest: Digest) -> Option<&Frame> {
        self.records.get(*self.places.get(&digest)?).map(|record| &record.frame)
    }

    pub(crate) fn records(&self) -> &[Record] {
        &self.records
    }
}

impl FromIterator<Record> for Batch {
    fn from_iter<I: IntoIterator<Item = Record>>(records: I) -> Self {
        let mut batch = Self::default();
        records.into_iter().for_each(|record| batch.push(record));
        batch
    }
}

impl Unsaved {
    pub(crate) fn push(&mut self, record: Record) {
        self.next.push(record);
    }

    /// Returns a message that the store may not have yet.
    pub(crate) fn frame(&self, digest: Digest) -> Option<Frame> {
        self.committing.frame(digest).or_else(|| self.next.frame(digest)).cloned()
    }

    /// Takes everything for a commit, followed by `sent`. Returns what to commit, and how many of
    /// its first records were received.
    pub(crate) fn begin(&mut self, sent: Vec<Record>) -> (Arc<Batch>, usize) {
        let next = mem::take(&mut self.next).records;
        // A batch is left here only if the thread that committed it has died.
        let left = mem::take(&mut self.committing);
        let received: Vec<Record> = left.records.iter().cloned().chain(next).collect();
        let count = received.len();
        self.committing = Arc::new(received.into_iter().chain(sent).collect());
        (Arc::clone(&self.committing), count)
    }

    /// Ends the commit. After a failure, what was received is tried again, before what has come
    /// meanwhile.
    pub(crate) fn end(&mut self, committed: &Result<(), StoreError>, durability: Durability, received: usize) {
        let batch = mem::take(&mut self.committing);
        if committed.is_ok() {
            self.is_undurable = durability == Durability::Lazy;
        } else {
            let next = mem::take(&mut self.next).records;
            self.next = batch.records.iter().take(received).cloned().chain(next).collect();
        }
    }

    /// Records that a later commit was durable.
    pub(crate) fn are_durable(&mut self) {
        self.is_undurable = false;
    }

    /// Records that it is unknown whether sent messages are in the store. Their numbers must not be
    /// used again.
    pub(crate) fn fail(&mut self) {
        self.has_failed = true;
    }

    pub(crate) fn has_failed(&self) -> bool {
        self.has_failed
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.next.records.is_empty()
    }

    /// Returns whether a commit has something to do.
    pub(crate) fn needs(&self, durability: Durability) -> bool {
        !self.is_empty() || (durability == Durability::Durable && self.is_undurable)
    }

    /// Returns whether something waits for a durable commit.
    pub(crate) fn is_undurable(&self) -> bool {
        self.is_undurable || !self.is_empty()
    }

    /// Returns whether the store has exactly what the core knows.
    pub(crate) fn is_saved(&self) -> bool {
        self.is_empty() && self.committing.records.is_empty() && !self.has_failed
    }

    /// Returns whether more should be received. It should not while too much waits for a failing
    /// store.
    pub(crate) fn has_room(&self) -> bool {
        self.next.records.len() + self.committing.records.len() < MOST
    }

    /// Returns whether the backlog is large enough for a separate thread.
    pub(crate) fn is_much(&self) -> bool {
        self.next.records.len() >= MUCH
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use tempo_clock::AuthorId;
    use tempo_message::Kind;
    use uuid::Uuid;

    use super::*;
    use crate::{core::session_core::SessionCore, store::contract::Origin};

    fn records(count: usize) -> Vec<Record> {
        let core = SessionCore::new(Some(AuthorId::new(Uuid::from_u128(1))));
        let frames = core.compose((0..count).map(|_| (Kind::Payload, Bytes::new())), 0).unwrap();
        frames.into_iter().map(|frame| Record { frame, origin: Origin::Received }).collect()
    }

    fn counters(batch: &Batch) -> Vec<u64> {
        batch.records().iter().map(|record| record.frame.id().counter).collect()
    }

    #[test]
    fn everything_can_be_read_until_it_is_committed() {
        let (mut unsaved, records) = (Unsaved::default(), records(3));
        let has = |unsaved: &Unsaved, at: usize| unsaved.frame(records[at].frame.digest()).is_some();
        unsaved.push(records[0].clone());
        let (batch, received) = unsaved.begin(vec![records[1].clone()]);
        unsaved.push(records[2].clone());
        assert_eq!((counters(&batch), received), (vec![1, 2], 1));
        assert!((0..3).all(|at| has(&unsaved, at)) && !unsaved.is_saved());
        unsaved.end(&Ok(()), Durability::Lazy, received);
        assert!(!has(&unsaved, 0) && !has(&unsaved, 1) && has(&unsaved, 2));
        assert!(unsaved.is_undurable());
    }

    #[test]
    fn a_failed_commit_is_tried_again_in_order_without_what_was_sent() {
        let (mut unsaved, records) = (Unsaved::default(), records(3));
        unsaved.push(records[0].clone());
        let (_, received) = unsaved.begin(vec![records[1].clone()]);
        unsaved.push(records[2].clone());
        unsaved.end(&Err(StoreError::Closed), Durability::Durable, received);
        assert_eq!(counters(&unsaved.begin(Vec::new()).0), [1, 3]);
    }

    #[test]
    fn what_a_dead_commit_has_left_comes_first() {
        let (mut unsaved, records) = (Unsaved::default(), records(2));
        unsaved.push(records[0].clone());
        drop(unsaved.begin(Vec::new()));
        unsaved.push(records[1].clone());
        assert_eq!(counters(&unsaved.begin(Vec::new()).0), [1, 2]);
    }
}
