//! The arguments of `windows`.

use std::path::{PathBuf, absolute};
use std::time::Duration;

use crate::failure::Failure;

/// The choice of tests and scenes, and the limits.
#[derive(Debug)]
pub(super) struct Options {
    /// A part of the name of each test and scene to run; empty for all.
    pub(super) only: String,
    /// The packages, or `lint` or `scenes`; empty for all.
    suites: Vec<String>,
    /// The time limit of one test.
    pub(super) limit: Duration,
    /// The directory for the logs; a temporary one by default.
    pub(super) logs: Option<PathBuf>,
    /// The seed of the random numbers in the scenes; a new one by default.
    pub(super) seed: Option<u64>,
}

/// The parts of the command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Lint,
    Suites,
    Scenes,
}

/// The packages whose tests run under Wine.
pub(super) const PACKAGES: [&str; 4] = ["tempo-clock", "tempo-message", "tempo-fs-transport", "tempo-session"];
const LINT: &str = "lint";
const SCENES: &str = "scenes";
const LIMIT: Duration = Duration::from_secs(60);

impl Options {
    pub(super) fn parse(arguments: &[String]) -> Result<Self, Failure> {
        let mut options = Self { only: String::new(), suites: Vec::new(), limit: LIMIT, logs: None, seed: None };
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            let value = arguments.next().ok_or_else(|| Failure::usage(format!("{argument} needs a value")))?;
            match argument.as_str() {
                "--only" => options.only.clone_from(value),
                "--suite" if PACKAGES.contains(&value.as_str()) || [LINT, SCENES].contains(&value.as_str()) => {
                    options.suites.push(value.clone());
                }
                "--suite" => {
                    let known = PACKAGES.join(", ");
                    return Err(Failure::usage(format!("`{value}` is no suite; choose {known}, {LINT} or {SCENES}")));
                }
                "--seconds" => match number(argument, value)? {
                    0 => return Err(Failure::usage("`windows` takes at least one second")),
                    seconds => options.limit = Duration::from_secs(seconds),
                },
                "--seed" => options.seed = Some(number(argument, value)?),
                "--logs" => {
                    let path = absolute(value).map_err(|source| Failure::Unreadable { path: value.into(), source })?;
                    options.logs = Some(path);
                }
                _ => return Err(Failure::usage(format!("`windows` does not take {argument}"))),
            }
        }
        Ok(options)
    }

    /// Returns whether a part is chosen.
    pub(super) fn wants(&self, part: Part) -> bool {
        let is_named = |name: &str| self.suites.is_empty() || self.suites.iter().any(|suite| suite == name);
        match part {
            Part::Lint => is_named(LINT) && self.only.is_empty(),
            Part::Suites => PACKAGES.into_iter().any(is_named),
            Part::Scenes => is_named(SCENES),
        }
    }

    /// Returns whether the tests of a package are chosen.
    pub(super) fn wants_package(&self, package: &str) -> bool {
        self.suites.is_empty() || self.suites.iter().any(|suite| suite == package)
    }
}

fn number(argument: &str, value: &str) -> Result<u64, Failure> {
    value.parse().map_err(|_| Failure::usage(format!("{argument} takes a number, and there is `{value}`")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(arguments: &[&str]) -> Result<Options, Failure> {
        let arguments: Vec<_> = arguments.iter().map(|&argument| argument.to_owned()).collect();
        Options::parse(&arguments)
    }

    #[test]
    fn everything_runs_unless_something_is_chosen() {
        let options = parse(&[]).unwrap();
        assert!([Part::Lint, Part::Suites, Part::Scenes].into_iter().all(|part| options.wants(part)));
        assert!(options.wants_package("tempo-clock"));
        assert_eq!(options.limit, LIMIT);
    }

    #[test]
    fn suites_are_chosen_by_name() {
        let options = parse(&["--suite", "tempo-clock", "--suite", "scenes", "--seconds", "5"]).unwrap();
        assert!(options.wants_package("tempo-clock") && !options.wants_package("tempo-session"));
        assert!(options.wants(Part::Suites) && options.wants(Part::Scenes) && !options.wants(Part::Lint));
        assert_eq!(options.limit, Duration::from_secs(5));
        let options = parse(&["--suite", "lint"]).unwrap();
        assert!(options.wants(Part::Lint) && !options.wants(Part::Suites) && !options.wants(Part::Scenes));
    }

    #[test]
    fn a_part_of_a_name_chooses_among_tests_and_scenes() {
        let options = parse(&["--only", "chat"]).unwrap();
        assert!(options.wants(Part::Suites) && options.wants(Part::Scenes) && !options.wants(Part::Lint));
    }

    #[test]
    fn arguments_without_sense_are_usage_errors() {
        for arguments in [&["--suite", "xtask"][..], &["--seconds", "0"], &["--only"], &["--fast", "1"]] {
            assert!(matches!(parse(arguments), Err(Failure::Usage { .. })), "{arguments:?}");
        }
    }
}
