//! A session as an application uses it.

use std::{
    sync::{Arc, Mutex, PoisonError, mpsc},
    time::Duration,
};

use bytes::Bytes;
use tempo_clock::AuthorId;
use tempo_message::{Codec, Kind, MessageId, Postcard};

use crate::core::progress::Progress;
use crate::{
    api::{
        cursor::Cursor,
        events::{Event, Events},
        replica::{Reducer, Replica, Snapshot},
        status::{Attachment, Status},
        timeline::{Entry, Timeline},
        typed::Typed,
    },
    engine::{
        feed::Reader,
        shared::{Shared, State},
    },
};
use crate::{
    error::{CursorError, ReadError, RefreshError, SendError},
    store::error::StoreError,
};

/// One member's end of a session.
///
/// A handle is cheap to clone and can be used from several threads; all clones are the same member. No call touches
/// the shared folder, so none hangs with it: a thread of the session does that. Only the first message that is sent, and
/// [`flush`](Self::flush), wait a little for its first look.
///
/// The session ends with [`close`](Self::close) or with the last handle. What was sent is safe either way; what had
/// not reached the folder by then is published the next time the session is opened.
#[derive(Debug, Clone)]
pub struct Session {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    shared: Arc<Shared>,
    /// Whoever calls [`Session::poll`].
    reader: Mutex<Reader>,
    /// Disconnected once the thread that runs the driver has ended; `None` when somebody else runs it.
    driver_ended: Mutex<Option<mpsc::Receiver<()>>>,
}

/// How a session was closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Closed {
    /// So many messages are safe in the store and not yet in the folder; they are published when it is opened again.
    pub unpublished: usize,
}

impl Session {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        // With everything that the store has, and what was to be told before anybody could listen.
        let reader = Mutex::new(Reader::default());
        Self { inner: Arc::new(Inner { shared, reader, driver_ended: Mutex::new(None) }) }
    }

    /// The author that this member writes as; `None` for an observer.
    ///
    /// It becomes another one when somebody else may have the name: the local state was copied, restored, or lost. What was
    /// sent stays where it is, [`Event::NewAuthor`] tells, and the others see whose place the new author has taken.
    pub fn author(&self) -> Option<AuthorId> {
        self.shared().author()
    }

    /// Sends a message.
    ///
    /// The first one after the opening waits until everything is read from the store and the folder was looked at, for which it
    /// waits three seconds at most: whether another copy of this installation writes under the same name shows there.
    ///
    /// # Durability
    ///
    /// When this returns, the message can no longer be lost by this machine: it is durably in the store. It appears in
    /// the folder moments later, or when the folder is back.
    ///
    /// # Errors
    ///
    /// [`SendError`]; except for [`SendError::Store`] nothing was sent then.
    pub fn send(&self, payload: impl AsRef<[u8]>) -> Result<MessageId, SendError> {
        let sent = self.send_all([payload])?;
        sent.first().copied().ok_or(SendError::Closed)
    }

    /// Sends several messages at the price of one commit: all of them or none.
    ///
    /// # Errors
    ///
    /// As for [`send`](Self::send).
    pub fn send_all<P: AsRef<[u8]>>(&self, payloads: impl IntoIterator<Item = P>) -> Result<Vec<MessageId>, SendError> {
        let payloads = payloads.into_iter().map(|payload| (Kind::Payload, Bytes::copy_from_slice(payload.as_ref())));
        self.shared().send(payloads.collect())
    }

    /// Sends and reads values of one type instead of bytes, in the postcard format.
    pub fn typed<T>(&self) -> Typed<T, Postcard> {
        self.typed_as()
    }

    /// Sends and reads values of one type in a format of your choice.
    pub fn typed_as<T, C: Codec>(&self) -> Typed<T, C> {
        Typed::new(self.clone())
    }

    /// The next event, if there is one, of the events that all handles share.
    ///
    /// Events begin with the whole timeline as the store has it, in order, and go on with what happens. Insert the
    /// entry of every [`Event::Message`] at its position, and your list is the timeline.
    ///
    /// # Errors
    ///
    /// [`ReadError`] when a message cannot be read; the next call tries it again.
    pub fn poll(&self) -> Result<Option<Event>, ReadError> {
        let mut reader = self.inner.reader.lock().unwrap_or_else(PoisonError::into_inner);
        Event::next(self.shared(), &mut reader)
    }

    /// The events, one after the other, waiting for each, as [`poll`](Self::poll) gives them, but for the caller alone. Ends
    /// when the session is closed.
    pub fn events(&self) -> Events {
        self.events_after(Progress::default())
    }

    /// The events that come after what an application has, which has kept how far that is together with its own data.
    ///
    /// Messages of which [`Progress`] says that they were given are not given again, as far as the store has them: after
    /// the local state was lost or restored from a backup, some may be.
    pub fn events_after(&self, progress: Progress) -> Events {
        Events::new(self.clone(), progress)
    }

    /// The events that come after what an application has, by a name under which the session keeps how far that is.
    ///
    /// # Errors
    ///
    /// [`CursorError`].
    pub fn cursor(&self, name: &str) -> Result<Cursor, CursorError> {
        Cursor::open(self, name)
    }

    /// State that a reducer makes of the timeline, always right, whatever arrives late.
    pub fn replica<R: Reducer>(&self, reducer: R) -> Replica<R> {
        Replica::new(self.clone(), reducer)
    }

    /// The same, going on from a state that was kept. When the store does not have the messages of which it was made,
    /// because the local state was lost or restored from a backup, it begins anew, with no
    /// [messages](Replica::messages).
    pub fn replica_after<R: Reducer>(&self, reducer: R, snapshot: Snapshot<R::State>) -> Replica<R> {
        Replica::after(self.clone(), reducer, snapshot)
    }

    /// Who is known to have a message: its author, this member, everybody whose head says so, and, of messages of this
    /// member, everybody who has answered them or later ones directly. From where on an author has two messages of one
    /// number, nothing is known of the others. Heads are left at once when something new has come, three
    /// times in a minute and a half at most and once more when a session is closed, and travel like everything else.
    pub fn seen_by(&self, id: MessageId) -> Vec<AuthorId> {
        self.shared().lock().core.seen_by(id)
    }

    /// Own messages that are not known to be in the folder yet, by author and counter.
    pub fn unpublished(&self) -> Vec<MessageId> {
        self.shared().lock().outbox.keys().map(|(id, _)| *id).collect()
    }

    /// The message of this id in its place, if it is in the timeline; of a fork the first one.
    ///
    /// # Errors
    ///
    /// [`ReadError`] when it cannot be read.
    pub fn find(&self, id: MessageId) -> Result<Option<Entry>, ReadError> {
        Entry::find(self.shared(), id)
    }

    /// Every message of the application, in the order that is the same for everybody, as of now.
    pub fn timeline(&self) -> Timeline {
        Timeline::new(self.clone())
    }

    /// Who is here, what is missing, what waits for what, and what else lies in the folder.
    pub fn status(&self) -> Status {
        let environment = &self.shared().environment;
        Status::of(&self.shared().lock(), environment.now(), (environment.unix_ms(), self.shared().idle_after))
    }

    /// How many messages are here and wait for others. [`status`](Self::status) names them.
    pub fn held(&self) -> usize {
        self.shared().lock().core.held_len()
    }

    /// Waits until everything that lies in the folder now has been looked at, at most for `patience`.
    ///
    /// # Errors
    ///
    /// [`RefreshError`]; what has arrived until then is there.
    pub fn refresh(&self, patience: Duration) -> Result<(), RefreshError> {
        let mut state = self.shared().lock();
        state.refresh_wanted += 1;
        let wanted = state.refresh_wanted;
        self.shared().waker.wake_by_ref();
        let (state, done) = self.wait_until(state, patience, |state| state.refresh_done >= wanted || !state.is_open());
        match &state.attachment {
            _ if !state.is_open() => Err(RefreshError::Closed),
            _ if !done => Err(RefreshError::TimedOut { patience }),
            Attachment::Detached { why } | Attachment::Unreadable { why } => Err(RefreshError::Away(why.clone())),
            Attachment::Attached | Attachment::Unknown => Ok(()),
        }
    }

    /// Waits until every message that was sent lies in the folder; how many do not yet.
    ///
    /// Gives up when none got there for `patience`, and at once while publishing fails or the folder is away. A file that
    /// another program holds is waited for.
    pub fn flush(&self, patience: Duration) -> usize {
        // Before that it is not known what lies there.
        self.shared().wait_for_first_look(patience);
        let mut state = self.shared().lock();
        self.shared().waker.wake_by_ref();
        loop {
            let before = state.outbox.len();
            let is_hopeless = |state: &State| {
                let is_away = !matches!(state.attachment, Attachment::Attached | Attachment::Unknown);
                let has_failed = state.publish_error.as_ref().is_some_and(|it| !it.is_passing) && !state.has_fresh();
                is_away || has_failed || !state.is_open()
            };
            let is_done = |state: &State| state.outbox.is_empty() || is_hopeless(state);
            let (now, moved) = self.wait_until(state, patience, |state| state.outbox.len() < before || is_done(state));
            if !moved || is_done(&now) {
                return now.outbox.len();
            }
            state = now;
        }
    }

    /// Whether the session is not closed.
    pub fn is_open(&self) -> bool {
        self.shared().lock().is_open()
    }

    /// Ends the session for all its handles. What was sent and is not in the folder yet gets some seconds to get there.
    ///
    /// When it returns, no file or directory of the folder and of the local state is open any more, unless a call into the
    /// folder has been without an answer for a second.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the last received messages could not be kept; they will be received again.
    pub fn close(self) -> Result<Closed, StoreError> {
        const PATIENCE: Duration = Duration::from_secs(10);
        self.close_within(PATIENCE)
    }

    /// As [`close`](Self::close), with your own patience.
    ///
    /// # Errors
    ///
    /// As for [`close`](Self::close).
    pub fn close_within(self, patience: Duration) -> Result<Closed, StoreError> {
        let unpublished = self.flush(patience);
        // The head should tell of what has come and was published last.
        let mut state = self.shared().lock();
        (state.is_leaving, state.is_at_rest) = (true, false);
        self.shared().waker.wake_by_ref();
        let is_over = |state: &State| state.is_at_rest || !state.outbox.is_empty() || !state.is_open();
        drop(self.wait_until(state, patience.min(Self::LAST_HEAD), is_over));
        let shut = self.inner.shut();
        self.inner.wait_for_driver();
        shut.map(|()| Closed { unpublished })
    }

    /// A thread runs the driver until this is disconnected.
    pub(crate) fn is_driven_until(&self, ended: mpsc::Receiver<()>) {
        *self.inner.driver_ended.lock().unwrap_or_else(PoisonError::into_inner) = Some(ended);
    }

    /// How long closing waits for the last head.
    const LAST_HEAD: Duration = Duration::from_millis(500);

    pub(crate) fn shared(&self) -> &Shared {
        &self.inner.shared
    }

    /// Waits until `is_done`, at most for `patience`; whether it is.
    pub(crate) fn wait_until<'a>(
        &'a self,
        mut state: std::sync::MutexGuard<'a, State>,
        patience: Duration,
        is_done: impl Fn(&State) -> bool,
    ) -> (std::sync::MutexGuard<'a, State>, bool) {
        let end = self.shared().environment.now().saturating_add(patience);
        while !is_done(&state) {
            let left = end.saturating_sub(self.shared().environment.now());
            if left.is_zero() {
                return (state, false);
            }
            state = self.shared().wait(state, left);
        }
        (state, true)
    }
}

impl Inner {
    fn shut(&self) -> Result<(), StoreError> {
        let shut = self.shared.shut();
        self.shared.waker.wake_by_ref();
        self.shared.announce();
        shut
    }
}

impl Inner {
    /// Waits until the driver has closed what it had open; not for long, because a folder may not answer.
    fn wait_for_driver(&self) {
        const PATIENCE: Duration = Duration::from_secs(1);
        let ended = self.driver_ended.lock().unwrap_or_else(PoisonError::into_inner).take();
        // Nothing is ever sent: this ends with the thread.
        let _ = ended.map(|ended| ended.recv_timeout(PATIENCE));
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        // Only what was received can be unsaved here, and it will be received again.
        let _ = self.shut();
    }
}
