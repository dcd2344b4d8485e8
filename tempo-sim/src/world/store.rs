//! A store in memory that loses in a crash what a store on a disk may lose.

use std::{
    collections::BTreeMap,
    io, mem,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use tempo_clock::AuthorId;
use tempo_message::{AttachmentId, Digest, Durability, Frame, Message, MessageId};
use tempo_session::{
    Progress,
    store::{FileRecord, Marks, Origin, Record, Restored, Store, StoreError},
};

use super::medium::Medium;
use crate::{
    Rng,
    disk::{Act, Witness},
};

/// The store of a member. Cloning returns another handle to this store.
#[derive(Debug, Clone)]
pub struct SimStore {
    pub(super) state: Arc<Mutex<State>>,
    /// The author that the store was created for.
    pub(super) author: AuthorId,
    /// The machine's life when this handle was created.
    pub(super) life: u64,
    /// The medium of the real database, if that is used.
    pub(super) medium: Option<Medium>,
}

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) records: BTreeMap<(MessageId, Digest), Kept>,
    /// The number of records ever committed; some may be lost.
    pub(super) committed: usize,
    /// Transactions that are not durable yet, oldest first.
    pub(super) lazy: Vec<Lazy>,
    pub(super) marks: Marks,
    pub(super) progress: BTreeMap<String, Progress>,
    pub(super) snapshot: Option<Vec<u8>>,
    pub(super) files: BTreeMap<AttachmentId, FileRecord>,
    /// Messages committed as sent since the last look.
    pub(super) sent: Vec<Frame>,
    pub(super) failing: Option<Failing>,
    /// True if the store has no room for anything.
    pub(super) is_full: bool,
    /// The number of times that the machine has lost power.
    pub(super) life: u64,
    pub(super) witness: Option<Witness>,
}

/// A record and the number of records committed before it.
#[derive(Debug, Clone)]
pub(super) struct Kept {
    pub(super) frame: Frame,
    pub(super) origin: Origin,
    pub(super) number: usize,
}

/// A transaction that may be lost.
#[derive(Debug)]
pub(super) enum Lazy {
    /// These records were new.
    Records(Vec<(MessageId, Digest)>),
    /// This snapshot was replaced by another.
    Snapshot(Option<Vec<u8>>),
}

/// The outcome of a failing commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failing {
    /// The commit keeps nothing and reports the failure.
    Lost,
    /// The commit keeps everything but reports a failure.
    Kept,
}

impl SimStore {
    /// Creates an empty store.
    pub fn new(author: AuthorId) -> Self {
        let state = State { marks: Marks::new(Some(author)), ..State::default() };
        Self { state: Arc::new(Mutex::new(state)), author, life: 0, medium: None }
    }

    /// Returns a handle for a process that starts now.
    #[must_use]
    pub fn open(&self) -> Self {
        Self { life: self.lock().life, ..self.clone() }
    }

    /// Loses power. The last lazy transactions are lost, and what processes from before still want to commit is not
    /// kept.
    pub fn crash(&self, rng: &mut Rng) {
        if let Some(medium) = &self.medium {
            medium.crash(rng);
        }
        let mut state = self.lock();
        state.life += 1;
        let kept = rng.below(state.lazy.len() + 1);
        for transaction in mem::take(&mut state.lazy).iter().skip(kept).rev() {
            state.undo(transaction);
        }
        state.failing = None;
    }

    /// Replaces the records in memory by the real database on a simulated medium.
    pub fn use_database(&mut self) {
        self.medium = Some(Medium::default());
    }

    /// Returns whether the store uses the real database.
    pub fn has_database(&self) -> bool {
        self.medium.is_some()
    }

    /// Notes that a database has kept this frame.
    pub(crate) fn note_sent(&self, frame: &Frame) {
        let mut state = self.lock();
        let key = (frame.id(), frame.digest());
        if state.keep(key, frame, Origin::Sent) {
            state.sent.push(frame.clone());
        }
    }

    pub(crate) fn note_marks(&self, marks: Marks) {
        self.lock().marks = marks;
    }

    /// Returns how the commit of these records must fail, if it must.
    pub(crate) fn take_failing(&self, records: &[Record], durability: Durability) -> Option<Failing> {
        let is_durable = durability == Durability::Durable && !records.is_empty();
        if is_durable { self.lock().failing.take() } else { None }
    }

    /// Returns how the next commit must fail, if it must.
    pub(crate) fn failing(&self) -> Option<Failing> {
        self.lock().failing
    }

    pub(crate) fn failure() -> StoreError {
        StoreError::Damaged { path: PathBuf::from("simulated"), what: "the commit failed" }
    }

    /// Lets the next durable commit fail, and every attempt to keep a snapshot before it.
    pub fn fail_next(&self, failing: Failing) {
        self.lock().failing = Some(failing);
    }

    /// Fills the store's volume, or makes room again.
    pub fn set_full(&self, full: bool) {
        self.lock().is_full = full;
    }

    /// Returns an error if there is no room.
    pub(crate) fn room(&self) -> Result<(), StoreError> {
        if !self.lock().is_full {
            return Ok(());
        }
        Err(StoreError::Full { path: PathBuf::from("simulated"), source: io::ErrorKind::StorageFull.into() })
    }

    /// Returns the messages that were committed as sent since the last call.
    pub fn take_sent(&self) -> Vec<Frame> {
        mem::take(&mut self.lock().sent)
    }

    /// Returns the current marks: the store's author and its progress.
    pub fn marks_now(&self) -> Marks {
        self.lock().marks.clone()
    }

    /// Returns an independent store with the current contents, as on a backup or a cloned disk.
    #[must_use]
    pub fn copied(&self) -> Self {
        let state = self.lock();
        let copy = State {
            records: state.records.clone(),
            committed: state.committed,
            marks: state.marks.clone(),
            progress: state.progress.clone(),
            snapshot: state.snapshot.clone(),
            files: state.files.clone(),
            ..State::default()
        };
        let medium = self.medium.as_ref().map(Medium::copied);
        Self { state: Arc::new(Mutex::new(copy)), author: self.author, life: 0, medium }
    }

    /// Returns whether this installation has sent a message.
    pub fn has_sent(&self, id: MessageId, digest: Digest) -> bool {
        self.lock().records.get(&(id, digest)).is_some_and(|kept| kept.origin == Origin::Sent)
    }

    /// Returns the frames that this installation has sent.
    pub fn sent(&self) -> Vec<Frame> {
        let state = self.lock();
        let sent = state.records.values().filter(|kept| kept.origin == Origin::Sent);
        sent.map(|kept| kept.frame.clone()).collect()
    }

    /// Returns every frame in the store, of whomever.
    pub(crate) fn frames(&self) -> Vec<Frame> {
        self.lock().records.values().map(|kept| kept.frame.clone()).collect()
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Keeps a record unless it is already present. Returns whether it was new.
    fn keep(&mut self, key: (MessageId, Digest), frame: &Frame, origin: Origin) -> bool {
        let is_new = !self.records.contains_key(&key);
        if is_new {
            self.records.insert(key, Kept { frame: frame.clone(), origin, number: self.committed });
            self.committed += 1;
        }
        is_new
    }

    fn undo(&mut self, transaction: &Lazy) {
        match transaction {
            Lazy::Records(keys) => keys.iter().for_each(|key| drop(self.records.remove(key))),
            Lazy::Snapshot(before) => self.snapshot.clone_from(before),
        }
    }
}

impl Store for SimStore {
    fn marks(&self) -> Result<Marks, StoreError> {
        Ok(self.lock().marks.clone())
    }

    fn set_marks(&self, marks: &Marks) -> Result<(), StoreError> {
        self.room()?;
        self.before(Act::Sync);
        let mut state = self.lock();
        if state.life == self.life {
            state.marks = marks.clone();
        }
        Ok(())
    }

    fn progress(&self, cursor: &str) -> Result<Option<Progress>, StoreError> {
        Ok(self.lock().progress.get(cursor).cloned())
    }

    fn set_progress(&self, cursor: &str, progress: &Progress) -> Result<(), StoreError> {
        self.room()?;
        self.before(Act::Sync);
        let mut state = self.lock();
        if state.life != self.life {
            return Err(Self::failure());
        }
        state.progress.insert(cursor.to_owned(), progress.clone());
        state.lazy.clear();
        Ok(())
    }

    fn restore(&self, from: u64, each: &mut dyn FnMut(Restored)) -> Result<(), StoreError> {
        let state = self.lock();
        let from = usize::try_from(from).unwrap_or(usize::MAX);
        let mut kept: Vec<&Kept> = state.records.values().filter(|kept| kept.number >= from).collect();
        kept.sort_unstable_by_key(|kept| kept.number);
        for Kept { frame, origin, .. } in kept {
            // The session keeps what it needs of the payload; more does no harm.
            let message: Message = frame.message().clone();
            let frame_len = u64::try_from(frame.bytes().len()).unwrap_or(u64::MAX);
            each(Restored { message, digest: frame.digest(), origin: *origin, frame_len });
        }
        Ok(())
    }

    fn log_end(&self) -> Result<u64, StoreError> {
        Ok(u64::try_from(self.lock().committed).unwrap_or(u64::MAX))
    }

    fn snapshot(&self) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.lock().snapshot.clone())
    }

    fn keep_snapshot(&self, snapshot: &[u8]) -> Result<(), StoreError> {
        self.room()?;
        self.before(Act::Change);
        let mut state = self.lock();
        if state.life != self.life {
            return Err(Self::failure());
        }
        let failing = state.failing;
        if failing != Some(Failing::Lost) {
            let before = state.snapshot.replace(snapshot.to_vec());
            state.lazy.push(Lazy::Snapshot(before));
        }
        if failing.is_some() { Err(Self::failure()) } else { Ok(()) }
    }

    fn commit(&self, records: &[Record], durability: Durability) -> Result<(), StoreError> {
        self.room()?;
        self.before(if durability == Durability::Durable { Act::Sync } else { Act::Change });
        let mut state = self.lock();
        if state.life != self.life {
            return Err(Self::failure());
        }
        let failing =
            if durability == Durability::Durable && !records.is_empty() { state.failing.take() } else { None };

        if failing == Some(Failing::Lost) {
            return Err(Self::failure());
        }
        let mut transaction = Vec::with_capacity(records.len());
        for Record { frame, origin } in records {
            let key = (frame.id(), frame.digest());
            if *origin == Origin::Sent {
                state.sent.push(frame.clone());
            }
            if state.keep(key, frame, *origin) {
                transaction.push(key);
            }
        }
        match durability {
            Durability::Durable => state.lazy.clear(),
            Durability::Lazy => state.lazy.push(Lazy::Records(transaction)),
        }
        match failing {
            Some(_) => Err(Self::failure()),
            None => Ok(()),
        }
    }

    fn files(&self) -> Result<Vec<(AttachmentId, FileRecord)>, StoreError> {
        Ok(self.lock().files.iter().map(|(id, record)| (*id, record.clone())).collect())
    }

    fn set_file(&self, id: AttachmentId, record: Option<&FileRecord>) -> Result<(), StoreError> {
        self.room()?;
        self.before(Act::Sync);
        let mut state = self.lock();
        if state.life != self.life {
            return Err(Self::failure());
        }
        match record {
            Some(record) => drop(state.files.insert(id, record.clone())),
            None => drop(state.files.remove(&id)),
        }
        state.lazy.clear();
        Ok(())
    }

    fn frame(&self, id: MessageId, digest: Digest) -> Result<Option<Bytes>, StoreError> {
        Ok(self.lock().records.get(&(id, digest)).map(|kept| kept.frame.bytes().clone()))
    }
}
