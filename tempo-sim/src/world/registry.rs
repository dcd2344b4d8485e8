//! What was really sent, against which everything that is delivered is judged.

use std::collections::BTreeMap;

use bytes::Bytes;
use tempo_clock::{Lamport, Stamp};
use tempo_message::{Digest, Frame, Kind, MessageId};

use super::Violation;

/// Every message that a store has ever kept as sent.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    by_digest: BTreeMap<Digest, Known>,
    by_id: BTreeMap<MessageId, Digest>,
    pub(crate) in_order: Vec<Digest>,
}

#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) number: usize,
    pub(crate) id: MessageId,
    pub(crate) stamp: Stamp,
    pub(crate) causes: Vec<Digest>,
    pub(crate) payload: Bytes,
    pub(crate) is_payload: bool,
}

impl Registry {
    /// Notes a message that a store has kept.
    ///
    /// `seen` is the greatest time that its author's application had been shown.
    pub(crate) fn add(&mut self, frame: &Frame, seen: Lamport) -> Result<(), Violation> {
        let (message, digest) = (frame.message(), frame.digest());
        match self.by_id.insert(message.id, digest) {
            Some(other) if other != digest => {
                return Err(Violation::new("I9", format!("{} has two contents", message.id)));
            }
            Some(_) => return Ok(()),
            None => {}
        }
        let causes: Vec<Digest> = message.causes().map(|cause| cause.digest).collect();
        let times = causes.iter().map(|cause| self.by_digest.get(cause).map(|known| known.stamp.lamport));
        let latest = times.collect::<Option<Vec<_>>>().map(|times| times.into_iter().max().unwrap_or(Lamport::ZERO));
        if latest.map(|latest| latest.0 + 1) != Some(message.lamport.0) {
            return Err(Violation::new("I13", format!("{} has time {}", message.id, message.lamport)));
        }
        if message.lamport <= seen && !self.by_digest.contains_key(&digest) {
            return Err(Violation::new("I5", format!("{} is not after what its author had seen", message.id)));
        }
        let is_implied = |parent: &Digest| {
            let others = causes.iter().filter(|other| *other != parent).filter_map(|other| self.by_digest.get(other));
            others.into_iter().any(|other| other.causes.contains(parent))
        };
        if message.parents.iter().any(|parent| is_implied(&parent.digest)) {
            return Err(Violation::new("I5", format!("{} names a parent that another one implies", message.id)));
        }
        let known = Known {
            number: self.in_order.len(),
            id: message.id,
            stamp: message.stamp(),
            causes,
            payload: message.payload.clone(),
            is_payload: message.kind == Kind::Payload,
        };
        self.by_digest.insert(digest, known);
        self.in_order.push(digest);
        Ok(())
    }

    pub(crate) fn known(&self, digest: &Digest) -> Option<&Known> {
        self.by_digest.get(digest)
    }

    /// The number of a message.
    pub(crate) fn number(&self, id: MessageId) -> Option<usize> {
        self.by_id.get(&id).and_then(|digest| self.known(digest)).map(|known| known.number)
    }

    /// The messages of the application in the order that everybody must see.
    pub(crate) fn timeline(&self) -> Vec<Digest> {
        let payloads = self.by_digest.iter().filter(|(_, known)| known.is_payload);
        let mut ordered: Vec<(Stamp, Digest)> = payloads.map(|(&digest, known)| (known.stamp, digest)).collect();
        ordered.sort_unstable();
        ordered.into_iter().map(|(_, digest)| digest).collect()
    }
}
