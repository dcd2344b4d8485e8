//! SQLite with a write-ahead log.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use rusqlite::Connection;

use super::Peer;
use crate::floor;

/// A table of messages.
#[derive(Debug)]
pub(crate) struct Sqlite {
    connection: Connection,
}

/// The time at which SQLite waits for the disk.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Synchronous {
    /// At every commit.
    Full,
    /// Only at checkpoints: a power loss may cost the last messages.
    Normal,
}

const INSERT: &str = "INSERT INTO messages (author, payload) VALUES (?1, ?2)";

impl Sqlite {
    /// Creates a database in a new directory.
    pub(crate) fn create(dir: &Path, synchronous: Synchronous) -> Self {
        std::fs::create_dir_all(dir).expect("the volume has room");
        let sqlite = Self::connect(dir);
        let mode = match synchronous {
            Synchronous::Full => "FULL",
            Synchronous::Normal => "NORMAL",
        };
        sqlite.connection.pragma_update(None, "synchronous", mode).expect("SQLite works");
        let table = "CREATE TABLE messages (number INTEGER PRIMARY KEY, author BLOB, payload BLOB)";
        sqlite.connection.execute(table, ()).expect("SQLite works");
        sqlite
    }

    /// Opens an existing database.
    pub(crate) fn open(dir: &Path) -> Self {
        Self::connect(dir)
    }

    /// Reads packs, checks every digest, and inserts every frame, in one transaction. Returns the number of
    /// messages. The table has no index, which favors SQLite: its rows stay in the order of the packs.
    pub(crate) fn insert_packs(&mut self, directories: &[PathBuf]) -> usize {
        let transaction = self.connection.transaction().expect("SQLite works");
        let mut inserted = 0;
        {
            let mut insert = transaction.prepare_cached(INSERT).expect("SQLite works");
            for dir in directories {
                floor::each_frame(dir, |frame| {
                    inserted += insert.execute((floor::author_of(frame), frame)).expect("SQLite works");
                });
            }
        }
        transaction.commit().expect("SQLite works");
        inserted
    }

    fn connect(dir: &Path) -> Self {
        let path: PathBuf = dir.join("messages.sqlite");
        let connection = Connection::open(path).expect("SQLite works");
        connection.pragma_update(None, "journal_mode", "WAL").expect("SQLite works");
        Self { connection }
    }

    fn sum_of(&self, sql: &str, parameter: i64) -> usize {
        let mut statement = self.connection.prepare(sql).expect("SQLite works");
        let mut rows = statement.query([parameter]).expect("SQLite works");
        let mut bytes = 0;
        while let Some(row) = rows.next().expect("SQLite works") {
            bytes += row.get_ref(0).expect("SQLite works").as_blob().expect("a payload").len();
        }
        bytes
    }
}

impl Peer for Sqlite {
    fn put_all(&mut self, payloads: &[Bytes]) {
        let transaction = self.connection.transaction().expect("SQLite works");
        {
            let mut insert = transaction.prepare_cached(INSERT).expect("SQLite works");
            for payload in payloads {
                insert.execute((&[7_u8; 16][..], payload.as_ref())).expect("SQLite works");
            }
        }
        transaction.commit().expect("SQLite works");
    }

    fn read_all(&self) -> usize {
        self.sum_of("SELECT payload FROM messages WHERE number > ?1 ORDER BY number", 0)
    }

    fn read_last(&self, messages: usize) -> usize {
        self.sum_of("SELECT payload FROM messages ORDER BY number DESC LIMIT ?1", messages as i64)
    }
}
