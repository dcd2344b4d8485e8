//! Reading the timeline.

use std::{ops::Range, sync::Arc};

use bytes::Bytes;
use serde::de::DeserializeOwned;
use tempo_clock::{AuthorId, Stamp};
use tempo_message::{Codec, CodecError, Digest, MessageId, Postcard};

use crate::{
    api::session::Session,
    engine::{preview::Early, shared::Shared},
};
use crate::{
    core::{event::Slot, order::chunked::Chunked, session_core::SessionCore},
    error::ReadError,
};

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

    /// The payload as a value, in the format of [`Session::typed`]. For another format there is its
    /// [`Codec`](crate::Codec).
    ///
    /// # Errors
    ///
    /// [`CodecError`] when it is not such a value: another version of the application wrote it.
    pub fn decode<T: DeserializeOwned>(&self) -> Result<T, CodecError> {
        Postcard::decode(&self.payload)
    }

    /// The first message of an id.
    pub(crate) fn find(shared: &Shared, id: MessageId) -> Result<Option<Self>, ReadError> {
        let state = shared.lock();
        let described = state.core.find(id).and_then(|(position, slot)| Described::of(&state.core, slot, position));
        drop(state);
        described.map(|described| described.read(shared)).transpose()
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
        Some(Self::new(position, id, order, core.name_at(id).map(str::to_owned)))
    }

    pub(crate) fn new(position: usize, id: MessageId, (stamp, digest): (Stamp, Digest), name: Option<String>) -> Self {
        Self { entry: Entry { position, id, stamp, digest, name, payload: Bytes::new() } }
    }

    /// The entry with its payload.
    pub(crate) fn read(self, shared: &Shared) -> Result<Entry, ReadError> {
        let payload = shared.frame(self.entry.id, self.entry.digest)?.into_message().payload;
        Ok(Entry { payload, ..self.entry })
    }
}

/// The timeline as it was when it was asked for. Payloads are read from the store one by one, from either end.
///
/// Messages that arrive later do not show in it; ask for a new one.
#[derive(Debug, Clone)]
pub struct Timeline {
    session: Session,
    slots: Slots,
    left: Range<usize>,
}

/// What is in a timeline.
#[derive(Debug, Clone)]
enum Slots {
    Read(Chunked<Slot>),
    /// It was asked for before it was read.
    Early(Arc<Early>),
}

impl Timeline {
    pub(crate) fn new(session: Session) -> Self {
        let slots = match session.shared().early() {
            Some(early) => Slots::Early(early),
            None => Slots::Read(session.shared().lock().core.timeline().slots()),
        };
        let left = 0..slots.len();
        Self { session, slots, left }
    }

    /// The message at a position, if the timeline is that long.
    ///
    /// # Errors
    ///
    /// [`ReadError`] when the payload cannot be read.
    pub fn get(&self, position: usize) -> Result<Option<Entry>, ReadError> {
        let shared = self.session.shared();
        let described = self.slots.describe(shared, position)?;
        described.map(|described| described.read(shared)).transpose()
    }
}

impl Slots {
    fn len(&self) -> usize {
        match self {
            Self::Read(slots) => slots.len(),
            Self::Early(early) => early.len(),
        }
    }

    fn describe(&self, shared: &Shared, position: usize) -> Result<Option<Described>, ReadError> {
        if position >= self.len() {
            return Ok(None);
        }
        if let Self::Early(early) = self
            && let Some(described) = early.get(position)
        {
            return Ok(Some(described));
        }
        let state = shared.lock();
        let slots = match self {
            Self::Read(slots) => slots,
            // There are none when the store could not be read after all.
            Self::Early(early) => early.slots().ok_or(ReadError::Closed)?,
        };
        Ok(slots.get(position).and_then(|&slot| Described::of(&state.core, slot, position)))
    }
}

impl Iterator for Timeline {
    type Item = Result<Entry, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.left.next().and_then(|position| self.get(position).transpose())
    }

    fn nth(&mut self, skipped: usize) -> Option<Self::Item> {
        self.left.nth(skipped).and_then(|position| self.get(position).transpose())
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.left.size_hint()
    }
}

impl DoubleEndedIterator for Timeline {
    fn next_back(&mut self) -> Option<Self::Item> {
        self.left.next_back().and_then(|position| self.get(position).transpose())
    }

    fn nth_back(&mut self, skipped: usize) -> Option<Self::Item> {
        self.left.nth_back(skipped).and_then(|position| self.get(position).transpose())
    }
}

impl ExactSizeIterator for Timeline {}
