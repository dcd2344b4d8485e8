//! A page cache that holds nothing of what is to be read.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// How the cache can be emptied here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Emptying {
    /// All of it, names included.
    Everything,
    /// The content of the files.
    Content,
}

/// Asks the kernel to drop pages, names and inodes.
const DROP: &str = "/proc/sys/vm/drop_caches";

impl Emptying {
    /// What is possible, or why nothing is.
    pub(crate) fn possible(some_file: &Path) -> Result<Self, String> {
        let refused = match fs::write(DROP, "3") {
            Ok(()) => return Ok(Self::Everything),
            Err(error) => error,
        };
        let advice = forget(some_file).map(|()| Self::Content);
        advice.map_err(|error| format!("{DROP}: {refused}; posix_fadvise: {error}"))
    }

    /// What a reader of the table should know.
    pub(crate) fn note(self) -> &'static str {
        match self {
            Self::Everything => "the whole page cache is dropped before each round",
            Self::Content => "the content of the files is dropped before each round; names stay in memory",
        }
    }

    /// Empties it of what is in these directories.
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
