//! The final check: every member has every message, once, in the same order.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use super::group::Group;
use super::member::Member;
use super::stable::field;
use crate::process;

/// The result of a scenario.
#[derive(Debug, Clone, Default)]
pub(super) struct Verdict {
    /// The counts, if the scenario came that far.
    pub(super) counted: Option<Counted>,
    /// The time until every member had every message.
    pub(super) resting: Duration,
    /// The number of compared stable parts, and the length of the longest.
    pub(super) stable: (usize, usize),
    /// The problem, if there is one.
    pub(super) wrong: Option<String>,
}

/// Numbers of lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Counted {
    /// The acknowledged lines.
    pub(super) sent: usize,
    /// The acknowledged lines that some member lacks.
    pub(super) lost: usize,
    /// The lines that some member has twice.
    pub(super) twice: usize,
}

/// The shortest time limit until every member has every message. Longer runs get a part of their own
/// duration, because an hour leaves more to carry than half a minute.
const PATIENCE: Duration = Duration::from_secs(420);
const PART: u32 = 2;
/// The shortest pause between two checks. It is also a multiple of the last check's time, because checking
/// slows down the members.
const BETWEEN: Duration = Duration::from_secs(2);
const TIMES: u32 = 3;
/// Longer than the interval at which a member scans when no hint reaches it.
const LOOK: Duration = Duration::from_secs(6);
/// Longer than that interval where not even the times of directories show a change, as through `rclone
/// mount`.
const LONG_LOOK: Duration = Duration::from_secs(40);

/// Waits until everything has arrived, ends all members, and judges what they have after talking for this
/// long.
pub(super) fn judge(group: &mut Group, talked: Duration) -> Result<Verdict, String> {
    group.restore()?;
    (0..group.members.len()).try_for_each(|which| group.sample(which))?;
    group.tell("everybody is connected again");
    let begun = Instant::now();
    let late = wait(group, begun + PATIENCE.max(talked / PART))?;
    let resting = begun.elapsed();
    if late.is_none() {
        process::rest(if group.veil.is_some() { LONG_LOOK } else { LOOK })?;
        // Something must be stable by now.
        (0..group.members.len()).try_for_each(|which| group.sample(which))?;
    }
    group.members.iter_mut().try_for_each(Member::close)?;
    // A log command reads the folder into the store before it answers, so the stores come first.
    let mut logs = if late.is_none() { logs_of_stores(group)? } else { Vec::new() };
    let with_folder = group.present().map(Member::log).collect::<Result<Vec<_>, _>>()?;
    logs.splice(0..0, with_folder);
    let acknowledged: BTreeSet<&str> = lines(group, |member| &member.acknowledged);
    let uncertain: BTreeSet<&str> = lines(group, |member| &member.uncertain);
    let (counted, wrong) = compare(&logs, &acknowledged, &uncertain);
    let silent = group.members.iter().find(|member| member.acknowledged.is_empty());
    let silent = silent.map(|member| format!("{} has sent nothing", member.name));
    let evidence = group.place.join("logs/stable");
    let unstable = group.stable.agrees(logs.first().map(String::as_str).unwrap_or_default(), &evidence).err();
    // A member that sees the folder through a veil has become a new one, and its former author never writes
    // again.
    let is_vacuous = group.veil.is_none() && group.stable.extent().1 == 0;
    let vacuous = is_vacuous.then(|| "nothing was ever stable".to_owned());
    let wrong = late.or(wrong).or(silent).or(unstable).or(vacuous);
    group.tell(wrong.as_deref().unwrap_or("all is well"));
    Ok(Verdict { counted: Some(counted), resting, stable: group.stable.extent(), wrong })
}

/// Returns the messages that the members' processes have stored: their logs without a folder that could
/// supply the rest. No engine runs any more.
fn logs_of_stores(group: &mut Group) -> Result<Vec<String>, String> {
    (0..group.members.len()).try_for_each(|number| group.engine.kill(number).map(drop))?;
    group.present().map(Member::log_of_store).collect()
}

fn lines(group: &Group, of: impl Fn(&Member) -> &Vec<String>) -> BTreeSet<&str> {
    group.members.iter().flat_map(|member| of(member).iter().map(String::as_str)).collect()
}

/// Compares the logs with each other and with the typed lines; returns the first problem.
fn compare(logs: &[String], acknowledged: &BTreeSet<&str>, uncertain: &BTreeSet<&str>) -> (Counted, Option<String>) {
    let counts: Vec<_> = logs.iter().map(|log| counts(log)).collect();
    let is_lost = |line: &&&str| counts.iter().any(|counts| !counts.contains_key(**line));
    let lost = acknowledged.iter().filter(is_lost).count();
    let twice = counts.iter().flatten().filter(|(_, count)| **count > 1).count();
    let is_known = |line: &str| acknowledged.contains(line) || uncertain.contains(line);
    let stranger = counts.iter().flat_map(BTreeMap::keys).find(|line| !is_known(line));
    let first = logs.first().map(String::as_str).unwrap_or_default();
    let wrong = if lost + twice > 0 {
        Some(format!("{lost} lost, {twice} twice"))
    } else if let Some(line) = stranger {
        Some(format!("nobody has sent `{line}`"))
    } else if logs.iter().any(|log| log != first) {
        Some("the timelines differ".to_owned())
    } else {
        out_of_turn(first).map(|line| format!("`{line}` comes after what its author has said later"))
    };
    (Counted { sent: acknowledged.len(), lost, twice }, wrong)
}

/// Returns a line that comes after one that the same member typed later.
fn out_of_turn(log: &str) -> Option<String> {
    let mut last: BTreeMap<String, u64> = BTreeMap::new();
    log.lines().map(|line| field(line, "text")).find(|line| {
        let (name, number) = line.rsplit_once(' ').unwrap_or_default();
        let number = number.parse().unwrap_or(0);
        let before = last.insert(name.to_owned(), number);
        before.is_some_and(|before| number <= before)
    })
}

/// Waits until all members have the same timeline with every line typed into running processes; otherwise
/// returns what is missing.
fn wait(group: &Group, deadline: Instant) -> Result<Option<String>, String> {
    loop {
        let begun = Instant::now();
        let logs = group.present().map(Member::log).collect::<Result<Vec<_>, _>>()?;
        let Some(missing) = missing(group, &logs) else { return Ok(None) };
        if begun > deadline {
            return Ok(Some(missing));
        }
        process::rest(BETWEEN.max(begun.elapsed() * TIMES))?;
    }
}

/// Returns the first difference from the wanted state.
fn missing(group: &Group, logs: &[String]) -> Option<String> {
    let typed: Vec<&String> = group.members.iter().flat_map(Member::certain).collect();
    for (member, log) in group.present().zip(logs) {
        let counts = counts(log);
        let lines: Vec<_> = typed.iter().filter(|line| !counts.contains_key(line.as_str())).collect();
        if let Some(line) = lines.first() {
            return Some(format!("{} has not got {} lines, one is `{line}`", member.name, lines.len()));
        }
    }
    let first = logs.first()?;
    let other = logs.iter().zip(group.present()).find(|(log, _)| *log != first)?;
    Some(format!("{} has {} messages, others {}", other.1.name, other.0.lines().count(), first.lines().count()))
}

/// Returns how often each line is in a log.
fn counts(log: &str) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for line in log.lines() {
        *counts.entry(field(line, "text")).or_default() += 1;
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(lines: &[&str]) -> String {
        lines.iter().flat_map(|line| ["{\"text\":\"", line, "\"}\n"]).collect()
    }

    /// Judges the logs of two members that have typed two lines and one line; one of the members was killed
    /// meanwhile.
    fn wrong(one: &[&str], other: &[&str]) -> Option<String> {
        compare(&[log(one), log(other)], &["Ana 1", "Ana 2", "Ben 1"].into(), &["Ben 2"].into()).1
    }

    #[test]
    fn every_problem_is_found() {
        let all = ["Ana 1", "Ben 1", "Ana 2"];
        assert_eq!(wrong(&all, &all), None);
        let with_uncertain = ["Ana 1", "Ben 1", "Ben 2", "Ana 2"];
        assert_eq!(wrong(&with_uncertain, &with_uncertain), None);
        let found = |one: &[&str], other: &[&str]| wrong(one, other).unwrap();
        assert_eq!(found(&all, &["Ana 1", "Ana 2"]), "1 lost, 0 twice");
        let twice = ["Ana 1", "Ben 1", "Ana 2", "Ana 1"];
        assert_eq!(found(&twice, &all), "0 lost, 1 twice");
        assert_eq!(found(&all, &["Ben 1", "Ana 1", "Ana 2"]), "the timelines differ");
        assert_eq!(found(&with_uncertain, &all), "the timelines differ");
        let out_of_turn = ["Ana 2", "Ben 1", "Ana 1"];
        assert_eq!(found(&out_of_turn, &out_of_turn), "`Ana 1` comes after what its author has said later");
        let strange = ["Ana 1", "Ben 1", "Ana 2", "Cleo 1"];
        assert_eq!(found(&strange, &strange), "nobody has sent `Cleo 1`");
    }
}
