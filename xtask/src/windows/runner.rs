//! Running tests: two at a time, each in its own process with a time limit.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use super::counts::Outcome;
use super::wine::{self, Wine};
use crate::call::Executable;
use crate::process::Said;
use crate::{parallel, process};

/// One test.
#[derive(Debug)]
pub(super) struct Test {
    /// The index of its suite.
    pub(super) suite: usize,
    pub(super) executable: Executable,
    pub(super) name: String,
    /// The file of its output, without an extension.
    pub(super) log: PathBuf,
    pub(super) is_skipped: bool,
}

/// The number of tests that run at once.
const AT_ONCE: usize = 2;

/// Runs the tests and returns the outcome and the time of each, in the same order.
///
/// # Errors
///
/// Returns why a process did not start, or that the run was interrupted.
pub(super) fn run(wine: &Wine, tests: &[Test], limit: Duration) -> Result<Vec<(Outcome, Duration)>, String> {
    let one = |&mut (): &mut (), test: &Test| {
        let begun = Instant::now();
        let outcome = if test.is_skipped { Outcome::Skipped } else { run_one(wine, test, limit)? };
        let time = begun.elapsed();
        match outcome {
            Outcome::Passed | Outcome::Skipped => {}
            Outcome::Failed => println!("FAILED      {:6.1} s  {}", time.as_secs_f64(), test.name),
            Outcome::Unended => println!("DID NOT END {:6.1} s  {}", time.as_secs_f64(), test.name),
        }
        Ok((outcome, time))
    };
    parallel::each(AT_ONCE, tests, |_| (), one).into_iter().collect()
}

fn run_one(wine: &Wine, test: &Test, limit: Duration) -> Result<Outcome, String> {
    let mut command = wine.command(&test.executable.path);
    command.args(["--exact", &test.name, "--nocapture", "--test-threads=1"]);
    command.current_dir(&test.executable.package).stdin(Stdio::null());
    if let Some(profile) = test.executable.path.ancestors().nth(2) {
        // Tests that start examples would build them first, which nothing under Wine can do.
        command.env("TEMPO_EXAMPLES", wine::path(&profile.join("examples")));
    }
    for start in 1..=wine::STARTS {
        match process::run_merged(&mut command, &test.log, limit) {
            Ok(said) if said.status.success() && says_passed(&said.out) => return Ok(Outcome::Passed),
            Ok(said) if is_failure_of_wine(&said) => wine::report_failure(&test.name, &said.status, start),
            Ok(_) => return Ok(Outcome::Failed),
            Err(why) => {
                process::check_interruption()?;
                return if has_log(&test.log) { Ok(Outcome::Unended) } else { Err(why) };
            }
        }
    }
    Ok(Outcome::Failed)
}

/// Returns whether one test passed. The exit status is not enough: it is also good if no test has the name.
fn says_passed(output: &str) -> bool {
    output.lines().any(|line| line.starts_with("test result: ok. 1 passed;"))
}

/// Returns whether Wine failed in the test, or did not start it at all.
fn is_failure_of_wine(said: &Said) -> bool {
    said.out.is_empty() || wine::has_failed(&said.out) || wine::has_failed(&said.status.to_string())
}

fn has_log(log: &Path) -> bool {
    log.with_extension("out").exists()
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;
    use std::process::ExitStatus;

    use super::*;

    #[test]
    fn a_missing_test_has_not_passed() {
        assert!(says_passed("running 1 test\r\n\r\ntest result: ok. 1 passed; 0 failed; 0 ignored\r\n"));
        assert!(!says_passed("running 0 tests\n\ntest result: ok. 0 passed; 0 failed; 0 ignored\n"));
        assert!(!says_passed("test result: FAILED. 0 passed; 1 failed;\n"));
    }

    #[test]
    fn a_test_is_started_again_only_where_wine_has_failed() {
        let said =
            |status, out: &str| Said { out: out.to_owned(), err: String::new(), status: ExitStatus::from_raw(status) };
        let refused = "called `Result::unwrap()` on an `Err` value: Os { code: 1359, kind: Uncategorized, message: \"Internal error.\" }";
        let failures = [said(0, ""), said(256, refused), said(11, "running 1 test\r\n")];
        assert!(failures.iter().all(is_failure_of_wine));
        let denied = "called `Result::unwrap()` on an `Err` value: Os { code: 5, kind: PermissionDenied }";
        assert!(!is_failure_of_wine(&said(256, denied)));
    }
}
