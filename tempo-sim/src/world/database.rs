//! The real database on a simulated medium.

use std::path::Path;

use bytes::Bytes;
use tempo_clock::AuthorId;
use tempo_message::{AttachmentId, Decoded, Digest, Durability, Frame, MessageId};
use tempo_session::{
    Progress,
    store::{FileRecord, Marks, Origin, Record, RedbStore, Restored, Store, StoreError},
};

use super::{
    medium::Medium,
    store::{Failing, SimStore},
};

impl SimStore {
    /// Opens the store for a process that starts now.
    ///
    /// # Errors
    ///
    /// Returns a [`StoreError`] if the real database cannot be opened.
    pub fn open_store(&self) -> Result<Box<dyn Store>, StoreError> {
        match &self.medium {
            Some(medium) => Ok(Box::new(DatabaseStore::open(medium, self.author, self.open())?)),
            None => Ok(Box::new(self.open())),
        }
    }
}

/// A store in a database on a medium, watched by the simulator.
#[derive(Debug)]
pub(crate) struct DatabaseStore {
    inner: RedbStore,
    watch: SimStore,
}

impl DatabaseStore {
    /// Opens the database. Messages that it kept from commits with an unknown outcome count as sent from now on.
    pub(crate) fn open(medium: &Medium, author: AuthorId, watch: SimStore) -> Result<Self, StoreError> {
        let inner = RedbStore::open_on(medium.open(), Path::new("simulated"), author)?;
        let mut sent = Vec::new();
        inner.restore(0, &mut |restored| {
            if restored.origin == Origin::Sent {
                sent.push((restored.message.id, restored.digest));
            }
        })?;
        sent.sort_unstable();
        for (id, digest) in sent {
            if let Some(bytes) = inner.frame(id, digest)?
                && let Decoded::Whole(frame) = Frame::decode(&bytes)
            {
                watch.note_sent(&frame);
            }
        }
        watch.note_marks(inner.marks()?);
        Ok(Self { inner, watch })
    }
}

impl Store for DatabaseStore {
    fn marks(&self) -> Result<Marks, StoreError> {
        self.inner.marks()
    }

    fn set_marks(&self, marks: &Marks) -> Result<(), StoreError> {
        self.watch.room()?;
        self.inner.set_marks(marks)?;
        self.watch.note_marks(marks.clone());
        Ok(())
    }

    fn progress(&self, cursor: &str) -> Result<Option<Progress>, StoreError> {
        self.inner.progress(cursor)
    }

    fn set_progress(&self, cursor: &str, progress: &Progress) -> Result<(), StoreError> {
        self.watch.room()?;
        self.inner.set_progress(cursor, progress)
    }

    fn restore(&self, from: u64, each: &mut dyn FnMut(Restored)) -> Result<(), StoreError> {
        self.inner.restore(from, each)
    }

    fn log_end(&self) -> Result<u64, StoreError> {
        self.inner.log_end()
    }

    fn snapshot(&self) -> Result<Option<Vec<u8>>, StoreError> {
        self.inner.snapshot()
    }

    fn keep_snapshot(&self, snapshot: &[u8]) -> Result<(), StoreError> {
        self.watch.room()?;
        let failing = self.watch.failing();
        if failing != Some(Failing::Lost) {
            self.inner.keep_snapshot(snapshot)?;
        }
        if failing.is_some() { Err(SimStore::failure()) } else { Ok(()) }
    }

    fn commit(&self, records: &[Record], durability: Durability) -> Result<(), StoreError> {
        self.watch.room()?;
        let failing = self.watch.take_failing(records, durability);
        if failing == Some(Failing::Lost) {
            return Err(SimStore::failure());
        }
        self.inner.commit(records, durability)?;
        for record in records.iter().filter(|record| record.origin == Origin::Sent) {
            self.watch.note_sent(&record.frame);
        }
        if failing.is_some() { Err(SimStore::failure()) } else { Ok(()) }
    }

    fn files(&self) -> Result<Vec<(AttachmentId, FileRecord)>, StoreError> {
        self.inner.files()
    }

    fn set_file(&self, id: AttachmentId, record: Option<&FileRecord>) -> Result<(), StoreError> {
        self.watch.room()?;
        self.inner.set_file(id, record)
    }

    fn frame(&self, id: MessageId, digest: Digest) -> Result<Option<Bytes>, StoreError> {
        self.inner.frame(id, digest)
    }
}
