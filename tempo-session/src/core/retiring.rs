//! Retirement: authors that are not waited for, because a member has said that they will not write again.
//!
//! A retirement of an author is in force until the author writes a message that has it among its causes. What an author
//! wrote before it knew does not count as an answer: that may have been under way. So which retirements are in force
//! depends only on the messages that are here, not on the order in which they arrive.

use std::collections::BTreeSet;

use tempo_clock::AuthorId;
use tempo_message::{Digest, Kind, Message, MessageId, Retirement};

use crate::core::{
    event::{CoreEvent, Slot},
    session_core::SessionCore,
};

impl SessionCore {
    /// Notes what an accepted message says and has seen of retirements.
    pub(crate) fn note_retirements(&mut self, message: &Message, slot: Slot) {
        let content = Some(&message.payload).filter(|_| message.kind == Kind::Retirement);
        let about = content.and_then(|content| Retirement::from_bytes(content)).map(|content| content.author);
        if about.is_none() && self.retirements.is_empty() {
            return;
        }
        let author = message.id.author;
        let was_retired = [Some(author), about].map(|it| it.and_then(|author| self.retired_by(author)).is_some());
        let Self { ledger, retirements, .. } = self;
        let causes = message.causes().filter_map(|cause| ledger.number(ledger.find(&cause)?));
        let number = ledger.number(slot).unwrap_or_default();
        retirements.note((author, slot, number), causes, about, |slot| ledger.order(slot));
        if was_retired[0] && self.retired_by(author).is_none() {
            self.events.push_back(CoreEvent::Returned { author });
        }
        let retired = about.filter(|_| !was_retired[1]);
        if let Some((about, by)) = retired.and_then(|about| Some((about, self.retired_by(about)?))) {
            self.events.push_back(CoreEvent::Retired { author: about, by });
        }
    }

    /// Returns the message that has retired an author, if the author has not returned.
    pub(crate) fn retired_by(&self, author: AuthorId) -> Option<MessageId> {
        self.id(self.retirements.of(author, self.heeds_retirements, |slot| self.ledger.order(slot))?)
    }

    /// Returns every known author that is retired. Others may have been retired as well, however many.
    pub(crate) fn retired(&self) -> BTreeSet<AuthorId> {
        if self.retirements.is_empty() {
            return BTreeSet::new();
        }
        let known = self.ledger.authors().chain(self.heads.authors()).chain(self.lacking());
        known.filter(|&author| self.retired_by(author).is_some()).collect()
    }

    /// Returns whether every member with the messages that are here takes an author for retired. For an own author only its
    /// own word counts, because some members may not heed that of others.
    pub(crate) fn is_retired_for_all(&self, author: AuthorId) -> bool {
        let by_others = !self.is_own(author);
        self.retirements.of(author, by_others, |slot| self.ledger.order(slot)).is_some()
    }

    /// Returns the content of the message with which this author has to begin so that its next message brings it back.
    /// `None` if it is not retired, or if the next message answers the retirement anyway.
    pub(crate) fn answer(&mut self) -> Option<Retirement> {
        let me = self.identity.me.filter(|_| !self.retirements.is_empty())?;
        self.retirements.of(me, true, |slot| self.ledger.order(slot))?;
        let (parents, _) = self.tips.parents_for(me);
        let Self { ledger, retirements, own_last, .. } = self;
        let causes = parents.iter().chain(own_last.as_ref()).filter_map(|cause| ledger.number(ledger.find(cause)?));
        let answers = retirements.would_answer(me, causes, |slot| ledger.order(slot));
        if answers { None } else { self.retirement_of(me) }
    }

    /// Returns the content of a message that retires an author, or `None` if nothing is known of the author.
    pub(crate) fn retirement_of(&self, author: AuthorId) -> Option<Retirement> {
        let counter = self.contiguous(author);
        let last = self.messages_after(author, counter.saturating_sub(1), 1).first().copied();
        let is_known = last.is_some() || self.head(author).is_some() || self.seen().counters(author).is_some();
        let (counter, digest) = last.unwrap_or((0, Digest::from_bytes([0; Digest::LEN])));
        (is_known || self.is_own(author)).then_some(Retirement { author, counter, digest })
    }
}
