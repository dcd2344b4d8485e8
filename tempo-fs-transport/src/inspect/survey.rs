//! The size of a session folder, and the room in it.

use std::{collections::BTreeSet, ffi::OsStr, io};

use tempo_message::{AuthorId, CollectError, FileType};

use crate::{
    error::collect_error,
    format::name::{DirName, FILES, FileName},
    fs::port::{Fs, Stat, Volume},
    transport::FsTransport,
};

/// The extent of a session folder.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Survey {
    /// The number of files and directories in it that a service has to sync. The content of
    /// foreign directories is not counted.
    pub entries: u64,
    /// The authors with directories there, with or without messages.
    pub authors: BTreeSet<AuthorId>,
    /// The authors in whose directories nothing can be written, as far as the system says so without
    /// being tried.
    pub unwritable: BTreeSet<AuthorId>,
    /// The volume.
    pub volume: Volume,
}

impl Survey {
    /// Creates a survey.
    pub fn new(entries: u64, authors: impl IntoIterator<Item = AuthorId>, volume: Volume) -> Self {
        Self { entries, authors: authors.into_iter().collect(), unwritable: BTreeSet::new(), volume }
    }
}

impl<F: Fs> FsTransport<F> {
    /// Counts the entries of the folder, and asks the system for its free space. Writes nothing.
    /// Waits for the folder as long as it takes.
    ///
    /// # Errors
    ///
    /// [`CollectError`], when the folder is away or cannot be listed. A directory in it that cannot be listed counts as one entry.
    pub fn survey(&mut self) -> Result<Survey, CollectError> {
        let root = self.folder.attach()?;
        let fs = &self.folder.calls.fs;
        let path = || self.folder.path.display().to_string();
        let mut survey = Survey::default();
        let mut dirs = Vec::new();
        let listed = fs.list(&root.dir, &mut |name| {
            survey.entries += 1;
            if let Some(author) = DirName::parse(name).author() {
                dirs.push((author, name.to_owned()));
            }
            true
        });
        listed.map_err(|error| collect_error(path(), error))?;
        for (author, name) in dirs {
            // Its content would have to be fetched first.
            if fs.stat(&root.dir, &name).is_ok_and(|stat| stat.online_only) {
                survey.authors.insert(author);
                continue;
            }
            let opened = fs.open_dir(&root.dir, &name);
            if let (Ok(dir), DirName::Author(author)) = (&opened, DirName::parse(&name))
                && fs.volume(dir).is_ok_and(|volume| volume.read_only)
            {
                survey.unwritable.insert(author);
            }
            let counted = opened.and_then(|dir| count(fs, &dir));
            if let Ok(files) = counted {
                survey.authors.insert(author);
                survey.entries += files;
            }
        }
        survey.volume = fs.volume(&root.dir).map_err(|error| collect_error(path(), error))?;
        Ok(survey)
    }
}

/// Counts the entries of an author's directory, with those of its directory of parts.
fn count<F: Fs>(fs: &F, dir: &F::Dir) -> io::Result<u64> {
    let (mut entries, mut has_files) = (0, false);
    fs.list(dir, &mut |name| {
        entries += 1;
        has_files |= FileName::parse(name) == FileName::Files;
        true
    })?;
    let is_here = |stat: Stat| stat.file_type == FileType::Directory && !stat.online_only;
    if has_files && fs.stat(dir, OsStr::new(FILES)).is_ok_and(is_here) {
        fs.list(&fs.open_dir(dir, OsStr::new(FILES))?, &mut |_| {
            entries += 1;
            true
        })?;
    }
    Ok(entries)
}
