//! Signs that a member's author is in use elsewhere.

use serde::{Serialize, Serializer};
use tempo_message::MessageId;
use thiserror::Error;

use crate::json;

/// The reason why a member must continue as a new author: under the old one, its next message could reuse a
/// counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum IdentityConflict {
    /// Another installation has written this message. The message was found, or other messages name it as a
    /// parent.
    #[error(
        "another installation wrote message {id} as this author, or this one did before its local state was restored"
    )]
    Message {
        /// The foreign message.
        id: MessageId,
    },
    /// The author's head claims more than this installation knows of itself.
    #[error(
        "the folder shows {} message(s) and {} start(s) of this author, but the local state has {known} message(s)",
        head.0,
        head.1
    )]
    Head {
        /// The counter and the number of the life in the head.
        head: (u64, u64),
        /// The last counter of this installation.
        known: u64,
    },
    /// The local state is on another machine or in another file than the one it was written in.
    #[error("the local state is a copy")]
    Copied,
    /// The author is a signed one, and its secret key is not in the local state any more.
    #[error("the secret key of this author is lost")]
    KeyLost,
    /// The folder is a copy of another folder that is still in its place, and the former author writes there.
    #[error("the folder is a copy of another one in which this member writes")]
    CopiedFolder,
}

impl IdentityConflict {
    /// Returns the name of the reason for programs. Names never change.
    pub const fn kind(self) -> &'static str {
        match self {
            Self::Message { .. } => "message",
            Self::Head { .. } => "head",
            Self::Copied => "copied",
            Self::KeyLost => "key-lost",
            Self::CopiedFolder => "copied-folder",
        }
    }
}

/// As an object: `kind`, for programs, and `text`, for people.
impl Serialize for IdentityConflict {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        json::reason(self.kind(), self, serializer)
    }
}
