//! Failures as the page shows them: what happened, and what to do.

use std::error::Error;

use serde::Serialize;
use tempo_session::{
    error::{
        AttachError, ErrorKind, ExportError, FetchError, InstallationError, OpenError, ReadError, RetireError,
        SendError,
    },
    printable_text,
};

/// A failure, for a person.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Trouble {
    kind: ErrorKind,
    message: String,
    advice: &'static str,
}

impl Trouble {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), advice: advice(kind) }
    }

    /// Replaces the next step by a better one.
    pub(crate) fn advise(self, advice: &'static str) -> Self {
        Self { advice, ..self }
    }

    pub(crate) fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The answer to a command that needs a session.
    pub(crate) fn not_open() -> Self {
        Self::new(ErrorKind::Closed, "no session is open")
    }

    /// Describes an error with all its causes.
    pub(crate) fn of(kind: ErrorKind, error: &dyn Error) -> Self {
        let mut text = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            text.push_str(": ");
            text.push_str(&cause.to_string());
            source = cause.source();
        }
        Self::new(kind, printable_text(&text))
    }
}

/// Returns the next step.
fn advice(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Invalid => "Change it, and try again.",
        ErrorKind::NotFound => "Check that it is still there. The sync service may not have brought it yet.",
        ErrorKind::Exists => "Choose another name.",
        ErrorKind::NotAMember | ErrorKind::Closed => "Open the session again.",
        ErrorKind::Busy => "Close the other program or window that uses it, and try again.",
        ErrorKind::TimedOut => "Check that the sync service or the network drive is running, and try again.",
        ErrorKind::Away => "Connect the drive, or start the sync service. What you write meanwhile is kept.",
        ErrorKind::Full => "Make room on the disk, and try again. Nothing was lost.",
        ErrorKind::Denied => "Check the permissions of the folder.",
        ErrorKind::Incomplete => "Wait until the sync service says that it is done, and try again.",
        ErrorKind::Damaged => "Ask the author to open the session, so that the file can be sent again.",
        ErrorKind::Newer | ErrorKind::Unreadable => "Install the latest version of this application.",
        ErrorKind::Unsupported => "Open the session as a member of a folder.",
        ErrorKind::Identity | ErrorKind::Exhausted => "Close the session and open it again.",
        _ => "Try again. If it stays, close the session and open it again.",
    }
}

/// Makes `?` work in commands for errors with a kind.
macro_rules! has_kind {
    ($($error:ty),*) => {
        $(impl From<$error> for Trouble {
            fn from(error: $error) -> Self {
                Self::of(error.kind(), &error)
            }
        })*
    };
}

has_kind!(AttachError, ExportError, FetchError, OpenError, ReadError, RetireError, SendError);

impl From<InstallationError> for Trouble {
    fn from(error: InstallationError) -> Self {
        Self::of(ErrorKind::from(&error), &error)
    }
}

impl From<std::io::Error> for Trouble {
    fn from(error: std::io::Error) -> Self {
        Self::of(ErrorKind::from(&error), &error)
    }
}
