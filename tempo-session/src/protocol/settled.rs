//! Up to where the timeline keeps its order.

use std::{collections::BTreeSet, time::Duration};

use tempo_clock::{AuthorId, Lamport, LogicalClock, Stamp};
use tempo_message::planted;

use super::SessionCore;

impl SessionCore {
    /// So much is settled, which the store knows already.
    pub fn handle_settled(&mut self, settled: Lamport) {
        self.stability.settle(settled);
    }

    /// Up to which time more can be settled, by what is accepted and by heads.
    ///
    /// All that is accepted must be kept durably before. A member of whom nothing was heard for the time `idle` is not
    /// waited for.
    pub fn reach(&mut self, unix_ms: i64, idle: Option<Duration>) -> Option<Lamport> {
        if let Some(me) = self.identity.me {
            self.stability.raise(me, self.clock.latest());
        }
        let heads: Vec<_> = self.heads.iter().map(|head| (head.author, head.counter, head.lamport)).collect();
        for (author, counter, lamport) in heads {
            // What it has written before it knew of that time must be here, or it could still land below.
            let is_here = self.ledger.contiguous(author) >= counter || planted!(HeadSettlesTooMuch);
            self.stability.raise(author, if is_here { lamport } else { Lamport::ZERO });
        }
        let given_up = self.not_waited_for(unix_ms, idle);
        self.stability.reach(|author| !given_up.contains(&author))
    }

    /// Messages up to this time keep their positions as far as anybody who is waited for is concerned.
    pub fn settled(&self) -> Lamport {
        self.stability.settled()
    }

    /// How many messages of the timeline that are.
    pub fn settled_len(&self) -> usize {
        let settled = self.settled();
        self.timeline().partition_point(|&slot| self.ledger.lamport(slot).is_some_and(|lamport| lamport <= settled))
    }

    /// Who has to say more before more is settled; nobody once everything is.
    pub fn waits_for(&self, unix_ms: i64, idle: Option<Duration>) -> Vec<AuthorId> {
        if self.settled() >= self.latest() {
            return Vec::new();
        }
        let given_up = self.not_waited_for(unix_ms, idle);
        self.stability.waits_for(move |author| !given_up.contains(&author)).collect()
    }

    /// Those of whom nothing was heard for so long.
    pub fn silent(&self, unix_ms: i64, idle: Option<Duration>) -> BTreeSet<AuthorId> {
        let Some(idle) = idle else { return BTreeSet::new() };
        let oldest = unix_ms.saturating_sub(i64::try_from(idle.as_millis()).unwrap_or(i64::MAX));
        let others =
            self.ledger.authors().chain(self.heads.authors()).filter(|&author| Some(author) != self.identity.me);
        others.filter(|&author| self.heard_ms(author).is_none_or(|heard| heard < oldest)).collect()
    }

    /// The latest time, by its own clock, of which anything is known of an author.
    pub fn heard_ms(&self, author: AuthorId) -> Option<i64> {
        let latest = self.latest_of(author).map(|latest| latest.unix_ms);
        latest.max(self.heads.of(author).map(|head| head.unix_ms))
    }

    /// The silent ones are not waited for, nor whoever has a successor and shows no sign of life since: the original of a
    /// copied store writes on. Who has lost what it knew may take the place at an early logical time, so the wall clock, which
    /// is that of one machine as a rule, counts as well; if it is wrong, what comes after all is
    /// [below what is settled](crate::Placed::BelowSettled).
    fn not_waited_for(&self, unix_ms: i64, idle: Option<Duration>) -> BTreeSet<AuthorId> {
        let is_over = |&(former, since): &(AuthorId, Stamp)| {
            let latest = self.latest_of(former).map(|latest| latest.lamport);
            let latest = latest.max(self.heads.of(former).map(|head| head.lamport));
            latest <= Some(since.lamport) || self.heard_ms(former) <= Some(since.unix_ms)
        };
        self.ledger.claims().filter(is_over).map(|(former, _)| former).chain(self.silent(unix_ms, idle)).collect()
    }
}
