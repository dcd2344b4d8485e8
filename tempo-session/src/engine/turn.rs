//! What is next after a turn of the driver or the carrier, and after one of their steps.

use std::time::Duration;

/// The next step after a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// There is more to do at once.
    Again,
    /// Wait until something arrives or is sent, or at the latest until this time has passed.
    Wait(Duration),
    /// The session is closed.
    Stop,
}

/// What a step has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// Something; there may be more.
    Done,
    /// Nothing until this time has passed.
    Wait(Duration),
}

impl Step {
    /// Returns how long nothing has to be done; `None` if there may be more at once.
    pub(crate) fn wait(self) -> Option<Duration> {
        match self {
            Self::Done => None,
            Self::Wait(time) => Some(time),
        }
    }
}
