//! Read-only access to a store.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use ::redb::{Database, Error, ReadOnlyDatabase};
use tempo_clock::AuthorId;
use tempo_message::AttachmentId;

use crate::store::{
    contract::Restored,
    error::StoreError,
    file_rows::{UNSOUND_FILE, decode_files, files_in},
    files::FileRecord,
    handle::{failed, is_without_room, open_error, open_to_read},
    marks::Marks,
    redb::{UNSOUND, check_meta, damaged, decode_marks, read_meta, restore_in},
};

/// A [`RedbStore`](super::RedbStore) opened read-only. It writes nothing and creates no file.
///
/// While it is open, no process can open the store for writing, and so no process writes as its author.
pub struct RedbReader {
    way: Way,
    path: PathBuf,
}

enum Way {
    Clean(ReadOnlyDatabase),
    /// Repaired in memory only.
    Mended(Database),
}

impl RedbReader {
    /// Opens the store of an author.
    ///
    /// # Errors
    ///
    /// [`StoreError::InUse`] while a process has it open for writing, and [`StoreError::Unclean`] when it
    /// must be repaired first. Opening it for writing repairs it. If there is no room for that, the reader
    /// repairs it in memory instead. The other variants are as documented; they also report a missing store.
    pub fn open(path: &Path, author: AuthorId) -> Result<Self, StoreError> {
        let way = match ReadOnlyDatabase::open(path).map_err(|error| open_error(path, error)) {
            Ok(database) => Way::Clean(database),
            Err(StoreError::Unclean { .. }) if is_without_room(path) => Way::Mended(open_to_read(path)?),
            Err(error) => return Err(error),
        };
        let reader = Self { way, path: path.to_owned() };
        check_meta(path, author, reader.meta()?)?;
        Ok(reader)
    }

    /// Returns the marks of the store.
    ///
    /// # Errors
    ///
    /// As for [`Store::marks`](super::Store::marks).
    pub fn marks(&self) -> Result<Marks, StoreError> {
        decode_marks(&self.path, self.meta()?.1.as_deref())
    }

    /// Hands up every record.
    ///
    /// # Errors
    ///
    /// As for [`Store::restore`](super::Store::restore).
    pub fn restore(&self, each: &mut dyn FnMut(Restored)) -> Result<(), StoreError> {
        let restored = match &self.way {
            Way::Clean(database) => restore_in(database, 0, each),
            Way::Mended(database) => restore_in(database, 0, each),
        };
        if self.done(restored)? { Ok(()) } else { Err(damaged(&self.path, UNSOUND)) }
    }

    /// Returns every file that the installation sends or fetches.
    ///
    /// # Errors
    ///
    /// As for [`Store::files`](super::Store::files).
    pub fn files(&self) -> Result<Vec<(AttachmentId, FileRecord)>, StoreError> {
        let rows = match &self.way {
            Way::Clean(database) => files_in(database),
            Way::Mended(database) => files_in(database),
        };
        decode_files(self.done(rows)?).ok_or_else(|| damaged(&self.path, UNSOUND_FILE))
    }

    fn meta(&self) -> Result<super::redb::Meta, StoreError> {
        self.done(match &self.way {
            Way::Clean(database) => read_meta(database),
            Way::Mended(database) => read_meta(database),
        })
    }

    fn done<T>(&self, done: Result<T, Error>) -> Result<T, StoreError> {
        done.map_err(failed(&self.path))
    }
}

impl fmt::Debug for RedbReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedbReader").field("path", &self.path).finish_non_exhaustive()
    }
}
