//! Costs without a disk: frames, clocks, and the order of messages.

mod clocks;
mod frames;
mod order;

use crate::{Lab, table::Row};

pub(crate) const KEYS: &[&str] = &["frame", "clock", "timeline"];

/// The number of rounds, and the number of calls that each figure averages.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Effort {
    pub(crate) rounds: usize,
    pub(crate) times: u32,
}

/// Returns the rows of everything that takes nanoseconds.
pub(crate) fn rows(lab: &mut Lab) -> Vec<Row> {
    // A disturbance of a few short rounds does not show in the median of many.
    let effort = lab.options.pick(Effort { rounds: 401, times: 5000 }, Effort { rounds: 101, times: 2000 });
    let mut rows = Vec::new();
    if lab.options.wants(&["frame"]) {
        rows.extend(frames::rows(effort));
    }
    if lab.options.wants(&["clock"]) {
        rows.extend(clocks::rows(effort));
    }
    if lab.options.wants(&["timeline"]) {
        rows.extend(order::rows(lab.options.pick((31, 100_000), (7, 50_000))));
    }
    rows
}
