//! Every developer command of this workspace: `cargo xtask COMMAND`.
//!
//! Each command is a module. Nothing here depends on a crate of the workspace, so a broken crate cannot break
//! the tool that is to find the cause.
//!
//! Exit codes: 0 (also for a check that says why it is skipped), 1 (the command's own negative answer), 2
//! (the command could not look).

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command's output is its purpose")]
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "a tool for people may look at the clock")]

mod book;
mod call;
mod ci;
mod failure;
mod fuzz;
mod golden;
mod reader;
mod release;
mod table;
mod tidy;
mod tools;
mod workspace;

#[cfg(unix)]
#[cfg_attr(not(target_os = "linux"), allow(dead_code, reason = "some commands are absent there"))]
mod debian;
#[cfg(unix)]
mod lab;
#[cfg(unix)]
mod page;
#[cfg(unix)]
mod process;
#[cfg(unix)]
#[cfg_attr(not(target_os = "linux"), allow(dead_code, reason = "some commands are absent there"))]
mod talk;

// Webkit's driver is for one system.
#[cfg(target_os = "linux")]
mod desktop;

// It mounts volumes.
#[cfg(target_os = "linux")]
mod field;
#[cfg(target_os = "linux")]
mod parallel;
#[cfg(target_os = "linux")]
mod play;

// Registers have other names elsewhere, and the packages of the cross compiler and Wine are for one system.
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod crash;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod cross;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod windows;

use std::env;
use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;

use crate::call::Call;
use crate::failure::Failure;

/// The commands of this system. Those that cannot run on it are absent.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", about = "The developer commands of this workspace")]
enum Command {
    /// Run every test of the workspace, or of the packages chosen with -p
    Test {
        /// The arguments of `cargo test`
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Check everything a change must pass, in order, up to the first failure
    Ci,
    /// Check the spelling, and the length of the source files
    Tidy,
    /// Check the links of all documents, and that the book is complete
    Book(book::Options),
    /// Check which crate depends on which, from where and under which license
    Layers,
    /// Check that no modules of a crate import each other in a circle
    Circles,
    /// Check each crate with each set of its features
    Features,
    /// Compare the golden frames of tempo-message
    Golden(golden::Options),
    /// Measure costs beside floors and peers; `bench growth` measures them by the length of the history
    #[command(disable_help_flag = true)]
    Bench {
        /// The arguments of tempo-bench
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Run each fuzz target, or one, for a while
    Fuzz(fuzz::Options),
    /// Check and build everything that a release consists of, without publishing it
    Release(release::Options),
    /// Compare docs/reader.py, written from the format alone, with the tempo command
    Reader,
    /// Use the simulator's diagram in a real browser
    #[cfg(unix)]
    Page(page::Options),
    /// Use the desktop example in real windows: members over one folder
    #[cfg(target_os = "linux")]
    Desktop(desktop::Options),
    /// Run tempo over real sync engines, with partitions, kills and conflicts
    #[cfg(unix)]
    Lab(lab::Options),
    /// Play situations that people report of synced folders
    #[cfg(target_os = "linux")]
    Field(field::Options),
    /// Kill the tempo command at every system call, and fail every call
    #[cfg(all(target_os = "linux", target_arch = "x86_64"))]
    Crash(crash::Options),
    /// Become a program that the parent process traces
    #[cfg(all(target_os = "linux", target_arch = "x86_64"))]
    #[command(hide = true)]
    Traced {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        words: Vec<String>,
    },
    /// Build the crates for Windows, and run their tests and the tempo command under Wine
    #[cfg(all(target_os = "linux", target_arch = "x86_64"))]
    Windows(windows::Options),
    /// Check every crate for macOS; runs nothing
    #[cfg(all(target_os = "linux", target_arch = "x86_64"))]
    Macos,
}

impl Command {
    fn run(self) -> Result<(), Failure> {
        match self {
            Self::Test { arguments } => test(&arguments).run(),
            Self::Ci => ci::run(run_words),
            Self::Tidy => tidy::run(),
            Self::Book(options) => book::run(&options),
            Self::Layers => tools::layers(),
            Self::Circles => tools::circles(),
            Self::Features => tools::features(),
            Self::Golden(options) => golden::run(&options),
            Self::Bench { arguments } => bench(&arguments).run(),
            Self::Fuzz(options) => fuzz::run(&options),
            Self::Reader => reader::run(),
            Self::Release(options) => release::run(&options),
            #[cfg(unix)]
            Self::Page(options) => page::run(&options),
            #[cfg(target_os = "linux")]
            Self::Desktop(options) => desktop::run(&options),
            #[cfg(unix)]
            Self::Lab(options) => lab::run(&options),
            #[cfg(target_os = "linux")]
            Self::Field(options) => field::run(&options),
            #[cfg(all(target_os = "linux", target_arch = "x86_64"))]
            Self::Crash(options) => crash::run(&options),
            #[cfg(all(target_os = "linux", target_arch = "x86_64"))]
            Self::Traced { words } => crash::become_traced(&words),
            #[cfg(all(target_os = "linux", target_arch = "x86_64"))]
            Self::Windows(options) => windows::run(&options),
            #[cfg(all(target_os = "linux", target_arch = "x86_64"))]
            Self::Macos => cross::macos(),
        }
    }
}

/// The arguments that run every test with every feature. A failing test does not keep the others from
/// running.
const TEST: &[&str] = &["test", "--all-features", "--no-fail-fast"];

/// Runs a command of this program by its words. One that this system lacks is skipped.
fn run_words(words: &[&str]) -> Result<(), Failure> {
    match Command::try_parse_from(words) {
        Ok(command) => command.run(),
        Err(error) if error.kind() == ErrorKind::InvalidSubcommand => {
            Err(Failure::Skipped { why: "this system has no such command".to_owned() })
        }
        Err(error) => Err(error.to_string().into()),
    }
}

fn main() -> ExitCode {
    match Command::parse().run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("xtask: {failure}");
            ExitCode::from(failure.exit_code())
        }
    }
}

/// Returns a call of the tests. A run of all tests also builds the examples; those that a test builds by itself
/// would have other features, and everything that they need would be built again.
fn test(arguments: &[String]) -> Call {
    let call = Call::cargo(TEST).arguments(arguments);
    match env::current_exe() {
        Ok(own) if arguments.is_empty() => {
            call.environment("TEMPO_EXAMPLES", own.with_file_name("examples").to_string_lossy())
        }
        _ => call,
    }
}

/// Returns a call of the benchmarks. They depend on the crates that they measure, so they are a separate
/// program that only this command builds. It runs where the caller is, and resolves its files there.
fn bench(arguments: &[String]) -> Call {
    Call::cargo(&["run", "--release", "--package", "tempo-bench", "--"]).arguments(arguments).here()
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn only_a_run_of_all_tests_has_the_examples() {
        let shown = |words: &[&str]| test(&words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>()).line();
        assert!(shown(&[]).contains("TEMPO_EXAMPLES="));
        assert_eq!(shown(&["-p", "xtask"]), "cargo test --all-features --no-fail-fast -p xtask");
    }

    #[test]
    fn every_command_is_well_formed() {
        Command::command().debug_assert();
    }

    #[test]
    fn an_invalid_call_runs_nothing() {
        for line in [
            "",
            "tests",
            "tidy --fast",
            "golden --bles",
            "book --frobnicate",
            "fuzz --seconds 0",
            "fuzz frame pack",
            #[cfg(unix)]
            "page --pictures",
            #[cfg(target_os = "linux")]
            "desktop --pictures",
            #[cfg(unix)]
            "lab --engine pigeon",
            #[cfg(unix)]
            "lab --scenario no-such-scenario",
            #[cfg(unix)]
            "lab --seconds 0",
            #[cfg(target_os = "linux")]
            "field no-such-scene",
            #[cfg(all(target_os = "linux", target_arch = "x86_64"))]
            "crash --only sing:EIO:main:1",
            #[cfg(all(target_os = "linux", target_arch = "x86_64"))]
            "crash --quick --only send:EIO:main:1",
            #[cfg(all(target_os = "linux", target_arch = "x86_64"))]
            "windows --suite xtask",
            #[cfg(all(target_os = "linux", target_arch = "x86_64"))]
            "windows --seconds 0",
        ] {
            let error = Command::try_parse_from(["xtask"].into_iter().chain(line.split_whitespace())).unwrap_err();
            assert!(error.exit_code() == 2 && error.kind() != ErrorKind::DisplayHelp, "{line}: {error}");
        }
    }

    #[test]
    #[cfg(all(target_os = "linux", target_arch = "x86_64"))]
    fn every_step_of_ours_is_a_command() {
        for (name, line) in ci::STEPS {
            if let Some(words) = line.strip_prefix("cargo ").filter(|words| words.starts_with("xtask ")) {
                assert!(Command::try_parse_from(words.split_whitespace()).is_ok(), "{name}");
            }
        }
    }

    #[test]
    fn the_benchmarks_get_all_their_arguments() {
        let words = ["xtask", "bench", "growth", "--quick", "--json", "figures.json", "--help"];
        let Ok(Command::Bench { arguments }) = Command::try_parse_from(words) else { panic!() };
        let line = "cargo run --release --package tempo-bench -- growth --quick --json figures.json --help";
        assert_eq!(bench(&arguments).line(), line);
    }
}
