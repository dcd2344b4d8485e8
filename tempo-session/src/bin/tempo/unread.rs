//! Files that could not be read. Commands that show messages say how many files that is, and why,
//! and which directories beside the folder may contain messages as well.

use std::{cmp::Reverse, collections::BTreeMap};

use serde_json::{Value, json};
use tempo_session::{
    Status, printable_text,
    status::{ForeignReason, PendingReason},
};

use crate::output;

/// The most reasons shown to people.
const SHOWN: usize = 3;

/// Reports on standard error what could not be read, if anything: a line for people, or an object.
/// Also reports that received messages cannot be stored.
pub(crate) fn tell(status: &Status, json: bool) {
    if let Some(why) = status.store_error.as_ref().filter(|_| !json) {
        eprintln!("tempo: received messages cannot be stored: {}; `tempo doctor` says what to do", printable_text(why));
    }
    let (reasons, undecided) = (reasons(status), &status.report.undecided);
    if json && !undecided.is_empty() {
        eprintln!("{}", output::safe(&json!({ "undecided": undecided })));
    } else if !undecided.is_empty() {
        let names = undecided.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        eprintln!(
            "tempo: {names} beside the session folder may be a part of it and is not read; `tempo doctor` says what to \
             do"
        );
    }
    if reasons.is_empty() {
        return;
    }
    if json {
        eprintln!("{}", output::safe(&json!({ "unread": for_programs(status) })));
    } else {
        eprintln!("{}", for_people(reasons));
    }
}

/// Returns how many files could not be read, by reason.
pub(crate) fn for_programs(status: &Status) -> Value {
    json!(reasons(status))
}

fn for_people(reasons: BTreeMap<String, usize>) -> String {
    let all = reasons.values().sum();
    let mut sorted: Vec<(String, usize)> = reasons.into_iter().collect();
    sorted.sort_by_key(|&(_, count)| Reverse(count));
    let mut told: Vec<String> = match sorted.as_slice() {
        [(reason, _)] => vec![reason.clone()],
        several => several.iter().take(SHOWN).map(|(reason, count)| format!("{count} {reason}")).collect(),
    };
    if sorted.len() > SHOWN {
        told.push("and others".to_owned());
    }
    let (files, told) = (output::counted(all, "file"), told.join(", "));
    format!("tempo: {files} could not be read ({told}); messages may be missing; `tempo status` names the files")
}

fn reasons(status: &Status) -> BTreeMap<String, usize> {
    let pending = status.report.pending.iter().filter(|it| status.is_missed(it.author, it.item));
    let pending = pending.map(|it| match &it.reason {
        PendingReason::Incomplete { .. } => "incomplete".to_owned(),
        other => printable_text(&other.to_string()),
    });
    // A file that got its length before its content looks damaged.
    let foreign = status.report.foreign.iter();
    let damaged =
        foreign.filter(|it| matches!(it.reason, ForeignReason::Bad(_)) && status.is_missed(it.author, it.item));
    let mut reasons = BTreeMap::new();
    for reason in pending.chain(damaged.map(|_| "damaged, or not whole yet".to_owned())) {
        *reasons.entry(reason).or_default() += 1;
    }
    reasons
}
