//! Relaying by hand: other members' messages that have vanished from the folder.

use std::time::Duration;

use tempo_clock::AuthorId;

use crate::{
    api::session::Session,
    engine::{
        relayed::{RelayError, Relayed},
        state::State,
    },
};

impl Session {
    /// Puts those of an author's messages into the folder that are here and lie nowhere there, without waiting for their author
    /// and whoever lacks them: in a directory that only this member writes, and that everybody reads as the author's own.
    ///
    /// Their digests bind them to what others have answered. A message that nobody has answered is as true as this member's store.
    ///
    /// # Errors
    ///
    /// [`RelayError`]; nothing is lost, and what was put there before stays.
    pub fn relay(&self, author: AuthorId, patience: Duration) -> Result<Relayed, RelayError> {
        let mut state = self.shared().lock();
        if state.core.author().is_none() {
            return Err(RelayError::Observer);
        }
        if state.core.is_own(author) {
            return Err(RelayError::Own);
        }
        if state.core.contiguous(author) == 0 {
            return Err(RelayError::Unknown { author });
        }
        state.relaying.ask(author);
        self.shared().waker.wake_by_ref();
        let is_over = |state: &State| state.relaying.is_answered() || !state.lifecycle.is_open();
        let (mut state, _) = self.shared().wait_until(state, patience, is_over);
        match state.relaying.withdraw() {
            Some(relayed) => relayed,
            None if !state.lifecycle.is_open() => Err(RelayError::Closed),
            None => Err(RelayError::TimedOut { patience, unpublished: state.outbox.len() }),
        }
    }
}
