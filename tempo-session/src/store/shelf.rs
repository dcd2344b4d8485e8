//! The contract of shelves, which hold the content of files beside a store.

use std::{
    fmt,
    io::{self, Read, Seek, Write},
    path::{Path, PathBuf},
};

use tempo_message::AttachmentId;

/// Holds the content of the files that an installation sends or has fetched.
///
/// Every implementation follows this contract:
///
/// 1. A staged file keeps what was written until it is kept or discarded, also over the end of the process. What was
///    written before [`Staged::sync`] survives a power loss.
/// 2. After [`keep`](Self::keep) returns, the content has the id as its name, survives a power loss, and is never changed.
/// 3. Keeping, removing and discarding again change nothing.
/// 4. Memory does not grow with the content.
pub trait Shelf: fmt::Debug + Send + Sync {
    /// Opens a staged file, from its beginning; makes it if there is none.
    ///
    /// # Errors
    ///
    /// As the system has them. [`io::ErrorKind::StorageFull`] if there is no room.
    fn stage(&self, name: &str) -> io::Result<Box<dyn Staged>>;

    /// Makes a staged file that shares the blocks of another file. Returns false where the system cannot.
    ///
    /// # Errors
    ///
    /// As for [`stage`](Self::stage).
    fn share(&self, from: &Path, name: &str) -> io::Result<bool> {
        let _ = (from, name);
        Ok(false)
    }

    /// Returns the number of bytes that are free for files; `None` where the system does not say so.
    fn free(&self) -> Option<u64> {
        None
    }

    /// Gives a staged file its lasting name.
    ///
    /// # Errors
    ///
    /// As for [`stage`](Self::stage).
    fn keep(&self, name: &str, id: AttachmentId) -> io::Result<()>;

    /// Removes a staged file.
    ///
    /// # Errors
    ///
    /// As for [`stage`](Self::stage).
    fn discard(&self, name: &str) -> io::Result<()>;

    /// Opens the content of a file for reading.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::NotFound`] if it is not here.
    fn open(&self, id: AttachmentId) -> io::Result<Box<dyn Stored>>;

    /// Returns the path of the content of a file; `None` where it has none.
    fn path(&self, id: AttachmentId) -> Option<PathBuf> {
        let _ = id;
        None
    }

    /// Removes the content of a file.
    ///
    /// # Errors
    ///
    /// As for [`stage`](Self::stage).
    fn remove(&self, id: AttachmentId) -> io::Result<()>;
}

/// The content of a file.
pub trait Stored: Read + Seek + Send {}

impl<T: Read + Seek + Send> Stored for T {}

/// A file that is being written.
pub trait Staged: Read + Write + Seek + Send {
    /// Makes durable what was written.
    ///
    /// # Errors
    ///
    /// As the system has them.
    fn sync(&mut self) -> io::Result<()>;
}

#[cfg(feature = "folder")]
impl Staged for tempo_fs_transport::LocalFile {
    fn sync(&mut self) -> io::Result<()> {
        Self::sync(self)
    }
}

#[cfg(feature = "folder")]
impl Shelf for tempo_fs_transport::FileShelf {
    fn stage(&self, name: &str) -> io::Result<Box<dyn Staged>> {
        Ok(Box::new(self.stage(name)?))
    }

    fn share(&self, from: &Path, name: &str) -> io::Result<bool> {
        self.share(from, name)
    }

    fn free(&self) -> Option<u64> {
        self.free()
    }

    fn keep(&self, name: &str, id: AttachmentId) -> io::Result<()> {
        self.keep(name, id)
    }

    fn discard(&self, name: &str) -> io::Result<()> {
        self.discard(name)
    }

    fn open(&self, id: AttachmentId) -> io::Result<Box<dyn Stored>> {
        Ok(Box::new(self.open(id)?))
    }

    fn path(&self, id: AttachmentId) -> Option<PathBuf> {
        Some(self.path(id))
    }

    fn remove(&self, id: AttachmentId) -> io::Result<()> {
        self.remove(id)
    }
}
