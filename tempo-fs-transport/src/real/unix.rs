//! Directory handles and the `*at` calls.

use std::{
    ffi::OsStr,
    fs::File,
    io,
    os::{fd::OwnedFd, unix::ffi::OsStrExt},
    path::Path,
};

use rustix::{
    fs::{self, Access, AtFlags, Mode, OFlags},
    io::Errno,
};
use tempo_message::FileType;

use crate::{Identity, Stat, Volume, online};

pub(super) type Dir = OwnedFd;

const DIRECTORY: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

pub(super) fn open_root(path: &Path) -> io::Result<Dir> {
    Ok(fs::open(path, DIRECTORY, Mode::empty())?)
}

pub(super) fn open_dir(parent: &Dir, name: &OsStr) -> io::Result<Dir> {
    Ok(fs::openat(parent, name, DIRECTORY | OFlags::NOFOLLOW, Mode::empty())?)
}

pub(super) fn create_dir(parent: &Dir, name: &OsStr) -> io::Result<()> {
    Ok(fs::mkdirat(parent, name, Mode::from_bits_truncate(0o777))?)
}

pub(super) fn list(dir: &Dir, each: &mut dyn FnMut(&OsStr) -> bool) -> io::Result<()> {
    for entry in fs::Dir::read_from(dir)? {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        if name != b"." && name != b".." && !each(OsStr::from_bytes(name)) {
            break;
        }
    }
    Ok(())
}

/// The root of a volume was made by a program that need not have noted when.
pub(super) fn made_ns(dir: &Dir) -> Option<i128> {
    let volume = |stat: fs::Stat| stat.st_dev;
    let above = fs::statat(dir, "..", AtFlags::SYMLINK_NOFOLLOW).map(volume).ok()?;
    born_ns(dir).filter(|&born| fs::fstat(dir).map(volume) == Ok(above) && born > 0)
}

#[cfg(target_os = "linux")]
fn born_ns(dir: &Dir) -> Option<i128> {
    let stat = fs::statx(dir, "", AtFlags::EMPTY_PATH, fs::StatxFlags::BTIME).ok()?;
    let is_known = stat.stx_mask & fs::StatxFlags::BTIME.bits() != 0;
    is_known.then(|| nanos(stat.stx_btime.tv_sec, i64::from(stat.stx_btime.tv_nsec)))
}

#[cfg(target_vendor = "apple")]
fn born_ns(dir: &Dir) -> Option<i128> {
    let stat = fs::fstat(dir).ok()?;
    Some(nanos(stat.st_birthtime, stat.st_birthtime_nsec))
}

#[cfg(not(any(target_os = "linux", target_vendor = "apple")))]
fn born_ns(_: &Dir) -> Option<i128> {
    None
}

pub(super) fn stat_dir(dir: &Dir) -> io::Result<Stat> {
    Ok(from_stat(&fs::fstat(dir)?))
}

pub(super) fn stat(dir: &Dir, name: &OsStr) -> io::Result<Stat> {
    Ok(from_stat(&fs::statat(dir, name, AtFlags::SYMLINK_NOFOLLOW)?))
}

pub(super) fn stat_file(file: &File) -> io::Result<Stat> {
    Ok(from_stat(&fs::fstat(file)?))
}

pub(super) fn open(dir: &Dir, name: &OsStr) -> io::Result<File> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    Ok(File::from(fs::openat(dir, name, flags, Mode::empty())?))
}

pub(super) fn create(dir: &Dir, name: &OsStr) -> io::Result<File> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(File::from(fs::openat(dir, name, flags, Mode::from_bits_truncate(0o666))?))
}

pub(super) fn sync_dir(dir: &Dir) -> io::Result<()> {
    // Through `File`, because the standard library reaches the platter on Apple systems as well.
    File::from(dir.try_clone()?).sync_all()
}

pub(super) fn rename_new(from: &Dir, name: &OsStr, to: &Dir, new_name: &OsStr) -> io::Result<()> {
    match exclusive_rename(from, name, to, new_name) {
        // Not every file system has the flag, and not every kernel the call.
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => match fs::statat(to, new_name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(_) => Err(io::ErrorKind::AlreadyExists.into()),
            Err(Errno::NOENT) => rename_over(from, name, to, new_name),
            Err(error) => Err(error.into()),
        },
        other => Ok(other?),
    }
}

#[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
fn exclusive_rename(from: &Dir, name: &OsStr, to: &Dir, new_name: &OsStr) -> rustix::io::Result<()> {
    fs::renameat_with(from, name, to, new_name, fs::RenameFlags::NOREPLACE)
}

#[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
fn exclusive_rename(_: &Dir, _: &OsStr, _: &Dir, _: &OsStr) -> rustix::io::Result<()> {
    Err(Errno::NOSYS)
}

pub(super) fn rename_over(from: &Dir, name: &OsStr, to: &Dir, new_name: &OsStr) -> io::Result<()> {
    Ok(fs::renameat(from, name, to, new_name)?)
}

pub(super) fn remove(dir: &Dir, name: &OsStr) -> io::Result<()> {
    Ok(fs::unlinkat(dir, name, AtFlags::empty())?)
}

pub(super) fn volume(dir: &Dir) -> io::Result<Volume> {
    let about = fs::fstatvfs(dir)?;
    let is_refused = |done: rustix::io::Result<()>| matches!(done, Err(Errno::ACCESS | Errno::ROFS | Errno::PERM));
    let writing = fs::accessat(dir, ".", Access::WRITE_OK | Access::EXEC_OK, AtFlags::empty());
    let read_only = about.f_flag.contains(fs::StatVfsMountFlags::RDONLY) || is_refused(writing);
    // A file system of a program may know nothing of its size.
    let free = (about.f_blocks > 0).then(|| about.f_bavail.saturating_mul(about.f_frsize));
    Ok(Volume::new(free, read_only))
}

pub(super) fn check_writable(path: &Path) -> io::Result<()> {
    Ok(fs::access(path, Access::WRITE_OK)?)
}

/// The fields of `stat` have other types on other systems, hence the casts.
#[allow(clippy::cast_sign_loss, clippy::unnecessary_cast, clippy::cast_lossless, clippy::cast_possible_wrap)]
fn from_stat(stat: &fs::Stat) -> Stat {
    Stat {
        file_type: match fs::FileType::from_raw_mode(stat.st_mode as _) {
            fs::FileType::RegularFile => FileType::File,
            fs::FileType::Directory => FileType::Directory,
            fs::FileType::Symlink => FileType::Symlink,
            _ => FileType::Special,
        },
        len: stat.st_size as u64,
        identity: Identity { volume: stat.st_dev as u64, number: stat.st_ino as u64 },
        modified_ns: nanos(stat.st_mtime as i64, stat.st_mtime_nsec as i64),
        changed_ns: nanos(stat.st_ctime as i64, stat.st_ctime_nsec as i64),
        online_only: online::by_flags(flags(stat)),
    }
}

#[cfg(target_vendor = "apple")]
fn flags(stat: &fs::Stat) -> u32 {
    stat.st_flags
}

/// Only Apple's systems mark files whose content is elsewhere.
#[cfg(not(target_vendor = "apple"))]
fn flags(_: &fs::Stat) -> u32 {
    0
}

fn nanos(seconds: i64, nanos: i64) -> i128 {
    i128::from(seconds) * 1_000_000_000 + i128::from(nanos)
}
