//! Storage for a store other than a file.

use std::{fmt, io};

use redb::StorageBackend;

/// Random-access bytes, like those of a file. A write survives a power loss once a later [`sync`](Self::sync)
/// returns.
#[allow(clippy::len_without_is_empty, reason = "a file is asked for its length only")]
pub trait Medium: fmt::Debug + Send + Sync + 'static {
    /// Returns the number of bytes.
    ///
    /// # Errors
    ///
    /// The error of the system.
    fn len(&self) -> io::Result<u64>;

    /// Reads exactly as many bytes as `into` has.
    ///
    /// # Errors
    ///
    /// The error of the system, also when there are fewer bytes.
    fn read(&self, offset: u64, into: &mut [u8]) -> io::Result<()>;

    /// Truncates the bytes, or appends zeros.
    ///
    /// # Errors
    ///
    /// The error of the system.
    fn set_len(&self, len: u64) -> io::Result<()>;

    /// Makes all earlier writes durable.
    ///
    /// # Errors
    ///
    /// The error of the system. After it, any part of the writes may be durable.
    fn sync(&self) -> io::Result<()>;

    /// Writes all of these bytes.
    ///
    /// # Errors
    ///
    /// The error of the system. After it, any part of the bytes may be written.
    fn write(&self, offset: u64, bytes: &[u8]) -> io::Result<()>;
}

/// A medium as a storage backend of the database.
#[derive(Debug)]
pub(crate) struct Backend<M>(pub(crate) M);

impl<M: Medium> StorageBackend for Backend<M> {
    fn len(&self) -> io::Result<u64> {
        self.0.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.0.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.0.sync()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.0.write(offset, data)
    }
}
