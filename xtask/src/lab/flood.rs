//! More new files in one directory than an engine likes to carry at once, and the time until the last one has
//! arrived.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::group::Group;
use crate::process;

/// The number of messages. From 128 changes on, Syncthing handles a directory as a whole, and waits six times
/// as long if anything was removed from it.
const MESSAGES: usize = 500;
/// The number of digits in the name of a message's file, which is its counter.
const NAME: usize = 16;
/// The time that Syncthing waits for further changes before it scans, by default.
const DELAY: Duration = Duration::from_secs(10);
/// The time limit for all messages after the last one was sent: twice what the waiting and the transfer
/// should take.
const MOST: Duration = Duration::from_secs(30);
/// The time after which the measurement gives up.
const PATIENCE: Duration = Duration::from_secs(120);

/// Measures messages from the first member to the second.
pub(super) fn measure(group: &mut Group, _: Duration) -> Result<String, String> {
    group.engine.set_delay(DELAY)?;
    let listener = group.listen()?;
    let sender = group.member(0)?;
    let own: Vec<PathBuf> = sender.authors().map(|author| sender.folder.join(author)).collect();
    let before = count_single(&own);
    for number in 1..=MESSAGES {
        sender.type_lines(1)?;
        // Lines that wait are sent together, but each message is to be a file of its own.
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

/// Returns the number of files with a single message in these directories.
fn count_single(dirs: &[PathBuf]) -> usize {
    let entries = dirs.iter().filter_map(|dir| fs::read_dir(dir).ok()).flatten().filter_map(Result::ok);
    entries.filter(|entry| entry.file_name().len() == NAME).count()
}
