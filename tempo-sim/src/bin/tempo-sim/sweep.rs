//! `sim sweep`: many runs.

use std::{
    io::{self, IsTerminal, Write},
    process::ExitCode,
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

use clap::Args;
use tempo_sim::{CHAOS, PROFILES, Plan, Profile, shrink, sweep};

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Number of runs
    #[arg(long, conflicts_with = "seconds")]
    count: Option<u64>,
    /// Duration in seconds [default: 60]
    #[arg(long)]
    seconds: Option<u64>,
    /// Service to simulate [default: all in turn]
    #[arg(long, value_parser = crate::profile)]
    profile: Option<&'static Profile>,
    /// First seed
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Use 3 members and 8 messages instead of 5 and 20
    #[arg(long)]
    small: bool,
}

/// The number of runs from which a sweep must have seen every event.
const ENOUGH: u64 = 2000;

pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    let (members, messages) = if arguments.small { (3, 8) } else { (5, 20) };
    let plan = |seed: u64| Plan::from_seed(seed, profile_of(arguments, seed), members, messages);
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let began = Instant::now();
    let seconds = Duration::from_secs(arguments.seconds.unwrap_or(60));
    let told = AtomicU64::new(0);
    let go_on = |number: u64| {
        progress(number, arguments.count, began, &told);
        arguments.count.map_or_else(|| began.elapsed() < seconds, |count| number < count)
    };
    let swept = sweep(arguments.seed, threads, plan, go_on);
    let took = began.elapsed();
    let a_minute = u128::from(swept.runs) * 60_000 / took.as_millis().max(1);
    if io::stderr().is_terminal() {
        eprint!("\r\x1b[K");
    }
    for (what, count) in swept.counts.iter() {
        say!("{count:>9}  {what}");
    }
    let profile = arguments.profile.map_or("all profiles", |profile| profile.name);
    say!(
        "{} runs of {members} members x {messages} messages over {profile} in {:.1} s: {a_minute} per minute in {threads} threads",
        swept.runs,
        took.as_secs_f64()
    );
    if let Some((plan, violation)) = swept.failure {
        say!("FAILED  {violation}\n  {}", plan.command());
        let smallest = shrink(&plan);
        let outcome = smallest.execute(false);
        say!(
            "the smallest run found that also fails: {} messages, {} members, {:?}",
            smallest.messages,
            smallest.members,
            smallest.faults
        );
        if let Some(violation) = outcome.failure {
            say!("  {violation}\n  {}", smallest.command());
        }
        return ExitCode::from(1);
    }
    let missing = swept.counts.missing();
    if !missing.is_empty() && swept.runs >= ENOUGH && arguments.profile.is_none_or(|profile| profile.name == "chaos") {
        say!("FAILED  these events never happened: {}", missing.join(", "));
        return ExitCode::from(1);
    }
    say!("no failure");
    ExitCode::SUCCESS
}

fn profile_of(arguments: &Arguments, seed: u64) -> &'static Profile {
    let at = usize::try_from(seed).unwrap_or(0) % PROFILES.len();
    arguments.profile.or_else(|| PROFILES.get(at)).unwrap_or(&CHAOS)
}

fn progress(number: u64, count: Option<u64>, began: Instant, told: &AtomicU64) {
    if !io::stderr().is_terminal() {
        return;
    }
    let now = began.elapsed().as_secs() * 4 + u64::from(began.elapsed().subsec_millis()) / 250;
    if told.swap(now, Ordering::Relaxed) != now {
        let of = count.map(|count| format!(" of {count}")).unwrap_or_default();
        eprint!("\r{number}{of} runs");
        // A failure to print progress does not matter.
        let _ = io::stderr().flush();
    }
}
