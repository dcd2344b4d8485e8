//! A failing run made smaller, so that a person can follow it.

use crate::{Fault, Plan};

/// The smallest plan of the same seed that is found to fail as well; the plan itself when there is none.
///
/// Takes out faults, messages and members as long as the run still fails. A smaller run is another run, so its failure
/// may be another one too.
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
