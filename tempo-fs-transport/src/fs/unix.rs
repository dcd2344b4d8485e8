//! Unix: directory handles and the `*at` calls. What only Apple's systems do is marked.

use std::{
    ffi::OsStr,
    fs::File,
    io,
    os::{fd::OwnedFd, unix::ffi::OsStrExt},
    path::{Path, PathBuf},
};

use rustix::{
    fs::{self, Access, AtFlags, Mode, OFlags},
    io::Errno,
};
use tempo_message::FileType;

use crate::fs::{
    error::in_use,
    online,
    port::{Heritage, Identity, Reach, Stat, Volume},
};

pub(super) type Dir = OwnedFd;

const DIRECTORY: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

pub(super) fn open_root(path: &Path) -> io::Result<Dir> {
    fs::open(path, DIRECTORY, Mode::empty()).map_err(|error| match error {
        // A program that served the files, or the machine that did, is gone.
        Errno::NOTCONN | Errno::HOSTDOWN | Errno::HOSTUNREACH | Errno::NETUNREACH | Errno::NETDOWN => {
            io::Error::new(io::ErrorKind::NotFound, io::Error::from(error))
        }
        error => error.into(),
    })
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
    let opened = fs::openat(dir, name, flags, Mode::empty()).map_err(io::Error::from);
    opened.map(File::from).map_err(|error| if is_held(&error) { in_use(error) } else { error })
}

pub(super) fn create(dir: &Dir, name: &OsStr) -> io::Result<File> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(File::from(fs::openat(dir, name, flags, Mode::from_bits_truncate(0o666))?))
}

pub(super) fn sync_file(file: &File, reach: Reach) -> io::Result<()> {
    let synced = match reach {
        // The standard library reaches the medium on Apple's systems as well (`F_FULLFSYNC`). Network volumes refuse that.
        Reach::Medium => file.sync_all(),
        Reach::Volume => fs::fsync(file).map_err(io::Error::from),
    };
    synced.map_err(|error| if is_refused(&error) { io::Error::new(io::ErrorKind::Unsupported, error) } else { error })
}

fn is_refused(error: &io::Error) -> bool {
    const REFUSED: [Errno; 5] = [Errno::INVAL, Errno::NOTSUP, Errno::OPNOTSUPP, Errno::NOTTY, Errno::NOSYS];
    error.raw_os_error().is_some_and(|code| REFUSED.contains(&Errno::from_raw_os_error(code)))
}

pub(super) fn sync_named(dir: &Dir, name: &OsStr, reach: Reach) -> io::Result<()> {
    sync_file(&open(dir, name)?, reach)
}

pub(super) fn sync_dir(dir: &Dir, reach: Reach) -> io::Result<()> {
    sync_file(&File::from(dir.try_clone()?), reach)
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

pub(super) fn remove_dir(parent: &Dir, name: &OsStr) -> io::Result<()> {
    Ok(fs::unlinkat(parent, name, AtFlags::REMOVEDIR)?)
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

#[cfg(not(any(target_os = "linux", target_os = "android")))]
#[allow(clippy::unnecessary_wraps, reason = "on Linux it may fail")]
pub(super) fn heritage(_: &Dir) -> io::Result<Option<Heritage>> {
    Ok(None)
}

#[cfg(any(target_os = "linux", target_os = "android"))]
pub(super) fn heritage(dir: &Dir) -> io::Result<Option<Heritage>> {
    if inherits_unseen(dir)? {
        return Ok(None);
    }
    let stat = fs::fstat(dir)?;
    // A volume may be mounted so that every directory hands its group down (`grpid`).
    let mut description = stat.st_gid.to_le_bytes().to_vec();
    description.push(u8::from(Mode::from_raw_mode(stat.st_mode).contains(Mode::SGID)));
    let names = extended(|buffer| fs::flistxattr(dir, buffer))?;
    let mut names: Vec<&[u8]> = names.split(|&byte| byte == 0).filter(|name| is_inherited(name)).collect();
    names.sort_unstable();
    for name in names {
        let value = extended(|buffer| fs::fgetxattr(dir, name, buffer))?;
        for part in [name, value.as_slice()] {
            description.extend(part.len().to_le_bytes());
            description.extend(part);
        }
    }
    Ok(Some(Heritage::new(description)))
}

/// Returns whether what files inherit is decided by a program or another machine that need not show it: FUSE, SMB, 9P.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn inherits_unseen(dir: &Dir) -> io::Result<bool> {
    const UNSEEN: [u32; 5] = [0x6573_5546, 0x517b, 0xff53_4d42, 0xfe53_4d42, 0x0102_1997];
    let kind = fs::fstatfs(dir)?.f_type;
    // The type of the field is another one on other machines.
    Ok(UNSEEN.iter().any(|&unseen| i128::from(kind) & 0xffff_ffff == i128::from(unseen)))
}

/// Returns whether an extended attribute of a directory is an access control list that is handed down, or a label.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn is_inherited(name: &[u8]) -> bool {
    const OWN: [&[u8]; 4] = [b"system.posix_acl_access", b"security.capability", b"security.ima", b"security.evm"];
    (name.starts_with(b"system.") || name.starts_with(b"security.")) && !OWN.contains(&name)
}

/// Returns extended attributes of any length; none on a file system without them.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn extended(get: impl Fn(&mut [u8]) -> rustix::io::Result<usize>) -> io::Result<Vec<u8>> {
    // The system has no longer ones.
    const LONGEST: usize = 65_536;
    let mut buffer = vec![0; 256];
    loop {
        match get(&mut buffer) {
            Ok(len) => {
                buffer.truncate(len);
                return Ok(buffer);
            }
            Err(Errno::RANGE) if buffer.len() < LONGEST => buffer.resize(LONGEST, 0),
            Err(Errno::NOTSUP | Errno::NODATA) => return Ok(Vec::new()),
            Err(error) => return Err(error.into()),
        }
    }
}

pub(super) fn check_writable(path: &Path) -> io::Result<()> {
    Ok(fs::access(path, Access::WRITE_OK)?)
}

pub(super) fn number(file: &Path) -> io::Result<u64> {
    Ok(from_stat(&fs::stat(file)?).identity.number)
}

/// Returns the path in the spelling of events: Apple's name the real one.
pub(super) fn watched(folder: &Path) -> io::Result<PathBuf> {
    std::fs::canonicalize(folder)
}

pub(super) fn is_in_use(_: &Path, error: &io::Error) -> bool {
    is_held(error)
}

/// Returns what an error of the standard library about a path means by the clauses of the port.
pub(super) fn judged(path: &Path, error: io::Error) -> io::Error {
    if is_in_use(path, &error) { in_use(error) } else { error }
}

/// Returns whether another program holds a file: a server has lent it to another machine (a lease), a program has locked it, or a
/// network drive reports a sharing violation.
pub(super) fn is_held(error: &io::Error) -> bool {
    use io::ErrorKind::{ExecutableFileBusy, ResourceBusy, WouldBlock};
    matches!(error.kind(), ResourceBusy | ExecutableFileBusy | WouldBlock)
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

#[cfg(test)]
mod tests {
    use super::*;

    /// What SMB and macFUSE volumes answer to `F_FULLFSYNC`, and old file systems to syncing a directory.
    #[test]
    fn a_sync_that_is_refused_is_told_from_one_that_fails() {
        for code in [Errno::INVAL, Errno::NOTSUP, Errno::OPNOTSUPP, Errno::NOTTY, Errno::NOSYS] {
            assert!(is_refused(&code.into()), "{code}");
        }
        for code in [Errno::IO, Errno::NOSPC, Errno::DQUOT, Errno::ROFS, Errno::STALE] {
            assert!(!is_refused(&code.into()), "{code}");
        }
    }

    #[test]
    fn both_ways_to_sync_work_on_a_file_and_a_directory() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("file"), "content").unwrap();
        let root = open_root(dir.path()).unwrap();
        for reach in [Reach::Medium, Reach::Volume] {
            sync_named(&root, OsStr::new("file"), reach).unwrap();
            sync_dir(&root, reach).unwrap();
        }
    }
}
