//! Opening the session folder, and making sure that it is still the one that it was.

use std::{
    collections::VecDeque,
    ffi::{OsStr, OsString},
    io,
    path::PathBuf,
    sync::Arc,
};

use tempo_message::FileType;

use crate::{
    Fs, Identity, Stat,
    calls::{About, Calls, Drained, no_answer},
    offload::Outlet,
};

/// An opened session folder.
#[derive(Debug)]
pub(crate) struct Root<F: Fs> {
    pub(crate) dir: Arc<F::Dir>,
    pub(crate) stat: Stat,
    is_familiar: bool,
}

/// How to open the folder, and what shows that it is still the same.
#[derive(Debug, Clone)]
pub(crate) struct Door {
    path: PathBuf,
    is_piece: bool,
    identity: Identity,
    familiar: VecDeque<OsString>,
}

/// What opening shows, one thing after the other.
#[derive(Debug)]
enum Step<F: Fs> {
    Opened(Arc<F::Dir>, Stat),
    /// Whether the next one of those who were here still is.
    IsThere(bool),
}

/// Of so many who were here one must still be.
const FAMILIAR: usize = 8;

impl<F: Fs> Root<F> {
    /// Whether it is what it was when it was looked at last.
    pub(crate) fn is_familiar(&self) -> bool {
        self.is_familiar
    }
}

impl Door {
    /// The door of a folder, or of another piece of one, that was this, and in which these directories were. Those that do not answer are not asked.
    pub(crate) fn new<'a, F: Fs>(
        (path, is_piece): (PathBuf, bool),
        identity: Identity,
        places: impl Iterator<Item = &'a OsString>,
        calls: &mut Calls<F>,
    ) -> Self {
        let answers = |name: &&OsString| !calls.is_late(&About::Directory((*name).clone()));
        let familiar = places.filter(answers).take(FAMILIAR).cloned().collect();
        Self { path, is_piece, identity, familiar }
    }

    /// Opens the folder. The numbers of a volume, and of a folder on it, are used again for others, so it is familiar only
    /// when somebody who was here is still here. One that does not answer is not gone: when nobody answers, the numbers
    /// have to do.
    pub(crate) fn open<F: Fs>(mut self, calls: &mut Calls<F>) -> io::Result<Root<F>> {
        if calls.is_late(&About::Folder) {
            return Err(no_answer());
        }
        let door = self.clone();
        let (mut opened, mut failed) = (None, Ok(()));
        let (mut is_anybody_there, mut has_answer) = (false, false);
        let drained = calls.drain(
            move |fs, outlet| door.enter(fs, outlet),
            |step: io::Result<Step<F>>| {
                match step {
                    Ok(Step::Opened(dir, stat)) => opened = Some((dir, stat)),
                    Ok(Step::IsThere(is_there)) => {
                        self.familiar.pop_front();
                        (is_anybody_there, has_answer) = (is_there, true);
                    }
                    Err(error) => failed = Err(error),
                }
                true
            },
        )?;
        failed?;
        if let Drained::Late(stream) = drained {
            let waits_for = opened.as_ref().and_then(|_| self.familiar.pop_front());
            calls.keep_late(waits_for.map_or(About::Folder, About::Directory), stream);
        }
        let (dir, stat) = opened.ok_or_else(no_answer)?;
        let is_same = stat.identity == self.identity;
        // Those that come after one that is late.
        for name in self.familiar.into_iter().filter(|_| is_same) {
            if is_anybody_there {
                break;
            }
            let (root, asked) = (Arc::clone(&dir), name.clone());
            if let Ok(is_there) = calls.run(About::Directory(name), move |fs| is_there(fs, &root, &asked)) {
                (is_anybody_there, has_answer) = (is_there, true);
            }
        }
        Ok(Root { dir, stat, is_familiar: is_same && (is_anybody_there || !has_answer) })
    }

    /// The folder if it is familiar, for one who waits here for whatever does not answer.
    pub(crate) fn open_here<F: Fs>(&self, fs: &F) -> io::Result<Option<F::Dir>> {
        let dir = self.enter_root(fs)?;
        let is_same = fs.stat_dir(&dir)?.identity == self.identity;
        let is_familiar = is_same && self.familiar.iter().any(|name| is_there(fs, &dir, name));
        Ok(is_familiar.then_some(dir))
    }

    /// Whoever names the folder may name a link to it. Another piece of it was found, and must be what it was found as.
    fn enter_root<F: Fs>(&self, fs: &F) -> io::Result<F::Dir> {
        match self.path.parent().zip(self.path.file_name()) {
            Some((parent, name)) if self.is_piece => fs.open_dir(&fs.open_root(parent)?, name),
            _ => fs.open_root(&self.path),
        }
    }

    fn enter<F: Fs>(&self, fs: &F, outlet: &mut Outlet<io::Result<Step<F>>>) {
        let opened = self.enter_root(fs).and_then(|dir| Ok((fs.stat_dir(&dir)?, Arc::new(dir))));
        let (stat, dir) = match opened {
            Ok(opened) => opened,
            Err(error) => {
                outlet.put(Err(error));
                return;
            }
        };
        if !outlet.put(Ok(Step::Opened(Arc::clone(&dir), stat))) || stat.identity != self.identity {
            return;
        }
        for name in &self.familiar {
            let is_there = is_there(fs, &dir, name);
            if !outlet.put(Ok(Step::IsThere(is_there))) || is_there {
                return;
            }
        }
    }
}

fn is_there<F: Fs>(fs: &F, root: &F::Dir, name: &OsStr) -> bool {
    fs.stat(root, name).is_ok_and(|stat| stat.file_type == FileType::Directory)
}
