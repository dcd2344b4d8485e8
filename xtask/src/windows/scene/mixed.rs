//! A member on Linux and a member on Windows in one folder at the same time.

use std::collections::BTreeSet;
use std::thread;
use std::time::{Duration, Instant};

use fastrand::Rng;

use super::{Stage, same_log};
use crate::play::member::Member;
use crate::play::stage::PATIENCE;
use crate::play::stop::{Outcome, Stop, check};
use crate::process;
use crate::talk::Talk;

/// The messages of each member in the scene without kills.
const EACH: usize = 500;
/// The messages of each member between two kills.
const BETWEEN: usize = 60;
const KILLS: usize = 4;

/// Both members send in calls of random length; then both must print the same timeline.
pub(super) fn together(stage: &Stage) -> Outcome {
    let (ana, ben) = (stage.linux("ana"), stage.windows("ben"));
    at_once(|| send_all(&ana, EACH, stage.rng(1)), || send_all(&ben, EACH, stage.rng(2)))?;
    let log = same_log(&[&ana, &ben], 2 * EACH)?;
    let sent: BTreeSet<String> = [&ana, &ben].iter().flat_map(|member| lines(member, 1..=EACH)).collect();
    check(log.texts().into_iter().map(str::to_owned).collect::<BTreeSet<_>>() == sent, || {
        "the timeline contains other texts than were sent".to_owned()
    })
}

/// Kills the Windows member several times while both send. Each acknowledged message must be there once.
pub(super) fn killed(stage: &Stage) -> Outcome {
    let (ana, ben) = (stage.linux("ana"), stage.windows("ben"));
    let mut rng = stage.rng(2);
    let (mut acknowledged, mut uncertain) = (Vec::new(), Vec::new());
    let until_killed = || -> Outcome {
        for round in 0..KILLS {
            let batch = lines(&ben, round * BETWEEN + 1..=(round + 1) * BETWEEN);
            let (safe, rest) = send_and_die(&ben, &batch, rng.usize(1..BETWEEN))?;
            acknowledged.extend(safe);
            uncertain.extend(rest);
        }
        let last = format!("{} after the kills", ben.name);
        ben.ask(&["send", &last])?;
        acknowledged.push(last);
        Ok(())
    };
    at_once(|| send_all(&ana, KILLS * BETWEEN, stage.rng(1)), until_killed)?;
    acknowledged.extend(lines(&ana, 1..=KILLS * BETWEEN));
    let deadline = Instant::now() + PATIENCE;
    loop {
        let (anas, bens) = (ana.log()?, ben.log()?);
        if anas.json == bens.json {
            return judge(&anas.texts(), &acknowledged, &uncertain);
        }
        process::pause_until(deadline).map_err(|why| format!("the logs differ: {why}"))?;
    }
}

/// Checks that each acknowledged message is there once, each other one at most once, and nothing else.
fn judge(there: &[&str], acknowledged: &[String], uncertain: &[String]) -> Outcome {
    let once: BTreeSet<&str> = there.iter().copied().collect();
    check(once.len() == there.len(), || "a message is there twice".to_owned())?;
    if let Some(lost) = acknowledged.iter().find(|text| !once.contains(text.as_str())) {
        return Err(Stop::Wrong(format!("`{lost}` was acknowledged and is lost")));
    }
    let sent: BTreeSet<&str> = acknowledged.iter().chain(uncertain).map(String::as_str).collect();
    check(once.is_subset(&sent), || "a message is there that was never sent".to_owned())
}

/// Runs two functions at the same time; returns the error of either.
fn at_once(one: impl FnOnce() -> Outcome + Send, other: impl FnOnce() -> Outcome) -> Outcome {
    thread::scope(|scope| {
        let one = scope.spawn(one);
        let other = other();
        one.join().unwrap_or_else(|_| Err(Stop::Wrong("a member has died".to_owned()))).and(other)
    })
}

/// Returns the texts of a member with these numbers.
fn lines(member: &Member, numbers: impl IntoIterator<Item = usize>) -> Vec<String> {
    numbers.into_iter().map(|number| format!("{} {number}", member.name)).collect()
}

/// Sends messages in several calls: a few as arguments, or many as lines of input.
fn send_all(member: &Member, count: usize, mut rng: Rng) -> Outcome {
    let all = lines(member, 1..=count);
    let mut rest = all.as_slice();
    while !rest.is_empty() {
        let length = if rng.bool() { rng.usize(1..6) } else { rng.usize(20..100) };
        let (call, later) = rest.split_at(length.min(rest.len()));
        if call.len() < 6 {
            let words: Vec<&str> = ["send"].into_iter().chain(call.iter().map(String::as_str)).collect();
            member.ask(&words)?;
        } else {
            let mut talk = member.talk(&["send"])?;
            talk.say(call)?;
            let ids = talk.end(PATIENCE).map_err(|why| format!("`send` of {}: {why}", member.name))?;
            check(ids.len() == call.len(), || format!("`send` acknowledged {} of {} lines", ids.len(), call.len()))?;
        }
        rest = later;
    }
    Ok(())
}

/// Writes lines until some are acknowledged, and kills the member. Returns the acknowledged lines and the others.
fn send_and_die(member: &Member, lines: &[String], enough: usize) -> Outcome<(Vec<String>, Vec<String>)> {
    let mut talk = begin(member)?;
    let mut safe = 0;
    for line in lines {
        talk.say(&[line])?;
        // The other lines are unacknowledged when the member dies.
        if safe < enough && talk.hear().map(drop).map_err(|why| format!("{}: {why}", member.name)).is_ok() {
            safe += 1;
        }
    }
    safe += talk.kill().len();
    let (safe, rest) = lines.split_at(safe.min(lines.len()));
    Ok((safe.to_vec(), rest.to_vec()))
}

/// Starts `send`. Tries again for a while, because the locks of a killed process may last a moment longer.
fn begin(member: &Member) -> Outcome<Talk> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let mut talk = member.talk(&["send"])?;
        let stable = Instant::now() + Duration::from_secs(1);
        while talk.ended().is_none() && process::pause_until(stable).is_ok() {}
        if talk.ended().is_none() {
            return Ok(talk);
        }
        process::pause_until(deadline).map_err(|why| format!("`send` of {} ends at once: {why}", member.name))?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_acknowledged_message_must_be_there_once() {
        let texts = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect::<Vec<_>>();
        let judge = |there: &[&str]| judge(there, &texts(&["a", "b"]), &texts(&["c"]));
        judge(&["a", "b"]).unwrap();
        judge(&["c", "b", "a"]).unwrap();
        for there in [&["a"][..], &["a", "b", "b"], &["a", "b", "d"]] {
            assert!(judge(there).is_err(), "{there:?}");
        }
    }
}
