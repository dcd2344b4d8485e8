//! A member leaves with everything that it wrote, and another one joins.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::time::{Duration, Instant};

use super::group::Group;
use super::share;
use super::stable::field;
use crate::process;

/// The member that stays and relays the messages that the other one took along.
const STAYS: usize = 0;
const GOES: usize = 2;
/// The time limit until the staying member has all messages of the leaving one.
const PATIENCE: Duration = Duration::from_secs(300);
const BETWEEN: Duration = Duration::from_secs(2);

/// Makes a member leave and another one join, and relays the messages of the former; returns what was relayed.
pub(super) fn depart(group: &mut Group, span: Duration) -> Result<String, String> {
    group.talk(span / 3)?;
    group.member(GOES)?.close()?;
    wait_until_received(group)?;
    group.engine.kill(GOES)?;
    let gone = group.member(GOES)?;
    gone.is_gone = true;
    let authors: Vec<OsString> = gone.authors().collect();
    let folder = group.member(STAYS)?.folder.clone();
    for author in &authors {
        let dir = folder.join(author);
        // The engine may be about to read the directory.
        process::wait_until(PATIENCE, || {
            let _ = share::empty(&dir).and_then(|()| fs::remove_dir(&dir));
            !dir.exists()
        })?;
    }
    group.did("the third has gone, and its directory with it");
    group.talk(span / 3)?;
    group.join()?;
    group.tell("one more has joined");
    group.talk(span / 3)?;
    let member = group.member(STAYS)?;
    member.close()?;
    let mut told = Vec::new();
    for author in authors {
        told.push(member.ask(&["relay", &author.to_string_lossy()])?.out.trim().to_owned());
    }
    group.start_again(STAYS)?;
    let told = told.join("; ");
    group.tell(&told);
    if told.contains("put back") { Ok(told) } else { Err(format!("nothing had to be put back: {told}")) }
}

/// Waits until the others have every message: one that no member has received disappears with its author.
fn wait_until_received(group: &mut Group) -> Result<(), String> {
    let sent: BTreeSet<String> = group.member(GOES)?.acknowledged.iter().cloned().collect();
    let end = Instant::now() + PATIENCE;
    while Instant::now() < end {
        let log = group.member(STAYS)?.log()?;
        let received: BTreeSet<String> = log.lines().map(|line| field(line, "text")).collect();
        if sent.is_subset(&received) {
            return Ok(());
        }
        process::rest(BETWEEN)?;
    }
    Err("what the third has sent does not arrive".to_owned())
}
