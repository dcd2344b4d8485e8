//! Paths, where there are no directory handles. Not every promise of the port can be kept; see `RealFs`.

use std::{
    ffi::OsStr,
    fs::{self, File, Metadata, OpenOptions},
    hash::{DefaultHasher, Hash, Hasher},
    io,
    path::{Path, PathBuf},
    time::SystemTime,
};

use tempo_message::FileType;

use crate::{Identity, Stat, Volume, online};

pub(super) type Dir = PathBuf;

pub(super) fn open_root(path: &Path) -> io::Result<Dir> {
    let path = fs::canonicalize(path)?;
    if fs::metadata(&path)?.is_dir() { Ok(path) } else { Err(io::ErrorKind::NotADirectory.into()) }
}

pub(super) fn open_dir(parent: &Dir, name: &OsStr) -> io::Result<Dir> {
    match stat(parent, name)?.file_type {
        FileType::Directory => Ok(parent.join(name)),
        _ => Err(io::ErrorKind::NotADirectory.into()),
    }
}

pub(super) fn create_dir(parent: &Dir, name: &OsStr) -> io::Result<()> {
    fs::create_dir(parent.join(name))
}

pub(super) fn list(dir: &Dir, each: &mut dyn FnMut(&OsStr) -> bool) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        if !each(&entry?.file_name()) {
            break;
        }
    }
    Ok(())
}

pub(super) fn made_ns(dir: &Dir) -> Option<i128> {
    let made = fs::symlink_metadata(dir).ok()?.created().ok()?;
    i128::try_from(made.duration_since(std::time::UNIX_EPOCH).ok()?.as_nanos()).ok()
}

pub(super) fn stat_dir(dir: &Dir) -> io::Result<Stat> {
    fs::symlink_metadata(dir).map(|metadata| from_metadata(&metadata, dir))
}

pub(super) fn stat(dir: &Dir, name: &OsStr) -> io::Result<Stat> {
    let path = dir.join(name);
    fs::symlink_metadata(&path).map(|metadata| from_metadata(&metadata, &path))
}

pub(super) fn stat_file(file: &File) -> io::Result<Stat> {
    file.metadata().map(|metadata| from_metadata(&metadata, Path::new("")))
}

pub(super) fn open(dir: &Dir, name: &OsStr) -> io::Result<File> {
    match stat(dir, name)?.file_type {
        FileType::File => File::open(dir.join(name)),
        _ => Err(io::ErrorKind::InvalidInput.into()),
    }
}

pub(super) fn create(dir: &Dir, name: &OsStr) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).open(dir.join(name))
}

pub(super) fn sync_dir(_: &Dir) -> io::Result<()> {
    Ok(())
}

/// The standard library knows of no free room, and the attribute of a Windows folder says nothing about writing in it.
#[allow(clippy::unnecessary_wraps, reason = "other systems can fail")]
pub(super) fn volume(_: &Dir) -> io::Result<Volume> {
    Ok(Volume::default())
}

/// The attribute of a folder says nothing about writing in it.
pub(super) fn check_writable(path: &Path) -> io::Result<()> {
    let about = fs::metadata(path)?;
    if about.is_file() && about.permissions().readonly() { Err(io::ErrorKind::PermissionDenied.into()) } else { Ok(()) }
}

pub(super) fn rename_new(from: &Dir, name: &OsStr, to: &Dir, new_name: &OsStr) -> io::Result<()> {
    match fs::symlink_metadata(to.join(new_name)) {
        Ok(_) => Err(io::ErrorKind::AlreadyExists.into()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => rename_over(from, name, to, new_name),
        Err(error) => Err(error),
    }
}

pub(super) fn rename_over(from: &Dir, name: &OsStr, to: &Dir, new_name: &OsStr) -> io::Result<()> {
    fs::rename(from.join(name), to.join(new_name))
}

pub(super) fn remove(dir: &Dir, name: &OsStr) -> io::Result<()> {
    fs::remove_file(dir.join(name))
}

/// There is no stable number of a file here; its path and time of creation stand for it.
fn from_metadata(metadata: &Metadata, path: &Path) -> Stat {
    let mut hasher = DefaultHasher::new();
    path.hash(&mut hasher);
    let modified_ns = nanos(metadata.modified());
    Stat {
        file_type: if metadata.is_file() {
            FileType::File
        } else if metadata.is_dir() {
            FileType::Directory
        } else if metadata.is_symlink() {
            FileType::Symlink
        } else {
            FileType::Special
        },
        len: metadata.len(),
        identity: Identity {
            volume: hasher.finish(),
            number: u64::try_from(nanos(metadata.created())).unwrap_or_default(),
        },
        modified_ns,
        changed_ns: modified_ns,
        online_only: online::by_attributes(attributes(metadata)),
    }
}

#[cfg(windows)]
fn attributes(metadata: &Metadata) -> u32 {
    std::os::windows::fs::MetadataExt::file_attributes(metadata)
}

#[cfg(not(windows))]
fn attributes(_: &Metadata) -> u32 {
    0
}

fn nanos(time: io::Result<SystemTime>) -> i128 {
    let since = time.ok().and_then(|time| time.duration_since(SystemTime::UNIX_EPOCH).ok());
    since.and_then(|since| i128::try_from(since.as_nanos()).ok()).unwrap_or_default()
}
