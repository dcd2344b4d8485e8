//! The port to files of the application.

use std::{
    fmt,
    io::{self, Seek, Write},
    path::Path,
    time::SystemTime,
};

#[cfg(feature = "folder")]
use tempo_fs_transport::{LocalFile, NewFile, open_outside};

use crate::store::shelf::Stored;

/// Opens files of the application that are attached, and makes those that are exported.
pub trait Outside: fmt::Debug + Send + Sync {
    /// Opens a file for reading.
    ///
    /// # Errors
    ///
    /// As the system has them; [`io::ErrorKind::InvalidInput`] for anything but a file, which is not opened.
    fn open(&self, path: &Path) -> io::Result<Box<dyn Original>>;

    /// Begins a file that is to have a path.
    ///
    /// # Errors
    ///
    /// As the system has them; [`io::ErrorKind::AlreadyExists`] if the path is taken.
    fn create(&self, to: &Path) -> io::Result<Box<dyn Exported>>;
}

/// A file of the application.
pub trait Original: Stored {
    /// Returns its length and when it was changed last.
    ///
    /// # Errors
    ///
    /// As the system has them.
    fn state(&self) -> io::Result<(u64, Option<SystemTime>)>;
}

/// A file that is written for the application. Nothing of it is left unless it is finished.
pub trait Exported: Send {
    /// Returns the file, to be written.
    fn file(&mut self) -> &mut dyn Target;

    /// Makes the content durable and gives the file its name, without replacing anything.
    ///
    /// # Errors
    ///
    /// As the system has them; [`io::ErrorKind::AlreadyExists`] if the path was taken in the meantime.
    fn finish(self: Box<Self>) -> io::Result<()>;
}

/// A file that can be written at any place.
pub trait Target: Write + Seek {}

impl<T: Write + Seek> Target for T {}

/// No files: for sessions that neither attach nor export any by path.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoFiles;

impl Outside for NoFiles {
    fn open(&self, _: &Path) -> io::Result<Box<dyn Original>> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn create(&self, _: &Path) -> io::Result<Box<dyn Exported>> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

/// The files of the machine.
#[cfg(feature = "folder")]
#[derive(Debug, Clone, Copy, Default)]
pub struct MachineFiles;

#[cfg(feature = "folder")]
impl Outside for MachineFiles {
    fn open(&self, path: &Path) -> io::Result<Box<dyn Original>> {
        Ok(Box::new(open_outside(path)?))
    }

    fn create(&self, to: &Path) -> io::Result<Box<dyn Exported>> {
        Ok(Box::new(NewFile::create(to)?))
    }
}

#[cfg(feature = "folder")]
impl Original for LocalFile {
    fn state(&self) -> io::Result<(u64, Option<SystemTime>)> {
        self.state()
    }
}

#[cfg(feature = "folder")]
impl Exported for NewFile {
    fn file(&mut self) -> &mut dyn Target {
        &mut self.file
    }

    fn finish(self: Box<Self>) -> io::Result<()> {
        NewFile::finish(*self)
    }
}
