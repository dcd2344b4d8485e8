//! The local memory of an installation: every frame sent or received, outside the shared folder.

mod memory;
mod reader;
mod redb;

use std::{fmt, path::PathBuf};

/// What a [`RedbStore`] can be put on instead of a file.
pub use ::redb::StorageBackend;
use bytes::Bytes;
pub use memory::MemoryStore;
pub use reader::RedbReader;
pub use redb::RedbStore;
use tempo_clock::AuthorId;
use tempo_message::{Digest, Durability, Frame, Message, MessageId};
use thiserror::Error;

/// Where a session keeps what it must not lose.
///
/// Contract:
///
/// 1. After `commit(records, Durable)` returns, those records and everything committed before them survive a loss of
///    power; all of them or none, never a part.
/// 2. After `commit(records, Lazy)` returns, the records can be read, and survive as soon as a later durable commit
///    returns.
/// 3. After an error of `commit` it is unknown what was kept. The session then refuses to send until it is reopened.
/// 4. Committing a record again changes nothing, except that a record once [sent](Origin::Sent) stays so.
/// 5. `frame` gives the exact bytes that were committed.
pub trait Store: fmt::Debug + Send {
    /// The author whose store this is; `None` for an observer's.
    fn author(&self) -> Option<AuthorId>;

    /// What was noted last; nothing at first.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    fn marks(&self) -> Result<Marks, StoreError>;

    /// Notes how far things have come, durably.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    fn set_marks(&mut self, marks: Marks) -> Result<(), StoreError>;

    /// Hands up every record without its payload, except that of a profile message; in any order.
    ///
    /// # Errors
    ///
    /// [`StoreError`]; what was handed up until then is true.
    fn restore(&self, each: &mut dyn FnMut(Restored)) -> Result<(), StoreError>;

    /// Keeps records.
    ///
    /// # Errors
    ///
    /// [`StoreError`], after which clause 3 holds.
    fn commit(&mut self, records: &[Record], durability: Durability) -> Result<(), StoreError>;

    /// The frame of a message, if it is kept here.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    fn frame(&self, id: MessageId, digest: Digest) -> Result<Option<Bytes>, StoreError>;
}

/// How far an author has come in its folder.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Marks {
    /// The author has been in the folder: from then on its directory is expected there.
    pub joined: bool,
    /// The own messages up to this counter have been seen whole in the folder and synced there, once.
    pub audited: u64,
}

/// A frame to keep.
#[derive(Debug, Clone)]
pub struct Record {
    /// The frame.
    pub frame: Frame,
    /// How it came here.
    pub origin: Origin,
}

/// How a frame came into the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// This installation made it.
    Sent,
    /// It was collected.
    Received,
}

/// A record as it is handed up when a session is opened.
#[derive(Debug, Clone)]
pub struct Restored {
    /// The message; its payload is empty unless it is a profile.
    pub message: Message,
    /// Its digest.
    pub digest: Digest,
    /// How it came here.
    pub origin: Origin,
    /// The length of its frame in bytes.
    pub frame_len: u64,
}

/// Why a store cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Another process, or another session of this one, has the store open.
    #[error("the store {} is in use", path.display())]
    InUse {
        /// The store.
        path: PathBuf,
    },
    /// The process that had the store open last did not close it. Opening it for writing mends it; nothing is lost.
    #[error("the store {} was not closed and has to be mended", path.display())]
    Unclean {
        /// The store.
        path: PathBuf,
    },
    /// The store was written by newer software.
    #[error("the store {} has format {found}, this software reads up to {supported}", path.display())]
    Newer {
        /// The store.
        path: PathBuf,
        /// The format of the store.
        found: u32,
        /// The newest format that this software reads.
        supported: u32,
    },
    /// The store is another author's: somebody has moved it here.
    #[error("the store {} belongs to {found}, not to {expected}", path.display())]
    Author {
        /// The store.
        path: PathBuf,
        /// Whose it is.
        found: AuthorId,
        /// Whose it should be.
        expected: AuthorId,
    },
    /// A record cannot be read.
    #[error("the store {} is damaged: {what}", path.display())]
    Damaged {
        /// The store.
        path: PathBuf,
        /// What cannot be read.
        what: &'static str,
    },
    /// The database failed: no room, no permission, a broken disk.
    #[error("cannot use the store {}", path.display())]
    Failed {
        /// The store.
        path: PathBuf,
        /// What the database said.
        source: Box<::redb::Error>,
    },
}
