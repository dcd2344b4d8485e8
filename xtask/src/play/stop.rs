//! Why a scene ends early.

use std::fmt;

/// The end of a scene before its last line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Stop {
    /// Something is not as a user would expect it.
    Wrong(String),
    /// This machine cannot show the situation.
    Skip(String),
}

/// The result of a scene, or of a step in it.
pub(crate) type Outcome<T = ()> = Result<T, Stop>;

impl Stop {
    /// Returns the same stop with the name of a part before the reason.
    pub(crate) fn within(self, part: &str) -> Self {
        match self {
            Self::Wrong(why) => Self::Wrong(format!("{part}: {why}")),
            Self::Skip(why) => Self::Skip(format!("{part}: {why}")),
        }
    }
}

impl From<String> for Stop {
    fn from(why: String) -> Self {
        Self::Wrong(why)
    }
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Wrong(why) => write!(f, "{why}"),
            Self::Skip(why) => write!(f, "skipped: {why}"),
        }
    }
}

/// Returns an error unless a condition holds.
pub(crate) fn check(holds: bool, otherwise: impl FnOnce() -> String) -> Outcome {
    if holds { Ok(()) } else { Err(Stop::Wrong(otherwise())) }
}
