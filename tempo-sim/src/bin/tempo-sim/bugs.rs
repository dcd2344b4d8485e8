//! `sim bugs`: finds every planted defect.

use std::{
    io::{self, IsTerminal},
    panic,
    process::ExitCode,
    thread,
    time::{Duration, Instant},
};

use clap::Args;
use tempo_sim::bugs::{Bug, Found, find};

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// First seed
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Time limit for each defect, in seconds; every core searches for the same one
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Only defects whose name contains this
    #[arg(value_name = "NAME")]
    name: Option<String>,
}

pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    let wanted = |bug: &&Bug| arguments.name.as_ref().is_none_or(|name| bug.to_string().contains(name.as_str()));
    let bugs: Vec<Bug> = Bug::ALL.iter().filter(wanted).copied().collect();
    let limit = Duration::from_secs(arguments.seconds);
    let threads = thread::available_parallelism().map_or(1, usize::from);
    // A defect may appear as a panic, which is caught and counted. Its text would only disturb the table.
    panic::set_hook(Box::new(|_| {}));
    let mut results = Vec::new();
    for &bug in &bugs {
        let began = Instant::now();
        let found = find(bug, arguments.seed, threads, |_| began.elapsed() < limit);
        results.push((bug, began.elapsed(), found));
        if io::stderr().is_terminal() {
            eprint!("\r{} of {}", results.len(), bugs.len());
        }
    }
    let _ = panic::take_hook();
    if io::stderr().is_terminal() {
        eprint!("\r\x1b[K");
    }
    report(&results)
}

fn report(results: &[(Bug, Duration, Option<Found>)]) -> ExitCode {
    say!("{:<26} {:>8} {:>7} {:>6}  found as", "planted", "seconds", "runs", "seed");
    for (bug, took, found) in results {
        let seconds = took.as_secs_f64();
        match found {
            Some(Found { plan, what, runs }) => {
                let what: String = what.chars().take(60).collect();
                say!("{:<26} {seconds:>8.2} {runs:>7} {:>6}  {what}", bug.to_string(), plan.seed);
            }
            None => say!("{:<26} {seconds:>8.2} {:>7} {:>6}  NOT FOUND: {}", bug.to_string(), "", "", bug.about()),
        }
    }
    let found = results.iter().filter(|(.., found)| found.is_some()).count();
    let mut times: Vec<f64> = results.iter().map(|(_, took, _)| took.as_secs_f64()).collect();
    times.sort_by(f64::total_cmp);
    let median = times.get(times.len() / 2).copied().unwrap_or_default();
    let worst = times.last().copied().unwrap_or_default();
    say!("{found} of {} found; median {median:.2} s, worst {worst:.2} s", results.len());
    if found == results.len() { ExitCode::SUCCESS } else { ExitCode::from(1) }
}
