//! What the core answers and announces.

use serde::{Deserialize, Serialize};
use tempo_clock::{AuthorId, Lamport};
use tempo_message::{Digest, MessageId, Parent};
use thiserror::Error;

/// What became of a frame that was handed to the core.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Intake {
    /// It is part of the history now, and perhaps others that had waited for it.
    Accepted,
    /// It waits for parents.
    Held,
    /// It was here already.
    Duplicate,
    /// It cannot be true.
    Rejected(Rejection),
    /// Too much is held already, and this is further from being accepted than the rest.
    NoRoom,
}

/// Why a message is refused, by everybody who has its past.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Rejection {
    /// The logical time is not one more than that of the latest parent.
    #[error("claims time {claimed} where its parents make it {expected}")]
    Clock {
        /// What the message says.
        claimed: Lamport,
        /// What follows from its parents.
        expected: Lamport,
    },
    /// No time is left after the latest parent's.
    #[error("no logical time is left after its parents")]
    Exhausted,
}

/// Something that the core announces, in the order in which it became true.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CoreEvent {
    /// An author has answered a message of ours: it has that one and all before.
    Answered {
        /// The author.
        author: AuthorId,
    },
    /// A message entered the timeline at this position; what was there and after it moved on by one.
    Message {
        /// The message.
        slot: Slot,
        /// Its index in the timeline at that moment.
        position: usize,
        /// It was not the last one.
        is_late: bool,
    },
    /// A first message of this author was accepted.
    Joined {
        /// The author.
        author: AuthorId,
    },
    /// This author's display name changed.
    Renamed {
        /// The author.
        author: AuthorId,
    },
    /// This author has taken the place of another one: it is the same person, or the same program.
    Succeeded {
        /// The author.
        author: AuthorId,
    },
    /// Two messages of one author have the same counter.
    Fork {
        /// The counter in question.
        id: MessageId,
    },
    /// A message was refused.
    Rejected {
        /// The message.
        id: MessageId,
        /// Its digest.
        digest: Digest,
        /// Why.
        why: Rejection,
    },
}

/// The place of an accepted message in the core's memory. The order of places means nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Slot(pub(crate) u32);

/// A message that waits, and what for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldMessage {
    /// The message that waits.
    pub id: MessageId,
    /// The wall clock of its author, in milliseconds since 1970.
    pub unix_ms: i64,
    /// The parents that are not accepted yet; some may be held themselves.
    pub waits_for: Vec<Parent>,
}
