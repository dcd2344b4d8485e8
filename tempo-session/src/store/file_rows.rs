//! What is known of files, in a database.

use ::redb::{ReadableDatabase, ReadableTable, TableDefinition};
use tempo_message::AttachmentId;

use crate::store::files::FileRecord;

/// The records, by id.
pub(super) const FILES: TableDefinition<&[u8], &[u8]> = TableDefinition::new("files");
pub(super) const UNSOUND_FILE: &str = "what it knows of a file cannot be read";

/// Returns the rows about files in the database.
pub(super) fn files_in(database: &impl ReadableDatabase) -> Result<Vec<FileRow>, ::redb::Error> {
    let table = database.begin_read()?.open_table(FILES)?;
    let mut rows = Vec::new();
    for row in table.iter()? {
        let (id, record) = row?;
        rows.push((id.value().to_vec(), record.value().to_vec()));
    }
    Ok(rows)
}

/// An id and a record, as bytes.
pub(super) type FileRow = (Vec<u8>, Vec<u8>);

/// Returns what the rows say of files; `None` if one of them says nothing.
pub(super) fn decode_files(rows: Vec<FileRow>) -> Option<Vec<(AttachmentId, FileRecord)>> {
    let read = |(id, record): FileRow| {
        Some((AttachmentId::from_bytes(id.try_into().ok()?), postcard::from_bytes(&record).ok()?))
    };
    rows.into_iter().map(read).collect()
}
