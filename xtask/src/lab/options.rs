//! What `lab` is asked for.

use std::time::{Duration, SystemTime};

use super::engine::Kind;
use super::scenario::{ALL, SCENARIOS, Scenario};
use crate::failure::Failure;

/// Which engines, which scenarios, for how long.
pub(super) struct Options {
    pub(super) engines: Vec<Kind>,
    pub(super) scenarios: Vec<Scenario>,
    /// How long everybody talks in each.
    pub(super) span: Duration,
    pub(super) seed: u64,
    pub(super) json: bool,
}

impl Options {
    pub(super) fn parse(arguments: &[String]) -> Result<Self, Failure> {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let mut options = Self {
            engines: Kind::ALL.to_vec(),
            scenarios: SCENARIOS.to_vec(),
            span: Duration::from_secs(30),
            seed: now.subsec_nanos().into(),
            json: false,
        };
        let (mut engines, mut scenarios) = (Vec::new(), Vec::new());
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            if argument == "--json" {
                options.json = true;
                continue;
            }
            let value = arguments.next().ok_or_else(|| Failure::usage(format!("what comes after {argument}?")))?;
            let number = || {
                let number = value.parse::<u64>();
                number.map_err(|_| Failure::usage(format!("{argument} takes a number, and there is `{value}`")))
            };
            match argument.as_str() {
                "--engine" => engines.push(engine(value)?),
                "--scenario" => scenarios.push(scenario(value)?),
                "--seconds" => {
                    options.span = Duration::from_secs(number()?);
                    if options.span.is_zero() {
                        return Err(Failure::usage("`lab` takes at least one second"));
                    }
                }
                "--seed" => options.seed = number()?,
                _ => return Err(Failure::usage(format!("`lab` does not take {argument}"))),
            }
        }
        if !engines.is_empty() {
            options.engines = engines;
        }
        if !scenarios.is_empty() {
            options.scenarios = scenarios;
        }
        Ok(options)
    }
}

fn engine(name: &str) -> Result<Kind, Failure> {
    let known = Kind::ALL.into_iter().find(|kind| kind.name() == name);
    known.ok_or_else(|| Failure::usage(format!("there is no engine `{name}`; there are syncthing, unison and rclone")))
}

fn scenario(name: &str) -> Result<Scenario, Failure> {
    let known = || SCENARIOS.iter().chain([&ALL]);
    known().find(|scenario| scenario.name == name).copied().ok_or_else(|| {
        let names: Vec<_> = known().map(|scenario| scenario.name).collect();
        Failure::usage(format!("there is no scenario `{name}`; there are {}", names.join(", ")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::hub::Tool;

    fn parse(arguments: &[&str]) -> Result<Options, Failure> {
        let arguments: Vec<_> = arguments.iter().map(|&argument| argument.to_owned()).collect();
        Options::parse(&arguments)
    }

    #[test]
    fn what_is_not_asked_for_is_everything_but_all_at_random() {
        let options = parse(&[]).unwrap();
        assert_eq!(options.engines.len(), 3);
        assert_eq!(options.scenarios.len(), SCENARIOS.len());
        assert!(options.scenarios.iter().all(|scenario| scenario.name != "all"));
    }

    #[test]
    fn several_may_be_asked_for() {
        let options =
            parse(&["--engine", "unison", "--scenario", "calm", "--scenario", "all", "--seconds", "5"]).unwrap();
        assert_eq!(options.engines, [Kind::Hub(Tool::Unison)]);
        assert_eq!(options.scenarios.iter().map(|scenario| scenario.name).collect::<Vec<_>>(), ["calm", "all"]);
        assert_eq!(options.span, Duration::from_secs(5));
    }

    #[test]
    fn what_makes_no_sense_is_told() {
        for arguments in [
            &["--engine", "dropbox"][..],
            &["--scenario"],
            &["--seconds", "soon"],
            &["--seconds", "0"],
            &["--fast", "1"],
        ] {
            assert!(matches!(parse(arguments), Err(Failure::Usage { .. })), "{arguments:?}");
        }
    }
}
