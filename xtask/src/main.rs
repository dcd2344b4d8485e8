//! Every developer command of this workspace: `cargo xtask COMMAND`.
//!
//! One module per command, one row per command in [`COMMANDS`]. Nothing here depends on a crate of the workspace, so
//! that a broken crate cannot break the tool that is to find out why.
//!
//! Exit codes: 0 (also for a check that says why it is skipped), 1 (the command's own negative answer), 2 (it could not
//! look).

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command's output is its purpose")]
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "a tool for people may look at the clock")]

mod bench;
#[cfg_attr(
    not(all(target_os = "linux", target_arch = "x86_64")),
    allow(dead_code, reason = "some commands run on one system only")
)]
mod call;
mod ci;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod crash;
#[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
mod crash {
    /// Registers have other names elsewhere.
    pub(crate) fn run(_: &[String]) -> Result<(), crate::failure::Failure> {
        Err(crate::failure::Failure::Skipped { why: "calls are intercepted on Linux on x86-64 only".to_owned() })
    }
}
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod cross;
#[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
mod cross {
    /// The compiler is a package for one system.
    pub(crate) fn macos() -> Result<(), crate::failure::Failure> {
        Err(crate::failure::Failure::Skipped { why: "macOS is checked from Linux on x86-64 only".to_owned() })
    }
}
#[cfg(target_os = "linux")]
#[cfg_attr(not(target_arch = "x86_64"), allow(dead_code, reason = "some commands run on one system only"))]
mod debian;
mod failure;
#[cfg(target_os = "linux")]
mod field;
#[cfg(not(target_os = "linux"))]
mod field {
    /// Volumes are mounted, and the packages are Debian's.
    pub(crate) fn run(_: &[String]) -> Result<(), crate::failure::Failure> {
        Err(crate::failure::Failure::Skipped { why: "the scenes are played on Linux only".to_owned() })
    }
}
mod fuzz;
mod golden;
#[cfg(unix)]
mod lab;
#[cfg(not(unix))]
mod lab {
    /// The engines are ended by signals.
    pub(crate) fn run(_: &[String]) -> Result<(), crate::failure::Failure> {
        Err(crate::failure::Failure::Skipped { why: "sync engines are run on Unix only".to_owned() })
    }
}
mod layers;
mod page;
#[cfg(unix)]
mod process;
mod reader;
#[cfg(target_os = "linux")]
#[cfg_attr(not(target_arch = "x86_64"), allow(dead_code, reason = "some commands run on one system only"))]
mod talk;
mod test;
mod tidy;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod windows;
#[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
mod windows {
    /// Wine is used on one system.
    pub(crate) fn run(_: &[String]) -> Result<(), crate::failure::Failure> {
        Err(crate::failure::Failure::Skipped { why: "Wine is run on Linux on x86-64 only".to_owned() })
    }
}
mod workspace;

use std::env;
use std::ffi::OsString;
use std::fmt::Write;
use std::process::ExitCode;

use crate::failure::Failure;

fn main() -> ExitCode {
    match dispatch(env::args_os().skip(1).collect()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("xtask: {failure}");
            if matches!(failure, Failure::Usage { .. }) {
                eprint!("\n{}", command_list());
            }
            ExitCode::from(failure.exit_code())
        }
    }
}

/// One command: how it is called, what it does, and the function that does it.
struct Command {
    name: &'static str,
    arguments: &'static str,
    about: &'static str,
    run: Run,
}

/// The two shapes of a command; one that takes no arguments need not check for them.
enum Run {
    Plain(fn() -> Result<(), Failure>),
    WithArguments(fn(&[String]) -> Result<(), Failure>),
}

const COMMANDS: &[Command] = &[
    Command {
        name: "test",
        arguments: "[ARGS]...",
        about: "every test of the workspace; ARGS go to `cargo test`",
        run: Run::WithArguments(test::run),
    },
    Command {
        name: "ci",
        arguments: "",
        about: "everything a change must pass, in order; stops at the first failure",
        run: Run::Plain(ci::run),
    },
    Command {
        name: "tidy",
        arguments: "",
        about: "the rules of this repository that no compiler checks",
        run: Run::Plain(tidy::run),
    },
    Command { name: "layers", arguments: "", about: "which crate may depend on which", run: Run::Plain(layers::run) },
    Command {
        name: "golden",
        arguments: "[--bless]",
        about: "the golden frames of tempo-message; --bless writes them anew",
        run: Run::WithArguments(golden::run),
    },
    Command {
        name: "reader",
        arguments: "",
        about: "docs/reader.py, written from the format alone, against the tempo command",
        run: Run::Plain(reader::run),
    },
    Command {
        name: "page",
        arguments: "[--pictures DIR]",
        about: "the simulator's diagram in a real browser; --pictures keeps what it looks like",
        run: Run::WithArguments(page::run),
    },
    Command {
        name: "crash",
        arguments: "[--quick | --only POINT]",
        about: "the tempo command, killed and refused at every system call; --quick tries a sample",
        run: Run::WithArguments(crash::run),
    },
    Command {
        name: "bench",
        arguments: "[growth] [--quick] [--json FILE] [--svg FILE] [--only ROW]...",
        about: "what things cost beside floors and peers, in one table; growth: by the length of the history",
        run: Run::WithArguments(bench::run),
    },
    Command {
        name: "lab",
        arguments: "[--engine NAME]... [--scenario NAME]... [--seconds N] [--seed N] [--json]",
        about: "tempo over real sync engines, with partitions, kills and conflicts; every scenario unless told which",
        run: Run::WithArguments(lab::run),
    },
    Command {
        name: "field",
        arguments: "[--list] [NAME]...",
        about: "tempo in situations that people report of synced folders; --list names them with their sources",
        run: Run::WithArguments(field::run),
    },
    Command {
        name: "windows",
        arguments: "[--only PART] [--suite NAME]... [--seconds N] [--logs DIR] [--seed N]",
        about: "the crates built for Windows; their tests and the tempo command under Wine",
        run: Run::WithArguments(windows::run),
    },
    Command {
        name: "macos",
        arguments: "",
        about: "every crate checked for macOS; nothing is run",
        run: Run::Plain(cross::macos),
    },
    Command {
        name: "fuzz",
        arguments: "[--seconds N] [TARGET]",
        about: "each fuzz target, or one, for N seconds (default 60)",
        run: Run::WithArguments(fuzz::run),
    },
];

fn dispatch(arguments: Vec<OsString>) -> Result<(), Failure> {
    let arguments = arguments
        .into_iter()
        .map(OsString::into_string)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|raw| Failure::usage(format!("{} is not valid UTF-8", raw.display())))?;
    let Some((name, rest)) = arguments.split_first() else {
        return Err(Failure::usage("which command?"));
    };
    if matches!(name.as_str(), "help" | "--help" | "-h") {
        print!("{}", command_list());
        return Ok(());
    }
    let Some(command) = COMMANDS.iter().find(|command| command.name == name) else {
        return Err(Failure::usage(format!("there is no command `{name}`")));
    };
    match (&command.run, rest.first()) {
        (Run::Plain(run), None) => run(),
        (Run::Plain(_), Some(extra)) => {
            Err(Failure::usage(format!("`{name}` takes no arguments, and there is `{extra}`")))
        }
        (Run::WithArguments(run), _) => run(rest),
    }
}

fn command_list() -> String {
    let calls: Vec<_> = COMMANDS.iter().map(|command| format!("{} {}", command.name, command.arguments)).collect();
    let width = calls.iter().map(String::len).max().unwrap_or(0);
    let mut list = "cargo xtask COMMAND\n".to_owned();
    for (call, command) in calls.iter().zip(COMMANDS) {
        // Writing into a string cannot fail.
        let _ = writeln!(list, "  {call:width$}  {}", command.about);
    }
    list
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(arguments: &[&str]) -> Result<(), Failure> {
        dispatch(arguments.iter().map(OsString::from).collect())
    }

    #[test]
    fn a_call_that_makes_no_sense_is_a_usage_error() {
        for arguments in [
            &[][..],
            &["tests"],
            &["tidy", "--fast"],
            &["golden", "--bles"],
            &["fuzz", "--seconds", "soon"],
            &["page", "--pictures"],
            &["bench", "--json"],
            &["field", "--lisst"],
            &["field", "no-such-scene"],
            &["lab", "--engine", "pigeon"],
            &["macos", "--run"],
            &["windows", "--suite", "xtask"],
        ] {
            let failure = call(arguments).unwrap_err();
            assert!(matches!(failure, Failure::Usage { .. }), "{arguments:?}: {failure}");
            assert_eq!(failure.exit_code(), 2);
        }
    }

    #[test]
    fn help_is_not_an_error() {
        call(&["--help"]).unwrap();
    }

    #[test]
    fn the_list_names_every_command() {
        let list = command_list();
        for command in COMMANDS {
            assert!(list.contains(&format!("\n  {} ", command.name)), "{list}");
        }
    }
}
