//! A store in memory; the test decides the result of every write and of the first reads.

use std::fmt;

use bytes::Bytes;
use tempo_message::{AttachmentId, Digest, Durability, MessageId};
use tempo_session::{
    Progress,
    store::{FileRecord, Marks, MemoryStore, Record, Restored, Store, StoreError},
};

/// An operation on the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Act {
    Marks,
    File,
    Progress,
    Snapshot,
    Messages,
    ReadSnapshot,
    ReadLog,
}

pub(crate) struct GuardedStore {
    store: MemoryStore,
    guard: Box<dyn Fn(Act) -> Result<(), StoreError> + Send + Sync>,
}

impl GuardedStore {
    /// The guard is asked before each operation. It may take its time, and refuse.
    pub(crate) fn new(
        store: MemoryStore,
        guard: impl Fn(Act) -> Result<(), StoreError> + Send + Sync + 'static,
    ) -> Self {
        Self { store, guard: Box::new(guard) }
    }
}

impl fmt::Debug for GuardedStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("GuardedStore").field(&self.store).finish()
    }
}

impl Store for GuardedStore {
    fn marks(&self) -> Result<Marks, StoreError> {
        self.store.marks()
    }

    fn set_marks(&self, marks: &Marks) -> Result<(), StoreError> {
        (self.guard)(Act::Marks)?;
        self.store.set_marks(marks)
    }

    fn progress(&self, cursor: &str) -> Result<Option<Progress>, StoreError> {
        self.store.progress(cursor)
    }

    fn set_progress(&self, cursor: &str, progress: &Progress) -> Result<(), StoreError> {
        (self.guard)(Act::Progress)?;
        self.store.set_progress(cursor, progress)
    }

    fn restore(&self, from: u64, each: &mut dyn FnMut(Restored)) -> Result<(), StoreError> {
        (self.guard)(Act::ReadLog)?;
        self.store.restore(from, each)
    }

    fn log_end(&self) -> Result<u64, StoreError> {
        self.store.log_end()
    }

    fn snapshot(&self) -> Result<Option<Vec<u8>>, StoreError> {
        (self.guard)(Act::ReadSnapshot)?;
        self.store.snapshot()
    }

    fn keep_snapshot(&self, snapshot: &[u8]) -> Result<(), StoreError> {
        (self.guard)(Act::Snapshot)?;
        self.store.keep_snapshot(snapshot)
    }

    fn commit(&self, records: &[Record], durability: Durability) -> Result<(), StoreError> {
        (self.guard)(Act::Messages)?;
        self.store.commit(records, durability)
    }

    fn files(&self) -> Result<Vec<(AttachmentId, FileRecord)>, StoreError> {
        self.store.files()
    }

    fn set_file(&self, id: AttachmentId, record: Option<&FileRecord>) -> Result<(), StoreError> {
        (self.guard)(Act::File)?;
        self.store.set_file(id, record)
    }

    fn frame(&self, id: MessageId, digest: Digest) -> Result<Option<Bytes>, StoreError> {
        self.store.frame(id, digest)
    }
}
