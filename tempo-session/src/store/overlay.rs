//! A database that can be read although its file cannot be written.

use std::{
    collections::BTreeMap,
    io, iter,
    ops::Bound,
    sync::{Mutex, MutexGuard, PoisonError},
};

use ::redb::{BackendError, StorageBackend};

/// A file and, in memory, all later writes. The file stays unchanged.
#[derive(Debug)]
pub(super) struct Overlay<B> {
    file: B,
    written: Mutex<Written>,
}

#[derive(Debug)]
struct Written {
    /// The length including the writes.
    len: u64,
    /// The length of the file.
    of_file: u64,
    blocks: BTreeMap<u64, Box<[u8]>>,
}

const LEN: usize = 4096;
const BLOCK: u64 = LEN as u64;

impl<B: StorageBackend> Overlay<B> {
    /// Makes an overlay over a file. No other process may write the file meanwhile.
    pub(super) fn over(file: B) -> io::Result<Self> {
        let of_file = file.len()?;
        Ok(Self { file, written: Mutex::new(Written { len: of_file, of_file, blocks: BTreeMap::new() }) })
    }

    fn written(&self) -> MutexGuard<'_, Written> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns a block of the file, padded with zeros.
    fn block_of_file(&self, number: u64, of_file: u64) -> io::Result<Box<[u8]>> {
        let begin = number * BLOCK;
        let mut block = vec![0; LEN].into_boxed_slice();
        let there = usize::try_from(of_file.saturating_sub(begin).min(BLOCK)).unwrap_or(0);
        if let Some(there) = block.get_mut(..there).filter(|there| !there.is_empty()) {
            self.file.read(begin, there)?;
        }
        Ok(block)
    }

    /// Splits a range at block boundaries. Each part is the block, the offset in it, and the length.
    fn parts(offset: u64, len: usize) -> impl Iterator<Item = (u64, usize, usize)> {
        let end = offset + len as u64;
        let mut at = offset;
        iter::from_fn(move || {
            let begin = at;
            at = end.min((begin / BLOCK + 1) * BLOCK);
            let within = usize::try_from(begin % BLOCK).unwrap_or(0);
            (begin < end).then(|| (begin / BLOCK, within, usize::try_from(at - begin).unwrap_or(0)))
        })
    }
}

impl<B: StorageBackend> StorageBackend for Overlay<B> {
    fn len(&self) -> io::Result<u64> {
        Ok(self.written().len)
    }

    fn read(&self, offset: u64, mut out: &mut [u8]) -> io::Result<()> {
        let written = self.written();
        if offset.saturating_add(out.len() as u64) > written.len {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        for (number, within, len) in Self::parts(offset, out.len()) {
            let (part, rest) = out.split_at_mut(len);
            let from_file;
            let block = if let Some(block) = written.blocks.get(&number) {
                block
            } else {
                from_file = self.block_of_file(number, written.of_file)?;
                &from_file
            };
            part.copy_from_slice(block.get(within..within + len).unwrap_or_default());
            out = rest;
        }
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut written = self.written();
        written.len = len;
        written.of_file = written.of_file.min(len);
        // Bytes beyond the end must be zero if the length grows again.
        written.blocks.retain(|&number, _| number * BLOCK < len);
        if let Some(block) = written.blocks.get_mut(&(len / BLOCK)) {
            block.iter_mut().skip(usize::try_from(len % BLOCK).unwrap_or(0)).for_each(|byte| *byte = 0);
        }
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }

    fn write(&self, offset: u64, mut data: &[u8]) -> io::Result<()> {
        let mut written = self.written();
        for (number, within, len) in Self::parts(offset, data.len()) {
            if !written.blocks.contains_key(&number) {
                let block = self.block_of_file(number, written.of_file)?;
                written.blocks.insert(number, block);
            }
            let (part, rest) = data.split_at(len);
            let block = written.blocks.get_mut(&number).and_then(|block| block.get_mut(within..within + len));
            block.unwrap_or_default().copy_from_slice(part);
            data = rest;
        }
        Ok(())
    }

    fn close(&self) -> io::Result<()> {
        self.file.close()
    }

    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.file.try_lock_range(start, end)
    }

    fn unlock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file.unlock_range(start, end)
    }
}

#[cfg(test)]
mod tests {
    use ::redb::backends::InMemoryBackend;

    use super::*;

    #[test]
    fn writes_are_read_back_and_the_file_stays_unchanged() {
        let before: Vec<u8> = (0..=u8::MAX).cycle().take(10_000).collect();
        let file = InMemoryBackend::new();
        file.set_len(10_000).unwrap();
        file.write(0, &before).unwrap();
        let overlay = Overlay::over(file).unwrap();
        let read = |offset, len| {
            let mut bytes = vec![0xee; len];
            overlay.read(offset, &mut bytes).map(|()| bytes)
        };
        assert_eq!(read(0, 10_000).unwrap(), before);
        overlay.set_len(20_000).unwrap();
        overlay.write(4_000, &[7; 9_000]).unwrap();
        let mut expected = before.clone();
        expected.resize(20_000, 0);
        expected[4_000..13_000].fill(7);
        assert_eq!((read(0, 20_000).unwrap(), overlay.len().unwrap()), (expected.clone(), 20_000));
        assert_eq!(read(8_191, 3).unwrap(), [7; 3]);
        assert!(read(19_999, 2).is_err());
        overlay.set_len(5_000).unwrap();
        overlay.set_len(9_000).unwrap();
        expected.truncate(5_000);
        expected.resize(9_000, 0);
        assert_eq!(read(0, 9_000).unwrap(), expected);
        let mut of_file = vec![0; 10_000];
        overlay.file.read(0, &mut of_file).unwrap();
        assert_eq!(of_file, before);
    }
}
