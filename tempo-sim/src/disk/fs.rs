//! The disk as a process sees it: the transport's port to a file system.

use std::{
    ffi::{OsStr, OsString},
    io,
    path::Path,
    sync::{Arc, MutexGuard},
    time::Duration,
};

use bytes::Bytes;
use tempo_fs_transport::{DirName, FileName, Fs, Identity, Reach, Signal, Stat, Watch};
use tempo_message::FileType;

use super::{
    Act, Change, Disk, State,
    tree::{Kind, NodeId, Pending},
};

/// A process's view of a disk.
#[derive(Debug, Clone)]
pub struct SimFs {
    disk: Disk,
}

/// An opened directory.
#[derive(Debug, Clone, Copy)]
pub struct SimDir {
    node: NodeId,
}

/// An opened file.
#[derive(Debug)]
pub struct SimFile {
    node: NodeId,
    read: usize,
}

#[derive(Debug)]
struct SimWatch;

impl SimFs {
    pub(super) fn new(disk: Disk) -> Self {
        Self { disk }
    }

    /// A call that changes what is on the disk or what is durable.
    fn act(&self, act: Act) -> io::Result<MutexGuard<'_, State>> {
        self.disk.before(act);
        self.call()
    }

    /// Counts a call; it may be the one that fails.
    fn call(&self) -> io::Result<MutexGuard<'_, State>> {
        let mut state = self.disk.lock();
        let this = state.calls;
        state.calls += 1;
        if state.power_until.is_some_and(|last| this >= last) {
            return Err(io::Error::other("the power is off"));
        }
        match state.failing {
            Some((at, kind)) if at == this => {
                state.failing = None;
                state.disturbed = state.now;
                Err(kind.into())
            }
            _ => Ok(state),
        }
    }
}

impl Fs for SimFs {
    type Dir = SimDir;
    type File = SimFile;
    const MAY_BLOCK: bool = false;

    fn open_root(&self, path: &Path) -> io::Result<SimDir> {
        let node = self.call()?.node_at(path).ok_or(io::ErrorKind::NotFound)?;
        Ok(SimDir { node })
    }

    fn open_dir(&self, parent: &SimDir, name: &OsStr) -> io::Result<SimDir> {
        let state = self.call()?;
        let node = state.find(parent.node, name)?;
        match state.tree.kind(node) {
            Some(Kind::Directory) => Ok(SimDir { node }),
            _ => Err(io::ErrorKind::NotADirectory.into()),
        }
    }

    fn create_dir(&self, parent: &SimDir, name: &OsStr) -> io::Result<()> {
        let mut state = self.act(Act::Change)?;
        if state.tree.child(parent.node, name).is_some() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let now = state.stamp();
        let node = state.tree.add(Kind::Directory, now);
        state.rename(&[(parent.node, name, Some(node))]);
        Ok(())
    }

    fn list(&self, dir: &SimDir, each: &mut dyn FnMut(&OsStr) -> bool) -> io::Result<()> {
        // The callback looks at files, so the lock must not be held meanwhile.
        let names = self.call()?.tree.children(dir.node);
        for (name, _) in names {
            if !each(&name) {
                break;
            }
        }
        Ok(())
    }

    fn made_ns(&self, dir: &SimDir) -> Option<i128> {
        i128::try_from(dir.node.0).ok()
    }

    fn stat_dir(&self, dir: &SimDir) -> io::Result<Stat> {
        self.call()?.stat(dir.node)
    }

    fn stat(&self, dir: &SimDir, name: &OsStr) -> io::Result<Stat> {
        let state = self.call()?;
        let node = state.find(dir.node, name)?;
        state.stat(node)
    }

    fn stat_file(&self, file: &SimFile) -> io::Result<Stat> {
        self.call()?.stat(file.node)
    }

    fn open(&self, dir: &SimDir, name: &OsStr) -> io::Result<SimFile> {
        let mut state = self.call()?;
        let node = state.find(dir.node, name)?;
        if dir.node == state.staging || FileName::parse(name) == FileName::Staged {
            state.violations.push(format!("a process read {}, which is staged", name.to_string_lossy()));
        }
        match state.tree.kind(node) {
            Some(Kind::Symlink) => Err(io::Error::other("too many levels of symbolic links")),
            _ if state.is_online_only(node) => Err(state.judge_opening(dir.node, name)),
            _ if state.is_locked(node) => Err(io::ErrorKind::PermissionDenied.into()),
            _ => Ok(SimFile { node, read: 0 }),
        }
    }

    fn read(&self, file: &mut SimFile, buffer: &mut [u8]) -> io::Result<usize> {
        let state = self.call()?;
        if state.is_online_only(file.node) {
            return Err(io::ErrorKind::TimedOut.into());
        }
        let content = state.tree.content(file.node).ok_or(io::ErrorKind::InvalidInput)?;
        let left = content.get(file.read..).unwrap_or_default();
        let taken = left.len().min(buffer.len());
        buffer.iter_mut().zip(left).for_each(|(to, from)| *to = *from);
        file.read += taken;
        Ok(taken)
    }

    fn create(&self, dir: &SimDir, name: &OsStr) -> io::Result<SimFile> {
        let mut state = self.act(Act::Change)?;
        if state.tree.child(dir.node, name).is_some() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        if state.name_in_folder(dir.node).is_some() && matches!(FileName::parse(name), FileName::Message(_)) {
            state.violations.push(format!("a process writes {} in place", name.to_string_lossy()));
        }
        let now = state.stamp();
        let node = state.tree.add(Kind::File, now);
        state.rename(&[(dir.node, name, Some(node))]);
        Ok(SimFile { node, read: 0 })
    }

    fn write(&self, file: &mut SimFile, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.act(Act::Change)?;
        let is_bounded = state.options.capacity != u64::MAX;
        if is_bounded && state.tree.used() + u64::try_from(bytes.len()).unwrap_or(u64::MAX) > state.options.capacity {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let now = state.stamp();
        if let Some(node) = state.tree.nodes.get_mut(file.node.0) {
            node.content = [&node.content, bytes].concat().into();
            node.modified = now;
            node.version += 1;
        }
        Ok(())
    }

    fn sync_file(&self, file: &SimFile, _: Reach) -> io::Result<()> {
        let mut state = self.act(Act::Settle)?;
        if let Some(node) = state.tree.nodes.get_mut(file.node.0) {
            node.durable = Some(node.content.clone());
        }
        Ok(())
    }

    fn sync_named(&self, dir: &SimDir, name: &OsStr, reach: Reach) -> io::Result<()> {
        let file = self.open(dir, name)?;
        self.sync_file(&file, reach)
    }

    fn sync_dir(&self, dir: &SimDir, _: Reach) -> io::Result<()> {
        let mut state = self.act(Act::Settle)?;
        let pending = std::mem::take(&mut state.tree.pending);
        for change in pending {
            if change.dir == dir.node {
                state.tree.set_durable(change.dir, &change.name, change.to);
            } else {
                state.tree.pending.push(change);
            }
        }
        Ok(())
    }

    fn rename_new(&self, from: &SimDir, name: &OsStr, to: &SimDir, new_name: &OsStr) -> io::Result<()> {
        let state = self.call()?;
        if let Some(there) = state.tree.child(to.node, new_name) {
            let is_missed = state.options.looks_before_renaming && state.has_just_arrived(there);
            if !is_missed {
                return Err(io::ErrorKind::AlreadyExists.into());
            }
        }
        drop(state);
        self.rename_over(from, name, to, new_name)
    }

    fn rename_over(&self, from: &SimDir, name: &OsStr, to: &SimDir, new_name: &OsStr) -> io::Result<()> {
        let mut state = self.act(Act::Change)?;
        let is_outside = |node| node == state.staging;
        if state.options.staging_elsewhere && is_outside(from.node) != is_outside(to.node) {
            return Err(io::ErrorKind::CrossesDevices.into());
        }
        let node = state.find(from.node, name)?;
        state.judge_replacement(to.node, new_name, node);
        state.rename(&[(from.node, name, None), (to.node, new_name, Some(node))]);
        Ok(())
    }

    fn remove(&self, dir: &SimDir, name: &OsStr) -> io::Result<()> {
        let mut state = self.act(Act::Change)?;
        state.find(dir.node, name)?;
        state.judge_removal(dir.node, name);
        state.rename(&[(dir.node, name, None)]);
        Ok(())
    }

    fn watch(&self, folder: &Path, signal: Arc<Signal>) -> io::Result<Box<dyn Watch>> {
        let about = folder.file_name().unwrap_or_default().to_owned();
        self.call()?.signals.push((about, signal));
        Ok(Box::new(SimWatch))
    }

    fn now(&self) -> Duration {
        self.disk.lock().now
    }

    fn random(&self) -> u64 {
        self.disk.lock().rng.next()
    }
}

impl Watch for SimWatch {
    fn covers_directories(&self) -> bool {
        false
    }

    fn add(&mut self, _: &OsStr) -> io::Result<()> {
        Ok(())
    }
}

impl State {
    fn find(&self, dir: NodeId, name: &OsStr) -> io::Result<NodeId> {
        self.tree.child(dir, name).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn stat(&self, node: NodeId) -> io::Result<Stat> {
        let there = self.tree.nodes.get(node.0).ok_or(io::ErrorKind::NotFound)?;
        Ok(Stat {
            file_type: match there.kind {
                Kind::File => FileType::File,
                Kind::Directory => FileType::Directory,
                Kind::Symlink => FileType::Symlink,
                Kind::Pipe => FileType::Special,
            },
            len: u64::try_from(there.content.len()).unwrap_or(u64::MAX),
            identity: Identity { volume: 1, number: u64::try_from(node.0).unwrap_or(u64::MAX) },
            modified_ns: there.modified,
            changed_ns: there.modified,
            online_only: there.online_only && !self.options.hides_online_only,
        })
    }

    /// Changes names in one step, as one that becomes durable whole or not at all.
    fn rename(&mut self, changes: &[(NodeId, &OsStr, Option<NodeId>)]) {
        let now = self.stamp();
        let step = self.calls;
        for &(dir, name, to) in changes {
            if self.pieces().any(|(_, piece)| piece == dir || self.tree.children(piece).iter().any(|it| it.1 == dir)) {
                self.violations.push(format!("a process writes {} into another piece", name.to_string_lossy()));
            }
            self.tree.set(dir, name, to, now);
            self.tree.pending.push(Pending { step, dir, name: name.to_owned(), to });
            if let Some(dir_name) = self.name_in_folder(dir) {
                self.hint(&dir_name.clone(), Some(name));
                self.changes.push(Change { dir: dir_name, name: name.to_owned() });
            } else if dir == self.folder {
                self.hint(name, None);
                self.changes.push(Change { dir: OsString::new(), name: name.to_owned() });
            }
        }
    }

    /// The name of an author's directory; `None` for other directories.
    fn name_in_folder(&self, dir: NodeId) -> Option<OsString> {
        self.dirs().into_iter().find(|&(_, node)| node == dir).map(|(name, _)| name)
    }

    /// Whether the service has put a file there within the last moment.
    fn has_just_arrived(&self, node: NodeId) -> bool {
        const MOMENT: Duration = Duration::from_millis(50);
        self.arrived.is_some_and(|(arrived, at)| arrived == node && self.now < at + MOMENT)
    }

    fn is_locked(&self, node: NodeId) -> bool {
        self.locked.get(&node).is_some_and(|&until| self.now < until)
    }

    pub(super) fn is_online_only(&self, node: NodeId) -> bool {
        self.tree.nodes.get(node.0).is_some_and(|node| node.online_only)
    }

    /// A process does not open what it can see to be online only, unless it wants it fetched: that may block for ever.
    fn judge_opening(&mut self, dir: NodeId, name: &OsStr) -> io::Error {
        if self.options.fetches {
            self.wanted.extend(self.name_in_folder(dir).map(|dir| Change { dir, name: name.to_owned() }));
        } else if !self.options.hides_online_only {
            self.violations.push(format!("a process opened {}, which is online only", name.to_string_lossy()));
        }
        io::ErrorKind::TimedOut.into()
    }

    /// A published name never gets other bytes from a process, except in the place of what a crash left.
    fn judge_replacement(&mut self, dir: NodeId, name: &OsStr, by: NodeId) {
        let Some(there) = self.tree.child(dir, name).and_then(|node| self.tree.content(node)) else { return };
        let new = self.tree.content(by).unwrap_or_default();
        let is_missed = self.options.looks_before_renaming
            && self.tree.child(dir, name).is_some_and(|there| self.has_just_arrived(there));
        let is_complete = match FileName::parse(name) {
            FileName::Head => false,
            // A loss of power leaves some of its messages whole.
            FileName::Pack(first, last) => count_whole(&there) == Some(last - first + 1),
            FileName::Copy(_) => match pack_beside(name) {
                Some((first, last)) => count_whole(&there) == Some(last - first + 1),
                None => is_whole(&there),
            },
            _ => is_whole(&there),
        };
        if is_complete && there != new && !is_missed {
            self.violations.push(format!("a process replaced the whole message {}", name.to_string_lossy()));
        }
    }

    /// Whether a larger pack that is durable, with its name, has this content as well.
    fn is_packed(&self, dir: NodeId, name: &OsStr, content: &Bytes) -> bool {
        let (first, last) = match FileName::parse(name) {
            FileName::Message(counter) => (counter, counter),
            FileName::Pack(first, last) => (first, last),
            _ => return false,
        };
        let Some(there) = self.tree.nodes.get(dir.0) else { return false };
        let packs = there.durable_names.values().filter(|(pack, _)| match FileName::parse(pack) {
            FileName::Pack(start, end) => (start, end) != (first, last) && start <= first && last <= end,
            _ => false,
        });
        let mut contents = packs.filter_map(|(_, node)| self.tree.nodes.get(node.0)?.durable.as_ref());
        contents.any(|pack| pack.windows(content.len().max(1)).any(|part| part == content))
    }

    /// A process removes nothing but staged files, copies of what lies whole beside them, and what lies in a durable pack.
    fn judge_removal(&mut self, dir: NodeId, name: &OsStr) {
        let original = name.to_str().and_then(|name| name.get(..16)).map(OsStr::new);
        let original = original.and_then(|name| self.tree.content(self.tree.child(dir, name)?));
        let copy = self.tree.child(dir, name).and_then(|node| self.tree.content(node));
        let is_redundant = name.len() > 16 && original.as_ref().is_some_and(is_whole) && original == copy;
        if is_redundant || copy.is_some_and(|content| self.is_packed(dir, name, &content)) {
            return;
        }
        let is_authors = self.name_in_folder(dir).is_some_and(|dir| DirName::parse(&dir) != DirName::Foreign);
        if is_authors && FileName::parse(name) != FileName::Staged {
            self.violations.push(format!("a process removed {}", name.to_string_lossy()));
        }
    }
}

/// The messages of a pack that lies beside something else of its name.
fn pack_beside(name: &OsStr) -> Option<(u64, u64)> {
    let stem = name.to_str()?.get(..33)?;
    match FileName::parse(OsStr::new(stem)) {
        FileName::Pack(first, last) => Some((first, last)),
        _ => None,
    }
}

/// How many whole frames there are, if there is nothing else.
fn count_whole(bytes: &Bytes) -> Option<u64> {
    let (mut rest, mut count) = (bytes.clone(), 0);
    while !rest.is_empty() {
        let tempo_message::Decoded::Whole(frame) = tempo_message::Frame::decode(&rest) else { return None };
        rest = rest.slice(frame.bytes().len()..);
        count += 1;
    }
    Some(count)
}

fn is_whole(bytes: &Bytes) -> bool {
    matches!(tempo_message::Frame::decode(bytes), tempo_message::Decoded::Whole(_))
}
