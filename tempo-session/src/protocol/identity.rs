//! Who this member is, whom it was before, and what shows that somebody else is the same.

use std::collections::BTreeSet;

use tempo_clock::AuthorId;
use tempo_message::{Digest, Head, Life, MessageId, planted};
use thiserror::Error;

/// Why a member must go on as a new author: what it wrote under the old name could take a counter that is in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Usurped {
    /// Another installation has written this message: it was found, or others say that they come after it.
    #[error("message {id} was written under this name by another installation, or before the local state was restored")]
    Message {
        /// The message that is not ours.
        id: MessageId,
    },
    /// The author's head says more than this installation knows of itself.
    #[error("the folder shows {} message(s) and {} start(s) of this author, the local state {known}", head.0, head.1)]
    Head {
        /// The counter and the number of the life in the head.
        head: (u64, u64),
        /// The own last counter.
        known: u64,
    },
    /// The local state lies on another machine, or in another file, than where it was written.
    #[error("the local state is a copy")]
    Copied,
}

/// The authors of an installation.
#[derive(Debug)]
pub(crate) struct Identity {
    /// Who it writes as; `None` for an observer.
    pub(crate) me: Option<AuthorId>,
    /// Whom it was before, the last one last.
    pub(crate) former: Vec<AuthorId>,
    /// The lives that it has lived, the last one last; the first ones are forgotten.
    pub(crate) lives: Vec<Life>,
    /// Messages under the present name that this installation did not send.
    pub(crate) impostors: BTreeSet<(MessageId, Digest)>,
    /// Another sign that the name is in use.
    pub(crate) sign: Option<Usurped>,
}

/// So many foreign messages under the own name are remembered; one is reason enough.
const IMPOSTORS: usize = 1024;

impl Identity {
    pub(crate) fn new(me: Option<AuthorId>) -> Self {
        Self { me, former: Vec::new(), lives: Vec::new(), impostors: BTreeSet::new(), sign: None }
    }

    /// Why a new author is needed, if one is.
    pub(crate) fn usurped(&self) -> Option<Usurped> {
        let message = self.impostors.first().map(|&(id, _)| Usurped::Message { id });
        self.sign.or(message).filter(|_| self.me.is_some() && !planted!(WriteOn))
    }

    /// Goes on as another author, of whom nobody else can know.
    pub(crate) fn become_author(&mut self, author: AuthorId) {
        self.former.extend(self.me.replace(author));
        self.impostors.clear();
        self.sign = None;
    }

    /// A message under the own name is not this installation's.
    pub(crate) fn find_impostor(&mut self, id: MessageId, digest: Digest) {
        if self.impostors.len() < IMPOSTORS {
            self.impostors.insert((id, digest));
        }
    }

    /// Compares a head with what this installation knows of itself; `last` is its last counter, and `is_own` tells whether a
    /// digest is that of its message of a counter.
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
            self.sign = Some(Usurped::Head { head: (head.counter, head.life.number), known: last });
        }
    }
}
