//! What happens to the stores of members.

use std::time::Duration;

use super::Run;
use crate::Failing;

impl Run<'_> {
    /// Lets the next commit of a message fail. The process then ends, as an application's would, and restarts.
    pub(super) fn fail_commit(&mut self, member: usize) {
        let failing = if self.rng.chance(500) { Failing::Kept } else { Failing::Lost };
        let Some(there) = self.world.member(member).filter(|there| there.session().is_some()) else { return };
        there.store().fail_next(failing);
        self.world.note_fault(member, "failed commit", &format!("the store fails: {failing:?}"));
        let _ = self.world.send(member, "a message that may be lost");
        let back_after = Duration::from_millis(self.rng.range(10..2000));
        self.world.crash(member, back_after);
    }

    /// Fills the volume of a member's store, or makes room again on one that was full.
    pub(super) fn fill_store(&mut self, member: usize) {
        if let Some(freed) = self.full_stores.pop() {
            if let Some(there) = self.world.member(freed) {
                there.store().set_full(false);
            }
        } else if let Some(there) = self.world.member(member) {
            there.store().set_full(true);
            self.full_stores.push(member);
            self.world.note_fault(member, "store full", "the store's volume is full");
        }
    }

    pub(super) fn restore_store(&mut self, member: usize) {
        let at = self.stores.iter().position(|(of, _)| *of == member);
        match at {
            None => self.stores.extend(self.world.copy_store(member).map(|store| (member, store))),
            Some(at) if self.world.is_at_rest(member) && self.strange.insert(member) => {
                let (_, store) = self.stores.remove(at);
                self.world.restore_store(member, store);
            }
            Some(_) => {}
        }
    }
}
