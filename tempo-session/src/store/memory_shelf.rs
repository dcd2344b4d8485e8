//! A shelf without a disk, for tests and for sessions that keep nothing.

use std::{
    collections::BTreeMap,
    io::{self, Cursor, Read, Seek, SeekFrom, Write},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tempo_message::AttachmentId;

use crate::store::shelf::{Shelf, Staged, Stored};

type Bytes = Arc<Mutex<Cursor<Vec<u8>>>>;

/// A shelf in memory. A clone is another handle to the same content.
#[derive(Debug, Clone, Default)]
pub struct MemoryShelf {
    staged: Arc<Mutex<BTreeMap<String, Bytes>>>,
    kept: Arc<Mutex<BTreeMap<AttachmentId, Bytes>>>,
}

impl Shelf for MemoryShelf {
    fn stage(&self, name: &str) -> io::Result<Box<dyn Staged>> {
        let staged = lock(&self.staged).entry(name.to_owned()).or_default().clone();
        lock(&staged).set_position(0);
        Ok(Box::new(MemoryFile(staged)))
    }

    fn keep(&self, name: &str, id: AttachmentId) -> io::Result<()> {
        if let Some(staged) = lock(&self.staged).remove(name) {
            lock(&self.kept).entry(id).or_insert(staged);
        }
        Ok(())
    }

    fn discard(&self, name: &str) -> io::Result<()> {
        lock(&self.staged).remove(name);
        Ok(())
    }

    fn open(&self, id: AttachmentId) -> io::Result<Box<dyn Stored>> {
        let kept = lock(&self.kept).get(&id).cloned().ok_or(io::ErrorKind::NotFound)?;
        let content = lock(&kept).get_ref().clone();
        Ok(Box::new(Cursor::new(content)))
    }

    fn remove(&self, id: AttachmentId) -> io::Result<()> {
        lock(&self.kept).remove(&id);
        Ok(())
    }
}

struct MemoryFile(Bytes);

impl Staged for MemoryFile {
    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Read for MemoryFile {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        lock(&self.0).read(to)
    }
}

impl Write for MemoryFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        lock(&self.0).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Seek for MemoryFile {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        lock(&self.0).seek(to)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
