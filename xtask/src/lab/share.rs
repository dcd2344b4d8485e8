//! The directories that an engine synchronizes, and operations on them meanwhile.

use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{fs, io};

/// The session's folder in each share.
pub(super) const SESSION: &str = "jam.session";

/// A sync engine with a share on each of several machines. All of them are this machine.
pub(super) trait Engine {
    /// Returns a machine's share.
    fn share(&self, machine: usize) -> PathBuf;

    /// Starts the engine on a machine, or starts it again.
    fn start(&mut self, machine: usize) -> Result<(), String>;

    /// Kills the engine on a machine while it is working; returns false when there was nothing to kill.
    fn kill(&mut self, machine: usize) -> Result<bool, String>;

    /// Disconnects a machine from the others, or connects it again; the engine keeps running there.
    fn set_online(&mut self, machine: usize, online: bool) -> Result<(), String>;

    /// Sets how long the engine waits for further changes before it scans, if it is one that waits.
    fn set_delay(&mut self, _: Duration) -> Result<(), String> {
        Ok(())
    }
}

/// Copies the content of a directory. Skips files that disappear meanwhile.
pub(super) fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        let copied = match entry.file_type() {
            Ok(kind) if kind.is_dir() => copy(&entry.path(), &target),
            _ => fs::copy(entry.path(), target).map(drop),
        };
        if copied.as_ref().is_err_and(|error| error.kind() != io::ErrorKind::NotFound) {
            return copied;
        }
    }
    Ok(())
}

/// Returns the number of files in a directory and below.
pub(super) fn count(dir: &Path) -> usize {
    let entries = fs::read_dir(dir).into_iter().flatten().filter_map(Result::ok);
    let below = |entry: fs::DirEntry| match entry.file_type() {
        Ok(kind) if kind.is_dir() => count(&entry.path()),
        _ => 1,
    };
    entries.map(below).sum()
}

/// Empties a directory, unless another process adds files meanwhile.
pub(super) fn empty(dir: &Path) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        let removed = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
        let is_no_matter =
            |error: &io::Error| matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::DirectoryNotEmpty);
        if removed.as_ref().is_err_and(|error| !is_no_matter(error)) {
            return removed;
        }
    }
    Ok(())
}
