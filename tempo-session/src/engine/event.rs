//! What happens in a session.

use std::fmt;

use tempo_clock::AuthorId;
use tempo_message::{Digest, Foreign, MessageId};

use crate::{
    core::{event::Rejection, identity::conflict::IdentityConflict},
    engine::entry::Entry,
};

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A message entered the timeline. Everything from its position on moved back by one.
    Message {
        /// The message, with its position at that moment.
        entry: Entry,
        /// Whether it came in order.
        placed: Placed,
    },
    /// The first messages of the timeline, so many, keep their order: nobody who is waited for can insert anything among
    /// them any more. Everything behind them is tentative.
    Stable {
        /// How many.
        messages: usize,
    },
    /// A message waits for others that have not arrived. At most 1,024 at a time are told of.
    Held {
        /// The message.
        id: MessageId,
    },
    /// A message that has waited waits no more.
    Released {
        /// The message.
        id: MessageId,
    },
    /// Of this author later messages are here than some that are missing.
    GapOpened {
        /// The author.
        author: AuthorId,
        /// How many are missing.
        missing: u64,
    },
    /// Of this author nothing is missing any more.
    GapClosed {
        /// The author.
        author: AuthorId,
    },
    /// Nothing was heard of this author for as long as [`idle_after`](crate::parts::Parts::idle_after) says, so it is not
    /// waited for; a message of it may come [below what is stable](Placed::BelowStable).
    Silent {
        /// The author.
        author: AuthorId,
    },
    /// This author has told what it has received, or has answered: see [`Session::seen_by`](crate::Session::seen_by).
    Receipt {
        /// The author.
        author: AuthorId,
    },
    /// A first message of this author was accepted.
    Joined {
        /// The author.
        author: AuthorId,
    },
    /// This author goes by another name now.
    Renamed {
        /// The author.
        author: AuthorId,
        /// The new name.
        name: String,
    },
    /// One author wrote two messages under one counter: it is in use on two devices. Both are delivered.
    Fork {
        /// The counter in question.
        id: MessageId,
    },
    /// A message was refused, here as everywhere.
    Rejected {
        /// The message.
        id: MessageId,
        /// Its digest.
        digest: Digest,
        /// Why.
        why: Rejection,
    },
    /// This author has taken the place of another one: it is the same person, or the same program.
    Succeeded {
        /// The author.
        author: AuthorId,
        /// Who it was before.
        former: AuthorId,
    },
    /// This member goes on as a new author, because somebody else may write as the former one.
    NewAuthor {
        /// Who it was before.
        former: AuthorId,
        /// Who it is now.
        author: AuthorId,
        /// What showed it.
        why: IdentityConflict,
    },
    /// What was sent cannot be put into the folder, for this reason; it is tried again until it can.
    Unpublished {
        /// Why.
        why: String,
    },
    /// Something in the folder is not ours; once per change.
    Foreign(Foreign),
    /// The folder went away or came back.
    Attachment(Attachment),
    /// Events were not taken for so long that some are gone, none of them a message: [`Session::status`](crate::Session::status) has what they
    /// would have told. The messages come next, in order.
    Missed,
}

/// Where a message came in the timeline, as this application knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Placed {
    /// At the end.
    Last,
    /// Before messages that the application has.
    Late,
    /// Among those that the application was told to be stable: it is of a newcomer, of somebody who was not waited for,
    /// or of an author that is in use twice.
    BelowStable,
}

/// Whether the folder is there.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Attachment {
    /// Nobody has looked yet.
    Unknown,
    /// It is there.
    Attached,
    /// It is away, emptied or another one. Nothing in it counts as deleted; sending goes on, into the store.
    Detached {
        /// How that shows.
        why: String,
    },
    /// It is there and cannot be read.
    Unreadable {
        /// What the system said.
        why: String,
    },
}

impl fmt::Display for Attachment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown => f.write_str("the folder was not looked at yet"),
            Self::Attached => f.write_str("the folder is there"),
            Self::Detached { why } | Self::Unreadable { why } => f.write_str(why),
        }
    }
}
