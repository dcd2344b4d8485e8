//! Emptying the page cache before files are read.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// A way to empty the cache on this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Emptying {
    /// The whole cache, including names.
    Everything,
    /// The content of the files.
    Content,
}

/// Asks the kernel to drop pages, names and inodes.
const DROP: &str = "/proc/sys/vm/drop_caches";

impl Emptying {
    /// Returns what is possible, or why nothing is.
    pub(crate) fn possible(some_file: &Path) -> Result<Self, String> {
        let refused = match fs::write(DROP, "3") {
            Ok(()) => return Ok(Self::Everything),
            Err(error) => error,
        };
        let advice = forget(some_file).map(|()| Self::Content);
        advice.map_err(|error| format!("{DROP}: {refused}; posix_fadvise: {error}"))
    }

    /// Returns the note for readers of the table.
    pub(crate) fn note(self) -> &'static str {
        match self {
            Self::Everything => "the whole page cache is dropped before each round",
            Self::Content => "the content of the files is dropped before each round; names stay in memory",
        }
    }

    /// Removes the contents of these directories from the cache.
    pub(crate) fn empty(self, directories: &[PathBuf]) {
        match self {
            Self::Everything => fs::write(DROP, "3").expect("it was possible before"),
            Self::Content => {
                for entry in directories.iter().flat_map(|dir| fs::read_dir(dir).expect("it is there")) {
                    forget(&entry.expect("it is there").path()).expect("it was possible before");
                }
            }
        }
    }
}

#[cfg(target_os = "linux")]
fn forget(path: &Path) -> std::io::Result<()> {
    let file = fs::File::open(path)?;
    Ok(rustix::fs::fadvise(file, 0, None, rustix::fs::Advice::DontNeed)?)
}

#[cfg(not(target_os = "linux"))]
fn forget(_: &Path) -> std::io::Result<()> {
    Err(std::io::ErrorKind::Unsupported.into())
}
