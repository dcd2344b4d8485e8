//! The place under test, frames to publish in it, and what a member collects of them.

use alloc::vec::Vec;

use bytes::Bytes;
use tempo_clock::{AuthorId, Lamport, Seen};
use uuid::Uuid;

use crate::{
    codec::frame::Frame,
    id::MessageId,
    message::{Kind, Message},
    transport::contract::{Arrival, Budget, CollectRequest, Disposition, Transport},
};

/// A fresh, empty place for the members of one test.
pub trait Arena {
    /// The transport under test.
    type Transport: Transport + 'static;

    /// Returns a transport on this place, for one more member.
    fn member(&self) -> Self::Transport;
}

/// Writes valid messages of one author, each naming the one before.
#[derive(Debug)]
pub struct Script {
    author: AuthorId,
    last: Option<Frame>,
}

impl Script {
    /// Returns a script with an author of its own for every number.
    pub fn new(number: u8) -> Self {
        Self { author: AuthorId::new(Uuid::from_u128(u128::from(number) << 64 | 0x4000_8000)), last: None }
    }

    /// Returns the author.
    pub fn author(&self) -> AuthorId {
        self.author
    }

    /// Writes the author's next message.
    pub fn next(&mut self, payload: &[u8]) -> Frame {
        let counter = self.last.as_ref().map_or(1, |last| last.id().counter + 1);
        let message = Message {
            id: MessageId { author: self.author, counter },
            lamport: Lamport(counter),
            unix_ms: 1_700_000_000_000,
            previous: self.last.as_ref().map(Frame::digest),
            parents: Vec::new(),
            kind: Kind::Payload,
            key: None,
            attachments: Vec::new(),
            extensions: Vec::new(),
            payload: Bytes::copy_from_slice(payload),
        };
        let frame = Frame::encode(&message).expect("a scripted message is valid");
        self.last = Some(frame.clone());
        frame
    }

    /// Writes the author's next messages.
    pub fn run(&mut self, count: usize) -> Vec<Frame> {
        (0..count).map(|number| self.next(alloc::format!("message {number}").as_bytes())).collect()
    }
}

/// Collects without a limit, takes everything as `taken`, and returns the frames in the order of arrival.
pub fn gather(member: &mut impl Transport, known: &Seen, taken: Disposition) -> Vec<Frame> {
    let mut frames = Vec::new();
    let budget = Budget { frames: usize::MAX, bytes: usize::MAX };
    let want = CollectRequest { known, own: None, recheck: &[], full: false, budget };
    let collected = member
        .collect(&want, &mut |arrival| {
            if let Arrival::Frame(frame) = arrival {
                frames.push(frame);
            }
            taken
        })
        .expect("collecting works");
    assert!(!collected.more, "an unlimited collect leaves nothing");
    frames
}

/// Returns the counters of one author's frames, in the order of arrival.
pub(super) fn counters(frames: &[Frame], author: AuthorId) -> Vec<u64> {
    frames.iter().map(Frame::id).filter(|id| id.author == author).map(|id| id.counter).collect()
}
