//! Planted defects and the number of runs that find each: a simulator that finds nothing proves nothing.

use std::{
    any::Any,
    panic,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

pub use tempo_message::planted::Bug;

use crate::{PROFILES, Plan};

/// A run that reveals a defect.
#[derive(Debug, Clone)]
pub struct Found {
    /// The failing run.
    pub plan: Plan,
    /// The violation or the panic, as text.
    pub what: String,
    /// The number of runs up to this one.
    pub runs: u64,
}

/// Searches for a planted defect by running one seed after another in `threads` threads, as long as `go_on`, given
/// the number of earlier runs, returns true. Of the runs that fail it returns the one with the lowest seed, so the
/// answer does not depend on the threads.
///
/// The runs are those of an ordinary sweep. Nothing in them knows which defect is planted.
pub fn find(bug: Bug, first_seed: u64, threads: usize, go_on: impl Fn(u64) -> bool + Sync) -> Option<Found> {
    let (next, lowest) = (AtomicU64::new(first_seed), AtomicU64::new(u64::MAX));
    let found = Mutex::new(None);
    let search = || {
        let _planted = bug.plant();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed > lowest.load(Ordering::Relaxed) || !go_on(seed - first_seed) {
                break;
            }
            let plan = plan(seed);
            let Some(what) = failure(&plan) else { continue };
            lowest.fetch_min(seed, Ordering::Relaxed);
            let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
            if found.as_ref().is_none_or(|found: &Found| found.plan.seed > seed) {
                *found = Some(Found { plan, what, runs: seed - first_seed + 1 });
            }
        }
    };
    thread::scope(|scope| (0..threads.max(1)).for_each(|_| drop(scope.spawn(search))));
    found.into_inner().unwrap_or_else(PoisonError::into_inner)
}

/// Returns the violation with which a run ends, or the text of a panic.
fn failure(plan: &Plan) -> Option<String> {
    match panic::catch_unwind(|| plan.execute(false).failure) {
        Ok(violation) => violation.map(|violation| violation.to_string()),
        Err(panicked) => Some(format!("panic: {}", text_of(panicked.as_ref()))),
    }
}

/// Returns the run for a seed. Small and standard runs alternate, over all services.
pub fn plan(seed: u64) -> Plan {
    let at = usize::try_from(seed / 2).unwrap_or(0) % PROFILES.len();
    let profile = PROFILES.get(at).unwrap_or(&crate::CHAOS);
    let (members, messages) = if seed.is_multiple_of(2) { (3, 8) } else { (5, 20) };
    Plan::from_seed(seed, profile, members, messages)
}

fn text_of(panicked: &(dyn Any + Send)) -> String {
    let text = panicked.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panicked.downcast_ref::<String>().cloned()).unwrap_or_default()
}
