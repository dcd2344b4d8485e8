//! The files that accepted messages name, and which of them their authors need no longer.
//!
//! Whether a message is accepted, and where it stands, never depends on a file.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use tempo_clock::AuthorId;
use tempo_message::{AttachmentId, Message};

use crate::core::event::Slot;

/// The messages that name a file, by its length and the exponent of the size of its parts.
pub(crate) type Cuts = BTreeMap<(u64, u8), BTreeSet<Slot>>;

/// The files of a session, by what accepted messages say of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Files {
    /// What a liar says of a file is another way to describe it.
    named: BTreeMap<AttachmentId, Cuts>,
    /// The counter of the last message with which an author has released a file.
    released: BTreeMap<(AttachmentId, AuthorId), u64>,
}

impl Files {
    /// Notes the files that a message names.
    pub(crate) fn name(&mut self, message: &Message, slot: Slot) {
        for attachment in &message.attachments {
            let manifest = &attachment.manifest;
            let cuts = self.named.entry(manifest.id()).or_default();
            cuts.entry((manifest.length(), manifest.exponent())).or_default().insert(slot);
        }
    }

    /// Notes that an author has released a file with a message.
    pub(crate) fn release(&mut self, id: AttachmentId, author: AuthorId, counter: u64) {
        let last = self.released.entry((id, author)).or_default();
        *last = counter.max(*last);
    }

    /// Returns the counter of the last message with which an author has released a file.
    pub(crate) fn release_of(&self, id: AttachmentId, author: AuthorId) -> Option<u64> {
        self.released.get(&(id, author)).copied()
    }

    /// Returns every file, with the ways in which messages describe it.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (AttachmentId, &Cuts)> + '_ {
        self.named.iter().map(|(id, cuts)| (*id, cuts))
    }

    /// Returns the ways in which messages describe a file.
    pub(crate) fn cuts(&self, id: AttachmentId) -> Option<&Cuts> {
        self.named.get(&id)
    }

    /// Returns the number of files.
    pub(crate) fn len(&self) -> usize {
        self.named.len()
    }

    /// Returns the messages that name a file.
    pub(crate) fn namers(&self, id: AttachmentId) -> impl Iterator<Item = Slot> + '_ {
        self.named.get(&id).into_iter().flat_map(BTreeMap::values).flatten().copied()
    }
}
