//! More new files in one directory than an engine likes to carry at once, and when the last of them has come.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::group::Group;
use crate::process;

/// How many messages: Syncthing takes a directory as a whole from 128 changes on, and keeps that back for six times as
/// long if anything has gone from it.
const MESSAGES: usize = 500;
/// The name of a message's file is its counter, in so many digits.
const NAME: usize = 16;
/// How long Syncthing waits for more before it looks, with its users.
const DELAY: Duration = Duration::from_secs(10);
/// How long after the last of them everything may come: twice as long as the wait and the way should take.
const MOST: Duration = Duration::from_secs(30);
/// How long is waited at all.
const PATIENCE: Duration = Duration::from_secs(120);

/// The first member sends, the second hears.
pub(super) fn measure(group: &mut Group, _: Duration) -> Result<String, String> {
    group.engine.set_delay(DELAY)?;
    let listener = group.listen()?;
    let sender = group.member(0)?;
    let own: Vec<PathBuf> = sender.authors().map(|author| sender.folder.join(author)).collect();
    let before = count_single(&own);
    for number in 1..=MESSAGES {
        sender.type_lines(1)?;
        // Lines that wait are sent together; each of these is to be a file.
        let is_there = || count_single(&own) >= before + number;
        process::wait_until(PATIENCE, is_there).map_err(|why| format!("the file of message {number}: {why}"))?;
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
    group.stop_listening(listener)?;
    let said = format!("{MESSAGES} messages, a file each, had come {:.1} s after the last", took.as_secs_f64());
    if took > MOST { Err(format!("{said}, at most {} s allowed", MOST.as_secs())) } else { Ok(said) }
}

/// How many files of one message lie in these directories.
fn count_single(dirs: &[PathBuf]) -> usize {
    let entries = dirs.iter().filter_map(|dir| fs::read_dir(dir).ok()).flatten().filter_map(Result::ok);
    entries.filter(|entry| entry.file_name().len() == NAME).count()
}
