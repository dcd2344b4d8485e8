//! Continuing as a new author when another installation may use the name, and the lives that heads
//! record.

use tempo_clock::AuthorId;
use tempo_message::{Durability, Head, planted};

use crate::{
    core::{driving::Input, identity::conflict::IdentityConflict},
    engine::{
        event::Event,
        identity::{Writer, new_author},
        shared::Shared,
    },
    errors::{IdentityError, SendError},
    store::error::StoreError,
};

impl Shared {
    /// Becomes a new author if another installation may write under the present one. Messages sent
    /// as the former author stay what they are, and the installation still looks after them.
    pub(crate) fn renew_if_in_conflict(&self, writer: &mut Writer) -> Result<(), SendError> {
        let Some((former, why)) = self.conflict() else { return Ok(()) };
        let author = self.renew(writer).map_err(|source| SendError::NoNewAuthor { why, source })?;
        let mut state = self.lock();
        state.core.handle(Input::Author(author));
        state.tell(Event::NewAuthor { former, author, why });
        drop(state);
        self.announce();
        Ok(())
    }

    fn renew(&self, writer: &mut Writer) -> Result<AuthorId, IdentityError> {
        let author = new_author(writer.identity.as_mut())?;
        let mut marks = self.lock().marks.clone().succeeded_by(author);
        marks.place = writer.identity.place().or(marks.place);
        self.keep_marks(marks)?;
        Ok(author)
    }

    /// Returns the present author and why it must not write any more, if so.
    pub(crate) fn conflict(&self) -> Option<(AuthorId, IdentityConflict)> {
        let state = self.lock();
        state.core.author().zip(state.core.conflict())
    }

    /// Returns the head to leave now. Everything that it claims, and the life that it records, is
    /// durable. Returns `None` when that is not so, or when the identity is in doubt.
    pub(crate) fn head(&self) -> Result<Option<Head>, StoreError> {
        if !planted!(HeadClaimsTooMuch) {
            self.save(Durability::Durable)?;
        }
        self.begin_life()?;
        let mut writer = self.writer();
        let state = self.lock();
        if state.core.conflict().is_some() || (state.unsaved.is_undurable() && !planted!(HeadClaimsTooMuch)) {
            return Ok(None);
        }
        let head = state.core.own_head(self.environment.unix_ms());
        drop(state);
        Ok(head.and_then(|head| writer.sealed(head)))
    }

    fn begin_life(&self) -> Result<(), StoreError> {
        let mut writer = self.writer();
        let state = self.lock();
        if state.is_alive {
            return Ok(());
        }
        let marks = state.marks.clone().reborn(writer.identity.nonce());
        drop(state);
        let lives = marks.lives.clone();
        if !planted!(LifeForgotten) {
            self.keep_marks(marks)?;
        }
        let mut state = self.lock();
        state.core.handle(Input::Life(lives));
        state.is_alive = true;
        Ok(())
    }
}
