//! The kinds of failures.

use std::{fmt, io};

use serde::{Serialize, Serializer};
/// The kind of a failure: what an application decides by, where the sentence of the error is for people.
///
/// Every error of this crate has a method `kind`. For the errors of the crates below there is
/// [`From`](#trait-implementations): `ErrorKind::from(&error)`. An error that another one caused has the kind of its cause.
///
/// ```
/// use tempo_session::{Session, error::ErrorKind};
///
/// let error = Session::builder("/nowhere/jam.session").state_dir("/nowhere/state").open().unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::NotFound);
/// assert_eq!(error.kind().name(), "not-found");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// `invalid`: an argument is not allowed: a name, a size, a path. Another one may be.
    Invalid,
    /// `not-found`: the folder, the file, the member or the message is not there.
    NotFound,
    /// `exists`: the target exists, and is not overwritten.
    Exists,
    /// `not-a-member`: only a member can do this, and this is an observer.
    NotAMember,
    /// `closed`: the session is closed, or must be reopened.
    Closed,
    /// `busy`: something else uses it: another process, another cursor, a scanner. Try again, or end the other one.
    Busy,
    /// `timed-out`: it took too long. It may work later.
    TimedOut,
    /// `away`: the session folder is away, emptied or another one.
    Away,
    /// `full`: there is no room on a disk, or within a limit on own files.
    Full,
    /// `denied`: the system does not allow it.
    Denied,
    /// `incomplete`: something has not arrived, is unclear, or changes while it is read. It may work later.
    Incomplete,
    /// `damaged`: stored or received data is not what was written.
    Damaged,
    /// `newer`: newer software wrote the data.
    Newer,
    /// `unreadable`: a value cannot be encoded, or a payload is not a value of the expected type.
    Unreadable,
    /// `unsupported`: this session, folder or system cannot do it.
    Unsupported,
    /// `identity`: the member's author or secret key cannot be used, and no new one could be made.
    Identity,
    /// `exhausted`: no counter or logical time is left.
    Exhausted,
    /// `failed`: the system or the database reported another error.
    Failed,
}

impl ErrorKind {
    /// Returns the name of the kind, for logs and other languages. Names never change.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Invalid => "invalid",
            Self::NotFound => "not-found",
            Self::Exists => "exists",
            Self::NotAMember => "not-a-member",
            Self::Closed => "closed",
            Self::Busy => "busy",
            Self::TimedOut => "timed-out",
            Self::Away => "away",
            Self::Full => "full",
            Self::Denied => "denied",
            Self::Incomplete => "incomplete",
            Self::Damaged => "damaged",
            Self::Newer => "newer",
            Self::Unreadable => "unreadable",
            Self::Unsupported => "unsupported",
            Self::Identity => "identity",
            Self::Exhausted => "exhausted",
            Self::Failed => "failed",
        }
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// As its [name](ErrorKind::name).
impl Serialize for ErrorKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl From<&io::Error> for ErrorKind {
    fn from(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound => Self::NotFound,
            io::ErrorKind::AlreadyExists => Self::Exists,
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => Self::Denied,
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full,
            io::ErrorKind::TimedOut => Self::TimedOut,
            io::ErrorKind::ResourceBusy => Self::Busy,
            _ => Self::Failed,
        }
    }
}
