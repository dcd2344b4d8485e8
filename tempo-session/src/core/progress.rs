//! The position of an application in the timeline.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use tempo_clock::{AuthorId, Lamport};
use tempo_message::{Digest, Parent, planted};

use crate::core::{event::Slot, session_core::SessionCore};

/// The position of an application in the events of a session.
///
/// The application can store it with its own data, in one transaction with the results of the events. It has
/// the same meaning in every store that has the messages.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    pub(crate) given: Frontier,
    /// The stable time that the application was told.
    pub(crate) stable: Lamport,
}

impl Progress {
    /// Returns the delivered messages that are here, in order.
    pub(crate) fn given(&self, core: &SessionCore) -> Vec<Slot> {
        core.within(&self.given)
    }

    /// Returns whether the application was told that a message is stable.
    pub(crate) fn is_stable(&self, core: &SessionCore, slot: Slot) -> bool {
        core.order(slot).is_some_and(|(stamp, _)| stamp.lamport <= self.stable)
    }
}

/// A set of messages that contains, with each message, all earlier ones of its author. So the last ones
/// represent the whole set.
///
/// It has the same meaning in every store that has the messages.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Frontier {
    /// The last messages by author: more than one for an author that was in use twice.
    last: BTreeMap<AuthorId, BTreeSet<(u64, Digest)>>,
}

/// The messages of an author in a frontier.
#[derive(Debug, Default)]
struct Covered {
    /// The last counter on the main line.
    main: u64,
    branches: BTreeSet<Slot>,
}

impl SessionCore {
    /// Adds an accepted message to a frontier.
    pub(crate) fn cover(&self, frontier: &mut Frontier, slot: Slot) {
        let Some((id, digest)) = self.id(slot).zip(self.ledger.digest(slot)) else { return };
        let last = frontier.last.entry(id.author).or_default();
        if self.ledger.is_on_main(slot) {
            let is_before = |&(counter, digest): &(u64, Digest)| {
                let found = self.ledger.find(&Parent { author: id.author, counter, digest });
                counter < id.counter && found.is_some_and(|slot| self.ledger.is_on_main(slot))
            };
            last.retain(|earlier| !is_before(earlier));
        } else if let Some(previous) = self.ledger.previous(slot) {
            last.remove(&(id.counter.saturating_sub(1), previous));
        }
        last.insert((id.counter, digest));
    }

    /// Returns those of the first `end` accepted messages that a frontier lacks, in timeline order, each with
    /// its position among these `end` messages. Also returns the position of the last one that the frontier
    /// has.
    ///
    /// Messages of the frontier that are not here are ignored.
    pub(crate) fn beyond(&self, frontier: &Frontier, end: u64) -> (Vec<(usize, Slot)>, usize) {
        let covered = self.covered(frontier);
        let is_covered = |slot: Slot| {
            let id = self.id(slot).filter(|_| !planted!(CursorForgotten))?;
            let covered = covered.get(&id.author)?;
            let is_main = id.counter <= covered.main && self.ledger.is_on_main(slot);
            (is_main || covered.branches.contains(&slot)).then_some(())
        };
        self.uncovered(end, |slot| is_covered(slot).is_some())
    }

    /// Returns the messages of a frontier that are here, in order.
    pub(crate) fn within(&self, frontier: &Frontier) -> Vec<Slot> {
        let (beyond, _) = self.beyond(frontier, self.end());
        let mut beyond = beyond.into_iter().map(|(_, slot)| slot).peekable();
        let all = self.timeline().iter().copied();
        all.filter(|slot| beyond.next_if_eq(slot).is_none()).collect()
    }

    /// Returns the accepted messages after the first `end` ones, and the position of the last of the first
    /// ones, as [`beyond`](Self::beyond) does.
    pub(crate) fn since(&self, end: u64) -> (Vec<(usize, Slot)>, usize) {
        self.uncovered(self.end(), |slot| self.is_among(slot, end))
    }

    fn uncovered(&self, end: u64, is_covered: impl Fn(Slot) -> bool) -> (Vec<(usize, Slot)>, usize) {
        let (mut uncovered, mut last) = (Vec::new(), 0);
        let slots = self.timeline().iter().filter(|&&slot| self.is_among(slot, end));
        for (position, &slot) in slots.enumerate() {
            if is_covered(slot) {
                last = position;
            } else {
                uncovered.push((position, slot));
            }
        }
        (uncovered, last)
    }

    fn covered(&self, frontier: &Frontier) -> BTreeMap<AuthorId, Covered> {
        let mut all = BTreeMap::new();
        for (&author, last) in &frontier.last {
            let mut covered = Covered::default();
            for &(counter, digest) in last {
                let mut at = self.ledger.find(&Parent { author, counter, digest }).map(|slot| (counter, slot));
                // Follow the branch to the place where it leaves the main line.
                while let Some((counter, slot)) = at {
                    if self.ledger.is_on_main(slot) {
                        covered.main = covered.main.max(counter);
                        break;
                    }
                    let is_new = covered.branches.insert(slot);
                    let before = self.ledger.previous(slot).filter(|_| is_new).zip(counter.checked_sub(1));
                    at = before.and_then(|(digest, counter)| {
                        Some((counter, self.ledger.find(&Parent { author, counter, digest })?))
                    });
                }
            }
            all.insert(author, covered);
        }
        all
    }

    /// Returns the number of accepted messages.
    pub fn end(&self) -> u64 {
        self.ledger.len()
    }

    /// Returns the number of messages accepted before this one.
    pub(crate) fn number(&self, slot: Slot) -> Option<u64> {
        self.ledger.number(slot)
    }

    fn is_among(&self, slot: Slot, end: u64) -> bool {
        self.number(slot).is_some_and(|number| number < end)
    }
}
