//! Rules about what processes must not do to a disk.

use std::{ffi::OsStr, io};

use bytes::Bytes;
use tempo_fs_transport::{DirName, FileName};
use tempo_message::{Decoded, Frames};

use super::{Change, PartAct, State, System, tree::NodeId};

impl State {
    /// Checks that a process opens a file that is visibly online-only only to fetch it, because opening may block
    /// forever.
    pub(super) fn judge_opening(&mut self, dir: NodeId, name: &OsStr) -> io::Error {
        if let Some(place) = self.name_of_place(dir) {
            let change = Change { dir: place, name: name.to_owned() };
            if !self.options.hides_online_only {
                self.part_acts.push(PartAct::Fetched(change.clone()));
            }
            self.wanted.push(change);
        } else if self.options.fetches {
            self.wanted.extend(self.name_in_folder(dir).map(|dir| Change { dir, name: name.to_owned() }));
        } else if !self.options.hides_online_only {
            self.violations.push(format!("a process opened {}, which is online-only", name.to_string_lossy()));
        }
        io::ErrorKind::TimedOut.into()
    }

    /// Checks that a process never replaces the bytes under a published name, except remains of a crash.
    pub(super) fn judge_replacement(&mut self, dir: NodeId, name: &OsStr, by: NodeId) {
        let Some(there) = self.tree.child(dir, name).and_then(|node| self.tree.content(node)) else { return };
        let new = self.tree.content(by).unwrap_or_default();
        let is_missed = self.options.looks_before_renaming
            && self.tree.child(dir, name).is_some_and(|there| self.has_just_arrived(there));
        if let Some(place) = self.name_of_place(dir) {
            return self.judge_part(&place, name, self.tree.child(dir, name));
        }
        let is_complete = match FileName::parse(name) {
            FileName::Head => false,
            // A power loss may leave some messages of a pack whole.
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

    /// Checks that a file created in a private place does not keep its permissions, because other users could not
    /// read it.
    pub(super) fn judge_permissions(&mut self, dir: NodeId, name: &OsStr, node: NodeId) {
        let is_private = self.private.contains(&node) && dir != self.staging;
        if is_private && (self.options.is_shared || self.options.system != System::Linux) {
            self.violations.push(format!(
                "a process published {} with permissions that no other user can read",
                name.to_string_lossy()
            ));
        }
    }

    /// Returns whether a larger pack, durable with its name, also has this content. Where names become durable in the
    /// order of their changes, an existing name is durable before the removal is.
    fn is_packed(&self, dir: NodeId, name: &OsStr, content: &Bytes) -> bool {
        let (first, last) = match FileName::parse(name) {
            FileName::Message(counter) => (counter, counter),
            FileName::Pack(first, last) => (first, last),
            _ => return false,
        };
        let Some(there) = self.tree.nodes.get(dir.0) else { return false };
        let names = if self.options.system.is_windows() { &there.names } else { &there.durable_names };
        let packs = names.values().filter(|(pack, _)| match FileName::parse(pack) {
            FileName::Pack(start, end) => (start, end) != (first, last) && start <= first && last <= end,
            _ => false,
        });
        let mut contents = packs.filter_map(|(_, node)| self.tree.nodes.get(node.0)?.durable.as_ref());
        contents.any(|pack| pack.windows(content.len().max(1)).any(|part| part == content))
    }

    /// Returns whether this is in a relay directory whose author has all of the content in its own directory again.
    fn is_back(&self, dir: NodeId, content: &Bytes) -> bool {
        let Some(DirName::Relay(author, _)) = self.name_in_folder(dir).map(|dir| DirName::parse(&dir)) else {
            return false;
        };
        let own = self.dir(OsStr::new(&author.to_string())).and_then(|own| self.tree.nodes.get(own.0));
        let there: Vec<Bytes> =
            own.into_iter().flat_map(|own| own.names.values()).filter_map(|(_, node)| self.original(*node)).collect();
        let mut frames = Frames::new(content.clone());
        frames.all(|decoded| match decoded {
            Decoded::Whole(frame) => {
                there.iter().any(|file| file.windows(frame.bytes().len()).any(|it| it == frame.bytes()))
            }
            _ => false,
        })
    }

    /// Checks that a process removes only staged files, copies of whole files beside them, and content of a durable
    /// pack.
    pub(super) fn judge_removal(&mut self, dir: NodeId, name: &OsStr) {
        if self.name_of_place(dir).is_some() {
            // The world knows what was released.
            return;
        }
        let original = name.to_str().and_then(|name| name.get(..16)).map(OsStr::new);
        let original = original.and_then(|name| self.original(self.tree.child(dir, name)?));
        let copy = self.tree.child(dir, name).and_then(|node| self.original(node));
        let is_redundant = name.len() > 16 && original.as_ref().is_some_and(is_whole) && original == copy;
        let is_needless = |content: Bytes| self.is_packed(dir, name, &content) || self.is_back(dir, &content);
        if is_redundant || copy.is_some_and(is_needless) {
            return;
        }
        let is_authors = self.name_in_folder(dir).is_some_and(|dir| DirName::parse(&dir) != DirName::Foreign);
        if is_authors && FileName::parse(name) != FileName::Staged {
            self.violations.push(format!("a process removed {}", name.to_string_lossy()));
        }
    }
}

/// Returns the first and last counter of a pack that is beside another file because its name was taken.
fn pack_beside(name: &OsStr) -> Option<(u64, u64)> {
    let stem = name.to_str()?.get(..33)?;
    match FileName::parse(OsStr::new(stem)) {
        FileName::Pack(first, last) => Some((first, last)),
        _ => None,
    }
}

/// Returns the number of whole frames, if there is nothing else.
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
