//! The messages of the application in the one order.

use super::{Slot, ledger::Ledger};

/// Slots sorted by stamp, then digest.
#[derive(Debug, Default)]
pub(crate) struct Timeline {
    slots: Vec<Slot>,
}

impl Timeline {
    /// Puts a message where it belongs and tells where that is. At the end, the common case, in constant time.
    pub(crate) fn insert(&mut self, ledger: &Ledger, slot: Slot) -> usize {
        let order = ledger.order(slot);
        let is_last = self.slots.last().is_none_or(|&last| ledger.order(last) < order);
        let position = if is_last {
            self.slots.len()
        } else {
            self.slots.partition_point(|&there| ledger.order(there) < order)
        };
        self.slots.insert(position, slot);
        position
    }

    /// All messages, in order.
    pub(crate) fn slots(&self) -> &[Slot] {
        &self.slots
    }
}
