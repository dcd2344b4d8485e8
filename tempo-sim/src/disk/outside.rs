//! Actions of the service, people and other programs on a disk.

use std::{ffi::OsStr, time::Duration};

use bytes::Bytes;

use super::{
    Disk, State,
    tree::{Kind, NodeId, ROOT},
};
use crate::Rng;

impl Disk {
    /// Locks a file for a time, as another program does that has it open exclusively.
    pub fn lock_file(&self, dir: &OsStr, name: &OsStr, span: Duration) {
        let mut state = self.lock();
        let until = state.now + span;
        let found = state.node(dir, name).map(|node| (node, until));
        state.locked.extend(found);
    }

    /// Returns the time until which a file is or was locked, or zero if it never was.
    pub fn locked_until(&self, dir: &OsStr, name: &OsStr) -> Duration {
        let state = self.lock();
        state.node(dir, name).and_then(|node| state.locked.get(&node)).copied().unwrap_or_default()
    }

    /// Returns that time for a file in the staging directory: a power loss can undo the renaming of a file that is in
    /// use.
    pub fn staged_locked_until(&self, name: &OsStr) -> Duration {
        let state = self.lock();
        let node = state.tree.child(state.staging, name);
        node.and_then(|node| state.locked.get(&node)).copied().unwrap_or_default()
    }

    /// Lets the service read a file to carry it. On Windows the service may have the file open exclusively meanwhile.
    pub fn carry(&self, dir: &OsStr, name: &OsStr) {
        let mut state = self.lock();
        if let Some(node) = state.node(dir, name).filter(|_| state.options.system.is_windows())
            && state.rng.chance(200)
        {
            state.hold(node);
        }
    }

    /// Unmounts the session folder. An empty directory or nothing is in its place until it is mounted again. On
    /// Windows the folder is moved, which open files in it would prevent.
    pub fn unmount(&self) {
        let mut state = self.lock();
        if state.mounted.is_none() {
            let folder = state.replace_folder(|rng| !rng.chance(500));
            state.mounted = Some(folder);
        }
    }

    /// Mounts the session folder again. Anything written in its place is a violation.
    pub fn mount(&self) {
        let mut state = self.lock();
        if let Some(folder) = state.mounted.take() {
            state.disturbed = state.now;
            let name = state.options.folder_name();
            state.tree.cover(ROOT, OsStr::new(name), Some(folder));
            let below = std::mem::replace(&mut state.folder, folder);
            if state.tree.children(below).next().is_some() {
                state.violations.push("a process wrote into the folder while it was unmounted".to_owned());
            }
        }
    }

    /// Makes the session folder again, empty, as a service does that is set up again.
    pub fn replace_folder(&self) {
        let mut state = self.lock();
        if state.mounted.is_none() {
            state.replace_folder(|_| true);
            state.disturbed = state.now;
        }
    }

    /// Returns whether the session folder is unmounted.
    pub fn is_unmounted(&self) -> bool {
        self.lock().mounted.is_some()
    }

    /// Returns whether nothing is in the place of the session folder.
    pub fn is_missing(&self) -> bool {
        let state = self.lock();
        state.tree.child(ROOT, OsStr::new(state.options.folder_name())).is_none()
    }

    /// Puts a file there as the service does, durable at once, replacing anything with that name.
    pub fn put(&self, dir: &OsStr, name: &OsStr, content: Bytes) {
        let mut state = self.lock();
        let now = state.stamp();
        let dir_node = state.ensure_dir(dir, now);
        let is_new = state.tree.child(dir_node, name).is_none();
        let converted = state.convert(&content);
        let unfilled = state.tree.child(dir_node, name).filter(|node| state.unfilled.remove(node));
        let node = match unfilled.filter(|&node| state.tree.fill(node, &converted, now)) {
            Some(node) => node,
            None => state.tree.put_durable(dir_node, name, converted, now),
        };
        state.note_original(node, content);
        state.arrived = Some((node, state.now));
        state.revive(dir_node, name);
        state.bring(node, is_new);
        if state.is_dataless(dir_node) {
            // Its other names are also visible from now on, and must be read within two scans.
            state.set_dataless(dir_node, false);
            state.disturbed = state.now;
        }
        state.hint(dir, Some(name));
    }

    /// Begins to put a file there as the service does, with its first `bytes` bytes.
    pub fn put_part(&self, dir: &OsStr, name: &OsStr, content: &Bytes, bytes: usize) {
        let mut part = content.slice(..bytes.min(content.len())).to_vec();
        let length_first = self.options().length_first;
        if length_first {
            part.resize(content.len(), 0);
        }
        self.put(dir, name, part.into());
        let mut state = self.lock();
        if let Some(node) = state.node(dir, name).filter(|_| length_first) {
            state.unfilled.insert(node);
            state.meet("length before content");
        }
    }

    /// Creates an empty directory as the service does.
    pub fn put_dir(&self, dir: &OsStr) {
        let mut state = self.lock();
        let now = state.stamp();
        state.ensure_dir(dir, now);
        state.hint(dir, None);
    }

    /// Puts something there that is not a regular file.
    pub fn put_special(&self, dir: &OsStr, name: &OsStr, kind: Kind) {
        let mut state = self.lock();
        let now = state.stamp();
        let dir_node = state.ensure_dir(dir, now);
        state.tree.put_special(dir_node, name, kind, now);
        state.revive(dir_node, name);
        state.hint(dir, Some(name));
    }

    /// Takes the content of a file away as the service does, or brings it back. The file's metadata stays unchanged.
    pub fn set_online_only(&self, dir: &OsStr, name: &OsStr, online_only: bool) {
        let mut state = self.lock();
        let found = state.node(dir, name);
        if let Some(file) = found.and_then(|node| state.tree.nodes.get_mut(node.0)) {
            file.online_only = online_only;
            state.disturbed = state.now;
            state.hint(dir, Some(name));
        }
    }

    /// Takes the names in a directory away as the service does, or brings them back. Only a macOS disk has dataless
    /// directories.
    pub fn set_dir_online_only(&self, dir: &OsStr, online_only: bool) {
        let mut state = self.lock();
        if let Some(node) = state.dir(dir).filter(|_| state.options.system.is_mac()) {
            state.set_dataless(node, online_only);
            state.disturbed = state.now;
            state.hint(dir, None);
        }
    }

    /// Returns whether only the service has the names in a directory.
    pub(crate) fn is_dir_online_only(&self, dir: &OsStr) -> bool {
        let state = self.lock();
        state.dir(dir).is_some_and(|node| state.is_dataless(node))
    }

    /// Removes a file, as the service or another program does. Returns false if there was none. On Windows another
    /// program may have it open; its name then stays until that program closes it.
    pub fn remove(&self, dir: &OsStr, name: &OsStr) -> bool {
        let mut state = self.lock();
        let now = state.stamp();
        let Some(dir_node) = state.dir(dir) else { return false };
        let removed = state.tree.remove_durable(dir_node, name, now);
        match state.linger(dir_node, name).filter(|_| removed) {
            Some(until) => state.hint_at(until, dir, Some(name)),
            None => state.hint(dir, Some(name)),
        }
        removed
    }

    /// Removes an author's directory and its contents, as the service or another program does.
    pub fn remove_dir(&self, dir: &OsStr) -> bool {
        let mut state = self.lock();
        let now = state.stamp();
        let Some((parent, name)) = state.locate(dir) else { return false };
        if let Some(node) = state.tree.child(parent, name) {
            state.bequeath(parent, name, node);
        }
        let removed = state.tree.remove_durable(parent, name, now);
        match state.linger(parent, name).filter(|_| removed) {
            Some(until) => state.hint_at(until, dir, None),
            None => state.hint(dir, None),
        }
        removed
    }

    /// Returns when the service can use a name that was removed a moment ago, if it cannot use the name yet.
    pub fn dying_until(&self, dir: &OsStr, name: &OsStr) -> Option<Duration> {
        let state = self.lock();
        let of_dir = state.locate(dir).and_then(|(parent, own)| state.dies_at(parent, own));
        of_dir.or_else(|| state.dies_at(state.dir(dir)?, name))
    }
}

impl State {
    /// Takes the session folder out of its place and returns it. An empty directory is there from now on, or nothing,
    /// as `stands` says.
    fn replace_folder(&mut self, stands: impl FnOnce(&mut Rng) -> bool) -> NodeId {
        if self.options.system.is_windows() {
            self.judge_moving();
        }
        let now = self.stamp();
        let (empty, name) = (self.tree.add(Kind::Directory, now), OsStr::new(self.options.folder_name()));
        let in_its_place = stands(&mut self.rng).then_some(empty);
        self.tree.cover(ROOT, name, in_its_place);
        let folder = std::mem::replace(&mut self.folder, empty);
        self.bequeath(ROOT, name, folder);
        self.inherit(ROOT, name, empty);
        folder
    }
}
