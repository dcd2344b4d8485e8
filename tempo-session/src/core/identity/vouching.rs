//! The keys of signed authors, and the messages that nobody vouches for. Memory is bounded.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use tempo_clock::AuthorId;
use tempo_message::{AuthorKey, Digest, Frame, Message, MessageId, Verify};

/// What is known about the proofs of signed authors.
#[derive(Debug)]
pub(crate) struct Vouching {
    pub(crate) verify: Arc<dyn Verify>,
    /// The keys of authors whose first message is vouched for.
    pub(crate) keys: BTreeMap<AuthorId, AuthorKey>,
    /// Missing messages that a vouched-for message of their author names as its previous one.
    pub(crate) named: BTreeSet<(AuthorId, Digest)>,
    /// Messages that nobody vouches for.
    pub(crate) waiting: BTreeMap<(MessageId, Digest), Unproven>,
    /// Some of these were forgotten for lack of room.
    pub(crate) is_cut: bool,
    /// The authors whose place was taken by a successor that has proven it, by successor.
    pub(crate) successions: BTreeMap<AuthorId, AuthorId>,
    /// Signed authors with a head that they have not signed.
    pub(crate) forged_heads: BTreeSet<AuthorId>,
}

/// A message that nobody vouches for, without its payload.
#[derive(Debug)]
pub(crate) struct Unproven {
    message: Message,
    /// Its signature could not be verified for lack of a key, or something has proven it since.
    is_open: bool,
    /// How often it was asked for since.
    asked: u8,
}

/// The most messages remembered that nobody vouches for. The folder is the buffer for the rest.
const WAITING: usize = 16_384;
/// How often a message is asked for that could be proven now. Then its file is gone, or will be read when it can be.
const ASKED: u8 = 3;
/// The most missing messages remembered that are vouched for.
const NAMED: usize = 65_536;

impl Vouching {
    pub(crate) fn new(verify: Arc<dyn Verify>) -> Self {
        Self {
            verify,
            keys: BTreeMap::new(),
            named: BTreeSet::new(),
            waiting: BTreeMap::new(),
            is_cut: false,
            successions: BTreeMap::new(),
            forged_heads: BTreeSet::new(),
        }
    }

    /// Returns whether a message of a signed author is vouched for without its own signature.
    pub(crate) fn is_named(&self, id: MessageId, digest: Digest) -> bool {
        id.counter > 1 && self.named.contains(&(id.author, digest))
    }

    pub(crate) fn holds(&self, frame: &Frame, key: &AuthorKey) -> bool {
        frame.is_signed_by(key, self.verify.as_ref())
    }

    /// Remembers a message that nobody vouches for. Beyond the limit, the one that is needed last is forgotten.
    pub(crate) fn wait(&mut self, message: Message, digest: Digest) {
        let is_open = !self.keys.contains_key(&message.id.author);
        self.waiting.insert((message.id, digest), Unproven { message, is_open, asked: 0 });
        if self.waiting.len() > WAITING {
            let last = self.waiting.keys().max_by_key(|(id, _)| id.counter).copied();
            last.map(|last| self.waiting.remove(&last));
            self.is_cut = true;
        }
    }

    /// Returns the author's messages that nobody vouches for.
    pub(crate) fn waiting_of(&self, author: AuthorId) -> impl Iterator<Item = MessageId> + '_ {
        let first = (MessageId { author, counter: 0 }, Digest::from_bytes([0; 32]));
        self.waiting.range(first..).map(|(&(id, _), _)| id).take_while(move |id| id.author == author)
    }

    /// Returns the messages that wait for the key of their author, which its first message carries, or that are proven
    /// and have not been handed in again.
    pub(crate) fn open(&self) -> impl Iterator<Item = (&Message, Digest)> {
        let open = self.waiting.iter().filter(|(_, unproven)| unproven.is_open);
        open.map(|(&(_, digest), unproven)| (&unproven.message, digest))
    }

    /// Returns the messages to ask for again because they could be proven now, and forgets those that do not come.
    pub(crate) fn ask_again(&mut self) -> Vec<MessageId> {
        let Self { keys, waiting, .. } = self;
        let mut again = Vec::new();
        waiting.retain(|(id, _), unproven| {
            if unproven.is_open && keys.contains_key(&id.author) {
                unproven.asked += 1;
                again.push(*id);
            }
            unproven.asked <= ASKED
        });
        again
    }

    /// Returns whether a message is one of these.
    pub(crate) fn is_open(&self, id: MessageId, digest: Digest) -> bool {
        self.waiting.get(&(id, digest)).is_some_and(|unproven| unproven.is_open)
    }

    /// Notes that the message with this id and digest is vouched for, and every one before it. Returns those that are
    /// to be handed in again.
    pub(crate) fn name(&mut self, mut id: MessageId, mut digest: Digest) -> Vec<MessageId> {
        let mut again = Vec::new();
        loop {
            if self.named.len() < NAMED {
                self.named.insert((id.author, digest));
            }
            let waiting = self.waiting.get_mut(&(id, digest));
            again.extend((waiting.is_some() || self.is_cut).then_some(id));
            let previous = waiting.and_then(|unproven| {
                unproven.is_open = true;
                unproven.message.previous
            });
            let (Some(previous), Some(counter)) = (previous, id.counter.checked_sub(1)) else { return again };
            (id, digest) = (MessageId { counter, ..id }, previous);
        }
    }
}
