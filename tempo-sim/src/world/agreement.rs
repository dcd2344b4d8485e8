//! Agreement among all members: on the stable part during the run, and on everything once all faults are over.

use std::time::Duration;

use tempo_message::{AuthorId, Lamport};

use super::{
    Simulation, Violation, check,
    member::{self, Member},
};

impl Simulation {
    /// Checks I8: two members that know every member agree on what is stable, as far as both have come.
    pub(super) fn check_stable(&mut self, member: usize, is_more: bool) {
        let authors: Vec<AuthorId> = self.members.iter().map(Member::author).collect();
        // The status reports less while it knows of messages that have not arrived.
        let marked = self.members.get(member).map_or(Lamport::ZERO, |there| there.store().marks_now().stable);
        let Some(Member { name, running: Some(running), .. }) = self.members.get_mut(member) else { return };
        if !self.is_membership_fixed {
            return;
        }
        let Some(by_few) = running.stable_by_few else {
            let status = running.session.status();
            // A member whose messages are all still waiting does not count yet.
            let counts = |author| status.members.iter().any(|it| it.author == author && it.heard_ms.is_some());
            running.stable_by_few = authors.into_iter().all(counts).then_some(marked);
            return;
        };
        if marked <= by_few {
            return;
        }
        if self.retiring.has_begun {
            // What a retired member writes comes below what the others call stable, and takes nothing of it back.
            let until = running.session.status().stable.until;
            if until < running.stable_until {
                let what =
                    format!("{name} called everything up to {} stable, and now up to {until}", running.stable_until);
                return self.fail(Violation::new("D2", what));
            }
            running.stable_until = until;
            return;
        }
        if !is_more {
            return;
        }
        let stable = running.app.list.get(..running.app.stable).unwrap_or_default();
        self.counts.add("stable by all");
        if let Some((_, entry)) = self.stable.iter().zip(stable).find(|(digest, entry)| **digest != entry.digest) {
            let what =
                format!("{name} considers {} stable, but others have another message at that position", entry.id);
            return self.fail(Violation::new("I8", what));
        }
        if stable.len() > self.stable.len() {
            self.stable = stable.iter().map(|entry| entry.digest).collect();
        }
    }

    /// Returns whether everything must be stable in the end. Where file times are coarse, one of two heads in quick
    /// succession may be missed.
    fn stabilizes_everything(&self) -> bool {
        let is_exact = |member: &Member| member.disk.options().granularity <= Duration::from_nanos(1);
        // Nobody waits for who has left, once that one is retired.
        let is_certain = self.is_membership_fixed || (self.retiring.of_departed && self.has_departed());
        is_certain && self.members.iter().all(is_exact)
    }

    /// Returns whether every member has everything, and no member keeps an unnecessary relay.
    pub(super) fn is_stable(&self) -> bool {
        self.agree() && self.relays_are_taken_back().is_ok()
    }

    fn agree(&self) -> bool {
        let (timeline, gone) = (self.expected(), self.gone());
        self.present().all(|member| {
            let is_like_it = |running: &member::Running| {
                let status = running.session.status();
                if self.stabilizes_everything() && status.stable.messages < timeline.len() {
                    return false;
                }
                let list = running.app.list.iter().map(|entry| entry.digest);
                list.eq(timeline.iter().copied()) && status.unpublished == 0 && !check::waits(&status, &gone)
            };
            let knows_who_is_who = check::successions_are_known(member, &self.successions, &self.registry).is_ok();
            knows_who_is_who && member.running.as_ref().is_some_and(is_like_it)
        })
    }

    pub(super) fn check_agreement(&self) -> Result<(), Violation> {
        let timeline = self.expected();
        if !timeline.starts_with(&self.stable) && self.is_membership_fixed && !self.retiring.has_begun {
            return Err(Violation::new("I8", "a message was inserted into the stable part"));
        }
        self.relays_are_taken_back()?;
        self.check_retirements()?;
        for member in self.present() {
            let running = member.running.as_ref().filter(|_| self.stabilizes_everything());
            let stable = running.map(|running| running.session.status().stable);
            if let Some(stable) = stable.filter(|stable| stable.messages < timeline.len()) {
                let what = format!("{} never considers everything stable: {stable:?}", member.name);
                return Err(Violation::new("L3", what));
            }
            check::final_state(member, (&timeline, &self.gone()), &self.registry)?;
            check::successions_are_known(member, &self.successions, &self.registry)?;
        }
        Ok(())
    }
}
