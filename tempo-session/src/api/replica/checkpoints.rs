//! Earlier states to return to: many recent ones, few old ones.

use serde::{Deserialize, Serialize};

/// A state and the number of messages in it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Applied<S> {
    pub(super) state: S,
    pub(super) messages: usize,
}

/// States of the first messages of a timeline, in order. There is always at least one.
///
/// Each is at most twice as far from the end as the next one, plus one step. So the cost of returning to a
/// checkpoint and applying everything again is proportional to the distance.
#[derive(Debug)]
pub(crate) struct Checkpoints<S> {
    first: Applied<S>,
    later: Vec<Applied<S>>,
}

impl<S> Checkpoints<S> {
    /// The fewest messages between the latest two checkpoints.
    const STEP: usize = 64;

    pub(crate) fn new(first: Applied<S>) -> Self {
        Self { first, later: Vec::new() }
    }

    /// Returns the first state and the last two, which are worth storing.
    pub(crate) fn few(&self) -> Vec<Applied<S>>
    where
        S: Clone,
    {
        let last = self.later.get(self.later.len().saturating_sub(2)..).unwrap_or_default();
        std::iter::once(&self.first).chain(last).cloned().collect()
    }

    /// Inserts those of the given states that come before the first one.
    pub(crate) fn come_after(&mut self, earlier: Vec<Applied<S>>) {
        let mut all: Vec<Applied<S>> = earlier.into_iter().filter(|it| it.messages < self.first.messages).collect();
        if !all.is_empty() {
            let first = std::mem::replace(&mut self.first, all.remove(0));
            all.push(first);
            self.later.splice(0..0, all);
        }
    }

    pub(crate) fn last(&self) -> &Applied<S> {
        self.later.last().unwrap_or(&self.first)
    }

    /// Returns whether a state of `messages` messages is worth keeping if there will be `end` messages.
    pub(crate) fn is_due(&self, messages: usize, end: usize) -> bool {
        let step = Self::STEP.max(end.saturating_sub(messages) / 2);
        messages >= self.last().messages.saturating_add(step)
    }

    /// Keeps a state that comes after all others, and drops states that are no longer needed.
    pub(crate) fn keep(&mut self, latest: Applied<S>) {
        let end = latest.messages;
        self.later.push(latest);
        let before = std::iter::once(self.first.messages).chain(self.later.iter().map(|it| it.messages));
        let before: Vec<usize> = before.collect();
        let (mut kept, mut after) = (vec![true; self.later.len()], end);
        // Backward from the end: drops a state if the one before it is near enough to the state after it.
        for (at, pair) in before.windows(2).enumerate().rev() {
            let &[earlier, this] = pair else { continue };
            let is_spare = this < end && end - earlier <= 2 * (end - after) + 2 * Self::STEP;
            match kept.get_mut(at) {
                Some(kept) if is_spare => *kept = false,
                _ => after = this,
            }
        }
        let mut kept = kept.into_iter();
        self.later.retain(|_| kept.next().unwrap_or(true));
    }

    /// Drops the states of more than the first `messages` messages. Returns false if no state is left.
    pub(crate) fn go_back(&mut self, messages: usize) -> bool {
        self.later.truncate(self.later.partition_point(|it| it.messages <= messages));
        self.first.messages <= messages
    }

    /// Drops all states of at most `messages` messages except the last one. No replica returns to an earlier
    /// one.
    pub(crate) fn forget_below(&mut self, messages: usize) {
        let below = self.later.partition_point(|it| it.messages <= messages);
        if let Some(last) = self.later.drain(..below).last() {
            self.first = last;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(messages: usize) -> Applied<()> {
        Applied { state: (), messages }
    }

    /// Returning is at most about twice as long as the distance, and few checkpoints are kept.
    #[test]
    fn returning_is_short_from_every_distance() {
        let mut checkpoints = Checkpoints::new(at(0));
        for end in 0..20_000 {
            if checkpoints.is_due(end, end) {
                checkpoints.keep(at(end));
            }
            assert!(checkpoints.later.len() < 16, "{} of {end}", checkpoints.later.len());
            if end % 997 == 0 {
                for back in [1, 10, 63, 64, 65, 200, 1000, 5000].into_iter().filter(|back| *back <= end) {
                    let there = checkpoints.later.iter().rev().find(|it| it.messages <= end - back);
                    let way = end - there.map_or(0, |it| it.messages);
                    assert!(way <= 2 * back + 3 * Checkpoints::<()>::STEP, "{back} back from {end} takes {way}");
                }
            }
        }
    }

    #[test]
    fn catching_up_at_once_keeps_few_checkpoints() {
        let (mut checkpoints, end) = (Checkpoints::new(at(0)), 1_000_000);
        let mut kept = 0;
        for messages in 0..end {
            if checkpoints.is_due(messages, end) {
                checkpoints.keep(at(messages));
                kept += 1;
            }
        }
        assert!(kept < 40, "{kept}");
        checkpoints.forget_below(end);
        assert!(checkpoints.later.is_empty() && end - checkpoints.first.messages <= 128);
        assert!(!checkpoints.go_back(10), "earlier states are gone");
    }
}
