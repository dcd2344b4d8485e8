//! The places of attached files: a directory in each author's directory, for the parts of its files.
//!
//! Such a directory is named by its author's directory and `/files`.

use std::{
    borrow::Cow,
    ffi::{OsStr, OsString},
};

use bytes::Bytes;
use tempo_fs_transport::FileName;

use super::{
    Change, Disk, State,
    tree::{Kind, NodeId},
};

/// The name of the directory in an author's directory.
pub(super) const FILES: &str = "files";
const TAIL: &str = "/files";

/// An act of a process on a part of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PartAct {
    /// A part has its name.
    Put(Change),
    /// A part is gone.
    Removed(Change),
    /// A part was opened that is visibly not on this machine, so that the service fetches it.
    Fetched(Change),
}

/// Returns the author's directory of a place.
pub(crate) fn owner_of(dir: &OsStr) -> Option<&OsStr> {
    if !dir.as_encoded_bytes().ends_with(TAIL.as_bytes()) {
        return None;
    }
    dir.to_str()?.strip_suffix(TAIL).map(OsStr::new)
}

/// Returns the place of an author's directory.
pub(crate) fn place_of(author: &OsStr) -> OsString {
    let mut place = author.to_owned();
    place.push(TAIL);
    place
}

/// Returns whether a name in a place is that of a part, perhaps of a copy of one.
pub(crate) fn is_part(name: &OsStr) -> bool {
    FileName::parse(name) != FileName::Staged && name != FILES
}

impl Disk {
    /// Returns the place, name and content of every part of a file in the session folder.
    pub fn parts(&self) -> Vec<(OsString, OsString, Bytes)> {
        let state = self.lock();
        state.contents(state.places())
    }

    /// Returns what processes did with parts since the last call.
    pub(crate) fn take_part_acts(&self) -> Vec<PartAct> {
        std::mem::take(&mut self.lock().part_acts)
    }
}

impl State {
    /// Returns every place of parts in the session folder.
    pub(super) fn places(&self) -> impl Iterator<Item = (OsString, NodeId)> {
        self.dirs().filter_map(|(author, node)| {
            let place = self.tree.child(node, OsStr::new(FILES))?;
            (self.tree.kind(place) == Some(Kind::Directory)).then(|| (place_of(&author), place))
        })
    }

    /// Returns the name of a directory if it is the place of parts.
    pub(super) fn name_of_place(&self, dir: NodeId) -> Option<OsString> {
        self.places().find(|&(_, node)| node == dir).map(|(name, _)| name)
    }

    /// Notes the change of a name in a place.
    pub(super) fn note_part(&mut self, place: &OsStr, name: &OsStr, is_there: bool) {
        if is_part(name) {
            let change = Change { dir: place.to_owned(), name: name.to_owned() };
            self.part_acts.push(if is_there { PartAct::Put(change) } else { PartAct::Removed(change) });
        }
    }

    /// Checks that a process gives a part its name only where there is nothing.
    pub(super) fn judge_part(&mut self, place: &OsStr, name: &OsStr, replaced: Option<NodeId>) {
        let is_missed = |node| self.options.looks_before_renaming && self.has_just_arrived(node);
        if is_part(name) && replaced.is_some_and(|node| !is_missed(node)) {
            let (place, name) = (place.to_string_lossy(), name.to_string_lossy());
            self.violations.push(format!("a process replaced the part {place}/{name}"));
        }
    }

    /// Returns the directory that contains a directory's name, and that name alone, for the place of parts.
    pub(super) fn locate_place(&self, dir: &OsStr) -> Option<(NodeId, &'static OsStr)> {
        Some((self.dir(owner_of(dir)?)?, OsStr::new(FILES)))
    }
}

/// Returns the directory for which processes are notified of a change in another one, which is not always the same:
/// only some systems notify of what is deeper.
pub(super) fn notified(dir: &OsStr, is_deep: bool) -> Option<Cow<'_, OsStr>> {
    match owner_of(dir) {
        Some(owner) => is_deep.then_some(Cow::Borrowed(owner)),
        None => Some(Cow::Borrowed(dir)),
    }
}
