//! The results of a search, in numbers.

use std::fmt;

#[derive(Debug, Clone, Default)]
pub(crate) struct Counts {
    pub(crate) workloads: usize,
    /// Acts of the workloads before which the power may be lost, and their ends.
    pub(crate) points: u64,
    /// Such points of the recoveries.
    pub(crate) recovery_points: u64,
    /// Selections of name steps, contents and transactions. Most lead to states that other selections also give.
    pub(crate) selections: u128,
    /// Wrecks that were left out because there were too many at one point.
    pub(crate) left_out: usize,
    /// New wrecks, by the number of crashes during recovery that led to them, from zero.
    pub(crate) wrecks: Vec<usize>,
    pub(crate) recoveries: usize,
    /// The number of different states at the ends of recoveries.
    pub(crate) ends: usize,
    /// The first violation.
    pub(crate) failure: Option<String>,
}

impl Counts {
    pub(crate) fn add(&mut self, other: &Self) {
        self.points += other.points;
        self.recovery_points += other.recovery_points;
        self.selections += other.selections;
        self.left_out += other.left_out;
        self.wrecks.resize(self.wrecks.len().max(other.wrecks.len()), 0);
        self.wrecks.iter_mut().zip(&other.wrecks).for_each(|(all, new)| *all += new);
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { workloads, points, recovery_points, selections, left_out, wrecks, recoveries, ends, .. } = self;
        write!(
            f,
            "{workloads} workloads, {points} crash points and {recovery_points} in recoveries, {selections} selections, \
             {left_out} left out, wrecks by crashes in recovery {wrecks:?}, {recoveries} recoveries with {ends} ends",
        )
    }
}
