//! The errors of stores, with advice.

use std::{
    error::Error,
    path::{Path, PathBuf},
};

use tempo_clock::AuthorId;
use tempo_message::printable_text;
use thiserror::Error;

/// The reason why a store cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The session is closed, and its store with it.
    #[error("the session is closed")]
    Closed,
    /// Another process, or another session of this process, has the store open.
    #[error("the store {} is in use", path.display())]
    InUse {
        /// The file of the store.
        path: PathBuf,
    },
    /// A program that does not know stores, such as a scanner or a backup, has the file open and does not
    /// share it. It may soon be free.
    #[error("the store {} is in use by another program", path.display())]
    Held {
        /// The file of the store.
        path: PathBuf,
    },
    /// The last process did not close the store, or the store is damaged. Opening it for writing repairs it
    /// if possible.
    #[error("the store {} was not closed and must be repaired", path.display())]
    Unclean {
        /// The file of the store.
        path: PathBuf,
    },
    /// Newer software wrote the store.
    #[error("the store {} has format {found}, but this software reads formats up to {supported}", path.display())]
    Newer {
        /// The file of the store.
        path: PathBuf,
        /// The format of the store.
        found: u32,
        /// The newest format that this software reads.
        supported: u32,
    },
    /// The store belongs to another author: a person or program has moved it here.
    #[error("the store {} belongs to {found}, not to {expected}", path.display())]
    Author {
        /// The file of the store.
        path: PathBuf,
        /// The author that it belongs to.
        found: AuthorId,
        /// The author that it should belong to.
        expected: AuthorId,
    },
    /// A record cannot be read.
    #[error("the store {} is damaged: {what}", path.display())]
    Damaged {
        /// The file of the store.
        path: PathBuf,
        /// The part that cannot be read.
        what: &'static str,
    },
    /// The disk of the store has no room for the data. None of it was kept, and everything else is unchanged.
    #[error("the disk of the local store {} is full; make room on it", path.display())]
    Full {
        /// The file of the store.
        path: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
    /// The database failed, for example for lack of permission or because of a broken disk.
    #[error("cannot use the store {}", path.display())]
    Failed {
        /// The file of the store.
        path: PathBuf,
        /// The database's error.
        source: Box<dyn Error + Send + Sync>,
    },
}

impl StoreError {
    /// Returns advice for people, in a sentence, or `None` if the problem passes by itself.
    pub fn advice(&self) -> Option<String> {
        let path = |path: &Path| printable_text(&path.display().to_string());
        Some(match self {
            Self::Closed | Self::InUse { .. } | Self::Held { .. } => return None,
            Self::Full { path: store, .. } => format!(
                "Make room on the disk that holds {}. Leave the files there in place: everything then continues by \
                 itself, and nothing that you wrote before is lost.",
                path(store)
            ),
            Self::Newer { .. } => "Update this software.".to_owned(),
            Self::Unclean { path: store }
            | Self::Author { path: store, .. }
            | Self::Damaged { path: store, .. }
            | Self::Failed { path: store, .. } => Self::beginning_anew(store),
        })
    }

    /// Returns the advice for a store that cannot be recovered.
    pub(crate) fn beginning_anew(store: &Path) -> String {
        let path = |path: &Path| printable_text(&path.display().to_string());
        format!(
            "Check the disk, and look for a backup of {}. If there is none, keep the file and move its directory {} \
             out of the state directory. The next time, you continue as a new member. Only messages that you wrote and \
             that had not reached the folder are lost.",
            path(store),
            path(store.parent().unwrap_or(store))
        )
    }
}
