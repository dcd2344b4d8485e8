//! A part of a file, and the check of its bytes.

use alloc::{
    format,
    string::{String, ToString as _},
};
use core::fmt;

use blake3::{Hasher, hazmat::HasherExt as _};

use crate::attachment::id::AttachmentId;

/// A piece of an attachment that is published, read and checked alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Part {
    /// The attachment.
    pub attachment: AttachmentId,
    /// The place among its parts, from zero.
    pub number: u16,
    /// The number of its parts.
    pub count: u16,
    /// The place of the first byte in the attachment.
    pub offset: u64,
    /// The number of bytes.
    pub length: u64,
    /// The BLAKE3 chaining value of the bytes at their place; the id itself if there is one part.
    pub hash: [u8; 32],
}

impl Part {
    /// Returns the part's name in a folder: the first 32 hex digits of the id and, if there are more parts, a hyphen and
    /// the number in four hex digits.
    pub fn name(&self) -> String {
        let mut name = self.attachment.to_string();
        name.truncate(32);
        if self.count > 1 { format!("{name}-{:04x}", self.number) } else { name }
    }

    /// Begins the check of the part's bytes.
    pub fn check(&self) -> PartCheck {
        let mut hasher = Hasher::new();
        hasher.set_input_offset(self.offset);
        PartCheck { part: *self, length: 0, hasher }
    }
}

/// Compares bytes that come one after the other with the hash of a [`Part`].
#[derive(Clone)]
pub struct PartCheck {
    part: Part,
    length: u64,
    hasher: Hasher,
}

impl PartCheck {
    /// Takes the next bytes. Returns whether they can still be the part's: more bytes than it has cannot.
    pub fn update(&mut self, bytes: &[u8]) -> bool {
        self.length = self.length.saturating_add(bytes.len() as u64);
        let fits = self.length <= self.part.length;
        if fits {
            self.hasher.update(bytes);
        }
        fits
    }

    /// Returns whether the bytes were exactly those of the part.
    pub fn holds(&self) -> bool {
        if self.length != self.part.length {
            return false;
        }
        let hash = match self.part.count {
            1 => *self.hasher.finalize().as_bytes(),
            _ => self.hasher.finalize_non_root(),
        };
        hash == self.part.hash
    }
}

impl fmt::Debug for PartCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PartCheck").field("part", &self.part).field("length", &self.length).finish_non_exhaustive()
    }
}
