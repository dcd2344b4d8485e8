//! The core's answers and events.

use serde::{Deserialize, Serialize, Serializer};
use tempo_clock::{AuthorId, Lamport};
use tempo_message::{AttachmentId, Digest, MessageId, Parent};
use thiserror::Error;

use crate::json;

/// The outcome of handing a frame to the core.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Intake {
    /// The message is part of the history now. Other messages that waited for it may be, too.
    Accepted,
    /// The message waits for its parents.
    Held,
    /// The message was already here.
    Duplicate,
    /// The message contradicts its parents.
    Rejected(Rejection),
    /// The message is by a signed author, and nothing here proves that. It is not part of the history, and not held: it
    /// counts once it is handed in again after a proof of it, which the core then [asks for](crate::core::Output::LookFor).
    Unvouched,
    /// The core holds too much already, and this message is further from being accepted than the others.
    NoRoom,
}

/// The reason for rejecting a message. Every member that has the message's past rejects it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Rejection {
    /// The logical time is not exactly one more than that of the latest parent.
    #[error("message must have time {expected}, got {claimed}")]
    Clock {
        /// The time in the message.
        claimed: Lamport,
        /// The time that follows from the parents.
        expected: Lamport,
    },
    /// The latest parent has the last logical time.
    #[error("no logical time is left after the parents")]
    Exhausted,
}

impl Rejection {
    /// Returns the name of the reason for programs. Names never change.
    pub const fn kind(self) -> &'static str {
        match self {
            Self::Clock { .. } => "clock",
            Self::Exhausted => "exhausted",
        }
    }
}

/// As an object: `kind`, for programs, and `text`, for people.
impl Serialize for Rejection {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        json::reason(self.kind(), self, serializer)
    }
}

/// An event of the core. Events come in chronological order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CoreEvent {
    /// An author answered a message of this member: it has that message and all before it.
    Answered {
        /// The author that answered.
        author: AuthorId,
    },
    /// A message entered the timeline at this position. Everything from that position on moved back by one.
    Message {
        /// The message that entered.
        slot: Slot,
        /// The index of the message in the timeline at that moment.
        position: usize,
        /// True if other messages follow it.
        is_late: bool,
    },
    /// The first message of this author was accepted.
    Joined {
        /// The author that joined.
        author: AuthorId,
    },
    /// The display name of this author changed.
    Renamed {
        /// The author with the new name.
        author: AuthorId,
    },
    /// This author has taken the place of another: both are one person or one program.
    Succeeded {
        /// The author that took the place.
        author: AuthorId,
    },
    /// This author is not waited for any more, by another member's word or by its own.
    Retired {
        /// The retired author.
        author: AuthorId,
        /// The message that says so.
        by: MessageId,
    },
    /// This author was retired and has written again, so it is waited for.
    Returned {
        /// The author that has returned.
        author: AuthorId,
    },
    /// An author needs a file no longer for the messages that it has written: it may remove it from the folder.
    FileReleased {
        /// The author.
        author: AuthorId,
        /// The file.
        id: AttachmentId,
    },
    /// An author has written two messages with one counter.
    Fork {
        /// The id that both messages have.
        id: MessageId,
    },
    /// The core rejected a message.
    Rejected {
        /// The id of the message.
        id: MessageId,
        /// The digest of the message.
        digest: Digest,
        /// The reason.
        why: Rejection,
    },
}

/// The place of an accepted message in the core's memory. The order of places has no meaning.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Slot(pub(crate) u32);

/// A message that waits for others, and its missing parents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldMessage {
    /// The id of the waiting message.
    pub id: MessageId,
    /// The author's wall clock, in milliseconds since 1970.
    pub unix_ms: i64,
    /// The parents that are not accepted yet. Some may be held themselves.
    pub waits_for: Vec<Parent>,
}
