//! The pieces of the session folder on a disk: usually one.

use std::{
    ffi::{OsStr, OsString},
    path::Path,
};

use super::{
    Disk, FOLDER, State,
    tree::{NodeId, ROOT},
};

impl State {
    /// Everything that is a directory of an author, or in the place of one, in all pieces.
    pub(super) fn dirs(&self) -> Vec<(OsString, NodeId)> {
        let mut dirs = self.tree.children(self.folder);
        for (piece, node) in self.pieces() {
            let inside = self.tree.children(node).into_iter();
            dirs.extend(inside.map(|(name, node)| (joined(&piece, &name), node)));
        }
        dirs
    }

    pub(super) fn pieces(&self) -> impl Iterator<Item = (OsString, NodeId)> + use<> {
        self.tree.children(ROOT).into_iter().filter(|(name, _)| name != FOLDER && name != "staging")
    }

    /// Where the name of a directory is, and that name alone.
    pub(super) fn locate(&self, dir: &OsStr) -> Option<(NodeId, OsString)> {
        match split(dir) {
            Some((piece, name)) => Some((self.tree.child(ROOT, piece)?, name.to_owned())),
            None => Some((self.folder, dir.to_owned())),
        }
    }

    pub(super) fn dir(&self, dir: &OsStr) -> Option<NodeId> {
        let (parent, name) = self.locate(dir)?;
        self.tree.child(parent, &name)
    }

    /// What has a name in a directory of the folder.
    pub(super) fn node(&self, dir: &OsStr, name: &OsStr) -> Option<NodeId> {
        self.tree.child(self.dir(dir)?, name)
    }

    pub(super) fn ensure_dir(&mut self, dir: &OsStr, now: i128) -> NodeId {
        match split(dir) {
            Some((piece, name)) => {
                let piece = self.tree.ensure_durable_dir(ROOT, piece, now);
                self.tree.ensure_durable_dir(piece, name, now)
            }
            None => self.tree.ensure_durable_dir(self.folder, dir, now),
        }
    }

    pub(super) fn node_at(&self, path: &Path) -> Option<NodeId> {
        match path.to_str() {
            Some(Disk::FOLDER) => Some(self.folder),
            Some(Disk::STAGING) => Some(self.staging),
            Some("/") => Some(ROOT),
            _ => None,
        }
    }
}

/// The piece and the name of a directory in another piece of the session folder.
pub(super) fn split(dir: &OsStr) -> Option<(&OsStr, &OsStr)> {
    let (piece, name) = dir.to_str()?.split_once('/')?;
    Some((OsStr::new(piece), OsStr::new(name)))
}

fn joined(piece: &OsStr, name: &OsStr) -> OsString {
    let mut dir = piece.to_owned();
    dir.push("/");
    dir.push(name);
    dir
}
