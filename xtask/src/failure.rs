//! The reasons why a command did not end well, and their exit codes.

use std::error::Error;
use std::fmt;
use std::io;
use std::path::PathBuf;

/// The negative end of a command.
///
/// A person reads its text after `xtask:`, so it names the place and the next step.
#[derive(Debug)]
pub(crate) enum Failure {
    /// One of our checks found something. The findings are already printed.
    Findings { check: &'static str, count: usize },
    /// A program failed. Its output is already printed.
    Failed { command: String, status: String },
    /// A step of `ci` did not pass.
    Step { step: &'static str, repeat: &'static str, source: Box<Failure> },
    /// The fuzzer broke a target; these inputs repeat it.
    Broken { artifacts: Vec<(String, PathBuf)> },
    /// A program could not be started.
    NotStarted { command: String, source: io::Error },
    /// A program ran but did not give the answer that the command needs.
    Unanswered { command: String, why: String },
    /// Another problem kept the command from looking.
    Stopped { why: String },
    /// The command did not look, and there is nothing to repair. The checked code has not failed.
    Skipped { why: String },
    /// A tool is missing; the commands install it.
    Missing { tool: &'static str, install: &'static [&'static str] },
}

impl Failure {
    /// Returns 1 for a negative answer, 2 when the command could not look, and 0 when it need not look.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::Skipped { .. } => 0,
            Self::Findings { .. } | Self::Failed { .. } | Self::Broken { .. } => 1,
            Self::Step { source, .. } => source.exit_code(),
            Self::NotStarted { .. } | Self::Unanswered { .. } | Self::Stopped { .. } | Self::Missing { .. } => 2,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Findings { check, count } => {
                let plural = if *count == 1 { "" } else { "s" };
                write!(f, "{check}: {count} finding{plural}, listed above")
            }
            Self::Failed { command, status } => write!(f, "`{command}` failed ({status})"),
            Self::Step { step, repeat, source } => {
                write!(f, "step `{step}` did not pass: {source}\nrepeat it alone with: {repeat}")
            }
            Self::Broken { artifacts } => {
                write!(f, "the fuzzer found inputs that break a target")?;
                for (repeat, artifact) in artifacts {
                    write!(f, "\n  {}\n    again with: {repeat}", artifact.display())?;
                }
                Ok(())
            }
            Self::NotStarted { command, source } => {
                write!(f, "could not start `{command}`: {source}; is the program installed?")
            }
            Self::Unanswered { command, why } => write!(f, "no answer from `{command}`: {why}"),
            Self::Stopped { why } => write!(f, "{why}"),
            Self::Skipped { why } => write!(f, "skipped: {why}"),
            Self::Missing { tool, install } => {
                write!(f, "{tool} is missing; install it with")?;
                install.iter().try_for_each(|line| write!(f, "\n  {line}"))
            }
        }
    }
}

impl Error for Failure {}

impl From<String> for Failure {
    fn from(why: String) -> Self {
        Self::Stopped { why }
    }
}

/// The error names its file, because it comes from `fs_err` or `tempfile`.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        error.to_string().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_says_its_name_and_how_to_repeat_it_and_keeps_the_code() {
        let said_no = Failure::Failed { command: "cargo doc".to_owned(), status: "exit status: 101".to_owned() };
        let could_not_look = Failure::Missing { tool: "a fuzzer", install: &["cargo install it"] };
        for (source, code) in [(said_no, 1), (could_not_look, 2)] {
            let step = Failure::Step { step: "doc", repeat: "cargo doc", source: Box::new(source) };
            assert_eq!(step.exit_code(), code);
            let text = step.to_string();
            assert!(text.contains("`doc`") && text.ends_with("cargo doc"), "{text}");
        }
    }
}
