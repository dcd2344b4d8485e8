//! Faults that last: what a member writes is undone, and a service that was linked anew fills a folder again.

use std::time::Duration;

use super::Run;
use crate::{Conflict, Fault, Filling, Undoing};

impl Run<'_> {
    /// The faults that need more time than others to show what follows from them. Each strikes at least once.
    pub(super) const LASTING: [Fault; 2] = [Fault::Undone, Fault::Relinked];

    /// Draws when each lasting fault strikes for the first time, as a number of messages; and when a thief comes, who then
    /// stays.
    pub(super) fn draw_lasting(&mut self) {
        let lasting = Self::LASTING.into_iter().chain([Fault::Thief]);
        for fault in lasting.filter(|fault| self.plan.faults.contains(fault)) {
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

    /// Signs a member's service out and in. A member that has never seen the folder's content cannot tell a new folder
    /// from it. Where conflicts are left alone, a head that is written before the former one is back never arrives.
    pub(super) fn relink(&mut self, member: usize) {
        let mut seconds = |range| Duration::from_secs(self.rng.range(range));
        let filling = Filling { quiet: seconds(1..200), span: seconds(1..120) };
        let has_joined = self.world.member(member).is_some_and(|there| there.store().marks_now().has_joined());
        let is_anew = self.rng.chance(500) && has_joined && self.plan.profile.conflict != Conflict::Skipped;
        self.world.relink(member, filling, is_anew);
    }
}
