//! The errors of a session.

use std::{path::PathBuf, time::Duration};

use tempo_clock::AuthorId;
#[cfg(feature = "folder")]
use tempo_fs_transport::InstallationError;
use tempo_message::{AttachmentId, MAX_PAYLOAD, MessageId, ShapeError, printable_text};
use thiserror::Error;

use crate::{
    core::{identity::conflict::IdentityConflict, session_core::MAX_NAME},
    store::error::StoreError,
};

/// The reason why a session cannot be opened. Nothing is lost, and no file stays open.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The folder or the directory of local state cannot be used.
    #[cfg(feature = "folder")]
    #[error(transparent)]
    Installation(#[from] InstallationError),
    /// Another process, or another session of this process, already writes as this author.
    #[error("{} is already open in {holder}", folder.display())]
    AlreadyOpen {
        /// The session folder.
        folder: PathBuf,
        /// The process that holds the store, by its own account.
        holder: String,
    },
    /// The local store cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The local state is a copy, and making a new author for it failed.
    #[error(transparent)]
    Identity(IdentityError),
    /// The folder did not answer in time.
    #[error(
        "{} has not answered for {} seconds; is its service or server running?",
        folder.display(),
        patience.as_secs()
    )]
    TimedOut {
        /// The session folder.
        folder: PathBuf,
        /// The longest time that opening waits.
        patience: Duration,
    },
    /// The display name is empty or too long.
    #[error("name must be 1 to {MAX_NAME} bytes, got {actual}")]
    Name {
        /// The length of the name, in bytes.
        actual: usize,
    },
    /// The first message, which carries the name, could not be stored.
    #[error("cannot announce the name")]
    Announce(#[source] SendError),
    /// A thread could not be started.
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

/// The reason why a message was not sent. It is not in the store, and no member will ever receive it.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SendError {
    /// The payload exceeds the limit.
    #[error("payload must have at most {MAX_PAYLOAD} bytes, got {actual}")]
    TooLarge {
        /// The length of the payload, in bytes.
        actual: usize,
    },
    /// The files are too many or have too many parts for one message, one stands twice, or a name is too long.
    #[error("these files cannot travel in one message")]
    Attachments(#[source] ShapeError),
    /// A file was not [attached](crate::Session::attach) here, or its content is not here any more.
    #[error("file {id} is not attached here; attach it first")]
    NotAttached {
        /// The file.
        id: AttachmentId,
    },
    /// The session was opened by an observer.
    #[error("an observer cannot send; open the session as a member")]
    Observer,
    /// The session is closed.
    #[error("the session is closed")]
    Closed,
    /// Another installation may write as this author, and making a new author failed.
    #[error("cannot continue as a new author, which is necessary because {why}")]
    NoNewAuthor {
        /// The sign that a new author is needed.
        why: IdentityConflict,
        /// The reason why the new author could not be made.
        source: IdentityError,
    },
    /// The author is a signed one, and its secret key cannot be had now.
    #[error("the secret key of {author} cannot be used; nothing was sent")]
    NoKey {
        /// The author.
        author: AuthorId,
        /// The reason, if it is more than that the key is not here.
        #[source]
        source: Option<IdentityError>,
    },
    /// The store failed. After [`StoreError::Full`] the message was not stored and may be sent again. After
    /// any other error, only reopening the session shows whether it was.
    #[error("the message could not be stored")]
    Store(#[source] StoreError),
    /// The store failed earlier, and the session must be reopened.
    #[error("the store failed earlier; reopen the session")]
    StoreFailed,
    /// The author's own history is incomplete or used up.
    #[error("this author cannot write any more")]
    Unable(#[source] crate::core::ComposeError),
    /// The value has no encoding.
    #[error("the value cannot be encoded")]
    Codec(#[from] tempo_message::CodecError),
}

/// The reason why an installation could not become a new author. It keeps its present author.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum IdentityError {
    /// The [`IdentitySource`](crate::components::IdentitySource) failed.
    #[error("cannot get an author, or its key")]
    Source(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The store cannot be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The reason why a message cannot be read back.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The session is closed.
    #[error("the session is closed")]
    Closed,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The store lacks a message that it should have.
    #[error("the store has lost message {id}")]
    Lost {
        /// The id of the lost message.
        id: MessageId,
    },
}

/// The reason why a file is not fetched.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum FetchError {
    /// No accepted message names it.
    #[error("no message here names the file {id}")]
    Unknown {
        /// The file.
        id: AttachmentId,
    },
    /// The session has no place for the content of files.
    #[error("this session keeps no files; open it as a member")]
    Unsupported,
    /// Every copy of a part in the folder is something else.
    #[error("part {part} of the file {id} is damaged in the folder; it is fetched when a whole copy arrives")]
    Damaged {
        /// The file.
        id: AttachmentId,
        /// The number of the part.
        part: u16,
    },
    /// Its content on this machine cannot be removed.
    #[error("the content of the file {id} cannot be removed")]
    Remove {
        /// The file.
        id: AttachmentId,
        /// The error of the system.
        source: std::io::Error,
    },
    /// The message that names it cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// What is asked for could not be stored.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Describes an error and all its causes in one line. The text is safe for a terminal, because paths may
/// contain anything.
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
