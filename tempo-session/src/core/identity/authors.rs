//! The authors of an installation, and signs that another installation writes as one of them.

use std::collections::BTreeSet;

use tempo_clock::AuthorId;
use tempo_message::{Digest, Head, Life, MessageId, planted};

use crate::core::identity::conflict::IdentityConflict;

/// The authors of an installation.
#[derive(Debug)]
pub(crate) struct Identity {
    /// The author that it writes as; `None` for an observer.
    pub(crate) me: Option<AuthorId>,
    /// The former authors, the latest one last.
    pub(crate) former: Vec<AuthorId>,
    /// The installation's lives, the latest one last. The earliest ones are forgotten.
    pub(crate) lives: Vec<Life>,
    /// Messages under the present author that this installation did not send.
    pub(crate) impostors: BTreeSet<(MessageId, Digest)>,
    /// Any other sign that the author is in use elsewhere.
    pub(crate) sign: Option<IdentityConflict>,
}

/// The most foreign messages remembered under the own author. A single one is enough to require a new author.
const IMPOSTORS: usize = 1024;

impl Identity {
    pub(crate) fn new(me: Option<AuthorId>) -> Self {
        Self { me, former: Vec::new(), lives: Vec::new(), impostors: BTreeSet::new(), sign: None }
    }

    /// Returns whether an author is, or was, this installation.
    pub(crate) fn is_own(&self, author: AuthorId) -> bool {
        self.me == Some(author) || self.former.contains(&author)
    }

    /// Returns the reason why a new author is needed, if any.
    pub(crate) fn conflict(&self) -> Option<IdentityConflict> {
        let message = self.impostors.first().map(|&(id, _)| IdentityConflict::Message { id });
        self.sign.or(message).filter(|_| self.me.is_some() && !planted!(WriteOn))
    }

    /// Continues as another author that no other installation can know.
    pub(crate) fn become_author(&mut self, author: AuthorId) {
        self.former.extend(self.me.replace(author));
        self.impostors.clear();
        self.sign = None;
    }

    /// Records a message under the own author that this installation did not send.
    pub(crate) fn find_impostor(&mut self, id: MessageId, digest: Digest) {
        if self.impostors.len() < IMPOSTORS {
            self.impostors.insert((id, digest));
        }
    }

    /// Compares a head with this installation's own knowledge of itself. `last` is its last counter. `is_own`
    /// returns whether a digest belongs to its message with a counter.
    pub(crate) fn judge(&mut self, head: &Head, last: u64, is_own: impl Fn(u64, Digest) -> bool) {
        if Some(head.author) != self.me {
            return;
        }
        let first_known = self.lives.first().map_or(0, |life| life.number);
        let is_strange_life =
            head.life.number >= first_known && head.life.number > 0 && !self.lives.contains(&head.life);
        let is_ahead = head.counter > last;
        let is_strange_message = head.digest.is_some_and(|digest| !is_own(head.counter, digest));
        if is_strange_life || is_ahead || is_strange_message {
            self.sign = Some(IdentityConflict::Head { head: (head.counter, head.life.number), known: last });
        }
    }
}
