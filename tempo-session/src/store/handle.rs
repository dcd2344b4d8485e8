//! A database that is opened again after its file could not be written.

use std::{
    io, mem,
    path::{Path, PathBuf},
    sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use ::redb::{Database, DatabaseError, Error, StorageBackend, StorageError, backends::FileBackend};
use tempo_fs_transport::RealFs;

use crate::store::{error::StoreError, overlay::Overlay};

/// A database, and how it can be written now.
///
/// After a failure redb does nothing more before it is opened again. What had been committed durably is there then, and nothing
/// else. While there is no room for that either, the file is read as it is.
#[derive(Debug)]
pub(super) struct Handle {
    way: RwLock<Way>,
    /// The file; on another medium it stands for it in errors, and nothing is opened again.
    path: PathBuf,
    is_file: bool,
}

#[derive(Debug)]
enum Way {
    Whole(Database),
    /// Nothing can be written now.
    ReadOnly(Database),
    /// It could not be opened again.
    Gone,
}

/// So much of the file is kept in memory, in bytes. What is read most is the log, from end to end, and only when opening.
const CACHE: usize = 2 * 1024 * 1024;
/// So many bytes a transaction writes besides what it is given, at most: the ways to what has changed.
const TRANSACTION: u64 = 256 * 1024;

impl Handle {
    /// Opens what is in a file; for reading only when there is no room for more.
    pub(super) fn open(path: &Path) -> Result<Self, StoreError> {
        let way = match Database::builder().set_cache_size(CACHE).open(path) {
            Ok(database) => Way::Whole(database),
            Err(error) if is_full(path, &error) => Way::ReadOnly(open_to_read(path)?),
            Err(error) => return Err(open_error(path, error)),
        };
        Ok(Self { way: RwLock::new(way), path: path.to_owned(), is_file: true })
    }

    /// Makes a database in a file.
    pub(super) fn create(path: &Path) -> Result<Self, StoreError> {
        let database = Database::builder().set_cache_size(CACHE).create(path);
        let way = Way::Whole(database.map_err(|error| open_error(path, error))?);
        Ok(Self { way: RwLock::new(way), path: path.to_owned(), is_file: true })
    }

    /// Opens or makes one on any medium; `name` stands for it in errors.
    pub(super) fn on(medium: impl StorageBackend, name: &Path) -> Result<Self, StoreError> {
        let database = Database::builder().set_cache_size(CACHE).create_with_backend(medium);
        let way = Way::Whole(database.map_err(|error| open_error(name, error))?);
        Ok(Self { way: RwLock::new(way), path: name.to_owned(), is_file: false })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Reads, and hands up what it finds meanwhile: not twice.
    pub(super) fn read_once<T>(&self, work: impl FnOnce(&Database) -> Result<T, Error>) -> Result<T, StoreError> {
        self.with(work)?.map_err(|error| self.failed(error))
    }

    /// Reads; once more when a failure had come before.
    pub(super) fn read<T>(&self, work: impl Fn(&Database) -> Result<T, Error>) -> Result<T, StoreError> {
        match self.with(&work)? {
            Err(error) if self.is_file && is_failure(&error) => {
                self.open_again();
                self.with(&work)?.map_err(|error| self.failed(error))
            }
            done => done.map_err(|error| self.failed(error)),
        }
    }

    /// Whether it was opened again, so that what was committed lazily may be lost: once it can be written, when it could not be.
    ///
    /// There has to be room for `bytes` more.
    pub(super) fn make_writable(&self, bytes: u64) -> Result<bool, StoreError> {
        if self.is_file {
            make_room(&self.path, bytes.saturating_mul(2).saturating_add(TRANSACTION))?;
        }
        if matches!(*self.way(), Way::Whole(_)) {
            return Ok(false);
        }
        let mut way = self.way_to_change();
        *way = Way::Gone;
        match Database::builder().set_cache_size(CACHE).open(&self.path) {
            Ok(database) => {
                *way = Way::Whole(database);
                Ok(true)
            }
            Err(error) => {
                *way = open_to_read(&self.path).map_or(Way::Gone, Way::ReadOnly);
                Err(open_error(&self.path, error))
            }
        }
    }

    /// Writes, where that is possible. After an error of the file it is opened again, and shows what became of it.
    pub(super) fn write<T>(&self, work: impl FnOnce(&Database) -> Result<T, Error>) -> Result<T, StoreError> {
        match self.with(work)? {
            Err(error) if self.is_file && is_failure(&error) => {
                self.open_again();
                Err(self.failed(error))
            }
            done => done.map_err(|error| self.failed(error)),
        }
    }

    /// Lets the database go that has failed; until it is written again it is only read.
    fn open_again(&self) {
        let mut way = self.way_to_change();
        drop(mem::replace(&mut *way, Way::Gone));
        *way = open_to_read(&self.path).map_or(Way::Gone, Way::ReadOnly);
    }

    /// As after a failure.
    #[cfg(test)]
    pub(super) fn fail(&self) {
        self.open_again();
    }

    fn with<T>(&self, work: impl FnOnce(&Database) -> Result<T, Error>) -> Result<Result<T, Error>, StoreError> {
        match &*self.way() {
            Way::Whole(database) | Way::ReadOnly(database) => Ok(work(database)),
            Way::Gone => Err(self.failed(Error::PreviousIo)),
        }
    }

    fn failed(&self, error: Error) -> StoreError {
        failed(&self.path)(error)
    }

    fn way(&self) -> RwLockReadGuard<'_, Way> {
        self.way.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn way_to_change(&self) -> RwLockWriteGuard<'_, Way> {
        self.way.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Opens a file to be read as it was left, mended in memory if need be.
pub(super) fn open_to_read(path: &Path) -> Result<Database, StoreError> {
    let failed = |error: io::Error| open_error(path, DatabaseError::Storage(StorageError::Io(error)));
    let file = RealFs::open_local(path).map_err(failed)?;
    let overlay = FileBackend::new(file).map_err(io::Error::other).and_then(Overlay::over).map_err(failed)?;
    let database = Database::builder().set_cache_size(CACHE).create_with_backend(overlay);
    database.map_err(|error| open_error(path, error))
}

/// Whether the system says that hardly anything more can be written beside a file. Nothing is tried.
pub(crate) fn is_without_room(path: &Path) -> bool {
    RealFs::free_bytes(path.parent().unwrap_or(path)).is_some_and(|free| free < TRANSACTION)
}

/// Makes sure that there is room for so many bytes beside a file.
///
/// # Errors
///
/// [`StoreError::Full`]. Where only the system's word says that there is none, it is tried.
pub(super) fn make_room(path: &Path, bytes: u64) -> Result<(), StoreError> {
    let dir = path.parent().unwrap_or(path);
    if RealFs::free_bytes(dir).is_none_or(|free| free >= bytes) {
        return Ok(());
    }
    match RealFs::try_room(&path.with_extension("room"), bytes) {
        Err(source) if RealFs::is_full(&source) => Err(StoreError::Full { path: path.to_owned(), source }),
        // Whatever else there is shows when the database is written.
        _ => Ok(()),
    }
}

fn is_full(path: &Path, error: &DatabaseError) -> bool {
    let is_by_itself = matches!(error, DatabaseError::Storage(StorageError::Io(error)) if RealFs::is_full(error));
    is_by_itself
        || (matches!(error, DatabaseError::Storage(StorageError::PreviousIo)) && make_room(path, TRANSACTION).is_err())
}

fn is_failure(error: &Error) -> bool {
    matches!(error, Error::Io(_) | Error::PreviousIo)
}

/// Why a database cannot be opened.
pub(super) fn open_error(path: &Path, error: DatabaseError) -> StoreError {
    let path_of = || path.to_owned();
    match error {
        DatabaseError::DatabaseAlreadyOpen => StoreError::InUse { path: path_of() },
        DatabaseError::RepairAborted => StoreError::Unclean { path: path_of() },
        DatabaseError::Storage(StorageError::Io(error)) if RealFs::is_in_use(path, &error) => {
            StoreError::Held { path: path_of() }
        }
        error => failed(path)(error.into()),
    }
}

/// What the database said, as an error of a store.
pub(super) fn failed(path: &Path) -> impl Fn(Error) -> StoreError {
    move |source| match source {
        Error::Io(source) if RealFs::is_full(&source) => StoreError::Full { path: path.to_owned(), source },
        Error::Io(source) => StoreError::Failed { path: path.to_owned(), source: Box::new(source) },
        source => StoreError::Failed { path: path.to_owned(), source: Box::new(source) },
    }
}
