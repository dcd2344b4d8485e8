//! What becomes of publishing and collecting.

use alloc::{boxed::Box, string::String};
use core::error::Error;

use thiserror::Error;

/// The events that a publication must survive when the call returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// Survives a loss of power.
    Durable,
    /// Survives the end of the process; the author keeps its own durable copy.
    Lazy,
}

/// The outcome of a successful publication.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Published {
    /// The frame was put there.
    New,
    /// The same bytes were there already.
    Already,
    /// The remains of an interrupted publication of this frame were replaced.
    Mended,
    /// Something else has its name, and the frame was put beside it. Another installation writes as this author, or a
    /// program has changed its message.
    Displaced,
}

/// The error of another layer, kept as a source.
pub type Cause = Box<dyn Error + Send + Sync>;

/// The reason why a frame was not published.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PublishError {
    /// The place is away. Try again when a collect succeeds.
    #[error("{place} is not the session any more: {why}")]
    Detached {
        /// The place.
        place: String,
        /// The sign of it.
        why: Detachment,
    },
    /// There is no room, by the disk or by a quota; try again later.
    #[error("no room to write {place}")]
    Full {
        /// The file or directory to write.
        place: String,
        /// The error of the system.
        source: Cause,
    },
    /// Writing is not allowed: permissions, or a read-only medium.
    #[error("not allowed to write {place}")]
    Denied {
        /// The file or directory to write.
        place: String,
        /// The error of the system.
        source: Cause,
    },
    /// Another program has the file or the directory open and does not share it; try again soon.
    #[error("{place} is in use by another program")]
    InUse {
        /// The file or directory to write.
        place: String,
        /// The error of the system.
        source: Cause,
    },
    /// Another program removes or replaces the file every time it is written. It is not written again.
    #[error("{place} is undone every time it is written")]
    Undone {
        /// The file or directory to write.
        place: String,
    },
    /// This transport was opened for reading only.
    #[error("{place} was opened for reading only")]
    ReadOnly {
        /// The place.
        place: String,
    },
    /// Anything else.
    #[error("cannot write {place}")]
    Failed {
        /// The file or directory to write.
        place: String,
        /// The error of the system.
        source: Cause,
    },
}

/// The reason why nothing could be collected.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CollectError {
    /// The place is away: unplugged, unmounted, moved, emptied. Nothing in it counts as deleted.
    #[error("{place} is not the session any more: {why}")]
    Detached {
        /// The place.
        place: String,
        /// The sign of it.
        why: Detachment,
    },
    /// The place is there and cannot be looked at.
    #[error("cannot read {place}")]
    Failed {
        /// The file or directory to read.
        place: String,
        /// The error of the system.
        source: Cause,
    },
}

/// The sign that a place is not the session any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Detachment {
    /// Nothing is there.
    #[error("it does not exist")]
    Missing,
    /// Something else is there.
    #[error("it is not a folder")]
    NotAFolder,
    /// It holds none of the known authors.
    #[error("it contains no known author")]
    Emptied,
}
