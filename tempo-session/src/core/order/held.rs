//! Messages that arrived before their parents.

use std::collections::{BTreeMap, BTreeSet};

use tempo_clock::AuthorId;
use tempo_message::{Digest, Message, MessageId, Parent, planted};

use crate::core::event::HeldMessage;

/// The waiting messages. Their memory is bounded, and payloads are not kept.
#[derive(Debug)]
pub(crate) struct Held {
    waiting: BTreeMap<Digest, Waiting>,
    /// The messages that wait for each parent.
    children: BTreeSet<(Parent, Digest)>,
    by_author: BTreeMap<AuthorId, BTreeSet<(u64, Digest)>>,
    /// One for every message, for every parent and every part of a file that it names, and for every 64 bytes of content.
    weight: usize,
    limit: usize,
}

#[derive(Debug)]
struct Waiting {
    message: Message,
    missing: usize,
}

/// The outcome of holding a message.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Holding {
    /// True if the message is held and was not evicted itself.
    pub(crate) held: bool,
    /// The messages evicted to make room.
    pub(crate) evicted: Vec<MessageId>,
}

impl Held {
    pub(crate) fn new(limit: usize) -> Self {
        Self { waiting: BTreeMap::new(), children: BTreeSet::new(), by_author: BTreeMap::new(), weight: 0, limit }
    }

    pub(crate) fn contains(&self, digest: Digest) -> bool {
        self.waiting.contains_key(&digest)
    }

    pub(crate) fn len(&self) -> usize {
        self.waiting.len()
    }

    pub(crate) fn is_below_half(&self) -> bool {
        self.weight < self.limit / 2
    }

    /// Holds a message until all of its `missing` parents are released.
    ///
    /// When the held messages exceed the limit, the author with the most gives up its message with the
    /// greatest counter. That message is needed last, and no author can crowd out the others.
    pub(crate) fn hold(&mut self, message: Message, digest: Digest, missing: &[Parent]) -> Holding {
        let id = message.id;
        for &parent in missing {
            self.children.insert((parent, digest));
        }
        self.by_author.entry(id.author).or_default().insert((id.counter, digest));
        self.weight += weight(&message);
        self.waiting.insert(digest, Waiting { message, missing: missing.len() });
        let mut evicted = Vec::new();
        while self.weight > self.limit {
            let crowd = self.by_author.values().max_by_key(|messages| messages.len());
            let Some(&(_, last)) = crowd.and_then(BTreeSet::last) else { break };
            let Some(message) = self.remove(last) else { break };
            if last == digest {
                return Holding { held: false, evicted };
            }
            evicted.push(message.id);
        }
        Holding { held: true, evicted }
    }

    /// Removes and returns every message that waits for nothing but this parent, which has been accepted.
    pub(crate) fn release(&mut self, parent: Parent) -> Vec<(Message, Digest)> {
        let mut released = Vec::new();
        let children: Vec<(Parent, Digest)> =
            self.children.range((parent, LEAST)..=(parent, GREATEST)).copied().collect();
        for child in children {
            self.children.remove(&child);
            let digest = child.1;
            let Some(waiting) = self.waiting.get_mut(&digest) else {
                continue;
            };
            waiting.missing = waiting.missing.saturating_sub(1);
            if planted!(ReleaseOne) && !released.is_empty() {
                continue;
            }
            if waiting.missing == 0
                && let Some(message) = self.remove(digest)
            {
                released.push((message, digest));
            }
        }
        released
    }

    /// Returns every held message with its digest.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Message, Digest)> {
        self.waiting.iter().map(|(&digest, waiting)| (&waiting.message, digest))
    }

    /// Returns the first held messages by author and counter, each with its parents that are not here, by
    /// `is_here`.
    pub(crate) fn list(&self, most: usize, is_here: impl Fn(&Parent) -> bool) -> Vec<HeldMessage> {
        let in_order = self.by_author.values().flatten().filter_map(|(_, digest)| self.waiting.get(digest));
        in_order
            .take(most)
            .map(|waiting| HeldMessage {
                id: waiting.message.id,
                unix_ms: waiting.message.unix_ms,
                waits_for: waiting.message.causes().filter(|parent| !is_here(parent)).collect(),
            })
            .collect()
    }

    /// Returns the first held messages by author and counter, at most `most`.
    pub(crate) fn first(&self, most: usize) -> impl Iterator<Item = (MessageId, Digest)> {
        let of = |(&author, messages): (&AuthorId, &BTreeSet<(u64, Digest)>)| {
            let named = move |&(counter, digest): &(u64, Digest)| (MessageId { author, counter }, digest);
            messages.iter().map(named).collect::<Vec<_>>()
        };
        self.by_author.iter().flat_map(of).take(most)
    }

    /// Returns the parents that held messages wait for.
    pub(crate) fn awaited(&self) -> impl Iterator<Item = &Parent> {
        let mut last = None;
        self.children.iter().map(|(parent, _)| parent).filter(move |&parent| last.replace(parent) != Some(parent))
    }

    /// Returns the awaited parents with this id.
    pub(crate) fn awaited_as(&self, id: MessageId) -> impl Iterator<Item = &Parent> {
        let with = |digest| (Parent { author: id.author, counter: id.counter, digest }, digest);
        self.children.range(with(LEAST)..=with(GREATEST)).map(|(parent, _)| parent)
    }

    fn remove(&mut self, digest: Digest) -> Option<Message> {
        let Waiting { message, .. } = self.waiting.remove(&digest)?;
        self.weight = self.weight.saturating_sub(weight(&message));
        let id = message.id;
        if let Some(messages) = self.by_author.get_mut(&id.author) {
            messages.remove(&(id.counter, digest));
            if messages.is_empty() {
                self.by_author.remove(&id.author);
            }
        }
        for cause in message.causes() {
            self.children.remove(&(cause, digest));
        }
        Some(message)
    }
}

const LEAST: Digest = Digest::from_bytes([0; 32]);
const GREATEST: Digest = Digest::from_bytes([0xff; 32]);

fn weight(message: &Message) -> usize {
    let parts = message.attachments.iter().map(|attachment| 1 + attachment.manifest.count());
    1 + message.parents.len() + parts.sum::<usize>() + message.payload.len() / 64
}
