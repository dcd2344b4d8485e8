//! The proofs by which authors take the places of others.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use tempo_clock::AuthorId;
use tempo_message::{AuthorKey, Signature, Statement, Verify, planted};

/// The proofs that accepted messages give. A proof counts whatever else its author says, so the order of arrival decides
/// nothing.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Successions {
    /// Each author with a former one that has given it its place.
    proven: BTreeSet<(AuthorId, AuthorId)>,
    /// Authors with proofs that cannot be verified yet, by the former author, whose key is not known.
    open: BTreeMap<AuthorId, Vec<(AuthorId, Signature)>>,
}

impl Successions {
    /// Notes the proof of an author that it takes the place of a former one. The author's own key is known.
    pub(crate) fn note(
        &mut self,
        (author, former): (AuthorId, AuthorId),
        proof: Signature,
        keys: &BTreeMap<AuthorId, AuthorKey>,
        verify: &dyn Verify,
    ) {
        if self.has(author, former) {
            return;
        }
        match (keys.get(&author), keys.get(&former)) {
            (Some(new), Some(old)) => {
                if verify.verify(old, &Statement::succession(new), &proof) || planted!(SuccessorUnverified) {
                    self.proven.insert((author, former));
                }
            }
            (Some(_), None) => self.open.entry(former).or_default().push((author, proof)),
            // An author without a key proves nothing.
            (None, _) => {}
        }
    }

    /// Verifies the proofs for which the key of a former author was missing.
    pub(crate) fn learn(&mut self, former: AuthorId, keys: &BTreeMap<AuthorId, AuthorKey>, verify: &dyn Verify) {
        for (author, proof) in self.open.remove(&former).unwrap_or_default() {
            self.note((author, former), proof, keys, verify);
        }
    }

    /// Returns whether an author has proven that it has taken the place of a former one.
    pub(crate) fn has(&self, author: AuthorId, former: AuthorId) -> bool {
        self.proven.contains(&(author, former))
    }
}
