//! Every state that a power loss may leave of a store. [`SimStore::crash`] draws one of them.

use std::{
    collections::{BTreeMap, BTreeSet},
    hash::{Hash, Hasher},
    iter,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use tempo_clock::AuthorId;
use tempo_message::{Digest, MessageId};
use tempo_session::store::{Marks, Origin};

use super::{
    SimStore,
    medium::Medium,
    store::{Kept, Lazy, State},
};
use crate::disk::{Act, Witness};

/// The contents of a store when the power returns.
#[derive(Debug, Clone)]
pub struct StoreImage {
    records: BTreeMap<(MessageId, Digest), Kept>,
    marks: Marks,
    snapshot: Option<Vec<u8>>,
    /// The contents of a real database's medium, and their digest.
    medium: Option<(Bytes, Digest)>,
}

impl Hash for StoreImage {
    fn hash<H: Hasher>(&self, state: &mut H) {
        // The number of lives makes no difference.
        self.marks.stable.hash(state);
        self.marks.place.hash(state);
        self.marks.own.iter().for_each(|own| (own.author, own.joined, own.audited).hash(state));
        if let Some((_, digest)) = self.medium {
            digest.hash(state);
        }
        self.records.iter().for_each(|(key, kept)| (key, kept.origin == Origin::Sent).hash(state));
        self.snapshot.hash(state);
    }
}

impl SimStore {
    /// Returns every state that a power loss could leave now. The store itself stays unchanged.
    ///
    /// In memory, a state has all durable records and any selection of the lazy transactions, each whole. For a real
    /// database, the states are a bounded choice among the writes since the last sync: every prefix, every prefix
    /// with its last write cut in half, each write alone, and all writes but one.
    pub fn states_after_power_loss(&self) -> Vec<StoreImage> {
        if let Some(medium) = &self.medium {
            let marks = self.lock().marks.clone();
            let image = |bytes: Bytes| {
                let digest = Digest::of(&bytes);
                let (records, snapshot) = (BTreeMap::new(), None);
                StoreImage { records, marks: marks.clone(), snapshot, medium: Some((bytes, digest)) }
            };
            return medium.states_after_power_loss().into_iter().map(image).collect();
        }
        let state = self.lock();
        let mut lost: BTreeSet<BTreeSet<(MessageId, Digest)>> = BTreeSet::from([BTreeSet::new()]);
        let mut durable = state.snapshot.clone();
        for transaction in state.lazy.iter().rev() {
            match transaction {
                Lazy::Records(keys) => {
                    let with = |lost: &BTreeSet<_>| lost.iter().chain(keys).copied().collect();
                    let more: Vec<_> = lost.iter().map(with).collect();
                    lost.extend(more);
                }
                Lazy::Snapshot(before) => durable.clone_from(before),
            }
        }
        let image = |lost: BTreeSet<_>| {
            let mut records = state.records.clone();
            records.retain(|key, _| !lost.contains(key));
            StoreImage { records, marks: state.marks.clone(), snapshot: durable.clone(), medium: None }
        };
        // A snapshot is not kept without what was committed before it.
        let whole = StoreImage { snapshot: state.snapshot.clone(), ..image(BTreeSet::new()) };
        iter::once(whole).chain(lost.into_iter().map(image)).collect()
    }

    /// Creates a store from an image, with all of it durable.
    pub fn from_image(author: AuthorId, image: &StoreImage) -> Self {
        let records = image.records.clone();
        let committed = records.values().map(|kept| kept.number + 1).max().unwrap_or_default();
        let (marks, snapshot) = (image.marks.clone(), image.snapshot.clone());
        let state = State { records, committed, marks, snapshot, ..State::default() };
        let medium = image.medium.as_ref().map(|(bytes, _)| Medium::holding(bytes));
        Self { state: Arc::new(Mutex::new(state)), author, life: 0, medium }
    }

    /// Sets the witness to be called before every change to the store, or removes it.
    pub fn set_witness(&self, witness: Option<Witness>) {
        if let Some(medium) = &self.medium {
            medium.set_witness(witness.clone());
        }
        self.lock().witness = witness;
    }

    /// Calls the witness before an act, because the power can be lost before it.
    pub(super) fn before(&self, act: Act) {
        let witness = self.lock().witness.clone();
        if let Some(witness) = witness {
            witness.look(act);
        }
    }
}
