//! What goes into a core, and what comes out.

use tempo_clock::{AuthorId, Lamport};
use tempo_message::{Digest, Head, Life, Message, MessageId};

use crate::core::{
    event::{CoreEvent, Intake},
    identity::conflict::IdentityConflict,
    session_core::SessionCore,
};

/// Something that a core is told.
#[derive(Debug)]
pub enum Input<'a> {
    /// The installation was these authors before, in this order, and has had these lives: what its store has noted. Comes
    /// before everything else.
    Restored {
        /// The former authors, the last one last.
        former: Vec<AuthorId>,
        /// The lives, the last one last.
        lives: Vec<Life>,
    },
    /// A message that this installation composed is safe in the store, since now or since an earlier life.
    Sent {
        /// The message; of its payload only a name or an author is looked at.
        message: &'a Message,
        /// Its digest.
        digest: Digest,
    },
    /// A message arrived, from anywhere.
    Received {
        /// The message; of its payload only a name or an author is looked at.
        message: &'a Message,
        /// Its digest.
        digest: Digest,
    },
    /// An author's head arrived, be it the member's own.
    Head(Head),
    /// The order up to this time is stable, by the word of these authors; the store has noted it.
    Stable {
        /// The logical time.
        until: Lamport,
        /// The authors that had a say in it.
        by: Vec<AuthorId>,
    },
    /// The installation begins another life; the store has noted all of these.
    Life(Vec<Life>),
    /// Something outside the folder says that the present author must not go on.
    Conflict(IdentityConflict),
    /// The installation goes on as this author; the store has noted it.
    Author(AuthorId),
}

/// Something that a core asks for or announces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Output {
    /// An announcement.
    Event(CoreEvent),
    /// Another message of this id is awaited than the one that is here: look for it although the id is known.
    LookFor(MessageId),
    /// There is room again for messages that had to give way: look at everything again.
    LookAgain,
    /// A limited number of messages was judged, and more wait to be. Poll again, after others have had their turn.
    More,
    /// Nothing, until the next input.
    Idle,
}

impl SessionCore {
    /// Takes an input in, and says what became of it.
    ///
    /// A head that says nothing new is a [duplicate](Intake::Duplicate). Inputs other than messages and heads are accepted.
    pub fn handle(&mut self, input: Input<'_>) -> Intake {
        match input {
            Input::Sent { message, digest } => return self.handle_sent(message, digest),
            Input::Received { message, digest } => return self.handle_received(message, digest),
            Input::Head(head) => return if self.handle_head(head) { Intake::Accepted } else { Intake::Duplicate },
            Input::Restored { former, lives } => (self.identity.former, self.identity.lives) = (former, lives),
            Input::Stable { until, by } => {
                self.stability.confirm(until);
                self.stability.stable_by(by);
            }
            Input::Life(lives) => self.identity.lives = lives,
            Input::Conflict(why) => self.identity.sign = Some(why),
            Input::Author(author) => {
                self.identity.become_author(author);
                self.own_last = None;
            }
        }
        Intake::Accepted
    }

    /// The next output, in the order in which things became true.
    pub fn poll(&mut self) -> Output {
        if let Some(event) = self.events.pop_front() {
            return Output::Event(event);
        }
        if !self.accepted.is_empty() {
            let more = self.go_on();
            return match self.events.pop_front() {
                Some(event) => Output::Event(event),
                None if more => Output::More,
                None => self.poll_looks(),
            };
        }
        self.poll_looks()
    }

    fn poll_looks(&mut self) -> Output {
        if let Some(id) = self.suspects.pop_first() {
            return Output::LookFor(id);
        }
        let has_room = self.evicted && self.held.is_below_half();
        self.evicted &= !has_room;
        if has_room { Output::LookAgain } else { Output::Idle }
    }
}
