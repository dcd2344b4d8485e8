//! Distinguishing an emptied session folder from another folder in its place.

use std::{io, path::Path, str::FromStr};

use crate::fs::{
    port::{Fs, Stat},
    real::RealFs,
};

/// The identity of a session folder on its volume. Another directory in its place, such as the mount
/// point of a disk that is away, was made at another time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Home {
    number: u64,
    made_ns: i128,
}

impl Home {
    /// Returns the identity of an existing folder of this machine; `None` where the system does not
    /// record when directories were made.
    ///
    /// # Errors
    ///
    /// The folder cannot be examined.
    pub fn of(folder: &Path) -> io::Result<Option<Self>> {
        Self::on(&RealFs::default(), folder)
    }

    /// Returns the identity of a folder in any file system.
    ///
    /// # Errors
    ///
    /// The folder cannot be examined.
    pub fn on<F: Fs>(fs: &F, folder: &Path) -> io::Result<Option<Self>> {
        let dir = fs.open_root(folder)?;
        let stat = fs.stat_dir(&dir)?;
        Ok(Self::opened(fs, &dir, &stat))
    }

    /// Returns the identity of an opened folder. A creation time that moves with every change does
    /// not count.
    pub(crate) fn opened<F: Fs>(fs: &F, dir: &F::Dir, stat: &Stat) -> Option<Self> {
        let made_ns = fs.made_ns(dir).filter(|&made| made != stat.modified_ns)?;
        Some(Self { number: stat.identity.number, made_ns })
    }

    /// Returns it as a line for a file.
    pub(crate) fn to_line(self) -> String {
        format!("{} {}", self.number, self.made_ns)
    }
}

impl FromStr for Home {
    type Err = ();

    fn from_str(line: &str) -> Result<Self, ()> {
        let (number, made_ns) = line.split_once(' ').ok_or(())?;
        Ok(Self { number: number.parse().map_err(drop)?, made_ns: made_ns.parse().map_err(drop)? })
    }
}
