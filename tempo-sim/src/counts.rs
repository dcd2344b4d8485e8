//! Counts of notable events: a sweep without an event has not tested that event.

use std::collections::BTreeMap;

/// Event counters, by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    counts: BTreeMap<&'static str, u64>,
}

impl Counts {
    /// Events that must happen at least once in a sweep over all faults.
    pub const EXPECTED: &[&str] = &[
        "late insertion",
        "gone for good",
        "gone for a while",
        "latecomer",
        "relayed",
        "linked anew",
        "undone",
        "undone given up",
        "held",
        "crash",
        "crash during a call",
        "failed call",
        "failed commit",
        "conflict copy",
        "partial file",
        "doubled directory",
        "split folder",
        "copied session",
        "deletion by another",
        "session deleted",
        "overwritten",
        "forestalled",
        "rollback",
        "disk full",
        "store full",
        "line ends converted",
        "locked file",
        "offline",
        "odd file",
        "rejected",
        "unmounted",
        "foreign file told",
        "published again",
        "real database",
        "folder changed",
        "online only",
        "fetched",
        "resurrection",
        "fork",
        "cloned",
        "store restored",
        "store lost",
        "new author",
        "second process",
        "tidied",
        "robbed",
        "file attached",
        "original attached",
        "original changed",
        "file asked for",
        "file exported",
        "file released",
        "part put",
        "part removed",
        "part fetched",
        "part damaged",
        "part deleted",
        "part online only",
        "parts undone",
        "place deselected",
        "shelf full",
        "account full",
        "stolen message",
        "stolen head",
        "slow reader",
        "pack published",
        "stable by all",
        "several systems",
        "file in use met",
        "delete pending met",
        "dataless directory",
        "hints overflowed",
        "sync refused",
        "found by another spelling",
        "shared by users",
        "times moved by reading",
        "length before content",
    ];

    /// Counts one occurrence of an event.
    pub fn add(&mut self, what: &'static str) {
        *self.counts.entry(what).or_default() += 1;
    }

    /// Adds the counts of another run or sweep.
    pub fn merge(&mut self, other: &Self) {
        for (&what, count) in &other.counts {
            *self.counts.entry(what).or_default() += count;
        }
    }

    /// Returns every event with its count.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        self.counts.iter().map(|(&what, &count)| (what, count))
    }

    /// Returns the expected events that never happened.
    pub fn missing(&self) -> Vec<&'static str> {
        Self::EXPECTED.iter().filter(|what| !self.counts.contains_key(**what)).copied().collect()
    }
}
