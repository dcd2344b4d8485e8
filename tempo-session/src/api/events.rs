//! The events of a session, one after the other.

use std::time::Duration;

use crate::{
    api::session::Session,
    core::progress::Progress,
    engine::{event::Event, feed::Reader},
    errors::ReadError,
    store::error::StoreError,
};

impl Session {
    /// The next event, if there is one, of the events that all handles share.
    ///
    /// Events begin with the whole timeline as the store has it, in order, and go on with what happens. Insert the
    /// entry of every [`Event::Message`] at its position, and your list is the timeline.
    ///
    /// # Errors
    ///
    /// [`ReadError`] when a message cannot be read; the next call tries it again.
    pub fn poll(&self) -> Result<Option<Event>, ReadError> {
        self.shared().next_event(&mut self.reader())
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
}

/// The events of a session, for one who takes them: each of its own, from where it began.
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

    /// The session.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// The next event, if there is one.
    ///
    /// # Errors
    ///
    /// [`ReadError`] when a message cannot be read; the next call tries it again.
    pub fn poll(&mut self) -> Result<Option<Event>, ReadError> {
        self.session.shared().next_event(&mut self.reader)
    }

    /// The next event, waiting at most so long; `None` when there was none, or when the session is
    /// [closed](Session::is_open), which gives nothing any more.
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

    /// How far this is by now, to be kept with the application's own data; [`Session::events_after`] goes on from there.
    ///
    /// # Durability
    ///
    /// Everything that was given is durably in the store when this returns, so that it is known again afterwards.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when what was received cannot be kept.
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
        const A_WHILE: Duration = Duration::from_secs(3600);
        loop {
            match self.next_within(A_WHILE) {
                Ok(Some(event)) => return Some(Ok(event)),
                Ok(None) if !self.session.shared().lock().lifecycle.is_open() => return None,
                Ok(None) => {}
                Err(ReadError::Closed) => return None,
                Err(error) => return Some(Err(error)),
            }
        }
    }
}
