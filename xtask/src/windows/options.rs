//! The arguments of `windows`.

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::TypedValueParser;
use clap::value_parser;

/// The choice of tests and scenes, and the limits.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Options {
    /// Run only the tests and scenes with this in their names
    #[arg(long, value_name = "PART", default_value = "", hide_default_value = true)]
    pub(super) only: String,
    /// Run this suite; all by default
    #[arg(long = "suite", value_name = "NAME", value_parser = SUITES)]
    suites: Vec<String>,
    /// Kill a test after this long
    #[arg(long = "seconds", value_name = "N", default_value = "60")]
    #[arg(value_parser = value_parser!(u64).range(1..).map(Duration::from_secs))]
    pub(super) limit: Duration,
    /// Keep the logs in this directory; in a temporary one by default
    #[arg(long, value_name = "DIR")]
    pub(super) logs: Option<PathBuf>,
    /// Draw the random numbers of the scenes from this seed; a new one by default
    #[arg(long)]
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
const SUITES: [&str; 6] = ["tempo-clock", "tempo-message", "tempo-fs-transport", "tempo-session", LINT, SCENES];

impl Options {
    /// Returns whether a part is chosen.
    pub(super) fn wants(&self, part: Part) -> bool {
        match part {
            Part::Lint => self.wants_suite(LINT) && self.only.is_empty(),
            Part::Suites => PACKAGES.into_iter().any(|package| self.wants_suite(package)),
            Part::Scenes => self.wants_suite(SCENES),
        }
    }

    /// Returns whether a suite is chosen, such as the tests of a package.
    pub(super) fn wants_suite(&self, name: &str) -> bool {
        self.suites.is_empty() || self.suites.iter().any(|suite| suite == name)
    }
}
