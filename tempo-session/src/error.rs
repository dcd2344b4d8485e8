//! What can go wrong between an application and its session.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use tempo_clock::AuthorId;
use tempo_fs_transport::{DecisionError, Installation, InstallationError};
use tempo_message::{MAX_PAYLOAD, MessageId};
use thiserror::Error;

use crate::{
    core::{identity::authors::IdentityConflict, session_core::MAX_NAME},
    store::error::StoreError,
};

/// Why it could not be kept what somebody says of a directory beside a session folder.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DecideError {
    /// The folder does not answer, or there is no place for local state.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// One of the directories cannot be that, or the local state cannot be written.
    #[error(transparent)]
    Decision(#[from] DecisionError),
}

/// Why a session cannot be opened. Nothing has been lost, and nothing is left open.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The folder or the directory of local state cannot be used.
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
    #[error("cannot start a thread for {}", folder.display())]
    Thread {
        /// The session folder.
        folder: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

impl OpenError {
    pub(crate) fn already_open(folder: &Path, installation: &Installation) -> Self {
        let holder = installation.holder().ok().flatten().unwrap_or_else(|| "another process".to_owned());
        Self::AlreadyOpen { folder: folder.to_owned(), holder }
    }
}

impl From<IdentityError> for OpenError {
    fn from(error: IdentityError) -> Self {
        match error {
            IdentityError::Installation(error) => Self::Installation(error),
            IdentityError::Store(error) => Self::Store(error),
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
    /// The local state cannot be written.
    #[error(transparent)]
    Installation(#[from] InstallationError),
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

/// Why own messages were not packed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PackError {
    /// The session is closed.
    #[error("the session is closed")]
    Closed,
    /// Nothing can be packed as long as something is not in the folder, the folder is away, or much is to be done.
    #[error("packing did not come to its end within {patience:?}: messages not in the folder yet: {unpublished}")]
    TimedOut {
        /// How long it was waited.
        patience: Duration,
        /// So many messages are not in the folder yet.
        unpublished: usize,
    },
    /// A file could not be written, read or removed. What was packed before stays so, and nothing is lost.
    #[error("{0}")]
    Failed(String),
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
    #[error("it cannot be told what lies in the folder: {why}")]
    Unclear {
        /// What cannot be read.
        why: String,
    },
    /// Nothing is relayed as long as own messages are not in the folder, or the folder is away.
    #[error("relaying did not come to its end within {patience:?}: own messages not in the folder yet: {unpublished}")]
    TimedOut {
        /// How long it was waited.
        patience: Duration,
        /// So many own messages are not in the folder yet.
        unpublished: usize,
    },
    /// A file could not be written or read.
    #[error("{0}")]
    Failed(String),
}

/// Why a cursor cannot be had, or not be committed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CursorError {
    /// The name is empty or too long.
    #[error("the name of a cursor has 1 to {} bytes, and this one has {actual}", crate::Cursor::MAX_NAME)]
    Name {
        /// The length of the name.
        actual: usize,
    },
    /// There is one of this name, and two would not know of each other.
    #[error("the cursor {name:?} is in use in this process")]
    InUse {
        /// The name.
        name: String,
    },
    /// The store failed, or the session is closed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a refresh did not come to its end.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RefreshError {
    /// The session is closed.
    #[error("the session is closed")]
    Closed,
    /// The folder cannot be read now.
    #[error("{0}")]
    Away(String),
    /// The folder did not answer in time; what has arrived until then is there.
    #[error("the folder has not been read to its end within {} seconds", patience.as_secs())]
    TimedOut {
        /// How long it was waited for.
        patience: Duration,
    },
}
