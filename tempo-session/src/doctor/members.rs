//! Members: their clocks, and their silence.

use std::collections::BTreeSet;

use tempo_clock::AuthorId;
use tempo_message::printable_text;

use super::finding::FindingKind::{
    ClockAhead, ClockBehind, CopiedFolder, Lagging, Silent, SuccessionClaimed, Successor, WaitedFor,
};
use crate::api::{names::short, status::Status};
use crate::doctor::{
    around::Surroundings,
    finding::Finding,
    words::{People, ago, counted, one_or_many, span},
};

const DAY_MS: u64 = 24 * 3_600_000;
/// The time, in milliseconds, without a message or a hint after which it is news that a member is waited for.
const WAITED_MS: u64 = 7 * DAY_MS;
/// The time, in milliseconds, without a message or a hint after which a member counts as silent.
const SILENT_MS: u64 = 30 * DAY_MS;
/// The largest difference between clocks, in milliseconds, that is not reported.
const TOLERANCE_MS: u64 = 10 * 60_000;

const ORDER: &str = "The order of the messages does not depend on it, except between messages that were written \
                     independently.";
const SET_CLOCKS: &str = "Let the computers set their clocks automatically, over the network.";

pub(super) fn clocks(status: &Status, around: &Surroundings, people: &People, findings: &mut Vec<Finding>) {
    let mut ahead = BTreeSet::new();
    if is_own_clock_behind(status, around, people) {
        findings.push(
            Finding::new(
                ClockBehind,
                "The clock of this computer is behind: the messages of all other members are in its future.",
            )
            .meaning(format!("The times that other members see on your messages are wrong. {ORDER}"))
            .advice(SET_CLOCKS),
        );
        return;
    }
    for member in &status.members {
        let (Some(now), Some(latest)) = (around.unix_ms, member.latest) else { continue };
        let by = now.abs_diff(latest.unix_ms);
        if latest.unix_ms <= now || by <= TOLERANCE_MS {
            continue;
        }
        ahead.insert(member.author);
        let (whose, by) = (people.whose(member.author), span(by));
        findings.push(
            Finding::new(ClockAhead, format!("The time of {whose} latest message is {by} in the future."))
                .of(member.author, people)
                .meaning(format!(
                    "The clock of the computer where it was written is ahead, or the clock of this one is behind. The \
                     times shown are wrong. {ORDER}"
                ))
                .advice(SET_CLOCKS),
        );
    }
    for member in &status.members {
        let Some(clock_skew) = member.clock_skew.filter(|clock_skew| clock_skew.by_ms > TOLERANCE_MS) else { continue };
        // A member that answers a message from the future seems to be behind.
        if ahead.contains(&clock_skew.after.author) {
            continue;
        }
        let (whose, by) = (people.whose(member.author), span(clock_skew.by_ms));
        let after = people.message(clock_skew.after.author, clock_skew.after.counter);
        let message = if clock_skew.after.author == member.author {
            format!("By its time, {whose} latest message is {by} older than {after}, which came before it.")
        } else {
            format!("By its time, {whose} latest message is {by} older than {after}, which was there before it.")
        };
        findings.push(
            Finding::new(ClockBehind, message)
                .of(member.author, people)
                .meaning(format!(
                    "One of the two clocks was wrong when the messages were written. The times shown are wrong. {ORDER}"
                ))
                .advice(SET_CLOCKS),
        );
    }
}

/// Returns whether several other members have written later than this computer's clock says, and no
/// member has written earlier.
fn is_own_clock_behind(status: &Status, around: &Surroundings, people: &People) -> bool {
    let Some(now) = around.unix_ms else { return false };
    let others = status.members.iter().filter(|member| !people.is_me(member.author));
    let is_ahead = |ms: i64| ms > now && now.abs_diff(ms) > TOLERANCE_MS;
    let ahead: Vec<bool> = others.filter_map(|member| Some(is_ahead(member.latest?.unix_ms))).collect();
    ahead.len() > 1 && ahead.iter().all(|&is_ahead| is_ahead)
}

pub(super) fn copied_folder(around: &Surroundings, findings: &mut Vec<Finding>) {
    let Some(original) = &around.original else { return };
    let original = printable_text(&original.display().to_string());
    let (here, advice) = match around.me {
        None => (
            "you will be a new member with the same name here",
            format!(
                "If you only want to move the session, do not write here yet: once the sync service no longer carries \
                 {original}, rename or remove it, and you stay the member that you are. If you want both, there is \
                 nothing to do."
            ),
        ),
        Some(_) => (
            "you are a new member with the same name here",
            format!(
                "From now on, write in only one of the two. Once the sync service no longer carries {original} and \
                 everything that you wrote there is also here, you may remove it."
            ),
        ),
    };
    findings.push(
        Finding::new(CopiedFolder, format!("This folder is a copy of {original}, which is still there."))
            .info()
            .meaning(format!(
                "You are a member there. If you were the same member in both folders, two of your messages could get \
                 the same number, so {here}. Your messages in this folder stay yours."
            ))
            .advice(advice),
    );
}

pub(super) fn successors(status: &Status, people: &People, findings: &mut Vec<Finding>) {
    for member in &status.members {
        let Some(former) = member.former.filter(|former| status.members.iter().any(|it| it.author == *former)) else {
            continue;
        };
        let (name, before) = (people.name(member.author), people.name(former));
        if !member.has_proven {
            findings.push(
                Finding::new(SuccessionClaimed, format!("{name} says that it was formerly {before}, and has not proven it."))
                    .info()
                    .of(member.author, people)
                    .meaning(format!(
                        "The secret key of {before} was lost together with the device or the local store, or somebody \
                         else says so. The messages of {before} remain its own, and members still wait for it before they \
                         call the order stable."
                    ))
                    .advice(format!(
                        "Ask {name} by other means whether it is so. If it is, run `tempo retire FOLDER {}`: then nobody \
                         waits for {before} any more.",
                        short(former)
                    )),
            );
            continue;
        }
        findings.push(
            Finding::new(Successor, format!("{name} was formerly {before}."))
                .info()
                .of(member.author, people)
                .meaning(
                    "It is the same person or program. Its local store was copied to another device, restored from a \
                     backup, or lost. A new identity keeps the messages of both apart from then on. The messages of \
                     both remain.",
                )
                .advice("Nothing."),
        );
    }
}

pub(super) fn lagging(status: &Status, around: &Surroundings, people: &People, findings: &mut Vec<Finding>) {
    let Some(now) = around.unix_ms else { return };
    let is_former = |author| status.members.iter().any(|member| member.author == author && member.successor.is_some());
    let is_gone = |author| is_former(author) || is_retired(status, author);
    for lag in around.lagging.iter().filter(|lag| !people.is_me(lag.author) && !is_gone(lag.author)) {
        let (name, count) = (people.name(lag.author), lag.messages);
        let (messages, it) = (counted(count, "message"), one_or_many(count, "it", "the oldest of them"));
        let (are, written) = (one_or_many(count, "is", "are"), ago(lag.since_ms, now));
        findings.push(
            Finding::new(
                Lagging,
                format!("{name} has not received {messages} that {are} here; {it} was written {written}."),
            )
            .info()
            .of(lag.author, people)
            .meaning(format!(
                "The hints that {name} left {} say so. Perhaps the sync service is stuck there, or does not carry the \
                 whole folder.",
                ago(lag.hinted_ms, now)
            ))
            .advice(format!("Ask {name} to check whether the sync service is done there.")),
        );
    }
}

fn is_retired(status: &Status, author: AuthorId) -> bool {
    status.members.iter().any(|member| member.author == author && member.retired.is_some())
}

/// Names members without a sign of life: those that the rest of the order waits for, and those that are silent for long.
pub(super) fn silence(status: &Status, around: &Surroundings, people: &People, findings: &mut Vec<Finding>) {
    let Some(now) = around.unix_ms else { return };
    for member in &status.members {
        // A former author will not write again, nor will a retired one.
        let is_gone = status.is_succeeded(member.author) || member.retired.is_some();
        let is_expected = !people.is_me(member.author) && !is_gone;
        // If a member's clock was behind, its time does not show when the sign came.
        let is_expected = is_expected && member.clock_skew.is_none_or(|clock_skew| clock_skew.by_ms <= SILENT_MS);
        if !is_expected {
            continue;
        }
        let (author, name) = (member.author, people.name(member.author));
        let is_waited_for = status.stable.waits_for.iter().any(|&(waited, _)| waited == author);
        let since = member.heard_ms.map(|heard| u64::try_from(now.saturating_sub(heard)).unwrap_or(0));
        let last = since.map(|since| format!("The last sign of {name} is {} old.", span(since)));
        let retire = format!(
            "run `tempo retire FOLDER {}`: then nobody waits for {name}, until {name} writes again",
            short(author)
        );
        let finding = if let Some(last) = last.clone().filter(|_| since > Some(SILENT_MS)) {
            let ask = format!("Nothing. If you expect an answer, ask {name} by other means.");
            let or_retire =
                if is_waited_for { format!(" If {name} will not come back, {retire}.") } else { String::new() };
            Finding::new(Silent, last)
                .meaning(format!(
                    "Perhaps {name} had nothing to say. Perhaps the folder is no longer synced there, and what {name} \
                     writes does not arrive."
                ))
                .advice(ask + &or_retire)
        } else if is_waited_for && since.is_none_or(|since| since > WAITED_MS) {
            let moving = status.messages.saturating_sub(status.stable.messages);
            let moving = counted(u64::try_from(moving).unwrap_or(u64::MAX), "message");
            let last = last.unwrap_or_else(|| format!("Nothing has been heard of {name}."));
            let all = status.messages;
            Finding::new(WaitedFor, format!("{moving} of {all} may still move until {name} writes. {last}"))
                .meaning(format!("{name} may have written something that comes before them and has not arrived."))
                .advice(format!("Nothing, if {name} is going to open the session again. Otherwise {retire}."))
        } else {
            continue;
        };
        findings.push(finding.info().of(author, people));
    }
}
