//! Going on as a new author when somebody else may have the name, and the lives that heads tell of.

use std::fmt;

use bytes::Bytes;
use tempo_clock::AuthorId;
use tempo_fs_transport::{Fingerprint, InstallationError};
use tempo_message::{Durability, Head, Kind, planted};

use crate::{
    api::events::Event,
    engine::{
        saving::Writer,
        shared::{Shared, State},
    },
};
use crate::{
    core::identity::authors::IdentityConflict,
    error::{IdentityError, SendError},
    store::{contract::Store, error::StoreError, marks::Marks},
};

/// Where a session gets what nobody else may have.
pub trait IdentitySource: fmt::Debug + Send {
    /// An author that nobody ever was.
    ///
    /// # Errors
    ///
    /// [`InstallationError`], when it could not be noted as one of this installation.
    fn author(&mut self) -> Result<AuthorId, InstallationError>;

    /// A number that nobody else draws.
    fn nonce(&mut self) -> u64;
}

/// Who a store that is opened belongs to: its author, unless it is a copy.
pub(crate) fn establish(
    store: &dyn Store,
    mint: &mut dyn IdentitySource,
    fingerprint: Option<Fingerprint>,
) -> Result<Established, IdentityError> {
    let before = store.marks()?;
    let is_copy = fingerprint.zip(before.fingerprint).is_some_and(|(now, before)| now.is_of_another_than(&before));
    let given_up = before.author().filter(|_| is_copy && !planted!(CopyGoesOn));
    let mut marks = match given_up {
        Some(_) => before.clone().succeeded_by(mint.author()?),
        None => before.clone(),
    };
    marks.fingerprint = fingerprint.or(before.fingerprint);
    if marks != before && marks.author().is_some() {
        store.set_marks(&marks)?;
    }
    Ok(Established { marks, given_up })
}

/// What became of it.
#[derive(Debug)]
pub(crate) struct Established {
    pub(crate) marks: Marks,
    /// The author that the store had, if it is a copy.
    pub(crate) given_up: Option<AuthorId>,
}

impl Shared {
    /// Becomes a new author if somebody else may write under the present name. What was sent under it stays what it is, and
    /// is looked after.
    pub(crate) fn renew_if_in_conflict(&self, writer: &mut Writer) -> Result<(), SendError> {
        let Some((before, why)) = self.conflict() else { return Ok(()) };
        let mut renew = || -> Result<AuthorId, IdentityError> {
            let author = writer.mint.author()?;
            let mut marks = self.lock().marks.clone().succeeded_by(author);
            marks.fingerprint = writer.fingerprint.or(marks.fingerprint);
            self.keep_marks(marks)?;
            Ok(author)
        };
        let author = renew().map_err(|source| SendError::NoNewAuthor { why, source })?;
        let mut state = self.lock();
        state.core.become_author(author);
        state.tell(Event::NewAuthor { former: before, author, why });
        drop(state);
        self.announce();
        Ok(())
    }

    /// The present author, and why it should not write any more.
    pub(crate) fn conflict(&self) -> Option<(AuthorId, IdentityConflict)> {
        let state = self.lock();
        state.core.author().zip(state.core.conflict())
    }

    /// The head to be left now. Everything that it claims, and the life that it tells of, is durable; `None` when that is
    /// not so, or when the name is in doubt.
    pub(crate) fn head(&self) -> Result<Option<Head>, StoreError> {
        if !planted!(HeadClaimsTooMuch) {
            self.save(Durability::Durable)?;
        }
        self.begin_life()?;
        let state = self.lock();
        if state.core.conflict().is_some() || (state.is_undurable() && !planted!(HeadClaimsTooMuch)) {
            return Ok(None);
        }
        Ok(state.core.own_head(self.environment.unix_ms()))
    }

    fn begin_life(&self) -> Result<(), StoreError> {
        let mut writer = self.writer();
        let state = self.lock();
        if state.is_alive {
            return Ok(());
        }
        let marks = state.marks.clone().reborn(writer.mint.nonce());
        drop(state);
        let lives = marks.lives.clone();
        if !planted!(LifeForgotten) {
            self.keep_marks(marks)?;
        }
        let mut state = self.lock();
        state.core.handle_life(lives);
        state.is_alive = true;
        Ok(())
    }
}

impl State {
    /// What is to be said before anything else: whose place a new author takes, and what the member is called, if that is not
    /// known.
    pub(crate) fn introduction(&self) -> Vec<(Kind, Bytes)> {
        let mut introduction = self.core.introduction();
        if let Some(name) = &self.name {
            // A new author takes the name of the former one with it.
            let inherited = introduction.iter().find(|(kind, _)| *kind == Kind::Profile).map(|(_, name)| name.as_ref());
            let known = self.core.author().and_then(|author| self.core.name(author)).map(str::as_bytes);
            if inherited.or(known) != Some(name.as_bytes()) {
                introduction.push((Kind::Profile, Bytes::copy_from_slice(name.as_bytes())));
            }
        }
        introduction
    }
}
