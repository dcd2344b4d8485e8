//! Whether everybody has everything, once, in the same order.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use super::group::Group;
use super::member::Member;
use super::process;
use super::settled::field;

/// What came of a scenario.
#[derive(Debug, Clone, Default)]
pub(super) struct Verdict {
    /// The lines that were said to be safe.
    pub(super) sent: usize,
    /// Those of them that somebody does not have.
    pub(super) lost: usize,
    /// Those that somebody has twice.
    pub(super) twice: usize,
    /// How long it took until everybody had everything.
    pub(super) settling: Duration,
    /// How many settled parts were compared, and how long the longest was.
    pub(super) settled: (usize, usize),
    /// What is wrong.
    pub(super) wrong: Option<String>,
}

/// How long it may take at least until everybody has everything, and the share of the time before: an hour leaves more to
/// carry than half a minute.
const PATIENCE: Duration = Duration::from_secs(420);
const SHARE: u32 = 2;
/// How long nobody looks at least, and how many times as long as the last look took: looking costs those time that are to
/// get on.
const BETWEEN: Duration = Duration::from_secs(2);
const TIMES: u32 = 3;

/// Lets everything arrive, ends everybody, and judges what they have after they have talked for so long.
pub(super) fn judge(group: &mut Group, talked: Duration) -> Result<Verdict, String> {
    group.restore()?;
    let begun = Instant::now();
    let mut wrong = wait(group, begun + PATIENCE.max(talked / SHARE))?;
    let settling = begun.elapsed();
    group.members.iter_mut().try_for_each(Member::close)?;
    let logs = group.members.iter().map(Member::log).collect::<Result<Vec<_>, _>>()?;
    let counted: Vec<_> = logs.iter().map(|log| counts(log)).collect();
    let acknowledged: BTreeSet<&String> = group.members.iter().flat_map(|member| &member.acknowledged).collect();
    let is_lost = |line: &str| counted.iter().any(|counts| !counts.contains_key(line));
    let lost = acknowledged.iter().filter(|line| is_lost(line)).count();
    let twice = counted.iter().flatten().filter(|(_, count)| **count > 1).count();
    let uncertain: BTreeSet<&String> = group.members.iter().flat_map(|member| &member.uncertain).collect();
    let is_known = |line: &&String| acknowledged.contains(*line) || uncertain.contains(*line);
    let first = logs.first().map(String::as_str).unwrap_or_default();
    if wrong.is_none() && lost + twice > 0 {
        wrong = Some(format!("{lost} lost, {twice} twice"));
    } else if wrong.is_none() && logs.iter().any(|log| log != first) {
        wrong = Some("the timelines differ".to_owned());
    } else if let Some(line) = counted.iter().flat_map(BTreeMap::keys).find(|line| !is_known(line)) {
        wrong = Some(format!("nobody has sent `{line}`"));
    }
    let wrong = wrong.or(group.settled.agrees(first).err());
    Ok(Verdict { sent: acknowledged.len(), lost, twice, settling, settled: group.settled.extent(), wrong })
}

/// Waits until all have the same, and all of what was typed into processes that still run; else says what is missing.
fn wait(group: &Group, deadline: Instant) -> Result<Option<String>, String> {
    loop {
        let begun = Instant::now();
        let logs = group.members.iter().map(Member::log).collect::<Result<Vec<_>, _>>()?;
        let Some(missing) = missing(group, &logs) else { return Ok(None) };
        process::rest(BETWEEN.max(begun.elapsed() * TIMES))?;
        if Instant::now() > deadline {
            return Ok(Some(missing));
        }
    }
}

/// What is not yet as it has to be.
fn missing(group: &Group, logs: &[String]) -> Option<String> {
    let typed: Vec<&String> = group.members.iter().flat_map(Member::certain).collect();
    for (member, log) in group.members.iter().zip(logs) {
        let counts = counts(log);
        let lines: Vec<_> = typed.iter().filter(|line| !counts.contains_key(line.as_str())).collect();
        if let Some(line) = lines.first() {
            return Some(format!("{} has not got {} lines, one is `{line}`", member.name, lines.len()));
        }
    }
    let first = logs.first()?;
    let other = logs.iter().zip(&group.members).find(|(log, _)| *log != first)?;
    Some(format!("{} has {} messages, others {}", other.1.name, other.0.lines().count(), first.lines().count()))
}

/// How often each line is in a log.
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

    #[test]
    fn lines_are_counted_by_what_they_say() {
        let log = "{\"text\":\"Ana 1\"}\n{\"text\":\"Ben 1\"}\n{\"text\":\"Ana 1\"}\n";
        let counts = counts(log);
        assert_eq!(counts.get("Ana 1"), Some(&2));
        assert_eq!(counts.get("Ben 1"), Some(&1));
        assert_eq!(counts.get("Ben 2"), None);
    }
}
