//! A disk that remembers every write, in the order of their arrival, and every flush.

use std::{
    ffi::OsStr,
    fs::{self, File, OpenOptions},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    process::{Child, Command},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use fuser::{
    BackgroundSession, Config, Errno, FileAttr, FileHandle, FileType, Filesystem, FopenFlags, Generation, INodeNo,
    LockOwner, MountOption, OpenFlags, ReplyAttr, ReplyData, ReplyEmpty, ReplyEntry, ReplyOpen, ReplyWrite, Request,
    TimeOrNow, WriteFlags,
};

use crate::{fuse::guard, volume::command};

/// A file that can be mounted as a disk. Every write and every flush is recorded.
pub(crate) struct Disk {
    /// The initial content.
    base: PathBuf,
    at: PathBuf,
    recorded: Arc<Recorded>,
    session: Option<BackgroundSession>,
    guard: Child,
}

struct Recorded {
    now: File,
    steps: Mutex<Vec<Step>>,
}

enum Step {
    Write { offset: u64, bytes: Vec<u8> },
    Flush,
}

/// The unflushed writes that a disk keeps when it loses power.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keeps {
    /// Every write that has reached it.
    All,
    /// None.
    Nothing,
    /// Some of them, in no order.
    Some,
}

impl Disk {
    /// Creates a disk with the content of the file `base`, which stays as it is. Prints a notice
    /// and returns `None` where the system does not allow this.
    pub(crate) fn new(base: &Path) -> Option<Self> {
        let (now, at) = (base.with_extension("now"), base.with_extension("disk"));
        copy(base, &now);
        fs::create_dir(&at).unwrap();
        let now = OpenOptions::new().read(true).write(true).open(now).unwrap();
        let recorded = Arc::new(Recorded { now, steps: Mutex::default() });
        let mut config = Config::default();
        config.mount_options = vec![MountOption::FSName("tempo-disk".to_owned()), MountOption::NoDev];
        match fuser::spawn_mount(Server(Arc::clone(&recorded)), &at, &config) {
            Ok(session) => {
                Some(Self { base: base.to_owned(), guard: guard(&at), at, recorded, session: Some(session) })
            }
            Err(reason) => {
                println!("skipped: no file system can be mounted here: {reason}");
                None
            }
        }
    }

    /// Returns the file to mount.
    pub(crate) fn image(&self) -> PathBuf {
        self.at.join(IMAGE)
    }

    /// Returns the number of steps recorded up to now.
    pub(crate) fn steps(&self) -> usize {
        self.recorded.lock().len()
    }

    /// Writes the disk's content after a power failure at the given step into a file. All writes
    /// before the last flush are there; of the later ones, in units that a disk writes at once,
    /// those that the disk keeps.
    pub(crate) fn cut(&self, steps: usize, keeps: Keeps, mut chance: impl FnMut() -> bool, into: &Path) {
        copy(&self.base, into);
        let disk = OpenOptions::new().write(true).open(into).unwrap();
        let recorded = self.recorded.lock();
        let recorded = &recorded[..steps];
        let flushed = recorded.iter().rposition(|step| matches!(step, Step::Flush)).unwrap_or(0);
        for (number, step) in recorded.iter().enumerate() {
            let Step::Write { offset, bytes } = step else { continue };
            for (part, at) in bytes.chunks(PART).zip((*offset..).step_by(PART)) {
                let is_kept = match keeps {
                    _ if number < flushed => true,
                    Keeps::All => true,
                    Keeps::Nothing => false,
                    Keeps::Some => chance(),
                };
                if is_kept {
                    disk.write_all_at(part, at).unwrap();
                }
            }
        }
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        drop(self.session.take());
        while command(Command::new("umount").args(["-q", "-l"]).arg(&self.at)).is_ok() {}
        let _ = self.guard.kill();
        let _ = self.guard.wait();
    }
}

/// Copies a file with its holes.
fn copy(from: &Path, to: &Path) {
    command(Command::new("cp").arg("--sparse=always").args([from, to])).unwrap();
}

const IMAGE: &str = "image";
const PART: usize = 4096;
const FILE: INodeNo = INodeNo(2);
const TTL: Duration = Duration::from_secs(3600);

impl Recorded {
    fn lock(&self) -> MutexGuard<'_, Vec<Step>> {
        self.steps.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn attr(&self, ino: INodeNo) -> FileAttr {
        let size = self.now.metadata().unwrap().len();
        let kind = if ino == FILE { FileType::RegularFile } else { FileType::Directory };
        let [atime, mtime, ctime, crtime] = [UNIX_EPOCH; 4];
        let (blocks, perm, blksize) = (size.div_ceil(512), 0o700, 4096);
        FileAttr {
            ino,
            size,
            blocks,
            atime,
            mtime,
            ctime,
            crtime,
            kind,
            perm,
            nlink: 1,
            uid: 0,
            gid: 0,
            rdev: 0,
            blksize,
            flags: 0,
        }
    }
}

/// One file in a directory. It answers one request at a time, so its records have the order of the
/// events.
struct Server(Arc<Recorded>);

impl Filesystem for Server {
    fn lookup(&self, _: &Request, _: INodeNo, name: &OsStr, reply: ReplyEntry) {
        if name == IMAGE {
            reply.entry(&TTL, &self.0.attr(FILE), Generation(0));
        } else {
            reply.error(Errno::ENOENT);
        }
    }

    fn getattr(&self, _: &Request, ino: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        reply.attr(&TTL, &self.0.attr(ino));
    }

    fn setattr(
        &self,
        _: &Request,
        ino: INodeNo,
        _: Option<u32>,
        _: Option<u32>,
        _: Option<u32>,
        _: Option<u64>,
        _: Option<TimeOrNow>,
        _: Option<TimeOrNow>,
        _: Option<SystemTime>,
        _: Option<FileHandle>,
        _: Option<SystemTime>,
        _: Option<SystemTime>,
        _: Option<SystemTime>,
        _: Option<fuser::BsdFileFlags>,
        reply: ReplyAttr,
    ) {
        // A write sets times that are never read.
        reply.attr(&TTL, &self.0.attr(ino));
    }

    fn open(&self, _: &Request, _: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        reply.opened(FileHandle(0), FopenFlags::empty());
    }

    fn read(
        &self,
        _: &Request,
        _: INodeNo,
        _: FileHandle,
        offset: u64,
        size: u32,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyData,
    ) {
        let mut bytes = vec![0; size as usize];
        match self.0.now.read_at(&mut bytes, offset) {
            Ok(read) => reply.data(&bytes[..read]),
            Err(error) => reply.error(error.into()),
        }
    }

    fn write(
        &self,
        _: &Request,
        _: INodeNo,
        _: FileHandle,
        offset: u64,
        data: &[u8],
        _: WriteFlags,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        self.0.lock().push(Step::Write { offset, bytes: data.to_vec() });
        match self.0.now.write_all_at(data, offset) {
            Ok(()) => reply.written(u32::try_from(data.len()).unwrap()),
            Err(error) => reply.error(error.into()),
        }
    }

    fn fsync(&self, _: &Request, _: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        self.0.lock().push(Step::Flush);
        reply.ok();
    }

    fn flush(&self, _: &Request, _: INodeNo, _: FileHandle, _: LockOwner, reply: ReplyEmpty) {
        reply.ok();
    }

    fn release(
        &self,
        _: &Request,
        _: INodeNo,
        _: FileHandle,
        _: OpenFlags,
        _: Option<LockOwner>,
        _: bool,
        reply: ReplyEmpty,
    ) {
        reply.ok();
    }
}
