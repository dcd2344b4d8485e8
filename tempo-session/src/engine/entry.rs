//! A message of the timeline.

use bytes::Bytes;
use serde::de::DeserializeOwned;
use tempo_clock::{AuthorId, Stamp};
use tempo_message::{Codec, CodecError, Digest, MessageId, Postcard};

use crate::core::{event::Slot, session_core::SessionCore};

/// A message of the application in its place.
///
/// Everything here is the same for every member that has the same messages.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Entry {
    /// The index in the timeline, from zero.
    pub position: usize,
    /// Author and counter.
    pub id: MessageId,
    /// Logical time, wall clock and author: what orders messages.
    pub stamp: Stamp,
    /// The digest of the message.
    pub digest: Digest,
    /// The name that the author went by when it wrote this.
    pub name: Option<String>,
    /// The content.
    pub payload: Bytes,
}

impl Entry {
    /// Who wrote the message.
    pub fn author(&self) -> AuthorId {
        self.id.author
    }

    /// The payload as a value, in the format of [`Session::typed`](crate::Session::typed). For another format there is its
    /// [`Codec`](crate::Codec).
    ///
    /// # Errors
    ///
    /// [`CodecError`] when it is not such a value: another version of the application wrote it.
    pub fn decode<T: DeserializeOwned>(&self) -> Result<T, CodecError> {
        Postcard::decode(&self.payload)
    }
}

/// An entry of which only the payload is still to be read, which takes no lock of the session.
pub(crate) struct Described {
    entry: Entry,
}

impl Described {
    /// An accepted message; `None` for a slot that never was one.
    pub(crate) fn of(core: &SessionCore, slot: Slot, position: usize) -> Option<Self> {
        let (id, order) = core.id(slot).zip(core.order(slot))?;
        let ((stamp, digest), name) = (order, core.name_at(id).map(str::to_owned));
        Some(Self { entry: Entry { position, id, stamp, digest, name, payload: Bytes::new() } })
    }

    /// The message whose payload it is.
    pub(crate) fn key(&self) -> (MessageId, Digest) {
        (self.entry.id, self.entry.digest)
    }

    /// The entry with its payload.
    pub(crate) fn with(self, payload: Bytes) -> Entry {
        Entry { payload, ..self.entry }
    }
}
