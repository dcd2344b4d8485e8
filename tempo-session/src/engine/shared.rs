//! The state that a session's handles and driver share: one lock around the state, and the store.
//!
//! No thread touches a disk under the lock, neither the shared folder nor the store. A thread that
//! needs several of them takes the writer first, then the state, and never the store while the
//! state is locked.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
    task::Waker,
    time::Duration,
};

use tempo_clock::AuthorId;
use tempo_message::{Decoded, Frame, Manifest, Parts};

use crate::{
    core::{event::Slot, progress::Progress},
    engine::{
        entry::{Described, Entry},
        event::Event,
        feed::{Next, Reader},
        identity::Writer,
        outbox::Key,
        state::State,
        wakeup::Bell,
    },
    environment::Environment,
    errors::ReadError,
    store::{
        contract::Store,
        error::StoreError,
        outside::{NoFiles, Outside},
        shelf::Shelf,
    },
};

#[derive(Debug)]
pub(crate) struct Shared {
    state: Mutex<State>,
    /// Signals a change to waiting threads.
    bell: Bell,
    /// Tasks that wait for a change.
    pub(crate) wakers: Wakers,
    /// The right of one thread at a time to write.
    writer: Mutex<Writer>,
    /// The store; gone once the session is closed.
    store: RwLock<Option<Box<dyn Store>>>,
    pub(crate) environment: Arc<dyn Environment>,
    /// Wakes the driver.
    waker: Waker,
    /// Whether there is something for the driver to do since its last turn began.
    is_driver_wanted: AtomicBool,
    /// The silence after which an author is no longer waited for.
    pub(crate) idle_after: Option<Duration>,
    /// The content of files on this machine.
    pub(crate) shelf: Option<Arc<dyn Shelf>>,
    /// The files of the application.
    pub(crate) outside: Arc<dyn Outside>,
    /// The parts of files in the folder, for threads of the application.
    pub(crate) parts: Mutex<Option<Box<dyn Parts>>>,
    /// The least exponent of the size of the parts of own files.
    pub(crate) part_exponent: u8,
    /// The most bytes that own files may have together.
    pub(crate) files_quota: Option<u64>,
    /// The bytes that files leave free.
    pub(crate) files_reserve: u64,
}

impl Shared {
    pub(crate) fn new(
        state: State,
        store: Box<dyn Store>,
        writer: Writer,
        environment: Arc<dyn Environment>,
        waker: Waker,
        idle_after: Option<Duration>,
    ) -> Self {
        Self {
            state: Mutex::new(state),
            bell: Bell::default(),
            wakers: Wakers::default(),
            writer: Mutex::new(writer),
            store: RwLock::new(Some(store)),
            environment,
            waker,
            is_driver_wanted: AtomicBool::new(true),
            idle_after,
            shelf: None,
            outside: Arc::new(NoFiles),
            parts: Mutex::new(None),
            part_exponent: Manifest::EXPONENT,
            files_quota: None,
            files_reserve: 0,
        }
    }

    /// Locks the state. A panic under the lock means a broken invariant of this crate; other
    /// threads may still read and close.
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a commit that is under way.
    pub(crate) fn writer(&self) -> MutexGuard<'_, Writer> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Calls `work` with the store, if the session is open.
    pub(crate) fn with_store<T>(
        &self,
        work: impl FnOnce(&dyn Store) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let store = self.store.read().unwrap_or_else(PoisonError::into_inner);
        store.as_deref().map_or(Err(StoreError::Closed), work)
    }

    /// Closes the store.
    pub(crate) fn close_store(&self) {
        drop(self.store.write().unwrap_or_else(PoisonError::into_inner).take());
    }

    /// Wakes the driver, because something was sent or asked for.
    pub(crate) fn wake_driver(&self) {
        self.is_driver_wanted.store(true, Ordering::SeqCst);
        self.waker.wake_by_ref();
    }

    pub(crate) fn is_driver_wanted(&self) -> bool {
        self.is_driver_wanted.load(Ordering::SeqCst)
    }

    /// Notes that the driver begins a turn, which does everything asked for so far.
    pub(crate) fn driver_turns(&self) {
        self.is_driver_wanted.store(false, Ordering::SeqCst);
    }

    /// Wakes everything that waits for a change.
    pub(crate) fn announce(&self) {
        self.bell.ring();
        self.wakers.wake();
    }

    /// Waits until something changes or the time has come, in the time of the environment.
    pub(crate) fn wait<'a>(&'a self, state: MutexGuard<'a, State>, until: Duration) -> MutexGuard<'a, State> {
        // A change after this one needs the lock first.
        let wakeup = self.bell.listen();
        drop(state);
        self.environment.wait(&wakeup, until);
        self.lock()
    }

    /// Waits until `is_done`, at most for `patience`. Returns whether it is done.
    pub(crate) fn wait_until<'a>(
        &'a self,
        mut state: MutexGuard<'a, State>,
        patience: Duration,
        is_done: impl Fn(&State) -> bool,
    ) -> (MutexGuard<'a, State>, bool) {
        let end = self.environment.now().saturating_add(patience);
        while !is_done(&state) {
            if end <= self.environment.now() {
                return (state, false);
            }
            state = self.wait(state, end);
        }
        (state, true)
    }

    /// Waits for the first look at the folder as long as that may take, but no longer than
    /// `patience`.
    ///
    /// The folder shows whether another installation writes under this author. The member should
    /// know that before it writes more. A folder that is away or slow keeps no member from writing.
    pub(crate) fn wait_for_first_look(&self, patience: Duration) {
        let mut state = self.lock();
        let end = self.environment.now().saturating_add(patience);
        while let Some(until) = state.refresh.first_until().filter(|_| state.lifecycle.is_open()) {
            let now = self.environment.now();
            if until <= now {
                state.refresh.give_up_first();
            } else if end <= now {
                return;
            } else {
                state = self.wait(state, until.min(end));
            }
        }
    }

    /// Returns the author that this member writes as.
    pub(crate) fn author(&self) -> Option<AuthorId> {
        self.lock().core.author()
    }

    /// Returns a reader of the events after what an application has.
    pub(crate) fn reader_after(&self, progress: Progress) -> Reader {
        let state = self.lock();
        Reader::after(progress, &state.feed, &state.core)
    }

    /// Returns a reader of the events from now on.
    pub(crate) fn reader_from_now(&self) -> Reader {
        let state = self.lock();
        Reader::from_now(&state.feed, &state.core)
    }

    /// Waits until there is something for a reader, at most until `end`. Returns whether there is.
    pub(crate) fn wait_for_news(&self, reader: &Reader, end: Duration) -> bool {
        let mut state = self.lock();
        while state.lifecycle.is_open() && !reader.has_news(&state.feed, &state.core) {
            if end <= self.environment.now() {
                return false;
            }
            state = self.wait(state, end);
        }
        state.lifecycle.is_open()
    }

    /// Returns the next event for a reader.
    pub(crate) fn next_event(&self, reader: &mut Reader) -> Result<Option<Event>, ReadError> {
        let state = self.lock();
        let (slot, position, placed) = match reader.take(&state.feed, &state.core) {
            None => return Ok(None),
            Some(Next::Event(event)) => return Ok(Some(event)),
            Some(Next::Message { slot, position, placed }) => (slot, position, placed),
        };
        match self.read_under(state, slot, position) {
            Ok(entry) => {
                reader.note(&self.lock().core, slot);
                Ok(entry.map(|entry| Event::Message { entry, placed }))
            }
            Err(error) => {
                reader.give_back(slot, position, placed);
                Err(error)
            }
        }
    }

    /// Reads a message of the timeline with its payload.
    pub(crate) fn read_entry(&self, slot: Slot, position: usize) -> Result<Option<Entry>, ReadError> {
        self.read_under(self.lock(), slot, position)
    }

    fn read_under(
        &self,
        state: MutexGuard<'_, State>,
        slot: Slot,
        position: usize,
    ) -> Result<Option<Entry>, ReadError> {
        let Some(described) = Described::of(&state.core, slot, position) else { return Ok(None) };
        let message = self.frame_under(state, described.key())?.into_message();
        Ok(Some(described.with(message)))
    }

    /// Returns the bytes of a message that was sent or received.
    pub(crate) fn frame(&self, key: Key) -> Result<Frame, ReadError> {
        self.frame_under(self.lock(), key)
    }

    /// Takes the frame from memory if it is not in the store yet or was just sent, otherwise from
    /// the store, with the state unlocked.
    fn frame_under(&self, state: MutexGuard<'_, State>, (id, digest): Key) -> Result<Frame, ReadError> {
        if let Some(frame) = state.unsaved.frame(digest).or_else(|| state.outbox.frame(&(id, digest))) {
            return Ok(frame);
        }
        drop(state);
        let bytes = self.with_store(|store| store.frame(id, digest)).map_err(|error| match error {
            StoreError::Closed => ReadError::Closed,
            error => ReadError::Store(error),
        })?;
        match Frame::decode(&bytes.ok_or(ReadError::Lost { id })?) {
            Decoded::Whole(frame) if frame.digest() == digest => Ok(frame),
            _ => Err(ReadError::Lost { id }),
        }
    }
}

/// Tasks that wait for something to happen.
#[derive(Debug, Default)]
pub(crate) struct Wakers {
    waiting: Mutex<Vec<Waker>>,
}

impl Wakers {
    pub(crate) fn register(&self, waker: &Waker) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if !waiting.iter().any(|it| it.will_wake(waker)) {
            waiting.push(waker.clone());
        }
    }

    pub(crate) fn wake(&self) {
        let waiting = std::mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner));
        waiting.into_iter().for_each(Waker::wake);
    }
}
