//! The events of a session, in order.

use std::time::Duration;

use crate::{
    api::session::Session,
    core::progress::Progress,
    engine::{event::Event, feed::Reader},
    errors::ReadError,
    store::error::StoreError,
};

impl Session {
    /// Returns the next event, if any. All handles share one position.
    ///
    /// The events begin with the whole timeline as stored, in order, and continue with new events. Insert the
    /// entry of every [`Event::Message`] at its position, and your list is the timeline.
    ///
    /// # Errors
    ///
    /// [`ReadError`] when a message cannot be read. The next call tries it again.
    pub fn poll(&self) -> Result<Option<Event>, ReadError> {
        self.shared().next_event(&mut self.reader())
    }

    /// Returns a blocking iterator over the events with its own position, independent of
    /// [`poll`](Self::poll). It ends when the session is closed.
    pub fn events(&self) -> Events {
        self.events_after(Progress::default())
    }

    /// Returns the events after a position that the application has stored with its own data.
    ///
    /// The events leave out messages that [`Progress`] marks as delivered, as far as the store has them. If
    /// the local state was lost or restored from a backup, some may arrive again.
    pub fn events_after(&self, progress: Progress) -> Events {
        Events::new(self.clone(), progress)
    }

    /// Returns the events from now on, without the messages that are in the timeline already. A window that shows a
    /// [replica](Self::replica) takes them first and makes the replica then: it misses nothing, and reads each message once.
    pub fn events_from_now(&self) -> Events {
        Events { session: self.clone(), reader: self.shared().reader_from_now() }
    }
}

/// An iterator over the events of a session. Each has its own position.
#[derive(Debug)]
pub struct Events {
    session: Session,
    reader: Reader,
}

impl Events {
    pub(crate) fn new(session: Session, progress: Progress) -> Self {
        let reader = session.shared().reader_after(progress);
        Self { session, reader }
    }

    /// Returns the session.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// Returns the next event, if any.
    ///
    /// # Errors
    ///
    /// [`ReadError`] when a message cannot be read. The next call tries it again.
    pub fn poll(&mut self) -> Result<Option<Event>, ReadError> {
        self.session.shared().next_event(&mut self.reader)
    }

    /// Waits at most `patience` for the next event. Returns `None` when there was none, or when the session
    /// is [closed](Session::is_open) and has no more events.
    ///
    /// # Errors
    ///
    /// As for [`poll`](Self::poll).
    pub fn next_within(&mut self, patience: Duration) -> Result<Option<Event>, ReadError> {
        let end = self.session.shared().environment.now().saturating_add(patience);
        loop {
            if !self.session.shared().lock().lifecycle.is_open() {
                return Ok(None);
            }
            if let Some(event) = self.poll()? {
                return Ok(Some(event));
            }
            if !self.session.shared().wait_for_news(&self.reader, end) {
                return Ok(None);
            }
        }
    }

    /// Returns the current position, for the application to store with its own data.
    /// [`Session::events_after`] continues from there.
    ///
    /// # Durability
    ///
    /// When this returns, all delivered messages are durable in the store, so the position stays valid.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when received messages cannot be stored.
    pub fn progress(&self) -> Result<Progress, StoreError> {
        self.session.shared().save(tempo_message::Durability::Durable)?;
        Ok(self.reader.progress().clone())
    }

    pub(crate) fn so_far(&self) -> &Progress {
        self.reader.progress()
    }
}

impl Iterator for Events {
    type Item = Result<Event, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.next_within(Duration::MAX) {
                Ok(Some(event)) => return Some(Ok(event)),
                Ok(None) if !self.session.shared().lock().lifecycle.is_open() => return None,
                Ok(None) => {}
                Err(ReadError::Closed) => return None,
                Err(error) => return Some(Err(error)),
            }
        }
    }
}
