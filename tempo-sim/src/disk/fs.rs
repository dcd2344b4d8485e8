//! The disk as a process sees it: an implementation of the transport's file system port.

use std::{
    ffi::{OsStr, OsString},
    io,
    path::{Path, PathBuf},
    sync::{Arc, MutexGuard},
    time::Duration,
};

use tempo_fs_transport::{FileName, Fs, Heritage, Identity, Reach, Signal, Stat, Watch};
use tempo_message::{FileType, planted};

use super::{
    Act, Change, Disk, State,
    places::{FILES, PartAct, owner_of},
    process::{Handle, Process},
    tree::{Kind, NodeId, Pending},
};

/// A process's view of a disk.
#[derive(Debug, Clone)]
pub struct SimFs {
    disk: Disk,
    process: Arc<Process>,
}

/// An open directory.
#[derive(Debug)]
pub struct SimDir {
    node: NodeId,
    _handle: Handle,
}

/// An open file.
#[derive(Debug)]
pub struct SimFile {
    node: NodeId,
    read: usize,
    is_writable: bool,
    _handle: Handle,
}

impl SimFs {
    pub(super) fn new(disk: Disk, process: Arc<Process>) -> Self {
        Self { disk, process }
    }

    fn handle_of_dir(&self, state: &State, node: NodeId) -> SimDir {
        SimDir { node, _handle: Handle::new(&self.process, state.place_of(node)) }
    }

    fn handle_of_file(&self, state: &State, (dir, node): (NodeId, NodeId), is_writable: bool) -> SimFile {
        SimFile { node, read: 0, is_writable, _handle: Handle::new(&self.process, state.place_of(dir)) }
    }

    fn open_by(&self, dir: &SimDir, name: &OsStr, is_writable: bool) -> io::Result<SimFile> {
        let mut state = self.call()?;
        let node = state.find(dir.node, name)?;
        // A part that cannot be renamed from there is copied.
        let is_own_part = dir.node == state.staging && name.as_encoded_bytes().starts_with(b"~tempo-part-");
        if (dir.node == state.staging || FileName::parse(name) == FileName::Staged) && !is_own_part {
            state.violations.push(format!("a process read {}, which is staged", name.to_string_lossy()));
        }
        match state.tree.kind(node) {
            Some(Kind::Symlink) => Err(io::Error::other("too many levels of symbolic links")),
            _ if state.is_online_only(node) => Err(state.judge_opening(dir.node, name)),
            _ if state.is_locked(node) => {
                state.meet("file in use met");
                Err(state.options.system.in_use())
            }
            _ => Ok(self.handle_of_file(&state, (dir.node, node), is_writable)),
        }
    }

    /// Begins to list a dataless directory, which makes the service bring its names. Asking for more than the first
    /// name would block until they have arrived.
    fn list_dataless(&self, dir: &SimDir, mut state: MutexGuard<'_, State>, each: &mut dyn FnMut(&OsStr) -> bool) {
        let name = state.name_in_folder(dir.node).or_else(|| state.name_of_place(dir.node)).unwrap_or_default();
        if state.begin_filling(dir.node) {
            state.wanted.push(Change { dir: name.clone(), name: OsString::new() });
        }
        let first = state.tree.children(dir.node).next().map(|(first, _)| first.to_owned());
        drop(state);
        if first.is_some_and(|first| each(&first)) {
            if owner_of(&name).is_some() {
                // Whoever asks for a part waits for the names.
                let names = Change { dir: name, name: OsString::new() };
                return self.disk.lock().part_acts.push(PartAct::Fetched(names));
            }
            let what = format!("a process listed {}, which is not on this machine", name.to_string_lossy());
            self.disk.lock().violations.push(what);
        }
    }

    /// Begins a call that changes the disk's visible or durable contents.
    fn act(&self, act: Act) -> io::Result<MutexGuard<'_, State>> {
        self.disk.before(act);
        self.call()
    }

    /// Counts a call. The call may be the one that fails.
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

    fn resolve(&self, path: &Path) -> io::Result<PathBuf> {
        Ok(self.disk.lock().resolve(path))
    }

    fn open_root(&self, path: &Path) -> io::Result<SimDir> {
        let state = self.call()?;
        let node = state.node_at(path).ok_or(io::ErrorKind::NotFound)?;
        Ok(self.handle_of_dir(&state, node))
    }

    fn open_dir(&self, parent: &SimDir, name: &OsStr) -> io::Result<SimDir> {
        let mut state = self.call()?;
        let node = state.find(parent.node, name)?;
        match state.tree.kind(node) {
            Some(Kind::Directory) => Ok(self.handle_of_dir(&state, node)),
            _ => Err(io::ErrorKind::NotADirectory.into()),
        }
    }

    fn create_dir(&self, parent: &SimDir, name: &OsStr) -> io::Result<()> {
        let mut state = self.act(Act::Change)?;
        state.refuse_taken(parent.node, name)?;
        let now = state.stamp();
        let node = state.tree.add(Kind::Directory, now);
        state.inherit(parent.node, name, node);
        state.rename(&[(parent.node, name, Some(node))]);
        Ok(())
    }

    fn list(&self, dir: &SimDir, each: &mut dyn FnMut(&OsStr) -> bool) -> io::Result<()> {
        let state = self.call()?;
        if state.is_dataless(dir.node) {
            self.list_dataless(dir, state, each);
            return Ok(());
        }
        let mut names = state.tree.listed(dir.node);
        names.extend(state.dying_in(dir.node).map(Arc::from));
        // The callback looks at files, so the lock must not be held meanwhile.
        drop(state);
        let _ = names.iter().all(|name| each(name));
        Ok(())
    }

    fn made_ns(&self, dir: &SimDir) -> Option<i128> {
        self.disk.lock().made_ns(dir.node)
    }

    fn stat_dir(&self, dir: &SimDir) -> io::Result<Stat> {
        self.call()?.stat(dir.node)
    }

    fn stat(&self, dir: &SimDir, name: &OsStr) -> io::Result<Stat> {
        let mut state = self.call()?;
        let node = state.find(dir.node, name)?;
        if state.is_unseen(node) {
            return Err(io::ErrorKind::NotFound.into());
        }
        state.stat(node)
    }

    fn stat_file(&self, file: &SimFile) -> io::Result<Stat> {
        let state = self.call()?;
        let mut stat = state.stat(file.node)?;
        if planted!(NumberByHandle) && state.options.system.is_windows() {
            stat.identity.number = !stat.identity.number;
        }
        Ok(stat)
    }

    fn open(&self, dir: &SimDir, name: &OsStr) -> io::Result<SimFile> {
        self.open_by(dir, name, false)
    }

    fn read(&self, file: &mut SimFile, buffer: &mut [u8]) -> io::Result<usize> {
        let mut state = self.call()?;
        if state.is_online_only(file.node) {
            return Err(io::ErrorKind::TimedOut.into());
        }
        if state.options.reading_moves_times {
            state.move_times(file.node);
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
        state.refuse_taken(dir.node, name)?;
        if state.name_in_folder(dir.node).is_some() && matches!(FileName::parse(name), FileName::Message(_)) {
            state.violations.push(format!("a process writes {} in place", name.to_string_lossy()));
        }
        let now = state.stamp();
        let node = state.tree.add(Kind::File, now);
        if dir.node == state.staging {
            state.private.insert(node);
        }
        state.rename(&[(dir.node, name, Some(node))]);
        Ok(self.handle_of_file(&state, (dir.node, node), true))
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

    fn sync_file(&self, file: &SimFile, reach: Reach) -> io::Result<()> {
        let mut state = self.act(Act::Sync)?;
        state.refuse_sync(file.is_writable, reach)?;
        if let Some(node) = state.tree.nodes.get_mut(file.node.0) {
            node.durable = Some(node.content.clone());
        }
        if state.options.system.is_windows() {
            // Names that were in the journal before the sync become durable with it.
            state.tree.sync_names();
        }
        Ok(())
    }

    fn sync_named(&self, dir: &SimDir, name: &OsStr, reach: Reach) -> io::Result<()> {
        let file = self.open_by(dir, name, true)?;
        self.sync_file(&file, reach)
    }

    fn sync_dir(&self, dir: &SimDir, reach: Reach) -> io::Result<()> {
        let mut state = self.act(Act::Sync)?;
        state.refuse_dir_sync(reach)?;
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
        let mut state = self.call()?;
        state.refuse_dying(to.node, new_name)?;
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
        state.refuse_dying(to.node, new_name)?;
        let replaced = state.tree.child(to.node, new_name);
        state.refuse_in_use([Some(node), replaced])?;
        state.judge_replacement(to.node, new_name, node);
        state.judge_permissions(to.node, new_name, node);
        state.rename(&[(from.node, name, None), (to.node, new_name, Some(node))]);
        Ok(())
    }

    fn remove(&self, dir: &SimDir, name: &OsStr) -> io::Result<()> {
        let mut state = self.act(Act::Change)?;
        let node = state.find(dir.node, name)?;
        state.refuse_in_use([Some(node), None])?;
        state.judge_removal(dir.node, name);
        state.rename(&[(dir.node, name, None)]);
        Ok(())
    }

    fn remove_dir(&self, parent: &SimDir, name: &OsStr) -> io::Result<()> {
        let mut state = self.act(Act::Change)?;
        let node = state.find(parent.node, name)?;
        if state.tree.nodes.get(node.0).is_none_or(|node| !node.names.is_empty()) {
            return Err(io::ErrorKind::DirectoryNotEmpty.into());
        }
        state.refuse_in_use([Some(node), None])?;
        state.rename(&[(parent.node, name, None)]);
        Ok(())
    }

    fn heritage(&self, dir: &SimDir) -> io::Result<Option<Heritage>> {
        let mut state = self.call()?;
        Ok(state.heritage(dir.node).map(|heritage| Heritage::new(vec![heritage])))
    }

    fn watch(&self, folder: &Path, signal: Arc<Signal>) -> io::Result<Box<dyn Watch>> {
        let name = folder.file_name().unwrap_or_default();
        let mut state = self.call()?;
        let about = if state.is_folder(name) { OsString::new() } else { state.tree.naming.key(name).into_owned() };
        Ok(Box::new(state.begin_watch(self.disk.clone(), &self.process, about, signal)))
    }

    fn now(&self) -> Duration {
        self.disk.lock().now
    }

    fn random(&self) -> u64 {
        self.disk.lock().rng.next()
    }
}

impl State {
    fn find(&mut self, dir: NodeId, name: &OsStr) -> io::Result<NodeId> {
        self.refuse_dying(dir, name)?;
        self.tree.child(dir, name).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn refuse_taken(&mut self, dir: NodeId, name: &OsStr) -> io::Result<()> {
        self.refuse_dying(dir, name)?;
        if self.tree.child(dir, name).is_some() { Err(io::ErrorKind::AlreadyExists.into()) } else { Ok(()) }
    }

    /// Refuses to rename, replace or remove a file that another program has open, as Windows does.
    fn refuse_in_use(&mut self, nodes: [Option<NodeId>; 2]) -> io::Result<()> {
        let is_held = nodes.into_iter().flatten().any(|node| self.is_locked(node));
        if !is_held || !self.options.system.is_windows() {
            return Ok(());
        }
        self.meet("file in use met");
        Err(io::ErrorKind::ResourceBusy.into())
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
            identity: Identity { volume: 1, number: self.options.system.number(node) },
            modified_ns: there.modified,
            changed_ns: there.modified,
            online_only: there.online_only && (there.kind == Kind::Directory || !self.options.hides_online_only),
        })
    }

    /// Gives a file new times, although nothing about it has changed.
    fn move_times(&mut self, node: NodeId) {
        let now = self.stamp();
        if let Some(node) = self.tree.nodes.get_mut(node.0) {
            node.modified = now.max(node.modified + 1);
        }
        self.meet("times moved by reading");
    }

    /// Changes names in one step that becomes durable entirely or not at all.
    fn rename(&mut self, changes: &[(NodeId, &OsStr, Option<NodeId>)]) {
        let now = self.stamp();
        let step = self.calls;
        for &(dir, name, to) in changes {
            let is_at =
                |(_, child): (&OsStr, NodeId)| child == dir || self.tree.child(child, OsStr::new(FILES)) == Some(dir);
            if self.parts().any(|(_, part)| part == dir || self.tree.children(part).any(is_at)) {
                self.violations
                    .push(format!("a process writes {} into another part of the folder", name.to_string_lossy()));
            }
            self.tree.set(dir, name, to, now);
            self.tree.pending.push(Pending { step, dir, name: name.to_owned(), to });
            if let Some(dir_name) = self.name_in_folder(dir) {
                self.hint(&dir_name.clone(), Some(name));
                self.changes.push(Change { dir: dir_name, name: name.to_owned() });
            } else if dir == self.folder {
                self.hint(name, None);
                self.changes.push(Change { dir: OsString::new(), name: name.to_owned() });
            } else if let Some(place) = self.name_of_place(dir) {
                self.note_part(&place, name, to.is_some());
                self.hint(&place, Some(name));
                self.changes.push(Change { dir: place, name: name.to_owned() });
            }
        }
    }

    /// Returns the name of an author's directory, or `None` for other directories.
    pub(super) fn name_in_folder(&self, dir: NodeId) -> Option<OsString> {
        self.dirs().find(|&(_, node)| node == dir).map(|(name, _)| name.into_owned())
    }

    /// Returns whether the service has put a file there very recently.
    pub(super) fn has_just_arrived(&self, node: NodeId) -> bool {
        const MOMENT: Duration = Duration::from_millis(50);
        self.arrived.is_some_and(|(arrived, at)| arrived == node && self.now < at + MOMENT)
    }

    fn is_locked(&self, node: NodeId) -> bool {
        self.locked.get(&node).is_some_and(|&until| self.now < until)
    }

    pub(super) fn is_online_only(&self, node: NodeId) -> bool {
        self.tree.nodes.get(node.0).is_some_and(|node| node.online_only)
    }
}
