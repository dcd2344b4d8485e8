//! Which of an author's messages lie where in the folder, and which are worth packing.

use std::{cmp::Reverse, collections::BTreeSet, ops::RangeInclusive, time::Duration};

use tempo_message::Piece;

/// When messages are packed, and when the files of which packs were made are removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Packing {
    /// So many messages make a small pack.
    pub few: u64,
    /// So many small packs make a large one.
    pub times: u64,
    /// A pack has no more bytes than this.
    pub bytes: usize,
    /// So many messages that are sent together lie in a pack from the beginning.
    pub at_once: usize,
    /// How long the files of which a pack was made are kept beside it, at least.
    pub grace: Duration,
    /// How long they are kept for members of whom it is not known that they have the messages.
    pub patience: Duration,
}

/// What lies in an author's own directory, by name.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stock {
    alone: BTreeSet<u64>,
    packs: BTreeSet<(u64, u64)>,
    /// Of large and of small packs: the first one that has not been considered.
    next: [u64; 2],
}

/// In how many files own messages lie in the folder.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PackStats {
    /// Files with several messages.
    pub packs: usize,
    /// Messages that lie only in a file of their own.
    pub alone: usize,
    /// Files that hold nothing but what a pack holds as well, and are there until their [time](Packing::grace) is over.
    pub kept: usize,
}

impl Default for Packing {
    fn default() -> Self {
        const DAY: Duration = Duration::from_secs(24 * 3600);
        Self { few: 64, times: 64, bytes: 8 * 1024 * 1024, at_once: 16, grace: DAY, patience: DAY * 30 }
    }
}

impl Stock {
    /// What an inventory names; of packs, those that are whole.
    pub(crate) fn of(pieces: impl IntoIterator<Item = Piece>) -> Self {
        let mut stock = Self::default();
        pieces.into_iter().for_each(|piece| stock.put(piece.first, piece.last));
        stock
    }

    /// A message, or a pack, lies there now.
    pub(crate) fn put(&mut self, first: u64, last: u64) {
        if first == last {
            self.alone.insert(first);
        } else {
            self.packs.insert((first, last));
        }
    }

    /// A message, or a pack, is gone.
    pub(crate) fn remove(&mut self, first: u64, last: u64) {
        if first == last {
            self.alone.remove(&first);
        } else {
            self.packs.remove(&(first, last));
        }
    }

    /// The packs that have files beside them of which every message is in the pack.
    pub(crate) fn thick(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        let has_more = |&(first, last): &(u64, u64)| {
            let mut packs = self.packs.range((first, 0)..=(last, last));
            let is_inside = |&pack: &(u64, u64)| pack != (first, last) && is_within(pack, (first, last));
            self.alone.range(first..=last).next().is_some() || packs.any(is_inside)
        };
        self.packs.iter().copied().filter(has_more)
    }

    /// The packs in which a message lies.
    pub(crate) fn packs_with(&self, counter: u64) -> impl Iterator<Item = (u64, u64)> + '_ {
        self.packs.range(..=(counter, u64::MAX)).copied().filter(move |&(_, last)| counter <= last)
    }

    /// In how many files what lies here lies.
    pub(crate) fn pack_stats(&self) -> PackStats {
        let mut packs: Vec<(u64, u64)> = self.packs.iter().copied().collect();
        packs.sort_by_key(|&(first, last)| (first, Reverse(last)));
        let mut reach = 0;
        // Whatever ends no later than one that begins no later lies inside that.
        packs.retain(|&(_, last)| {
            let before = reach;
            reach = reach.max(last);
            last > before
        });
        let is_packed = |counter: &&u64| self.packs_with(**counter).next().is_some();
        let packed = self.alone.iter().filter(is_packed).count();
        let alone = self.alone.len() - packed;
        PackStats { packs: packs.len(), alone, kept: packed + self.packs.len() - packs.len() }
    }

    /// Whether a message lies there in a file of its own.
    pub(crate) fn is_alone(&self, counter: u64) -> bool {
        self.alone.contains(&counter)
    }

    /// The next run that is worth packing, when all messages up to `last` are there. Who packs by hand wants everything
    /// packed, and others keep the latest ones as they are.
    pub(crate) fn next(&mut self, packing: &Packing, last: u64, everything: bool) -> Option<RangeInclusive<u64>> {
        let kept = if everything { 0 } else { packing.few };
        for (level, size) in [packing.few.saturating_mul(packing.times), packing.few].into_iter().enumerate() {
            let mut at = self.next.get(level).copied().unwrap_or_default();
            let found = loop {
                let first = at.saturating_mul(size).saturating_add(1);
                let end = first.saturating_add(size - 1);
                if end.saturating_add(kept) > last {
                    break None;
                }
                if self.is_worth_it(first, end) {
                    break Some(first..=end);
                }
                at += 1;
            };
            if let Some(next) = self.next.get_mut(level) {
                *next = at;
            }
            if found.is_some() {
                return found;
            }
        }
        let first = last - last % packing.few + 1;
        (everything && self.is_worth_it(first, last)).then_some(first..=last)
    }

    /// This run cannot be packed.
    pub(crate) fn pass(&mut self, packing: &Packing, run: &RangeInclusive<u64>) {
        let size = run.end() - run.start() + 1;
        let level = usize::from(size <= packing.few);
        if let Some(next) = self.next.get_mut(level) {
            *next += 1;
        }
    }

    /// Whether a pack of these messages would take the place of two files at least.
    fn is_worth_it(&self, first: u64, last: u64) -> bool {
        if first >= last {
            return false;
        }
        let is_packed = self.packs.iter().any(|&pack| is_within((first, last), pack));
        let alone = self.alone.range(first..=last).take(2).count();
        let packs = self.packs.range((first, 0)..=(last, last)).filter(|&&pack| is_within(pack, (first, last)));
        !is_packed && alone + packs.take(2).count() >= 2
    }
}

fn is_within((first, last): (u64, u64), (start, end): (u64, u64)) -> bool {
    start <= first && last <= end
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stock(alone: impl IntoIterator<Item = u64>, packs: &[(u64, u64)]) -> Stock {
        let mut stock = Stock::default();
        alone.into_iter().for_each(|counter| stock.put(counter, counter));
        for &(first, last) in packs {
            stock.put(first, last);
        }
        stock
    }

    #[test]
    fn what_lies_in_a_pack_as_well_is_kept_beside_it() {
        let stock = stock([3, 4, 9, 12], &[(1, 2), (1, 8), (5, 8), (11, 13)]);
        assert_eq!(stock.pack_stats(), PackStats { packs: 2, alone: 1, kept: 5 });
        assert_eq!(stock.thick().collect::<Vec<_>>(), [(1, 8), (11, 13)]);
    }

    #[test]
    fn runs_are_aligned_and_the_latest_ones_are_left() {
        let packing = Packing { few: 4, times: 2, ..Packing::default() };
        let mut stock = stock(1..=17, &[]);
        let mut runs = Vec::new();
        while let Some(run) = stock.next(&packing, 17, false) {
            runs.push((*run.start(), *run.end()));
            stock.put(*run.start(), *run.end());
        }
        assert_eq!(runs, [(1, 8), (9, 12)]);
        while let Some(run) = stock.next(&packing, 17, true) {
            runs.push((*run.start(), *run.end()));
            stock.put(*run.start(), *run.end());
        }
        // What is left of the last four is one message, and lies alone.
        assert_eq!(runs, [(1, 8), (9, 12), (9, 16)]);
    }
}
