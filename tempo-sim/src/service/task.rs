//! What a client has to do.

use std::ffi::OsString;

use super::Place;

/// A task of the service.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Task {
    /// A client compares a file on its disk with the agreed version, and uploads it.
    Upload(usize, Place),
    /// A client updates a file on its disk to the agreed version.
    Download(usize, Place),
    /// A download that has begun is completed.
    Finish(usize, Place, Option<OsString>),
    /// A client takes the content of a file away from its disk.
    Evict(usize, Place),
    Hydrate(usize, Place),
}

impl Task {
    /// Returns the member whose client performs the task.
    pub(crate) fn member(&self) -> usize {
        match self {
            Self::Upload(member, _)
            | Self::Download(member, _)
            | Self::Finish(member, ..)
            | Self::Evict(member, _)
            | Self::Hydrate(member, _) => *member,
        }
    }

    /// Returns the file that the task is about.
    pub(super) fn place(&self) -> &Place {
        match self {
            Self::Upload(_, place)
            | Self::Download(_, place)
            | Self::Finish(_, place, _)
            | Self::Evict(_, place)
            | Self::Hydrate(_, place) => place,
        }
    }
}
