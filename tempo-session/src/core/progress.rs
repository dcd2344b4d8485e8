//! How much of a timeline an application has been given.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use tempo_clock::{AuthorId, Lamport};
use tempo_message::{Digest, Parent, planted};

use crate::core::{event::Slot, session_core::SessionCore};

/// How far an application has come with the events of a session.
///
/// It can be kept with the application's own data, in one transaction with what the events have led to there, and means
/// the same in every store that has the messages.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    pub(crate) given: Frontier,
    /// What the application was told to be stable.
    pub(crate) stable: Lamport,
}

impl Progress {
    /// The messages that were given and are here, in order.
    pub(crate) fn given(&self, core: &SessionCore) -> Vec<Slot> {
        core.within(&self.given)
    }

    /// Whether the application was told that a message is stable.
    pub(crate) fn is_stable(&self, core: &SessionCore, slot: Slot) -> bool {
        core.order(slot).is_some_and(|(stamp, _)| stamp.lamport <= self.stable)
    }
}

/// A set of messages that has, with each message, everything that its author wrote before: the last ones stand for all.
///
/// It means the same in every store that has the messages.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Frontier {
    /// More than one of an author that has been in use twice.
    last: BTreeMap<AuthorId, BTreeSet<(u64, Digest)>>,
}

/// Which of an author's messages a frontier has.
#[derive(Debug, Default)]
struct Covered {
    /// Those of the main line up to this counter.
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

    /// The messages that a frontier does not have among the first `end` ones accepted, with their positions among these, in
    /// order; and behind which position there is none that it has.
    ///
    /// Messages of the frontier that are not here count for nothing.
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

    /// The messages of a frontier that are here, in order.
    pub(crate) fn within(&self, frontier: &Frontier) -> Vec<Slot> {
        let (beyond, _) = self.beyond(frontier, self.end());
        let mut beyond = beyond.into_iter().map(|(_, slot)| slot).peekable();
        let all = self.timeline().iter().copied();
        all.filter(|slot| beyond.next_if_eq(slot).is_none()).collect()
    }

    /// The same for who has the first `end` ones accepted.
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
                // A branch is followed to where it leaves the main line.
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

    /// How many messages are accepted.
    pub fn end(&self) -> u64 {
        self.ledger.len()
    }

    /// How many messages were accepted before this one.
    pub(crate) fn number(&self, slot: Slot) -> Option<u64> {
        self.ledger.number(slot)
    }

    fn is_among(&self, slot: Slot, end: u64) -> bool {
        self.number(slot).is_some_and(|number| number < end)
    }
}
