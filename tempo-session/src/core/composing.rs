//! Composing the messages that a member sends.

use std::mem;

use bytes::Bytes;
use tempo_clock::{AuthorId, Lamport};
use tempo_message::{
    Attachment, EncodeError, Frame, Kind, MAX_PAYLOAD, Message, MessageId, Parent, ShapeError, Sign, is_signed, planted,
};
use thiserror::Error;

use crate::core::{identity::conflict::IdentityConflict, session_core::SessionCore};

/// The reason why a message cannot be composed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ComposeError {
    /// An observer cannot write.
    #[error("an observer has no author to write as")]
    Observer,
    /// Another installation writes as this author, so a new message could take a counter that is in use.
    #[error("a new author is needed: {0}")]
    IdentityConflict(IdentityConflict),
    /// The payload exceeds the limit.
    #[error("payload must have at most {MAX_PAYLOAD} bytes, got {actual}")]
    PayloadTooLarge {
        /// The length of the payload, in bytes.
        actual: usize,
    },
    /// The files are too many or have too many parts, one stands twice, or a name is too long.
    #[error("these files cannot travel in one message: {0}")]
    Attachments(ShapeError),
    /// The author is a signed one, and its secret key is not here.
    #[error("the secret key of {0} is not here")]
    NoKey(AuthorId),
    /// The store has the member's previous message without all of its causes.
    #[error("the member's own previous message waits for its parents")]
    Incomplete,
    /// No counter or no logical time is left.
    #[error("no counter or no logical time is left")]
    Exhausted,
}

/// The content of a message to compose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    /// The meaning of the payload.
    pub kind: Kind,
    /// The payload.
    pub payload: Bytes,
    /// The files that the message names.
    pub attachments: Vec<Attachment>,
}

impl From<(Kind, Bytes)> for Content {
    fn from((kind, payload): (Kind, Bytes)) -> Self {
        Self { kind, payload, attachments: Vec::new() }
    }
}

impl SessionCore {
    /// A signature vouches for all messages before it. Messages that are composed together wait for the last of them
    /// unless they are fewer than this. So that none waits for another file, more are signed: those of which the counter
    /// is divisible by the second number, and those with which the payloads since the last signature reach the third, in
    /// bytes.
    const SIGNED_TOGETHER: usize = 16;
    const SIGNED_COUNTERS: u64 = 64;
    const SIGNED_BYTES: usize = 64 * 1024;

    /// Composes the next messages of this member, each after the one before. This changes nothing: hand them
    /// to [`handle`](Self::handle) once they are durable. A [signed](is_signed) author needs a key: see
    /// [`compose_signed`](Self::compose_signed).
    ///
    /// # Errors
    ///
    /// [`ComposeError`]. In this case no message is composed.
    pub fn compose(
        &self,
        contents: impl IntoIterator<Item = impl Into<Content>>,
        unix_ms: i64,
    ) -> Result<Vec<Frame>, ComposeError> {
        self.compose_signed(contents, unix_ms, None)
    }

    /// [Composes](Self::compose) messages with the author's secret key. All are signed if they are few; of many, the last
    /// one is and some before it.
    ///
    /// # Errors
    ///
    /// As for [`compose`](Self::compose), and [`ComposeError::NoKey`] when the key is missing or another author's.
    pub fn compose_signed(
        &self,
        contents: impl IntoIterator<Item = impl Into<Content>>,
        unix_ms: i64,
        signer: Option<&dyn Sign>,
    ) -> Result<Vec<Frame>, ComposeError> {
        let author = self.identity.me.ok_or(ComposeError::Observer)?;
        let key = signer.map(Sign::key).filter(|key| key.author() == author);
        let signer = signer.filter(|_| key.is_some());
        if is_signed(author) && signer.is_none() {
            return Err(ComposeError::NoKey(author));
        }
        if let Some(why) = self.identity.conflict() {
            return Err(ComposeError::IdentityConflict(why));
        }
        let mut previous = self.own_last;
        let own_time = match previous {
            Some(own) => self.ledger.find(&own).and_then(|slot| self.ledger.lamport(slot)),
            None => Some(Lamport::ZERO),
        };
        let own_time = own_time.ok_or(ComposeError::Incomplete)?;
        let (mut parents, others) = self.tips.parents_for(author);
        let mut latest = if planted!(TimeOfOwnLast) { own_time } else { others.max(own_time) };
        if planted!(NoParents) {
            (parents, latest) = (Vec::new(), own_time);
        }
        let (mut frames, mut unsigned) = (Vec::new(), 0);
        let contents: Vec<Content> = contents.into_iter().map(Into::into).collect();
        let (count, are_few) = (contents.len(), contents.len() < Self::SIGNED_TOGETHER);
        for Content { kind, payload, attachments } in contents {
            let counter = previous.map_or(Some(1), |own| own.counter.checked_add(1)).ok_or(ComposeError::Exhausted)?;
            latest = latest.next().map_err(|_| ComposeError::Exhausted)?;
            let message = Message {
                id: MessageId { author, counter },
                lamport: latest,
                unix_ms,
                previous: previous.map(|own| own.digest),
                parents: mem::take(&mut parents),
                key: key.filter(|_| counter == 1),
                kind,
                attachments,
                extensions: Vec::new(),
                payload,
            };
            unsigned += message.payload.len();
            let is_end = frames.len() + 1 == count || unsigned >= Self::SIGNED_BYTES;
            let is_end = is_end || counter.is_multiple_of(Self::SIGNED_COUNTERS);
            let signer = signer.filter(|_| are_few || is_end || counter == 1);
            unsigned = if signer.is_some() { 0 } else { unsigned };
            let frame = signer.map_or_else(|| Frame::encode(&message), |signer| Frame::sign(&message, signer));
            let frame = frame.map_err(|error| match error {
                EncodeError::PayloadTooLarge { actual } => ComposeError::PayloadTooLarge { actual },
                EncodeError::Shape(
                    why @ (ShapeError::TooManyParts { .. } | ShapeError::Attachments | ShapeError::AttachmentName),
                ) => ComposeError::Attachments(why),
                _ => ComposeError::Exhausted,
            })?;
            previous = Some(Parent { author, counter, digest: frame.digest() });
            frames.push(frame);
        }
        Ok(frames)
    }
}
