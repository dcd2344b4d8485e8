//! Agreement among all members: on the stable part during the run, and on everything once all faults are over.

use std::time::Duration;

use tempo_message::{AuthorId, Digest, Lamport};

use super::{
    Simulation, Violation, check,
    member::{self, Member},
    succeeding::successions_are_known,
};

impl Simulation {
    /// Checks I8: two members that know every member agree on what is stable, as far as both have come.
    pub(super) fn check_stable(&mut self, member: usize, is_more: bool) {
        let honest = (0..self.members.len()).filter(|&at| !self.is_compromised(at));
        let authors: Vec<AuthorId> = honest.filter_map(|at| self.members.get(at)).map(Member::author).collect();
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
            // What a retired member writes comes below what the others call stable, and takes nothing of it back. The
            // author of a thief is a newcomer, whose missing messages do.
            let until = if self.thief.is_some() { marked } else { running.session.status().stable.until };
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
        let stable: Vec<Digest> = stable.iter().map(|entry| entry.digest).collect();
        let (name, stable) = (name.clone(), self.uncompromised(stable.into_iter()));
        self.counts.add("stable by all");
        // Where there is a thief, only from then on nothing of the victim counts.
        self.stable = self.uncompromised(self.stable.iter().copied());
        if let Some((_, digest)) = self.stable.iter().zip(&stable).find(|(one, other)| one != other) {
            let id = self.registry.known(digest).map(|known| known.id.to_string()).unwrap_or_default();
            let what = format!("{name} considers {id} stable, but others have another message at that position");
            return self.fail(Violation::new("I8", what));
        }
        if stable.len() > self.stable.len() {
            self.stable = stable;
        }
    }

    /// Returns whether everything must be stable in the end. Where file times are coarse, one of two heads in quick
    /// succession may be missed.
    fn stabilizes_everything(&self) -> bool {
        let is_exact = |member: &Member| member.disk.options().granularity <= Duration::from_nanos(1);
        // Nobody waits for who has left, once that one is retired.
        let is_fixed = self.is_membership_fixed && self.thief.is_none();
        let is_certain = is_fixed || (self.retiring.of_departed && self.has_departed());
        is_certain && self.members.iter().all(is_exact)
    }

    /// Returns whether every member has everything, and no member keeps an unnecessary relay.
    pub(super) fn is_stable(&self) -> bool {
        self.agree() && self.relays_are_taken_back().is_ok() && self.agree_on_the_thief()
    }

    /// Returns whether every member has what a thief has said of others: that is no part of the timeline.
    fn agree_on_the_thief(&self) -> bool {
        self.thief.is_none() || (self.check_retirements().is_ok() && self.check_successions().is_ok())
    }

    fn agree(&self) -> bool {
        let (timeline, may_wait) = (self.expected(), self.may_wait());
        let successions = self.successions_of_members();
        self.present().all(|member| {
            let is_like_it = |running: &member::Running| {
                let status = running.session.status();
                if self.stabilizes_everything() && status.stable.messages < timeline.len() {
                    return false;
                }
                let list = running.app.list.iter().map(|entry| entry.digest);
                list.eq(timeline.iter().copied()) && status.unpublished == 0 && !check::waits(&status, &may_wait)
            };
            let knows_who_is_who = successions_are_known(member, &successions, &self.registry).is_ok();
            knows_who_is_who && member.running.as_ref().is_some_and(is_like_it)
        })
    }

    pub(super) fn check_agreement(&self) -> Result<(), Violation> {
        let timeline = self.expected();
        let stable = self.uncompromised(self.stable.iter().copied());
        if !self.uncompromised(timeline.iter().copied()).starts_with(&stable)
            && self.is_membership_fixed
            && !self.retiring.has_begun
        {
            return Err(Violation::new("I8", "a message was inserted into the stable part"));
        }
        self.relays_are_taken_back()?;
        self.check_retirements()?;
        self.check_successions()?;
        let (gone, may_wait, successions) = (self.gone(), self.may_wait(), self.successions_of_members());
        for member in self.present() {
            let running = member.running.as_ref().filter(|_| self.stabilizes_everything());
            let stable = running.map(|running| running.session.status().stable);
            if let Some(stable) = stable.filter(|stable| stable.messages < timeline.len()) {
                let what = format!("{} never considers everything stable: {stable:?}", member.name);
                return Err(Violation::new("L3", what));
            }
            check::final_state(member, &timeline, (&gone, &may_wait), &self.registry)?;
            successions_are_known(member, &successions, &self.registry)?;
        }
        Ok(())
    }
}
