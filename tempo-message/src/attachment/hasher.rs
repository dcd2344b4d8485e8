//! Describes a file in one pass over its bytes.

use alloc::vec::Vec;
use core::{fmt, mem};

use blake3::{Hasher, hazmat::HasherExt as _};

use crate::attachment::{
    id::{AttachmentId, MAX_ATTACHMENT, MAX_PARTS},
    manifest::{BadManifest, Manifest, count, root},
};

/// Makes the [`Manifest`] of bytes that come one after the other.
#[derive(Clone)]
pub struct ManifestHasher {
    exponent: u8,
    length: u64,
    /// The chaining values of the parts before the present one.
    parts: Vec<[u8; 32]>,
    /// The present part, which may be complete: whether it is the only one is known when another byte comes.
    part: Hasher,
    part_length: u64,
}

impl ManifestHasher {
    /// Begins a file that is cut into parts of 2^`exponent` bytes: 10 to 30, see [`Manifest::exponent_for`].
    pub fn new(exponent: u8) -> Self {
        let exponent = exponent.clamp(10, 30);
        Self { exponent, length: 0, parts: Vec::new(), part: Hasher::new(), part_length: 0 }
    }

    /// Takes the next bytes.
    ///
    /// # Errors
    ///
    /// [`BadManifest::Length`] or [`BadManifest::Parts`] once there are more bytes than an attachment may have.
    pub fn update(&mut self, mut bytes: &[u8]) -> Result<(), BadManifest> {
        let size = 1_u64 << self.exponent;
        let length = self.length.saturating_add(bytes.len() as u64);
        if length > MAX_ATTACHMENT {
            return Err(BadManifest::Length { length });
        }
        while !bytes.is_empty() {
            if self.part_length == size {
                if self.parts.len() + 1 == MAX_PARTS {
                    let needed = count(length, self.exponent);
                    return Err(BadManifest::Parts { needed, actual: MAX_PARTS });
                }
                let mut next = Hasher::new();
                next.set_input_offset(self.length);
                self.parts.push(mem::replace(&mut self.part, next).finalize_non_root());
                self.part_length = 0;
            }
            let room = usize::try_from(size - self.part_length).unwrap_or(usize::MAX).min(bytes.len());
            let (now, later) = bytes.split_at(room);
            self.part.update(now);
            self.part_length += now.len() as u64;
            self.length += now.len() as u64;
            bytes = later;
        }
        Ok(())
    }

    /// Returns the description of the bytes so far.
    ///
    /// # Errors
    ///
    /// [`BadManifest::Length`] if there were none.
    pub fn finish(mut self) -> Result<Manifest, BadManifest> {
        if !self.parts.is_empty() {
            self.parts.push(self.part.finalize_non_root());
        }
        let id = root(&self.parts).unwrap_or_else(|| *self.part.finalize().as_bytes());
        Manifest::new(AttachmentId(id), self.length, self.exponent, self.parts)
    }
}

impl fmt::Debug for ManifestHasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ManifestHasher").field("length", &self.length).finish_non_exhaustive()
    }
}
