//! Many runs, on all cores.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
};

use crate::{Counts, Plan, Violation};

/// The result of a sweep.
#[derive(Debug, Clone, Default)]
pub struct Swept {
    /// The number of runs.
    pub runs: u64,
    /// The number of times each notable event happened, over all runs.
    pub counts: Counts,
    /// The first failure and its plan.
    pub failure: Option<(Plan, Violation)>,
}

/// Runs the plans numbered from `first` in `threads` threads, until `go_on` returns false or a run fails.
pub fn sweep(
    first: u64,
    threads: usize,
    plan: impl Fn(u64) -> Plan + Sync,
    go_on: impl Fn(u64) -> bool + Sync,
) -> Swept {
    let next = AtomicU64::new(first);
    let stop = AtomicBool::new(false);
    let swept = Mutex::new(Swept::default());
    thread::scope(|scope| {
        for _ in 0..threads.max(1) {
            scope.spawn(|| {
                let (mut runs, mut counts) = (0, Counts::default());
                while !stop.load(Ordering::Relaxed) {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if !go_on(number - first) {
                        break;
                    }
                    let plan = plan(number);
                    let outcome = plan.execute(false);
                    runs += 1;
                    counts.merge(&outcome.counts);
                    if let Some(violation) = outcome.failure {
                        stop.store(true, Ordering::Relaxed);
                        let mut swept = swept.lock().unwrap_or_else(PoisonError::into_inner);
                        swept.failure.get_or_insert((plan, violation));
                    }
                }
                let mut swept = swept.lock().unwrap_or_else(PoisonError::into_inner);
                swept.runs += runs;
                swept.counts.merge(&counts);
            });
        }
    });
    swept.into_inner().unwrap_or_else(PoisonError::into_inner)
}
