//! The suites: listing their tests, choosing among them, and reporting the results.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use fs_err as fs;
use tempfile::Builder;

use super::counts::{self, Counts, Outcome};
use super::options::Options;
use super::runner::{self, Test};
use super::skips::Skip;
use super::wine::Wine;
use crate::call::Executable;
use crate::failure::Failure;
use crate::process;

const PATIENCE: Duration = Duration::from_secs(120);
/// The number of lines shown from a failed test's log.
const SHOWN: usize = 15;

/// Runs the chosen tests, prints the results, and returns how many tests failed or did not end.
///
/// # Errors
///
/// `Unanswered` when a suite cannot be listed or a test that is to be skipped does not exist.
pub(super) fn run(
    wine: &Wine,
    executables: &[Executable],
    skips: &[Skip],
    options: &Options,
) -> Result<usize, Failure> {
    let logs = logs(options)?;
    let (mut suites, mut tests, mut all) = (Vec::new(), Vec::new(), BTreeSet::new());
    for executable in executables {
        let package = executable.package.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if !options.wants_suite(&package) {
            continue;
        }
        let names = list(wine, executable, &logs)?;
        all.extend(names.iter().map(|name| full_name(&package, name)));
        let suite = format!("{package} {} {}", executable.kind, executable.name);
        let dir = logs.join(suite.replace(' ', "-"));
        fs::create_dir_all(&dir)?;
        for name in names.into_iter().filter(|name| name.contains(&options.only)) {
            // A dot would start an extension, and logs of several tests would share a file.
            let log = dir.join(name.replace("::", "-"));
            let is_skipped = skips.iter().any(|skip| skip.test == full_name(&package, &name));
            let executable = executable.clone();
            tests.push(Test { suite: suites.len(), executable, name, log, is_skipped });
        }
        suites.push((suite, Counts::default()));
    }
    check_skips(skips, &all, options)?;
    println!("{} tests, each in a process of its own; documentation tests cannot run under Wine", tests.len());
    for skip in skips.iter().filter(|skip| tests.iter().any(|test| test.is_skipped && skip.test.ends_with(&test.name)))
    {
        println!("skipped: {} ({})", skip.test, skip.why);
    }
    let ended = runner::run(wine, &tests, options.limit)?;
    for (test, (outcome, time)) in tests.iter().zip(&ended) {
        if let Some((suite, counts)) = suites.get_mut(test.suite) {
            counts.add(*outcome, *time);
            if matches!(outcome, Outcome::Failed | Outcome::Unended) {
                println!("\n== {suite}: {}\n{}", test.name, end_of(&test.log.with_extension("out")));
            }
        }
    }
    println!("\n{}", counts::table(&suites));
    let bad = suites.iter().map(|(_, counts)| counts.bad()).sum();
    if bad == 0 && options.logs.is_none() {
        // Every test has passed, so the logs can go.
        let _ = fs::remove_dir_all(&logs);
    } else {
        println!("logs: {}", logs.display());
    }
    Ok(bad)
}

/// Returns the directory for the logs.
fn logs(options: &Options) -> Result<PathBuf, Failure> {
    let Some(logs) = &options.logs else {
        return Ok(Builder::new().prefix("tempo-windows-logs-").tempdir()?.keep());
    };
    fs::create_dir_all(logs)?;
    Ok(logs.clone())
}

/// Returns the names of the tests in a binary.
fn list(wine: &Wine, executable: &Executable, logs: &Path) -> Result<Vec<String>, String> {
    let mut command = wine.command(&executable.path);
    let output = logs.join(format!("{}-list", executable.name));
    let said = process::run(command.args(["--list", "--format", "terse"]), &output, PATIENCE)?;
    let said = said.check(&format!("{} --list", executable.path.display()))?;
    Ok(names_in(&said.out))
}

fn names_in(listed: &str) -> Vec<String> {
    listed.lines().filter_map(|line| line.trim_end().strip_suffix(": test")).map(str::to_owned).collect()
}

/// Returns the test's name in the list of skipped tests.
fn full_name(package: &str, test: &str) -> String {
    format!("{package}::{test}")
}

/// Checks that each skipped test exists, as far as its package's tests were listed.
fn check_skips(skips: &[Skip], all: &BTreeSet<String>, options: &Options) -> Result<(), String> {
    let is_listed = |skip: &&Skip| skip.test.split("::").next().is_some_and(|package| options.wants_suite(package));
    match skips.iter().filter(is_listed).find(|skip| !all.contains(&skip.test)) {
        Some(skip) => Err(format!("there is no test `{}` to skip", skip.test)),
        None => Ok(()),
    }
}

/// Returns the last lines of a log.
fn end_of(log: &Path) -> String {
    let text = String::from_utf8_lossy(&fs::read(log).unwrap_or_default()).into_owned();
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    lines.get(lines.len().saturating_sub(SHOWN)..).unwrap_or_default().join("\n")
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        options: Options,
    }

    #[test]
    fn only_tests_are_listed() {
        assert_eq!(names_in("cli::it_ends: test\r\nbench::speed: benchmark\r\n\r\na: test\r\n"), ["cli::it_ends", "a"]);
    }

    #[test]
    fn a_test_to_skip_must_exist_in_what_was_listed() {
        let skips = [Skip { test: "tempo-session::cli::gone".to_owned(), why: "it is slow".to_owned() }];
        let all = BTreeSet::from(["tempo-session::cli::there".to_owned()]);
        let options = |arguments: &[&str]| Line::parse_from(["windows"].iter().chain(arguments)).options;
        assert!(check_skips(&skips, &all, &options(&[])).is_err());
        check_skips(&skips, &BTreeSet::new(), &options(&["--suite", "tempo-clock"])).unwrap();
        let there = [Skip { test: "tempo-session::cli::there".to_owned(), why: "it is slow".to_owned() }];
        check_skips(&there, &all, &options(&[])).unwrap();
    }
}
