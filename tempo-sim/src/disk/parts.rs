//! The parts of the session folder on a disk; usually there is one.

use std::{
    borrow::Cow,
    ffi::{OsStr, OsString},
};

use super::{
    State,
    places::{FILES, owner_of},
    tree::{NodeId, ROOT},
};

impl State {
    /// Returns every entry of the session folder, in all its parts. These are authors' directories or in the place of
    /// one.
    pub(super) fn dirs(&self) -> impl Iterator<Item = (Cow<'_, OsStr>, NodeId)> {
        let own = self.tree.children(self.folder).map(|(name, node)| (Cow::Borrowed(name), node));
        let others = self.parts().flat_map(|(part, node)| {
            self.tree.children(node).map(move |(name, node)| (Cow::Owned(joined(part, name)), node))
        });
        own.chain(others)
    }

    pub(super) fn parts(&self) -> impl Iterator<Item = (&OsStr, NodeId)> {
        let own = [self.folder, self.staging];
        self.tree.children(ROOT).filter(move |(_, node)| !own.contains(node))
    }

    /// Returns the directory that contains a directory's name, and that name alone.
    pub(super) fn locate<'a>(&self, dir: &'a OsStr) -> Option<(NodeId, &'a OsStr)> {
        if owner_of(dir).is_some() {
            return self.locate_place(dir);
        }
        match split(dir) {
            Some((part, name)) => Some((self.tree.child(ROOT, part)?, name)),
            None => Some((self.folder, dir)),
        }
    }

    pub(super) fn dir(&self, dir: &OsStr) -> Option<NodeId> {
        let (parent, name) = self.locate(dir)?;
        self.tree.child(parent, name)
    }

    /// Returns the entry with a name in a directory of the folder.
    pub(super) fn node(&self, dir: &OsStr, name: &OsStr) -> Option<NodeId> {
        self.tree.child(self.dir(dir)?, name)
    }

    pub(super) fn ensure_dir(&mut self, dir: &OsStr, now: i128) -> NodeId {
        if let Some(owner) = owner_of(dir) {
            let owner = self.ensure_dir(owner, now);
            return self.make_dir(owner, OsStr::new(FILES), now);
        }
        match split(dir) {
            Some((part, name)) => {
                let part = self.make_dir(ROOT, part, now);
                self.make_dir(part, name, now)
            }
            None => self.make_dir(self.folder, dir, now),
        }
    }

    fn make_dir(&mut self, parent: NodeId, name: &OsStr, now: i128) -> NodeId {
        let before = self.tree.child(parent, name);
        before.unwrap_or_else(|| {
            let dir = self.tree.ensure_durable_dir(parent, name, now);
            self.revive(parent, name);
            self.inherit(parent, name, dir);
            dir
        })
    }
}

/// Splits the name of a directory in another part of the session folder into the part and its own name.
pub(super) fn split(dir: &OsStr) -> Option<(&OsStr, &OsStr)> {
    let (part, name) = dir.to_str()?.split_once('/')?;
    Some((OsStr::new(part), OsStr::new(name)))
}

fn joined(part: &OsStr, name: &OsStr) -> OsString {
    let mut dir = part.to_owned();
    dir.push("/");
    dir.push(name);
    dir
}
