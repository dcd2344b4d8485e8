//! A message of the timeline.

use bytes::Bytes;
use serde::{Serialize, Serializer, de::DeserializeOwned};
use tempo_clock::{AuthorId, Lamport, Stamp};
use tempo_message::{Attachment, Codec, CodecError, Digest, Message, MessageId, Postcard};

use crate::{
    core::{event::Slot, session_core::SessionCore},
    json::{Content, File, Line},
};

/// A message of the application, at its position in the timeline.
///
/// Every member that has the same messages has equal entries.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Entry {
    /// The index in the timeline, from zero.
    pub position: usize,
    /// Author and counter.
    pub id: MessageId,
    /// Logical time, wall clock and author: the key of the order.
    pub stamp: Stamp,
    /// The digest of the message.
    pub digest: Digest,
    /// The author's name at the time of writing.
    pub name: Option<String>,
    /// The files that the message names. Their content may not be here: see [`Session::file`](crate::Session::file).
    pub attachments: Vec<Attachment>,
    /// The content.
    pub payload: Bytes,
}

impl Entry {
    /// Makes an entry for a test of a [`Reducer`](crate::replica::Reducer), which needs no session then.
    ///
    /// It is at position zero and has no name. Its logical time is its counter, its wall clock is 1970, and its digest is
    /// that of the payload. Change what the reducer depends on:
    ///
    /// ```
    /// use tempo_session::{AuthorId, Entry, MessageId};
    ///
    /// let ana = AuthorId::from_bytes([1; 16]);
    /// let mut entry = Entry::new(MessageId { author: ana, counter: 2 }, "hello");
    /// entry.position = 7;
    /// entry.name = Some("Ana".to_owned());
    /// assert_eq!(entry.author(), ana);
    /// ```
    pub fn new(id: MessageId, payload: impl Into<Bytes>) -> Self {
        let payload = payload.into();
        let stamp = Stamp { lamport: Lamport(id.counter), unix_ms: 0, author: id.author };
        Self { position: 0, id, stamp, digest: Digest::of(&payload), name: None, attachments: Vec::new(), payload }
    }

    /// Returns the author of the message.
    pub fn author(&self) -> AuthorId {
        self.id.author
    }

    /// Decodes the payload, in the format of [`Session::typed`](crate::Session::typed). For another format, use its
    /// [`Codec`](crate::Codec).
    ///
    /// # Errors
    ///
    /// [`CodecError`] when the payload is not such a value, for example because another version of
    /// the application wrote it.
    pub fn decode<T: DeserializeOwned>(&self) -> Result<T, CodecError> {
        Postcard::decode(&self.payload)
    }
}

/// As one flat object, which is equal for every member that has the same messages. It has the payload in `text`, or, if
/// that is not UTF-8, in `base64`.
impl Serialize for Entry {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let line = Line {
            position: self.position,
            id: self.id,
            author: self.id.author,
            counter: self.id.counter,
            lamport: self.stamp.lamport,
            unix_ms: self.stamp.unix_ms,
            digest: self.digest,
            name: self.name.as_deref(),
            content: Content::of(&self.payload),
            files: self.attachments.iter().map(File::of).collect(),
        };
        line.serialize(serializer)
    }
}

/// An entry without its payload, which can be read later without a lock of the session.
pub(crate) struct Described {
    entry: Entry,
}

impl Described {
    /// Describes an accepted message; `None` for a slot that never held one.
    pub(crate) fn of(core: &SessionCore, slot: Slot, position: usize) -> Option<Self> {
        let (id, order) = core.id(slot).zip(core.order(slot))?;
        let ((stamp, digest), name) = (order, core.name_at(slot).map(str::to_owned));
        Some(Self {
            entry: Entry { position, id, stamp, digest, name, attachments: Vec::new(), payload: Bytes::new() },
        })
    }

    /// Returns the message whose payload is missing.
    pub(crate) fn key(&self) -> (MessageId, Digest) {
        (self.entry.id, self.entry.digest)
    }

    /// Completes the entry with the content of its message.
    pub(crate) fn with(self, message: Message) -> Entry {
        let Message { attachments, payload, .. } = message;
        Entry { attachments, payload, ..self.entry }
    }
}
