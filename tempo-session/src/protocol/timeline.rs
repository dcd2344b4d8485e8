//! The messages of the application in the one order.

use tempo_clock::Stamp;
use tempo_message::{Digest, planted};

use super::{Slot, ledger::Ledger};

/// Slots sorted by stamp, then digest.
#[derive(Debug, Default)]
pub(crate) struct Timeline {
    slots: Vec<Slot>,
}

impl Timeline {
    /// Puts a message where it belongs and tells where that is. At the end, the common case, in constant time.
    pub(crate) fn insert(&mut self, ledger: &Ledger, slot: Slot) -> usize {
        if planted!(OrderByArrival) {
            self.slots.push(slot);
            return self.slots.len() - 1;
        }
        let order_of = |slot| {
            let order = ledger.order(slot);
            let first = match order {
                Some((stamp, _)) if planted!(OrderByWallClock) => Some((stamp.unix_ms, None)),
                Some((stamp, _)) if planted!(OrderByAuthor) => Some((0, Some(stamp.author))),
                _ => None,
            };
            (first, order)
        };
        let order = order_of(slot);
        let is_last = self.slots.last().is_none_or(|&last| order_of(last) < order);
        let position = if is_last { self.slots.len() } else { self.slots.partition_point(|&at| order_of(at) < order) };
        self.slots.insert(position, slot);
        position
    }

    /// Where a message of this order is, or would be.
    pub(crate) fn position(&self, ledger: &Ledger, order: &(Stamp, Digest)) -> usize {
        self.slots.partition_point(|&at| ledger.order(at).is_some_and(|at| at < *order))
    }

    /// All messages, in order.
    pub(crate) fn slots(&self) -> &[Slot] {
        &self.slots
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use tempo_message::{Frame, Kind, Lamport, Message};

    use super::*;

    /// Concurrent messages with one stamp exist when an author is in use twice; the digest orders them.
    #[test]
    fn equal_stamps_are_ordered_by_digest_whatever_comes_first() {
        let frames = [0_u8, 1, 2, 3].map(|number| {
            let message = Message {
                id: "00000000-0000-0000-0000-000000000001/0000000000000001".parse().unwrap(),
                lamport: Lamport(1),
                unix_ms: 5,
                previous: None,
                parents: Vec::new(),
                kind: Kind::Payload,
                payload: Bytes::from(vec![number]),
            };
            Frame::encode(&message).unwrap()
        });
        let order_of = |arrival: [usize; 4]| {
            let (mut ledger, mut timeline) = (Ledger::default(), Timeline::default());
            for at in arrival {
                let added = ledger.add(frames[at].message(), frames[at].digest());
                timeline.insert(&ledger, added.slot);
            }
            timeline.slots().iter().map(|&slot| ledger.digest(slot).unwrap()).collect::<Vec<_>>()
        };
        let mut sorted = frames.each_ref().map(Frame::digest);
        sorted.sort();
        for arrival in [[0, 1, 2, 3], [3, 2, 1, 0], [2, 0, 3, 1]] {
            assert_eq!(order_of(arrival), sorted);
        }
    }
}
