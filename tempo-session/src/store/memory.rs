//! A store without a disk, for observers and tests.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use tempo_clock::AuthorId;
use tempo_message::{AttachmentId, Decoded, Digest, Durability, Frame, MessageId};

use super::contract::Record;
use crate::core::{order::chunked::Chunked, progress::Progress, session_core::without_payload};
use crate::store::{
    contract::{Origin, Restored, Store},
    error::StoreError,
    files::FileRecord,
    marks::Marks,
};

/// A store in memory that keeps records as long as the process runs. A clone is another handle to the same
/// records, so that a test can reopen a session.
#[derive(Debug, Clone, Default)]
pub struct MemoryStore {
    records: Arc<Mutex<Records>>,
    marks: Arc<Mutex<Marks>>,
    progress: Arc<Mutex<BTreeMap<String, Progress>>>,
    snapshot: Arc<Mutex<Option<Vec<u8>>>>,
    files: Arc<Mutex<BTreeMap<AttachmentId, FileRecord>>>,
}

#[derive(Debug, Default)]
struct Records {
    /// The frames in the order of their commits.
    kept: Vec<(Bytes, Origin)>,
    /// For each author, the counters and digests in this order, and the index of each frame.
    places: BTreeMap<AuthorId, Chunked<(u64, Digest, usize)>>,
}

impl Records {
    fn add(&mut self, frame: &Frame, origin: Origin) {
        let (MessageId { author, counter }, digest) = (frame.id(), frame.digest());
        let last = self.places.get(&author).and_then(Chunked::last);
        let is_behind = last.is_none_or(|&(last, of, _)| (last, of) < (counter, digest));
        if is_behind || self.find(frame.id(), digest).is_none() {
            let entry = (counter, digest, self.kept.len());
            self.places.entry(author).or_default().insert(entry, |other| *other < entry);
            self.kept.push((frame.bytes().clone(), origin));
        }
    }

    fn find(&self, id: MessageId, digest: Digest) -> Option<&Bytes> {
        let places = self.places.get(&id.author)?;
        let at = places.partition_point(|&(counter, other, _)| (counter, other) < (id.counter, digest));
        let &(counter, found, place) = places.get(at)?;
        let (frame, _) = self.kept.get(place).filter(|_| (counter, found) == (id.counter, digest))?;
        Some(frame)
    }
}

impl MemoryStore {
    /// Makes an empty store. Without an author it is an observer's.
    pub fn new(author: Option<AuthorId>) -> Self {
        Self { marks: Arc::new(Mutex::new(Marks::new(author))), ..Self::default() }
    }

    fn records(&self) -> MutexGuard<'_, Records> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store for MemoryStore {
    fn marks(&self) -> Result<Marks, StoreError> {
        Ok(self.marks.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }

    fn set_marks(&self, marks: &Marks) -> Result<(), StoreError> {
        *self.marks.lock().unwrap_or_else(PoisonError::into_inner) = marks.clone();
        Ok(())
    }

    fn progress(&self, cursor: &str) -> Result<Option<Progress>, StoreError> {
        Ok(self.progress.lock().unwrap_or_else(PoisonError::into_inner).get(cursor).cloned())
    }

    fn set_progress(&self, cursor: &str, progress: &Progress) -> Result<(), StoreError> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner).insert(cursor.to_owned(), progress.clone());
        Ok(())
    }

    fn restore(&self, from: u64, each: &mut dyn FnMut(Restored)) -> Result<(), StoreError> {
        let records = self.records();
        let from = usize::try_from(from).unwrap_or(usize::MAX);
        for (frame, origin) in records.kept.iter().skip(from) {
            let Decoded::Whole(frame) = Frame::decode(frame) else { continue };
            each(Restored {
                digest: frame.digest(),
                origin: *origin,
                frame_len: u64::try_from(frame.bytes().len()).unwrap_or(u64::MAX),
                message: without_payload(frame.into_message()),
            });
        }
        Ok(())
    }

    fn log_end(&self) -> Result<u64, StoreError> {
        Ok(u64::try_from(self.records().kept.len()).unwrap_or(u64::MAX))
    }

    fn snapshot(&self) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.snapshot.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }

    fn keep_snapshot(&self, snapshot: &[u8]) -> Result<(), StoreError> {
        *self.snapshot.lock().unwrap_or_else(PoisonError::into_inner) = Some(snapshot.to_vec());
        Ok(())
    }

    fn commit(&self, records: &[Record], _: Durability) -> Result<(), StoreError> {
        let mut kept = self.records();
        for Record { frame, origin } in records {
            kept.add(frame, *origin);
        }
        Ok(())
    }

    fn files(&self) -> Result<Vec<(AttachmentId, FileRecord)>, StoreError> {
        let files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(files.iter().map(|(id, record)| (*id, record.clone())).collect())
    }

    fn set_file(&self, id: AttachmentId, record: Option<&FileRecord>) -> Result<(), StoreError> {
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        match record {
            Some(record) => drop(files.insert(id, record.clone())),
            None => drop(files.remove(&id)),
        }
        Ok(())
    }

    fn frame(&self, id: MessageId, digest: Digest) -> Result<Option<Bytes>, StoreError> {
        Ok(self.records().find(id, digest).cloned())
    }
}
