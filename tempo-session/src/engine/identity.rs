//! Where authors come from, and whom a store belongs to that is opened.

use std::{error::Error, fmt};

use tempo_clock::AuthorId;
use tempo_message::planted;

use crate::{
    errors::IdentityError,
    store::{contract::Store, marks::Marks},
};

/// Where a session gets what no other installation may have, and what tells its store from a copy.
pub trait IdentitySource: fmt::Debug + Send {
    /// Returns an author that never was anybody's.
    ///
    /// # Errors
    ///
    /// Why it could not be noted as one of this installation.
    fn author(&mut self) -> Result<AuthorId, Box<dyn Error + Send + Sync>>;

    /// Returns a number that no other installation draws.
    fn nonce(&mut self) -> u64;

    /// Returns where the store is, in bytes that only this source reads; `None` when that cannot be told.
    fn place(&self) -> Option<Vec<u8>> {
        None
    }

    /// Whether a store that was written in this place is a copy where it is now. The session then goes on as a new author.
    fn is_copy(&self, _written_in: &[u8]) -> bool {
        false
    }
}

/// Whom a store belongs to that is opened.
#[derive(Debug)]
pub(crate) struct Established {
    pub(crate) marks: Marks,
    /// The author that the store had, if it is a copy.
    pub(crate) given_up: Option<AuthorId>,
}

/// Finds out whom a store belongs to: its author, unless it is a copy.
pub(crate) fn establish(store: &dyn Store, identity: &mut dyn IdentitySource) -> Result<Established, IdentityError> {
    let before = store.marks()?;
    let is_copy = before.place.as_deref().is_some_and(|place| identity.is_copy(place));
    let given_up = before.author().filter(|_| is_copy && !planted!(CopyGoesOn));
    let mut marks = match given_up {
        Some(_) => before.clone().succeeded_by(identity.author().map_err(IdentityError::Source)?),
        None => before.clone(),
    };
    marks.place = identity.place().or_else(|| before.place.clone());
    if marks != before && marks.author().is_some() {
        store.set_marks(&marks)?;
    }
    Ok(Established { marks, given_up })
}

/// What only the thread may do that holds this: commit, note marks, and become another author.
#[derive(Debug)]
pub(crate) struct Writer {
    pub(crate) identity: Box<dyn IdentitySource>,
}
