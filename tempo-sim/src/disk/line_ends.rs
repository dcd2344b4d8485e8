//! Line ends that are converted on the way to one machine, as git and FTP do with files that they treat as text.

use std::borrow::Cow;

use bytes::Bytes;

use super::{State, tree::NodeId};

/// The conversion of line ends in the files that a service delivers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineEnds {
    /// A line feed without a carriage return before it gets one.
    Added,
    /// A carriage return before a line feed is dropped.
    Dropped,
}

impl LineEnds {
    fn convert(self, bytes: &[u8]) -> Vec<u8> {
        let mut converted = Vec::with_capacity(bytes.len());
        for (at, &byte) in bytes.iter().enumerate() {
            let follows_return = at > 0 && bytes.get(at - 1) == Some(&b'\r');
            match (self, byte) {
                (Self::Added, b'\n') if !follows_return => converted.extend_from_slice(b"\r\n"),
                (Self::Dropped, b'\r') if bytes.get(at + 1) == Some(&b'\n') => {}
                _ => converted.push(byte),
            }
        }
        converted
    }
}

impl State {
    /// Returns the content of a delivered file after the conversion.
    pub(super) fn convert(&self, content: &Bytes) -> Bytes {
        self.options.line_ends.map_or_else(|| content.clone(), |ends| ends.convert(content).into())
    }

    /// Remembers the content that the service delivered.
    pub(super) fn note_original(&mut self, node: NodeId, content: Bytes) {
        if self.tree.content(node).as_ref() == Some(&content) {
            self.originals.remove(&node);
        } else if self.options.line_ends.is_some() {
            self.meet("line ends converted");
            self.originals.insert(node, content);
        }
    }

    /// Returns the content of a file as the service delivered it, unless a process has written to it since.
    pub(super) fn original(&self, node: NodeId) -> Option<Bytes> {
        let there = self.tree.content(node)?;
        let original = self.originals.get(&node).filter(|original| self.convert(original) == there);
        Some(original.map_or(Cow::Owned(there), Cow::Borrowed).into_owned())
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;

    use super::*;
    use crate::{Disk, DiskOptions, Rng};

    #[test]
    fn line_ends_are_added_and_dropped() {
        assert_eq!(LineEnds::Added.convert(b"a\nb\r\nc\r"), b"a\r\nb\r\nc\r");
        assert_eq!(LineEnds::Dropped.convert(b"a\nb\r\nc\r"), b"a\nb\nc\r");
    }

    #[test]
    fn only_processes_see_the_conversion() {
        let options = DiskOptions { line_ends: Some(LineEnds::Added), ..DiskOptions::default() };
        let disk = Disk::new(options, Rng::new(1));
        let (dir, name) = (OsStr::new("dir"), OsStr::new("name"));
        let seen = || {
            let state = disk.lock();
            state.node(dir, name).and_then(|node| state.tree.content(node))
        };
        disk.put(dir, name, "a\nb".into());
        assert_eq!(disk.read(dir, name), Some("a\nb".into()));
        assert_eq!(seen(), Some("a\r\nb".into()));
        disk.put(dir, name, "ab".into());
        assert_eq!((disk.read(dir, name), seen()), (Some("ab".into()), Some("ab".into())));
    }
}
