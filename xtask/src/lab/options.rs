//! The arguments of `lab`.

use std::time::{Duration, SystemTime};

use clap::builder::TypedValueParser;
use clap::value_parser;

use super::kind::Kind;
use super::scenario::{self, SCENARIOS, Scenario};

/// The engines, the scenarios, and how long each lasts.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Options {
    /// Run over this engine: syncthing, unison or rclone; all by default
    #[arg(long = "engine", value_name = "NAME", value_parser = Kind::named)]
    engines: Vec<Kind>,
    /// Run this scenario; every one by default but `all`, which is everything at random
    #[arg(long = "scenario", value_name = "NAME", value_parser = scenario::named)]
    scenarios: Vec<Scenario>,
    /// Talk for this long in each scenario
    #[arg(long = "seconds", value_name = "N", default_value = "30")]
    #[arg(value_parser = value_parser!(u64).range(1..).map(Duration::from_secs))]
    pub(super) span: Duration,
    /// Draw the harms from this seed; a new one by default
    #[arg(long)]
    seed: Option<u64>,
    /// Print an object per scenario instead of a table
    #[arg(long)]
    pub(super) json: bool,
}

impl Options {
    pub(super) fn engines(&self) -> Vec<Kind> {
        if self.engines.is_empty() { Kind::ALL.to_vec() } else { self.engines.clone() }
    }

    pub(super) fn scenarios(&self) -> Vec<Scenario> {
        if self.scenarios.is_empty() { SCENARIOS.to_vec() } else { self.scenarios.clone() }
    }

    pub(super) fn seed(&self) -> u64 {
        let now = || SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        self.seed.unwrap_or_else(|| now().subsec_nanos().into())
    }
}
