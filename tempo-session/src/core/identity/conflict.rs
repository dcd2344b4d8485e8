//! What shows that a member's name is in use elsewhere.

use tempo_message::MessageId;
use thiserror::Error;

/// Why a member must go on as a new author: what it wrote under the old name could take a counter that is in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum IdentityConflict {
    /// Another installation has written this message: it was found, or others say that they come after it.
    #[error("message {id} was written under this name by another installation, or before the local state was restored")]
    Message {
        /// The message that is not ours.
        id: MessageId,
    },
    /// The author's head says more than this installation knows of itself.
    #[error("the folder shows {} message(s) and {} start(s) of this author, the local state {known}", head.0, head.1)]
    Head {
        /// The counter and the number of the life in the head.
        head: (u64, u64),
        /// The own last counter.
        known: u64,
    },
    /// The local state lies on another machine, or in another file, than where it was written.
    #[error("the local state is a copy")]
    Copied,
    /// The folder is a copy of another one, which is still in its place and in which the former author writes.
    #[error("the folder is a copy of another one in which this member writes")]
    CopiedFolder,
}
