//! Access to accepted messages.

use tempo_clock::{AuthorId, Stamp};
use tempo_message::{Digest, MessageId, Parent};

use crate::core::{event::Slot, session_core::SessionCore};

impl SessionCore {
    /// Returns the first message of the timeline with this id, and its position.
    pub fn find(&self, id: MessageId) -> Option<(usize, Slot)> {
        let ids = self.ledger.with_id(id).filter_map(|slot| Some((self.ledger.order(slot)?, slot)));
        let (order, slot) = ids.min()?;
        let position = self.timeline.position(&self.ledger, &order);
        (self.timeline().get(position) == Some(&slot)).then_some((position, slot))
    }

    /// Returns the place of an accepted message.
    pub(crate) fn slot(&self, id: MessageId, digest: Digest) -> Option<Slot> {
        self.ledger.find(&Parent { author: id.author, counter: id.counter, digest })
    }

    /// Returns the author and counter of an accepted message.
    pub fn id(&self, slot: Slot) -> Option<MessageId> {
        self.ledger.id(slot)
    }

    /// Returns the stamp and digest of an accepted message, which determine its order.
    pub fn order(&self, slot: Slot) -> Option<(Stamp, Digest)> {
        self.ledger.order(slot)
    }

    /// Returns the name that an author had when it wrote a message. It is equal for every member that has the
    /// message.
    pub fn name_at(&self, slot: Slot) -> Option<&str> {
        self.ledger.name_at(slot)
    }

    /// Returns the latest name of an author.
    pub fn name(&self, author: AuthorId) -> Option<&str> {
        self.ledger.name(author)
    }
}
