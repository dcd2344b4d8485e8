//! Earlier states to go back to: many of late, few of long ago.

use serde::{Deserialize, Serialize};

/// A state, and of how many messages it was made.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Applied<S> {
    pub(super) state: S,
    pub(super) messages: usize,
}

/// States of the first messages of a timeline, in order; there is always one.
///
/// Seen from the end, each is at most twice as far away as the one after it, and a step, so going back and applying
/// everything again costs in proportion to how far back it goes.
#[derive(Debug)]
pub(crate) struct Checkpoints<S> {
    first: Applied<S>,
    later: Vec<Applied<S>>,
}

impl<S> Checkpoints<S> {
    /// There are so many messages between the latest two, at least.
    const STEP: usize = 64;

    pub(crate) fn new(first: Applied<S>) -> Self {
        Self { first, later: Vec::new() }
    }

    /// The first state and the last two, which are worth taking elsewhere.
    pub(crate) fn few(&self) -> Vec<Applied<S>>
    where
        S: Clone,
    {
        let last = self.later.get(self.later.len().saturating_sub(2)..).unwrap_or_default();
        std::iter::once(&self.first).chain(last).cloned().collect()
    }

    /// Puts states before the first one, as far as they belong there.
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

    /// Whether a state of so many messages is worth keeping, when there are going to be `end`.
    pub(crate) fn is_due(&self, messages: usize, end: usize) -> bool {
        let step = Self::STEP.max(end.saturating_sub(messages) / 2);
        messages >= self.last().messages.saturating_add(step)
    }

    /// Keeps a state that comes after all others, and gives up what is not needed any more.
    pub(crate) fn keep(&mut self, latest: Applied<S>) {
        let end = latest.messages;
        self.later.push(latest);
        let before = std::iter::once(self.first.messages).chain(self.later.iter().map(|it| it.messages));
        let before: Vec<usize> = before.collect();
        let (mut kept, mut after) = (vec![true; self.later.len()], end);
        // From the end: the one before may take over when it is near enough to what comes after.
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

    /// Gives up the states of more than the first `messages`; false if there is none left.
    pub(crate) fn go_back(&mut self, messages: usize) -> bool {
        self.later.truncate(self.later.partition_point(|it| it.messages <= messages));
        self.first.messages <= messages
    }

    /// Gives up all but the last of the states of at most so many messages: nobody goes back behind it.
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

    /// Whatever the distance, the way back is at most about twice as long; and there are few.
    #[test]
    fn the_way_back_is_short_from_everywhere() {
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
    fn a_long_way_at_once_takes_few() {
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
        assert!(!checkpoints.go_back(10), "what is before it is gone");
    }
}
