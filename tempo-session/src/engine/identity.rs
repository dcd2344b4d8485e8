//! The source of authors, and the identity of a store that is opened.

use std::{error::Error, fmt};

use tempo_clock::AuthorId;
use tempo_message::planted;

use crate::{
    errors::IdentityError,
    store::{contract::Store, marks::Marks},
};

/// Provides what no other installation may have, and tells a store from its copy.
pub trait IdentitySource: fmt::Debug + Send {
    /// Returns an author that was never in use.
    ///
    /// # Errors
    ///
    /// The reason why it could not be recorded as an author of this installation.
    fn author(&mut self) -> Result<AuthorId, Box<dyn Error + Send + Sync>>;

    /// Returns a number that no other installation draws.
    fn nonce(&mut self) -> u64;

    /// Returns the store's place, in bytes that only this source reads; `None` when the place is
    /// unknown.
    fn place(&self) -> Option<Vec<u8>> {
        None
    }

    /// Returns whether a store that was written in the given place is a copy where it is now. The
    /// session then continues as a new author.
    fn is_copy(&self, _written_in: &[u8]) -> bool {
        false
    }
}

/// The identity of a store that is opened.
#[derive(Debug)]
pub(crate) struct Established {
    pub(crate) marks: Marks,
    /// The author that the store had, if it is a copy.
    pub(crate) given_up: Option<AuthorId>,
}

/// Determines the author of a store: the one that it had, or a new one if the store is a copy.
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

/// The right to commit, to note marks and to become another author. One thread at a time holds it.
#[derive(Debug)]
pub(crate) struct Writer {
    pub(crate) identity: Box<dyn IdentitySource>,
}
