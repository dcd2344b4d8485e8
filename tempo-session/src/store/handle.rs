//! A database that is reopened after a write error of its file.

use std::{
    io, mem,
    path::{Path, PathBuf},
    sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use ::redb::{Database, DatabaseError, Error, StorageBackend, StorageError, backends::FileBackend};
use tempo_fs_transport::RealFs;

use crate::store::{error::StoreError, overlay::Overlay};

/// A database, and whether it can be written now.
///
/// After a failure, redb refuses all work until it is reopened. Then it has what was committed durably, and
/// nothing else. While there is no room to reopen it for writing, the file is opened for reading only.
#[derive(Debug)]
pub(super) struct Handle {
    way: RwLock<Way>,
    /// The path of the file. On another medium it is only a name for errors, and the database is never
    /// reopened.
    path: PathBuf,
    is_file: bool,
}

#[derive(Debug)]
enum Way {
    Whole(Database),
    /// The database cannot be written now.
    ReadOnly(Database),
    /// The database could not be reopened.
    Gone,
}

/// The part of the file kept in memory, in bytes. Most reads are of the log, from end to end, and only when
/// opening.
const CACHE: usize = 2 * 1024 * 1024;
/// The most bytes that a transaction writes in addition to its data, for the tree nodes above changed pages.
const TRANSACTION: u64 = 256 * 1024;

impl Handle {
    /// Opens the database in a file, for reading only when the disk is full.
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

    /// Opens or makes a database on any medium. Errors refer to it as `name`.
    pub(super) fn on(medium: impl StorageBackend, name: &Path) -> Result<Self, StoreError> {
        let database = Database::builder().set_cache_size(CACHE).create_with_backend(medium);
        let way = Way::Whole(database.map_err(|error| open_error(name, error))?);
        Ok(Self { way: RwLock::new(way), path: name.to_owned(), is_file: false })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Reads with a closure that must not run twice because it hands up what it finds.
    pub(super) fn read_once<T>(&self, work: impl FnOnce(&Database) -> Result<T, Error>) -> Result<T, StoreError> {
        self.with(work)?.map_err(|error| self.failed(error))
    }

    /// Reads, and tries once more if the database had failed before.
    pub(super) fn read<T>(&self, work: impl Fn(&Database) -> Result<T, Error>) -> Result<T, StoreError> {
        match self.with(&work)? {
            Err(error) if self.is_file && is_failure(&error) => {
                self.open_again();
                self.with(&work)?.map_err(|error| self.failed(error))
            }
            done => done.map_err(|error| self.failed(error)),
        }
    }

    /// Makes the database writable, and reopens it if it could not be written before. Returns whether it was
    /// reopened. If so, lazy commits may be lost.
    ///
    /// Requires room for `bytes` more.
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

    /// Writes, if possible. After an error of the file, it reopens the database, which shows whether the
    /// write succeeded.
    pub(super) fn write<T>(&self, work: impl FnOnce(&Database) -> Result<T, Error>) -> Result<T, StoreError> {
        match self.with(work)? {
            Err(error) if self.is_file && is_failure(&error) => {
                self.open_again();
                Err(self.failed(error))
            }
            done => done.map_err(|error| self.failed(error)),
        }
    }

    /// Replaces a failed database by one that is only read until the next write.
    fn open_again(&self) {
        let mut way = self.way_to_change();
        drop(mem::replace(&mut *way, Way::Gone));
        *way = open_to_read(&self.path).map_or(Way::Gone, Way::ReadOnly);
    }

    /// Reopens the database as after a failure.
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

/// Opens a file for reading as it was left, with repairs kept in memory.
pub(super) fn open_to_read(path: &Path) -> Result<Database, StoreError> {
    let failed = |error: io::Error| open_error(path, DatabaseError::Storage(StorageError::Io(error)));
    let file = RealFs::open_local(path).map_err(failed)?;
    let overlay = FileBackend::new(file).map_err(io::Error::other).and_then(Overlay::over).map_err(failed)?;
    let database = Database::builder().set_cache_size(CACHE).create_with_backend(overlay);
    database.map_err(|error| open_error(path, error))
}

/// Returns whether the system reports almost no free space beside a file. Writes nothing to find out.
pub(crate) fn is_without_room(path: &Path) -> bool {
    RealFs::free_bytes(path.parent().unwrap_or(path)).is_some_and(|free| free < TRANSACTION)
}

/// Makes sure that there is room for `bytes` beside a file.
///
/// # Errors
///
/// [`StoreError::Full`]. If the system reports too little free space, this verifies it by writing.
pub(super) fn make_room(path: &Path, bytes: u64) -> Result<(), StoreError> {
    let dir = path.parent().unwrap_or(path);
    if RealFs::free_bytes(dir).is_none_or(|free| free >= bytes) {
        return Ok(());
    }
    match RealFs::try_room(&path.with_extension("room"), bytes) {
        Err(source) if RealFs::is_full(&source) => Err(StoreError::Full { path: path.to_owned(), source }),
        // Any other error appears when the database is written.
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

/// Converts an error of opening a database.
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

/// Converts an error of the database to an error of the store.
pub(super) fn failed(path: &Path) -> impl Fn(Error) -> StoreError {
    move |source| match source {
        Error::Io(source) if RealFs::is_full(&source) => StoreError::Full { path: path.to_owned(), source },
        Error::Io(source) => StoreError::Failed { path: path.to_owned(), source: Box::new(source) },
        source => StoreError::Failed { path: path.to_owned(), source: Box::new(source) },
    }
}
