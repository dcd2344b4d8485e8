//! Windows: literal paths, and numbers of files from their handles.

use std::{
    ffi::{OsStr, OsString},
    fs::{self, File, OpenOptions},
    io,
    os::windows::fs::{MetadataExt, OpenOptionsExt},
    path::{self, Component, Path, PathBuf, Prefix},
    time::{Duration, SystemTime},
};

use tempo_message::FileType;

use crate::fs::{
    error::in_use,
    online,
    port::{Heritage, Identity, Reach, Stat, Volume},
    retry::within,
};

pub(super) type Dir = PathBuf;

// What a handle is opened for, and how; the values are those of `winnt.h` and `fileapi.h`.
const FILE_READ_ATTRIBUTES: u32 = 0x80;
const FILE_ADD_FILE: u32 = 0x2;
const FILE_ADD_SUBDIRECTORY: u32 = 0x4;
const DELETE: u32 = 0x1_0000;
const GENERIC_WRITE: u32 = 0x4000_0000;
/// Without it no directory is opened.
const BACKUP_SEMANTICS: u32 = 0x0200_0000;
/// Opens a link itself, not what it leads to.
const OPEN_REPARSE_POINT: u32 = 0x0020_0000;

pub(super) fn open_root(path: &Path) -> io::Result<Dir> {
    let path = literal(path)?;
    let about = fs::metadata(&path).map_err(|error| if is_away(&error) { not_found(error) } else { error })?;
    if about.is_dir() { Ok(path) } else { Err(io::ErrorKind::NotADirectory.into()) }
}

/// Returns the path in the spelling of events.
pub(super) fn watched(folder: &Path) -> io::Result<PathBuf> {
    literal(folder)
}

/// Returns the literal form of a path. Names in it are taken as they are: no devices, no trailing dots, no limit of length.
fn literal(path: &Path) -> io::Result<PathBuf> {
    let path = path::absolute(path)?;
    let mut parts = path.components();
    let Some(Component::Prefix(prefix)) = parts.next() else { return Ok(path) };
    let mut root = match prefix.kind() {
        Prefix::Disk(drive) => OsString::from(format!(r"\\?\{}:", char::from(drive))),
        Prefix::UNC(server, share) => {
            let mut root = OsString::from(r"\\?\UNC\");
            root.push(server);
            root.push(r"\");
            root.push(share);
            root
        }
        _ => return Ok(path),
    };
    root.push(r"\");
    Ok(PathBuf::from(root).join(parts.as_path().strip_prefix(r"\").unwrap_or(parts.as_path())))
}

/// Returns whether the drive, the server or the network is not there, or the volume is locked: not ready (21), network path or
/// name (51, 53, 55, 64, 67), unit and volume (20, 433, 1005, 1006, 1110, 1112, 1167), connection (1201, 1203, 1222, 1231, 1232,
/// 2250), or a volume that `BitLocker` keeps locked.
fn is_away(error: &io::Error) -> bool {
    const LOCKED_VOLUME: i32 = 0x8031_0000_u32.cast_signed();
    const AWAY: [i32; 19] =
        [20, 21, 51, 53, 55, 64, 67, 433, 1005, 1006, 1110, 1112, 1167, 1201, 1203, 1222, 1231, 1232, 2250];
    error.raw_os_error().is_some_and(|code| code == LOCKED_VOLUME || AWAY.contains(&code))
}

fn not_found(error: io::Error) -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, error)
}

/// Returns whether another program does not share a file (32), has locked a part of it (33) or maps it (1224), or the device
/// is not ready yet (21).
pub(super) fn is_held(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(21 | 32 | 33 | 1224))
}

/// Returns whether a file vanishes as soon as its last handle is closed: its name cannot even be examined.
fn is_leaving(path: &Path) -> bool {
    const DELETE_PENDING: i32 = 303;
    look(path).is_err_and(|error| {
        error.kind() == io::ErrorKind::PermissionDenied || error.raw_os_error() == Some(DELETE_PENDING)
    })
}

/// Returns whether an error about a path means *not yet*. Windows also answers "access denied" for a file that is vanishing, and for
/// one that is replaced while another program has it open.
pub(super) fn is_in_use(path: &Path, error: &io::Error) -> bool {
    let is_denied = error.kind() == io::ErrorKind::PermissionDenied;
    let is_in_the_way = || {
        let asked =
            OpenOptions::new().access_mode(DELETE).custom_flags(BACKUP_SEMANTICS | OPEN_REPARSE_POINT).open(path);
        asked.is_err_and(|error| is_held(&error))
    };
    error.kind() == io::ErrorKind::ResourceBusy
        || is_held(error)
        || (is_denied && (is_leaving(path) || is_in_the_way()))
}

/// Returns what an error of the standard library about a path means by the clauses of the port.
pub(super) fn judged(path: &Path, error: io::Error) -> io::Error {
    if is_in_use(path, &error) { in_use(error) } else { error }
}

pub(super) fn open_dir(parent: &Dir, name: &OsStr) -> io::Result<Dir> {
    match stat(parent, name)?.file_type {
        FileType::Directory => Ok(parent.join(name)),
        _ => Err(io::ErrorKind::NotADirectory.into()),
    }
}

pub(super) fn create_dir(parent: &Dir, name: &OsStr) -> io::Result<()> {
    let path = parent.join(name);
    fs::create_dir(&path).map_err(|error| judged(&path, error))
}

pub(super) fn list(dir: &Dir, each: &mut dyn FnMut(&OsStr) -> bool) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        if !each(&entry?.file_name()) {
            break;
        }
    }
    Ok(())
}

/// The root of a volume was made by a program that need not have noted when.
pub(super) fn made_ns(dir: &Dir) -> Option<i128> {
    let about = look(dir).ok()?;
    let volume = |file: &File| winapi_util::file::information(file).map(|about| about.volume_serial_number()).ok();
    let above = volume(&look(dir.parent()?).ok()?)?;
    let made = nanos(about.metadata().ok()?.created());
    (volume(&about)? == above && made > 0).then_some(made)
}

pub(super) fn stat_dir(dir: &Dir) -> io::Result<Stat> {
    // The directory itself, for a session's folder may be named by a link to it.
    let opened = OpenOptions::new().access_mode(FILE_READ_ATTRIBUTES).custom_flags(BACKUP_SEMANTICS).open(dir);
    stat_file(&opened.map_err(|error| judged(dir, error))?)
}

pub(super) fn stat(dir: &Dir, name: &OsStr) -> io::Result<Stat> {
    let path = dir.join(name);
    let file = look(&path).map_err(|error| match error.kind() {
        io::ErrorKind::PermissionDenied => in_use(error),
        _ => judged(&path, error),
    })?;
    stat_file(&file)
}

/// Opens the entry with this name to examine it, without following it. That does not depend on how
/// others share it.
fn look(path: &Path) -> io::Result<File> {
    OpenOptions::new().access_mode(FILE_READ_ATTRIBUTES).custom_flags(BACKUP_SEMANTICS | OPEN_REPARSE_POINT).open(path)
}

pub(super) fn stat_file(file: &File) -> io::Result<Stat> {
    let metadata = file.metadata()?;
    let about = winapi_util::file::information(file)?;
    let modified_ns = nanos(metadata.modified());
    let kind = metadata.file_type();
    let file_type = if kind.is_symlink() {
        FileType::Symlink
    } else if kind.is_dir() {
        FileType::Directory
    } else if kind.is_file() {
        FileType::File
    } else {
        FileType::Special
    };
    Ok(Stat {
        file_type,
        len: metadata.len(),
        identity: Identity { volume: about.volume_serial_number(), number: about.file_index() },
        modified_ns,
        changed_ns: modified_ns,
        // A directory that a service fills when it is listed has such marks even when all of it is here.
        online_only: file_type == FileType::File && online::by_attributes(metadata.file_attributes()),
    })
}

pub(super) fn open(dir: &Dir, name: &OsStr) -> io::Result<File> {
    match stat(dir, name)?.file_type {
        FileType::File => {
            let path = dir.join(name);
            File::open(&path).map_err(|error| judged(&path, error))
        }
        _ => Err(io::ErrorKind::InvalidInput.into()),
    }
}

pub(super) fn create(dir: &Dir, name: &OsStr) -> io::Result<File> {
    let path = dir.join(name);
    OpenOptions::new().write(true).create_new(true).open(&path).map_err(|error| judged(&path, error))
}

pub(super) fn sync_file(file: &File, _: Reach) -> io::Result<()> {
    file.sync_all()
}

/// A handle for reading cannot be flushed.
pub(super) fn sync_named(dir: &Dir, name: &OsStr, reach: Reach) -> io::Result<()> {
    let path = dir.join(name);
    match OpenOptions::new().write(true).open(&path) {
        Ok(file) => sync_file(&file, reach),
        Err(error) => {
            let is_read_only = fs::symlink_metadata(&path).is_ok_and(|about| about.permissions().readonly());
            Err(if is_read_only { io::Error::new(io::ErrorKind::Unsupported, error) } else { judged(&path, error) })
        }
    }
}

/// NTFS flushes a directory as it does a file. Others know no such call: function (1), handle (6), request (50), parameter (87).
pub(super) fn sync_dir(dir: &Dir, _: Reach) -> io::Result<()> {
    let opened = OpenOptions::new().access_mode(GENERIC_WRITE).custom_flags(BACKUP_SEMANTICS).open(dir);
    opened.and_then(|dir| dir.sync_all()).map_err(|error| {
        let is_refused = matches!(error.raw_os_error(), Some(1 | 6 | 50 | 87));
        if is_refused || error.kind() == io::ErrorKind::PermissionDenied {
            io::Error::new(io::ErrorKind::Unsupported, error)
        } else {
            judged(dir, error)
        }
    })
}

#[allow(clippy::unnecessary_wraps, reason = "other systems can fail")]
pub(super) fn volume(dir: &Dir) -> io::Result<Volume> {
    let free = fs4::available_space(dir).ok();
    Ok(Volume::new(free, check_writable(dir).is_err_and(|error| is_refusal(&error))))
}

/// A file that is renamed keeps the access control list of where it was made, and lists cannot be read without unsafe code.
#[allow(clippy::unnecessary_wraps, reason = "other systems can fail")]
pub(super) fn heritage(_: &Dir) -> io::Result<Option<Heritage>> {
    Ok(None)
}

fn is_refusal(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem)
}

/// The system checks that when a handle is asked for. The attributes of a directory say nothing about writing in it.
pub(super) fn check_writable(path: &Path) -> io::Result<()> {
    let wanted = if fs::metadata(path)?.is_dir() { FILE_ADD_FILE | FILE_ADD_SUBDIRECTORY } else { GENERIC_WRITE };
    let opened = OpenOptions::new().access_mode(wanted).custom_flags(BACKUP_SEMANTICS).open(path);
    opened.map(drop).map_err(|error| judged(path, error))
}

/// The time that a scanner holds a file that was just written.
const SCANNED: Duration = Duration::from_millis(100);

/// `MoveFileExW` without flags neither replaces nor copies.
pub(super) fn rename_new(from: &Dir, name: &OsStr, to: &Dir, new_name: &OsStr) -> io::Result<()> {
    let (old, new) = (from.join(name), to.join(new_name));
    let rename = || {
        let staged = tempfile::TempPath::try_from_path(&old)?;
        staged.persist_noclobber(&new).map_err(|failed| {
            // The caller decides whether it is removed.
            let kept = failed.path.keep();
            kept.err().map_or_else(|| judged(&new, failed.error), |lost| lost.error)
        })
    };
    within(SCANNED, || rename().map_err(|error| judged(&old, error)))
}

pub(super) fn rename_over(from: &Dir, name: &OsStr, to: &Dir, new_name: &OsStr) -> io::Result<()> {
    let (old, new) = (from.join(name), to.join(new_name));
    within(SCANNED, || fs::rename(&old, &new).map_err(|error| judged(&new, error)))
}

pub(super) fn remove(dir: &Dir, name: &OsStr) -> io::Result<()> {
    let path = dir.join(name);
    within(SCANNED, || fs::remove_file(&path).map_err(|error| judged(&path, error)))
}

pub(super) fn remove_dir(parent: &Dir, name: &OsStr) -> io::Result<()> {
    let path = parent.join(name);
    within(SCANNED, || fs::remove_dir(&path).map_err(|error| judged(&path, error)))
}

pub(super) fn number(file: &Path) -> io::Result<u64> {
    let opened = OpenOptions::new().access_mode(FILE_READ_ATTRIBUTES).custom_flags(BACKUP_SEMANTICS).open(file)?;
    Ok(winapi_util::file::information(opened)?.file_index())
}

fn nanos(time: io::Result<SystemTime>) -> i128 {
    let since = time.ok().and_then(|time| time.duration_since(SystemTime::UNIX_EPOCH).ok());
    since.and_then(|since| i128::try_from(since.as_nanos()).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_become_literal() {
        for (path, expected) in [
            (r"C:\jam.session", r"\\?\C:\jam.session"),
            (r"c:/music/./jam.session", r"\\?\C:\music\jam.session"),
            (r"\\nas\music\jam.session", r"\\?\UNC\nas\music\jam.session"),
            (r"\\?\C:\jam.session", r"\\?\C:\jam.session"),
            (r"C:\", r"\\?\C:\"),
        ] {
            assert_eq!(literal(Path::new(path)).unwrap().to_str(), Some(expected), "{path}");
        }
    }

    #[test]
    fn what_another_program_holds_is_in_use() {
        let dir = tempfile::tempdir().unwrap();
        let root = open_root(dir.path()).unwrap();
        let name = OsStr::new("file");
        fs::write(dir.path().join(name), "content").unwrap();
        let held = OpenOptions::new().read(true).share_mode(0).open(dir.path().join(name)).unwrap();
        let is_in_use = |done: io::Result<()>| {
            let error = done.unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::ResourceBusy, "{error}");
            assert!(error.to_string().contains("in use by another program"), "{error}");
        };
        is_in_use(open(&root, name).map(drop));
        is_in_use(remove(&root, name));
        is_in_use(sync_named(&root, name, Reach::Medium));
        fs::write(dir.path().join("new"), "other").unwrap();
        is_in_use(rename_over(&root, OsStr::new("new"), &root, name));
        assert_eq!(stat(&root, name).unwrap().len, 7, "it can be looked at");
        drop(held);
        sync_named(&root, name, Reach::Medium).unwrap();
        remove(&root, name).unwrap();
    }

    #[test]
    fn a_rename_takes_no_name_that_is_taken() {
        let dir = tempfile::tempdir().unwrap();
        let root = open_root(dir.path()).unwrap();
        let [staged, taken] = ["staged", "taken"].map(OsStr::new);
        fs::write(dir.path().join(staged), "mine").unwrap();
        fs::write(dir.path().join(taken), "theirs").unwrap();
        let refused = rename_new(&root, staged, &root, taken).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::AlreadyExists, "{refused}");
        assert_eq!(fs::read_to_string(dir.path().join(taken)).unwrap(), "theirs");
        assert_eq!(fs::read_to_string(dir.path().join(staged)).unwrap(), "mine");
        rename_new(&root, staged, &root, OsStr::new("free")).unwrap();
        assert!(!dir.path().join(staged).exists());
    }

    #[test]
    fn a_file_has_one_number_by_name_and_by_handle() {
        let dir = tempfile::tempdir().unwrap();
        let root = open_root(dir.path()).unwrap();
        fs::write(dir.path().join("file"), "content").unwrap();
        let by_name = stat(&root, OsStr::new("file")).unwrap();
        let by_handle = stat_file(&open(&root, OsStr::new("file")).unwrap()).unwrap();
        assert_eq!(by_name.version(), by_handle.version());
        assert_eq!(number(&dir.path().join("file")).unwrap(), by_name.identity.number);
    }

    #[test]
    fn a_file_that_may_not_be_written_has_no_sync() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        fs::write(&path, "content").unwrap();
        let mut permissions = fs::metadata(&path).unwrap().permissions();
        permissions.set_readonly(true);
        fs::set_permissions(&path, permissions.clone()).unwrap();
        let synced = sync_named(&open_root(dir.path()).unwrap(), OsStr::new("file"), Reach::Medium);
        // The attribute binds all users but Wine's superuser.
        let expected = OpenOptions::new().write(true).open(&path).err().map(|_| io::ErrorKind::Unsupported);
        assert_eq!(synced.err().map(|error| error.kind()), expected);
        #[allow(clippy::permissions_set_readonly_false, reason = "harmless on this system")]
        permissions.set_readonly(false);
        fs::set_permissions(&path, permissions).unwrap();
    }
}
