//! Union and difference of ranges of counters.

use alloc::vec::Vec;
use core::ops::RangeInclusive;

/// Returns the union of ranges that may overlap and come in any order. The result is ascending, and its
/// ranges do not touch.
pub fn union(ranges: impl IntoIterator<Item = RangeInclusive<u64>>) -> Vec<RangeInclusive<u64>> {
    let mut ranges: Vec<RangeInclusive<u64>> = ranges.into_iter().collect();
    ranges.sort_unstable_by_key(|range| *range.start());
    let mut union: Vec<RangeInclusive<u64>> = Vec::new();
    for range in ranges {
        match union.last_mut() {
            Some(last) if *range.start() <= last.end().saturating_add(1) => {
                *last = *last.start()..=*last.end().max(range.end());
            }
            _ => union.push(range),
        }
    }
    union
}

/// Returns the counters that are in `ranges` but not in `others`. Both inputs ascend and do not overlap.
pub fn difference(ranges: &[RangeInclusive<u64>], others: &[RangeInclusive<u64>]) -> Vec<RangeInclusive<u64>> {
    let mut rest = Vec::new();
    for range in ranges {
        let mut next = Some(*range.start());
        let from = others.partition_point(|other| other.end() < range.start());
        for other in others.iter().skip(from).take_while(|other| other.start() <= range.end()) {
            if let Some(first) = next.filter(|first| first < other.start()) {
                rest.push(first..=*other.start() - 1);
            }
            next = other.end().checked_add(1);
        }
        rest.extend(next.filter(|first| first <= range.end()).map(|first| first..=*range.end()));
    }
    rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_union_ascends_and_its_ranges_do_not_touch() {
        assert_eq!(union([5..=5, 1..=2, 3..=3, 9..=u64::MAX, 10..=12]), [1..=3, 5..=5, 9..=u64::MAX]);
        assert_eq!(union([2..=9, 2..=3, 12..=12]), [2..=9, 12..=12]);
        assert_eq!(union([]), []);
    }

    #[test]
    fn a_difference_contains_only_the_rest() {
        assert_eq!(difference(&[1..=9], &[]), [1..=9]);
        assert_eq!(difference(&[1..=9, 12..=12], &[3..=4, 6..=20]), [1..=2, 5..=5]);
        assert_eq!(difference(&[1..=3, 5..=9], &[2..=6]), [1..=1, 7..=9]);
        assert_eq!(difference(&[1..=u64::MAX], &[2..=u64::MAX]), [1..=1]);
        assert_eq!(difference(&[4..=5], &[1..=2, 9..=9]), [4..=5]);
        assert_eq!(difference(&[], &[1..=2]), []);
    }
}
