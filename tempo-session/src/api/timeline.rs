//! Access to the timeline.

use std::ops::Range;

use tempo_message::MessageId;

use crate::{
    api::session::Session,
    core::{event::Slot, order::chunked::Chunked},
    engine::entry::Entry,
    errors::ReadError,
};

impl Session {
    /// Returns every message of the application, in the order that all members share, as of now.
    pub fn timeline(&self) -> Timeline {
        Timeline::new(self.clone())
    }

    /// Returns the message with this id, at its position, if it is in the timeline. For a fork it returns the
    /// first message.
    ///
    /// # Errors
    ///
    /// [`ReadError`] when the message cannot be read.
    pub fn find(&self, id: MessageId) -> Result<Option<Entry>, ReadError> {
        let found = self.shared().lock().core.find(id);
        found.map_or(Ok(None), |(position, slot)| self.shared().read_entry(slot, position))
    }
}

/// A copy of the timeline at one moment. It reads payloads from the store one by one, from either end.
///
/// Messages that arrive later do not appear in it. Call [`Session::timeline`] again to see them.
#[derive(Debug, Clone)]
pub struct Timeline {
    session: Session,
    slots: Chunked<Slot>,
    left: Range<usize>,
}

impl Timeline {
    pub(crate) fn new(session: Session) -> Self {
        let slots = session.shared().lock().core.timeline().slots();
        let left = 0..slots.len();
        Self { session, slots, left }
    }

    /// Returns the message at a position, if the timeline is that long.
    ///
    /// # Errors
    ///
    /// [`ReadError`] when the payload cannot be read.
    pub fn get(&self, position: usize) -> Result<Option<Entry>, ReadError> {
        let Some(&slot) = self.slots.get(position) else { return Ok(None) };
        self.session.shared().read_entry(slot, position)
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
