//! Shrinking: a failing run is made smaller, so that a person can follow it.

use crate::{Fault, Plan};

/// Returns the smallest plan with the same seed that was found to fail too, or a copy of `plan` if there is none.
///
/// Removes faults, messages and members as long as the run still fails. A smaller run is a different run, so its
/// failure may also be different.
pub fn shrink(plan: &Plan) -> Plan {
    let mut smallest = plan.clone();
    while let Some(smaller) = candidates(&smallest).into_iter().find(|plan| plan.execute(false).failure.is_some()) {
        smallest = smaller;
    }
    smallest
}

fn candidates(plan: &Plan) -> Vec<Plan> {
    let mut smaller = Vec::new();
    for fault in Fault::ALL {
        if plan.faults.contains(&fault) {
            let mut faults = plan.faults.clone();
            faults.remove(&fault);
            smaller.push(Plan { faults, ..plan.clone() });
        }
    }
    for messages in [plan.messages / 2, plan.messages * 3 / 4, plan.messages.saturating_sub(1)] {
        if (1..plan.messages).contains(&messages) {
            smaller.push(Plan { messages, ..plan.clone() });
        }
    }
    if plan.members > 2 {
        smaller.push(Plan { members: plan.members - 1, ..plan.clone() });
    }
    smaller
}
