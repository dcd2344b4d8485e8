//! Opening the session folder, and checking that it is still the same.

use std::{
    ffi::OsStr,
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use tempo_message::FileType;

use crate::{
    fs::{
        calls::{About, Calls},
        error::is_absence,
        port::{Fs, Identity, Stat},
    },
    local::home::Home,
};

/// An opened session folder.
#[derive(Debug)]
pub(crate) struct Root<F: Fs> {
    pub(crate) dir: Arc<F::Dir>,
    pub(crate) stat: Stat,
    /// The directories that were here, as they are now, if it is the same folder.
    pub(crate) author_dirs: Vec<(Arc<OsStr>, io::Result<Stat>)>,
    is_familiar: bool,
}

/// How to open the folder, and how to recognize it.
#[derive(Debug, Clone)]
pub(crate) struct Locator {
    path: PathBuf,
    is_part: bool,
    identity: Identity,
    home: Option<Home>,
    /// The directories that were in it.
    author_dirs: Vec<Arc<OsStr>>,
}

impl<F: Fs> Root<F> {
    /// Returns whether it is the folder of the last scan.
    pub(crate) fn is_familiar(&self) -> bool {
        self.is_familiar
    }
}

impl Locator {
    /// Creates the locator of a folder, or of a part of one, that had this identity and these
    /// directories.
    pub(crate) fn new<'a>(
        (path, is_part): (PathBuf, bool),
        (identity, home): (Identity, Option<Home>),
        author_dirs: impl Iterator<Item = &'a Arc<OsStr>>,
    ) -> Self {
        Self { path, is_part, identity, home, author_dirs: author_dirs.cloned().collect() }
    }

    /// Opens the folder. The numbers of a volume, and of a folder on it, are used again for others, so it is familiar only
    /// when a directory that was here is still here. A directory that does not answer delays only itself; it is not gone,
    /// and neither is one that cannot be read. When nothing is known of any, the creation time of the folder decides, and
    /// where that is not known, the numbers have to do. At most `most` directories are asked for.
    pub(crate) fn open<F: Fs>(self, calls: &mut Calls<F>, most: usize) -> io::Result<Root<F>> {
        let (identity, home, mut asked) = (self.identity, self.home, self.author_dirs.clone());
        let opened = calls.run(About::Folder, move |fs| {
            let dir = self.enter(fs)?;
            io::Result::Ok((fs.stat_dir(&dir)?, Arc::new(dir)))
        });
        let (stat, dir) = opened.flatten()?;
        let is_same = stat.identity == identity;
        let mut answers = Answers::default();
        if is_same {
            if most < asked.len() {
                asked.retain(|name| !calls.is_directory_late(name));
                asked.truncate(most);
            }
            let root = Arc::clone(&dir);
            calls.ask_each(asked, move |fs, name| fs.stat(&root, name), |name, stat| answers.take(name, stat));
        }
        let mut is_familiar = is_same && (answers.is_any_here || !answers.is_any_known);
        if is_familiar && !answers.is_any_here && home.is_some() {
            let root = Arc::clone(&dir);
            is_familiar = calls.run(About::Folder, move |fs| Home::opened(fs, &root, &stat) == home)?;
        }
        Ok(Root { dir, stat, author_dirs: answers.author_dirs, is_familiar })
    }

    /// Opens the folder if it is familiar, and waits for as long as that takes.
    pub(crate) fn open_here<F: Fs>(&self, fs: &F) -> io::Result<Option<F::Dir>> {
        let dir = self.enter(fs)?;
        let is_same = fs.stat_dir(&dir)?.identity == self.identity;
        let is_familiar = is_same && self.author_dirs.iter().any(|name| is_directory(&fs.stat(&dir, name)));
        Ok(is_familiar.then_some(dir))
    }

    /// Opens the folder if it is familiar, as [`open`](Self::open) decides it, and waits for as long as that takes.
    pub(crate) fn open_patiently<F: Fs>(&self, fs: &F) -> io::Result<Option<F::Dir>> {
        let dir = self.enter(fs)?;
        let stat = fs.stat_dir(&dir)?;
        if stat.identity != self.identity {
            return Ok(None);
        }
        let mut answers = Answers::default();
        for name in &self.author_dirs {
            answers.take(Arc::clone(name), fs.stat(&dir, name));
            if answers.is_any_here {
                return Ok(Some(dir));
            }
        }
        let is_home = || self.home.is_none_or(|home| Home::opened(fs, &dir, &stat) == Some(home));
        let is_familiar = !answers.is_any_known && is_home();
        Ok(is_familiar.then_some(dir))
    }

    /// Adds directories that are in the folder, if none were known.
    pub(crate) fn meet(&mut self, author_dirs: impl Iterator<Item = Arc<OsStr>>) {
        if self.author_dirs.is_empty() {
            self.author_dirs.extend(author_dirs);
        }
    }

    /// The path of the folder.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// A user may name the folder by a link. A part of it was found, and must be the directory
    /// itself.
    fn enter<F: Fs>(&self, fs: &F) -> io::Result<F::Dir> {
        match self.path.parent().zip(self.path.file_name()) {
            Some((parent, name)) if self.is_part => fs.open_dir(&fs.open_root(parent)?, name),
            _ => fs.open_root(&self.path),
        }
    }
}

/// The answers of the directories that were here.
#[derive(Debug, Default)]
struct Answers {
    author_dirs: Vec<(Arc<OsStr>, io::Result<Stat>)>,
    is_any_known: bool,
    is_any_here: bool,
}

impl Answers {
    fn take(&mut self, name: Arc<OsStr>, stat: io::Result<Stat>) {
        self.is_any_known |= stat.as_ref().map_or_else(is_absence, |_| true);
        self.is_any_here |= is_directory(&stat);
        self.author_dirs.push((name, stat));
    }
}

fn is_directory(stat: &io::Result<Stat>) -> bool {
    stat.as_ref().is_ok_and(|stat| stat.file_type == FileType::Directory)
}
