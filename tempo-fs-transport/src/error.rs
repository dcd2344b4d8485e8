//! Errors of the system with the path and the operation.

use std::{
    io,
    path::{Path, PathBuf},
};

use tempo_message::{Cause, CollectError, Detachment, PublishError};
use thiserror::Error;

use crate::fs::error::is_full;

/// The reason why a folder cannot be opened as a session.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Nothing is there. A user makes a session folder, never this library.
    #[error("there is no folder {}; check the spelling, and whether its disk or service is there", path.display())]
    NotFound {
        /// The folder.
        path: PathBuf,
    },
    /// Something else is there.
    #[error("{} is not a folder", path.display())]
    NotAFolder {
        /// The path.
        path: PathBuf,
    },
    /// The name does not end in `.session`.
    #[error("the name of a session's folder ends in .session, and {} does not", path.display())]
    NotASession {
        /// The folder.
        path: PathBuf,
    },
    /// The folder is there and cannot be used.
    #[error("cannot open the folder {}", path.display())]
    Failed {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// Refuses a folder whose name is not a session's.
pub(crate) fn check_name(folder: &Path) -> Result<(), OpenError> {
    match folder.extension() {
        // On systems that ignore case, it may be typed in either.
        Some(extension) if extension.eq_ignore_ascii_case("session") => Ok(()),
        _ => Err(OpenError::NotASession { path: folder.to_owned() }),
    }
}

/// The error of opening `path` as a folder.
pub(crate) fn open_error(path: PathBuf, source: io::Error) -> OpenError {
    match source.kind() {
        io::ErrorKind::NotFound => OpenError::NotFound { path },
        io::ErrorKind::NotADirectory => OpenError::NotAFolder { path },
        _ => OpenError::Failed { path, source },
    }
}

/// The error of reading `place`.
pub(crate) fn collect_error(place: String, source: io::Error) -> CollectError {
    CollectError::Failed { place, source: Cause::from(source) }
}

/// The error of opening the session folder `place`.
pub(crate) fn absent(place: String, error: io::Error) -> CollectError {
    let why = match error.kind() {
        io::ErrorKind::NotFound => Detachment::Missing,
        io::ErrorKind::NotADirectory => Detachment::NotAFolder,
        _ => return collect_error(place, error),
    };
    CollectError::Detached { place, why }
}

/// The error of writing into a folder that cannot be entered.
pub(crate) fn not_entered(error: CollectError) -> PublishError {
    match error {
        CollectError::Detached { place, why } => PublishError::Detached { place, why },
        CollectError::Failed { place, source } => PublishError::Failed { place, source },
        _ => PublishError::Detached { place: String::new(), why: Detachment::Missing },
    }
}

/// The error of writing `place`.
pub(crate) fn publish_error(place: String, source: io::Error) -> PublishError {
    use io::ErrorKind::{PermissionDenied, ReadOnlyFilesystem, ResourceBusy};
    match source.kind() {
        ResourceBusy => PublishError::InUse { place, source: Cause::from(source) },
        _ if is_full(&source) => PublishError::Full { place, source: Cause::from(source) },
        PermissionDenied | ReadOnlyFilesystem => PublishError::Denied { place, source: Cause::from(source) },
        _ => PublishError::Failed { place, source: Cause::from(source) },
    }
}
