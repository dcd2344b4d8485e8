//! What a store in a file can be put on instead of one.

use std::{fmt, io};

use redb::StorageBackend;

/// Bytes that can be read and written at any place, like those of a file. A write survives a loss of power once a
/// [`sync`](Self::sync) after it has returned.
pub trait Medium: fmt::Debug + Send + Sync + 'static {
    /// Returns how many bytes there are.
    ///
    /// # Errors
    ///
    /// As the system says.
    fn len(&self) -> io::Result<u64>;

    /// Reads exactly as many bytes as `into` has.
    ///
    /// # Errors
    ///
    /// As the system says, also when there are fewer.
    fn read(&self, offset: u64, into: &mut [u8]) -> io::Result<()>;

    /// Cuts off the end, or appends zeros.
    ///
    /// # Errors
    ///
    /// As the system says.
    fn set_len(&self, len: u64) -> io::Result<()>;

    /// Makes everything durable that was written before.
    ///
    /// # Errors
    ///
    /// As the system says; it is unknown then what is durable.
    fn sync(&self) -> io::Result<()>;

    /// Writes all of these bytes.
    ///
    /// # Errors
    ///
    /// As the system says; it is unknown then what was written.
    fn write(&self, offset: u64, bytes: &[u8]) -> io::Result<()>;
}

/// A medium as the database wants it.
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
