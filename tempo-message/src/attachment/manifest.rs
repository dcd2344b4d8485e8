//! The content of a file, by the hashes of its parts.

use alloc::vec::Vec;
use core::{fmt, str::FromStr};

use blake3::hazmat::{ChainingValue, Mode, merge_subtrees_non_root, merge_subtrees_root};
use thiserror::Error;

use crate::{
    attachment::{MAX_PARTS, part::Part},
    digest::Digest,
};

/// The largest attachment, in bytes: 1 TiB.
pub const MAX_ATTACHMENT: u64 = 1 << 40;

/// The BLAKE3 hash of a file's content, which identifies it: what `b3sum` prints. Displayed and parsed as 64 lower-case
/// hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub struct AttachmentId(#[serde(with = "as_bytes")] pub(crate) [u8; 32]);

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

impl AttachmentId {
    /// The number of bytes of an id.
    pub const LEN: usize = 32;

    /// The id that these bytes hold.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The first half of the bytes, of which the names in a folder are made.
    #[cfg(feature = "std")]
    pub(crate) fn prefix(&self) -> [u8; 16] {
        let [begin, _] = self.0.as_chunks().0 else { return [0; 16] };
        *begin
    }

    /// The bytes of the id.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// The text is not 64 lower-case hex digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("not the id of an attachment: expected 64 lower-case hex digits")]
pub struct ParseAttachmentIdError;

impl FromStr for AttachmentId {
    type Err = ParseAttachmentIdError;

    fn from_str(text: &str) -> Result<Self, ParseAttachmentIdError> {
        text.parse().map(|digest: Digest| Self(*digest.as_bytes())).map_err(|_| ParseAttachmentIdError)
    }
}

impl fmt::Display for AttachmentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// The first eight digits: enough to tell ids apart in a log.
impl fmt::Debug for AttachmentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().take(4).try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// As one run of bytes.
mod as_bytes {
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8; 32], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(bytes)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<[u8; 32], D::Error> {
        let bytes = <&'de [u8]>::deserialize(deserializer)?;
        bytes.try_into().map_err(|_| D::Error::invalid_length(bytes.len(), &"32 bytes"))
    }
}
