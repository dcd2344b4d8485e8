//! Frames one after the other, as in a file.

use bytes::Bytes;

use crate::{
    codec::frame::{Decoded, Frame},
    digest::Digest,
    message::MAX_FRAME,
};

/// The frames in some bytes, one after the other, up to the first that is not whole.
///
/// Most of the work is digests. [`check_ahead`](Self::check_ahead) does it ahead of time, for example on another
/// thread.
#[derive(Clone, Debug)]
pub struct Frames {
    bytes: Bytes,
    /// The offset of the next frame.
    at: usize,
    /// The end of the bytes whose digests are known to hold.
    checked: usize,
    is_over: bool,
}

impl Frames {
    /// Reads the frames in `bytes`. No bytes at all give one answer: an incomplete frame.
    pub fn new(bytes: Bytes) -> Self {
        Self { bytes, at: 0, checked: 0, is_over: false }
    }

    /// Checks the digests of the frames still to come, up to the first that does not hold.
    pub fn check_ahead(&mut self) {
        self.checked = self.checked.max(self.at);
        while let Some(rest) = self.bytes.get(self.checked..)
            && let Some(len) = Frame::announced_len(rest)
            && let Some((content, trailer)) = rest.get(..len).and_then(<[u8]>::split_last_chunk)
            && len <= MAX_FRAME
            && Digest::of(content).as_bytes() == trailer
        {
            self.checked += len;
        }
    }

    /// Returns whether all digests are known to hold, to the last byte.
    pub fn are_checked(&self) -> bool {
        self.checked.max(self.at) == self.bytes.len() && !self.bytes.is_empty()
    }

    /// Returns all of the bytes.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }
}

impl Iterator for Frames {
    type Item = Decoded;

    fn next(&mut self) -> Option<Decoded> {
        if self.is_over {
            return None;
        }
        let decoded = Frame::decode_at(&self.bytes, self.at, self.at < self.checked);
        let used = match &decoded {
            Decoded::Whole(frame) => frame.bytes().len(),
            Decoded::Unsupported { used, .. } => *used,
            Decoded::Incomplete { .. } | Decoded::Bad(_) => 0,
        };
        self.at += used;
        self.is_over = used == 0 || self.at == self.bytes.len();
        Some(decoded)
    }
}
