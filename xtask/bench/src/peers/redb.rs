//! redb with one table. It is also the floor for our store.

use std::path::Path;

use bytes::Bytes;
use redb::{Database, ReadOnlyTable, ReadableDatabase, ReadableTable, TableDefinition};

use super::Peer;

/// A table of messages.
#[derive(Debug)]
pub(crate) struct Redb {
    database: Database,
    next: u64,
}

const MESSAGES: TableDefinition<u64, &[u8]> = TableDefinition::new("messages");

impl Redb {
    /// Creates a database in a new directory.
    pub(crate) fn create(dir: &Path) -> Self {
        std::fs::create_dir_all(dir).expect("the volume has room");
        Self { database: Database::create(dir.join("messages.redb")).expect("redb works"), next: 0 }
    }

    /// Opens an existing database for reading.
    pub(crate) fn open(dir: &Path) -> Self {
        Self { database: Database::open(dir.join("messages.redb")).expect("redb works"), next: 0 }
    }

    fn table(&self) -> ReadOnlyTable<u64, &'static [u8]> {
        let read = self.database.begin_read().expect("redb works");
        read.open_table(MESSAGES).expect("redb works")
    }
}

impl Peer for Redb {
    fn put_all(&mut self, payloads: &[Bytes]) {
        let transaction = self.database.begin_write().expect("redb works");
        {
            let mut table = transaction.open_table(MESSAGES).expect("redb works");
            for payload in payloads {
                table.insert(self.next, payload.as_ref()).expect("redb works");
                self.next += 1;
            }
        }
        transaction.commit().expect("redb works");
    }

    fn read_all(&self) -> usize {
        let table = self.table();
        table.iter().expect("redb works").map(|row| row.expect("redb works").1.value().len()).sum()
    }

    fn read_last(&self, messages: usize) -> usize {
        let table = self.table();
        let last = table.iter().expect("redb works").rev().take(messages);
        last.map(|row| row.expect("redb works").1.value().len()).sum()
    }
}
