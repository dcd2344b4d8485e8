//! What happens in a session, one event after the other.

use std::time::Duration;

use tempo_clock::AuthorId;
use tempo_message::{Digest, Foreign, MessageId};

use super::{Attachment, Entry, Session, shared::Shared, timeline::Described};
use crate::{
    ReadError,
    protocol::{CoreEvent, Rejection, Usurped},
};

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A message entered the timeline. Everything from its position on moved back by one.
    Message {
        /// The message, with its position at that moment.
        entry: Entry,
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
        why: Usurped,
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
}

impl Event {
    /// Takes the next event of a session.
    pub(super) fn next(shared: &Shared) -> Result<Option<Self>, ReadError> {
        let mut state = shared.lock();
        if let Some(attachment) = state.attachments.pop_front() {
            return Ok(Some(Self::Attachment(attachment)));
        }
        if let Some((former, author, why)) = state.renewals.pop_front() {
            return Ok(Some(Self::NewAuthor { former, author, why }));
        }
        if let Some(why) = state.untold_publish_error.take() {
            return Ok(Some(Self::Unpublished { why }));
        }
        while let Some(event) = state.core.poll_event() {
            let event = match event {
                CoreEvent::Message { slot, position } => match Described::of(&state, slot, position) {
                    Some(entry) => {
                        drop(state);
                        return Ok(Some(Self::Message { entry: entry.read(shared)? }));
                    }
                    None => continue,
                },
                CoreEvent::Joined { author } => Self::Joined { author },
                CoreEvent::Renamed { author } => {
                    let name = state.core.name(author).unwrap_or_default().to_owned();
                    Self::Renamed { author, name }
                }
                CoreEvent::Succeeded { author } => match state.core.former_of(author) {
                    Some(former) => Self::Succeeded { author, former },
                    None => continue,
                },
                CoreEvent::Fork { id } => Self::Fork { id },
                CoreEvent::Rejected { id, digest, why } => Self::Rejected { id, digest, why },
            };
            return Ok(Some(event));
        }
        Ok(state.foreign.pop_front().map(Self::Foreign))
    }
}

/// The events of a session, waiting for each.
#[derive(Debug, Clone)]
pub struct Events {
    session: Session,
}

impl Events {
    pub(super) fn new(session: Session) -> Self {
        Self { session }
    }

    /// The next event, waiting at most so long; `None` when there was none, or when the session is closed.
    ///
    /// # Errors
    ///
    /// As for [`Session::poll`].
    pub fn next_within(&self, patience: Duration) -> Result<Option<Event>, ReadError> {
        let shared = self.session.shared();
        let end = shared.environment.now().saturating_add(patience);
        loop {
            if !shared.lock().is_open() {
                return Ok(None);
            }
            if let Some(event) = Event::next(shared)? {
                return Ok(Some(event));
            }
            let state = shared.lock();
            if state.has_news() {
                continue;
            }
            let left = end.saturating_sub(shared.environment.now());
            if left.is_zero() {
                return Ok(None);
            }
            drop(shared.wait(state, left));
        }
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
