//! The keys of signed authors, and unproven messages. Memory is bounded, and no author can crowd out the others.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use tempo_clock::AuthorId;
use tempo_message::{AuthorKey, Digest, Frame, Message, MessageId, Verify};

use crate::core::identity::successions::Successions;

/// The proofs of signed authors, as far as they are known.
#[derive(Debug)]
pub(crate) struct Vouching {
    pub(crate) verify: Arc<dyn Verify>,
    /// The keys of authors whose first message is vouched for.
    pub(crate) keys: BTreeMap<AuthorId, AuthorKey>,
    /// Missing messages that a vouched-for message of their author names as its previous one.
    named: Crowd<()>,
    /// Unproven messages.
    waiting: Crowd<Unproven>,
    /// Some of these were forgotten for lack of room.
    pub(crate) is_cut: bool,
    /// Everything in the folder is to be looked at again.
    pub(crate) is_to_look: bool,
    /// The successors of authors that have proven it.
    pub(crate) successions: Successions,
    /// Signed authors with a head that they have not signed.
    pub(crate) forged_heads: BTreeSet<AuthorId>,
}

/// An unproven message, without its payload.
#[derive(Debug)]
struct Unproven {
    message: Message,
    /// Its signature could not be verified for lack of a key, or something has proven it since.
    is_open: bool,
    /// A vouched-for message names it, directly or through others.
    is_named: bool,
    /// How often it was asked for since.
    asked: u8,
}

/// Messages by id and digest, at most some number of entries and parents. Beyond it, the author with the most gives up
/// the message that is needed last.
#[derive(Debug)]
struct Crowd<T> {
    of: BTreeMap<(MessageId, Digest), T>,
    weights: BTreeMap<AuthorId, usize>,
    weight: usize,
}

/// The most unproven messages and their parents that are remembered, and the most missing messages that are vouched
/// for. The folder is the buffer for the rest.
const ROOM: usize = 65_536;
/// How often a message is asked for that could be proven now. Then its file is gone, or is read when it can be.
const ASKED: u8 = 3;

const LEAST: Digest = Digest::from_bytes([0; 32]);
const GREATEST: Digest = Digest::from_bytes([0xff; 32]);

impl Vouching {
    pub(crate) fn new(verify: Arc<dyn Verify>) -> Self {
        Self {
            verify,
            keys: BTreeMap::new(),
            named: Crowd::default(),
            waiting: Crowd::default(),
            is_cut: false,
            is_to_look: false,
            successions: Successions::default(),
            forged_heads: BTreeSet::new(),
        }
    }

    /// Returns whether a message of a signed author is vouched for without its own signature.
    pub(crate) fn is_named(&self, id: MessageId, digest: Digest) -> bool {
        let is_named = || self.waiting.of.get(&(id, digest)).is_some_and(|unproven| unproven.is_named);
        id.counter > 1 && (self.named.of.contains_key(&(id, digest)) || is_named())
    }

    pub(crate) fn holds(&self, frame: &Frame, key: &AuthorKey) -> bool {
        frame.is_signed_by(key, self.verify.as_ref())
    }

    /// Remembers an unproven message.
    pub(crate) fn wait(&mut self, message: Message, digest: Digest) {
        let (id, weight) = (message.id, 1 + message.parents.len());
        let is_open = !self.keys.contains_key(&id.author);
        let unproven = Unproven { message, is_open, is_named: false, asked: 0 };
        self.is_cut |= self.waiting.insert((id, digest), unproven, weight, |it| 1 + it.message.parents.len());
    }

    /// Returns whether a message is remembered as unproven.
    pub(crate) fn is_waiting(&self, id: MessageId, digest: Digest) -> bool {
        self.waiting.of.contains_key(&(id, digest))
    }

    /// Notes that a message is in the history, or will be.
    pub(crate) fn forget(&mut self, id: MessageId, digest: Digest) {
        self.waiting.remove(&(id, digest), |it| 1 + it.message.parents.len());
        self.named.remove(&(id, digest), |()| 1);
    }

    /// Returns the author's unproven messages.
    pub(crate) fn waiting_of(&self, author: AuthorId) -> impl Iterator<Item = MessageId> + '_ {
        self.waiting.of(author).map(|&(id, _)| id)
    }

    /// Returns the messages that wait for the key of their author, which its first message carries, or that are proven
    /// and have not been handed in again.
    pub(crate) fn open(&self) -> impl Iterator<Item = (&Message, Digest)> {
        let open = self.waiting.of.iter().filter(|(_, unproven)| unproven.is_open);
        open.map(|(&(_, digest), unproven)| (&unproven.message, digest))
    }

    /// Returns the messages that are forged, or lack the message that vouches for them.
    pub(crate) fn unvouched(&self) -> impl Iterator<Item = MessageId> + '_ {
        self.waiting.of.iter().filter(|(_, unproven)| !unproven.is_open).map(|(&(id, _), _)| id)
    }

    /// Returns the messages to ask for again because they could be proven now, and forgets those that do not come.
    pub(crate) fn ask_again(&mut self) -> Vec<MessageId> {
        let (mut again, mut gone) = (Vec::new(), Vec::new());
        for (&(id, digest), unproven) in &mut self.waiting.of {
            if unproven.is_open && self.keys.contains_key(&id.author) {
                unproven.asked += 1;
                if unproven.asked > ASKED { gone.push((id, digest)) } else { again.push(id) }
            }
        }
        for key in gone {
            let is_named = self.waiting.of.get(&key).is_some_and(|unproven| unproven.is_named);
            self.waiting.remove(&key, |it| 1 + it.message.parents.len());
            if is_named {
                self.named.insert(key, (), 1, |()| 1);
            }
        }
        again
    }

    /// Returns whether a message waits for its author's key, or to be handed in again.
    pub(crate) fn is_open(&self, id: MessageId, digest: Digest) -> bool {
        self.waiting.of.get(&(id, digest)).is_some_and(|unproven| unproven.is_open)
    }

    /// Notes that the message with this id and digest is vouched for, and every one before it. Returns those that are
    /// to be handed in again.
    pub(crate) fn name(&mut self, mut id: MessageId, mut digest: Digest) -> Vec<MessageId> {
        let mut again = Vec::new();
        loop {
            let Some(unproven) = self.waiting.of.get_mut(&(id, digest)) else {
                let is_news = !self.named.of.contains_key(&(id, digest));
                self.named.insert((id, digest), (), 1, |()| 1);
                again.extend((is_news && self.is_cut).then_some(id));
                return again;
            };
            (unproven.is_open, unproven.is_named) = (true, true);
            again.push(id);
            let (Some(previous), Some(counter)) = (unproven.message.previous, id.counter.checked_sub(1)) else {
                return again;
            };
            (id, digest) = (MessageId { counter, ..id }, previous);
        }
    }
}

impl<T> Default for Crowd<T> {
    fn default() -> Self {
        Self { of: BTreeMap::new(), weights: BTreeMap::new(), weight: 0 }
    }
}

impl<T> Crowd<T> {
    fn of(&self, author: AuthorId) -> impl DoubleEndedIterator<Item = &(MessageId, Digest)> {
        let at = |counter, digest| (MessageId { author, counter }, digest);
        self.of.range(at(0, LEAST)..=at(u64::MAX, GREATEST)).map(|(key, _)| key)
    }

    /// Adds a message. Returns whether others, or it itself, had to go.
    fn insert(&mut self, key: (MessageId, Digest), it: T, weight: usize, weight_of: impl Fn(&T) -> usize) -> bool {
        self.remove(&key, &weight_of);
        self.of.insert(key, it);
        self.weight += weight;
        *self.weights.entry(key.0.author).or_default() += weight;
        let is_cut = self.weight > ROOM;
        while self.weight > ROOM {
            let crowd = self.weights.iter().max_by_key(|(_, weight)| **weight).map(|(author, _)| *author);
            let Some(last) = crowd.and_then(|author| self.of(author).next_back().copied()) else { break };
            self.remove(&last, &weight_of);
        }
        is_cut
    }

    fn remove(&mut self, key: &(MessageId, Digest), weight_of: impl Fn(&T) -> usize) {
        let Some(it) = self.of.remove(key) else { return };
        let weight = weight_of(&it);
        self.weight = self.weight.saturating_sub(weight);
        if let Some(all) = self.weights.get_mut(&key.0.author) {
            *all = all.saturating_sub(weight);
            if *all == 0 {
                self.weights.remove(&key.0.author);
            }
        }
    }
}
