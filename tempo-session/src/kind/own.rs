//! The kinds of this crate's errors.

use std::error::Error;

use crate::{
    api::{
        attaching::AttachError, cursor::CursorError, exporting::ExportError, packing::PackError, retiring::RetireError,
        session::RefreshError, typed::Unread,
    },
    core::ComposeError,
    engine::{
        event::FolderState,
        relayed::{RelayError, Unclear},
    },
    errors::{FetchError, IdentityError, OpenError, ReadError, SendError},
    kind::error_kind::ErrorKind,
    store::{error::StoreError, room::NoRoom},
};
#[cfg(feature = "folder")]
use crate::{doctor::TidyError, folder::builder::DecideError};

impl OpenError {
    /// Returns the kind of the failure, for programs.
    pub fn kind(&self) -> ErrorKind {
        match self {
            #[cfg(feature = "folder")]
            Self::Installation(error) => error.into(),
            Self::AlreadyOpen { .. } => ErrorKind::Busy,
            Self::Store(error) => error.kind(),
            Self::Identity(error) => error.kind(),
            Self::TimedOut { .. } => ErrorKind::TimedOut,
            Self::Name { .. } => ErrorKind::Invalid,
            Self::Announce(error) => error.kind(),
            Self::Thread(_) => ErrorKind::Failed,
        }
    }
}

impl SendError {
    /// Returns the kind of the failure, for programs.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::TooLarge { .. } | Self::Attachments(_) => ErrorKind::Invalid,
            Self::NotAttached { .. } => ErrorKind::NotFound,
            Self::Observer => ErrorKind::NotAMember,
            Self::Closed | Self::StoreFailed => ErrorKind::Closed,
            Self::NoNewAuthor { source, .. } => source.kind(),
            Self::NoKey { .. } => ErrorKind::Identity,
            Self::Store(error) => error.kind(),
            Self::Unable(error) => error.kind(),
            Self::Codec(error) => error.into(),
        }
    }
}

impl IdentityError {
    /// Returns the kind of the failure, for programs.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Source(_) => ErrorKind::Identity,
            Self::Store(error) => error.kind(),
        }
    }
}

impl ReadError {
    /// Returns the kind of the failure, for programs.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Closed => ErrorKind::Closed,
            Self::Store(error) => error.kind(),
            Self::Lost { .. } => ErrorKind::Damaged,
        }
    }
}

impl FetchError {
    /// Returns the kind of the failure, for programs.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Unknown { .. } => ErrorKind::NotFound,
            Self::Unsupported => ErrorKind::Unsupported,
            Self::Damaged { .. } => ErrorKind::Damaged,
            Self::Remove { source, .. } => source.into(),
            Self::Read(error) => error.kind(),
            Self::Store(error) => error.kind(),
        }
    }
}

impl AttachError {
    /// Returns the kind of the failure, for programs.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Read { source, .. } | Self::Keep(source) => source.into(),
            Self::NotAFile { .. } | Self::Size(_) | Self::Path { .. } => ErrorKind::Invalid,
            Self::Changing { .. } => ErrorKind::Incomplete,
            Self::Quota { .. } => ErrorKind::Full,
            Self::Unsupported => ErrorKind::Unsupported,
            Self::Store(error) => error.kind(),
        }
    }
}

impl ExportError {
    /// Returns the kind of the failure, for programs.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Unknown { .. } => ErrorKind::NotFound,
            Self::Exists { .. } => ErrorKind::Exists,
            Self::Incomplete { .. } => ErrorKind::Incomplete,
            Self::Folder(error) => error.into(),
            Self::Read(error) => error.kind(),
            Self::Write { source, .. } => source.into(),
        }
    }
}

impl CursorError {
    /// Returns the kind of the failure, for programs.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Name { .. } => ErrorKind::Invalid,
            Self::InUse { .. } => ErrorKind::Busy,
            Self::Store(error) => error.kind(),
        }
    }
}

impl PackError {
    /// Returns the kind of the failure, for programs.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Closed => ErrorKind::Closed,
            Self::TimedOut { .. } => ErrorKind::TimedOut,
            Self::Failed(error) => error.into(),
        }
    }
}

impl RetireError {
    /// Returns the kind of the failure, for programs.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Unknown { .. } => ErrorKind::NotFound,
            Self::Send(error) => error.kind(),
        }
    }
}

impl RefreshError {
    /// Returns the kind of the failure, for programs.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Closed => ErrorKind::Closed,
            Self::Away(FolderState::Unreadable { .. }) => ErrorKind::Failed,
            Self::Away(_) => ErrorKind::Away,
            Self::TimedOut { .. } => ErrorKind::TimedOut,
        }
    }
}

impl RelayError {
    /// Returns the kind of the failure, for programs.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Closed => ErrorKind::Closed,
            Self::Observer => ErrorKind::NotAMember,
            Self::Own => ErrorKind::Invalid,
            Self::Unknown { .. } => ErrorKind::NotFound,
            Self::Unsupported => ErrorKind::Unsupported,
            Self::Unclear(error) => error.kind(),
            Self::TimedOut { .. } => ErrorKind::TimedOut,
            Self::Failed(error) => error.into(),
        }
    }
}

impl Unclear {
    /// Returns the kind of the failure, for programs.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Collect(error) => error.into(),
            Self::Pending(_) | Self::TooMuch => ErrorKind::Incomplete,
        }
    }
}

impl ComposeError {
    /// Returns the kind of the failure, for programs.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Observer => ErrorKind::NotAMember,
            Self::IdentityConflict(_) | Self::NoKey(_) => ErrorKind::Identity,
            Self::PayloadTooLarge { .. } | Self::Attachments(_) => ErrorKind::Invalid,
            Self::Incomplete => ErrorKind::Incomplete,
            Self::Exhausted => ErrorKind::Exhausted,
        }
    }
}

impl StoreError {
    /// Returns the kind of the failure, for programs.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Closed => ErrorKind::Closed,
            Self::InUse { .. } | Self::Held { .. } => ErrorKind::Busy,
            Self::Unclean { .. } | Self::Damaged { .. } => ErrorKind::Damaged,
            Self::Newer { .. } => ErrorKind::Newer,
            Self::Author { .. } => ErrorKind::Identity,
            Self::Full { .. } => ErrorKind::Full,
            Self::Failed { .. } => ErrorKind::Failed,
        }
    }
}

#[cfg(feature = "folder")]
impl DecideError {
    /// Returns the kind of the failure, for programs.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Open(error) => error.kind(),
            Self::Decision(error) => error.into(),
        }
    }
}

#[cfg(feature = "folder")]
impl TidyError {
    /// Returns the kind of the failure, for programs.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Open(error) => error.kind(),
            Self::NotAMember => ErrorKind::NotAMember,
            Self::Collect(error) => error.into(),
            Self::Remove(error) => error.into(),
        }
    }
}

impl Unread {
    /// Returns the kind of the failure, for programs.
    pub fn kind(&self) -> ErrorKind {
        (&self.source).into()
    }
}

impl NoRoom {
    /// Returns the kind of the failure, for programs.
    pub fn kind(&self) -> ErrorKind {
        ErrorKind::Full
    }
}

/// An application may send an error to another thread, and keep it.
const fn is_portable<E: Error + Send + Sync + 'static>() {}

const _: () = {
    is_portable::<OpenError>();
    is_portable::<SendError>();
    is_portable::<IdentityError>();
    is_portable::<ReadError>();
    is_portable::<FetchError>();
    is_portable::<AttachError>();
    is_portable::<ExportError>();
    is_portable::<CursorError>();
    is_portable::<PackError>();
    is_portable::<RetireError>();
    is_portable::<RefreshError>();
    is_portable::<RelayError>();
    is_portable::<Unclear>();
    is_portable::<ComposeError>();
    is_portable::<StoreError>();
    is_portable::<Unread>();
    is_portable::<NoRoom>();
};

#[cfg(feature = "folder")]
const _: () = {
    is_portable::<DecideError>();
    is_portable::<TidyError>();
};
