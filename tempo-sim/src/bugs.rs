//! Planted defects and the number of runs that find each: a simulator that finds nothing proves nothing.

use std::{any::Any, panic};

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

/// Searches for a planted defect by running one seed after another, as long as `go_on` returns true.
///
/// The runs are those of an ordinary sweep. Nothing in them knows which defect is planted.
pub fn find(bug: Bug, first_seed: u64, mut go_on: impl FnMut() -> bool) -> Option<Found> {
    let _planted = bug.plant();
    let mut runs = 0;
    while go_on() {
        let plan = plan(first_seed + runs);
        runs += 1;
        let outcome = panic::catch_unwind(|| plan.execute(false).failure);
        let what = match outcome {
            Ok(None) => continue,
            Ok(Some(violation)) => violation.to_string(),
            Err(panicked) => format!("panic: {}", text_of(panicked.as_ref())),
        };
        return Some(Found { plan, what, runs });
    }
    None
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
