//! The cost of a hostile folder: memory, the longest call of the session's API, and the delay of
//! other members in scans.
//!
//! `cargo bench -p tempo-session --bench hostile` prints a table, in minutes; `-- --quick` runs a
//! hundredth of the size, in seconds. Every scenario runs in its own process, because peak memory
//! is counted per process.

#![allow(
    clippy::pedantic,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a benchmark measures real time, prints, and may fail loudly"
)]

mod memory;
mod probe;
mod run;
mod scans;
mod scenario;

use std::{
    env,
    path::Path,
    process::{Command, Stdio},
};

use run::Outcome;
use scenario::Scenario;

/// The first argument of a process that runs one scenario. The scenario's name, the size and the
/// directory follow.
const CHILD: &str = "--scenario";
const MEMORY_MIB: f64 = 64.0;
const CALL_MS: f64 = 50.0;
const DELAY: u64 = 2;

fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    if let [first, name, size, dir, ..] = arguments.as_slice()
        && first == CHILD
    {
        let scenario = Scenario::ALL.into_iter().find(|scenario| scenario.name() == name).expect("a known scenario");
        let outcome = run::run(scenario, size.parse().expect("a number"), Path::new(dir));
        println!("{}", outcome.to_line());
        return;
    }
    let is_quick = arguments.iter().any(|argument| argument == "--quick");
    let only: Vec<&String> = arguments.iter().filter(|argument| !argument.starts_with("--")).collect();
    println!(
        "{:<18} {:>9} {:>16} {:>9} {:>9} {:>9} {:>9} {:>9} {:>8} {:>7}",
        "scenario", "size", "MiB above idle", "status", "timeline", "poll", "send", "(sync)", "delayed", "scans"
    );
    println!(
        "{:<18} {:>9} {:>16} {:>9} {:>9} {:>9} {:>9} {:>9} {:>8} {:>7}",
        "goal", "", "<= 64", "<= 50 ms", "<= 50 ms", "<= 50 ms", "<= 50 ms", "", "<= 2", ""
    );
    let mut missed = Vec::new();
    for scenario in Scenario::ALL {
        if !only.is_empty() && !only.iter().any(|name| *name == scenario.name()) {
            continue;
        }
        let size = if is_quick { scenario.size() / 100 } else { scenario.size() };
        let outcome = in_a_process(scenario, size);
        let Outcome { memory_mib, status_ms, timeline_ms, poll_ms, send_ms, sync_ms, delay, scans } = outcome;
        println!(
            "{:<18} {size:>9} {memory_mib:>16.1} {status_ms:>9.1} {timeline_ms:>9.1} {poll_ms:>9.1} {send_ms:>9.1} \
             {sync_ms:>9.1} {delay:>8} {scans:>7}",
            scenario.name()
        );
        let longest = status_ms.max(timeline_ms).max(poll_ms);
        // A send waits for the disk, and perhaps for an earlier commit. More than two syncs is
        // slow.
        let is_slow_send = send_ms > CALL_MS.max(2.0 * sync_ms);
        if memory_mib > MEMORY_MIB || longest > CALL_MS || is_slow_send || delay > DELAY {
            missed.push(scenario.name());
        }
    }
    println!("calls: the longest, in milliseconds; (sync): the longest sync of 4 KiB on the same disk meanwhile,");
    println!("of which a send may take two where that is more");
    if missed.is_empty() {
        println!("every goal is met");
    } else {
        println!("a goal is missed by: {}", missed.join(", "));
    }
}

/// Runs a scenario in a new directory and a new process.
fn in_a_process(scenario: Scenario, size: usize) -> Outcome {
    let dir = tempfile::tempdir().expect("a temporary directory");
    scenario.prepare(dir.path(), size);
    let output = Command::new(env::current_exe().expect("the path of this program"))
        .args([CHILD, scenario.name(), &size.to_string()])
        .arg(dir.path())
        .stderr(Stdio::inherit())
        .output()
        .expect("this program starts");
    assert!(output.status.success(), "{} has failed", scenario.name());
    Outcome::from_line(&String::from_utf8_lossy(&output.stdout)).expect("a line of figures")
}
