//! `tempo-sim`: runs, sweeps and profiles, from a terminal.

#![allow(clippy::print_stderr, reason = "this is a program for terminals")]
#![allow(clippy::disallowed_methods, reason = "a person wants to know how long it took")]

/// A line for the person. Whoever closes the pipe has had enough.
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

/// Simulated disks and services are many small objects with short lives.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// Every misfortune of a synced folder, on demand, from one seed.
#[derive(Debug, Parser)]
#[command(name = "sim", version, disable_help_subcommand = true)]
struct Sim {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// One run, with its story
    Run(run::Arguments),
    /// Many runs; says how many a minute, and stops at the first failure
    Sweep(sweep::Arguments),
    /// Finds every planted defect; says how long each took
    Bugs(bugs::Arguments),
    /// The services that can be simulated
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

/// A profile by its name on the command line.
fn profile(name: &str) -> Result<&'static Profile, String> {
    Profile::named(name).ok_or_else(|| {
        let names: Vec<&str> = PROFILES.iter().map(|profile| profile.name).collect();
        format!("there is no such profile; there are {}", names.join(", "))
    })
}
