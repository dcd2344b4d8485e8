//! The content of a message that retires an author.

use tempo_clock::AuthorId;
use uuid::Uuid;

use crate::digest::Digest;

/// An author that is not waited for any more, and its last message that the writer has. The content of a message of
/// the kind [`Retirement`](crate::Kind::Retirement).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retirement {
    /// The author.
    pub author: AuthorId,
    /// The counter of its last message; zero if it has not written any.
    pub counter: u64,
    /// The digest of that message; all zeros if there is none.
    pub digest: Digest,
}

impl Retirement {
    /// The length of the content, in bytes.
    pub const LEN: usize = 16 + 8 + Digest::LEN;

    /// Returns the content: the 16 bytes of the author's uuid, the counter in eight little-endian bytes, the digest.
    pub fn to_bytes(&self) -> [u8; Self::LEN] {
        let mut bytes = [0; Self::LEN];
        let (author, rest) = bytes.split_at_mut(16);
        let (counter, digest) = rest.split_at_mut(8);
        author.copy_from_slice(self.author.as_bytes());
        counter.copy_from_slice(&self.counter.to_le_bytes());
        digest.copy_from_slice(self.digest.as_bytes());
        bytes
    }

    /// Reads the content of a message. Returns `None` for any other length.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (author, rest) = bytes.split_first_chunk()?;
        let (counter, digest) = rest.split_first_chunk()?;
        let digest: [u8; Digest::LEN] = digest.try_into().ok()?;
        let (counter, digest) = (u64::from_le_bytes(*counter), Digest::from_bytes(digest));
        Some(Self { author: AuthorId::new(Uuid::from_bytes(*author)), counter, digest })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_content_has_one_form() {
        let author = AuthorId::new(Uuid::from_u128(0x0102_0304_0506_0708_090a_0b0c_0d0e_0f10));
        let retirement = Retirement { author, counter: 0x1122, digest: Digest::from_bytes([7; 32]) };
        let bytes = retirement.to_bytes();
        assert_eq!(bytes[..16], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]);
        assert_eq!(bytes[16..24], [0x22, 0x11, 0, 0, 0, 0, 0, 0]);
        assert_eq!(bytes[24..], [7; 32]);
        assert_eq!(Retirement::from_bytes(&bytes), Some(retirement));
        assert_eq!(Retirement::from_bytes(&bytes[1..]), None);
        assert_eq!(Retirement::from_bytes(&[bytes.as_slice(), &[0]].concat()), None);
    }
}
