//! The part of the timeline that keeps its order.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use tempo_clock::{AuthorId, Lamport, LogicalClock, Stamp};
use tempo_message::planted;

use crate::core::session_core::SessionCore;

impl SessionCore {
    /// Returns the authors that confirm `stable`: everything they have yet to write comes after it,
    /// regardless of later news.
    pub(crate) fn who_confirms(&self, stable: Lamport) -> BTreeSet<AuthorId> {
        self.stability.at_least(stable).collect()
    }

    /// Returns the next stable time, if it can advance, by the accepted messages and by heads.
    ///
    /// Everything accepted must be durable before. The session does not wait for a member without news for
    /// the time `idle`.
    pub(crate) fn reach(&mut self, unix_ms: i64, idle: Option<Duration>) -> Option<Lamport> {
        if let Some(me) = self.identity.me {
            self.stability.raise(me, self.clock.latest());
        }
        let heads: Vec<_> = self.heads.iter().map(|head| (head.author, head.counter, head.lamport)).collect();
        for (author, counter, lamport) in heads {
            // Everything it wrote before it knew that time must be here, or a message could still land below.
            let is_here = self.ledger.contiguous(author) >= counter || planted!(HeadStabilizesTooMuch);
            self.stability.raise(author, if is_here { lamport } else { Lamport::ZERO });
        }
        // An author that is only mentioned by others may have written anything.
        for author in self.lacking() {
            self.stability.raise(author, Lamport::ZERO);
        }
        let given_up = self.not_waited_for(unix_ms, idle);
        let counts = |author| !given_up.contains(&author);
        if self.stability.waits_for(counts).next().is_none() {
            // Nobody is waited for.
            return Some(self.latest()).filter(|&latest| latest > self.stable_until());
        }
        self.stability.reach(counts)
    }

    /// Returns the recorded stable time. It never decreases, even when a newcomer appears that had no say.
    pub(crate) fn stable_until(&self) -> Lamport {
        self.stability.stable()
    }

    /// Returns the stable time as far as is known now. Messages up to that time keep their positions: they
    /// are stable, and no author is known to have written a missing message that may land below.
    pub(crate) fn stable_now(&self, unix_ms: i64, idle: Option<Duration>) -> Lamport {
        let doubts = self.doubts(unix_ms, idle);
        doubts.into_values().min().map_or(self.stable_until(), |least| least.min(self.stable_until()))
    }

    /// Returns the number of messages in the timeline up to a time.
    pub(crate) fn len_until(&self, until: Lamport) -> usize {
        self.timeline().partition_point(|&slot| self.ledger.lamport(slot).is_some_and(|lamport| lamport <= until))
    }

    /// Returns the authors that must write more before more becomes stable. Empty once everything is stable.
    pub(crate) fn waits_for(&self, unix_ms: i64, idle: Option<Duration>) -> Vec<AuthorId> {
        let doubts = self.doubts(unix_ms, idle);
        if let Some(least) = doubts.values().min() {
            return doubts.iter().filter(|&(_, floor)| floor == least).map(|(&author, _)| author).collect();
        }
        if self.stable_until() >= self.latest() {
            return Vec::new();
        }
        let given_up = self.not_waited_for(unix_ms, idle);
        self.stability.waits_for(move |author| !given_up.contains(&author)).collect()
    }

    /// Returns the authors without news for the time `idle`.
    pub(crate) fn silent(&self, unix_ms: i64, idle: Option<Duration>) -> BTreeSet<AuthorId> {
        let Some(idle) = idle else { return BTreeSet::new() };
        let oldest = unix_ms.saturating_sub(i64::try_from(idle.as_millis()).unwrap_or(i64::MAX));
        let others =
            self.ledger.authors().chain(self.heads.authors()).filter(|&author| Some(author) != self.identity.me);
        others.filter(|&author| self.heard_ms(author).is_none_or(|heard| heard < oldest)).collect()
    }

    /// Returns the latest time at which an author was heard of, by the author's own clock.
    pub(crate) fn heard_ms(&self, author: AuthorId) -> Option<i64> {
        let latest = self.latest_of(author).map(|latest| latest.unix_ms);
        latest.max(self.heads.of(author).map(|head| head.unix_ms))
    }

    /// Returns the authors with known messages that are missing here: named by their heads, by those of
    /// others, or as parents of held messages.
    pub(crate) fn lacking(&self) -> BTreeSet<AuthorId> {
        let mut written: BTreeMap<AuthorId, u64> = BTreeMap::new();
        let awaited = self.held.awaited().map(|parent| (parent.author, parent.counter));
        for (author, counter) in self.heads.written().chain(awaited) {
            let last = written.entry(author).or_default();
            *last = counter.max(*last);
        }
        let is_lacking = |&(author, last): &(AuthorId, u64)| self.ledger.contiguous(author) < last;
        written.into_iter().filter(is_lacking).map(|(author, _)| author).collect()
    }

    /// Returns the authors that had no say in what is stable and whose missing messages may land below that,
    /// each with the time after which they land.
    fn doubts(&self, unix_ms: i64, idle: Option<Duration>) -> BTreeMap<AuthorId, Lamport> {
        let stable = self.stable_until();
        if stable == Lamport::ZERO {
            return BTreeMap::new();
        }
        let given_up = self.not_waited_for(unix_ms, idle);
        // What comes from an author that was retired takes nothing back, also when it has returned.
        let was_retired = |author| self.retirements.was_retired(author, self.heeds_retirements);
        let counts = |author: &AuthorId| {
            !self.stability.had_a_say(*author) && !given_up.contains(author) && !was_retired(*author)
        };
        let lacking = self.lacking().into_iter().filter(counts);
        lacking.map(|author| (author, self.stability.floor(author))).filter(|&(_, floor)| floor < stable).collect()
    }

    /// Returns the authors that the session does not wait for: the retired ones, the silent ones, and those with a
    /// successor and no sign of life since. The original of a copied store keeps writing, so a successor alone is not
    /// enough. An installation that lost its state may become a successor at an early logical time, so the
    /// wall clock counts as well; both are usually from one machine. If that clock is wrong, a message that
    /// arrives after all is [below what is stable](crate::Placed::BelowStable).
    fn not_waited_for(&self, unix_ms: i64, idle: Option<Duration>) -> BTreeSet<AuthorId> {
        let is_over = |&(author, former, since): &(AuthorId, AuthorId, Stamp)| {
            let latest = self.latest_of(former).map(|latest| latest.lamport);
            let latest = latest.max(self.heads.of(former).map(|head| head.lamport));
            let is_silent = latest <= Some(since.lamport) || self.heard_ms(former) <= Some(since.unix_ms);
            is_silent && self.has_proven(author, former)
        };
        let is_unheard = |author: &AuthorId| idle.is_some() && self.heard_ms(*author).is_none();
        let over = self.ledger.claims().filter(is_over).map(|(_, former, _)| former);
        let retired = if planted!(RetiredIsWaitedFor) { BTreeSet::new() } else { self.retired() };
        let over = over.chain(retired).chain(self.silent(unix_ms, idle));
        over.chain(self.lacking().into_iter().filter(is_unheard)).collect()
    }
}
