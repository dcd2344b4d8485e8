//! A third program opens files exclusively for a while, as an antivirus or a sync client does.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::super::wine;
use super::{Stage, same_log};
use crate::play::member::Member;
use crate::play::stage::PATIENCE;
use crate::play::stop::{Outcome, check};
use crate::process;
use crate::talk::Talk;

/// The words of `status` for such a file.
const IN_USE: &str = "in use by another program";
/// The time that a file of the store is held: longer than one attempt to open it.
const HELD: Duration = Duration::from_secs(1);
/// The time limit for `send` after the release.
const AFTERWARDS: Duration = Duration::from_secs(10);

/// Holds a message file: the member must read the other messages, and this one after the release.
pub(super) fn message(stage: &Stage) -> Outcome {
    let (ana, ben) = (stage.linux("ana"), stage.windows("ben"));
    ana.ask(&["send", "ana 1", "ana 2"])?;
    ben.ask(&["send", "ben 1"])?;
    let before = same_log(&[&ana, &ben], 3)?;
    let id = ana.ask(&["send", "ana 3"])?;
    ana.ask(&["send", "ana 4"])?;

    let hold = hold(stage, &ana.folder.join(id.trim()))?;
    let status = ben.ask(&["status"])?;
    check(status.contains(IN_USE), || format!("`status` does not say \"{IN_USE}\":\n{status}"))?;
    let log = ben.log()?;
    let there = log.texts();
    check(before.texts().iter().all(|text| there.contains(text)), || format!("`log` shows only {there:?}"))?;
    check(!there.contains(&"ana 3"), || "the file is not held".to_owned())?;
    hold.end(PATIENCE)?;

    same_log(&[&ana, &ben], 5)?;
    let status = ben.ask(&["status"])?;
    check(!status.contains(IN_USE), || format!("the file is released, and `status` says\n{status}"))
}

/// Holds files of the local store: `send` must succeed after the release and lose no message.
pub(super) fn store(stage: &Stage) -> Outcome {
    let ben = stage.windows("ben");
    ben.ask(&["send", "before"])?;
    let mut sent = vec!["before".to_owned()];
    for name in ["holder", "lock", "store.redb"] {
        let text = format!("while {name} was held");
        send_meanwhile(stage, &ben, name, &text).map_err(|stop| stop.within(name))?;
        sent.push(text);
        let log = ben.log()?;
        check(log.texts() == sent, || format!("{name}: the log is {} instead of {sent:?}", log.json))?;
    }
    Ok(())
}

fn send_meanwhile(stage: &Stage, member: &Member, name: &str, text: &str) -> Outcome {
    let hold = hold(stage, &file_of_store(&member.state, name)?)?;
    let mut talk = member.talk(&["send", text])?;
    let release = Instant::now() + HELD;
    while talk.ended().is_none() && process::pause_until(release).is_ok() {}
    hold.end(PATIENCE)?;
    talk.end(AFTERWARDS).map_err(|why| format!("`send`: {why}"))?;
    Ok(())
}

/// Finds a file of the store: in the state directory or in that of the author.
fn file_of_store(state: &Path, name: &str) -> Outcome<PathBuf> {
    let entries = fs::read_dir(state).map_err(|error| format!("{}: {error}", state.display()))?;
    let authors = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let file = [state.to_owned()].into_iter().chain(authors).map(|dir| dir.join(name)).find(|file| file.is_file());
    Ok(file.ok_or_else(|| format!("{} contains no such file", state.display()))?)
}

/// Starts the program that holds a file, and waits until the file is held.
fn hold(stage: &Stage, file: &Path) -> Outcome<Talk> {
    let mut command = stage.wine.command(stage.hold);
    let hold = Talk::start(command.arg(wine::path(file)), &stage.play.at("said/hold.err"))?;
    hold.expect("ready").map_err(|why| format!("{} is not held: {why}", file.display()))?;
    Ok(hold)
}
