//! A file of this machine, outside every session folder.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom, Write},
    time::SystemTime,
};

use crate::fs::{
    port::{Fs, sync},
    real::RealFs,
};

/// An open file of this machine, outside every session folder.
#[derive(Debug)]
pub struct LocalFile(pub(crate) File);

impl LocalFile {
    /// Makes the content durable.
    ///
    /// # Errors
    ///
    /// As the system has them.
    pub fn sync(&self) -> io::Result<()> {
        sync(|reach| RealFs::default().sync_file(&self.0, reach))
    }

    /// Returns the length, and when it was changed last.
    ///
    /// # Errors
    ///
    /// As the system has them.
    pub fn state(&self) -> io::Result<(u64, Option<SystemTime>)> {
        let metadata = self.0.metadata()?;
        Ok((metadata.len(), metadata.modified().ok()))
    }
}

impl Read for LocalFile {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        self.0.read(to)
    }
}

impl Write for LocalFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl Seek for LocalFile {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.0.seek(to)
    }
}
