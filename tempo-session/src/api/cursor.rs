//! Events exactly once, also across restarts.

use std::ops::{Deref, DerefMut};

use thiserror::Error;

use crate::{
    api::{events::Events, session::Session},
    engine::event::Event,
    errors::ReadError,
    store::error::StoreError,
};

/// Why a cursor cannot be had, or not be committed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CursorError {
    /// The name is empty or too long.
    #[error("the name of a cursor has 1 to {} bytes, and this one has {actual}", Cursor::MAX_NAME)]
    Name {
        /// The length of the name.
        actual: usize,
    },
    /// There is one of this name, and two would not know of each other.
    #[error("the cursor {name:?} is in use in this process")]
    InUse {
        /// The name.
        name: String,
    },
    /// The store failed, or the session is closed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Session {
    /// The events that come after what an application has, by a name under which the session keeps how far that is.
    ///
    /// # Errors
    ///
    /// [`CursorError`].
    pub fn cursor(&self, name: &str) -> Result<Cursor, CursorError> {
        Cursor::open(self, name)
    }
}

/// The events of a session from where an application has come to, by a name.
///
/// What was taken and [committed](Self::commit) is not given again, in this process or a later one; what was taken and
/// not committed is. Messages that belong before those come as events with their positions, once.
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
/// An application that keeps what it makes of the messages in a database of its own is exact only when both are written
/// together: let it keep [`Events::progress`] there, and begin with [`Session::events_after`] instead of a cursor.
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

    /// Everything that was taken is done.
    ///
    /// # Durability
    ///
    /// When this returns it stays so, at the price of one synced transaction; an observer's store is in memory and
    /// forgets.
    ///
    /// # Errors
    ///
    /// [`StoreError`], after which it is unknown what will be given again.
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
