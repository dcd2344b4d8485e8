//! Own messages on their way into the folder.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use tempo_clock::AuthorId;
use tempo_message::{Digest, Durability, Frame, MessageId, PublishError};

use crate::errors::describe;

/// A message and its digest: an author in use twice has several messages of one number.
pub(crate) type Key = (MessageId, Digest);

/// Own messages that are not known to be in the folder, and how publishing them goes.
///
/// Invariant: `stuck` holds nothing that does not wait.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    waiting: BTreeMap<Key, Outgoing>,
    /// Those that have failed alone, while others have not: the others need not wait for the next attempt.
    stuck: BTreeSet<Key>,
    /// Own messages whose place in the folder something else has taken; they are published beside it.
    occupied: BTreeSet<MessageId>,
    /// Why the last attempt to publish failed.
    trouble: Option<Trouble>,
    /// When the attempt began that is under way.
    publishing_since: Option<Duration>,
    /// The bytes of the frames that are kept here.
    kept: usize,
}

#[derive(Debug)]
struct Outgoing {
    durability: Durability,
    /// What was just sent need not be read from the store again.
    frame: Option<Frame>,
}

/// Why messages could not be published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Trouble {
    pub(crate) why: String,
    /// Another program holds a file: it is worth waiting.
    pub(crate) is_passing: bool,
}

/// With more messages than this that have failed alone, everything waits for the next attempt.
const STUCK: usize = 1024;
/// At most this many bytes of frames are kept here; the store has the others.
const KEPT: usize = 8 * 1024 * 1024;
/// After this long without an answer the status says so.
const SLOW: Duration = Duration::from_secs(5);

impl Outbox {
    /// Adds messages that are to be compared with the folder, and published if they are not there.
    pub(crate) fn extend(&mut self, keys: impl IntoIterator<Item = Key>) {
        for key in keys {
            let waiting = self.waiting.entry(key);
            waiting.or_insert(Outgoing { durability: Durability::Durable, frame: None }).durability =
                Durability::Durable;
        }
    }

    /// Adds a message that was just sent.
    pub(crate) fn send(&mut self, frame: &Frame) {
        let len = frame.bytes().len();
        let frame_here = (self.kept + len <= KEPT).then(|| frame.clone());
        self.kept += if frame_here.is_some() { len } else { 0 };
        let outgoing = Outgoing { durability: Durability::Lazy, frame: frame_here };
        self.waiting.insert((frame.id(), frame.digest()), outgoing);
    }

    /// A message is in the folder.
    pub(crate) fn published(&mut self, key: &Key) {
        if let Some(Outgoing { frame: Some(frame), .. }) = self.waiting.remove(key) {
            self.kept -= frame.bytes().len();
        }
        self.stuck.remove(key);
    }

    /// Forgets everything that waits.
    pub(crate) fn clear(&mut self) {
        self.waiting.clear();
        self.stuck.clear();
        self.kept = 0;
    }

    pub(crate) fn len(&self) -> usize {
        self.waiting.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    pub(crate) fn contains(&self, key: &Key) -> bool {
        self.waiting.contains_key(key)
    }

    /// Everything that waits, in order.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &Key> {
        self.waiting.keys()
    }

    /// The frame of a message that was just sent, if it is kept here.
    pub(crate) fn frame(&self, key: &Key) -> Option<Frame> {
        self.waiting.get(key)?.frame.clone()
    }

    /// What waits and has not failed alone.
    pub(crate) fn fresh(&self) -> BTreeMap<Key, Durability> {
        let fresh = self.waiting.iter().filter(|(key, _)| !self.stuck.contains(key));
        fresh.map(|(key, outgoing)| (*key, outgoing.durability)).collect()
    }

    /// Whether there is something to publish although something has failed.
    pub(crate) fn has_fresh(&self) -> bool {
        (1..=STUCK).contains(&self.stuck.len()) && self.waiting.len() > self.stuck.len()
    }

    /// These have failed, and the others may not.
    pub(crate) fn fail_alone(&mut self, keys: impl IntoIterator<Item = Key>) {
        self.stuck.extend(keys.into_iter().filter(|key| self.waiting.contains_key(key)));
    }

    /// An attempt begins; `is_next` tells that what has failed is tried again.
    pub(crate) fn begin(&mut self, now: Duration, is_next: bool) {
        self.publishing_since = Some(now);
        if is_next {
            self.stuck.clear();
        }
    }

    /// The attempt is over; what has failed alone is told by [`note`](Self::note).
    pub(crate) fn end(&mut self) {
        self.publishing_since = None;
    }

    /// The attempt has failed as a whole, so that nothing has failed alone.
    pub(crate) fn fail(&mut self) {
        self.stuck.clear();
    }

    /// Notes how the last attempt went; the answer is why it failed, if that is new.
    pub(crate) fn note(&mut self, error: Option<&PublishError>) -> Option<String> {
        let trouble = error
            .map(|error| Trouble { why: describe(error), is_passing: matches!(error, PublishError::InUse { .. }) });
        let is_new = trouble != self.trouble;
        self.trouble = trouble;
        self.trouble.as_ref().filter(|_| is_new).map(|trouble| trouble.why.clone())
    }

    /// Whether the last attempt has failed, and no other will help soon.
    pub(crate) fn is_hopeless(&self) -> bool {
        self.trouble.as_ref().is_some_and(|trouble| !trouble.is_passing) && !self.has_fresh()
    }

    pub(crate) fn has_failed(&self) -> bool {
        self.trouble.is_some()
    }

    /// What to say of publishing, if it does not succeed or does not come back.
    pub(crate) fn trouble(&self, now: Duration) -> Option<String> {
        let span = self.publishing_since.map(|since| now.saturating_sub(since)).filter(|&span| span >= SLOW);
        let is_slow = span.map(|span| format!("the folder has not answered for {} s", span.as_secs()));
        is_slow.or_else(|| self.trouble.as_ref().map(|trouble| trouble.why.clone()))
    }

    /// Something else has the place of an own message.
    pub(crate) fn occupy(&mut self, id: MessageId) {
        self.occupied.insert(id);
    }

    /// The numbers of an author's messages whose place something else has taken.
    pub(crate) fn occupied(&self, author: Option<AuthorId>) -> Vec<u64> {
        self.occupied.iter().filter(|id| Some(id.author) == author).map(|id| id.counter).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use bytes::Bytes;
    use tempo_message::Kind;
    use uuid::Uuid;

    use super::*;
    use crate::core::session_core::SessionCore;

    fn frames(count: usize, len: usize) -> Vec<Frame> {
        let core = SessionCore::new(Some(AuthorId::new(Uuid::from_u128(1))));
        core.compose((0..count).map(|_| (Kind::Payload, Bytes::from(vec![0; len]))), 0).unwrap()
    }

    fn key(frame: &Frame) -> Key {
        (frame.id(), frame.digest())
    }

    #[test]
    fn keeps_frames_that_were_just_sent_within_a_budget() {
        let mut outbox = Outbox::default();
        let frames = frames(10, KEPT / 4);
        frames.iter().for_each(|frame| outbox.send(frame));
        let kept = |outbox: &Outbox| frames.iter().filter(|frame| outbox.frame(&key(frame)).is_some()).count();
        assert_eq!((outbox.len(), kept(&outbox)), (10, 3));
        outbox.published(&key(&frames[0]));
        outbox.send(&frames[9]);
        assert_eq!((outbox.len(), kept(&outbox)), (9, 3), "what was published has made room");
        outbox.clear();
        outbox.send(&frames[5]);
        assert_eq!((outbox.len(), kept(&outbox)), (1, 1));
    }

    #[test]
    fn what_has_failed_alone_keeps_nothing_else_waiting() {
        let mut outbox = Outbox::default();
        let frames = frames(3, 1);
        frames.iter().for_each(|frame| outbox.send(frame));
        assert!(!outbox.has_fresh(), "nothing has failed");
        outbox.fail_alone([key(&frames[0])]);
        assert!(outbox.has_fresh() && !outbox.fresh().contains_key(&key(&frames[0])));
        frames[1..].iter().for_each(|frame| outbox.published(&key(frame)));
        assert!(!outbox.has_fresh());
        outbox.begin(Duration::ZERO, true);
        assert_eq!(outbox.fresh().len(), 1, "it is tried again");
        outbox.fail_alone([key(&frames[1])]);
        assert_eq!(outbox.fresh().len(), 1, "what was published does not count");
    }

    #[test]
    fn tells_each_trouble_once_and_gives_up_only_on_what_stays() {
        let mut outbox = Outbox::default();
        let failed = PublishError::Failed { place: "a".to_owned(), source: Box::new(io::Error::other("no")) };
        let in_use = PublishError::InUse { place: "a".to_owned(), source: Box::new(io::Error::other("held")) };
        assert!(outbox.note(Some(&in_use)).is_some() && !outbox.is_hopeless());
        assert!(outbox.note(Some(&failed)).is_some() && outbox.is_hopeless());
        assert_eq!(outbox.note(Some(&failed)), None);
        assert!(outbox.note(None).is_none() && !outbox.has_failed());
        outbox.begin(Duration::ZERO, true);
        assert_eq!(outbox.trouble(SLOW - Duration::from_millis(1)), None);
        assert!(outbox.trouble(SLOW).is_some_and(|why| why.contains("has not answered")));
    }
}
