//! The frames of a store, in rows that hold runs of an author's messages.

use std::{collections::BTreeMap, iter, mem};

use ::redb::{Range, ReadableTable, StorageError, Table, TableDefinition};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tempo_clock::AuthorId;
use tempo_message::{Digest, Frame, MessageId};

use super::contract::Record;
use crate::store::contract::Origin;

/// Each row has the frames of one author's consecutive messages. Its key is the last message: author, counter
/// and digest, big-endian, so that an author's messages are adjacent and in order.
pub(super) const FRAMES: TableDefinition<&Key, &[u8]> = TableDefinition::new("frames");
pub(super) type Key = [u8; KEY];
const KEY: usize = 16 + 8 + Digest::LEN;

/// The most messages in a row. A lookup of one message reads past those before it.
const MESSAGES: u64 = 64;
/// The most bytes in a row, unless a single message has more. With the database's own data they fill four of
/// its pages.
const BYTES: usize = 16 * 1024 - 256;

/// A row, named by its last message, and whether all of its messages were sent or all received.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct Row {
    last: MessageId,
    digest: Digest,
    sent: bool,
}

/// A writer that collects frames into rows.
///
/// Frames of several authors may alternate. A message that continues its author's previous one shares its
/// row.
pub(super) struct Runs<'a, 'txn> {
    table: &'a mut Table<'txn, &'static Key, &'static [u8]>,
    begun: BTreeMap<AuthorId, Run>,
    rows: Vec<Row>,
}

/// Messages of one author that will form a row.
struct Run {
    first: u64,
    row: Option<Row>,
    frames: Vec<u8>,
    /// True if the table already has counters in the range of this run. Then each message is looked up.
    is_crowded: bool,
}

impl<'a, 'txn> Runs<'a, 'txn> {
    pub(super) fn into(table: &'a mut Table<'txn, &'static Key, &'static [u8]>) -> Self {
        Self { table, begun: BTreeMap::new(), rows: Vec::new() }
    }

    /// Adds a record, unless the table already has it.
    pub(super) fn add(&mut self, record: &Record) -> Result<(), StorageError> {
        let Record { frame, origin } = record;
        let MessageId { author, counter } = frame.id();
        let mut run = match self.begun.remove(&author) {
            Some(run) if run.has_room_for(record) => run,
            full => {
                full.map_or(Ok(()), |run| self.put(&run))?;
                let is_crowded =
                    rows_with(self.table, author, counter, counter.saturating_add(MESSAGES))?.next().is_some();
                Run { first: counter, row: None, frames: Vec::new(), is_crowded }
            }
        };
        if run.is_crowded && find(self.table, frame.id(), frame.digest())?.is_some() {
            return self.put(&run);
        }
        run.frames.extend_from_slice(frame.bytes());
        run.row = Some(Row { last: frame.id(), digest: frame.digest(), sent: *origin == Origin::Sent });
        self.begun.insert(author, run);
        Ok(())
    }

    /// Writes the remaining rows, and returns all rows added to the table.
    pub(super) fn finish(mut self) -> Result<Vec<Row>, StorageError> {
        mem::take(&mut self.begun).values().try_for_each(|run| self.put(run))?;
        Ok(self.rows)
    }

    fn put(&mut self, run: &Run) -> Result<(), StorageError> {
        let Some(row) = run.row else { return Ok(()) };
        self.rows.push(row);
        self.table.insert(&row.key(), run.frames.as_slice()).map(drop)
    }
}

impl Run {
    fn has_room_for(&self, Record { frame, origin }: &Record) -> bool {
        let continues = |row: Row| {
            let counter = frame.id().counter;
            let is_next = row.last.counter.checked_add(1) == Some(counter) && counter - self.first < MESSAGES;
            is_next && row.origin() == *origin
        };
        self.row.is_some_and(continues) && self.frames.len() + frame.bytes().len() <= BYTES
    }
}

impl Row {
    /// Returns the origin of its messages.
    pub(super) fn origin(self) -> Origin {
        if self.sent { Origin::Sent } else { Origin::Received }
    }

    /// Returns its frames, one after the other.
    pub(super) fn frames(
        self,
        table: &impl ReadableTable<&'static Key, &'static [u8]>,
    ) -> Result<Option<Bytes>, StorageError> {
        let frames = table.get(&self.key())?;
        Ok(frames.map(|frames| Bytes::copy_from_slice(frames.value())))
    }

    fn key(self) -> Key {
        key(self.last.author, self.last.counter, self.digest)
    }
}

/// Returns the frame of a message, if a row has it.
pub(super) fn find(
    table: &impl ReadableTable<&'static Key, &'static [u8]>,
    MessageId { author, counter }: MessageId,
    digest: Digest,
) -> Result<Option<Bytes>, StorageError> {
    for row in rows_with(table, author, counter, counter)? {
        let (key, frames) = row?;
        let behind = last_of(key.value()).saturating_sub(counter);
        let frame = from_end(frames.value(), behind).filter(|frame| frame.ends_with(digest.as_bytes()));
        if let Some(frame) = frame {
            return Ok(Some(Bytes::copy_from_slice(frame)));
        }
    }
    Ok(None)
}

/// Returns the rows that may have an author's messages from one counter to another.
fn rows_with(
    table: &impl ReadableTable<&'static Key, &'static [u8]>,
    author: AuthorId,
    from: u64,
    to: u64,
) -> Result<Range<'_, &'static Key, &'static [u8]>, StorageError> {
    let from = key(author, from, Digest::from_bytes([0; Digest::LEN]));
    let to = key(author, to.saturating_add(MESSAGES - 1), Digest::from_bytes([0xff; Digest::LEN]));
    table.range::<&Key>(&from..=&to)
}

/// Returns the frame followed by exactly `behind` frames.
fn from_end(frames: &[u8], behind: u64) -> Option<&[u8]> {
    let behind = usize::try_from(behind).ok()?;
    let at = split(frames).count().checked_sub(behind + 1)?;
    split(frames).nth(at)
}

fn split(mut frames: &[u8]) -> impl Iterator<Item = &[u8]> {
    iter::from_fn(move || {
        let (frame, rest) = frames.split_at_checked(Frame::announced_len(frames)?)?;
        frames = rest;
        Some(frame)
    })
}

fn key(author: AuthorId, counter: u64, digest: Digest) -> Key {
    let mut key = [0; KEY];
    let parts: [&[u8]; 3] = [author.as_bytes(), &counter.to_be_bytes(), digest.as_bytes()];
    for (place, byte) in key.iter_mut().zip(parts.into_iter().flatten()) {
        *place = *byte;
    }
    key
}

/// Returns the counter of a row's last message.
fn last_of(key: &Key) -> u64 {
    key.get(16..).and_then(|rest| rest.first_chunk()).map_or(0, |bytes| u64::from_be_bytes(*bytes))
}
