//! A set of counters, stored as runs.

use alloc::vec::Vec;
use core::ops::RangeInclusive;

use crate::{difference, union};

/// A nearly dense set of `u64` counters: memory is proportional to the number of gaps, not of counters.
///
/// The set is stored as sorted runs that neither overlap nor touch. A lookup takes time logarithmic in the
/// number of gaps. Inserting at the end of the last run, the common case, takes constant time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Counters {
    runs: Vec<(u64, u64)>,
}

impl Counters {
    /// Returns whether `counter` is in the set.
    pub fn contains(&self, counter: u64) -> bool {
        let at = self.run_at_or_after(counter);
        self.runs.get(at).is_some_and(|&(first, _)| first <= counter)
    }

    /// Returns whether every counter of `range` is in the set; true for an empty range.
    pub fn contains_all(&self, range: RangeInclusive<u64>) -> bool {
        if range.is_empty() {
            return true;
        }
        let at = self.run_at_or_after(*range.start());
        self.runs.get(at).is_some_and(|&(first, last)| first <= *range.start() && *range.end() <= last)
    }

    /// Adds `counter`. Returns false if it was already in the set.
    pub fn insert(&mut self, counter: u64) -> bool {
        let at = self.run_at_or_after(counter);
        let joins_next = match self.runs.get(at) {
            Some(&(first, _)) if first <= counter => return false,
            Some(&(first, _)) => first - 1 == counter,
            None => false,
        };
        let previous = at.checked_sub(1).and_then(|before| self.runs.get_mut(before));
        match previous {
            Some(run) if run.1 + 1 == counter => {
                run.1 = counter;
                if joins_next {
                    let (_, last) = self.runs.remove(at);
                    if let Some(run) = self.runs.get_mut(at - 1) {
                        run.1 = last;
                    }
                }
            }
            _ if joins_next => {
                if let Some(run) = self.runs.get_mut(at) {
                    run.0 = counter;
                }
            }
            _ => self.runs.insert(at, (counter, counter)),
        }
        true
    }

    /// Removes `counter`. Returns false if it was not in the set.
    pub fn remove(&mut self, counter: u64) -> bool {
        let at = self.run_at_or_after(counter);
        let Some(run) = self.runs.get_mut(at).filter(|run| run.0 <= counter) else {
            return false;
        };
        let (first, last) = *run;
        match (first == counter, last == counter) {
            (true, true) => {
                self.runs.remove(at);
            }
            (true, false) => run.0 = counter + 1,
            (false, true) => run.1 = counter - 1,
            (false, false) => {
                run.1 = counter - 1;
                self.runs.insert(at + 1, (counter + 1, last));
            }
        }
        true
    }

    /// Adds every counter of another set. Takes time proportional to the runs of both.
    pub fn merge(&mut self, other: &Self) {
        let merged = union(self.runs().chain(other.runs()));
        self.runs = merged.into_iter().map(RangeInclusive::into_inner).collect();
    }

    /// Returns the counters of this set that another one lacks, as ranges in order.
    pub fn without(&self, other: &Self) -> Vec<RangeInclusive<u64>> {
        let [ours, theirs] = [self, other].map(|set| set.runs().collect::<Vec<_>>());
        difference(&ours, &theirs)
    }

    /// Returns the number of counters from one on without a gap: `n` when `1..=n` is in the set and `n + 1`
    /// is not.
    pub fn contiguous(&self) -> u64 {
        match self.runs.iter().find(|&&(_, last)| last >= 1) {
            Some(&(first, last)) if first <= 1 => last,
            _ => 0,
        }
    }

    /// Returns the greatest counter of the set.
    pub fn last(&self) -> Option<u64> {
        self.runs.last().map(|&(_, last)| last)
    }

    /// Returns the least counter of the set.
    pub fn first(&self) -> Option<u64> {
        self.runs.first().map(|&(first, _)| first)
    }

    /// Returns the gaps between one and the greatest counter of the set, in order.
    pub fn missing(&self) -> impl Iterator<Item = RangeInclusive<u64>> + '_ {
        let mut next = Some(1_u64);
        self.runs.iter().filter_map(move |&(first, last)| {
            let expected = next?;
            next = last.checked_add(1).map(|after| after.max(expected));
            (expected < first).then(|| expected..=first - 1)
        })
    }

    /// Returns the runs of the set, in order.
    pub fn runs(&self) -> impl ExactSizeIterator<Item = RangeInclusive<u64>> + '_ {
        self.runs.iter().map(|&(first, last)| first..=last)
    }

    /// Returns the number of counters in the set, or `u64::MAX` if there are more.
    pub fn len(&self) -> u64 {
        self.runs.iter().fold(0, |sum: u64, &(first, last)| sum.saturating_add((last - first).saturating_add(1)))
    }

    /// Returns whether the set is empty.
    pub fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// Returns the index of the first run that does not end before `counter`.
    fn run_at_or_after(&self, counter: u64) -> usize {
        match self.runs.last() {
            Some(&(_, last)) if last < counter => self.runs.len(),
            _ => self.runs.partition_point(|&(_, last)| last < counter),
        }
    }
}

impl Extend<u64> for Counters {
    fn extend<I: IntoIterator<Item = u64>>(&mut self, counters: I) {
        for counter in counters {
            self.insert(counter);
        }
    }
}

impl FromIterator<u64> for Counters {
    fn from_iter<I: IntoIterator<Item = u64>>(counters: I) -> Self {
        let mut set = Self::default();
        set.extend(counters);
        set
    }
}

/// Rejects runs that are empty, unordered or touching, so that bad input cannot break the set.
#[cfg(feature = "serde")]
impl<'de> serde::Deserialize<'de> for Counters {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(serde::Deserialize)]
        #[serde(rename = "Counters")]
        struct Raw {
            runs: Vec<(u64, u64)>,
        }
        let Raw { runs } = Raw::deserialize(deserializer)?;
        let sound = runs.iter().all(|&(first, last)| first <= last)
            && runs.iter().zip(runs.iter().skip(1)).all(|(a, b)| a.1.checked_add(1).is_some_and(|end| end < b.0));
        if sound {
            Ok(Self { runs })
        } else {
            Err(serde::de::Error::custom("runs of counters must be sorted and must not touch"))
        }
    }
}
