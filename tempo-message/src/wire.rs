//! The bytes of a frame: fixed prelude, header in postcard, payload, digest. `docs/FORMAT.md` draws them.

use alloc::vec::Vec;
use core::fmt;

use serde::{Deserialize, Deserializer, Serialize, de};
use tempo_clock::{AuthorId, Lamport};

use crate::{Digest, MAX_PARENTS, Parent};

/// The first four bytes of every frame of every version. The first is no ASCII, so text is never taken for a frame.
pub(crate) const MAGIC: [u8; 4] = [0xf7, b'T', b'M', b'P'];
/// The format version that this crate writes.
pub(crate) const VERSION: u8 = 1;
/// The flags that this crate understands: none.
pub(crate) const FLAGS: u8 = 0;

/// The first twelve bytes of a frame. Their meaning, and the digest at the end, are the same in every version, so that
/// a reader can step over a frame it does not understand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Prelude {
    pub(crate) version: u8,
    pub(crate) flags: u8,
    pub(crate) header_len: u16,
    pub(crate) payload_len: u32,
}

impl Prelude {
    pub(crate) const LEN: usize = 12;

    pub(crate) fn to_bytes(self) -> [u8; Self::LEN] {
        let [m0, m1, m2, m3] = MAGIC;
        let [h0, h1] = self.header_len.to_le_bytes();
        let [p0, p1, p2, p3] = self.payload_len.to_le_bytes();
        [m0, m1, m2, m3, self.version, self.flags, h0, h1, p0, p1, p2, p3]
    }

    /// Reads a prelude; `None` when the magic is wrong.
    pub(crate) fn from_bytes(bytes: &[u8; Self::LEN]) -> Option<Self> {
        let [m0, m1, m2, m3, version, flags, h0, h1, p0, p1, p2, p3] = *bytes;
        ([m0, m1, m2, m3] == MAGIC).then(|| Self {
            version,
            flags,
            header_len: u16::from_le_bytes([h0, h1]),
            payload_len: u32::from_le_bytes([p0, p1, p2, p3]),
        })
    }

    /// The length of the whole frame in bytes.
    pub(crate) fn frame_len(self) -> u64 {
        Self::LEN as u64 + u64::from(self.header_len) + u64::from(self.payload_len) + Digest::LEN as u64
    }
}

/// Everything of a message but its payload, in the order of the bytes.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Header {
    pub(crate) author: AuthorId,
    pub(crate) counter: u64,
    pub(crate) kind: u8,
    pub(crate) lamport: Lamport,
    pub(crate) unix_ms: i64,
    pub(crate) previous: Option<Digest>,
    #[serde(deserialize_with = "bounded")]
    pub(crate) parents: Vec<Parent>,
}

impl Header {
    /// A bound on the number of bytes of this header: 17 for an author, 10 for a number, 33 for a digest.
    pub(crate) fn max_len(&self) -> usize {
        (17 + 10 + 1 + 10 + 10 + 34 + 2) + (17 + 10 + 33) * self.parents.len()
    }
}

/// Reads a list whose announced length is checked before anything is allocated for it.
fn bounded<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Parent>, D::Error> {
    struct Bounded;
    impl<'de> de::Visitor<'de> for Bounded {
        type Value = Vec<Parent>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "at most {MAX_PARENTS} parents")
        }

        fn visit_seq<A: de::SeqAccess<'de>>(self, mut items: A) -> Result<Vec<Parent>, A::Error> {
            let announced = items.size_hint().unwrap_or(0);
            if announced > MAX_PARENTS {
                return Err(de::Error::invalid_length(announced, &self));
            }
            let mut parents = Vec::with_capacity(announced);
            while let Some(parent) = items.next_element()? {
                parents.push(parent);
            }
            Ok(parents)
        }
    }
    deserializer.deserialize_seq(Bounded)
}
