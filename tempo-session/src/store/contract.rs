//! The contract of stores.

use std::fmt;

use bytes::Bytes;
use tempo_message::{AttachmentId, Digest, Durability, Frame, Message, MessageId};

use crate::core::progress::Progress;
use crate::store::{error::StoreError, files::FileRecord, marks::Marks};

/// Durable storage for the data that a session must not lose.
///
/// Every implementation follows this contract:
///
/// 1. After `commit(records, Durable)` returns, these records and everything committed before them survive a
///    power loss. A commit keeps all of its records or none.
/// 2. After `commit(records, Lazy)` returns, the records can be read. They survive a power loss once a later
///    durable commit returns.
/// 3. After [`StoreError::Full`], none of the given data is kept, and the caller can try again. After any
///    other error of `commit`, it is unknown what was kept, and the session refuses to send until it is
///    reopened.
/// 4. Committing a record again changes nothing: a record that was [sent](Origin::Sent) stays so when it
///    comes back.
/// 5. `frame` returns the exact bytes that were committed.
/// 6. After `keep_snapshot` returns, `snapshot` returns those bytes. They become durable with the commits
///    after them. Commits before them are never lost while they are kept. A snapshot is read whole or not at
///    all.
/// 7. After `set_marks`, `set_file` or `set_progress` returns, the new value survives a power loss. After `set_progress`,
///    so does everything committed before.
pub trait Store: fmt::Debug + Send + Sync {
    /// Returns the latest marks. A new store contains only its member's author, and an observer's store
    /// contains no author.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    fn marks(&self) -> Result<Marks, StoreError>;

    /// Stores the marks durably.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    fn set_marks(&self, marks: &Marks) -> Result<(), StoreError>;

    /// Returns the position of a cursor, or `None` if none was stored.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    fn progress(&self, cursor: &str) -> Result<Option<Progress>, StoreError>;

    /// Stores the position of a cursor durably.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    fn set_progress(&self, cursor: &str, progress: &Progress) -> Result<(), StoreError>;

    /// Hands up every record from a place in the log on, without its payload, except that of a profile
    /// message. Commits come in order; the records of one commit come in any order. The first place is 0.
    ///
    /// # Errors
    ///
    /// [`StoreError`]. Records handed up before the error are valid.
    fn restore(&self, from: u64, each: &mut dyn FnMut(Restored)) -> Result<(), StoreError>;

    /// Returns the place in the log after everything committed.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    fn log_end(&self) -> Result<u64, StoreError>;

    /// Returns the latest snapshot byte for byte, or `None` if there is none.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    fn snapshot(&self) -> Result<Option<Vec<u8>>, StoreError>;

    /// Stores a snapshot in place of the previous one.
    ///
    /// # Errors
    ///
    /// [`StoreError`]. After it, either snapshot may be kept.
    fn keep_snapshot(&self, snapshot: &[u8]) -> Result<(), StoreError>;

    /// Commits records.
    ///
    /// # Errors
    ///
    /// [`StoreError`]. After it, clause 3 applies.
    fn commit(&self, records: &[Record], durability: Durability) -> Result<(), StoreError>;

    /// Returns every file that the installation sends or fetches.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    fn files(&self) -> Result<Vec<(AttachmentId, FileRecord)>, StoreError>;

    /// Stores durably what is known of a file, or that nothing is.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    fn set_file(&self, id: AttachmentId, record: Option<&FileRecord>) -> Result<(), StoreError>;

    /// Returns the frame of a message, if the store has it.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    fn frame(&self, id: MessageId, digest: Digest) -> Result<Option<Bytes>, StoreError>;
}

/// A frame to store.
#[derive(Debug, Clone)]
pub struct Record {
    /// The frame.
    pub frame: Frame,
    /// The origin of the frame.
    pub origin: Origin,
}

/// The way a frame came into the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// This installation composed it.
    Sent,
    /// It was collected from the transport.
    Received,
}

/// A record as handed up when a session is opened.
#[derive(Debug, Clone)]
pub struct Restored {
    /// The message. Its payload is empty unless it is a profile.
    pub message: Message,
    /// The digest of the message.
    pub digest: Digest,
    /// The origin of the message.
    pub origin: Origin,
    /// The length of its frame, in bytes.
    pub frame_len: u64,
}
