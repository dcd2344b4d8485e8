//! What the service, people and other programs do to a disk.

use std::{ffi::OsStr, time::Duration};

use bytes::Bytes;

use super::{
    Disk,
    tree::{Kind, ROOT},
};

impl Disk {
    /// Something else has a file open for itself, for so long.
    pub fn lock_file(&self, dir: &OsStr, name: &OsStr, span: Duration) {
        let mut state = self.lock();
        let until = state.now + span;
        let found = state.node(dir, name).map(|node| (node, until));
        state.locked.extend(found);
    }

    /// Until when a file cannot be opened, or could not; zero if that was never so.
    pub fn locked_until(&self, dir: &OsStr, name: &OsStr) -> Duration {
        let state = self.lock();
        state.node(dir, name).and_then(|node| state.locked.get(&node)).copied().unwrap_or_default()
    }

    /// Returns the same for a file of the staging directory: a loss of power can undo the renaming of a file that is in use.
    pub fn staged_locked_until(&self, name: &OsStr) -> Duration {
        let state = self.lock();
        let node = state.tree.child(state.staging, name);
        node.and_then(|node| state.locked.get(&node)).copied().unwrap_or_default()
    }

    /// The service reads a file that it carries; on Windows it has it for itself meanwhile.
    pub fn carry(&self, dir: &OsStr, name: &OsStr) {
        let mut state = self.lock();
        if let Some(node) = state.node(dir, name).filter(|_| state.options.system.is_windows())
            && state.rng.chance(200)
        {
            state.hold(node);
        }
    }

    /// Takes the session folder away: an empty directory is in its place, or nothing, until it is there again. On Windows it
    /// is moved, which what processes have open in it makes impossible.
    pub fn unmount(&self) {
        let mut state = self.lock();
        if state.mounted.is_some() {
            return;
        }
        if state.options.system.is_windows() {
            state.judge_moving();
        }
        let now = state.stamp();
        let (empty, name) = (state.tree.add(Kind::Directory, now), state.options.folder_name());
        let in_its_place = (!state.rng.chance(500)).then_some(empty);
        state.tree.cover(ROOT, OsStr::new(name), in_its_place);
        let folder = std::mem::replace(&mut state.folder, empty);
        state.mounted = Some(folder);
        state.bequeath(ROOT, OsStr::new(name), folder);
        state.inherit(ROOT, OsStr::new(name), empty);
    }

    /// Puts the session folder back. Whatever was written in its place is a violation.
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

    /// Whether the session folder is away.
    pub fn is_unmounted(&self) -> bool {
        self.lock().mounted.is_some()
    }

    /// Whether nothing is in the place of the session folder.
    pub fn is_missing(&self) -> bool {
        let state = self.lock();
        state.tree.child(ROOT, OsStr::new(state.options.folder_name())).is_none()
    }

    /// The service puts a file there, at once durable, in the place of whatever has that name.
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
            // Its other names are there from now on too, and are to be read within two scans.
            state.set_dataless(dir_node, false);
            state.disturbed = state.now;
        }
        state.hint(dir, Some(name));
    }

    /// The service begins to put a file there, of which so many bytes have come.
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

    /// The service makes an empty directory there.
    pub fn put_dir(&self, dir: &OsStr) {
        let mut state = self.lock();
        let now = state.stamp();
        state.ensure_dir(dir, now);
        state.hint(dir, None);
    }

    /// Somebody puts something there that is no file.
    pub fn put_special(&self, dir: &OsStr, name: &OsStr, kind: Kind) {
        let mut state = self.lock();
        let now = state.stamp();
        let dir_node = state.ensure_dir(dir, now);
        state.tree.put_special(dir_node, name, kind, now);
        state.revive(dir_node, name);
        state.hint(dir, Some(name));
    }

    /// The service takes the content of a file away, or brings it back. What the file shows of itself stays the same.
    pub fn set_online_only(&self, dir: &OsStr, name: &OsStr, online_only: bool) {
        let mut state = self.lock();
        let found = state.node(dir, name);
        if let Some(file) = found.and_then(|node| state.tree.nodes.get_mut(node.0)) {
            file.online_only = online_only;
            state.disturbed = state.now;
            state.hint(dir, Some(name));
        }
    }

    /// The service takes the names of a directory away, or brings them back. Only a disk of macOS has dataless directories.
    pub fn set_dir_online_only(&self, dir: &OsStr, online_only: bool) {
        let mut state = self.lock();
        if let Some(node) = state.dir(dir).filter(|_| state.options.system.is_mac()) {
            state.set_dataless(node, online_only);
            state.disturbed = state.now;
            state.hint(dir, None);
        }
    }

    /// Whether the service has the names of a directory for itself.
    pub(crate) fn is_dir_online_only(&self, dir: &OsStr) -> bool {
        let state = self.lock();
        state.dir(dir).is_some_and(|node| state.is_dataless(node))
    }

    /// The service, or somebody, removes a file; false when there was none. On Windows another program may have it open, and
    /// its name stays until that is over.
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

    /// The service, or somebody, removes an author's directory with everything in it.
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

    /// When the service can put something under a name that was removed a moment ago, if that is not yet.
    pub fn dying_until(&self, dir: &OsStr, name: &OsStr) -> Option<Duration> {
        let state = self.lock();
        let of_dir = state.locate(dir).and_then(|(parent, own)| state.dies_at(parent, own));
        of_dir.or_else(|| state.dies_at(state.dir(dir)?, name))
    }
}
