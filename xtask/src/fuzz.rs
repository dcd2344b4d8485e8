//! `cargo xtask fuzz`: runs each fuzz target of tempo-message for a while.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use fs_err as fs;

use crate::call::Call;
use crate::failure::Failure;
use crate::workspace;

const FUZZ_DIR: &str = "tempo-message/fuzz";

/// The arguments of `fuzz`.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    // Zero means "without end" to the fuzzer.
    /// Fuzz each target for this long
    #[arg(long, value_name = "N", default_value = "60", value_parser = clap::value_parser!(u64).range(1..))]
    seconds: u64,
    /// Fuzz this target alone
    target: Option<String>,
}

/// Fuzzes every target, or the named one, and names the inputs that broke something.
///
/// A target that breaks does not keep the later ones from running.
pub(crate) fn run(options: &Options) -> Result<(), Failure> {
    require_fuzzer()?;
    let targets = options.target.clone().map_or_else(known_targets, |target| Ok(vec![target]))?;
    let mut artifacts = Vec::new();
    for target in &targets {
        artifacts.extend(fuzz(target, options.seconds)?);
    }
    if artifacts.is_empty() {
        return Ok(());
    }
    Err(Failure::Broken { artifacts })
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

/// Fuzzes one target; returns each new artifact with the command that repeats it.
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

/// Returns the files in `directory`, relative to the workspace's root, that are not older than `start`.
///
/// The fuzzer writes an input that it found in an earlier run again under the same name, so names alone do
/// not tell.
fn written_since(start: SystemTime, directory: &Path) -> Result<Vec<PathBuf>, Failure> {
    let absolute = workspace::root().join(directory);
    let entries = match fs::read_dir(&absolute) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error.into()),
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry?;
        if entry.metadata()?.modified()? >= start {
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
