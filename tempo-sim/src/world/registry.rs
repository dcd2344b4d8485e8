//! The messages that were really sent, against which every delivery is judged.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use tempo_clock::{AuthorId, Lamport, Stamp};
use tempo_message::{Digest, Frame, Kind, MessageId, Parent, Retirement};

use super::Violation;

/// Every message that a store has ever kept as sent.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    by_digest: BTreeMap<Digest, Known>,
    by_id: BTreeMap<MessageId, Vec<Digest>>,
    /// The numbers for which a thief has signed something.
    contested: BTreeSet<MessageId>,
    pub(crate) in_order: Vec<Digest>,
}

#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) number: usize,
    /// The member that sent it.
    pub(crate) member: usize,
    pub(crate) id: MessageId,
    pub(crate) stamp: Stamp,
    pub(crate) causes: Vec<Digest>,
    pub(crate) payload: Bytes,
    /// Its bytes in a folder.
    pub(crate) bytes: Bytes,
    pub(crate) is_payload: bool,
    /// The author that it retires.
    retires: Option<AuthorId>,
}

impl Registry {
    /// Registers a message that a store has kept.
    ///
    /// `seen` is the greatest time that its author's application had been shown. `may_fork` is true if more than one
    /// store has been in use under that name.
    pub(crate) fn add(&mut self, frame: &Frame, member: usize, seen: Lamport, may_fork: bool) -> Result<(), Violation> {
        let (message, digest) = (frame.message(), frame.digest());
        let same = self.by_id.entry(message.id).or_default();
        if same.contains(&digest) {
            return Ok(());
        }
        if !same.is_empty() && !may_fork {
            return Err(Violation::new("I9", format!("{} has two contents", message.id)));
        }
        same.push(digest);
        let causes: Vec<Digest> = message.causes().map(|cause| cause.digest).collect();
        let times = causes.iter().map(|cause| self.by_digest.get(cause).map(|known| known.stamp.lamport));
        let latest = times.collect::<Option<Vec<_>>>().map(|times| times.into_iter().max().unwrap_or(Lamport::ZERO));
        if latest.map(|latest| latest.0 + 1) != Some(message.lamport.0) {
            let causes: Vec<String> = message.causes().map(|cause| self.describe(&cause)).collect();
            let what = format!("{} has time {} after {}", message.id, message.lamport, causes.join(", "));
            return Err(Violation::new("I13", what));
        }
        if message.lamport <= seen && !self.by_digest.contains_key(&digest) {
            return Err(Violation::new("I5", format!("{} is not after what its author had seen", message.id)));
        }
        let is_implied = |parent: &Digest| {
            let others = causes.iter().filter(|other| *other != parent).filter_map(|other| self.by_digest.get(other));
            others.into_iter().any(|other| other.causes.contains(parent))
        };
        if message.parents.iter().any(|parent| is_implied(&parent.digest)) {
            return Err(Violation::new("I5", format!("{} names a parent that another parent implies", message.id)));
        }
        let known = Known {
            number: self.in_order.len(),
            member,
            id: message.id,
            stamp: message.stamp(),
            causes,
            payload: message.payload.clone(),
            bytes: frame.bytes().clone(),
            is_payload: message.kind == Kind::Payload,
            retires: Retirement::from_bytes(&message.payload)
                .filter(|_| message.kind == Kind::Retirement)
                .map(|content| content.author),
        };
        self.by_digest.insert(digest, known);
        self.in_order.push(digest);
        Ok(())
    }

    fn describe(&self, cause: &Parent) -> String {
        let time = self.by_digest.get(&cause.digest).map(|known| known.stamp.lamport);
        let time = time.map_or_else(|| "that no member wrote".to_owned(), |time| format!("of time {time}"));
        format!("{}/{} {time}", cause.author, cause.counter)
    }

    pub(crate) fn known(&self, digest: &Digest) -> Option<&Known> {
        self.by_digest.get(digest)
    }

    /// Notes that a thief has signed something with an id, whether or not that is a part of the history.
    pub(crate) fn contest(&mut self, id: MessageId) {
        self.contested.insert(id);
    }

    /// Returns the message with an id, if there is exactly one, and no thief has signed another.
    pub(crate) fn only(&self, id: MessageId) -> Option<Digest> {
        match self.by_id.get(&id)?.as_slice() {
            [digest] if !self.contested.contains(&id) => Some(*digest),
            _ => None,
        }
    }

    /// Returns the number of a message, or of the first one if several share the id.
    pub(crate) fn number(&self, id: MessageId) -> Option<usize> {
        self.by_id.get(&id).and_then(|digests| self.known(digests.first()?)).map(|known| known.number)
    }

    /// Returns the application's messages that share their id with another message.
    pub(crate) fn forked(&self) -> impl Iterator<Item = (MessageId, Vec<Digest>)> + '_ {
        self.by_id.iter().filter_map(|(&id, digests)| {
            let is_payload = |digest: &&Digest| self.known(digest).is_some_and(|known| known.is_payload);
            let payloads: Vec<Digest> = digests.iter().filter(is_payload).copied().collect();
            (payloads.len() > 1).then_some((id, payloads))
        })
    }

    /// Returns the authors that are retired for everybody who has every message: those of which the latest retirement is
    /// later than each one that is among the causes of a message of theirs.
    pub(crate) fn retired(&self) -> BTreeSet<AuthorId> {
        let mut seen: BTreeMap<Digest, BTreeSet<(AuthorId, Stamp, Digest)>> = BTreeMap::new();
        let (mut latest, mut answered) = (BTreeMap::new(), BTreeMap::new());
        // A message is kept after its causes.
        for digest in &self.in_order {
            let Some(known) = self.by_digest.get(digest) else { continue };
            let mut past: BTreeSet<_> = known.causes.iter().filter_map(|it| seen.get(it)).flatten().copied().collect();
            for &(_, stamp, digest) in past.iter().filter(|(about, ..)| *about == known.id.author) {
                let answered = answered.entry(known.id.author).or_insert((stamp, digest));
                *answered = (stamp, digest).max(*answered);
            }
            if let Some(about) = known.retires {
                let latest = latest.entry(about).or_insert((known.stamp, *digest));
                *latest = (known.stamp, *digest).max(*latest);
                past.insert((about, known.stamp, *digest));
            }
            seen.insert(*digest, past);
        }
        latest.into_iter().filter(|(about, last)| answered.get(about) < Some(last)).map(|(about, _)| about).collect()
    }

    /// Returns the application's messages in the order that every member must see.
    pub(crate) fn timeline(&self) -> Vec<Digest> {
        let payloads = self.by_digest.iter().filter(|(_, known)| known.is_payload);
        let mut ordered: Vec<(Stamp, Digest)> = payloads.map(|(&digest, known)| (known.stamp, digest)).collect();
        ordered.sort_unstable();
        ordered.into_iter().map(|(_, digest)| digest).collect()
    }
}
