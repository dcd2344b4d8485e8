//! Opening the session folder, and making sure that it is still the one that it was: one call for the whole look.

use std::{collections::VecDeque, ffi::OsStr, io, mem, path::PathBuf, sync::Arc};

use tempo_message::FileType;

use crate::fs::{
    calls::{About, Calls, Drained, no_answer},
    error::is_absence,
    offload::Outlet,
    port::{Fs, Identity, Stat},
};

/// An opened session folder.
#[derive(Debug)]
pub(crate) struct Root<F: Fs> {
    pub(crate) dir: Arc<F::Dir>,
    pub(crate) stat: Stat,
    /// What has become of the directories that were here, if it is the same folder.
    pub(crate) places: Vec<(Arc<OsStr>, io::Result<Stat>)>,
    is_familiar: bool,
}

/// How to open the folder, and what shows that it is still the same.
#[derive(Debug, Clone)]
pub(crate) struct Door {
    path: PathBuf,
    is_piece: bool,
    identity: Identity,
    /// The directories that were in it.
    places: Vec<Arc<OsStr>>,
}

/// How to come to what is in the folder, for one who waits there for whatever does not answer.
#[derive(Debug)]
pub(crate) enum Way<F: Fs> {
    /// It was opened a moment ago.
    Opened(Arc<F::Dir>),
    /// It is to be opened, and is gone through only if it is familiar.
    Through(Door),
}

/// What opening shows, one thing after the other.
#[derive(Debug)]
enum Step<F: Fs> {
    Opened(Arc<F::Dir>, Stat),
    /// What the next one of those that were here is now.
    Place(io::Result<Stat>),
}

impl<F: Fs> Root<F> {
    /// The way to what is in it.
    pub(crate) fn way(&self) -> Way<F> {
        Way::Opened(Arc::clone(&self.dir))
    }

    /// Whether it is what it was when it was looked at last.
    pub(crate) fn is_familiar(&self) -> bool {
        self.is_familiar
    }
}

impl<F: Fs> Way<F> {
    /// The opened folder; `None` when it is another one.
    pub(crate) fn go(self, fs: &F) -> io::Result<Option<Arc<F::Dir>>> {
        match self {
            Self::Opened(dir) => Ok(Some(dir)),
            Self::Through(door) => Ok(door.open_here(fs)?.map(Arc::new)),
        }
    }
}

impl<F: Fs> Clone for Way<F> {
    fn clone(&self) -> Self {
        match self {
            Self::Opened(dir) => Self::Opened(Arc::clone(dir)),
            Self::Through(door) => Self::Through(door.clone()),
        }
    }
}

impl Door {
    /// The door of a folder, or of another piece of one, that was this, and in which these directories were.
    pub(crate) fn new<'a>(
        (path, is_piece): (PathBuf, bool),
        identity: Identity,
        places: impl Iterator<Item = &'a Arc<OsStr>>,
    ) -> Self {
        Self { path, is_piece, identity, places: places.cloned().collect() }
    }

    /// Opens the folder. The numbers of a volume, and of a folder on it, are used again for others, so it is familiar only
    /// when somebody who was here is still here. A directory that does not answer keeps only itself waiting; it is not gone,
    /// and neither is one that cannot be looked at: when nothing is known of any, the numbers have to do. Of those that answer
    /// so many are asked for at most.
    pub(crate) fn open<F: Fs>(mut self, calls: &mut Calls<F>, most: usize) -> io::Result<Root<F>> {
        if calls.is_late(&About::Folder) {
            return Err(no_answer());
        }
        let has_room = !calls.is_exhausted(0);
        let (mut asked, late) = mem::take(&mut self.places)
            .into_iter()
            .partition::<Vec<_>, _>(|name| has_room && !calls.is_directory_late(name));
        asked.truncate(most);
        self.places = asked;
        let mut left: VecDeque<Arc<OsStr>> = self.places.iter().cloned().collect();
        let identity = self.identity;
        let (mut opened, mut failed) = (None, Ok(()));
        let mut answers = Answers::default();
        let drained = calls.drain(
            move |fs, outlet| self.enter(fs, outlet),
            |step: io::Result<Step<F>>| {
                match step {
                    Ok(Step::Opened(dir, stat)) => opened = Some((dir, stat)),
                    Ok(Step::Place(stat)) => {
                        if let Some(name) = left.pop_front() {
                            answers.take(name, stat);
                        }
                    }
                    Err(error) => failed = Err(error),
                }
                true
            },
        )?;
        failed?;
        if let Drained::Late(stream) = drained {
            let waits_for = opened.as_ref().and_then(|_| left.pop_front());
            if let Some(name) = &waits_for {
                answers.take(Arc::clone(name), Err(no_answer()));
            }
            calls.keep_late(waits_for.map_or(About::Folder, |name| About::Directory(name.to_os_string())), stream);
        }
        let (dir, stat) = opened.ok_or_else(no_answer)?;
        let is_same = stat.identity == identity;
        if is_same {
            // Those that come after one that is late, and those that are late.
            let root = Arc::clone(&dir);
            let ask = move |fs: &F, name: &OsStr| fs.stat(&root, name);
            calls.ask_each(left.into_iter().chain(late), ask, |name, stat| answers.take(name, stat));
        }
        let is_familiar = is_same && (answers.is_somebody_there || !answers.is_anything_known);
        Ok(Root { dir, stat, places: answers.places, is_familiar })
    }

    /// The folder if it is familiar, for one who waits here for whatever does not answer.
    pub(crate) fn open_here<F: Fs>(&self, fs: &F) -> io::Result<Option<F::Dir>> {
        let dir = self.enter_root(fs)?;
        let is_same = fs.stat_dir(&dir)?.identity == self.identity;
        let is_familiar = is_same && self.places.iter().any(|name| is_directory(&fs.stat(&dir, name)));
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
        for name in &self.places {
            if !outlet.put(Ok(Step::Place(fs.stat(&dir, name)))) {
                return;
            }
        }
    }
}

/// What is known of the directories that were here.
#[derive(Debug, Default)]
struct Answers {
    places: Vec<(Arc<OsStr>, io::Result<Stat>)>,
    is_anything_known: bool,
    is_somebody_there: bool,
}

impl Answers {
    fn take(&mut self, name: Arc<OsStr>, stat: io::Result<Stat>) {
        self.is_anything_known |= stat.as_ref().map_or_else(is_absence, |_| true);
        self.is_somebody_there |= is_directory(&stat);
        self.places.push((name, stat));
    }
}

fn is_directory(stat: &io::Result<Stat>) -> bool {
    stat.as_ref().is_ok_and(|stat| stat.file_type == FileType::Directory)
}
