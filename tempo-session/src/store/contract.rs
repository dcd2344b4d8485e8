//! What a session demands of a store.

use std::fmt;

use bytes::Bytes;
use tempo_message::{Digest, Durability, Frame, Message, MessageId};

use crate::core::progress::Progress;
use crate::store::{error::StoreError, marks::Marks};

/// Where a session keeps what it must not lose.
///
/// Contract:
///
/// 1. After `commit(records, Durable)` returns, those records and everything committed before them survive a loss of
///    power; all of them or none, never a part.
/// 2. After `commit(records, Lazy)` returns, the records can be read, and survive as soon as a later durable commit
///    returns.
/// 3. After [`StoreError::Full`] nothing of what was given is kept, and it can be tried again. After another error of `commit`
///    it is unknown what was kept; the session then refuses to send until it is reopened.
/// 4. Committing a record again changes nothing: what was [sent](Origin::Sent) stays so when it comes back.
/// 5. `frame` gives the exact bytes that were committed.
/// 6. After `keep_snapshot` returns, `snapshot` returns those bytes. They become durable with what is committed after them;
///    what was committed before them is never lost without them being lost as well. A snapshot is read whole or not at all.
/// 7. After `set_marks` or `set_progress` returns, what they noted survives a loss of power; after `set_progress` also
///    everything that was committed before.
pub trait Store: fmt::Debug + Send + Sync {
    /// What was noted last. A new store of a member knows its author and nothing else; an observer's knows nobody.
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
    fn set_marks(&self, marks: &Marks) -> Result<(), StoreError>;

    /// How far the application has come with a cursor; `None` when it was never noted.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    fn progress(&self, cursor: &str) -> Result<Option<Progress>, StoreError>;

    /// Notes it, durably.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    fn set_progress(&self, cursor: &str, progress: &Progress) -> Result<(), StoreError>;

    /// Hands up every record from a place in the log on, without its payload, except that of a profile message; one commit
    /// after the other, and what was committed together in any order. The first place is 0.
    ///
    /// # Errors
    ///
    /// [`StoreError`]; what was handed up until then is true.
    fn restore(&self, from: u64, each: &mut dyn FnMut(Restored)) -> Result<(), StoreError>;

    /// The place in the log behind everything that is committed.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    fn log_end(&self) -> Result<u64, StoreError>;

    /// The snapshot that was kept last, byte for byte; `None` when there is none.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    fn snapshot(&self) -> Result<Option<Vec<u8>>, StoreError>;

    /// Keeps a snapshot in place of the one before.
    ///
    /// # Errors
    ///
    /// [`StoreError`]; it is unknown then which one is kept.
    fn keep_snapshot(&self, snapshot: &[u8]) -> Result<(), StoreError>;

    /// Keeps records.
    ///
    /// # Errors
    ///
    /// [`StoreError`], after which clause 3 holds.
    fn commit(&self, records: &[Record], durability: Durability) -> Result<(), StoreError>;

    /// The frame of a message, if it is kept here.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    fn frame(&self, id: MessageId, digest: Digest) -> Result<Option<Bytes>, StoreError>;
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
