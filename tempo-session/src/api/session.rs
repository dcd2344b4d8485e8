//! A session as an application uses it.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc},
    time::Duration,
};

use bytes::Bytes;
use tempo_clock::AuthorId;
use tempo_message::{Kind, MessageId};
use thiserror::Error;

use crate::{
    engine::{event::Attachment, feed::Reader, lifecycle::Phase, shared::Shared, state::State},
    errors::SendError,
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

/// Why a refresh did not come to its end.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RefreshError {
    /// The session is closed.
    #[error("the session is closed")]
    Closed,
    /// The folder cannot be read now.
    #[error("{0}")]
    Away(Attachment),
    /// The folder did not answer in time; what has arrived until then is there.
    #[error("the folder has not been read to its end within {} seconds", patience.as_secs())]
    TimedOut {
        /// How long it was waited for.
        patience: Duration,
    },
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
        // With everything that the store has, and what was to be told before there was a handle.
        let reader = Mutex::new(Reader::at_the_beginning(&shared.lock().core));
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

    /// How many messages are here and wait for others. [`status`](Self::status) names them.
    pub fn held(&self) -> usize {
        self.shared().lock().core.held_len()
    }

    /// Waits until everything that the folder holds now has been looked at, at most for `patience`.
    ///
    /// # Errors
    ///
    /// [`RefreshError`]; what has arrived until then is there.
    pub fn refresh(&self, patience: Duration) -> Result<(), RefreshError> {
        let mut state = self.shared().lock();
        let wanted = state.refresh.ask();
        self.shared().waker.wake_by_ref();
        let is_over = |state: &State| state.refresh.is_done(wanted) || !state.lifecycle.is_open();
        let (state, is_done) = self.shared().wait_until(state, patience, is_over);
        match &state.attachment {
            _ if !state.lifecycle.is_open() => Err(RefreshError::Closed),
            _ if !is_done => Err(RefreshError::TimedOut { patience }),
            Attachment::Attached | Attachment::Unknown => Ok(()),
            away => Err(RefreshError::Away(away.clone())),
        }
    }

    /// Waits until every message that was sent is in the folder; returns how many are not yet.
    ///
    /// Gives up when none got there for `patience`, and at once while publishing fails or the folder is away. A file that
    /// another program holds is waited for.
    pub fn flush(&self, patience: Duration) -> usize {
        // Before that it is not known what the folder holds.
        self.shared().wait_for_first_look(patience);
        let mut state = self.shared().lock();
        self.shared().waker.wake_by_ref();
        let is_done = |state: &State| {
            let is_away = !matches!(state.attachment, Attachment::Attached | Attachment::Unknown);
            let is_over = is_away || state.outbox.is_hopeless() || !state.lifecycle.is_open();
            is_over || state.outbox.is_empty()
        };
        loop {
            let before = state.outbox.len();
            let has_moved = |state: &State| state.outbox.len() < before || is_done(state);
            let (now, moved) = self.shared().wait_until(state, patience, has_moved);
            if !moved || is_done(&now) {
                return now.outbox.len();
            }
            state = now;
        }
    }

    /// Whether the session is not closed.
    pub fn is_open(&self) -> bool {
        self.shared().lock().lifecycle.is_open()
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
        state.lifecycle.advance(Phase::Leaving);
        self.shared().waker.wake_by_ref();
        let is_over =
            |state: &State| state.lifecycle.is_at_rest() || !state.outbox.is_empty() || !state.lifecycle.is_open();
        drop(self.shared().wait_until(state, patience.min(Self::LAST_HEAD), is_over));
        let shut = self.inner.shut();
        self.inner.wait_for_driver();
        shut.map(|()| Closed { unpublished })
    }

    /// The reader that [`poll`](Self::poll) moves.
    pub(crate) fn reader(&self) -> MutexGuard<'_, Reader> {
        self.inner.reader.lock().unwrap_or_else(PoisonError::into_inner)
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
