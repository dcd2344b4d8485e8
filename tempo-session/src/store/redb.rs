//! The store as an embedded database in one file.

use std::{
    cmp::Ordering,
    ops::ControlFlow,
    path::{Path, PathBuf},
};

use ::redb::{Database, DatabaseError, ReadableDatabase, ReadableTable, StorageBackend, StorageError, TableDefinition};
use bytes::Bytes;
use serde::Serialize;
use tempo_clock::AuthorId;
use tempo_fs_transport::RealFs;
use tempo_message::{Decoded, Digest, Durability, Frames, MessageId};

use super::{
    Marks, Page, Record, Restored, Store, StoreError,
    runs::{self, FRAMES, Key, Row, Runs},
};
use crate::{Progress, protocol::without_payload};

/// A store in a redb file.
///
/// Five tables: `meta` (the format, and who the installation is and how far it has come), `frames` (the exact bytes, an
/// author's messages together and in order), `log` (which rows of frames have come, one commit after the other), `cursors` (how
/// far the application has come, by name) and `pages` (what follows from the log up to a place in it, so that a session need not
/// read that in order to open). What is committed together shares rows, both of the log and of the frames.
///
/// # Durability
///
/// A durable commit is one synced transaction. Lazy commits become durable with the next durable one.
#[derive(Debug)]
pub struct RedbStore {
    database: Database,
    path: PathBuf,
}

/// So much of the file is kept in memory, in bytes. What is read most is the log, from end to end, and only when opening.
const CACHE: usize = 2 * 1024 * 1024;
const MARKS: &str = "marks";
const FORMAT: u32 = 6;
const META: TableDefinition<&str, &[u8]> = TableDefinition::new("meta");
const LOG: TableDefinition<u64, &[u8]> = TableDefinition::new("log");
const CURSORS: TableDefinition<&str, &[u8]> = TableDefinition::new("cursors");
/// By what a page is about, and its number among those.
const PAGES: TableDefinition<(u8, u32), &[u8]> = TableDefinition::new("pages");

/// So many rows of frames are in a row of the log.
const ROWS: usize = 256;

impl RedbStore {
    /// Opens the store of the installation that was made for an author. A file that holds none is damaged: it has been a
    /// store, and what it has lost must not be made again.
    ///
    /// # Errors
    ///
    /// [`StoreError::InUse`] while somebody else has it open; the other variants as they say.
    pub fn open(path: &Path, author: AuthorId) -> Result<Self, StoreError> {
        let store = Self::of(path, Database::builder().set_cache_size(CACHE).open(path))?;
        check_meta_in(&store.database, path, author)?;
        Ok(store)
    }

    /// Makes a store, with what it is to note first.
    ///
    /// # Errors
    ///
    /// As for [`open`](Self::open).
    pub fn make(path: &Path, author: AuthorId, first: Marks) -> Result<Self, StoreError> {
        let store = Self::of(path, Database::builder().set_cache_size(CACHE).create(path))?;
        store.check_meta(author, || first)?;
        Ok(store)
    }

    fn of(path: &Path, opened: Result<Database, DatabaseError>) -> Result<Self, StoreError> {
        let database = opened.map_err(|error| match error {
            DatabaseError::DatabaseAlreadyOpen => StoreError::InUse { path: path.to_owned() },
            DatabaseError::Storage(StorageError::Io(error)) if RealFs::is_in_use(path, &error) => {
                StoreError::Held { path: path.to_owned() }
            }
            error => failed(path)(error.into()),
        })?;
        Ok(Self { database, path: path.to_owned() })
    }

    /// Opens or makes a store on any medium; `name` stands for it in errors.
    ///
    /// # Errors
    ///
    /// As for [`open`](Self::open).
    pub fn open_on(medium: impl StorageBackend, name: &Path, author: AuthorId) -> Result<Self, StoreError> {
        let opened = Database::builder().set_cache_size(CACHE).create_with_backend(medium);
        let database = opened.map_err(|error| failed(name)(error.into()))?;
        let store = Self { database, path: name.to_owned() };
        store.check_meta(author, || Marks::new(Some(author)))?;
        Ok(store)
    }

    /// Writes format and marks into a new store, and compares an old one's with what is expected.
    fn check_meta(&self, author: AuthorId, first: impl FnOnce() -> Marks) -> Result<(), StoreError> {
        let failed = failed(&self.path);
        let transaction = self.database.begin_write().map_err(|error| failed(error.into()))?;
        {
            let mut meta = transaction.open_table(META).map_err(|error| failed(error.into()))?;
            let read = |key| -> Result<Option<Vec<u8>>, StoreError> {
                let value = meta.get(key).map_err(|error| failed(error.into()))?;
                Ok(value.map(|value| value.value().to_vec()))
            };
            match (read("format")?, read(MARKS)?) {
                (Some(format), marks) => return compare_meta(&self.path, author, &format, marks.as_deref()),
                (None, None) => {}
                (None, Some(_)) => return Err(self.damaged("its description is incomplete")),
            }
            meta.insert("format", FORMAT.to_be_bytes().as_slice()).map_err(|error| failed(error.into()))?;
            meta.insert(MARKS, encode(&first()).as_slice()).map_err(|error| failed(error.into()))?;
            transaction.open_table(LOG).map_err(|error| failed(error.into()))?;
            transaction.open_table(FRAMES).map_err(|error| failed(error.into()))?;
            transaction.open_table(CURSORS).map_err(|error| failed(error.into()))?;
            transaction.open_table(PAGES).map_err(|error| failed(error.into()))?;
        }
        transaction.commit().map_err(|error| failed(error.into()))
    }

    fn damaged(&self, what: &'static str) -> StoreError {
        damaged(&self.path, what)
    }

    fn write(&self, records: &[Record], durability: Durability) -> Result<(), ::redb::Error> {
        let mut transaction = self.database.begin_write()?;
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

    /// Writes one row, durably.
    fn put(&self, table: TableDefinition<&str, &[u8]>, key: &str, value: &impl Serialize) -> Result<(), ::redb::Error> {
        let transaction = self.database.begin_write()?;
        transaction.open_table(table)?.insert(key, encode(value).as_slice())?;
        transaction.commit()?;
        Ok(())
    }

    fn get(&self, table: TableDefinition<&str, &[u8]>, key: &str) -> Result<Option<Vec<u8>>, ::redb::Error> {
        let table = self.database.begin_read()?.open_table(table)?;
        Ok(table.get(key)?.map(|value| value.value().to_vec()))
    }

    fn write_pages(&self, pages: &[(Page, Vec<u8>)]) -> Result<(), ::redb::Error> {
        let mut transaction = self.database.begin_write()?;
        transaction.set_durability(::redb::Durability::None)?;
        {
            let mut table = transaction.open_table(PAGES)?;
            for (page, bytes) in pages {
                table.insert(key_of(*page), bytes.as_slice())?;
            }
        }
        transaction.commit()?;
        Ok(())
    }

    fn read_pages(&self, each: &mut dyn FnMut(Page, &[u8]) -> ControlFlow<()>) -> Result<(), ::redb::Error> {
        let table = self.database.begin_read()?.open_table(PAGES)?;
        for row in table.iter()? {
            let (key, bytes) = row?;
            if page_of(key.value()).is_some_and(|page| each(page, bytes.value()).is_break()) {
                break;
            }
        }
        Ok(())
    }

    fn read(&self, id: MessageId, digest: Digest) -> Result<Option<Bytes>, ::redb::Error> {
        let frames = self.database.begin_read()?.open_table(FRAMES)?;
        Ok(runs::find(&frames, id, digest)?)
    }
}

impl Store for RedbStore {
    fn marks(&self) -> Result<Marks, StoreError> {
        marks_in(&self.database, &self.path)
    }

    fn set_marks(&self, marks: &Marks) -> Result<(), StoreError> {
        self.put(META, MARKS, marks).map_err(failed(&self.path))
    }

    fn progress(&self, cursor: &str) -> Result<Option<Progress>, StoreError> {
        let row = self.get(CURSORS, cursor).map_err(failed(&self.path))?;
        let read = |row: Vec<u8>| postcard::from_bytes(&row).map_err(|_| self.damaged("a cursor cannot be read"));
        row.map(read).transpose()
    }

    fn set_progress(&self, cursor: &str, progress: &Progress) -> Result<(), StoreError> {
        self.put(CURSORS, cursor, progress).map_err(failed(&self.path))
    }

    fn restore(&self, from: u64, each: &mut dyn FnMut(Restored)) -> Result<(), StoreError> {
        restore_in(&self.database, &self.path, from, each)
    }

    fn log_end(&self) -> Result<u64, StoreError> {
        let read = || -> Result<u64, ::redb::Error> { Ok(end_of(&self.database.begin_read()?.open_table(LOG)?)?) };
        read().map_err(failed(&self.path))
    }

    fn pages(&self, each: &mut dyn FnMut(Page, &[u8]) -> ControlFlow<()>) -> Result<(), StoreError> {
        self.read_pages(each).map_err(failed(&self.path))
    }

    fn keep_pages(&self, pages: &[(Page, Vec<u8>)]) -> Result<(), StoreError> {
        self.write_pages(pages).map_err(failed(&self.path))
    }

    fn commit(&self, records: &[Record], durability: Durability) -> Result<(), StoreError> {
        self.write(records, durability).map_err(failed(&self.path))
    }

    fn frame(&self, id: MessageId, digest: Digest) -> Result<Option<Bytes>, StoreError> {
        self.read(id, digest).map_err(failed(&self.path))
    }
}

/// What was noted last, as the database says.
pub(super) fn marks_in(database: &impl ReadableDatabase, path: &Path) -> Result<Marks, StoreError> {
    let read = || -> Result<Option<Vec<u8>>, ::redb::Error> {
        let meta = database.begin_read()?.open_table(META)?;
        Ok(meta.get(MARKS)?.map(|value| value.value().to_vec()))
    };
    decode_marks(path, read().map_err(failed(path))?.as_deref())
}

/// Hands up every record of a database from a row of its log on: row by row, and of one row the earlier times first, so that
/// nothing comes before its causes.
pub(super) fn restore_in(
    database: &impl ReadableDatabase,
    path: &Path,
    from: u64,
    each: &mut dyn FnMut(Restored),
) -> Result<(), StoreError> {
    let mut is_sound = true;
    let mut read = || -> Result<(), ::redb::Error> {
        let transaction = database.begin_read()?;
        let (log, frames) = (transaction.open_table(LOG)?, transaction.open_table(FRAMES)?);
        for row in log.range(from..)? {
            let restored = restored_of(row?.1.value(), &frames)?;
            is_sound &= restored.is_some();
            restored.into_iter().flatten().for_each(&mut *each);
        }
        Ok(())
    };
    read().map_err(failed(path))?;
    if is_sound { Ok(()) } else { Err(damaged(path, "messages cannot be read that its log names")) }
}

/// The messages of a row of the log; `None` when it cannot be read, or what it names.
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

/// The number of the next row of a log.
fn end_of(log: &impl ReadableTable<u64, &'static [u8]>) -> Result<u64, StorageError> {
    Ok(log.last()?.map_or(0, |(last, _)| last.value() + 1))
}

fn key_of(page: Page) -> (u8, u32) {
    match page {
        Page::Session => (0, 0),
        Page::Own(number) => (1, number),
        Page::Summary => (2, 0),
        Page::Block(number) => (3, number),
        Page::Order(number) => (4, number),
    }
}

fn page_of((about, number): (u8, u32)) -> Option<Page> {
    Some(match about {
        0 => Page::Session,
        1 => Page::Own(number),
        2 => Page::Summary,
        3 => Page::Block(number),
        4 => Page::Order(number),
        _ => return None,
    })
}

/// Makes sure that a database is the store of this author, in a format that is known.
pub(super) fn check_meta_in(
    database: &impl ReadableDatabase,
    path: &Path,
    expected: AuthorId,
) -> Result<(), StoreError> {
    let read = || -> Result<_, ::redb::Error> {
        let meta = database.begin_read()?.open_table(META)?;
        let value = |key| Ok::<_, ::redb::Error>(meta.get(key)?.map(|value| value.value().to_vec()));
        Ok((value("format")?, value(MARKS)?))
    };
    match read().map_err(failed(path))? {
        (Some(format), marks) => compare_meta(path, expected, &format, marks.as_deref()),
        _ => Err(damaged(path, "its description is incomplete")),
    }
}

/// What follows the format is read only once that is known.
fn compare_meta(path: &Path, expected: AuthorId, format: &[u8], marks: Option<&[u8]>) -> Result<(), StoreError> {
    let found = format.try_into().map(u32::from_be_bytes).map_err(|_| damaged(path, "its format is no number"))?;
    match found.cmp(&FORMAT) {
        Ordering::Greater => return Err(StoreError::Newer { path: path.to_owned(), found, supported: FORMAT }),
        Ordering::Less => return Err(damaged(path, "its format is unknown")),
        Ordering::Equal => {}
    }
    let marks = decode_marks(path, marks)?;
    let first = marks.own.first().ok_or_else(|| damaged(path, "it belongs to nobody"))?;
    if first.author == expected {
        Ok(())
    } else {
        Err(StoreError::Author { path: path.to_owned(), found: first.author, expected })
    }
}

fn encode(value: &impl Serialize) -> Vec<u8> {
    postcard::to_extend(value, Vec::new()).unwrap_or_default()
}

fn decode_marks(path: &Path, bytes: Option<&[u8]>) -> Result<Marks, StoreError> {
    let marks = bytes.and_then(|bytes| postcard::from_bytes(bytes).ok());
    marks.ok_or_else(|| damaged(path, "who it belongs to cannot be read"))
}

fn damaged(path: &Path, what: &'static str) -> StoreError {
    StoreError::Damaged { path: path.to_owned(), what }
}

pub(super) fn failed(path: &Path) -> impl Fn(::redb::Error) -> StoreError {
    move |source| StoreError::Failed { path: path.to_owned(), source: Box::new(source) }
}
