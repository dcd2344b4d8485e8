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
    core::composing::Content,
    engine::{event::FolderState, feed::Reader, lifecycle::Phase, shared::Shared, state::State},
    errors::SendError,
    store::error::StoreError,
};

/// A handle to one member of a session.
///
/// Handles are cheap to clone. They are `Send` and `Sync`: several threads can use one handle, or one each. All clones are
/// one member. Except for
/// [`file`](Self::file), [`files`](Self::files) and [`export`](Self::export), no call touches the shared
/// folder, so none hangs with it: a thread of the session does that. Only the first message sent and [`flush`](Self::flush) wait a little for the first look at the folder.
///
/// The session ends with [`close`](Self::close) or when the last handle is dropped. Sent messages are safe
/// either way. Messages that have not reached the folder by then are published the next time the session is
/// opened.
#[derive(Debug, Clone)]
pub struct Session {
    inner: Arc<Inner>,
}

const _: () = {
    const fn is_shared<T: Send + Sync + 'static>() {}
    is_shared::<Session>();
};

#[derive(Debug)]
struct Inner {
    shared: Arc<Shared>,
    /// The position of [`Session::poll`].
    reader: Mutex<Reader>,
    /// Disconnected once the thread that runs the driver has ended. `None` when the caller runs the driver.
    driver_ended: Mutex<Option<mpsc::Receiver<()>>>,
}

/// The reason why a refresh did not finish.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RefreshError {
    /// The session is closed.
    #[error("the session is closed")]
    Closed,
    /// The folder cannot be read now.
    #[error("{0}")]
    Away(FolderState),
    /// The folder did not answer in time. Messages that arrived until then are here.
    #[error("reading the folder timed out after {} seconds", patience.as_secs())]
    TimedOut {
        /// The time waited.
        patience: Duration,
    },
}

/// The outcome of closing a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Closed {
    /// The number of messages that are safe in the store but not yet in the folder. They are published when
    /// the session is opened again.
    pub unpublished: usize,
}

impl Session {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        // With everything in the store, and the events from before the first handle.
        let reader = Mutex::new(Reader::at_the_beginning(&shared.lock().core));
        Self { inner: Arc::new(Inner { shared, reader, driver_ended: Mutex::new(None) }) }
    }

    /// Returns the author that this member writes as, or `None` for an observer.
    ///
    /// The author changes when another installation may write as it, because the local state was copied,
    /// restored or lost. Sent messages stay where they are,
    /// [`Event::NewAuthor`](crate::Event::NewAuthor) reports the change, and other members see whose place the
    /// new author has taken.
    pub fn author(&self) -> Option<AuthorId> {
        self.shared().author()
    }

    /// Sends a message.
    ///
    /// After opening, the first message waits, for at most three seconds, until the session has looked at the
    /// folder. The folder shows whether another copy of this installation writes as this author.
    ///
    /// # Durability
    ///
    /// When this returns, the message is durable in the store, so this machine can no longer lose it. It
    /// appears in the folder moments later, or when the folder is back.
    ///
    /// # Errors
    ///
    /// [`SendError`]. Except after [`SendError::Store`], no message was sent.
    pub fn send(&self, payload: impl AsRef<[u8]>) -> Result<MessageId, SendError> {
        let sent = self.send_all([payload])?;
        sent.first().copied().ok_or(SendError::Closed)
    }

    /// Sends several messages at the cost of one commit, either all of them or none.
    ///
    /// # Errors
    ///
    /// As for [`send`](Self::send).
    pub fn send_all<P: AsRef<[u8]>>(&self, payloads: impl IntoIterator<Item = P>) -> Result<Vec<MessageId>, SendError> {
        let payloads = payloads.into_iter().map(|payload| {
            let payload = Bytes::copy_from_slice(payload.as_ref());
            Content::from((Kind::Payload, payload))
        });
        self.shared().send(&payloads.collect::<Vec<_>>())
    }

    /// Returns the members known to have a message: its author, this member, members whose heads say so, and,
    /// for messages of this member, those that directly answered it or a later one. From an author's first
    /// fork on, what others have is unknown. A member publishes its head as soon as it has news, at most
    /// three times in a minute and a half, and once more when its session closes. Heads travel like
    /// everything else.
    pub fn seen_by(&self, id: MessageId) -> Vec<AuthorId> {
        self.shared().lock().core.seen_by(id)
    }

    /// Returns own messages that are not known to be in the folder yet, by author and counter.
    pub fn unpublished(&self) -> Vec<MessageId> {
        self.shared().lock().outbox.keys().map(|(id, _)| *id).collect()
    }

    /// Returns the number of messages here that wait for others. [`status`](Self::status) lists them.
    pub fn held(&self) -> usize {
        self.shared().lock().core.held_len()
    }

    /// Waits until everything now in the folder has been looked at, at most for `patience`.
    ///
    /// # Errors
    ///
    /// [`RefreshError`]. Messages that arrived until then are here.
    pub fn refresh(&self, patience: Duration) -> Result<(), RefreshError> {
        let mut state = self.shared().lock();
        let wanted = state.refresh.ask();
        self.shared().wake_driver();
        let is_over = |state: &State| state.refresh.is_done(wanted) || !state.lifecycle.is_open();
        let (state, is_done) = self.shared().wait_until(state, patience, is_over);
        match &state.folder {
            _ if !state.lifecycle.is_open() => Err(RefreshError::Closed),
            _ if !is_done => Err(RefreshError::TimedOut { patience }),
            FolderState::Attached | FolderState::Unknown => Ok(()),
            away => Err(RefreshError::Away(away.clone())),
        }
    }

    /// Waits until every sent message is in the folder. Returns the number of messages that are not.
    ///
    /// Gives up after `patience` without progress, and at once while publishing fails or the folder is away.
    /// Waits for files that another program holds.
    pub fn flush(&self, patience: Duration) -> usize {
        // Until the first look, the contents of the folder are unknown.
        self.shared().wait_for_first_look(patience);
        let mut state = self.shared().lock();
        self.shared().wake_driver();
        let is_done = |state: &State| {
            let is_away = !matches!(state.folder, FolderState::Attached | FolderState::Unknown);
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

    /// Returns whether the session is open.
    pub fn is_open(&self) -> bool {
        self.shared().lock().lifecycle.is_open()
    }

    /// Closes the session for all its handles. Messages that are not in the folder yet get some seconds to
    /// get there.
    ///
    /// When this returns, no file or directory of the folder or the local state is open any more, unless a
    /// call into the folder has not answered for a second.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the last received messages could not be stored. They will be received again.
    pub fn close(self) -> Result<Closed, StoreError> {
        const PATIENCE: Duration = Duration::from_secs(10);
        self.close_within(PATIENCE)
    }

    /// Closes the session like [`close`](Self::close), with your own patience.
    ///
    /// # Errors
    ///
    /// As for [`close`](Self::close).
    pub fn close_within(self, patience: Duration) -> Result<Closed, StoreError> {
        let unpublished = self.flush(patience);
        // The head should include what arrived and was published last.
        let mut state = self.shared().lock();
        state.lifecycle.advance(Phase::Leaving);
        self.shared().wake_driver();
        let is_over =
            |state: &State| state.lifecycle.is_at_rest() || !state.outbox.is_empty() || !state.lifecycle.is_open();
        drop(self.shared().wait_until(state, patience.min(Self::LAST_HEAD), is_over));
        let shut = self.inner.shut();
        self.inner.wait_for_driver();
        shut.map(|()| Closed { unpublished })
    }

    /// Returns the reader that [`poll`](Self::poll) advances.
    pub(crate) fn reader(&self) -> MutexGuard<'_, Reader> {
        self.inner.reader.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets the channel that is disconnected when the driver's thread ends.
    pub(crate) fn is_driven_until(&self, ended: mpsc::Receiver<()>) {
        *self.inner.driver_ended.lock().unwrap_or_else(PoisonError::into_inner) = Some(ended);
    }

    /// The longest time that closing waits for the last head.
    const LAST_HEAD: Duration = Duration::from_millis(500);

    pub(crate) fn shared(&self) -> &Shared {
        &self.inner.shared
    }
}

impl Inner {
    fn shut(&self) -> Result<(), StoreError> {
        let shut = self.shared.shut();
        self.shared.wake_driver();
        self.shared.announce();
        shut
    }
}

impl Inner {
    /// Waits until the driver has closed its files, but not for long, because a folder may not answer.
    fn wait_for_driver(&self) {
        const PATIENCE: Duration = Duration::from_secs(1);
        let ended = self.driver_ended.lock().unwrap_or_else(PoisonError::into_inner).take();
        // No value is ever sent: this returns when the thread ends.
        let _ = ended.map(|ended| ended.recv_timeout(PATIENCE));
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        // Only received messages can be unsaved here, and they will be received again.
        let _ = self.shut();
    }
}
