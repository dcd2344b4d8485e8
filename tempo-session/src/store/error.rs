//! Why a store cannot be used, and what to do about it.

use std::{
    error::Error,
    path::{Path, PathBuf},
};

use tempo_clock::AuthorId;
use tempo_message::printable_text;
use thiserror::Error;

/// Why a store cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The session is closed, and the store with it.
    #[error("the session is closed")]
    Closed,
    /// Another process, or another session of this one, has the store open.
    #[error("the store {} is in use", path.display())]
    InUse {
        /// The store.
        path: PathBuf,
    },
    /// A program that knows nothing of stores has the file open and does not share it: a scanner, a backup. Soon it may be free.
    #[error("the store {} is in use by another program", path.display())]
    Held {
        /// The store.
        path: PathBuf,
    },
    /// The process that had the store open last did not close it, or it is damaged. Opening it for writing mends it, if it
    /// can be mended.
    #[error("the store {} was not closed and has to be mended", path.display())]
    Unclean {
        /// The store.
        path: PathBuf,
    },
    /// The store was written by newer software.
    #[error("the store {} has format {found}, this software reads up to {supported}", path.display())]
    Newer {
        /// The store.
        path: PathBuf,
        /// The format of the store.
        found: u32,
        /// The newest format that this software reads.
        supported: u32,
    },
    /// The store is another author's: somebody has moved it here.
    #[error("the store {} belongs to {found}, not to {expected}", path.display())]
    Author {
        /// The store.
        path: PathBuf,
        /// Whose it is.
        found: AuthorId,
        /// Whose it should be.
        expected: AuthorId,
    },
    /// A record cannot be read.
    #[error("the store {} is damaged: {what}", path.display())]
    Damaged {
        /// The store.
        path: PathBuf,
        /// What cannot be read.
        what: &'static str,
    },
    /// There is no room for it where the store lies. Nothing of it was kept, and everything else is as before.
    #[error("make room on the disk of the local store {}, which is full", path.display())]
    Full {
        /// The store.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The database failed: no permission, a broken disk.
    #[error("cannot use the store {}", path.display())]
    Failed {
        /// The store.
        path: PathBuf,
        /// What the database said.
        source: Box<dyn Error + Send + Sync>,
    },
}

impl StoreError {
    /// What a person can do about it, in a sentence; `None` when it passes by itself.
    pub fn advice(&self) -> Option<String> {
        let path = |path: &Path| printable_text(&path.display().to_string());
        Some(match self {
            Self::Closed | Self::InUse { .. } | Self::Held { .. } => return None,
            Self::Full { path: store, .. } => format!(
                "Make room on the disk that holds {}. Move nothing there: everything goes on by itself then, and nothing of what \
                 you wrote before is lost.",
                path(store)
            ),
            Self::Newer { .. } => "Update this software.".to_owned(),
            Self::Unclean { path: store }
            | Self::Author { path: store, .. }
            | Self::Damaged { path: store, .. }
            | Self::Failed { path: store, .. } => Self::beginning_anew(store),
        })
    }

    /// What remains when nothing brings a store back.
    pub(crate) fn beginning_anew(store: &Path) -> String {
        let path = |path: &Path| printable_text(&path.display().to_string());
        format!(
            "Look at the disk, and for a backup of {}. If there is none, keep it and move its directory {} out of the state \
             directory. The next time you go on as a new member; what you wrote and had not reached the folder is lost then, and \
             nothing else.",
            path(store),
            path(store.parent().unwrap_or(store))
        )
    }
}
