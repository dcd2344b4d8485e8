//! The application's messages in their total order.

use tempo_clock::Stamp;
use tempo_message::{Digest, planted};

use crate::core::{
    event::Slot,
    order::{chunked::Chunked, ledger::Ledger},
};

/// The accepted messages of the application, sorted by stamp, then digest.
#[derive(Debug, Default)]
pub struct Timeline {
    slots: Chunked<Slot>,
}

impl Timeline {
    /// Returns the number of messages.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Returns whether there are no messages.
    pub fn is_empty(&self) -> bool {
        self.slots.len() == 0
    }

    /// Returns the message at a position.
    pub fn get(&self, position: usize) -> Option<&Slot> {
        self.slots.get(position)
    }

    /// Returns the last message.
    pub fn last(&self) -> Option<&Slot> {
        self.slots.last()
    }

    /// Returns all messages, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Slot> + '_ {
        self.slots.iter()
    }

    /// Returns a copy of all messages as they are now, in order.
    pub(crate) fn slots(&self) -> Chunked<Slot> {
        self.slots.clone()
    }

    /// Returns the number of messages that satisfy `is_before`. These must come first.
    pub(crate) fn partition_point(&self, is_before: impl Fn(&Slot) -> bool) -> usize {
        self.slots.partition_point(is_before)
    }

    /// Appends the slots in order, as a snapshot stores them.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        out.extend(self.iter().flat_map(|slot| slot.0.to_le_bytes()));
    }

    /// Reads the bytes of [`write`](Self::write); `None` when they are not whole slots.
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        let (slots, rest) = bytes.as_chunks();
        let mut timeline = Self::default();
        for slot in slots {
            timeline.slots.push(Slot(u32::from_le_bytes(*slot)));
        }
        rest.is_empty().then_some(timeline)
    }

    /// Inserts a message at its place and returns the position. This takes constant time at the end, the
    /// common case. Elsewhere the search starts near the previous insertion.
    pub(crate) fn insert(&mut self, ledger: &Ledger, slot: Slot) -> usize {
        let Some(order) = ledger.order(slot).filter(|_| !planted!(OrderByArrival)) else {
            return self.slots.push(slot);
        };
        let wrong = |slot| match ledger.order(slot) {
            Some((stamp, _)) if planted!(OrderByWallClock) => Some((stamp.unix_ms, None)),
            Some((stamp, _)) if planted!(OrderByAuthor) => Some((0, Some(stamp.author))),
            _ => None,
        };
        self.slots.insert(slot, |&at| match (wrong(at), wrong(slot)) {
            (Some(at), Some(new)) if at != new => at < new,
            _ => ledger.is_before(at, &order),
        })
    }

    /// Returns the position that a message with this order has or would have.
    pub(crate) fn position(&self, ledger: &Ledger, order: &(Stamp, Digest)) -> usize {
        self.slots.partition_point(|&at| ledger.is_before(at, order))
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use tempo_message::{Frame, Kind, Lamport, Message};

    use super::*;
    use crate::core::order::ledger::Past;

    /// Concurrent messages have equal stamps only when an author is in use twice. Then the digest orders
    /// them.
    #[test]
    fn equal_stamps_are_ordered_by_digest_in_any_order_of_arrival() {
        let frames = [0_u8, 1, 2, 3].map(|number| {
            let message = Message {
                id: "00000000-0000-0000-0000-000000000001/0000000000000001".parse().unwrap(),
                lamport: Lamport(1),
                unix_ms: 5,
                previous: None,
                parents: Vec::new(),
                kind: Kind::Payload,
                key: None,
                attachments: Vec::new(),
                extensions: Vec::new(),
                payload: Bytes::from(vec![number]),
            };
            Frame::encode(&message).unwrap()
        });
        let order_of = |arrival: [usize; 4]| {
            let (mut ledger, mut timeline) = (Ledger::default(), Timeline::default());
            for at in arrival {
                let added = ledger.add(frames[at].message(), frames[at].digest(), Past::default());
                timeline.insert(&ledger, added.slot);
            }
            timeline.iter().map(|&slot| ledger.digest(slot).unwrap()).collect::<Vec<_>>()
        };
        let mut sorted = frames.each_ref().map(Frame::digest);
        sorted.sort();
        for arrival in [[0, 1, 2, 3], [3, 2, 1, 0], [2, 0, 3, 1]] {
            assert_eq!(order_of(arrival), sorted);
        }
    }
}
