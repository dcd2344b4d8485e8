//! The source of authors, and the identity of a store that is opened.

use std::{error::Error, fmt};

use tempo_clock::AuthorId;
use tempo_message::{AuthorKey, Head, Sign, Signature, Statement, is_signed, planted};

use crate::{
    core::identity::conflict::IdentityConflict,
    errors::IdentityError,
    store::{contract::Store, marks::Marks},
};

/// Provides what no other installation may have, and tells a store from its copy.
pub trait IdentitySource: fmt::Debug + Send {
    /// Returns an author that was never in use. Nothing is written as it before it is [kept](Self::keep).
    ///
    /// # Errors
    ///
    /// The reason why there is none.
    fn author(&mut self) -> Result<AuthorId, Box<dyn Error + Send + Sync>>;

    /// Makes the secret key of a new author durable, if it is a [signed](is_signed) one, and records it as an author of
    /// this installation. The session calls this before its store notes the author. By default everything is durable
    /// already.
    ///
    /// # Errors
    ///
    /// The reason why the key may not be durable. The author is not used then.
    fn keep(&mut self, _author: AuthorId) -> Result<(), Box<dyn Error + Send + Sync>> {
        Ok(())
    }

    /// Returns what signs as an author of this installation; `None` when its secret key is not here, or when it does
    /// not sign.
    ///
    /// # Errors
    ///
    /// The reason why that is not known now.
    fn signer(&mut self, _author: AuthorId) -> Result<Option<Box<dyn Sign>>, Box<dyn Error + Send + Sync>> {
        Ok(None)
    }

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
    /// The author that the store had, if it must not write as that any more.
    pub(crate) given_up: Option<(AuthorId, IdentityConflict)>,
}

/// Determines the author of a store: the one that it had, or a new one if the store is a copy or the secret key is lost.
pub(crate) fn establish(store: &dyn Store, identity: &mut dyn IdentitySource) -> Result<Established, IdentityError> {
    let before = store.marks()?;
    let is_copy = before.place.as_deref().is_some_and(|place| identity.is_copy(place));
    // A key that cannot be read now is not lost. Reading goes on without it.
    let is_lost =
        before.author().is_some_and(|author| is_signed(author) && matches!(identity.signer(author), Ok(None)));
    let why = if is_copy { Some(IdentityConflict::Copied) } else { is_lost.then_some(IdentityConflict::KeyLost) };
    let given_up = before.author().zip(why);
    let given_up = given_up.filter(|_| !planted!(CopyGoesOn));
    let mut marks = match given_up {
        Some(_) => before.clone().succeeded_by(new_author(identity)?),
        None => before.clone(),
    };
    marks.place = identity.place().or_else(|| before.place.clone());
    if marks != before && marks.author().is_some() {
        store.set_marks(&marks)?;
    }
    Ok(Established { marks, given_up })
}

/// Returns a new author whose key is durable: one that was noted and has no key could never write, nor prove who takes its
/// place.
pub(crate) fn new_author(identity: &mut dyn IdentitySource) -> Result<AuthorId, IdentityError> {
    let author = identity.author().map_err(IdentityError::Source)?;
    if !planted!(KeyNotedLate) {
        identity.keep(author).map_err(IdentityError::Source)?;
    }
    Ok(author)
}

/// The right to commit, to note marks and to become another author. One thread at a time holds it.
#[derive(Debug)]
pub(crate) struct Writer {
    pub(crate) identity: Box<dyn IdentitySource>,
    /// What signs as the present author, once that was asked for.
    signer: Option<(AuthorId, Option<Box<dyn Sign>>)>,
}

impl Writer {
    pub(crate) fn new(identity: Box<dyn IdentitySource>) -> Self {
        Self { identity, signer: None }
    }

    /// Returns what signs as an author, if its secret key is here.
    pub(crate) fn signer(&mut self, author: AuthorId) -> Result<Option<&dyn Sign>, IdentityError> {
        if self.signer.as_ref().is_none_or(|(known, signer)| *known != author || signer.is_none()) {
            let signer = if is_signed(author) { self.identity.signer(author) } else { Ok(None) };
            self.signer = Some((author, signer.map_err(IdentityError::Source)?));
        }
        Ok(self.signer.as_ref().and_then(|(_, signer)| signer.as_deref()))
    }

    /// Returns the proof that a former author of this installation gives its place to the owner of a key; `None` if the
    /// former one's secret key is lost.
    pub(crate) fn prove(&mut self, former: AuthorId, to: &AuthorKey) -> Result<Option<Signature>, IdentityError> {
        if !is_signed(former) {
            return Ok(None);
        }
        let signer = self.identity.signer(former).map_err(IdentityError::Source)?;
        Ok(signer.map(|signer| signer.sign(&Statement::succession(to))))
    }

    /// Returns a head with its author's signature; `None` when a signed author's key is not here.
    pub(crate) fn sealed(&mut self, head: Head) -> Option<Head> {
        if !is_signed(head.author) {
            return Some(head);
        }
        if planted!(KeyNotedLate) {
            self.identity.keep(head.author).ok()?;
        }
        let signer = self.signer(head.author).ok().flatten()?;
        Some(head.signed(signer))
    }
}
