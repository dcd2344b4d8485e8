//! `tempo-sim`: runs, sweeps and profiles, from a terminal.

#![allow(clippy::print_stderr, reason = "this is a program for terminals")]
#![allow(clippy::disallowed_methods, reason = "the user wants to know how long it took")]

/// Prints a line for the user. Exits quietly if the pipe is closed.
macro_rules! say {
    ($($text:tt)*) => {
        if std::io::Write::write_fmt(&mut std::io::stdout(), format_args!("{}\n", format_args!($($text)*))).is_err() {
            std::process::exit(0);
        }
    };
}

mod bugs;
mod run;
mod sweep;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use mimalloc::MiMalloc;
use tempo_sim::{PROFILES, Profile};

/// Simulated disks and services consist of many small objects with short lives.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// Simulates the faults of a synced folder, reproducibly from a seed.
#[derive(Debug, Parser)]
#[command(name = "sim", version, disable_help_subcommand = true)]
struct Sim {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Execute one run and report the result
    Run(run::Arguments),
    /// Execute many runs; report the rate, and stop at the first failure
    Sweep(sweep::Arguments),
    /// Find every planted defect; report how long each took
    Bugs(bugs::Arguments),
    /// List the services that can be simulated
    Profiles,
}

fn main() -> ExitCode {
    match Sim::parse().command {
        Command::Run(arguments) => run::run(&arguments),
        Command::Sweep(arguments) => sweep::run(&arguments),
        Command::Bugs(arguments) => bugs::run(&arguments),
        Command::Profiles => {
            for profile in PROFILES {
                say!("{:<10}  {}", profile.name, profile.about);
            }
            ExitCode::SUCCESS
        }
    }
}

/// Returns the profile with a name on the command line.
fn profile(name: &str) -> Result<&'static Profile, String> {
    Profile::named(name).ok_or_else(|| {
        let names: Vec<&str> = PROFILES.iter().map(|profile| profile.name).collect();
        format!("unknown profile; the profiles are {}", names.join(", "))
    })
}
