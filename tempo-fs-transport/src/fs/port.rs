//! The port to a file system: all that the transport needs from it.

use std::{
    ffi::OsStr,
    fmt, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use tempo_message::{FileType, planted};

use crate::watch::signal::Signal;

/// A file system, real or simulated.
///
/// Everything below the session folder is reached through directories and single names, so that nothing can be
/// swapped for a symbolic link on the way. Errors are the system's own; the caller adds the path.
///
/// Contract:
///
/// 1. No operation follows a symbolic link, except `resolve`, `open_root` and `watch` in the path they are given.
/// 2. Opening never blocks on a pipe and has no other effect than opening.
/// 3. `create` and `rename_new` fail with `AlreadyExists` when the name is taken, and change nothing then.
/// 4. A rename is atomic for every observer; across volumes it fails with `CrossesDevices`.
/// 5. After `sync_file` or `sync_named` the content, after `sync_dir` the names of a directory survive a loss of power,
///    as far as [`Reach`] says. Nothing else does. After a failed sync nothing is known, and syncing the same handle
///    again proves nothing. A file system that has no such sync answers `Unsupported`. Where `sync_dir` does, a later
///    `sync_named` also keeps what was done to the names before it, as the journal of NTFS does.
/// 6. `open_root` and `resolve` answer `NotFound` for a folder whose volume, server or network is not there.
/// 7. `ResourceBusy` means *not yet*: another program holds the thing open and does not share it, or is about to remove
///    it. The same call may succeed a moment later.
/// 8. `stat` of a name and `stat_file` of the file opened under it give the same [`Stat`], as long as nothing changes. Some
///    file systems change the times of a file that is only read.
/// 9. A rename keeps the permissions of a file. Where two directories of one volume have equal [heritages](Self::heritage), a file
///    that was made in one has the permissions that it would have been given in the other.
#[allow(clippy::missing_errors_doc, reason = "errors are the system's own, as the contract says")]
pub trait Fs: Clone + fmt::Debug + Send + Sync + 'static {
    /// A handle of a directory.
    type Dir: fmt::Debug + Send + Sync + 'static;
    /// A handle of a file, opened for reading or for writing.
    type File: fmt::Debug + Send;
    /// Calls may take minutes or never end, so they are made on threads of their own.
    const MAY_BLOCK: bool;

    /// Returns where a path leads when its links are followed. Missing parts are kept as they are.
    fn resolve(&self, path: &Path) -> io::Result<PathBuf> {
        Ok(path.to_owned())
    }
    /// Opens the directory that everything else is relative to.
    fn open_root(&self, path: &Path) -> io::Result<Self::Dir>;
    /// Opens a directory in a directory.
    fn open_dir(&self, parent: &Self::Dir, name: &OsStr) -> io::Result<Self::Dir>;
    /// Makes a directory; `AlreadyExists` when the name is taken.
    fn create_dir(&self, parent: &Self::Dir, name: &OsStr) -> io::Result<()>;
    /// Names the entries of a directory in any order, without `.` and `..`, until told to stop by `false`.
    fn list(&self, dir: &Self::Dir, each: &mut dyn FnMut(&OsStr) -> bool) -> io::Result<()>;

    /// Describes an opened directory.
    fn stat_dir(&self, dir: &Self::Dir) -> io::Result<Stat>;
    /// Describes the entry with this name.
    fn stat(&self, dir: &Self::Dir, name: &OsStr) -> io::Result<Stat>;
    /// Describes an opened file.
    fn stat_file(&self, file: &Self::File) -> io::Result<Stat>;

    /// Opens a file for reading.
    fn open(&self, dir: &Self::Dir, name: &OsStr) -> io::Result<Self::File>;
    /// Fills the buffer from where the file was read last, and returns the number of bytes. Less
    /// than a full buffer only at its end.
    fn read(&self, file: &mut Self::File, buffer: &mut [u8]) -> io::Result<usize>;
    /// Makes an empty file and opens it for writing; `AlreadyExists` when the name is taken.
    fn create(&self, dir: &Self::Dir, name: &OsStr) -> io::Result<Self::File>;
    /// Writes all of `bytes` at the end.
    fn write(&self, file: &mut Self::File, bytes: &[u8]) -> io::Result<()>;
    /// Makes the content of a file that was opened for writing durable.
    fn sync_file(&self, file: &Self::File, reach: Reach) -> io::Result<()>;
    /// Makes the content of a file durable that another handle has written.
    fn sync_named(&self, dir: &Self::Dir, name: &OsStr, reach: Reach) -> io::Result<()>;
    /// Makes the names in a directory durable.
    fn sync_dir(&self, dir: &Self::Dir, reach: Reach) -> io::Result<()>;

    /// Renames without replacing; `AlreadyExists` when the new name is taken.
    fn rename_new(&self, from: &Self::Dir, name: &OsStr, to: &Self::Dir, new_name: &OsStr) -> io::Result<()>;
    /// Renames, replacing a file of that name.
    fn rename_over(&self, from: &Self::Dir, name: &OsStr, to: &Self::Dir, new_name: &OsStr) -> io::Result<()>;
    /// Removes a file.
    fn remove(&self, dir: &Self::Dir, name: &OsStr) -> io::Result<()>;
    /// Removes an empty directory.
    fn remove_dir(&self, parent: &Self::Dir, name: &OsStr) -> io::Result<()>;

    /// Returns when an opened directory was made, in nanoseconds since 1970; `None` where the system
    /// does not record that, and for the root of a volume. Some systems give the time of the last
    /// change instead, or that of an earlier directory of this name.
    fn made_ns(&self, _: &Self::Dir) -> Option<i128> {
        None
    }
    /// Returns what the system says about writing in a directory, without trying it.
    fn volume(&self, _: &Self::Dir) -> io::Result<Volume> {
        Ok(Volume::default())
    }

    /// Returns what decides on the permissions of a file that is made in this directory; `None`
    /// where the system does not tell all of it.
    fn heritage(&self, _: &Self::Dir) -> io::Result<Option<Heritage>> {
        Ok(None)
    }

    /// Starts to send hints about a folder to `signal`. The result watches the folder itself, and
    /// the directories below if it [covers](Watch::covers_directories) them.
    fn watch(&self, folder: &Path, signal: Arc<Signal>) -> io::Result<Box<dyn Watch>>;
    /// Returns the monotonic time since any fixed moment.
    fn now(&self) -> Duration;
    /// Returns a number for a new name that no other process chooses.
    fn random(&self) -> u64;
}

/// A running watch. Dropping it ends it, and closes what it had open.
#[allow(clippy::missing_errors_doc, reason = "errors are the system's own")]
pub trait Watch: fmt::Debug + Send {
    /// Returns whether the directories in the folder are watched with it. Then [`add`](Self::add)
    /// must not be called: a watch on a directory would keep the folder from being moved, or restart
    /// the whole watch and lose events.
    fn covers_directories(&self) -> bool;
    /// Watches a directory of the folder as well.
    fn add(&mut self, dir: &OsStr) -> io::Result<()>;
}

/// The permissions that files inherit from a directory: by its group, its access control lists, its
/// label. Equal heritages give equal permissions within one process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heritage(Vec<u8>);

impl Heritage {
    /// Returns the heritage that a file system describes with these bytes.
    pub fn new(description: Vec<u8>) -> Self {
        Self(description)
    }
}

/// The reach of a sync.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// To the medium: a loss of power takes nothing away.
    Medium,
    /// To the volume, which may keep it in a cache of its own. For volumes that refuse more, such as a network share under
    /// macOS.
    Volume,
}

/// Returns what `pick` makes of the names in a directory, `most` of them at most.
pub(crate) fn names_in<F: Fs, T>(
    fs: &F,
    dir: &F::Dir,
    most: usize,
    mut pick: impl FnMut(&OsStr) -> Option<T>,
) -> io::Result<Vec<T>> {
    let mut picked = Vec::new();
    fs.list(dir, &mut |name| {
        picked.extend(pick(name));
        picked.len() < most
    })?;
    Ok(picked)
}

/// Syncs to the medium, or to the volume where that is refused. Succeeds without a sync on a file system that has none.
pub(crate) fn sync(each: impl Fn(Reach) -> io::Result<()>) -> io::Result<()> {
    try_sync(each).map(drop)
}

/// Makes a file's name durable, by its directory, or by the file where directories cannot be synced.
pub(crate) fn sync_name<F: Fs>(fs: &F, dir: &F::Dir, name: &OsStr) -> io::Result<()> {
    if try_sync(|reach| fs.sync_dir(dir, reach))? {
        return Ok(());
    }
    sync(|reach| fs.sync_named(dir, name, reach))
}

/// Syncs as far as the file system can; returns whether it can at all.
fn try_sync(each: impl Fn(Reach) -> io::Result<()>) -> io::Result<bool> {
    let is_refused = |done: &io::Result<()>| matches!(done, Err(error) if error.kind() == io::ErrorKind::Unsupported);
    let done = each(Reach::Medium);
    if !is_refused(&done) || planted!(FullSyncOnly) {
        return done.map(|()| true);
    }
    let done = each(Reach::Volume);
    if is_refused(&done) { Ok(false) } else { done.map(|()| true) }
}

/// The state of a volume, for writing in one of its directories.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Volume {
    /// The free bytes for this user, where the system says so. A service's quota is another matter.
    pub free_bytes: Option<u64>,
    /// Writing is not allowed, by permissions or by the medium, as far as the system says so without being tried.
    pub read_only: bool,
}

impl Volume {
    /// Creates the answer of a file system.
    pub fn new(free_bytes: Option<u64>, read_only: bool) -> Self {
        Self { free_bytes, read_only }
    }
}

/// The description of a name or a handle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stat {
    /// The type.
    pub file_type: FileType,
    /// Length in bytes; for other things than files without meaning.
    pub len: u64,
    /// The identity.
    pub identity: Identity,
    /// Nanoseconds since 1970 of the last change of content or, for a directory, of names.
    pub modified_ns: i128,
    /// Nanoseconds since 1970 of the last change of anything; equal to `modified_ns` where the system has no such time.
    pub changed_ns: i128,
    /// The content is not on this machine: opening would make a service fetch it, and block or fail meanwhile.
    pub online_only: bool,
}

/// The identity of a thing: at any time, things with different identities are different.
///
/// Equal identities usually mean one thing. On `ReFS`, whose numbers have more bits than Windows
/// tells, two things may share one, so no message may depend on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identity {
    /// The volume.
    pub volume: u64,
    /// The number of the thing on its volume.
    pub number: u64,
}

/// The version of a thing. It changes with the thing and its content, as far as the file system
/// shows that.
///
/// Times are compared for equality only; they order nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Version {
    identity: Identity,
    len: u64,
    modified: u64,
    changed: u64,
}

impl Version {
    /// The age at which a version shows every later change: until then another change may come
    /// within the same tick of the file system's clock, which is up to two seconds long (FAT).
    /// Measured by our own clock, because that of a volume may be off by hours.
    pub(crate) const QUIET_FOR: Duration = Duration::from_millis(2500);

    /// Returns whether both are versions of one thing.
    pub(crate) fn is_same_thing(&self, other: &Self) -> bool {
        self.identity == other.identity
    }
}

impl Stat {
    /// Returns the version of the thing.
    #[allow(clippy::cast_possible_truncation, reason = "the low half of a time is unique within five centuries")]
    pub(crate) fn version(&self) -> Version {
        let low = |nanoseconds: i128| nanoseconds.cast_unsigned() as u64;
        let (modified, changed) = (low(self.modified_ns), low(self.changed_ns));
        Version { identity: self.identity, len: self.len, modified, changed }
    }
}
