//! The files that hold an author's messages in the folder, and which messages are worth packing.

use std::{cmp::Reverse, collections::BTreeSet, ops::RangeInclusive, time::Duration};

use tempo_message::StoredRun;

/// Settings for packing messages, and for removing the files that went into packs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Packing {
    /// The number of messages in a small pack.
    pub few: u64,
    /// The number of small packs in a large one.
    pub times: u64,
    /// The largest pack, in bytes.
    pub bytes: usize,
    /// The number of messages that form a pack from the beginning when they are sent together.
    pub at_once: usize,
    /// The shortest time that the files of a pack's messages stay beside the pack.
    pub grace: Duration,
    /// The time that these files stay for members that are not known to have the messages.
    pub patience: Duration,
}

/// The contents of an author's own directory, by name.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stock {
    alone: BTreeSet<u64>,
    packs: BTreeSet<(u64, u64)>,
    /// The first pack that has not been considered, at index 0 for large packs and at index 1 for small ones.
    next: [u64; 2],
}

/// The number of files that hold the own messages in the folder.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PackStats {
    /// The number of files with several messages.
    pub packs: usize,
    /// The number of messages that exist only in a file of their own.
    pub alone: usize,
    /// The number of files whose messages are all in a larger pack as well. They stay until their
    /// [time](Packing::grace) is over.
    pub kept: usize,
}

impl Default for Packing {
    fn default() -> Self {
        const DAY: Duration = Duration::from_secs(24 * 3600);
        Self { few: 64, times: 64, bytes: 8 * 1024 * 1024, at_once: 16, grace: DAY, patience: DAY * 30 }
    }
}

impl Stock {
    /// Makes a stock from an inventory. Of packs, the inventory names those that are whole.
    pub(crate) fn of(parts: impl IntoIterator<Item = StoredRun>) -> Self {
        let mut stock = Self::default();
        parts.into_iter().for_each(|part| stock.put(part.first, part.last));
        stock
    }

    /// Records that a message or a pack is in the directory.
    pub(crate) fn put(&mut self, first: u64, last: u64) {
        if first == last {
            self.alone.insert(first);
        } else {
            self.packs.insert((first, last));
        }
    }

    /// Records that a message or a pack is gone.
    pub(crate) fn remove(&mut self, first: u64, last: u64) {
        if first == last {
            self.alone.remove(&first);
        } else {
            self.packs.remove(&(first, last));
        }
    }

    /// Returns the packs that make other files redundant, because every message of those files is in the pack.
    pub(crate) fn thick(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        let has_more = |&(first, last): &(u64, u64)| {
            let mut packs = self.packs.range((first, 0)..=(last, last));
            let is_inside = |&pack: &(u64, u64)| pack != (first, last) && is_within(pack, (first, last));
            self.alone.range(first..=last).next().is_some() || packs.any(is_inside)
        };
        self.packs.iter().copied().filter(has_more)
    }

    /// Returns the packs that contain a message.
    pub(crate) fn packs_with(&self, counter: u64) -> impl Iterator<Item = (u64, u64)> + '_ {
        self.packs.range(..=(counter, u64::MAX)).copied().filter(move |&(_, last)| counter <= last)
    }

    /// Counts the files in the directory.
    pub(crate) fn pack_stats(&self) -> PackStats {
        let mut packs: Vec<(u64, u64)> = self.packs.iter().copied().collect();
        packs.sort_by_key(|&(first, last)| (first, Reverse(last)));
        let mut reach = 0;
        // A pack that begins no earlier and ends no later than another one is contained in it.
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

    /// Returns whether a message has a file of its own in the directory.
    pub(crate) fn is_alone(&self, counter: u64) -> bool {
        self.alone.contains(&counter)
    }

    /// Returns the next run worth packing, assuming that all messages up to `last` are in the directory.
    /// Packing by hand passes `everything`; otherwise the latest messages stay as they are.
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

    /// Skips a run that cannot be packed.
    pub(crate) fn pass(&mut self, packing: &Packing, run: &RangeInclusive<u64>) {
        let size = run.end() - run.start() + 1;
        let level = usize::from(size <= packing.few);
        if let Some(next) = self.next.get_mut(level) {
            *next += 1;
        }
    }

    /// Returns whether a pack of these messages would replace at least two files.
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
    fn files_whose_messages_are_in_a_pack_count_as_kept() {
        let stock = stock([3, 4, 9, 12], &[(1, 2), (1, 8), (5, 8), (11, 13)]);
        assert_eq!(stock.pack_stats(), PackStats { packs: 2, alone: 1, kept: 5 });
        assert_eq!(stock.thick().collect::<Vec<_>>(), [(1, 8), (11, 13)]);
    }

    #[test]
    fn runs_are_aligned_and_leave_out_the_latest_messages() {
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
        // Only one message of the last four remains, in a file of its own.
        assert_eq!(runs, [(1, 8), (9, 12), (9, 16)]);
    }
}
