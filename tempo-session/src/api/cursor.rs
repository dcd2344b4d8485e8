//! Events delivered exactly once, across restarts too.

use std::ops::{Deref, DerefMut};

use thiserror::Error;

use crate::{
    api::{events::Events, session::Session},
    engine::event::Event,
    errors::ReadError,
    store::error::StoreError,
};

/// The reason why a cursor cannot be opened or committed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CursorError {
    /// The name is empty or too long.
    #[error("cursor name must be 1 to {} bytes, got {actual}", Cursor::MAX_NAME)]
    Name {
        /// The length of the name, in bytes.
        actual: usize,
    },
    /// A cursor with this name is open already. Two of them would not know of each other.
    #[error("the cursor {name:?} is in use in this process")]
    InUse {
        /// The name of the cursor.
        name: String,
    },
    /// The store failed, or the session is closed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Session {
    /// Opens a named cursor: the events after those that the application has committed under this name.
    ///
    /// # Errors
    ///
    /// [`CursorError`].
    pub fn cursor(&self, name: &str) -> Result<Cursor, CursorError> {
        Cursor::open(self, name)
    }
}

/// The events of a session after a stored position, under a name.
///
/// The cursor does not deliver [committed](Self::commit) events again, neither in this process nor in a later
/// one. It does deliver events again that were taken but not committed. A late message arrives once, as an
/// event with its position.
///
/// ```no_run
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let session = tempo_session::Session::open("jam.session")?;
/// let mut cursor = session.cursor("inbox")?;
/// while let Some(event) = cursor.next() {
///     println!("{:?}", event?);
///     cursor.commit()?;
/// }
/// # Ok(())
/// # }
/// ```
///
/// An application that stores its results in its own database is exact only when it writes results and
/// position together. Such an application stores [`Events::progress`] in its database and starts with
/// [`Session::events_after`] instead of a cursor.
#[derive(Debug)]
pub struct Cursor {
    events: Events,
    name: String,
}

impl Cursor {
    /// The longest name, in bytes.
    pub const MAX_NAME: usize = 128;

    pub(crate) fn open(session: &Session, name: &str) -> Result<Self, CursorError> {
        if !(1..=Self::MAX_NAME).contains(&name.len()) {
            return Err(CursorError::Name { actual: name.len() });
        }
        if !session.shared().lock().cursors.insert(name.to_owned()) {
            return Err(CursorError::InUse { name: name.to_owned() });
        }
        let progress = session.shared().progress(name).inspect_err(|_| {
            session.shared().lock().cursors.remove(name);
        })?;
        Ok(Self { events: Events::new(session.clone(), progress.unwrap_or_default()), name: name.to_owned() })
    }

    /// Commits all events that were taken.
    ///
    /// # Durability
    ///
    /// When this returns, the position survives a power loss, at the cost of one synced transaction. An
    /// observer's store is in memory and does not survive.
    ///
    /// # Errors
    ///
    /// [`StoreError`]. After it, the caller cannot know which events will be delivered again.
    pub fn commit(&self) -> Result<(), StoreError> {
        self.events.session().shared().keep_progress(&self.name, self.events.so_far())
    }
}

impl Deref for Cursor {
    type Target = Events;

    fn deref(&self) -> &Events {
        &self.events
    }
}

impl DerefMut for Cursor {
    fn deref_mut(&mut self) -> &mut Events {
        &mut self.events
    }
}

impl Iterator for Cursor {
    type Item = Result<Event, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.events.next()
    }
}

impl Drop for Cursor {
    fn drop(&mut self) {
        self.events.session().shared().lock().cursors.remove(&self.name);
    }
}
