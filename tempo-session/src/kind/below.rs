//! The kinds of the errors of the crates below.

#[cfg(feature = "folder")]
use tempo_fs_transport::{DecisionError, InstallationError, OpenError as FolderError};
use tempo_message::{CodecError, CollectError, PublishError};

use crate::kind::error_kind::ErrorKind;

impl From<&CodecError> for ErrorKind {
    fn from(_: &CodecError) -> Self {
        Self::Unreadable
    }
}

impl From<&PublishError> for ErrorKind {
    fn from(error: &PublishError) -> Self {
        match error {
            PublishError::Detached { .. } => Self::Away,
            PublishError::Full { .. } => Self::Full,
            PublishError::Denied { .. } | PublishError::ReadOnly { .. } => Self::Denied,
            PublishError::InUse { .. } => Self::Busy,
            _ => Self::Failed,
        }
    }
}

impl From<&CollectError> for ErrorKind {
    fn from(error: &CollectError) -> Self {
        if matches!(error, CollectError::Detached { .. }) { Self::Away } else { Self::Failed }
    }
}

#[cfg(feature = "folder")]
impl From<&FolderError> for ErrorKind {
    fn from(error: &FolderError) -> Self {
        match error {
            FolderError::NotFound { .. } => Self::NotFound,
            FolderError::NotAFolder { .. } | FolderError::NotASession { .. } => Self::Invalid,
            FolderError::Failed { source, .. } => source.into(),
            _ => Self::Failed,
        }
    }
}

#[cfg(feature = "folder")]
impl From<&InstallationError> for ErrorKind {
    fn from(error: &InstallationError) -> Self {
        match error {
            InstallationError::Folder(error) => error.into(),
            InstallationError::NoDefault => Self::Unsupported,
            InstallationError::Application { .. } => Self::Invalid,
            InstallationError::Failed { source, .. } => source.into(),
            InstallationError::Key { .. } => Self::Identity,
            InstallationError::Busy { .. } => Self::Busy,
            _ => Self::Failed,
        }
    }
}

#[cfg(feature = "folder")]
impl From<&DecisionError> for ErrorKind {
    fn from(error: &DecisionError) -> Self {
        match error {
            DecisionError::Folder(error) => error.into(),
            DecisionError::Itself { .. } | DecisionError::NoMembers { .. } => Self::Invalid,
            DecisionError::State(error) => error.into(),
            _ => Self::Failed,
        }
    }
}
