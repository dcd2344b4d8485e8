//! The inputs and outputs of a core.

use std::{mem, slice};

use tempo_clock::{AuthorId, Lamport};
use tempo_message::{Digest, Frame, Head, Life, Message, MessageId};

use crate::core::{
    event::{CoreEvent, Intake},
    identity::conflict::IdentityConflict,
    session_core::SessionCore,
};

/// An input of a core.
#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "nobody keeps inputs")]
pub enum Input<'a> {
    /// The installation's past authors and lives, as its store has recorded them. This input comes before all
    /// others.
    Restored {
        /// The former authors, the latest one last.
        former: Vec<AuthorId>,
        /// The lives, the latest one last.
        lives: Vec<Life>,
    },
    /// A message that this installation composed is durable in the store, either just now or since an earlier
    /// life.
    Sent {
        /// The message. Of its payload, the core reads only a name or a former author.
        message: &'a Message,
        /// The digest of the message.
        digest: Digest,
    },
    /// A message of any other author comes from the store, which keeps only messages that were accepted or held.
    Stored {
        /// The message. Of its payload, the core reads only a name or a former author.
        message: &'a Message,
        /// The digest of the message.
        digest: Digest,
    },
    /// A message arrived from any source. Messages that arrive together are handled faster
    /// [together](SessionCore::handle_all).
    Received(&'a Frame),
    /// An author's head arrived. It may be the member's own.
    Head(Head),
    /// The order up to this time is stable, as these authors have confirmed. The store has recorded it.
    Stable {
        /// The logical time of the end of the stable part.
        until: Lamport,
        /// The authors that had a say in it.
        by: Vec<AuthorId>,
    },
    /// The installation begins another life. The store has recorded all lives given here.
    Life(Vec<Life>),
    /// A sign outside the folder shows that the present author must not write any more.
    Conflict(IdentityConflict),
    /// The installation continues as this author. The store has recorded it.
    Author(AuthorId),
}

/// An output of a core: an event or a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Output {
    /// An event for the application.
    Event(CoreEvent),
    /// The core awaits a message whose id is taken by another message here, or that was
    /// [not proven](Intake::Unvouched) when it was handed in. Look for the id even though it is known or was seen.
    LookFor(MessageId),
    /// The core has room again for messages that it dropped, or can prove very many. Offer every message again.
    LookAgain,
    /// The core has judged a limited number of messages, and more are waiting. Poll again after others have
    /// had their turn.
    More,
    /// The core has no output until the next input.
    Idle,
}

impl SessionCore {
    /// Handles an input and returns its outcome.
    ///
    /// A head without news is a [duplicate](Intake::Duplicate). Inputs other than messages and heads are
    /// always accepted.
    pub fn handle(&mut self, input: Input<'_>) -> Intake {
        match input {
            Input::Sent { message, digest } => return self.handle_sent(message, digest),
            Input::Stored { message, digest } => return self.handle_received(message, digest),
            Input::Received(frame) => {
                let is_proven = self.proven(slice::from_ref(frame)).contains(&true);
                return self.handle_frame(frame, is_proven);
            }
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

    /// Returns the next output. Outputs come in chronological order.
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
        let is_to_look = mem::take(&mut self.vouching.is_to_look);
        if has_room || is_to_look { Output::LookAgain } else { Output::Idle }
    }
}
