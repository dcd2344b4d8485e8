//! The events of a session.

use std::fmt;

use serde::Serialize;
use tempo_clock::AuthorId;
use tempo_message::{AttachmentId, Digest, Foreign, MessageId};

use crate::{
    core::{event::Rejection, identity::conflict::IdentityConflict},
    engine::entry::Entry,
};

/// An event of a session. In JSON it is an object, and `event` says which one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Event {
    /// A message entered the timeline. Everything from its position on moved back by one.
    Message {
        /// The message, with its position at that moment.
        entry: Entry,
        /// Where it came in the timeline.
        placed: Placed,
    },
    /// The first messages of the timeline keep their order: no member that is waited for can insert
    /// anything among them any more. Everything after them is tentative.
    Stable {
        /// The number of these messages.
        messages: usize,
    },
    /// A message waits for others that have not arrived. At most 1,024 waiting messages are
    /// reported at a time.
    Held {
        /// The message.
        id: MessageId,
    },
    /// A message no longer waits.
    Released {
        /// The message.
        id: MessageId,
    },
    /// Messages of this author are missing, and later ones are here.
    GapOpened {
        /// The author.
        author: AuthorId,
        /// The number of missing messages.
        missing: u64,
    },
    /// No message of this author is missing any more.
    GapClosed {
        /// The author.
        author: AuthorId,
    },
    /// This author has been silent for as long as [`idle_after`](crate::components::Components::idle_after)
    /// allows, so it is no longer waited for. Its messages may come [below the stable
    /// part](Placed::BelowStable).
    Silent {
        /// The author.
        author: AuthorId,
    },
    /// This author has reported what it has received, or has answered. See
    /// [`Session::seen_by`](crate::Session::seen_by).
    Receipt {
        /// The author.
        author: AuthorId,
    },
    /// The first message of this author was accepted.
    Joined {
        /// The author.
        author: AuthorId,
    },
    /// This author has a new name.
    Renamed {
        /// The author.
        author: AuthorId,
        /// The new name.
        name: String,
    },
    /// An author wrote two messages under one counter: it is in use on two devices. Both are
    /// delivered.
    Fork {
        /// The counter in question.
        id: MessageId,
    },
    /// A message was rejected, here and by every other member.
    Rejected {
        /// The message.
        id: MessageId,
        /// Its digest.
        digest: Digest,
        /// The reason.
        why: Rejection,
    },
    /// This author has taken the place of another one: it is the same person or the same program.
    Succeeded {
        /// The author.
        author: AuthorId,
        /// The author that it was before.
        former: AuthorId,
    },
    /// Members wait for this author no more, by the word of one of them or its own. Its messages may come [below the
    /// stable part](Placed::BelowStable). See [`Session::retire`](crate::Session::retire).
    Retired {
        /// The retired author.
        author: AuthorId,
        /// The author that has said so.
        by: AuthorId,
    },
    /// This author was retired and has written again, so it is waited for.
    Returned {
        /// The author.
        author: AuthorId,
    },
    /// An author needs a file no longer for the messages that it has written, and may remove it from the folder after a
    /// week. Fetch it before, if it is still of use.
    FileReleased {
        /// The author.
        author: AuthorId,
        /// The file.
        id: AttachmentId,
    },
    /// A file that was asked for has been fetched: its content is on this machine.
    Fetched {
        /// The file.
        id: AttachmentId,
        /// Its length in bytes.
        length: u64,
    },
    /// Something has changed about a file that this member sends or fetches: see [`Session::file`](crate::Session::file).
    /// Also told after each part.
    File {
        /// The file.
        id: AttachmentId,
    },
    /// This member continues as a new author, because another installation may write as the former
    /// one.
    NewAuthor {
        /// The author that it was before.
        former: AuthorId,
        /// The author that it is now.
        author: AuthorId,
        /// The reason.
        why: IdentityConflict,
    },
    /// Sent messages cannot be put into the folder. This is tried again until it succeeds.
    Unpublished {
        /// The reason.
        why: String,
    },
    /// A file in the folder is foreign. Reported once per change.
    Foreign(Foreign),
    /// The folder went away or came back.
    Folder(FolderState),
    /// Events were dropped because the application did not take them for too long. None of them is
    /// a message: [`Session::status`](crate::Session::status) has what they reported. The messages come next, in order.
    Missed,
}

/// Where a message came in the timeline, as this application knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Placed {
    /// At the end.
    Last,
    /// Before messages that the application has.
    Late,
    /// Within the part that was reported to the application as stable. Its author is a newcomer, a
    /// member that was not waited for, or an author that is in use twice.
    BelowStable,
}

/// The presence of the folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum FolderState {
    /// Not known yet: the first look at the folder is still to come.
    Unknown,
    /// It is there.
    Attached,
    /// It is away, emptied or another one. Nothing in it counts as deleted; sending continues, into
    /// the store.
    Detached {
        /// The sign of it.
        why: String,
    },
    /// It is there but cannot be read.
    Unreadable {
        /// The error that the system reported.
        why: String,
    },
}

impl fmt::Display for FolderState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown => f.write_str("the folder has not been looked at yet"),
            Self::Attached => f.write_str("the folder is there"),
            Self::Detached { why } | Self::Unreadable { why } => f.write_str(why),
        }
    }
}
