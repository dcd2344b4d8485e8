//! What lies in the folder and could not be read: whoever shows messages says how many files that is, and why.

use std::{cmp::Reverse, collections::BTreeMap, ffi::OsStr};

use serde_json::{Value, json};
use tempo_fs_transport::FileName;
use tempo_session::{Foreign, ForeignReason, Member, PendingReason, Status, printable_text};

use crate::output;

/// So many reasons are told to people.
const SHOWN: usize = 3;

/// Says on standard error what could not be read, if that is anything: a line for people, or an object.
pub(crate) fn tell(status: &Status, json: bool) {
    let reasons = reasons(status);
    if reasons.is_empty() {
        return;
    }
    if json {
        eprintln!("{}", output::safe(&json!({ "unread": for_programs(status) })));
    } else {
        eprintln!("{}", for_people(reasons));
    }
}

/// How many files could not be read, for each reason.
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
    let pending = status.report.pending.iter().map(|it| match &it.reason {
        PendingReason::Incomplete { .. } => "incomplete".to_owned(),
        other => printable_text(&other.to_string()),
    });
    // A file that has its length before its content looks damaged.
    let foreign = status.report.foreign.iter();
    let foreign = foreign.filter(|it| matches!(it.reason, ForeignReason::Bad(_)) && !is_known(status, it));
    let mut reasons = BTreeMap::new();
    for reason in pending.chain(foreign.map(|_| "damaged, or not whole yet".to_owned())) {
        *reasons.entry(reason).or_default() += 1;
    }
    reasons
}

/// Whether the messages that a file has by its name are here all the same.
fn is_known(status: &Status, file: &Foreign) -> bool {
    let name = file.place.rsplit('/').next().unwrap_or_default();
    let (first, last) = match FileName::parse(OsStr::new(name)) {
        FileName::Message(counter) | FileName::Copy(counter) => (counter, counter),
        FileName::Pack(first, last) => (first, last),
        _ => return false,
    };
    let is_here = |member: &Member| {
        member.last >= last && member.gaps.iter().all(|gap| *gap.end() < first || last < *gap.start())
    };
    status.members.iter().any(|member| Some(member.author) == file.author && is_here(member))
}
