//! What tells a session folder that somebody has emptied from another folder in its place.

use std::{io, path::Path, str::FromStr};

use crate::fs::{
    port::{Fs, Stat},
    real::RealFs,
};

/// Which directory a session folder is, on its volume: another one in its place, as the one below an unmounted disk, was
/// made at another time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Home {
    number: u64,
    made_ns: i128,
}

impl Home {
    /// What an existing folder of this machine is; `None` where the system does not keep when directories were made.
    ///
    /// # Errors
    ///
    /// When the folder cannot be looked at.
    pub fn of(folder: &Path) -> io::Result<Option<Self>> {
        Self::on(&RealFs::default(), folder)
    }

    /// The same in any file system.
    ///
    /// # Errors
    ///
    /// When the folder cannot be looked at.
    pub fn on<F: Fs>(fs: &F, folder: &Path) -> io::Result<Option<Self>> {
        let dir = fs.open_root(folder)?;
        let stat = fs.stat_dir(&dir)?;
        Ok(Self::opened(fs, &dir, &stat))
    }

    /// Returns what an opened folder is. A creation time that moves with every change says nothing.
    pub(crate) fn opened<F: Fs>(fs: &F, dir: &F::Dir, stat: &Stat) -> Option<Self> {
        let made_ns = fs.made_ns(dir).filter(|&made| made != stat.modified_ns)?;
        Some(Self { number: stat.identity.number, made_ns })
    }

    /// A line for a file.
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
