//! Files of the application: those that it attaches, and those that are written for it.

use std::{
    fs::{self, File, OpenOptions},
    io,
    path::{Path, PathBuf},
    process,
    sync::atomic::{AtomicU64, Ordering},
};

use crate::local::local_file::LocalFile;

/// Opens a file of the application for reading.
///
/// # Errors
///
/// As the system has them; [`io::ErrorKind::InvalidInput`] for a directory, a pipe or a device, which is not opened.
pub fn open_outside(path: &Path) -> io::Result<LocalFile> {
    // Opening a pipe would wait for its other end.
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a file"));
    }
    File::open(path).map(LocalFile)
}

/// A file that is being written for the application. It gets its name when it is [finished](Self::finish); otherwise
/// nothing of it is left.
#[derive(Debug)]
pub struct NewFile {
    /// The file, open for reading and writing.
    pub file: LocalFile,
    beside: Beside,
    to: PathBuf,
}

/// A file that is removed unless it is renamed before.
#[derive(Debug)]
struct Beside(PathBuf);

impl Drop for Beside {
    fn drop(&mut self) {
        // Usually it has been renamed.
        let _ = fs::remove_file(&self.0);
    }
}

impl NewFile {
    /// Begins a file that is to have this path.
    ///
    /// # Errors
    ///
    /// As the system has them; [`io::ErrorKind::AlreadyExists`] if the path is taken.
    pub fn create(to: &Path) -> io::Result<Self> {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        if to.symlink_metadata().is_ok() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let dir = to.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let (process, number) = (process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let beside = dir.join(format!("~tempo-{process}-{number}.tmp"));
        // An earlier process with this number may have ended while it wrote.
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(true).open(&beside)?;
        Ok(Self { file: LocalFile(file), beside: Beside(beside), to: to.to_owned() })
    }

    /// Makes the content durable and gives the file its name. Replaces nothing, as far as the file system has links.
    ///
    /// # Errors
    ///
    /// As the system has them; [`io::ErrorKind::AlreadyExists`] if the path was taken in the meantime.
    pub fn finish(self) -> io::Result<()> {
        self.file.sync()?;
        drop(self.file);
        let (from, to) = (&self.beside.0, &self.to);
        match fs::hard_link(from, to) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(error),
            Err(_) if to.symlink_metadata().is_ok() => Err(io::ErrorKind::AlreadyExists.into()),
            Err(_) => fs::rename(from, to),
            linked => linked,
        }
    }
}
