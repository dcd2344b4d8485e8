//! Own messages on their way into the folder.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use tempo_clock::AuthorId;
use tempo_message::{Digest, Durability, Frame, MessageId, PublishError};

use crate::errors::describe;

/// A message and its digest. An author that is in use twice may have several messages under one
/// number.
pub(crate) type Key = (MessageId, Digest);

/// Own messages that are not known to be in the folder, and the state of publishing them.
///
/// Invariant: every key in `stuck` is also in `waiting`.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    waiting: BTreeMap<Key, Outgoing>,
    /// Messages that failed by themselves while others did not. The others need not wait for the
    /// next attempt.
    stuck: BTreeSet<Key>,
    /// Own messages whose file name in the folder something else has taken; they are published
    /// beside it.
    occupied: BTreeSet<MessageId>,
    /// The reason why the last attempt to publish failed.
    trouble: Option<Trouble>,
    /// The time at which the attempt began that is under way.
    publishing_since: Option<Duration>,
    /// The bytes of the frames that are kept here.
    kept: usize,
}

#[derive(Debug)]
struct Outgoing {
    durability: Durability,
    /// The frame of a message that was just sent, so that it need not be read from the store again.
    frame: Option<Frame>,
}

/// The reason why messages could not be published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Trouble {
    pub(crate) why: String,
    /// Another program holds a file, so waiting helps.
    pub(crate) is_passing: bool,
}

/// The most messages that may fail by themselves. Beyond that, everything waits for the next
/// attempt.
const STUCK: usize = 1024;
/// The most bytes of frames kept here; the store has the others.
const KEPT: usize = 8 * 1024 * 1024;
/// The time without an answer after which the status reports it.
const SLOW: Duration = Duration::from_secs(5);

impl Outbox {
    /// Adds messages to compare with the folder, and to publish if they are not there.
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

    /// Removes a message that is in the folder.
    pub(crate) fn published(&mut self, key: &Key) {
        if let Some(Outgoing { frame: Some(frame), .. }) = self.waiting.remove(key) {
            self.kept -= frame.bytes().len();
        }
        self.stuck.remove(key);
    }

    /// Forgets every waiting message.
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

    /// Returns the waiting messages, in order.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &Key> {
        self.waiting.keys()
    }

    /// Returns the frame of a message that was just sent, if it is kept here.
    pub(crate) fn frame(&self, key: &Key) -> Option<Frame> {
        self.waiting.get(key)?.frame.clone()
    }

    /// Returns the waiting messages that have not failed by themselves.
    pub(crate) fn fresh(&self) -> BTreeMap<Key, Durability> {
        let fresh = self.waiting.iter().filter(|(key, _)| !self.stuck.contains(key));
        fresh.map(|(key, outgoing)| (*key, outgoing.durability)).collect()
    }

    /// Returns whether there is something to publish although something has failed.
    pub(crate) fn has_fresh(&self) -> bool {
        (1..=STUCK).contains(&self.stuck.len()) && self.waiting.len() > self.stuck.len()
    }

    /// Marks messages that have failed while others may succeed.
    pub(crate) fn fail_alone(&mut self, keys: impl IntoIterator<Item = Key>) {
        self.stuck.extend(keys.into_iter().filter(|key| self.waiting.contains_key(key)));
    }

    /// Begins an attempt. With `is_next`, it includes the messages that have failed.
    pub(crate) fn begin(&mut self, now: Duration, is_next: bool) {
        self.publishing_since = Some(now);
        if is_next {
            self.stuck.clear();
        }
    }

    /// Ends the attempt; [`note`](Self::note) records its result.
    pub(crate) fn end(&mut self) {
        self.publishing_since = None;
    }

    /// Records that the attempt failed as a whole, so that no message failed by itself.
    pub(crate) fn fail(&mut self) {
        self.stuck.clear();
    }

    /// Notes the result of the last attempt. Returns why it failed, if the reason is new.
    pub(crate) fn note(&mut self, error: Option<&PublishError>) -> Option<String> {
        let trouble = error
            .map(|error| Trouble { why: describe(error), is_passing: matches!(error, PublishError::InUse { .. }) });
        let is_new = trouble != self.trouble;
        self.trouble = trouble;
        self.trouble.as_ref().filter(|_| is_new).map(|trouble| trouble.why.clone())
    }

    /// Returns whether the last attempt failed and another one will not help soon.
    pub(crate) fn is_hopeless(&self) -> bool {
        self.trouble.as_ref().is_some_and(|trouble| !trouble.is_passing) && !self.has_fresh()
    }

    pub(crate) fn has_failed(&self) -> bool {
        self.trouble.is_some()
    }

    /// Returns what the status says about publishing, if it fails or does not answer.
    pub(crate) fn trouble(&self, now: Duration) -> Option<String> {
        let span = self.publishing_since.map(|since| now.saturating_sub(since)).filter(|&span| span >= SLOW);
        let is_slow = span.map(|span| format!("the folder has not answered for {} s", span.as_secs()));
        is_slow.or_else(|| self.trouble.as_ref().map(|trouble| trouble.why.clone()))
    }

    /// Notes that something else has the file name of an own message.
    pub(crate) fn occupy(&mut self, id: MessageId) {
        self.occupied.insert(id);
    }

    /// Returns the numbers of an author's messages whose file name something else has taken.
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
        for frame in &frames {
            outbox.send(frame);
        }
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
        for frame in &frames {
            outbox.send(frame);
        }
        assert!(!outbox.has_fresh(), "nothing has failed");
        outbox.fail_alone([key(&frames[0])]);
        assert!(outbox.has_fresh() && !outbox.fresh().contains_key(&key(&frames[0])));
        for frame in &frames[1..] {
            outbox.published(&key(frame));
        }
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
        assert_eq!(outbox.trouble(SLOW / 2), None);
        assert!(outbox.trouble(SLOW).is_some_and(|why| why.contains("has not answered")));
    }
}
