//! A store that is only looked at.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use ::redb::{DatabaseError, ReadOnlyDatabase, StorageError};
use tempo_clock::AuthorId;
use tempo_fs_transport::RealFs;

use super::{
    Marks, Restored, StoreError,
    redb::{check_meta_in, failed, marks_in, restore_in},
};

/// A [`RedbStore`](super::RedbStore) opened for looking: nothing is written into it, and nothing is made.
///
/// As long as it is open, nobody can open the store for writing, and so nobody else writes as its author.
pub struct RedbReader {
    database: ReadOnlyDatabase,
    path: PathBuf,
}

impl RedbReader {
    /// Opens the store of an author.
    ///
    /// # Errors
    ///
    /// [`StoreError::InUse`] while somebody else has it open for writing, [`StoreError::Unclean`] when it has to be
    /// mended first, which opening it for writing does; the other variants as they say, also when there is no store.
    pub fn open(path: &Path, author: AuthorId) -> Result<Self, StoreError> {
        let database = ReadOnlyDatabase::open(path).map_err(|error| match error {
            DatabaseError::DatabaseAlreadyOpen => StoreError::InUse { path: path.to_owned() },
            DatabaseError::Storage(StorageError::Io(error)) if RealFs::is_in_use(path, &error) => {
                StoreError::Held { path: path.to_owned() }
            }
            DatabaseError::RepairAborted => StoreError::Unclean { path: path.to_owned() },
            error => failed(path)(error.into()),
        })?;
        check_meta_in(&database, path, author)?;
        Ok(Self { database, path: path.to_owned() })
    }

    /// How far its author has come.
    ///
    /// # Errors
    ///
    /// As for [`Store::marks`](super::Store::marks).
    pub fn marks(&self) -> Result<Marks, StoreError> {
        marks_in(&self.database, &self.path)
    }

    /// Hands up every record.
    ///
    /// # Errors
    ///
    /// As for [`Store::restore`](super::Store::restore).
    pub fn restore(&self, each: &mut dyn FnMut(Restored)) -> Result<(), StoreError> {
        restore_in(&self.database, &self.path, 0, each)
    }
}

impl fmt::Debug for RedbReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedbReader").field("path", &self.path).finish_non_exhaustive()
    }
}
