//! Several frames of one author in one file.

use alloc::vec::Vec;
use core::ops::Range;

use bytes::Bytes;
use tempo_clock::AuthorId;
use thiserror::Error;

use crate::{
    codec::frame::{Decoded, Frame},
    id::MessageId,
    message::MAX_PACK,
};

/// A run of an author's messages in one file: their frames, one after the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pack {
    author: AuthorId,
    first: u64,
    /// The offset of the end of each frame.
    ends: Vec<usize>,
    bytes: Bytes,
}

/// The reason why frames make no pack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum BadPack {
    /// Fewer than two frames.
    #[error("a pack holds two messages at least")]
    Short,
    /// The frames are by several authors, or their counters do not follow each other.
    #[error("message {found} does not follow {before} in a pack")]
    NotARun {
        /// A message.
        before: MessageId,
        /// The next one.
        found: MessageId,
    },
    /// The frames have more than [`MAX_PACK`] bytes together.
    #[error("the messages of a pack have at most {MAX_PACK} bytes, and these have {actual}")]
    TooLarge {
        /// The length of all frames.
        actual: usize,
    },
}

impl Pack {
    /// Packs frames of one author whose counters follow each other.
    ///
    /// # Errors
    ///
    /// [`BadPack`].
    pub fn of(frames: &[Frame]) -> Result<Self, BadPack> {
        let [first, _, ..] = frames else { return Err(BadPack::Short) };
        for pair in frames.windows(2) {
            let [before, next] = pair else { continue };
            let (before, found) = (before.id(), next.id());
            if before.author != found.author || before.counter.checked_add(1) != Some(found.counter) {
                return Err(BadPack::NotARun { before, found });
            }
        }
        let actual = frames.iter().map(|frame| frame.bytes().len()).sum();
        if actual > MAX_PACK {
            return Err(BadPack::TooLarge { actual });
        }
        let (mut bytes, mut ends) = (Vec::with_capacity(actual), Vec::with_capacity(frames.len()));
        for frame in frames {
            bytes.extend_from_slice(frame.bytes());
            ends.push(bytes.len());
        }
        let MessageId { author, counter: first } = first.id();
        Ok(Self { author, first, ends, bytes: bytes.into() })
    }

    /// Returns the author of the messages.
    pub fn author(&self) -> AuthorId {
        self.author
    }

    /// Returns the first counter.
    pub fn first(&self) -> u64 {
        self.first
    }

    /// Returns the last counter.
    pub fn last(&self) -> u64 {
        self.first + self.ends.len() as u64 - 1
    }

    /// Returns the content of the file.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// Returns the messages in order.
    pub fn frames(&self) -> impl Iterator<Item = Frame> + '_ {
        let starts = core::iter::once(0).chain(self.ends.iter().copied());
        // They were frames before they were packed.
        starts.zip(&self.ends).filter_map(|(start, &end)| match Frame::decode(&self.bytes.slice(start..end)) {
            Decoded::Whole(frame) => Some(frame),
            _ => None,
        })
    }

    /// Returns the bytes of the messages from `first` to `last`, both included; `None` unless the pack has all of them.
    pub fn part(&self, first: u64, last: u64) -> Option<Bytes> {
        let at = |counter: u64| usize::try_from(counter.checked_sub(self.first)?).ok();
        let (first, last) = (at(first)?, at(last)?);
        let start = match first.checked_sub(1) {
            Some(before) => *self.ends.get(before)?,
            None => 0,
        };
        let range: Range<usize> = start..*self.ends.get(last)?;
        (first <= last).then(|| self.bytes.slice(range))
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use bytes::Bytes;
    use tempo_clock::Lamport;
    use uuid::Uuid;

    use super::*;
    use crate::{
        digest::Digest,
        message::{Kind, Message},
    };

    fn frame(author: u128, counter: u64, len: usize) -> Frame {
        let id = MessageId { author: AuthorId::new(Uuid::from_u128(author)), counter };
        let payload = Bytes::from(vec![7; len]);
        let (lamport, parents, attachments, extensions) = (Lamport(counter), Vec::new(), Vec::new(), Vec::new());
        let (previous, kind) = ((counter > 1).then(|| Digest::of(b"before")), Kind::Payload);
        let message =
            Message { id, lamport, unix_ms: 0, previous, parents, key: None, kind, attachments, extensions, payload };
        Frame::encode(&message).unwrap()
    }

    #[test]
    fn parts_are_the_frames_that_were_packed() {
        let frames: Vec<Frame> =
            (5..9).map(|counter| frame(1, counter, usize::try_from(counter).unwrap() * 10)).collect();
        let pack = Pack::of(&frames).unwrap();
        assert_eq!((pack.first(), pack.last()), (5, 8));
        assert_eq!(pack.part(6, 6).as_ref(), Some(frames[1].bytes()));
        assert_eq!(pack.part(5, 8).as_ref(), Some(pack.bytes()));
        assert_eq!(pack.part(7, 8), Some([frames[2].bytes().as_ref(), frames[3].bytes()].concat().into()));
        for (first, last) in [(4, 5), (8, 9), (7, 6), (0, 0)] {
            assert_eq!(pack.part(first, last), None, "{first} to {last}");
        }
    }

    #[test]
    fn only_runs_are_packed() {
        assert_eq!(Pack::of(&[frame(1, 1, 1)]), Err(BadPack::Short));
        for other in [frame(1, 3, 1), frame(2, 2, 1), frame(1, 1, 1)] {
            let bad = Pack::of(&[frame(1, 1, 1), other]);
            assert!(matches!(bad, Err(BadPack::NotARun { .. })), "{bad:?}");
        }
        let large: Vec<Frame> = (1..=5).map(|counter| frame(1, counter, 15 << 20)).collect();
        assert!(matches!(Pack::of(&large), Err(BadPack::TooLarge { .. })));
    }
}
