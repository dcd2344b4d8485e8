//! The installations of a state directory: listing them, and removing one.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

use crate::{
    format::name::DirName,
    local::{
        installation::Installation,
        state_file::{InstallationError, failed, lock, patiently, sync_dir},
    },
};

/// The size and the last use of an installation.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Extent {
    /// The length of all its files, in bytes. Copies of files that share blocks with others count in full.
    pub bytes: u64,
    /// The last time that one of them was written, in milliseconds since 1970.
    pub written_ms: Option<i64>,
}

impl Installation {
    /// Returns all installations of a state directory, ordered by author. There are none without such a directory.
    ///
    /// # Errors
    ///
    /// [`InstallationError::Failed`]: the directory cannot be read.
    pub fn all(state: &Path) -> Result<Vec<Self>, InstallationError> {
        let entries = match fs::read_dir(state) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(|source| failed(state, source))?,
        };
        let mut found = Vec::new();
        for entry in entries {
            let name = entry.map_err(|source| failed(state, source))?.file_name();
            if let DirName::Author(author) = DirName::parse(&name) {
                found.push(Self { author, dir: state.join(&name) });
            }
        }
        found.sort_by_key(|installation| installation.author);
        Ok(found)
    }

    /// Returns the path of its folder, as it was last seen; `None` for an installation that was never finished. The folder
    /// may have been moved or removed since.
    ///
    /// # Errors
    ///
    /// [`InstallationError::Failed`].
    pub fn folder(&self) -> Result<Option<PathBuf>, InstallationError> {
        Ok(self.remembered()?.map(|remembered| remembered.given))
    }

    /// Returns its size and its last use. Files that vanish meanwhile, or that cannot be examined, do not count.
    pub fn extent(&self) -> Extent {
        extent_of(&self.dir)
    }

    /// Removes it with everything in it: the store, the keys that are kept there, and the content of files. It must not be
    /// open. The folder stays as it is.
    ///
    /// # Errors
    ///
    /// [`InstallationError`]. If some of it is left, that is no installation any more, and belongs to no folder.
    pub fn remove(self) -> Result<(), InstallationError> {
        let state = self.dir.parent().unwrap_or(&self.dir);
        let _lock = lock(&state.join("lock"))?;
        // Whole or not at all: half an installation would be one that has lost its store.
        let removed = state.join(format!("removed-{}", self.author));
        let clear = |path: &Path| match fs::remove_dir_all(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            done => done,
        };
        let renamed = patiently(&removed, || clear(&removed).and_then(|()| fs::rename(&self.dir, &removed)));
        renamed.and_then(|()| sync_dir(state)).map_err(|source| failed(&self.dir, source))?;
        patiently(&removed, || clear(&removed)).map_err(|source| failed(&removed, source))
    }
}

fn extent_of(dir: &Path) -> Extent {
    let mut all = Extent::default();
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        // Links are not followed.
        let one = match entry.metadata() {
            Ok(found) if found.is_dir() => extent_of(&entry.path()),
            Ok(file) => Extent { bytes: file.len(), written_ms: file.modified().ok().and_then(unix_ms) },
            Err(_) => Extent::default(),
        };
        all.bytes = all.bytes.saturating_add(one.bytes);
        all.written_ms = all.written_ms.max(one.written_ms);
    }
    all
}

fn unix_ms(time: SystemTime) -> Option<i64> {
    time.duration_since(UNIX_EPOCH).ok()?.as_millis().try_into().ok()
}
