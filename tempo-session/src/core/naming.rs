//! What the core knows of files: who names them, and who needs them no longer.

use std::collections::{BTreeMap, BTreeSet};

use tempo_clock::AuthorId;
use tempo_message::{AttachmentId, Digest, Kind, Message, MessageId, Release};

use crate::core::{
    event::{CoreEvent, Slot},
    session_core::SessionCore,
};

impl SessionCore {
    /// Notes what an accepted message says of files.
    pub(crate) fn note_files(&mut self, message: &Message, slot: Slot) {
        self.files.name(message, slot);
        let content = Some(&message.payload).filter(|_| message.kind == Kind::Release);
        let Some(release) = content.and_then(|content| Release::from_bytes(content)) else { return };
        let MessageId { author, counter } = message.id;
        for &id in release.ids() {
            let was_released = self.is_released(id, author);
            self.files.release(id, author, counter);
            if !was_released && self.is_released(id, author) {
                self.events.push_back(CoreEvent::FileReleased { author, id });
            }
        }
    }

    /// Returns every file that an accepted message names, with the number of its bytes. Where messages disagree about
    /// these, the least number.
    pub(crate) fn files(&self) -> impl Iterator<Item = (AttachmentId, u64)> + '_ {
        self.files.iter().filter_map(|(id, cuts)| Some((id, cuts.keys().next()?.0)))
    }

    /// Returns the number of files that accepted messages name.
    pub(crate) fn files_len(&self) -> usize {
        self.files.len()
    }

    /// Returns one message for each way in which accepted messages describe a file: the first one in the order of
    /// messages.
    pub(crate) fn descriptions(&self, id: AttachmentId) -> Vec<(MessageId, Digest)> {
        let first = |slots: &BTreeSet<Slot>| {
            let orders = slots.iter().filter_map(|&slot| Some((self.order(slot)?, slot)));
            let ((_, digest), slot) = orders.min()?;
            Some((self.id(slot)?, digest))
        };
        self.files.cuts(id).into_iter().flat_map(BTreeMap::values).filter_map(first).collect()
    }

    /// Returns the messages that name a file, in the order of messages.
    pub(crate) fn namers(&self, id: AttachmentId) -> Vec<MessageId> {
        let mut namers: Vec<_> = self.files.namers(id).filter_map(|slot| Some((self.order(slot)?, slot))).collect();
        namers.sort_unstable();
        namers.into_iter().filter_map(|(_, slot)| self.id(slot)).collect()
    }

    /// Returns whether an author has named a file and released it since, for all its messages that name it.
    pub(crate) fn is_released(&self, id: AttachmentId, author: AuthorId) -> bool {
        let named = self.files.namers(id).filter_map(|slot| self.id(slot)).filter(|it| it.author == author);
        let last = named.map(|it| it.counter).max();
        last.zip(self.release_of(id, author)).is_some_and(|(last, released)| last < released)
    }

    /// Returns the counter of the last message with which an author has released a file.
    pub(crate) fn release_of(&self, id: AttachmentId, author: AuthorId) -> Option<u64> {
        self.files.release_of(id, author)
    }
}
