//! Snapshots: the state that follows from the log, kept beside it, so that the time to open does
//! not grow with the log.

use std::{mem, thread};

use tempo_message::{Digest, Frame, MessageId};

use crate::{
    core::{event::Slot, session_core::SessionCore},
    store::contract::Origin,
};

/// Decides when the next snapshot is due, and keeps what a snapshot holds besides the core.
#[derive(Debug, Default)]
pub(crate) struct Snapshots {
    /// The fewest new messages that justify a snapshot. With `None`, no snapshot is made.
    after: Option<u64>,
    /// The number of accepted messages in the last snapshot.
    messages: u64,
    /// The place in the log after everything that the last snapshot covers.
    log: u64,
    /// The own messages in the last snapshot.
    rows: Vec<Row>,
    /// Messages by authors of this installation since the last snapshot.
    fresh: Vec<Own>,
}

/// A snapshot as read from the store.
#[derive(Debug)]
pub(crate) struct Snapshot {
    pub(crate) core: SessionCore,
    pub(crate) snapshots: Snapshots,
}

/// A message by an author of this installation.
#[derive(Debug, Clone, Copy)]
struct Own {
    id: MessageId,
    digest: Digest,
    origin: Origin,
    frame_len: u64,
}

/// An own message as a snapshot stores it: the slot, then the frame's length combined with
/// [`SENT`]; both little-endian.
type Row = [u8; 8];

/// The bit in a frame's length that marks a message as sent, not received.
const SENT: u32 = 1 << 31;
/// The bytes that begin every snapshot. The format follows as four bytes, then the digest of the
/// rest.
const MAGIC: &[u8] = b"TEMPOSNP";
/// The format that is written. A snapshot in another format is ignored: the log has everything.
const FORMAT: u32 = 5;
/// The length from which on a thread for the digest is worth its start, in bytes.
const LARGE: usize = 1024 * 1024;
/// The number of new messages after which a snapshot is due, however long the log is. Reading that
/// many takes a few milliseconds.
const BEHIND: u64 = 10_000;

impl Snapshots {
    pub(crate) fn new(after: Option<u64>) -> Self {
        Self { after, ..Self::default() }
    }

    /// Replaces the number of new messages that justify a snapshot.
    pub(crate) fn with(self, after: Option<u64>) -> Self {
        Self { after, ..self }
    }

    /// Returns the place in the log to read from.
    pub(crate) fn log(&self) -> u64 {
        self.log
    }

    /// Notes a message by an author of this installation that is, or will be, in the log.
    pub(crate) fn note(&mut self, frame: &Frame, origin: Origin) {
        let len = u64::try_from(frame.bytes().len()).unwrap_or(u64::MAX);
        self.note_restored((frame.id(), frame.digest()), origin, len);
    }

    /// Notes a message that was read from the log.
    pub(crate) fn note_restored(&mut self, (id, digest): (MessageId, Digest), origin: Origin, frame_len: u64) {
        if self.after.is_some() {
            self.fresh.push(Own { id, digest, origin, frame_len });
        }
    }

    /// Returns whether enough is new: a quarter of the last snapshot's messages, but at most ten
    /// thousand.
    pub(crate) fn is_due(&self, core: &SessionCore) -> bool {
        let new = core.end().saturating_sub(self.messages);
        self.after.is_some_and(|after| new >= least_new(self.messages).max(after).max(1))
    }

    /// Returns whether the log is longer than what the last snapshot covers.
    pub(crate) fn is_behind(&self, log: u64) -> bool {
        self.after.is_some() && log > self.log
    }

    /// Returns whether a snapshot of the core can be made. An own message that waits for others has
    /// no slot yet that could identify it in a snapshot.
    pub(crate) fn can_be_made(&self, core: &SessionCore) -> bool {
        let waits = || self.fresh.iter().any(|own| core.is_held(own.id, own.digest));
        core.is_whole() && (core.held_len() == 0 || !waits())
    }

    /// Makes a snapshot; `log` is the place in the log after everything that the core knows.
    pub(crate) fn make(&mut self, core: &SessionCore, log: u64) -> Vec<u8> {
        let fresh = mem::take(&mut self.fresh);
        self.rows.extend(fresh.iter().filter_map(|own| own.row(core)));
        let mut content = Vec::new();
        content.extend_from_slice(&log.to_le_bytes());
        content.extend_from_slice(&u32::try_from(self.rows.len()).unwrap_or(u32::MAX).to_le_bytes());
        content.extend(self.rows.iter().flatten());
        core.write_snapshot(&mut content);
        let digest = Digest::of(&content);
        let head = [MAGIC, &FORMAT.to_le_bytes(), digest.as_bytes()].concat();
        content.splice(0..0, head);
        content
    }

    /// Records that a snapshot with this number of messages was kept.
    pub(crate) fn kept(&mut self, messages: u64, log: u64) {
        (self.messages, self.log) = (messages, log);
    }

    /// Gives up on snapshots until the session is reopened, because it is unknown which one the
    /// store has.
    pub(crate) fn fail(&mut self) {
        *self = Self::default();
    }

    /// Returns the messages that the installation looks after, with the lengths of their frames:
    /// the messages that it has sent, and those of its former authors.
    pub(crate) fn own<'a>(&'a self, core: &'a SessionCore) -> impl Iterator<Item = ((MessageId, Digest), u64)> + 'a {
        self.rows.iter().filter_map(|row| {
            let row = u64::from_le_bytes(*row);
            let (slot, len) = (Slot(u32::try_from(row & u64::from(u32::MAX)).ok()?), u32::try_from(row >> 32).ok()?);
            let (id, (_, digest)) = core.id(slot).zip(core.order(slot))?;
            let is_own = len & SENT != 0 || core.former().contains(&id.author);
            is_own.then_some(((id, digest), u64::from(len & !SENT)))
        })
    }
}

/// Returns the fewest new messages that justify a snapshot after one with `messages` messages.
fn least_new(messages: u64) -> u64 {
    (messages / 4).min(BEHIND)
}

impl Snapshot {
    /// Reads a snapshot; `begin` reads the core in it. Returns `None` when the snapshot is damaged,
    /// has another format, or covers more than a log that ends at `log_end`.
    pub(crate) fn read(bytes: &[u8], log_end: u64, begin: impl FnOnce(&[u8]) -> Option<SessionCore>) -> Option<Self> {
        let bytes = bytes.strip_prefix(MAGIC)?;
        let (format, bytes) = bytes.split_first_chunk()?;
        let (digest, content) = bytes.split_first_chunk()?;
        if u32::from_le_bytes(*format) != FORMAT {
            return None;
        }
        let is_sound = || Digest::of(content) == Digest::from_bytes(*digest);
        if content.len() < LARGE {
            return if is_sound() { Self::read_content(content, log_end, begin) } else { None };
        }
        // The digest of a large snapshot takes as long as everything else, so another thread checks it meanwhile.
        thread::scope(|scope| {
            let checking = thread::Builder::new().name("tempo-digest".to_owned()).spawn_scoped(scope, is_sound);
            let snapshot = Self::read_content(content, log_end, begin);
            let is_sound = checking.map_or_else(|_| is_sound(), |checking| checking.join().unwrap_or(false));
            snapshot.filter(|_| is_sound)
        })
    }

    fn read_content(content: &[u8], log_end: u64, begin: impl FnOnce(&[u8]) -> Option<SessionCore>) -> Option<Self> {
        let (log, content) = content.split_first_chunk()?;
        let log = Some(u64::from_le_bytes(*log)).filter(|&log| log <= log_end)?;
        let (rows, content) = content.split_first_chunk()?;
        let rows = usize::try_from(u32::from_le_bytes(*rows)).ok()?;
        let (rows, content) = content.split_at_checked(rows.checked_mul(size_of::<Row>())?)?;
        let core = begin(content)?;
        let rows = rows.as_chunks().0.to_vec();
        let snapshots = Snapshots { messages: core.end(), log, rows, ..Snapshots::default() };
        Some(Self { core, snapshots })
    }
}

impl Own {
    /// Returns the message's row in a snapshot; `None` for a message that was rejected after all.
    fn row(&self, core: &SessionCore) -> Option<Row> {
        let slot = core.slot(self.id, self.digest)?;
        let len = u32::try_from(self.frame_len).ok().filter(|len| len & SENT == 0)?;
        let len = if self.origin == Origin::Sent { len | SENT } else { len };
        Some((u64::from(len) << 32 | u64::from(slot.0)).to_le_bytes())
    }
}

#[cfg(test)]
mod tests {
    use tempo_clock::AuthorId;
    use tempo_message::Kind;
    use uuid::Uuid;

    use super::*;
    use crate::core::driving::Input;

    #[test]
    fn a_snapshot_is_due_after_a_quarter_more_and_after_ten_thousand_messages() {
        let mut core = SessionCore::new(Some(AuthorId::new(Uuid::from_u128(1))));
        for frame in core.compose((0..1_000_u16).map(|_| (Kind::Payload, Vec::new().into())), 5).unwrap() {
            core.handle(Input::Sent { message: frame.message(), digest: frame.digest() });
        }
        let after = |after, messages| {
            let mut snapshots = Snapshots::new(after);
            snapshots.kept(messages, 0);
            snapshots.is_due(&core)
        };
        assert!(after(Some(100), 800) && !after(Some(100), 801), "a quarter of 800 is new");
        assert!(!after(Some(201), 800) && !after(None, 0), "and no fewer than the given least");
        assert_eq!([0, 800, 40_000, 1_000_000].map(least_new), [0, 200, 10_000, 10_000]);
    }

    #[test]
    fn a_large_snapshot_is_checked_like_a_small_one() {
        let me = Some(AuthorId::new(Uuid::from_u128(1)));
        let mut core = SessionCore::new(me);
        for frame in core.compose((0..21_000_u16).map(|_| (Kind::Payload, Vec::new().into())), 5).unwrap() {
            core.handle(Input::Sent { message: frame.message(), digest: frame.digest() });
        }
        let mut bytes = Snapshots::new(Some(1)).make(&core, 7);
        assert!(bytes.len() > LARGE);
        let read = |bytes: &[u8]| Snapshot::read(bytes, 7, |core| SessionCore::new(me).with_snapshot(core));
        assert_eq!(read(&bytes).map(|snapshot| snapshot.core.end()), Some(21_000));
        // In the digest of a message, which only the digest of the snapshot protects.
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        assert!(read(&bytes).is_none());
    }
}
