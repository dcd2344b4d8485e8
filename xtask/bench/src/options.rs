//! The arguments of the command.

use std::path::PathBuf;

/// The parsed arguments.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Options {
    /// Measure growth instead of printing the table.
    pub(crate) growth: bool,
    /// Measure less precisely, within some minutes.
    pub(crate) quick: bool,
    pub(crate) json: Option<PathBuf>,
    pub(crate) svg: Option<PathBuf>,
    /// The keys of the requested rows; all rows if there is none.
    pub(crate) only: Vec<String>,
}

/// The usage line.
pub(crate) const USAGE: &str = "cargo xtask bench [growth] [--quick] [--json FILE] [--svg FILE] [--only ROW]...";

impl Options {
    /// Reads the arguments, or says which of them makes no sense.
    pub(crate) fn parse(arguments: &[String], keys: &[&str]) -> Result<Self, String> {
        let mut options = Self::default();
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().cloned().ok_or_else(|| format!("what comes after {argument}?"));
            match argument.as_str() {
                "growth" => options.growth = true,
                "--quick" => options.quick = true,
                "--json" => options.json = Some(value()?.into()),
                "--svg" => options.svg = Some(value()?.into()),
                "--only" => {
                    let key = value()?;
                    if !keys.contains(&key.as_str()) {
                        return Err(format!("there is no row `{key}`; there are: {}", keys.join(", ")));
                    }
                    options.only.push(key);
                }
                other => return Err(format!("what is `{other}`?")),
            }
        }
        if options.growth && !options.only.is_empty() {
            return Err("growth has no rows to choose from".to_owned());
        }
        Ok(options)
    }

    /// Returns whether one of these rows is requested.
    pub(crate) fn wants(&self, keys: &[&str]) -> bool {
        self.only.is_empty() || self.only.iter().any(|key| keys.contains(&key.as_str()))
    }

    /// Returns one number for a whole run, another for a quick one.
    pub(crate) fn pick<T>(&self, whole: T, quick: T) -> T {
        if self.quick { quick } else { whole }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(arguments: &[&str]) -> Result<Options, String> {
        let arguments: Vec<String> = arguments.iter().map(|&argument| argument.to_owned()).collect();
        Options::parse(&arguments, &["send", "poll"])
    }

    #[test]
    fn arguments_come_in_any_order() {
        let options = parse(&["--only", "poll", "--json", "out.json", "--quick"]).unwrap();
        assert!(!options.growth && options.quick && options.json == Some("out.json".into()));
        assert!(options.wants(&["poll", "other"]) && !options.wants(&["send"]));
        assert!(parse(&["growth"]).unwrap().growth);
        assert!(parse(&[]).unwrap().wants(&["send"]));
        assert_eq!(options.pick(100, 1), 1);
    }

    #[test]
    fn a_wrong_argument_is_named() {
        assert!(parse(&["--only", "sent"]).unwrap_err().contains("there are: send, poll"));
        assert!(parse(&["--json"]).unwrap_err().contains("--json"));
        assert!(parse(&["growth", "--only", "poll"]).unwrap_err().contains("growth"));
        assert!(parse(&["--fast"]).unwrap_err().contains("--fast"));
    }
}
