//! Into the store: one writer at a time, and nobody who only reads waits for it.

use std::{
    mem,
    sync::{Arc, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use tempo_fs_transport::Fingerprint;
use tempo_message::{Durability, Frame, Kind, MessageId, planted};

use crate::core::progress::Progress;
use crate::engine::{
    minting::IdentitySource,
    shared::{MUCH, Shared, State, describe},
};
use crate::{
    core::session_core::ComposeError,
    error::{CursorError, SendError},
    store::{
        Record,
        contract::{Origin, Store},
        error::StoreError,
        marks::Marks,
    },
};

/// What only one thread at a time may do: commit, and become somebody else.
#[derive(Debug)]
pub(crate) struct Writer {
    pub(crate) mint: Box<dyn IdentitySource>,
    /// Where the store lies.
    pub(crate) fingerprint: Option<Fingerprint>,
}

impl Writer {
    pub(crate) fn new(mint: Box<dyn IdentitySource>, fingerprint: Option<Fingerprint>) -> Self {
        Self { mint, fingerprint }
    }
}

impl Shared {
    /// Waits for a commit that is under way.
    pub(crate) fn writer(&self) -> MutexGuard<'_, Writer> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes messages when the [first look](Self::wait_for_first_look) at the folder is over, and [sends](Self::send_now) them.
    pub(crate) fn send(&self, contents: Vec<(Kind, Bytes)>) -> Result<Vec<MessageId>, SendError> {
        self.wait_for_first_look(Duration::MAX);
        self.send_now(contents)
    }

    /// Makes messages, keeps them durably, and leaves them for the driver to publish. Who is new introduces itself first, and
    /// who is to be called otherwise says so; the answer does not name that.
    pub(crate) fn send_now(&self, contents: Vec<(Kind, Bytes)>) -> Result<Vec<MessageId>, SendError> {
        let unix_ms = self.environment.unix_ms();
        let mut writer = self.writer();
        self.check_can_send()?;
        self.renew_if_in_conflict(&mut writer)?;
        let state = self.lock();
        let name = state.name.clone();
        let introduction = state.introduction();
        let introduced = introduction.len();
        let frames = state.core.compose(introduction.into_iter().chain(contents), unix_ms)?;
        if frames.is_empty() {
            return Ok(Vec::new());
        }
        let sent = frames.iter().map(|frame| Record { frame: frame.clone(), origin: Origin::Sent });
        let durability = if planted!(LazySend) { Durability::Lazy } else { Durability::Durable };
        // What was received goes with it: a message is never kept without its causes.
        let saved = self.commit(state, sent.collect(), durability);
        let mut state = self.lock();
        if let Err(error) = saved
            && !planted!(SendWithoutStore)
        {
            // Unless there was only no room, it is unknown whether they were kept; they must not be made again under the same
            // counters.
            state.store_failed = !matches!(error, StoreError::Full { .. }) || planted!(FullIsBroken);
            return Err(SendError::Store(error));
        }
        for frame in &frames {
            state.core.handle_sent(frame.message(), frame.digest());
            state.outbox.insert((frame.id(), frame.digest()), Durability::Lazy);
            let len = u64::try_from(frame.bytes().len()).unwrap_or(u64::MAX);
            state.paging.note((frame.id(), frame.digest()), Origin::Sent, len);
        }
        // Meanwhile it may have become another one.
        if state.name == name {
            state.name = None;
        }
        state.may_become_stable = true;
        state.tell_of_core();
        drop(state);
        drop(writer);
        self.waker.wake_by_ref();
        self.announce();
        Ok(frames.iter().skip(introduced).map(Frame::id).collect())
    }

    /// Commits what is not in the store yet; with `Durable`, everything before it as well.
    pub(crate) fn save(&self, durability: Durability) -> Result<(), StoreError> {
        let _writer = self.writer();
        let state = self.lock();
        let is_needed = !state.unsaved.is_empty() || (durability == Durability::Durable && state.undurable);
        if is_needed { self.commit(state, Vec::new(), durability) } else { Ok(()) }
    }

    /// Commits what was received; an error is kept for the status, because what was received can be received again.
    pub(crate) fn save_received(&self, durability: Durability) {
        let saved = self.save(durability);
        self.lock().store_error = saved.err().map(|error| describe(&error));
    }

    /// Notes durably how far things have come.
    pub(crate) fn note(&self, change: impl FnOnce(&mut Marks)) -> Result<(), StoreError> {
        let _writer = self.writer();
        let mut marks = self.lock().marks.clone();
        change(&mut marks);
        self.keep_marks(marks)
    }

    /// As [`note`](Self::note), for who is the writer.
    pub(crate) fn keep_marks(&self, marks: Marks) -> Result<(), StoreError> {
        if marks != self.lock().marks {
            self.with_store(|store| store.set_marks(&marks))?;
            self.lock().marks = marks;
        }
        Ok(())
    }

    /// How far the application has come with a cursor.
    pub(crate) fn progress(&self, cursor: &str) -> Result<Option<Progress>, CursorError> {
        let store = self.store.read().unwrap_or_else(PoisonError::into_inner);
        Ok(store.as_ref().ok_or(StoreError::Closed)?.progress(cursor)?)
    }

    /// Notes it durably, and with it what it covers.
    pub(crate) fn keep_progress(&self, cursor: &str, progress: &Progress) -> Result<(), StoreError> {
        let _writer = self.writer();
        let state = self.lock();
        if state.unsaved.is_empty() {
            drop(state);
        } else {
            self.commit(state, Vec::new(), Durability::Lazy)?;
        }
        self.with_store(|store| store.set_progress(cursor, progress))?;
        self.lock().undurable = false;
        Ok(())
    }

    /// Marks as stable what can be, durably, before anybody hears of it. What could not be noted is tried again.
    pub(crate) fn stabilize(&self) -> Result<(), StoreError> {
        let _writer = self.writer();
        let unix_ms = self.environment.unix_ms();
        let mut state = self.lock();
        if state.is_undurable() {
            return Ok(());
        }
        let Some(stable) = state.core.reach(unix_ms, self.idle_after) else {
            state.may_become_stable = false;
            return Ok(());
        };
        let stable_by = state.core.who_confirms(stable);
        let marks = Marks { stable, stable_by: stable_by.iter().copied().collect(), ..state.marks.clone() };
        drop(state);
        if !planted!(StableForgotten) {
            self.keep_marks(marks)?;
        }
        let mut state = self.lock();
        state.core.handle_stable(stable, stable_by);
        state.store_error = None;
        Ok(())
    }

    /// Ends the session: the last durable commit, and the store is let go.
    pub(crate) fn shut(&self) -> Result<(), StoreError> {
        self.lock().closing = true;
        let saved = self.save(Durability::Durable);
        // Without them the next opening reads the log.
        let _ = self.keep_last_pages();
        drop(mem::take(&mut *self.store.write().unwrap_or_else(PoisonError::into_inner)));
        self.lock().is_open = false;
        saved
    }

    /// Commits everything unsaved together with these. Meanwhile the state is free, and they can be read. Only for who is
    /// the writer.
    fn commit(
        &self,
        mut state: MutexGuard<'_, State>,
        sent: Vec<Record>,
        durability: Durability,
    ) -> Result<(), StoreError> {
        // Empty, but for what a commit has left that did not come to its end, because its thread has died.
        let mut records = mem::take(&mut *Arc::make_mut(&mut state.saving));
        if records.is_empty() {
            mem::swap(&mut records, &mut state.unsaved);
        } else {
            records.append(&mut state.unsaved);
        }
        let received = records.len();
        records.extend(sent);
        let records = Arc::new(records);
        state.saving = Arc::clone(&records);
        drop(state);
        let committed = self.with_store(|store| store.commit(&records, durability));
        let mut state = self.lock();
        state.saving = Arc::default();
        match &committed {
            Ok(()) => state.undurable = durability == Durability::Lazy,
            // What was received is tried again, before what has come meanwhile.
            Err(_) => drop(state.unsaved.splice(0..0, records.iter().take(received).cloned())),
        }
        drop(state);
        // Where much is kept, more comes: it finds room.
        if let Some(mut room) = Arc::into_inner(records).filter(|room| room.len() >= MUCH) {
            room.clear();
            self.lock().saving = Arc::new(room);
        }
        committed
    }

    /// Does something with the store, if the session is open.
    pub(crate) fn with_store<T>(
        &self,
        work: impl FnOnce(&dyn Store) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let store = self.store.read().unwrap_or_else(PoisonError::into_inner);
        store.as_deref().map_or(Err(StoreError::Closed), work)
    }

    fn check_can_send(&self) -> Result<(), SendError> {
        let state = self.lock();
        if !state.is_open || state.closing {
            Err(SendError::Closed)
        } else if state.store_failed {
            Err(SendError::StoreFailed)
        } else {
            Ok(())
        }
    }
}

impl From<ComposeError> for SendError {
    fn from(error: ComposeError) -> Self {
        match error {
            ComposeError::Observer => Self::Observer,
            ComposeError::PayloadTooLarge { actual } => Self::TooLarge { actual },
            error => Self::Unable(error),
        }
    }
}
