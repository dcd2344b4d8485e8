//! The contents of a directory of members, by file names, and single messages on request.

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
    fs::port::{Fs, Version, names_in},
    local::home::Home,
    read::file::{frames_of, read_bare, read_head},
};

/// The contents of a directory of members.
#[derive(Debug)]
pub(crate) struct Contents<F: Fs> {
    dir: Arc<F::Dir>,
    /// The identity of the directory, if known.
    pub(crate) home: Option<Home>,
    /// The versions that show most changes.
    pub(crate) versions: Versions,
    authors: BTreeMap<AuthorId, Member>,
    pub(crate) heads: BTreeMap<AuthorId, Head>,
    /// The authors whose files could not all be examined.
    closed: BTreeSet<AuthorId>,
    /// The messages that were read, by the one that was asked for: several ask for the same ones.
    read: Mutex<BTreeMap<MessageId, Vec<(MessageId, Named)>>>,
}

/// The versions of a directory and of those in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Versions(Vec<(OsString, Version)>);

/// Contents that are shared between comparisons.
pub(crate) type Shared<F> = Arc<Contents<F>>;

/// The digest of a message and its causes.
pub(crate) type Named = (Digest, Vec<Parent>);

/// Ascending ranges of counters that do not touch.
pub(crate) type Runs = Vec<RangeInclusive<u64>>;

/// The files of one author.
#[derive(Debug, Default)]
struct Member {
    runs: Runs,
    /// The author's own directory is here.
    has_own: bool,
    /// The files that cannot be found by counter in the author's own directory.
    others: Vec<Other>,
}

#[derive(Debug)]
struct Other {
    holds: RangeInclusive<u64>,
    dir: Arc<OsStr>,
    name: OsString,
}

/// The most directories of members that are examined.
const AUTHORS: usize = 4096;
/// The most names of one of them.
const MESSAGES: usize = 1 << 20;
/// The most files of an author that are remembered because they cannot be found by counter.
const OTHERS: usize = 4096;
/// The most heads that are read.
const HEADS: usize = 256;

impl<F: Fs> Contents<F> {
    /// Reads the names in a directory. Only heads are opened, and nothing that is online-only.
    /// Directories that were `silent` before are not asked.
    pub(crate) fn look(fs: &F, dir: Arc<F::Dir>, silent: &BTreeSet<Arc<OsStr>>) -> io::Result<Self> {
        let stat = fs.stat_dir(&dir)?;
        let mut folder = Self {
            home: Home::opened(fs, &dir, &stat),
            versions: Versions(vec![(OsString::new(), stat.version())]),
            authors: BTreeMap::new(),
            heads: BTreeMap::new(),
            closed: BTreeSet::new(),
            read: Mutex::default(),
            dir,
        };
        for (name, author) in members(fs, &folder.dir)? {
            if silent.contains(&*name) {
                folder.closed.insert(author);
                continue;
            }
            let looked = fs.stat(&folder.dir, &name).and_then(|stat| {
                if stat.file_type == FileType::Directory && !stat.online_only {
                    folder.versions.0.push((name.clone(), stat.version()));
                    let dir = fs.open_dir(&folder.dir, &name)?;
                    folder.take(fs, &dir, &name, author)?;
                }
                Ok(stat.online_only)
            });
            // The report names it where it is to be read.
            if !looked.is_ok_and(|is_elsewhere| !is_elsewhere) {
                folder.closed.insert(author);
            }
        }
        for member in folder.authors.values_mut() {
            member.runs = union(std::mem::take(&mut member.runs));
        }
        Ok(folder)
    }

    fn take(&mut self, fs: &F, dir: &F::Dir, name: &OsStr, author: AuthorId) -> io::Result<()> {
        let is_own = DirName::parse(name) == DirName::Author(author);
        let (member, place) = (self.authors.entry(author).or_default(), Arc::<OsStr>::from(name));
        member.has_own |= is_own;
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
            member.runs.push(holds.clone());
            if member.runs.len() >= MESSAGES {
                return false;
            }
            let is_other = !is_own || !matches!(FileName::parse(name), FileName::Message(_));
            if is_other && member.others.len() < OTHERS {
                member.others.push(Other { holds, dir: Arc::clone(&place), name: name.to_owned() });
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

    /// Returns the authors with a directory here.
    pub(crate) fn authors(&self) -> impl Iterator<Item = AuthorId> + '_ {
        self.authors.keys().copied()
    }

    /// Returns whether any message is here, by names.
    pub(crate) fn has_messages(&self) -> bool {
        self.authors.values().any(|member| !member.runs.is_empty())
    }

    /// Returns whether some files of an author could not be examined.
    pub(crate) fn is_closed(&self, author: AuthorId) -> bool {
        self.closed.contains(&author)
    }

    /// Returns the messages of an author that are here, by names. Where some files could not be
    /// examined, any may be here.
    pub(crate) fn runs(&self, author: AuthorId) -> &[RangeInclusive<u64>] {
        const ANY: &[RangeInclusive<u64>] = &[1..=u64::MAX];
        if self.closed.contains(&author) {
            return ANY;
        }
        self.authors.get(&author).map(|member| member.runs.as_slice()).unwrap_or_default()
    }

    /// Returns whether a message is here, by its name.
    pub(crate) fn has(&self, id: MessageId) -> bool {
        let runs = self.runs(id.author);
        let at = runs.partition_point(|run| *run.end() < id.counter);
        runs.get(at).is_some_and(|run| run.contains(&id.counter))
    }

    /// Reads the messages with an id, once: usually one, or none when it cannot be read now. Other
    /// messages of the same files are returned as well.
    pub(crate) fn read(&self, fs: &F, id: MessageId) -> Vec<(MessageId, Named)> {
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        read.entry(id).or_insert_with(|| self.read_anew(fs, id)).clone()
    }

    fn read_anew(&self, fs: &F, id: MessageId) -> Vec<(MessageId, Named)> {
        let Some(member) = self.authors.get(&id.author) else { return Vec::new() };
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
        if member.has_own {
            read(OsStr::new(&id.author.to_string()), OsStr::new(CounterName::new(id.counter).as_str()));
        }
        for other in member.others.iter().filter(|it| it.holds.contains(&id.counter)) {
            read(&other.dir, &other.name);
        }
        found
    }
}

/// Returns the directories with messages of members: their own, relays, and copies of them.
pub(crate) fn members<F: Fs>(fs: &F, dir: &F::Dir) -> io::Result<Vec<(OsString, AuthorId)>> {
    let member = |name: &OsStr| DirName::parse(name).author().map(|author| (name.to_owned(), author));
    let mut members = names_in(fs, dir, AUTHORS, member)?;
    members.sort();
    Ok(members)
}

/// Returns whether one of the first `most` names in a directory is that of a member.
pub(crate) fn has_members<F: Fs>(fs: &F, dir: &F::Dir, most: usize) -> io::Result<bool> {
    let (mut left, mut found) = (most, false);
    fs.list(dir, &mut |name| {
        found |= !matches!(DirName::parse(name), DirName::Foreign);
        left = left.saturating_sub(1);
        !found && left > 0
    })?;
    Ok(found)
}

impl Versions {
    /// Returns the version that shows whether members came or left.
    pub(crate) fn of_names(&self) -> Self {
        Self(self.0.iter().take(1).cloned().collect())
    }

    /// Returns the versions now.
    pub(crate) fn now<F: Fs>(&self, fs: &F, dir: &F::Dir) -> io::Result<Self> {
        let mut versions = vec![(OsString::new(), fs.stat_dir(dir)?.version())];
        for (name, _) in self.0.iter().skip(1) {
            if let Ok(stat) = fs.stat(dir, name) {
                versions.push((name.clone(), stat.version()));
            }
        }
        Ok(Self(versions))
    }
}

/// Returns the authors in several directories.
pub(crate) fn authors_of<F: Fs>(folders: &[Shared<F>]) -> BTreeSet<AuthorId> {
    folders.iter().flat_map(|folder| folder.authors()).collect()
}
