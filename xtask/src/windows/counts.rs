//! The results of a suite, in numbers.

use std::ops::AddAssign;
use std::time::Duration;

use crate::table;

/// How a test ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Passed,
    Failed,
    /// It was killed at the time limit.
    Unended,
    Skipped,
}

/// The number of tests for each outcome, and their time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) passed: usize,
    pub(super) failed: usize,
    pub(super) unended: usize,
    pub(super) skipped: usize,
    /// The sum of all tests. Two run at once, so the suite takes about half of it.
    pub(super) time: Duration,
}

impl Counts {
    /// Counts one test.
    pub(super) fn add(&mut self, outcome: Outcome, time: Duration) {
        let count = match outcome {
            Outcome::Passed => &mut self.passed,
            Outcome::Failed => &mut self.failed,
            Outcome::Unended => &mut self.unended,
            Outcome::Skipped => &mut self.skipped,
        };
        *count += 1;
        self.time += time;
    }

    /// Returns how many tests failed or did not end.
    pub(super) fn bad(&self) -> usize {
        self.failed + self.unended
    }
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.unended += other.unended;
        self.skipped += other.skipped;
        self.time += other.time;
    }
}

/// Returns a table with a row for each suite and their sum.
pub(super) fn table(suites: &[(String, Counts)]) -> String {
    let mut sum = Counts::default();
    for (_, counts) in suites {
        sum += *counts;
    }
    let row = |name: &str, counts: &Counts| {
        let Counts { passed, failed, unended, skipped, time } = counts;
        let numbers = [passed, failed, unended, skipped].map(ToString::to_string);
        let seconds = format!("{:.1}", time.as_secs_f64());
        [name.to_owned()].into_iter().chain(numbers).chain([seconds]).collect::<Vec<_>>()
    };
    let head = ["suite", "passed", "failed", "did not end", "skipped", "seconds"].map(str::to_owned).to_vec();
    let rows = suites.iter().map(|(name, counts)| row(name, counts));
    table::plain([head].into_iter().chain(rows).chain([row("total", &sum)]), "lrrrrr")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_outcome_is_counted_once() {
        let mut counts = Counts::default();
        for outcome in [Outcome::Passed, Outcome::Passed, Outcome::Failed, Outcome::Unended, Outcome::Skipped] {
            counts.add(outcome, Duration::from_secs(1));
        }
        let time = Duration::from_secs(5);
        assert_eq!(counts, Counts { passed: 2, failed: 1, unended: 1, skipped: 1, time });
        assert_eq!(counts.bad(), 2);
    }

    #[test]
    fn the_table_ends_with_the_sum() {
        let one = Counts { passed: 3, unended: 1, time: Duration::from_millis(1500), ..Counts::default() };
        let table = table(&[("a it".to_owned(), one), ("b unit".to_owned(), one)]);
        let last: Vec<&str> = table.lines().last().unwrap().split_whitespace().collect();
        assert_eq!(last, ["total", "6", "0", "2", "0", "3.0"]);
        assert_eq!(table.lines().count(), 4);
    }
}
