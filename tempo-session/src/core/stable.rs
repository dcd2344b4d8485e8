//! Up to where the timeline keeps its order.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use tempo_clock::{AuthorId, Lamport, LogicalClock, Stamp};
use tempo_message::planted;

use crate::core::session_core::SessionCore;

impl SessionCore {
    /// Who has come so far that this can become stable. What they have yet to write comes after it, whatever is heard of them.
    pub(crate) fn who_confirms(&self, stable: Lamport) -> BTreeSet<AuthorId> {
        self.stability.at_least(stable).collect()
    }

    /// Up to which time more can become stable, by what is accepted and by heads.
    ///
    /// All that is accepted must be kept durably before. A member of whom nothing was heard for the time `idle` is not
    /// waited for.
    pub(crate) fn reach(&mut self, unix_ms: i64, idle: Option<Duration>) -> Option<Lamport> {
        if let Some(me) = self.identity.me {
            self.stability.raise(me, self.clock.latest());
        }
        let heads: Vec<_> = self.heads.iter().map(|head| (head.author, head.counter, head.lamport)).collect();
        for (author, counter, lamport) in heads {
            // What it has written before it knew of that time must be here, or it could still land below.
            let is_here = self.ledger.contiguous(author) >= counter || planted!(HeadStabilizesTooMuch);
            self.stability.raise(author, if is_here { lamport } else { Lamport::ZERO });
        }
        // Whoever is only heard of may have written anything.
        for author in self.lacking() {
            self.stability.raise(author, Lamport::ZERO);
        }
        let given_up = self.not_waited_for(unix_ms, idle);
        self.stability.reach(|author| !given_up.contains(&author))
    }

    /// Up to which time it was stable. It never goes back, also when somebody is met who had no say in that.
    pub(crate) fn stable_until(&self) -> Lamport {
        self.stability.stable()
    }

    /// Messages up to this time keep their positions as far as is known: it is stable, and nobody is known to have written
    /// anything that is not here and may come below.
    pub(crate) fn stable_now(&self, unix_ms: i64, idle: Option<Duration>) -> Lamport {
        let doubts = self.doubts(unix_ms, idle);
        doubts.into_values().min().map_or(self.stable_until(), |least| least.min(self.stable_until()))
    }

    /// How many messages of the timeline come up to a time.
    pub(crate) fn len_until(&self, until: Lamport) -> usize {
        self.timeline().partition_point(|&slot| self.ledger.lamport(slot).is_some_and(|lamport| lamport <= until))
    }

    /// Who has to say more before more is stable; nobody once everything is.
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

    /// Those of whom nothing was heard for so long.
    pub(crate) fn silent(&self, unix_ms: i64, idle: Option<Duration>) -> BTreeSet<AuthorId> {
        let Some(idle) = idle else { return BTreeSet::new() };
        let oldest = unix_ms.saturating_sub(i64::try_from(idle.as_millis()).unwrap_or(i64::MAX));
        let others =
            self.ledger.authors().chain(self.heads.authors()).filter(|&author| Some(author) != self.identity.me);
        others.filter(|&author| self.heard_ms(author).is_none_or(|heard| heard < oldest)).collect()
    }

    /// The latest time, by its own clock, of which anything is known of an author.
    pub(crate) fn heard_ms(&self, author: AuthorId) -> Option<i64> {
        let latest = self.latest_of(author).map(|latest| latest.unix_ms);
        latest.max(self.heads.of(author).map(|head| head.unix_ms))
    }

    /// Of whom messages are known that are not here: by their heads, by those of others, or because something waits for them.
    fn lacking(&self) -> BTreeSet<AuthorId> {
        let mut written: BTreeMap<AuthorId, u64> = BTreeMap::new();
        let awaited = self.held.awaited().map(|parent| (parent.author, parent.counter));
        for (author, counter) in self.heads.written().chain(awaited) {
            let last = written.entry(author).or_default();
            *last = counter.max(*last);
        }
        let is_lacking = |&(author, last): &(AuthorId, u64)| self.ledger.contiguous(author) < last;
        written.into_iter().filter(is_lacking).map(|(author, _)| author).collect()
    }

    /// Who had no say in what is stable, and has written what is not here and may come below that; after which time.
    fn doubts(&self, unix_ms: i64, idle: Option<Duration>) -> BTreeMap<AuthorId, Lamport> {
        let stable = self.stable_until();
        if stable == Lamport::ZERO {
            return BTreeMap::new();
        }
        let given_up = self.not_waited_for(unix_ms, idle);
        let counts = |author: &AuthorId| !self.stability.had_a_say(*author) && !given_up.contains(author);
        let lacking = self.lacking().into_iter().filter(counts);
        lacking.map(|author| (author, self.stability.floor(author))).filter(|&(_, floor)| floor < stable).collect()
    }

    /// The silent ones are not waited for, nor whoever has a successor and shows no sign of life since: the original of a
    /// copied store writes on. Who has lost what it knew may take the place at an early logical time, so the wall clock, which
    /// is that of one machine as a rule, counts as well; if it is wrong, what comes after all is
    /// [below what is stable](crate::Placed::BelowStable).
    fn not_waited_for(&self, unix_ms: i64, idle: Option<Duration>) -> BTreeSet<AuthorId> {
        let is_over = |&(former, since): &(AuthorId, Stamp)| {
            let latest = self.latest_of(former).map(|latest| latest.lamport);
            let latest = latest.max(self.heads.of(former).map(|head| head.lamport));
            latest <= Some(since.lamport) || self.heard_ms(former) <= Some(since.unix_ms)
        };
        let is_unheard = |author: &AuthorId| idle.is_some() && self.heard_ms(*author).is_none();
        let over = self.ledger.claims().filter(is_over).map(|(former, _)| former);
        over.chain(self.silent(unix_ms, idle)).chain(self.lacking().into_iter().filter(is_unheard)).collect()
    }
}
