//! `cargo xtask fuzz`: the fuzz targets of tempo-message, each for a while.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::call::Call;
use crate::failure::Failure;
use crate::workspace;

const FUZZ_DIR: &str = "tempo-message/fuzz";

/// Fuzzes every target, or the named one, and names the inputs that broke something.
///
/// A target that breaks does not keep the later ones from running.
pub(crate) fn run(arguments: &[String]) -> Result<(), Failure> {
    let options = Options::parse(arguments)?;
    require_fuzzer()?;
    let known = known_targets()?;
    let targets = match options.target {
        Some(target) if known.contains(&target) => vec![target],
        Some(target) => {
            return Err(Failure::usage(format!(
                "there is no fuzz target `{target}` in {FUZZ_DIR}; there are: {}",
                known.join(", ")
            )));
        }
        None => known,
    };
    let mut artifacts = Vec::new();
    for target in &targets {
        artifacts.extend(fuzz(target, options.seconds)?);
    }
    if artifacts.is_empty() {
        return Ok(());
    }
    Err(Failure::Broken { artifacts })
}

#[derive(Debug, PartialEq)]
struct Options {
    seconds: u64,
    target: Option<String>,
}

impl Options {
    fn parse(arguments: &[String]) -> Result<Self, Failure> {
        let mut options = Self { seconds: 60, target: None };
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            if argument == "--seconds" {
                options.seconds = seconds(arguments.next())?;
            } else if argument.starts_with('-') {
                return Err(Failure::usage(format!("`fuzz` does not know `{argument}`")));
            } else if let Some(first) = &options.target {
                return Err(Failure::usage(format!(
                    "`fuzz` takes one target or none, and there are `{first}` and `{argument}`"
                )));
            } else {
                options.target = Some(argument.clone());
            }
        }
        Ok(options)
    }
}

/// Zero means "without end" to the fuzzer, so it is refused.
fn seconds(value: Option<&String>) -> Result<u64, Failure> {
    let number = value.and_then(|value| value.parse().ok());
    number.filter(|&seconds| seconds > 0).ok_or_else(|| {
        let found = value.map_or_else(|| "nothing".to_owned(), |value| format!("`{value}`"));
        Failure::usage(format!("--seconds needs a whole number above 0, and there is {found}"))
    })
}

fn require_fuzzer() -> Result<(), Failure> {
    let answer = cargo_fuzz(&["--version"]).answer();
    answer.map(drop).map_err(|_| Failure::Missing {
        tool: "cargo-fuzz on a nightly toolchain",
        install: &["cargo install cargo-fuzz --locked", "rustup toolchain install nightly"],
    })
}

fn known_targets() -> Result<Vec<String>, Failure> {
    let list = cargo_fuzz(&["list", "--fuzz-dir", FUZZ_DIR]);
    let answer = list.answer()?;
    let targets: Vec<_> = String::from_utf8_lossy(&answer).split_whitespace().map(str::to_owned).collect();
    if targets.is_empty() {
        return Err(Failure::Unanswered { command: list.line(), why: "it lists no target".to_owned() });
    }
    Ok(targets)
}

/// Fuzzes one target; each new artifact comes with the command that repeats it.
fn fuzz(target: &str, seconds: u64) -> Result<Vec<(String, PathBuf)>, Failure> {
    let run = cargo_fuzz(&["run", "--fuzz-dir", FUZZ_DIR, target]);
    let timed = run.clone().argument("--").argument(&format!("-max_total_time={seconds}"));
    let start = SystemTime::now();
    let status = timed.status()?;
    if status.success() {
        return Ok(Vec::new());
    }
    let directory = Path::new(FUZZ_DIR).join("artifacts").join(target);
    let artifacts = written_since(start, &directory)?;
    if artifacts.is_empty() {
        return Err(Failure::Unanswered {
            command: timed.line(),
            why: format!(
                "{status} without an artifact, so the target did not build or start; \
                 its output is above"
            ),
        });
    }
    let with_repeat = |artifact: PathBuf| {
        let repeat = run.clone().argument(&artifact.display().to_string());
        (repeat.line(), artifact)
    };
    Ok(artifacts.into_iter().map(with_repeat).collect())
}

/// The files in `directory`, which is relative to the workspace's root, that are not older than `start`.
///
/// An input that was found in an earlier run is written again under the same name, so names alone do not tell.
fn written_since(start: SystemTime, directory: &Path) -> Result<Vec<PathBuf>, Failure> {
    let absolute = workspace::root().join(directory);
    let unreadable = |source| Failure::Unreadable { path: absolute.clone(), source };
    let entries = match fs::read_dir(&absolute) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(unreadable(error)),
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry.map_err(unreadable)?;
        let modified = entry.metadata().and_then(|data| data.modified());
        if modified.map_err(unreadable)? >= start {
            found.push(directory.join(entry.file_name()));
        }
    }
    found.sort();
    Ok(found)
}

fn cargo_fuzz(arguments: &[&str]) -> Call {
    let arguments = [&["+nightly", "fuzz"], arguments].concat();
    Call::program("cargo", &arguments)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(arguments: &[&str]) -> Result<Options, Failure> {
        let arguments: Vec<_> = arguments.iter().map(|&a| a.to_owned()).collect();
        Options::parse(&arguments)
    }

    #[test]
    fn seconds_and_target_come_in_any_order() {
        let wanted = Options { seconds: 5, target: Some("frame".to_owned()) };
        assert_eq!(parse(&["--seconds", "5", "frame"]).unwrap(), wanted);
        assert_eq!(parse(&["frame", "--seconds", "5"]).unwrap(), wanted);
        assert_eq!(parse(&[]).unwrap().seconds, 60);
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for arguments in
            [&["--seconds"][..], &["--seconds", "0"], &["--seconds", "-1"], &["--minutes", "1"], &["frame", "pack"]]
        {
            assert!(parse(arguments).is_err(), "{arguments:?}");
        }
    }

    #[test]
    fn only_new_files_are_artifacts_of_this_run() {
        let sources = Path::new("xtask/src");
        let all = written_since(SystemTime::UNIX_EPOCH, sources).unwrap();
        assert!(all.contains(&sources.join("fuzz.rs")), "{all:?}");
        let later = SystemTime::now() + std::time::Duration::from_secs(3600);
        assert!(written_since(later, sources).unwrap().is_empty());
        let missing = written_since(SystemTime::UNIX_EPOCH, Path::new("no-such-directory"));
        assert!(missing.unwrap().is_empty());
    }
}
