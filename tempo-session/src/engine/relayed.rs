//! What comes of relaying by hand.

use std::time::Duration;

use tempo_clock::AuthorId;
use tempo_message::{CollectError, Pending, PublishError};
use thiserror::Error;

/// What was put into the folder in its author's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Relayed {
    /// The author of the messages.
    pub author: AuthorId,
    /// The number of messages that were missing in the folder. None when all that are here were found there.
    pub messages: u64,
}

/// Why an author's messages were not put into the folder. What was put there before stays, and nothing is lost.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RelayError {
    /// The session is closed.
    #[error("the session is closed")]
    Closed,
    /// The session was opened to look on.
    #[error("an observer cannot relay; open the session as a member")]
    Observer,
    /// It is an author of this installation, which puts its own messages into the folder anyway.
    #[error("your own messages are put into the folder by themselves")]
    Own,
    /// No message of that author is here.
    #[error("no message of {author} is here")]
    Unknown {
        /// The author.
        author: AuthorId,
    },
    /// Nothing can be relayed here: the transport has no place for it.
    #[error("nothing can be relayed in this kind of place")]
    Unsupported,
    /// Whether the messages lie in the folder cannot be told, because something there cannot be read.
    #[error("it cannot be told what the folder holds")]
    Unclear(#[source] Unclear),
    /// Nothing is relayed as long as own messages are not in the folder, or the folder is away.
    #[error("relaying did not come to its end within {patience:?}: own messages not in the folder yet: {unpublished}")]
    TimedOut {
        /// How long it was waited.
        patience: Duration,
        /// So many own messages are not in the folder yet.
        unpublished: usize,
    },
    /// A file could not be written or read.
    #[error(transparent)]
    Failed(PublishError),
}

/// Why it cannot be told whether messages are in the folder.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Unclear {
    /// The folder cannot be looked at.
    #[error(transparent)]
    Collect(CollectError),
    /// A file that may hold one of them cannot be read.
    #[error("{}: {}", .0.place, .0.reason)]
    Pending(Pending),
    /// The folder holds more than can be looked at.
    #[error("there is more than can be looked at")]
    TooMuch,
}
