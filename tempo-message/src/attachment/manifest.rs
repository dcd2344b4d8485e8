//! The content of a file, by the hashes of its parts.

use alloc::vec::Vec;

use blake3::hazmat::{ChainingValue, Mode, merge_subtrees_non_root, merge_subtrees_root};
use thiserror::Error;

use crate::attachment::{
    id::{AttachmentId, MAX_ATTACHMENT, MAX_PARTS},
    part::Part,
};

/// The length of a file, the parts that it is cut into, and their hashes. Whoever has it can prove each part alone.
///
/// The hashes give the [id](Self::id) by construction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    id: AttachmentId,
    length: u64,
    exponent: u8,
    /// The chaining values of the parts; empty if there is one part, because the id then is its hash.
    parts: Vec<[u8; 32]>,
}

/// The reason why hashes are not those of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum BadManifest {
    /// The length is zero or above [`MAX_ATTACHMENT`].
    #[error("an attachment of {length} bytes, between 1 and {MAX_ATTACHMENT} are allowed")]
    Length {
        /// The length.
        length: u64,
    },
    /// The size of the parts is none that the format allows.
    #[error("parts of 2^{exponent} bytes, between 2^10 and 2^30 are allowed")]
    PartSize {
        /// The exponent.
        exponent: u8,
    },
    /// A part has no hash, or there is a hash without a part, or there are more than [`MAX_PARTS`] parts.
    #[error("{actual} hashes of parts, the length calls for {needed}, at most {MAX_PARTS} are allowed")]
    Parts {
        /// The number of parts by the length.
        needed: u64,
        /// The number of hashes.
        actual: usize,
    },
    /// The hashes of the parts do not give the id.
    #[error("the hashes of the parts do not give the id")]
    Hashes,
}

impl Manifest {
    /// The usual exponent of the size of a part: 64 MiB. Some services and proxies fail with files above 100 MB.
    pub const EXPONENT: u8 = 26;

    /// Combines the description of a file whose parts have 2^`exponent` bytes, the last one at most that.
    ///
    /// # Errors
    ///
    /// [`BadManifest`].
    pub fn new(id: AttachmentId, length: u64, exponent: u8, parts: Vec<[u8; 32]>) -> Result<Self, BadManifest> {
        if !(1..=MAX_ATTACHMENT).contains(&length) {
            return Err(BadManifest::Length { length });
        }
        if !(10..=30).contains(&exponent) {
            return Err(BadManifest::PartSize { exponent });
        }
        let needed = count(length, exponent);
        let hashes = if needed == 1 { 0 } else { needed };
        if needed > MAX_PARTS as u64 || parts.len() as u64 != hashes {
            return Err(BadManifest::Parts { needed, actual: parts.len() });
        }
        if root(&parts).is_some_and(|root| root != id.0) {
            return Err(BadManifest::Hashes);
        }
        Ok(Self { id, length, exponent, parts })
    }

    /// Returns the least exponent, from `least` on, with which a file of some length is cut into at most [`MAX_PARTS`]
    /// parts.
    pub fn exponent_for(length: u64, least: u8) -> u8 {
        (least.clamp(10, 30)..30).find(|&exponent| count(length, exponent) <= MAX_PARTS as u64).unwrap_or(30)
    }

    /// Returns the hash of the whole content.
    pub fn id(&self) -> AttachmentId {
        self.id
    }

    /// Returns the length of the whole content, in bytes.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Returns the exponent of the size of all parts but the last.
    pub fn exponent(&self) -> u8 {
        self.exponent
    }

    /// Returns the chaining values of the parts; none if there is one part, because the id then is its hash.
    pub fn hashes(&self) -> &[[u8; 32]] {
        &self.parts
    }

    /// Returns the number of parts.
    pub fn count(&self) -> usize {
        self.parts.len().max(1)
    }

    /// Returns a part; `None` beyond the last one.
    pub fn part(&self, index: usize) -> Option<Part> {
        let size = 1_u64 << self.exponent;
        let number = u16::try_from(index).ok().filter(|_| index < self.count())?;
        let offset = u64::from(number) * size;
        Some(Part {
            attachment: self.id,
            number,
            count: u16::try_from(self.count()).ok()?,
            offset,
            length: size.min(self.length - offset),
            hash: self.parts.get(index).copied().unwrap_or(self.id.0),
        })
    }

    /// Returns all parts, in the order of the content.
    pub fn parts(&self) -> impl Iterator<Item = Part> + '_ {
        (0..self.count()).filter_map(|index| self.part(index))
    }
}

/// Returns the number of parts of a file.
pub(crate) fn count(length: u64, exponent: u8) -> u64 {
    length.div_ceil(1 << exponent)
}

/// Returns the hash of a whole file from the chaining values of its parts; `None` if there are fewer than two.
pub(crate) fn root(parts: &[ChainingValue]) -> Option<[u8; 32]> {
    let (left, right) = halves(parts)?;
    Some(*merge_subtrees_root(&left, &right, Mode::Hash).as_bytes())
}

fn subtree(parts: &[ChainingValue]) -> Option<ChainingValue> {
    match parts {
        [only] => Some(*only),
        _ => halves(parts).map(|(left, right)| merge_subtrees_non_root(&left, &right, Mode::Hash)),
    }
}

/// The left half of a tree is the greatest full one that leaves something for the right half.
fn halves(parts: &[ChainingValue]) -> Option<(ChainingValue, ChainingValue)> {
    let left = 1 << parts.len().checked_sub(1)?.checked_ilog2()?;
    let (left, right) = parts.split_at_checked(left)?;
    Some((subtree(left)?, subtree(right)?))
}
