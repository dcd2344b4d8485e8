//! Faults that last: what a member writes is undone.

use super::Run;
use crate::{Fault, Undoing};

impl Run<'_> {
    /// The faults that need more time than others to show what follows from them. Each strikes at least once.
    pub(super) const LASTING: [Fault; 1] = [Fault::Undone];

    /// Draws when each lasting fault strikes for the first time, as a number of messages.
    pub(super) fn draw_lasting(&mut self) {
        for fault in Self::LASTING.into_iter().filter(|fault| self.plan.faults.contains(fault)) {
            let after = self.rng.below(self.plan.messages.max(1));
            self.lasting.push((after, fault));
        }
    }

    /// Lets the lasting faults happen that are due.
    pub(super) fn strike_lasting(&mut self) {
        let sent = self.sent;
        let due: Vec<Fault> =
            self.lasting.extract_if(.., |(after, _)| *after <= sent).map(|(_, fault)| fault).collect();
        for fault in due {
            self.strike(fault);
        }
    }

    /// Lets something undo what a member writes, or ends that.
    pub(super) fn undo(&mut self, member: usize) {
        if let Some(undone) = self.undone {
            if self.world.member(undone).is_some_and(|there| !there.disk().is_unmounted()) {
                self.world.allow_writing(undone);
                self.undone = None;
            }
            return;
        }
        let by = self.rng.pick(&Undoing::ALL).copied().unwrap_or(Undoing::MovedAside);
        self.world.undo_writing(member, by, self.rng.chance(500));
        self.undone = Some(member);
    }
}
