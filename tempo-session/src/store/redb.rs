//! The store as an embedded database in one file.

use std::{
    cmp::Ordering,
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError},
};

use ::redb::{Database, ReadableDatabase, ReadableTable, StorageError, TableDefinition};
use bytes::Bytes;
use serde::Serialize;
use tempo_clock::AuthorId;
use tempo_message::{AttachmentId, Decoded, Digest, Durability, Frames, MessageId};

use super::{
    contract::{Record, Restored, Store},
    error::StoreError,
    file_rows::{FILES, UNSOUND_FILE, decode_files, files_in},
    files::FileRecord,
    handle::{Handle, make_room},
    marks::Marks,
    medium::{Backend, Medium},
    runs::{self, FRAMES, Key, Row, Runs},
};
use crate::core::{progress::Progress, session_core::without_payload};

/// A store in a redb file.
///
/// The file has six tables: `meta` (the format and the marks), `frames` (the exact bytes, ordered by author
/// and message), `log` (the rows of frames in the order of commits), `cursors` (the positions of the
/// application, by name), `files` (what is known of files that are sent or fetched, by id) and `snapshot` (the state that follows from the log up to a place in it, so that a
/// session opens without reading the log up to there). The records of one commit share rows, both in the log
/// and in the frames.
///
/// # Durability
///
/// A durable commit is one synced transaction. Lazy commits become durable with the next durable one.
///
/// # A full disk
///
/// A write without room fails with [`StoreError::Full`] and changes nothing. Existing data can be read as
/// before, also by a session that opens the store then. Writes succeed again once there is room. Until then,
/// lazily committed data is kept.
#[derive(Debug)]
pub struct RedbStore {
    database: Handle,
    /// The records committed but not yet durable.
    lazy: Mutex<Lazy>,
}

#[derive(Debug, Default)]
struct Lazy {
    records: Vec<Record>,
    /// The total length of their frames, in bytes.
    bytes: u64,
}

/// The most bytes of frames committed lazily before they are made durable.
const LAZY: u64 = 8 * 1024 * 1024;
const MARKS: &str = "marks";
const FORMAT: u32 = 8;
const META: TableDefinition<&str, &[u8]> = TableDefinition::new("meta");
const LOG: TableDefinition<u64, &[u8]> = TableDefinition::new("log");
const CURSORS: TableDefinition<&str, &[u8]> = TableDefinition::new("cursors");
/// The parts of the snapshot, in order.
const SNAPSHOT: TableDefinition<u32, &[u8]> = TableDefinition::new("snapshot");

/// The most rows of frames named by one row of the log.
const ROWS: usize = 256;
/// The length of a part of the snapshot, in bytes. The database needs contiguous room for each part.
const PART: usize = 1024 * 1024;

impl RedbStore {
    /// Opens the store of the installation that was made for an author. A file without a store counts as
    /// damaged: it was one, and what it lost must not be made again.
    ///
    /// # Errors
    ///
    /// [`StoreError::InUse`] while another process or session has it open. The other variants are as
    /// documented.
    pub fn open(path: &Path, author: AuthorId) -> Result<Self, StoreError> {
        let store = Self::of(Handle::open(path)?);
        store.database.read(read_meta).and_then(|meta| check_meta(path, author, meta))?;
        Ok(store)
    }

    /// Makes a store with its first marks.
    ///
    /// # Errors
    ///
    /// As for [`open`](Self::open).
    pub fn make(path: &Path, author: AuthorId, first: Marks) -> Result<Self, StoreError> {
        make_room(path, BEGINNING)?;
        let store = Self::of(Handle::create(path)?);
        store.begin(author, || first)?;
        Ok(store)
    }

    fn of(database: Handle) -> Self {
        Self { database, lazy: Mutex::default() }
    }

    /// Opens or makes a store on any medium. Errors refer to it as `name`.
    ///
    /// # Errors
    ///
    /// As for [`open`](Self::open).
    pub fn open_on(medium: impl Medium, name: &Path, author: AuthorId) -> Result<Self, StoreError> {
        let store = Self::of(Handle::on(Backend(medium), name)?);
        store.begin(author, || Marks::new(Some(author)))?;
        Ok(store)
    }

    /// Writes format and marks into a new store, and checks those of an existing one.
    fn begin(&self, author: AuthorId, first: impl FnOnce() -> Marks) -> Result<(), StoreError> {
        let found = self.database.write(|database| {
            let transaction = database.begin_write()?;
            {
                let mut meta = transaction.open_table(META)?;
                let read = |key| -> Result<Option<Vec<u8>>, ::redb::Error> {
                    Ok(meta.get(key)?.map(|value| value.value().to_vec()))
                };
                let found = (read("format")?, read(MARKS)?);
                if found.0.is_some() || found.1.is_some() {
                    return Ok(Some(found));
                }
                meta.insert("format", FORMAT.to_be_bytes().as_slice())?;
                meta.insert(MARKS, encode(&first()).as_slice())?;
                transaction.open_table(LOG)?;
                transaction.open_table(FRAMES)?;
                transaction.open_table(CURSORS)?;
                transaction.open_table(FILES)?;
                transaction.open_table(SNAPSHOT)?;
            }
            transaction.commit()?;
            Ok(None)
        })?;
        found.map_or(Ok(()), |meta| check_meta(self.database.path(), author, meta))
    }

    fn damaged(&self, what: &'static str) -> StoreError {
        damaged(self.database.path(), what)
    }

    fn lazy(&self) -> MutexGuard<'_, Lazy> {
        self.lazy.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes sure that `bytes` can be written and that all earlier commits are in the database.
    fn make_writable(&self, bytes: u64) -> Result<(), StoreError> {
        if self.database.make_writable(bytes)? {
            let records = self.lazy().records.clone();
            if !records.is_empty() {
                self.database.write(|database| write(database, &records, Durability::Durable))?;
            }
            *self.lazy() = Lazy::default();
        }
        Ok(())
    }

    /// Writes one row durably.
    fn put(&self, table: TableDefinition<&str, &[u8]>, key: &str, value: &impl Serialize) -> Result<(), StoreError> {
        let value = encode(value);
        self.make_writable(len_of(&value))?;
        self.database.write(|database| {
            let transaction = database.begin_write()?;
            transaction.open_table(table)?.insert(key, value.as_slice())?;
            Ok(transaction.commit()?)
        })?;
        *self.lazy() = Lazy::default();
        Ok(())
    }

    /// Returns whether all of these records are in the database; false if it cannot be read.
    fn has(&self, records: &[Record]) -> bool {
        let has = |record: &Record| {
            let (id, digest) = (record.frame.id(), record.frame.digest());
            self.database.read(|database| find(database, id, digest)).is_ok_and(|found| found.is_some())
        };
        !records.is_empty() && records.iter().all(has)
    }
}

impl Store for RedbStore {
    fn marks(&self) -> Result<Marks, StoreError> {
        decode_marks(self.database.path(), self.database.read(read_meta)?.1.as_deref())
    }

    fn set_marks(&self, marks: &Marks) -> Result<(), StoreError> {
        self.put(META, MARKS, marks)
    }

    fn progress(&self, cursor: &str) -> Result<Option<Progress>, StoreError> {
        let row = self.database.read(|database| {
            let table = database.begin_read()?.open_table(CURSORS)?;
            Ok(table.get(cursor)?.map(|value| value.value().to_vec()))
        })?;
        let read = |row: Vec<u8>| postcard::from_bytes(&row).map_err(|_| self.damaged("a cursor cannot be read"));
        row.map(read).transpose()
    }

    fn set_progress(&self, cursor: &str, progress: &Progress) -> Result<(), StoreError> {
        self.put(CURSORS, cursor, progress)
    }

    fn restore(&self, from: u64, each: &mut dyn FnMut(Restored)) -> Result<(), StoreError> {
        let is_sound = self.database.read_once(|database| restore_in(database, from, each))?;
        if is_sound { Ok(()) } else { Err(self.damaged(UNSOUND)) }
    }

    fn log_end(&self) -> Result<u64, StoreError> {
        self.database.read(|database| Ok(end_of(&database.begin_read()?.open_table(LOG)?)?))
    }

    fn snapshot(&self) -> Result<Option<Vec<u8>>, StoreError> {
        self.database.read_once(|database| {
            let table = database.begin_read()?.open_table(SNAPSHOT)?;
            let mut snapshot = None;
            for row in table.iter()? {
                snapshot.get_or_insert_with(Vec::new).extend_from_slice(row?.1.value());
            }
            Ok(snapshot)
        })
    }

    fn keep_snapshot(&self, snapshot: &[u8]) -> Result<(), StoreError> {
        self.make_writable(len_of(snapshot))?;
        self.database.write(|database| {
            let mut transaction = database.begin_write()?;
            transaction.set_durability(::redb::Durability::None)?;
            transaction.delete_table(SNAPSHOT)?;
            {
                let mut table = transaction.open_table(SNAPSHOT)?;
                for (number, part) in (0..).zip(snapshot.chunks(PART)) {
                    table.insert(number, part)?;
                }
            }
            Ok(transaction.commit()?)
        })
    }

    fn commit(&self, records: &[Record], durability: Durability) -> Result<(), StoreError> {
        let bytes = records.iter().map(|record| len_of(record.frame.bytes())).sum();
        self.make_writable(bytes)?;
        let is_much = self.lazy().bytes.saturating_add(bytes) > LAZY;
        let durability = if is_much { Durability::Durable } else { durability };
        if let Err(error) = self.database.write(|database| write(database, records, durability)) {
            // The reopened database shows whether the commit succeeded. Everything in it is durable now.
            if !self.has(records) {
                return Err(error);
            }
        }
        let mut lazy = self.lazy();
        if durability == Durability::Durable {
            *lazy = Lazy::default();
        } else {
            lazy.records.extend_from_slice(records);
            lazy.bytes = lazy.bytes.saturating_add(bytes);
        }
        Ok(())
    }

    fn files(&self) -> Result<Vec<(AttachmentId, FileRecord)>, StoreError> {
        let rows = self.database.read(files_in)?;
        decode_files(rows).ok_or_else(|| self.damaged(UNSOUND_FILE))
    }

    fn set_file(&self, id: AttachmentId, record: Option<&FileRecord>) -> Result<(), StoreError> {
        let value = record.map(encode);
        self.make_writable(value.as_deref().map_or(0, len_of))?;
        self.database.write(|database| {
            let transaction = database.begin_write()?;
            {
                let mut table = transaction.open_table(FILES)?;
                match &value {
                    Some(value) => drop(table.insert(id.as_bytes().as_slice(), value.as_slice())?),
                    None => drop(table.remove(id.as_bytes().as_slice())?),
                }
            }
            Ok(transaction.commit()?)
        })?;
        *self.lazy() = Lazy::default();
        Ok(())
    }

    fn frame(&self, id: MessageId, digest: Digest) -> Result<Option<Bytes>, StoreError> {
        let found = self.database.read(|database| find(database, id, digest))?;
        let lazy = || {
            let lazy = self.lazy();
            let mut records = lazy.records.iter().map(|record| &record.frame);
            records.find(|frame| (frame.id(), frame.digest()) == (id, digest)).map(|frame| frame.bytes().clone())
        };
        Ok(found.or_else(lazy))
    }
}

/// The least size of a new store, in bytes.
const BEGINNING: u64 = 64 * 1024;
pub(super) const UNSOUND: &str = "some messages in its log cannot be read";

fn len_of(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}

fn write(database: &Database, records: &[Record], durability: Durability) -> Result<(), ::redb::Error> {
    let mut transaction = database.begin_write()?;
    transaction.set_durability(match durability {
        Durability::Durable => ::redb::Durability::Immediate,
        Durability::Lazy => ::redb::Durability::None,
    })?;
    {
        let mut log = transaction.open_table(LOG)?;
        let mut frames = transaction.open_table(FRAMES)?;
        let mut runs = Runs::into(&mut frames);
        records.iter().try_for_each(|record| runs.add(record))?;
        let rows = runs.finish()?;
        for (number, rows) in (end_of(&log)?..).zip(rows.chunks(ROWS)) {
            log.insert(number, encode(&rows).as_slice())?;
        }
    }
    transaction.commit()?;
    Ok(())
}

fn find(database: &Database, id: MessageId, digest: Digest) -> Result<Option<Bytes>, ::redb::Error> {
    let frames = database.begin_read()?.open_table(FRAMES)?;
    Ok(runs::find(&frames, id, digest)?)
}

/// Returns the format and the marks in the database.
pub(super) fn read_meta(database: &impl ReadableDatabase) -> Result<Meta, ::redb::Error> {
    let meta = database.begin_read()?.open_table(META)?;
    let value = |key| Ok::<_, ::redb::Error>(meta.get(key)?.map(|value| value.value().to_vec()));
    Ok((value("format")?, value(MARKS)?))
}

/// The format and the marks.
pub(super) type Meta = (Option<Vec<u8>>, Option<Vec<u8>>);

/// Hands up every record of a database from a row of its log on. Within a row, earlier times come first, so
/// that no message comes before its causes. Returns whether all messages in the log could be read.
pub(super) fn restore_in(
    database: &impl ReadableDatabase,
    from: u64,
    mut each: impl FnMut(Restored),
) -> Result<bool, ::redb::Error> {
    let mut is_sound = true;
    let transaction = database.begin_read()?;
    let (log, frames) = (transaction.open_table(LOG)?, transaction.open_table(FRAMES)?);
    for row in log.range(from..)? {
        let restored = restored_of(row?.1.value(), &frames)?;
        is_sound &= restored.is_some();
        restored.into_iter().flatten().for_each(&mut each);
    }
    Ok(is_sound)
}

/// Returns the messages of a row of the log, or `None` when the row or its frames cannot be read.
fn restored_of(
    rows: &[u8],
    frames: &impl ReadableTable<&'static Key, &'static [u8]>,
) -> Result<Option<Vec<Restored>>, StorageError> {
    let Ok(rows) = postcard::from_bytes::<Vec<Row>>(rows) else { return Ok(None) };
    let mut all = Vec::new();
    for row in rows {
        let Some(bytes) = row.frames(frames)? else { return Ok(None) };
        for decoded in Frames::new(bytes) {
            let Decoded::Whole(frame) = decoded else { return Ok(None) };
            all.push(Restored {
                digest: frame.digest(),
                origin: row.origin(),
                frame_len: u64::try_from(frame.bytes().len()).unwrap_or(u64::MAX),
                message: without_payload(frame.into_message()),
            });
        }
    }
    all.sort_by_key(|restored| restored.message.lamport);
    Ok(Some(all))
}

/// Returns the number of the next row of a log.
fn end_of(log: &impl ReadableTable<u64, &'static [u8]>) -> Result<u64, StorageError> {
    Ok(log.last()?.map_or(0, |(last, _)| last.value() + 1))
}

/// Makes sure that a database is the store of this author, in a known format.
pub(super) fn check_meta(path: &Path, expected: AuthorId, meta: Meta) -> Result<(), StoreError> {
    match meta {
        (Some(format), marks) => compare_meta(path, expected, &format, marks.as_deref()),
        _ => Err(damaged(path, "its format is missing")),
    }
}

/// Checks the format before reading anything that depends on it.
fn compare_meta(path: &Path, expected: AuthorId, format: &[u8], marks: Option<&[u8]>) -> Result<(), StoreError> {
    let found = format.try_into().map(u32::from_be_bytes).map_err(|_| damaged(path, "its format is not a number"))?;
    match found.cmp(&FORMAT) {
        Ordering::Greater => return Err(StoreError::Newer { path: path.to_owned(), found, supported: FORMAT }),
        Ordering::Less => return Err(damaged(path, "its format is unknown")),
        Ordering::Equal => {}
    }
    let marks = decode_marks(path, marks)?;
    let first = marks.own.first().ok_or_else(|| damaged(path, "it has no author"))?;
    if marks.own.iter().any(|own| own.author == expected) {
        Ok(())
    } else {
        Err(StoreError::Author { path: path.to_owned(), found: first.author, expected })
    }
}

fn encode(value: &impl Serialize) -> Vec<u8> {
    postcard::to_extend(value, Vec::new()).unwrap_or_default()
}

pub(super) fn decode_marks(path: &Path, bytes: Option<&[u8]>) -> Result<Marks, StoreError> {
    let marks = bytes.and_then(|bytes| postcard::from_bytes(bytes).ok());
    marks.ok_or_else(|| damaged(path, "its author cannot be read"))
}

pub(super) fn damaged(path: &Path, what: &'static str) -> StoreError {
    StoreError::Damaged { path: path.to_owned(), what }
}

#[cfg(test)]
mod tests {
    use tempo_clock::Lamport;
    use tempo_message::{Frame, Kind, Message};
    use uuid::Uuid;

    use super::*;
    use crate::store::contract::Origin;

    fn author() -> AuthorId {
        AuthorId::new(Uuid::from_u128(1))
    }

    fn record(counter: u64) -> Record {
        let message = Message {
            id: MessageId { author: author(), counter },
            lamport: Lamport(counter),
            unix_ms: 0,
            previous: (counter > 1).then(|| Digest::of(&[])),
            parents: Vec::new(),
            kind: Kind::Payload,
            key: None,
            attachments: Vec::new(),
            extensions: Vec::new(),
            payload: Bytes::from_static(b"something"),
        };
        Record { frame: Frame::encode(&message).unwrap(), origin: Origin::Received }
    }

    /// After a failure, the database is read-only and lacks its lazy commits. The next write restores them.
    #[test]
    fn lazy_commits_survive_a_failure_of_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("store.redb");
        let store = RedbStore::make(&path, author(), Marks::new(Some(author()))).unwrap();
        let records: Vec<Record> = (1..4).map(record).collect();
        let read = |store: &RedbStore, record: &Record| {
            store.frame(record.frame.id(), record.frame.digest()).unwrap().as_ref() == Some(record.frame.bytes())
        };
        store.commit(&records[..1], Durability::Durable).unwrap();
        store.commit(&records[1..2], Durability::Lazy).unwrap();
        store.database.fail();
        assert!(records[..2].iter().all(|record| read(&store, record)));
        assert_eq!(store.marks().unwrap().author(), Some(author()));
        store.commit(&records[2..], Durability::Durable).unwrap();
        assert!(records.iter().all(|record| read(&store, record)));
        drop(store);
        let store = RedbStore::open(&path, author()).unwrap();
        assert!(records.iter().all(|record| read(&store, record)), "durably");
    }
}
