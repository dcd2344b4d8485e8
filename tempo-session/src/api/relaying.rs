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
    /// Publishes an author's messages that are here and nowhere in the folder, without waiting until the
    /// author is silent and other members lack them. The messages go to a directory that only this member
    /// writes and that every member reads as the author's own.
    ///
    /// The signatures of a signed author prove these messages. Those of a plain author are bound by digests to the
    /// answers of others, and a message without answers is only as trustworthy as this
    /// member's store.
    ///
    /// # Errors
    ///
    /// [`RelayError`]. No message is lost, and files published before stay.
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
        self.shared().wake_driver();
        let is_over = |state: &State| state.relaying.is_answered() || !state.lifecycle.is_open();
        let (mut state, _) = self.shared().wait_until(state, patience, is_over);
        match state.relaying.withdraw() {
            Some(relayed) => relayed,
            None if !state.lifecycle.is_open() => Err(RelayError::Closed),
            None => Err(RelayError::TimedOut { patience, unpublished: state.outbox.len() }),
        }
    }
}
