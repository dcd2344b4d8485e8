//! Memory for the content of a file.

use bytes::Bytes;
use memmap2::MmapMut;

/// So many bytes, all zero at first.
///
/// The memory for a pack is the system's own and goes back to it: an allocator keeps what large pieces of many sizes leave.
#[derive(Debug)]
pub(crate) enum Buffer {
    Small(Vec<u8>),
    Large(MmapMut),
}

/// From so many bytes on it is large.
const LARGE: usize = 128 * 1024;

impl Buffer {
    pub(crate) fn new(len: usize) -> Self {
        let large = if len < LARGE { None } else { MmapMut::map_anon(len).ok() };
        large.map_or_else(|| Self::Small(vec![0; len]), Self::Large)
    }

    /// The first so many bytes.
    pub(crate) fn into_bytes(self, len: usize) -> Bytes {
        let mut bytes = match self {
            Self::Small(bytes) => Bytes::from(bytes),
            Self::Large(bytes) => Bytes::from_owner(bytes),
        };
        bytes.truncate(len);
        bytes
    }
}

impl AsMut<[u8]> for Buffer {
    fn as_mut(&mut self) -> &mut [u8] {
        match self {
            Self::Small(bytes) => bytes,
            Self::Large(bytes) => bytes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_put_in_comes_out_whatever_the_size() {
        for len in [0, 1, LARGE - 1, LARGE, LARGE + 1] {
            let mut buffer = Buffer::new(len + 1);
            assert_eq!(buffer.as_mut().len(), len + 1);
            buffer.as_mut().fill(7);
            let bytes = buffer.into_bytes(len);
            assert!(bytes.len() == len && bytes.iter().all(|byte| *byte == 7));
        }
    }
}
