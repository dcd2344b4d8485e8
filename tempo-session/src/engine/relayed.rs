//! The result of relaying by hand.

use std::time::Duration;

use tempo_clock::AuthorId;
use tempo_message::{CollectError, Pending, PublishError};
use thiserror::Error;

/// The messages that were put into the folder in their author's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Relayed {
    /// The author of the messages.
    pub author: AuthorId,
    /// The number of messages that were missing in the folder. Zero when the folder has all that
    /// are here.
    pub messages: u64,
}

/// The reason why an author's messages were not put into the folder. Messages that were put there
/// before stay, and nothing is lost.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RelayError {
    /// The session is closed.
    #[error("the session is closed")]
    Closed,
    /// The session was opened as an observer.
    #[error("an observer cannot relay; open the session as a member")]
    Observer,
    /// The author belongs to this installation, which publishes its own messages anyway.
    #[error("your own messages are published automatically")]
    Own,
    /// No message of that author is here.
    #[error("no message of {author} is here")]
    Unknown {
        /// The author.
        author: AuthorId,
    },
    /// The transport cannot relay.
    #[error("this kind of folder does not support relaying")]
    Unsupported,
    /// It is unclear whether the messages are in the folder, because something there cannot be
    /// read.
    #[error("it is unclear what the folder contains")]
    Unclear(#[source] Unclear),
    /// Relaying waits until all own messages are in the folder and the folder is there, and that
    /// took too long.
    #[error("relaying timed out after {patience:?}: own messages not in the folder yet: {unpublished}")]
    TimedOut {
        /// The time that the caller was ready to wait.
        patience: Duration,
        /// The number of own messages that are not in the folder yet.
        unpublished: usize,
    },
    /// A file could not be written or read.
    #[error(transparent)]
    Failed(PublishError),
}

/// The reason why it is unclear whether messages are in the folder.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Unclear {
    /// The folder cannot be looked at.
    #[error(transparent)]
    Collect(CollectError),
    /// A file that may hold one of them cannot be read.
    #[error("{}: {}", .0.place, .0.reason)]
    Pending(Pending),
    /// The folder contains too many files to check.
    #[error("the folder contains too many files to check")]
    TooMuch,
}
