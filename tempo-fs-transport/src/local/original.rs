//! The original of a copied session folder.

use std::path::{Path, PathBuf};

use tempo_message::AuthorId;

use crate::{
    fs::{port::Fs, real::RealFs},
    local::state_file::{self, InstallationError},
};

/// A session folder that is still in its place, and that was copied.
///
/// A copy needs another author: with one author in both, two messages could get one number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Original {
    /// Where it is.
    pub folder: PathBuf,
    /// Every author that its installation has been, the latest last.
    pub authors: Vec<AuthorId>,
}

const FOLDER: &str = "original";
const AUTHORS: &str = "original-authors";

impl Original {
    /// Notes in the directory of an installation that it was made for a copy of this folder.
    pub(crate) fn keep_in(&self, dir: &Path) -> Result<(), InstallationError> {
        let authors: Vec<String> = self.authors.iter().map(AuthorId::to_string).collect();
        state_file::keep(dir, AUTHORS, authors.join("\n").as_bytes())?;
        state_file::keep(dir, FOLDER, self.folder.as_os_str().as_encoded_bytes())
    }

    /// Returns the original of an installation's folder, if that was a copy when it was made.
    pub(crate) fn of(dir: &Path) -> Result<Option<Self>, InstallationError> {
        let Some(folder) = state_file::read_bytes(dir, FOLDER)? else { return Ok(None) };
        let authors = state_file::read(dir, AUTHORS)?.unwrap_or_default();
        let authors = authors.lines().filter_map(|line| line.parse().ok()).collect();
        Ok(Some(Self { folder: state_file::path(folder), authors }))
    }

    /// Returns whether it is still in its place, and not the same directory as `copy`.
    pub fn is_beside(&self, copy: &Path) -> bool {
        self.has_an_author() && !is_one_directory(&self.folder, copy)
    }

    fn has_an_author(&self) -> bool {
        self.authors.iter().any(|author| self.folder.join(author.to_string()).is_dir())
    }
}

/// Returns whether two paths lead to one directory, as through a link, a bind mount or another drive
/// letter.
pub(crate) fn is_one_directory(one: &Path, other: &Path) -> bool {
    let fs = RealFs::default();
    let identity = |path: &Path| fs.open_root(path).and_then(|dir| fs.stat_dir(&dir)).map(|stat| stat.identity);
    one == other || identity(one).is_ok_and(|one| identity(other).is_ok_and(|other| one == other))
}
