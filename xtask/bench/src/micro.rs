//! What needs no disk: frames, clocks, and the order of messages.

mod clocks;
mod frames;
mod order;

use crate::{Lab, table::Row};

pub(crate) const KEYS: &[&str] = &["frame", "clock", "timeline"];

/// How often something is measured, and of how many calls each figure is the mean.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Effort {
    pub(crate) rounds: usize,
    pub(crate) times: u32,
}

/// Everything that takes nanoseconds.
pub(crate) fn rows(lab: &mut Lab) -> Vec<Row> {
    let effort = lab.options.pick(Effort { rounds: 41, times: 100_000 }, Effort { rounds: 11, times: 20_000 });
    let mut rows = Vec::new();
    if lab.options.wants(&["frame"]) {
        rows.extend(frames::rows(effort));
    }
    if lab.options.wants(&["clock"]) {
        rows.extend(clocks::rows(effort));
    }
    if lab.options.wants(&["timeline"]) {
        rows.extend(order::rows(lab.options.pick((11, 100_000), (5, 50_000))));
    }
    rows
}
