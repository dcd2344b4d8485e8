//! What happens in a session, one event after the other.

use std::time::Duration;

use tempo_clock::AuthorId;
use tempo_message::{Digest, Foreign, MessageId};

use crate::{
    api::{
        session::Session,
        status::Attachment,
        timeline::{Described, Entry},
    },
    core::progress::Progress,
    engine::{
        feed::{Reader, Taken},
        shared::Shared,
    },
};
use crate::{
    core::{event::Rejection, identity::authors::IdentityConflict},
    error::ReadError,
    store::error::StoreError,
};

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A message entered the timeline. Everything from its position on moved back by one.
    Message {
        /// The message, with its position at that moment.
        entry: Entry,
        /// Whether it came in order.
        placed: Placed,
    },
    /// The first messages of the timeline, so many, keep their order: nobody who is waited for can insert anything among
    /// them any more. Everything behind them is tentative.
    Stable {
        /// How many.
        messages: usize,
    },
    /// A message waits for others that have not arrived. At most 1,024 at a time are told of.
    Held {
        /// The message.
        id: MessageId,
    },
    /// A message that has waited waits no more.
    Released {
        /// The message.
        id: MessageId,
    },
    /// Of this author later messages are here than some that are missing.
    GapOpened {
        /// The author.
        author: AuthorId,
        /// How many are missing.
        missing: u64,
    },
    /// Of this author nothing is missing any more.
    GapClosed {
        /// The author.
        author: AuthorId,
    },
    /// Nothing was heard of this author for as long as [`idle_after`](super::Builder::idle_after) says, so it is not
    /// waited for; a message of it may come [below what is stable](Placed::BelowStable).
    Silent {
        /// The author.
        author: AuthorId,
    },
    /// This author has told what it has received, or has answered: see [`Session::seen_by`].
    Receipt {
        /// The author.
        author: AuthorId,
    },
    /// A first message of this author was accepted.
    Joined {
        /// The author.
        author: AuthorId,
    },
    /// This author goes by another name now.
    Renamed {
        /// The author.
        author: AuthorId,
        /// The new name.
        name: String,
    },
    /// One author wrote two messages under one counter: it is in use on two devices. Both are delivered.
    Fork {
        /// The counter in question.
        id: MessageId,
    },
    /// A message was refused, here as everywhere.
    Rejected {
        /// The message.
        id: MessageId,
        /// Its digest.
        digest: Digest,
        /// Why.
        why: Rejection,
    },
    /// This author has taken the place of another one: it is the same person, or the same program.
    Succeeded {
        /// The author.
        author: AuthorId,
        /// Who it was before.
        former: AuthorId,
    },
    /// This member goes on as a new author, because somebody else may write as the former one.
    NewAuthor {
        /// Who it was before.
        former: AuthorId,
        /// Who it is now.
        author: AuthorId,
        /// What showed it.
        why: IdentityConflict,
    },
    /// What was sent cannot be put into the folder, for this reason; it is tried again until it can.
    Unpublished {
        /// Why.
        why: String,
    },
    /// Something in the folder is not ours; once per change.
    Foreign(Foreign),
    /// The folder went away or came back.
    Attachment(Attachment),
    /// Events were not taken for so long that some are gone, none of them a message: [`Session::status`] has what they
    /// would have told. The messages come next, in order.
    Missed,
}

/// Where a message came in the timeline, as this application knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Placed {
    /// At the end.
    Last,
    /// Before messages that the application has.
    Late,
    /// Among those that the application was told to be stable: it is of a newcomer, of somebody who was not waited for,
    /// or of an author that is in use twice.
    BelowStable,
}

impl Event {
    /// The next event for a reader.
    pub(crate) fn next(shared: &Shared, reader: &mut Reader) -> Result<Option<Self>, ReadError> {
        let state = shared.lock();
        let (slot, position, placed) = match reader.take(&state) {
            None => return Ok(None),
            Some(Taken::Event(event)) => return Ok(Some(event)),
            Some(Taken::Message { slot, position, placed }) => (slot, position, placed),
        };
        let described = Described::of(&state.core, slot, position);
        drop(state);
        match described.map(|described| described.read(shared)).transpose() {
            Ok(entry) => {
                reader.note(&shared.lock().core, slot);
                Ok(entry.map(|entry| Self::Message { entry, placed }))
            }
            Err(error) => {
                reader.give_back(slot, position, placed);
                Err(error)
            }
        }
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
        let reader = Reader::begin(progress, session.shared());
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
        Event::next(self.session.shared(), &mut self.reader)
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
            if !self.session.shared().lock().is_open() {
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
                Ok(None) if !self.session.shared().lock().is_open() => return None,
                Ok(None) => {}
                Err(ReadError::Closed) => return None,
                Err(error) => return Some(Err(error)),
            }
        }
    }
}
