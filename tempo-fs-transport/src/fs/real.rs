//! The file system of the machine.

use std::{
    ffi::OsStr,
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use uuid::Uuid;

#[cfg(unix)]
use crate::fs::unix as imp;
#[cfg(windows)]
use crate::fs::windows as imp;
use crate::{
    fs::{
        error::{in_use, is_full},
        port::{Fs, Heritage, Reach, Stat, Volume, Watch},
        resolve, watcher,
    },
    watch::signal::Signal,
};

/// The file system of the machine.
///
/// # Platform notes
///
/// - Unix: `openat` and friends with `O_NOFOLLOW` and `O_NONBLOCK`; renames with `RENAME_NOREPLACE` (Linux) or
///   `RENAME_EXCL` (Apple). Where the file system lacks that flag the name is looked up first, which is enough for a
///   directory that only its author writes.
/// - Linux: the heritage of a directory is its group, the bit that has it inherited, and those extended attributes that are
///   access control lists or labels. File systems of other machines and of programs do not show all that they inherit, and Apple's
///   and Windows' lists cannot be read without unsafe code: there a directory has no heritage (clause 9).
/// - Windows: paths in their literal form (`\\\\?\\`), since the standard library has no directory handles. A directory
///   that is swapped for a link between two calls is followed (clause 1); what is read there counts only when the
///   opened file is the one that was looked at. A file keeps its number from a handle (volume and file index), and renames
///   neither replace nor copy. Creation times may be those of an earlier file of the same name. Directories are flushed
///   where the file system allows that; NTFS and `ReFS` journal names in order. A file with the read-only attribute
///   cannot be flushed, and counts as written.
#[derive(Clone, Debug)]
pub struct RealFs {
    started: Instant,
}

impl Default for RealFs {
    #[allow(clippy::disallowed_methods, reason = "the real file system lives in real time")]
    fn default() -> Self {
        Self { started: Instant::now() }
    }
}

impl RealFs {
    /// Checks whether this process may change a path, as far as the system says so without being
    /// tried.
    ///
    /// # Errors
    ///
    /// What the system said: it may not, or nothing is there.
    pub fn check_writable(path: &Path) -> io::Result<()> {
        imp::check_writable(path)
    }

    /// Returns whether an error of the standard library about a path means *not yet* (clause 7):
    /// another program holds the file open, or it is about to be removed.
    pub fn is_in_use(path: &Path, error: &io::Error) -> bool {
        imp::is_in_use(path, error)
    }

    /// Returns whether an error of the standard library means that there is no room: the volume is
    /// full, or this user's quota used up.
    pub fn is_full(error: &io::Error) -> bool {
        is_full(error)
    }

    /// Returns the free space for this user on the volume of a directory, in bytes; `None` when the
    /// system does not say.
    pub fn free_bytes(dir: &Path) -> Option<u64> {
        let dir = imp::open_root(dir).ok()?;
        imp::volume(&dir).ok()?.free_bytes
    }

    /// Opens a file of the local state to be read. With write access, so that only users who may
    /// write it can lock others out.
    ///
    /// # Errors
    ///
    /// What the system said.
    pub fn open_local(path: &Path) -> io::Result<File> {
        File::options().read(true).write(true).open(path)
    }

    /// Checks that there is room for this many bytes: writes them into this file, and removes it.
    ///
    /// # Errors
    ///
    /// What the system said; see [`is_full`](Self::is_full).
    pub fn try_room(probe: &Path, bytes: u64) -> io::Result<()> {
        let zeros = vec![0; usize::try_from(bytes).unwrap_or(0)];
        let written = File::create(probe).and_then(|mut file| file.write_all(&zeros).and_then(|()| file.sync_all()));
        // If it stays, the next probe replaces it.
        let _ = fs::remove_file(probe);
        written
    }
}

impl Fs for RealFs {
    type Dir = imp::Dir;
    type File = File;
    const MAY_BLOCK: bool = true;

    fn resolve(&self, path: &Path) -> io::Result<PathBuf> {
        resolve::resolve(path)
    }

    fn open_root(&self, path: &Path) -> io::Result<imp::Dir> {
        imp::open_root(path)
    }

    fn open_dir(&self, parent: &imp::Dir, name: &OsStr) -> io::Result<imp::Dir> {
        imp::open_dir(parent, name)
    }

    fn create_dir(&self, parent: &imp::Dir, name: &OsStr) -> io::Result<()> {
        imp::create_dir(parent, name)
    }

    fn list(&self, dir: &imp::Dir, each: &mut dyn FnMut(&OsStr) -> bool) -> io::Result<()> {
        imp::list(dir, each)
    }

    fn made_ns(&self, dir: &imp::Dir) -> Option<i128> {
        imp::made_ns(dir)
    }

    fn stat_dir(&self, dir: &imp::Dir) -> io::Result<Stat> {
        imp::stat_dir(dir)
    }

    fn stat(&self, dir: &imp::Dir, name: &OsStr) -> io::Result<Stat> {
        imp::stat(dir, name)
    }

    fn stat_file(&self, file: &File) -> io::Result<Stat> {
        imp::stat_file(file)
    }

    fn open(&self, dir: &imp::Dir, name: &OsStr) -> io::Result<File> {
        imp::open(dir, name)
    }

    fn read(&self, file: &mut File, buffer: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0;
        while let Some(left) = buffer.get_mut(filled..).filter(|left| !left.is_empty()) {
            let (wanted, read) = (left.len(), io::Read::read(file, left).map_err(given_up)?);
            filled += read;
            // A file gives less than is asked for only at its end.
            if read < wanted {
                break;
            }
        }
        Ok(filled)
    }

    fn create(&self, dir: &imp::Dir, name: &OsStr) -> io::Result<File> {
        imp::create(dir, name)
    }

    fn write(&self, file: &mut File, bytes: &[u8]) -> io::Result<()> {
        io::Write::write_all(&mut Once(file), bytes)
    }

    fn sync_file(&self, file: &File, reach: Reach) -> io::Result<()> {
        imp::sync_file(file, reach)
    }

    fn sync_named(&self, dir: &imp::Dir, name: &OsStr, reach: Reach) -> io::Result<()> {
        imp::sync_named(dir, name, reach)
    }

    fn sync_dir(&self, dir: &imp::Dir, reach: Reach) -> io::Result<()> {
        imp::sync_dir(dir, reach)
    }

    fn rename_new(&self, from: &imp::Dir, name: &OsStr, to: &imp::Dir, new_name: &OsStr) -> io::Result<()> {
        imp::rename_new(from, name, to, new_name)
    }

    fn rename_over(&self, from: &imp::Dir, name: &OsStr, to: &imp::Dir, new_name: &OsStr) -> io::Result<()> {
        imp::rename_over(from, name, to, new_name)
    }

    fn remove(&self, dir: &imp::Dir, name: &OsStr) -> io::Result<()> {
        imp::remove(dir, name)
    }

    fn remove_dir(&self, parent: &imp::Dir, name: &OsStr) -> io::Result<()> {
        imp::remove_dir(parent, name)
    }

    fn volume(&self, dir: &imp::Dir) -> io::Result<Volume> {
        imp::volume(dir)
    }

    fn heritage(&self, dir: &imp::Dir) -> io::Result<Option<Heritage>> {
        imp::heritage(dir)
    }

    fn watch(&self, folder: &Path, signal: Arc<Signal>) -> io::Result<Box<dyn Watch>> {
        watcher::start(folder, signal)
    }

    fn now(&self) -> Duration {
        self.started.elapsed()
    }

    #[allow(clippy::disallowed_methods, reason = "the real file system shares its names with other processes")]
    fn random(&self) -> u64 {
        Uuid::new_v4().as_u64_pair().1
    }
}

/// Returns the error of the standard library about a path by the clauses of the port.
pub(crate) fn judged(path: &Path, error: io::Error) -> io::Error {
    imp::judged(path, error)
}

/// Returns the number of a file on its volume, where the system has one.
pub(crate) fn number(file: &Path) -> io::Result<u64> {
    imp::number(file)
}

/// The standard library tries for ever what a file system answers with "interrupted". Here that is no answer.
struct Once<'a>(&'a mut File);

impl io::Write for Once<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes).map_err(given_up)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

fn given_up(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::Interrupted => io::Error::new(io::ErrorKind::TimedOut, error),
        _ if imp::is_held(&error) => in_use(error),
        _ => error,
    }
}
