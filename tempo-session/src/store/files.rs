//! The data that an installation stores about the files that it sends and fetches, beside their content.

use std::{collections::BTreeSet, path::PathBuf};

use serde::{Deserialize, Serialize};
use tempo_message::{AttachmentId, Manifest};

use crate::core::outgoing::Put;

/// A file that this installation sends, or has been asked to fetch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileRecord {
    /// The length in bytes.
    pub length: u64,
    /// The exponent of the size of its parts.
    pub exponent: u8,
    /// The hashes of its parts; none if there is one part.
    pub hashes: Vec<[u8; 32]>,
    /// Where its content is on this machine.
    pub content: Content,
    /// Whether it was attached here.
    pub is_own: bool,
    /// Whether it is to be fetched.
    pub is_wanted: bool,
    /// For each part, how it was put into the folder. Empty before the first.
    pub puts: Vec<Put>,
    /// The parts that are in the staged file, checked and durable.
    pub fetched: BTreeSet<u16>,
    /// The counter of the latest release that everybody is known to have, and since when, in milliseconds since 1970 by this
    /// machine's clock.
    pub released: Option<(u64, i64)>,
}

/// The place of a file's content on this machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Content {
    /// The shelf has none, or not all of it.
    Missing,
    /// The shelf has it.
    Kept,
    /// The application keeps it here.
    Original(PathBuf),
    /// The application's file has changed since it was attached, or is gone.
    Changed(PathBuf),
}

impl FileRecord {
    /// Describes a file of which nothing is known but what a message says.
    pub fn new(manifest: &Manifest, content: Content) -> Self {
        Self {
            length: manifest.length(),
            exponent: manifest.exponent(),
            hashes: manifest.hashes().to_vec(),
            content,
            is_own: false,
            is_wanted: false,
            puts: Vec::new(),
            fetched: BTreeSet::new(),
            released: None,
        }
    }

    /// Returns the parts of the file; `None` if this is no file with that id.
    pub fn manifest(&self, id: AttachmentId) -> Option<Manifest> {
        Manifest::new(id, self.length, self.exponent, self.hashes.clone()).ok()
    }

    /// Returns how each part was put into the folder.
    pub(crate) fn puts(&self) -> Vec<Put> {
        let count = self.hashes.len().max(1);
        if self.puts.len() == count { self.puts.clone() } else { vec![Put::default(); count] }
    }

    /// Returns the number of parts that were never put into the folder.
    pub(crate) fn unput(&self) -> usize {
        self.puts().iter().filter(|put| put.times == 0).count()
    }

    /// Returns whether any part was put into the folder.
    pub(crate) fn was_put(&self) -> bool {
        self.puts.iter().any(|put| put.times > 0)
    }

    /// Returns whether the record is about the file that a message describes: another message may lie.
    pub(crate) fn is_of(&self, manifest: &Manifest) -> bool {
        (self.length, self.exponent) == (manifest.length(), manifest.exponent()) && self.hashes == manifest.hashes()
    }
}
