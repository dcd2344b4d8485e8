//! The folder as a transport.

use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
    path::{Path, PathBuf},
    sync::Arc,
    task::Waker,
    time::Duration,
};

use tempo_message::{
    Arrival, AuthorId, Beside, CollectError, Collected, Detachment, Durability, Foreign, Frame, Piece, PublishError,
    Published, Report, Taken, Transport, Want,
};

use crate::{
    DirName, FileName, Fs, OpenError, RealFs, Signal,
    error::{check_name, collect_error, open_error},
    folder::Folder,
    name::printable,
    place::Item,
    publish::Publisher,
    work::Work,
};

/// A session folder as a transport.
///
/// Scanning is the truth; the watcher only says when to scan. Everything works without it, later.
///
/// # Durability
///
/// A durable publication is synced, file and directory, before it returns. A lazy one is renamed into place unsynced.
#[derive(Debug)]
pub struct FsTransport<F: Fs = RealFs> {
    folder: Folder<F>,
    publisher: Option<Publisher<F>>,
    signal: Arc<Signal>,
    /// Whose turn it is when the budget is short.
    turn: Option<AuthorId>,
    looked_at: Duration,
    changed_at: Duration,
}

/// How a folder is used.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Options {
    /// Never write anything into the folder.
    pub read_only: bool,
    /// A directory outside the folder in which messages are written before they are renamed into it. It belongs to
    /// one process; whatever lies in it is removed.
    pub staging: Option<PathBuf>,
    /// Do without the operating system's hints.
    pub without_watching: bool,
}

impl FsTransport {
    /// Opens a session folder of this machine.
    ///
    /// # Errors
    ///
    /// [`OpenError`]; nothing has been written then.
    pub fn open(folder: &Path, options: &Options) -> Result<Self, OpenError> {
        Self::open_on(RealFs::default(), folder, options)
    }
}

impl<F: Fs> FsTransport<F> {
    /// Opens a session folder of any file system.
    ///
    /// # Errors
    ///
    /// [`OpenError`]; nothing has been written then.
    pub fn open_on(fs: F, folder: &Path, options: &Options) -> Result<Self, OpenError> {
        check_name(folder)?;
        let signal = Arc::new(Signal::default());
        let now = fs.now();
        let opened = Folder::open(fs.clone(), folder.to_owned(), Arc::clone(&signal), !options.without_watching);
        let publisher = if options.read_only {
            None
        } else {
            let staging = options.staging.as_deref();
            let made = Publisher::new(fs, folder.to_owned(), staging);
            Some(made.map_err(|error| open_error(staging.unwrap_or(folder).to_owned(), error))?)
        };
        Ok(Self {
            folder: opened.map_err(|error| open_error(folder.to_owned(), error))?,
            publisher,
            signal,
            turn: None,
            looked_at: now,
            changed_at: now,
        })
    }
}

impl<F: Fs> Transport for FsTransport<F> {
    fn join(&mut self, author: AuthorId) -> Result<(), PublishError> {
        self.folder.own.insert(author);
        let (publisher, root) = self.writing()?;
        publisher.join(&root, author)
    }

    fn publish(&mut self, frame: &Frame, durability: Durability) -> Result<Published, PublishError> {
        self.folder.own.insert(frame.id().author);
        let own = self.folder.places.get(&OsString::from(frame.id().author.to_string()));
        let has_placeholders = own.is_some_and(|place| place.has_placeholders);
        let (publisher, root) = self.writing()?;
        publisher.publish(&root, frame, durability, has_placeholders)
    }

    fn inventory(&mut self, author: AuthorId) -> Result<Vec<Piece>, CollectError> {
        let root = self.folder.attach()?;
        let Folder { fs, path, .. } = &self.folder;
        let name = OsString::from(author.to_string());
        let failed = |error| collect_error(path.join(&name).display().to_string(), error);
        let dir = match fs.open_dir(&root, &name) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            opened => opened.map_err(failed)?,
        };
        let mut pieces = Vec::new();
        fs.list(&dir, &mut |name| {
            let (first, last) = match FileName::parse(name) {
                FileName::Message(counter) => (counter, counter),
                FileName::Pack(first, last) => (first, last),
                _ => return true,
            };
            // What cannot be looked at now counts as not there.
            if let Ok(stat) = fs.stat(&dir, name) {
                pieces.push(Piece { first, last, bytes: stat.len });
            }
            true
        })
        .map_err(failed)?;
        pieces.sort_unstable();
        Ok(pieces)
    }

    fn collect(&mut self, want: &Want<'_>, take: &mut dyn FnMut(Arrival) -> Taken) -> Result<Collected, CollectError> {
        let now = self.folder.fs.now();
        self.looked_at = now;
        // Taken even when the folder is away: hints that are left would end every wait.
        self.folder.heed(self.signal.take());
        let root = self.folder.attach()?;
        self.folder.look(&root, want, now)?;
        let (mut collected, progress) = self.read(&root, want, take, now);
        collected.report_changed = self.tell_news(take);
        if progress || collected.report_changed {
            self.changed_at = now;
        }
        Ok(collected)
    }

    fn wait(&mut self, timeout: Duration) {
        let now = self.folder.fs.now();
        let look = self.looked_at + self.interval();
        let due = self.folder.next_retry().map_or(look, |retry| retry.min(look));
        // A retry that is overdue, because the folder could not be looked at, is no reason to look without a pause.
        let due = due.max(self.looked_at + Self::SHORTEST);
        self.signal.wait(timeout.min(due.saturating_sub(now)));
    }

    fn waker(&self) -> Waker {
        Waker::from(Arc::clone(&self.signal))
    }

    fn report(&self) -> Report {
        let mut report = Report { without_hints: self.folder.without_hints.clone(), ..Report::default() };
        self.folder.notes.describe(&|name| printable(name), None, &mut report);
        for (dir, place) in &self.folder.places {
            if let DirName::Copy(author) = DirName::parse(dir) {
                report.doubled.push(Beside { place: printable(dir), author, counter: None });
            }
            place.notes.describe(&|name| inside(dir, name), Some(place.author), &mut report);
        }
        report
    }
}

impl<F: Fs> FsTransport<F> {
    const SHORTEST: Duration = Duration::from_millis(250);
    const LONGEST: Duration = Duration::from_secs(30);
    const LONGEST_WITHOUT_HINTS: Duration = Duration::from_secs(5);

    /// How long to do without looking when no hint comes: a quarter of the time that nothing has happened.
    fn interval(&self) -> Duration {
        let longest = if self.folder.without_hints.is_some() { Self::LONGEST_WITHOUT_HINTS } else { Self::LONGEST };
        let quiet = self.looked_at.saturating_sub(self.changed_at);
        (quiet / 4).clamp(Self::SHORTEST, longest)
    }

    fn writing(&mut self) -> Result<(&mut Publisher<F>, F::Dir), PublishError> {
        let place = self.folder.path.display().to_string();
        let Some(publisher) = &mut self.publisher else {
            return Err(PublishError::ReadOnly { place });
        };
        match self.folder.attach() {
            Ok(_) if self.folder.is_emptied => Err(PublishError::Detached { place, why: Detachment::Emptied }),
            Ok(root) => Ok((publisher, root)),
            Err(CollectError::Failed { place, source }) => Err(PublishError::Failed { place, source }),
            Err(CollectError::Detached { place, why }) => Err(PublishError::Detached { place, why }),
            Err(_) => Err(PublishError::Detached { place, why: Detachment::Missing }),
        }
    }

    /// Reads what the last look has chosen, one file of each author in turn, as far as the budget goes; whether
    /// anything came of it that will not come again.
    fn read(
        &mut self,
        root: &F::Dir,
        want: &Want<'_>,
        take: &mut dyn FnMut(Arrival) -> Taken,
        now: Duration,
    ) -> (Collected, bool) {
        for place in self.folder.places.values_mut() {
            place.unpark(want.budget.frames);
        }
        let mut work = Work::new(want, take);
        work.collected.more = self.folder.places.values().any(|place| place.has_more_than(want.budget.frames));
        let mut dirs: BTreeMap<OsString, F::Dir> = BTreeMap::new();
        for (name, item, offset) in self.in_turn(want.budget.frames) {
            if work.is_exhausted() {
                work.collected.more = true;
                break;
            }
            if !dirs.contains_key(&name) {
                // A directory that cannot be opened now is looked at again by the next collect.
                let Ok(dir) = self.folder.fs.open_dir(root, &name) else {
                    continue;
                };
                if dirs.len() >= MAX_OPEN {
                    dirs.clear();
                }
                dirs.insert(name.clone(), dir);
            }
            if let (Some(dir), Some(place)) = (dirs.get(&name), self.folder.places.get_mut(&name)) {
                self.turn = Some(place.author);
                work.read_file(&self.folder.fs, dir, place, item, offset, now);
            }
        }
        (work.collected, work.progress)
    }

    /// What is to be read: a first file of every author, then a second one, and so on, beginning with the author after
    /// the one that was served last.
    fn in_turn(&self, most: usize) -> Vec<(OsString, Item, usize)> {
        let mut by_author: BTreeMap<AuthorId, Vec<(Item, &OsString, usize)>> = BTreeMap::new();
        for (name, place) in &self.folder.places {
            if place.is_busy() {
                let items = place.first_items(most).map(|(item, offset)| (item, name, offset));
                by_author.entry(place.author).or_default().extend(items);
            }
        }
        let mut turns = Vec::new();
        for (author, mut items) in by_author {
            items.sort_unstable();
            let served = self.turn.is_some_and(|turn| author <= turn);
            turns.extend(items.into_iter().enumerate().map(|(round, item)| (round, served, author, item)));
        }
        turns.sort_by_key(|&(round, served, author, _)| (round, served, author));
        turns.into_iter().map(|(.., (item, name, offset))| (name.clone(), item, offset)).collect()
    }

    /// Hands up what was found foreign; true when the report has changed.
    fn tell_news(&mut self, take: &mut dyn FnMut(Arrival) -> Taken) -> bool {
        let mut changed = self.folder.notes.take_changed();
        for (name, reason) in self.folder.notes.take_news() {
            take(Arrival::Foreign(Foreign { place: printable(&name), author: None, reason }));
        }
        for (dir, place) in &mut self.folder.places {
            changed |= place.notes.take_changed();
            for (name, reason) in place.notes.take_news() {
                let author = Some(place.author);
                take(Arrival::Foreign(Foreign { place: inside(dir, &name), author, reason }));
            }
        }
        changed
    }
}

/// So many directories are kept open while their files are read.
const MAX_OPEN: usize = 32;
fn inside(dir: &OsStr, name: &OsStr) -> String {
    format!("{}/{}", printable(dir), printable(name))
}
