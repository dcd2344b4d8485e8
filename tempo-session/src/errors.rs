//! What can go wrong between an application and its session.

use std::{path::PathBuf, time::Duration};

#[cfg(feature = "folder")]
use tempo_fs_transport::InstallationError;
use tempo_message::{MAX_PAYLOAD, MessageId, printable_text};
use thiserror::Error;

use crate::{
    core::{identity::conflict::IdentityConflict, session_core::MAX_NAME},
    store::error::StoreError,
};

/// Why a session cannot be opened. Nothing has been lost, and nothing is left open.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The folder or the directory of local state cannot be used.
    #[cfg(feature = "folder")]
    #[error(transparent)]
    Installation(#[from] InstallationError),
    /// Another process, or another session of this one, writes as this author already.
    #[error("{} is open already, in {holder}", folder.display())]
    AlreadyOpen {
        /// The session folder.
        folder: PathBuf,
        /// Who said that it has it open.
        holder: String,
    },
    /// The local store cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The local state is a copy, and no new author could be made to go on as.
    #[error(transparent)]
    Identity(IdentityError),
    /// The folder did not answer.
    #[error("{} has not answered for {} seconds; is its service or server running?", folder.display(), patience.as_secs())]
    TimedOut {
        /// The session folder.
        folder: PathBuf,
        /// How long it was waited for.
        patience: Duration,
    },
    /// The display name is empty or too long.
    #[error("a name has 1 to {MAX_NAME} bytes, and this one has {actual}")]
    Name {
        /// The length of the name.
        actual: usize,
    },
    /// The first message, which carries the name, could not be kept.
    #[error("cannot announce the name")]
    Announce(#[source] SendError),
    /// No thread could be started.
    #[error("cannot start a thread")]
    Thread(#[source] std::io::Error),
}

impl From<IdentityError> for OpenError {
    fn from(error: IdentityError) -> Self {
        match error {
            IdentityError::Store(error) => Self::Store(error),
            error @ IdentityError::Source(_) => Self::Identity(error),
        }
    }
}

/// Why a message was not sent. It is not in the store, and nobody will ever see it.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SendError {
    /// The payload is over the limit.
    #[error("the payload has {actual} bytes, at most {MAX_PAYLOAD} are allowed")]
    TooLarge {
        /// Its length.
        actual: usize,
    },
    /// The session was opened to look on.
    #[error("an observer cannot send; open the session as a member")]
    Observer,
    /// The session is closed.
    #[error("the session is closed")]
    Closed,
    /// Somebody else may write under this author, and no new one could be made to go on as.
    #[error("this member must go on as a new author, because {why}; and that failed")]
    NoNewAuthor {
        /// What shows it.
        why: IdentityConflict,
        /// Why there is none.
        source: IdentityError,
    },
    /// The store failed. After [`StoreError::Full`] the message was not kept, and may be sent again; after another error it shows
    /// when the session is opened again whether it was.
    #[error("the message could not be kept")]
    Store(#[source] StoreError),
    /// The store failed earlier, and the session has to be opened again.
    #[error("the store has failed before; open the session again")]
    StoreFailed,
    /// The own history is incomplete or used up.
    #[error("this author cannot write any more")]
    Unable(#[source] crate::core::ComposeError),
    /// The value has no encoding.
    #[error("the value cannot be encoded")]
    Codec(#[from] tempo_message::CodecError),
}

/// Why an installation did not become a new author. It is who it was.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum IdentityError {
    /// The [`IdentitySource`](crate::parts::IdentitySource) has failed.
    #[error("no new author can be made")]
    Source(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The store cannot be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a message cannot be read back.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The session is closed.
    #[error("the session is closed")]
    Closed,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The store does not have what it should have.
    #[error("the store has lost message {id}")]
    Lost {
        /// The message.
        id: MessageId,
    },
}

/// An error with everything that caused it, in one line, safe for a terminal: paths may be anything.
pub(crate) fn describe(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    printable_text(&text)
}
