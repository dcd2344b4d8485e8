//! More new files in one directory than an engine likes to carry at once, and when the last of them has come.

use std::time::{Duration, Instant};

use super::group::{self, Group};
use super::listener::Listener;
use super::process;

/// How many messages: Syncthing takes a directory as a whole from 128 changes on, and keeps that back for six times as
/// long if anything has gone from it.
const MESSAGES: usize = 500;
/// One after the other, so that nearly each is a file; on a busy machine two are sent together now and then.
const BETWEEN: Duration = Duration::from_millis(5);
const FEWEST: usize = 400;
/// How long Syncthing waits for more before it looks, with its users.
const DELAY: Duration = Duration::from_secs(10);
/// How long after the last of them everything may come: twice as long as the wait and the way should take.
const MOST: Duration = Duration::from_secs(30);
/// How long is waited at all.
const PATIENCE: Duration = Duration::from_secs(120);

/// The first member sends, the second hears.
pub(super) fn measure(group: &mut Group, _: Duration) -> Result<String, String> {
    group.engine.set_delay(DELAY)?;
    let listener = Listener::start(group)?;
    for _ in 0..MESSAGES {
        group.member(0)?.type_lines(1)?;
        process::rest(BETWEEN)?;
    }
    let sent = Instant::now();
    group.did(&format!("{MESSAGES} messages"));
    let lines: Vec<String> = group.member(0)?.certain().cloned().collect();
    let mut missing = lines.get(lines.len().saturating_sub(MESSAGES)..).unwrap_or_default().to_vec();
    while !missing.is_empty() {
        let why = |why: String| format!("{} of {MESSAGES} messages have not come: {why}", missing.len());
        process::pause_until(sent + PATIENCE).map_err(why)?;
        for said in listener.heard() {
            missing.retain(|line| !said.ends_with(line.as_str()));
        }
    }
    let took = sent.elapsed();
    let files = files_of(group, 0)?;
    listener.end(group)?;
    let said = format!("{MESSAGES} messages in {files} files had come {:.1} s after the last", took.as_secs_f64());
    if files < FEWEST {
        return Err(format!("{said}; most should be a file each"));
    }
    if took > MOST { Err(format!("{said}, at most {} s allowed", MOST.as_secs())) } else { Ok(said) }
}

/// How many files a member has in its own directories.
fn files_of(group: &mut Group, number: usize) -> Result<usize, String> {
    let member = group.member(number)?;
    Ok(member.authors().map(|author| group::count(&member.folder.join(author))).sum())
}
