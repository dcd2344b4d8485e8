//! What lies in a directory of members, by the names of files alone, and single messages of it when they are asked for.

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::{OsStr, OsString},
    io,
    ops::RangeInclusive,
    sync::{Arc, Mutex, PoisonError},
};

use tempo_clock::union;
use tempo_message::{AuthorId, CounterName, Decoded, Digest, FileType, Head, MessageId, Parent};

use crate::{
    format::name::{DirName, FileName, limit},
    fs::port::{Fs, Version},
    local::home::Home,
    read::file::{frames_of, read_bare, read_head},
};

/// What lies in a directory of members.
#[derive(Debug)]
pub(crate) struct Shelf<F: Fs> {
    dir: Arc<F::Dir>,
    /// Which directory it is, if that is known.
    pub(crate) home: Option<Home>,
    /// What shows that something has changed, as far as that shows.
    pub(crate) mark: Mark,
    authors: BTreeMap<AuthorId, Row>,
    pub(crate) heads: BTreeMap<AuthorId, Head>,
    /// Those of whom not everything that lies here could be looked at.
    closed: BTreeSet<AuthorId>,
    /// What was read for each message that was asked for: several ask for the same ones.
    read: Mutex<BTreeMap<MessageId, Vec<(MessageId, Named)>>>,
}

/// The versions of a directory and of those in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mark(Vec<(OsString, Version)>);

/// A shelf that several look at.
pub(crate) type Shared<F> = Arc<Shelf<F>>;

/// A message by its digest, and what it names as its causes.
pub(crate) type Named = (Digest, Vec<Parent>);

/// Ranges of counters that ascend and do not touch.
pub(crate) type Runs = Vec<RangeInclusive<u64>>;

/// The files of one author.
#[derive(Debug, Default)]
struct Row {
    runs: Runs,
    /// The author has its own directory here.
    has_own: bool,
    /// Those that are not found by the name of their message in the author's own directory.
    others: Vec<Other>,
}

#[derive(Debug)]
struct Other {
    holds: RangeInclusive<u64>,
    dir: Arc<OsStr>,
    name: OsString,
}

/// So many directories of members are looked into.
const AUTHORS: usize = 4096;
/// So many names in one of them.
const MESSAGES: usize = 1 << 20;
/// So many of its files are remembered that are not found by the name of their message.
const OTHERS: usize = 4096;
/// So many heads are read.
const HEADS: usize = 256;

impl<F: Fs> Shelf<F> {
    /// Looks what lies in a directory. Nothing in it is opened but heads, and nothing that is not on this machine.
    /// What has not answered before is not asked.
    pub(crate) fn look(fs: &F, dir: Arc<F::Dir>, silent: &BTreeSet<Arc<OsStr>>) -> io::Result<Self> {
        let stat = fs.stat_dir(&dir)?;
        let mut shelf = Self {
            home: Home::opened(fs, &dir, &stat),
            mark: Mark(vec![(OsString::new(), stat.version())]),
            authors: BTreeMap::new(),
            heads: BTreeMap::new(),
            closed: BTreeSet::new(),
            read: Mutex::default(),
            dir,
        };
        for (name, author) in members(fs, &shelf.dir)? {
            if silent.contains(&*name) {
                shelf.closed.insert(author);
                continue;
            }
            let looked = fs.stat(&shelf.dir, &name).and_then(|stat| {
                if stat.file_type == FileType::Directory && !stat.online_only {
                    shelf.mark.0.push((name.clone(), stat.version()));
                    let dir = fs.open_dir(&shelf.dir, &name)?;
                    shelf.take(fs, &dir, &name, author)?;
                }
                Ok(stat.online_only)
            });
            // What cannot be looked at is told of where it is to be read.
            if !looked.is_ok_and(|is_elsewhere| !is_elsewhere) {
                shelf.closed.insert(author);
            }
        }
        for row in shelf.authors.values_mut() {
            row.runs = union(std::mem::take(&mut row.runs));
        }
        Ok(shelf)
    }

    fn take(&mut self, fs: &F, dir: &F::Dir, name: &OsStr, author: AuthorId) -> io::Result<()> {
        let is_own = DirName::parse(name) == DirName::Author(author);
        let (row, place) = (self.authors.entry(author).or_default(), Arc::<OsStr>::from(name));
        row.has_own |= is_own;
        let mut heads = Vec::new();
        fs.list(dir, &mut |name| {
            let holds = match FileName::parse(name) {
                FileName::Message(counter) | FileName::Copy(counter) => counter..=counter,
                FileName::Pack(first, last) => first..=last,
                FileName::Placeholder(first, last) if first > 0 => first..=if last == u64::MAX { first } else { last },
                FileName::Head => {
                    heads.push(name.to_owned());
                    return true;
                }
                _ => return true,
            };
            row.runs.push(holds.clone());
            if row.runs.len() >= MESSAGES {
                return false;
            }
            let is_other = !is_own || !matches!(FileName::parse(name), FileName::Message(_));
            if is_other && row.others.len() < OTHERS {
                row.others.push(Other { holds, dir: Arc::clone(&place), name: name.to_owned() });
            }
            true
        })?;
        for name in heads {
            let Some(head) = read_head(fs, dir, &name).filter(|head| head.author == author) else { continue };
            let has_room = self.heads.len() < HEADS;
            match self.heads.get_mut(&author) {
                Some(other) => other.merge(&head),
                None if has_room => drop(self.heads.insert(author, head)),
                None => {}
            }
        }
        Ok(())
    }

    /// Everybody who has a directory here.
    pub(crate) fn authors(&self) -> impl Iterator<Item = AuthorId> + '_ {
        self.authors.keys().copied()
    }

    /// Whether any message lies here, by names.
    pub(crate) fn has_messages(&self) -> bool {
        self.authors.values().any(|row| !row.runs.is_empty())
    }

    /// Whether not everything of an author could be looked at.
    pub(crate) fn is_closed(&self, author: AuthorId) -> bool {
        self.closed.contains(&author)
    }

    /// The messages of an author that lie here, by names. Of one of whom not everything could be looked at, any may lie here.
    pub(crate) fn runs(&self, author: AuthorId) -> &[RangeInclusive<u64>] {
        const ANY: &[RangeInclusive<u64>] = &[1..=u64::MAX];
        if self.closed.contains(&author) {
            return ANY;
        }
        self.authors.get(&author).map(|row| row.runs.as_slice()).unwrap_or_default()
    }

    /// Whether a message lies here, by its name.
    pub(crate) fn has(&self, id: MessageId) -> bool {
        let runs = self.runs(id.author);
        let at = runs.partition_point(|run| *run.end() < id.counter);
        runs.get(at).is_some_and(|run| run.contains(&id.counter))
    }

    /// Reads the messages that lie here under an id, once: usually one, and none when that cannot be read now. Others in the
    /// same files are given as well.
    pub(crate) fn read(&self, fs: &F, id: MessageId) -> Vec<(MessageId, Named)> {
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        read.entry(id).or_insert_with(|| self.read_anew(fs, id)).clone()
    }

    fn read_anew(&self, fs: &F, id: MessageId) -> Vec<(MessageId, Named)> {
        let Some(row) = self.authors.get(&id.author) else { return Vec::new() };
        let mut found = Vec::new();
        let mut read = |dir: &OsStr, name: &OsStr| {
            let Ok(dir) = fs.open_dir(&self.dir, dir) else { return };
            let Ok(file) = read_bare(fs, &dir, name, limit(name), false) else { return };
            for decoded in frames_of(file.bytes) {
                let Decoded::Whole(frame) = decoded else { continue };
                if frame.id().author == id.author {
                    found.push((frame.id(), (frame.digest(), frame.message().causes().collect())));
                }
            }
        };
        if row.has_own {
            read(OsStr::new(&id.author.to_string()), OsStr::new(CounterName::new(id.counter).as_str()));
        }
        for other in row.others.iter().filter(|it| it.holds.contains(&id.counter)) {
            read(&other.dir, &other.name);
        }
        found
    }
}

/// The directories in a directory in which members' messages lie: their own, relays, and copies of them.
pub(crate) fn members<F: Fs>(fs: &F, dir: &F::Dir) -> io::Result<Vec<(OsString, AuthorId)>> {
    let mut members = Vec::new();
    fs.list(dir, &mut |name| {
        if let Some(author) = DirName::parse(name).author() {
            members.push((name.to_owned(), author));
        }
        members.len() < AUTHORS
    })?;
    members.sort();
    Ok(members)
}

/// Whether something in a directory has the name of a member; of the first so many names.
pub(crate) fn has_members<F: Fs>(fs: &F, dir: &F::Dir, most: usize) -> io::Result<bool> {
    let (mut left, mut found) = (most, false);
    fs.list(dir, &mut |name| {
        found |= !matches!(DirName::parse(name), DirName::Foreign);
        left = left.saturating_sub(1);
        !found && left > 0
    })?;
    Ok(found)
}

impl Mark {
    /// What shows whether somebody has come or gone.
    pub(crate) fn of_names(&self) -> Self {
        Self(self.0.iter().take(1).cloned().collect())
    }

    /// What shows now whether something has changed.
    pub(crate) fn now<F: Fs>(&self, fs: &F, dir: &F::Dir) -> io::Result<Self> {
        let mut mark = vec![(OsString::new(), fs.stat_dir(dir)?.version())];
        for (name, _) in self.0.iter().skip(1) {
            if let Ok(stat) = fs.stat(dir, name) {
                mark.push((name.clone(), stat.version()));
            }
        }
        Ok(Self(mark))
    }
}

/// The authors whose messages lie in one of several directories.
pub(crate) fn authors_of<F: Fs>(shelves: &[Shared<F>]) -> BTreeSet<AuthorId> {
    shelves.iter().flat_map(|shelf| shelf.authors()).collect()
}
