//! A real file system in place of a session folder that passes calls through to a directory and
//! misbehaves on demand.

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::OsStr,
    fs::{self, DirEntry, File, Metadata, OpenOptions},
    io, mem,
    os::unix::{
        fs::{FileExt, MetadataExt, PermissionsExt},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::{self, Child, Command, Stdio},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use fuser::{
    BackgroundSession, Config, Errno, FileAttr, FileHandle, FileType, Filesystem, FopenFlags, Generation, INodeNo,
    InitFlags, KernelConfig, LockOwner, MountOption, OpenFlags, RenameFlags, ReplyAttr, ReplyCreate, ReplyData,
    ReplyDirectory, ReplyEmpty, ReplyEntry, ReplyOpen, ReplyWrite, Request, TimeOrNow, WriteFlags,
};

use crate::support::Place;

/// A mounted file system. However the test ends, nothing stays blocked or mounted.
pub(crate) struct Fuse {
    tree: Arc<Tree>,
    at: PathBuf,
    session: Option<BackgroundSession>,
    guard: Child,
}

/// A call to the file system.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Call {
    /// Looking a path up.
    Look,
    /// Listing a directory.
    List,
    /// Opening a file.
    Open,
    /// Reading a file.
    Read,
    /// Creating, renaming and removing names in a directory.
    Write,
}

/// A kind of misbehavior.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fault {
    /// No answer until it is mended.
    Block,
    /// An error.
    Fail(Errno),
    /// A read returns the first half of the content.
    Short,
    /// A file is reported as half as long as it is.
    Grow,
}

impl Fuse {
    /// Mounts the content of `real` over the place's session folder. Prints a notice and returns
    /// `None` where the system does not allow this.
    pub(crate) fn over(place: &Place, real: &Path) -> Option<Self> {
        let tree = Arc::new(Tree { real: real.to_owned(), state: Mutex::default() });
        let at = place.folder.clone();
        let mut config = Config::default();
        config.mount_options = vec![MountOption::FSName("tempo-test".to_owned()), MountOption::NoDev];
        let mounted = fuser::spawn_mount(Balky(Arc::clone(&tree)), &at, &config);
        match mounted {
            Ok(session) => Some(Self { tree, guard: guard(&at), at, session: Some(session) }),
            Err(reason) => {
                println!("skipped: no file system can be mounted here: {reason}");
                None
            }
        }
    }

    /// Makes this call on this path, relative to the folder, misbehave from now on.
    pub(crate) fn spoil(&self, path: &Path, call: Call, fault: Fault) {
        self.tree.lock().rules.insert((path.to_owned(), call), fault);
    }

    /// Ends all misbehavior and answers blocked calls.
    pub(crate) fn mend_all(&self) {
        let mut state = self.tree.lock();
        state.rules.clear();
        let stuck = mem::take(&mut state.stuck);
        drop(state);
        stuck.into_iter().for_each(|stuck| (stuck.answer)());
    }

    /// Returns how many times this call was made.
    pub(crate) fn count(&self, path: &Path, call: Call) -> usize {
        self.tree.lock().counts.get(&(path.to_owned(), call)).copied().unwrap_or(0)
    }

    /// Returns every thread that has made a call up to now.
    pub(crate) fn threads(&self) -> BTreeSet<u32> {
        self.tree.lock().threads.clone()
    }

    /// Returns the blocked threads, by their ids, and the paths.
    pub(crate) fn stuck(&self) -> Vec<(PathBuf, u32)> {
        self.tree.lock().stuck.iter().map(|stuck| (stuck.path.clone(), stuck.thread)).collect()
    }
}

impl Drop for Fuse {
    fn drop(&mut self) {
        self.mend_all();
        drop(self.session.take());
        // Unmount lazily, so that open files do not prevent it, until nothing is mounted there.
        while quiet("umount").args(["-q", "-l"]).arg(&self.at).status().is_ok_and(|status| status.success()) {}
        let _ = self.guard.kill();
        let _ = self.guard.wait();
    }
}

/// Starts a process that ends the file system when this process is gone. A killed process leaves
/// threads behind that wait for its own file system, and they keep the file system in turn.
pub(crate) fn guard(at: &Path) -> Child {
    const SCRIPT: &str = r#"while [ -d "/proc/$1" ] && ! grep -q '^State:.*Z' "/proc/$1/status"; do sleep 1; done
        umount -f "$2"; umount -l "$2""#;
    let mut guard = quiet("sh");
    guard.args(["-c", SCRIPT, "guard"]).arg(process::id().to_string()).arg(at).process_group(0).spawn().unwrap()
}

fn quiet(program: &str) -> Command {
    let mut command = Command::new(program);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

struct Tree {
    real: PathBuf,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    rules: BTreeMap<(PathBuf, Call), Fault>,
    counts: BTreeMap<(PathBuf, Call), usize>,
    stuck: Vec<Stuck>,
    threads: BTreeSet<u32>,
    paths: BTreeMap<u64, PathBuf>,
    files: BTreeMap<u64, Arc<File>>,
    lists: BTreeMap<u64, Arc<Vec<DirEntry>>>,
    handles: u64,
}

struct Stuck {
    path: PathBuf,
    thread: u32,
    answer: Box<dyn FnOnce() + Send>,
}

struct Balky(Arc<Tree>);

trait Refuse: Send + 'static {
    fn refuse(self, error: Errno);
}

macro_rules! refuse {
    ($($reply:ty),*) => {
        $(impl Refuse for $reply {
            fn refuse(self, error: Errno) {
                self.error(error);
            }
        })*
    };
}

refuse!(ReplyEntry, ReplyAttr, ReplyOpen, ReplyData, ReplyDirectory, ReplyEmpty, ReplyCreate, ReplyWrite);

/// The kernel must not remember anything: every question reaches this file system.
const TTL: Duration = Duration::ZERO;

impl Balky {
    /// Answers a call on a path, now or when it is mended.
    fn serve<R: Refuse, T>(
        &self,
        (request, call, path): (&Request, Call, PathBuf),
        reply: R,
        compute: impl FnOnce(&Tree, &Path, Option<Fault>) -> io::Result<T> + Send + 'static,
        give: impl FnOnce(R, T) + Send + 'static,
    ) {
        let mut state = self.0.lock();
        *state.counts.entry((path.clone(), call)).or_default() += 1;
        state.threads.insert(request.pid());
        let fault = state.rules.get(&(path.clone(), call)).copied();
        let (tree, at) = (Arc::clone(&self.0), path.clone());
        let answer = move |reply: R, fault| match compute(&tree, &at, fault) {
            Ok(answer) => give(reply, answer),
            Err(error) => reply.refuse(error.into()),
        };
        match fault {
            Some(Fault::Block) => {
                let answer = Box::new(move || answer(reply, None));
                state.stuck.push(Stuck { path, thread: request.pid(), answer });
            }
            Some(Fault::Fail(error)) => {
                drop(state);
                reply.refuse(error);
            }
            fault => {
                drop(state);
                answer(reply, fault);
            }
        }
    }

    fn path(&self, ino: INodeNo) -> PathBuf {
        self.0.lock().paths.get(&ino.0).cloned().unwrap_or_default()
    }
}

impl Tree {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn attr(&self, path: &Path) -> io::Result<FileAttr> {
        let there = fs::symlink_metadata(self.real.join(path))?;
        let mut attr = attr(&there);
        if path.as_os_str().is_empty() {
            attr.ino = INodeNo::ROOT;
        }
        let mut state = self.lock();
        if let Some(Fault::Grow) = state.rules.get(&(path.to_owned(), Call::Read)) {
            attr.size /= 2;
        }
        state.paths.insert(attr.ino.0, path.to_owned());
        Ok(attr)
    }

    fn keep(&self, file: File) -> FileHandle {
        let mut state = self.lock();
        state.handles += 1;
        let handle = state.handles;
        state.files.insert(handle, Arc::new(file));
        FileHandle(handle)
    }

    fn file(&self, handle: FileHandle) -> io::Result<Arc<File>> {
        self.lock().files.get(&handle.0).cloned().ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

impl Filesystem for Balky {
    fn init(&mut self, _: &Request, config: &mut KernelConfig) -> io::Result<()> {
        // Without this, a directory is locked while something in it is looked up.
        let _ = config.add_capabilities(InitFlags::FUSE_PARALLEL_DIROPS);
        Ok(())
    }

    fn lookup(&self, request: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        let path = self.path(parent).join(name);
        let look = |tree: &Tree, path: &Path, _| tree.attr(path);
        self.serve((request, Call::Look, path), reply, look, |reply, attr| reply.entry(&TTL, &attr, Generation(0)));
    }

    fn getattr(&self, request: &Request, ino: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        let look = |tree: &Tree, path: &Path, _| tree.attr(path);
        self.serve((request, Call::Look, self.path(ino)), reply, look, |reply, attr| reply.attr(&TTL, &attr));
    }

    fn setattr(
        &self,
        request: &Request,
        ino: INodeNo,
        _: Option<u32>,
        _: Option<u32>,
        _: Option<u32>,
        size: Option<u64>,
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
        let set = move |tree: &Tree, path: &Path, _| {
            if let Some(size) = size {
                OpenOptions::new().write(true).open(tree.real.join(path))?.set_len(size)?;
            }
            tree.attr(path)
        };
        self.serve((request, Call::Write, self.path(ino)), reply, set, |reply, attr| reply.attr(&TTL, &attr));
    }

    fn mkdir(&self, request: &Request, parent: INodeNo, name: &OsStr, _: u32, _: u32, reply: ReplyEntry) {
        let name = name.to_owned();
        let make = move |tree: &Tree, dir: &Path, _| {
            fs::create_dir(tree.real.join(dir).join(&name))?;
            tree.attr(&dir.join(name))
        };
        let give = |reply: ReplyEntry, attr| reply.entry(&TTL, &attr, Generation(0));
        self.serve((request, Call::Write, self.path(parent)), reply, make, give);
    }

    fn unlink(&self, request: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        let name = name.to_owned();
        let remove = move |tree: &Tree, dir: &Path, _| fs::remove_file(tree.real.join(dir).join(name));
        self.serve((request, Call::Write, self.path(parent)), reply, remove, |reply, ()| reply.ok());
    }

    fn rename(
        &self,
        request: &Request,
        parent: INodeNo,
        name: &OsStr,
        new_parent: INodeNo,
        new_name: &OsStr,
        flags: RenameFlags,
        reply: ReplyEmpty,
    ) {
        let (from, to) = (self.path(parent).join(name), self.path(new_parent).join(new_name));
        let rename = move |tree: &Tree, _: &Path, _| {
            if flags.contains(RenameFlags::RENAME_NOREPLACE) && tree.real.join(&to).exists() {
                return Err(io::ErrorKind::AlreadyExists.into());
            }
            fs::rename(tree.real.join(from), tree.real.join(&to))?;
            tree.attr(&to).map(drop)
        };
        self.serve((request, Call::Write, self.path(new_parent)), reply, rename, |reply, ()| reply.ok());
    }

    fn open(&self, request: &Request, ino: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        let open = |tree: &Tree, path: &Path, _| Ok(tree.keep(File::open(tree.real.join(path))?));
        // Every read is passed on, and the length does not limit it.
        let give = |reply: ReplyOpen, handle| reply.opened(handle, FopenFlags::FOPEN_DIRECT_IO);
        self.serve((request, Call::Open, self.path(ino)), reply, open, give);
    }

    fn create(&self, request: &Request, parent: INodeNo, name: &OsStr, _: u32, _: u32, _: i32, reply: ReplyCreate) {
        let name = name.to_owned();
        let create = move |tree: &Tree, dir: &Path, _| {
            let path = dir.join(name);
            let file = OpenOptions::new().read(true).write(true).create_new(true).open(tree.real.join(&path))?;
            Ok((tree.attr(&path)?, tree.keep(file)))
        };
        let give = |reply: ReplyCreate, (attr, handle): (FileAttr, FileHandle)| {
            reply.created(&TTL, &attr, Generation(0), handle, FopenFlags::FOPEN_DIRECT_IO);
        };
        self.serve((request, Call::Write, self.path(parent)), reply, create, give);
    }

    fn read(
        &self,
        request: &Request,
        ino: INodeNo,
        handle: FileHandle,
        offset: u64,
        size: u32,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyData,
    ) {
        let read = move |tree: &Tree, _: &Path, fault| {
            let file = tree.file(handle)?;
            let mut bytes = vec![0; size as usize];
            let mut read = file.read_at(&mut bytes, offset)?;
            if let Some(Fault::Short) = fault {
                let half = (file.metadata()?.len() / 2).saturating_sub(offset);
                read = read.min(usize::try_from(half).unwrap());
            }
            bytes.truncate(read);
            Ok(bytes)
        };
        self.serve((request, Call::Read, self.path(ino)), reply, read, |reply, bytes| reply.data(&bytes));
    }

    fn write(
        &self,
        _: &Request,
        _: INodeNo,
        handle: FileHandle,
        offset: u64,
        data: &[u8],
        _: WriteFlags,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        match self.0.file(handle).and_then(|file| file.write_at(data, offset)) {
            Ok(written) => reply.written(u32::try_from(written).unwrap()),
            Err(error) => reply.error(error.into()),
        }
    }

    fn flush(&self, _: &Request, _: INodeNo, _: FileHandle, _: LockOwner, reply: ReplyEmpty) {
        reply.ok();
    }

    fn release(
        &self,
        _: &Request,
        _: INodeNo,
        handle: FileHandle,
        _: OpenFlags,
        _: Option<LockOwner>,
        _: bool,
        reply: ReplyEmpty,
    ) {
        self.0.lock().files.remove(&handle.0);
        reply.ok();
    }

    fn fsync(&self, _: &Request, _: INodeNo, handle: FileHandle, _: bool, reply: ReplyEmpty) {
        match self.0.file(handle).and_then(|file| file.sync_all()) {
            Ok(()) => reply.ok(),
            Err(error) => reply.error(error.into()),
        }
    }

    fn fsyncdir(&self, _: &Request, _: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        reply.ok();
    }

    fn opendir(&self, _: &Request, _: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        let mut state = self.0.lock();
        state.handles += 1;
        reply.opened(FileHandle(state.handles), FopenFlags::empty());
    }

    fn readdir(&self, request: &Request, ino: INodeNo, handle: FileHandle, offset: u64, reply: ReplyDirectory) {
        let list = move |tree: &Tree, dir: &Path, _| {
            if offset == 0 {
                let entries = fs::read_dir(tree.real.join(dir))?.collect::<io::Result<_>>()?;
                tree.lock().lists.insert(handle.0, Arc::new(entries));
            }
            Ok(tree.lock().lists.get(&handle.0).cloned().unwrap_or_default())
        };
        let give = move |mut reply: ReplyDirectory, entries: Arc<Vec<DirEntry>>| {
            for (next, entry) in (1..).zip(&*entries).skip(usize::try_from(offset).unwrap()) {
                let kind = entry.file_type().map_or(FileType::RegularFile, kind);
                if reply.add(INodeNo(1 << 40), next, kind, entry.file_name()) {
                    break;
                }
            }
            reply.ok();
        };
        self.serve((request, Call::List, self.path(ino)), reply, list, give);
    }

    fn releasedir(&self, _: &Request, _: INodeNo, handle: FileHandle, _: OpenFlags, reply: ReplyEmpty) {
        self.0.lock().lists.remove(&handle.0);
        reply.ok();
    }
}

fn attr(there: &Metadata) -> FileAttr {
    let time = |seconds: i64, nanos: i64| {
        UNIX_EPOCH + Duration::new(u64::try_from(seconds).unwrap(), u32::try_from(nanos).unwrap())
    };
    FileAttr {
        ino: INodeNo(there.ino()),
        size: there.len(),
        blocks: there.blocks(),
        atime: time(there.atime(), there.atime_nsec()),
        mtime: time(there.mtime(), there.mtime_nsec()),
        ctime: time(there.ctime(), there.ctime_nsec()),
        crtime: UNIX_EPOCH,
        kind: kind(there.file_type()),
        perm: u16::try_from(there.permissions().mode() & 0o7777).unwrap(),
        nlink: 1,
        uid: there.uid(),
        gid: there.gid(),
        rdev: 0,
        blksize: 4096,
        flags: 0,
    }
}

fn kind(of: fs::FileType) -> FileType {
    FileType::from_std(of).unwrap_or(FileType::RegularFile)
}
