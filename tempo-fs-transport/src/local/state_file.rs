//! The files of the local state: written whole, locked, and waited for while another program holds them.

#[cfg(unix)]
use std::ffi::OsString;
use std::{
    fs::{self, File, TryLockError},
    io,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use tempo_message::{AuthorId, Cause};
use thiserror::Error;

use crate::{
    error::OpenError,
    fs::{
        port::{Fs, sync},
        real::{RealFs, judged},
        retry::{PAUSE, within},
    },
};

/// Why local state cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum InstallationError {
    /// The session folder cannot be used.
    #[error(transparent)]
    Folder(#[from] OpenError),
    /// The platform does not say where data is kept.
    #[error("this system has no directory for the data of applications; choose one for the local state")]
    NoDefault,
    /// The application has a name that cannot be part of a path everywhere.
    #[error(
        "the name of an application must be 1 to {} letters, digits, '-', '_' or '.', without '.' at either end, \
         got {name:?}; choose another name, or a directory for the local state",
        MAX_APPLICATION
    )]
    Application {
        /// The name.
        name: String,
    },
    /// Something in the state directory cannot be read or written.
    #[error("cannot use the local state in {}", path.display())]
    Failed {
        /// The file or directory.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The secret key of a new author could not be kept.
    #[error("cannot keep the secret key of {author}")]
    Key {
        /// The author, which is not used.
        author: AuthorId,
        /// The reason.
        source: Cause,
    },
    /// Another process has been holding the lock of the state directory for seconds.
    #[error("another process is busy with the local state in {}; try again", path.display())]
    Busy {
        /// The lock file.
        path: PathBuf,
    },
}

/// The longest name of an application, in bytes.
pub(super) const MAX_APPLICATION: usize = 64;

/// The longest wait for a file of the local state.
const PATIENCE: Duration = Duration::from_secs(5);

/// Calls `attempt` until it does anything but fail because another program holds the file, for five seconds at most.
pub(crate) fn patiently<T>(path: &Path, mut attempt: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    within(PATIENCE, || attempt().map_err(|error| judged(path, error)))
}

/// Returns a small file as text, or `None` when there is none.
pub(super) fn read(dir: &Path, name: &str) -> Result<Option<String>, InstallationError> {
    Ok(read_bytes(dir, name)?.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
}

/// Returns a small file, or `None` when there is none.
pub(super) fn read_bytes(dir: &Path, name: &str) -> Result<Option<Vec<u8>>, InstallationError> {
    let path = dir.join(name);
    match patiently(&path, || fs::read(&path)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        bytes => bytes.map(Some).map_err(|source| failed(&path, source)),
    }
}

/// [Puts](put) a file, unless it holds these bytes already.
pub(super) fn keep(dir: &Path, name: &str, bytes: &[u8]) -> Result<(), InstallationError> {
    let is_there = read_bytes(dir, name)?.is_some_and(|there| there == bytes);
    if is_there { Ok(()) } else { put(dir, name, bytes) }
}

/// Puts a file in the place of the one before, whole or not at all.
pub(crate) fn put(dir: &Path, name: &str, bytes: &[u8]) -> Result<(), InstallationError> {
    let (path, new) = (dir.join(name), dir.join(format!("{name}.new")));
    let written = patiently(&new, || File::create(&new)).and_then(|mut file| {
        io::Write::write_all(&mut file, bytes)?;
        sync(|reach| RealFs::default().sync_file(&file, reach))
    });
    let put = written.and_then(|()| patiently(&path, || fs::rename(&new, &path)));
    put.map_err(|source| failed(&path, source))
}

/// Makes the names in a directory durable, where the system has a way for that.
pub(crate) fn sync_dir(dir: &Path) -> io::Result<()> {
    let fs = RealFs::default();
    let dir = fs.open_root(dir)?;
    sync(|reach| fs.sync_dir(&dir, reach))
}

/// Takes a lock that ends with the process at the latest.
#[allow(clippy::disallowed_methods, reason = "the standard library has no lock with a deadline")]
pub(crate) fn lock(path: &Path) -> Result<File, InstallationError> {
    let file = patiently(path, || File::create(path)).map_err(|source| failed(path, source))?;
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(source)) => return Err(failed(path, source)),
        }
        // deadline loop: the lock is held for a few system calls only.
        std::thread::sleep(PAUSE);
    }
    Err(InstallationError::Busy { path: path.to_owned() })
}

/// The error of using `path`.
pub(super) fn failed(path: &Path, source: io::Error) -> InstallationError {
    InstallationError::Failed { path: path.to_owned(), source }
}

/// Returns the path that these bytes of a file name.
#[cfg(unix)]
pub(super) fn path(bytes: Vec<u8>) -> PathBuf {
    let name: OsString = std::os::unix::ffi::OsStringExt::from_vec(bytes);
    name.into()
}

/// Returns the path that these bytes of a file name.
#[cfg(not(unix))]
#[allow(clippy::needless_pass_by_value, reason = "one signature on all systems")]
pub(super) fn path(bytes: Vec<u8>) -> PathBuf {
    String::from_utf8_lossy(&bytes).into_owned().into()
}
