//! The directories of members beside the session's folder, and the relation of each to the session.
//! Directories inside the folder, or inside a neighbor with a name like the folder's, count as well:
//! they are named by their paths.
//!
//! Problems with them are not errors. A directory that does not answer delays only itself; until it
//! answers, nothing in it is read.

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::{OsStr, OsString},
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use tempo_message::{AuthorId, FileType, Head, PendingReason, planted};

use crate::{
    format::{
        name::DirName,
        split::{Hint, hint},
    },
    fs::{
        calls::{About, Calls, no_answer},
        error::{is_absence, unreadable},
        port::{Fs, Identity, Stat, names_in},
    },
    scan::{author_dir::Freshness, listing::list_each, root::Root},
    split::{
        contents::{Contents, Shared, Versions, has_members},
        decisions::{Decision, Decisions, Said, Side},
        relation::{Relation, compare},
    },
};

/// The directories beside the folder.
#[derive(Debug)]
pub(crate) struct Neighbors {
    /// The directory that holds the folder, and the folder's name in it. Without them there are no
    /// neighbors.
    pub(crate) home: Option<(PathBuf, OsString)>,
    decisions: Option<Decisions>,
    found: BTreeMap<Arc<OsStr>, Neighbor>,
    /// The neighbors with names like the folder's that cannot be examined now, and why.
    pub(crate) closed: BTreeMap<Arc<OsStr>, PendingReason>,
    /// The number of neighbors beyond [`LIKE_IT`].
    pub(crate) too_many: u64,
    freshness: Freshness,
    looked_at: Option<Duration>,
    /// The name that most members give the session, if it has parts.
    pub(crate) called: Option<String>,
}

#[derive(Debug)]
struct Neighbor {
    identity: Identity,
    hint: Hint,
    relation: Relation,
    /// The authors whose messages are read, if it is a part.
    admitted: BTreeSet<AuthorId>,
    versions: Option<Versions>,
    judged_at: Option<Duration>,
}

/// The most neighbors that are examined, and the most other directories that are checked for
/// members.
const LIKE_IT: usize = 64;
const OTHERS: usize = 256;
/// The most names of a directory that are checked for members.
const NAMES_IN_IT: usize = 1024;
/// The most directories inside the folder, or inside a neighbor with a name like its, that are
/// checked.
const INSIDE: usize = 64;
/// The most names that are read of the directory that holds the folder.
const NAMES: usize = 65_536;
/// The pause between two scans of that directory: it may be a busy one, and is not ours.
const PAUSE: Duration = Duration::from_secs(2);
/// The shortest time that a judgment about a copy is kept.
const BUSY: Duration = Duration::from_secs(10);
/// The longest time that a judgment is kept although nothing seems to have changed.
const JUDGED: Duration = Duration::from_secs(30);

/// The opened directory that holds the neighbors.
type Around<F> = Arc<<F as Fs>::Dir>;

impl Neighbors {
    /// Returns the neighbors of a folder, before the first scan.
    pub(crate) fn new<F: Fs>(fs: &F, folder: &Path, decisions: Option<PathBuf>) -> Self {
        // Parts are beside the folder itself, not beside a link to it.
        let real = fs.resolve(folder).unwrap_or_else(|_| folder.to_owned());
        let parent = real.parent().map(|parent| if parent == Path::new("") { Path::new(".") } else { parent });
        Self {
            home: parent.zip(real.file_name()).map(|(parent, name)| (parent.to_owned(), name.to_owned())),
            decisions: decisions.map(Decisions::new),
            found: BTreeMap::new(),
            closed: BTreeMap::new(),
            too_many: 0,
            freshness: Freshness::default(),
            looked_at: None,
            called: None,
        }
    }

    /// Returns the parts of the session, with the authors whose messages are read there.
    pub(crate) fn parts(&self) -> impl Iterator<Item = (&Arc<OsStr>, Identity, &BTreeSet<AuthorId>)> {
        let parts = self.found.iter().filter(|(_, neighbor)| neighbor.relation == Relation::Part);
        parts.map(|(name, neighbor)| (name, neighbor.identity, &neighbor.admitted))
    }

    /// Returns the names of the neighbors with this relation.
    pub(crate) fn names_of(&self, relation: Relation) -> impl Iterator<Item = &OsStr> {
        self.found.iter().filter(move |(_, neighbor)| neighbor.relation == relation).map(|(name, _)| &**name)
    }

    /// Scans for neighbors, and for changes in them.
    pub(crate) fn look<F: Fs>(&mut self, calls: &mut Calls<F>, main: &Root<F>, full: bool, now: Duration) {
        if !full && self.looked_at.is_some_and(|looked_at| now < looked_at + PAUSE) {
            return;
        }
        self.looked_at = Some(now);
        let Some((parent, own)) = self.home.clone() else { return };
        let opened = calls.run(About::Folder, move |fs| {
            let dir = fs.open_root(&parent)?;
            let stat = fs.stat_dir(&dir)?;
            io::Result::Ok((Arc::new(dir), stat.version()))
        });
        // Until the directory can be opened and listed again, the neighbors stay as they are.
        let Ok((dir, version)) = opened.flatten() else { return };
        if full || self.freshness.is_due(version, now) {
            let at = calls.fs.now();
            if self.find(calls, main, &dir, &own).is_ok() {
                self.freshness.listed(version, at);
            }
        }
        let due: Vec<Arc<OsStr>> = self.found.keys().cloned().collect();
        let due: Vec<Arc<OsStr>> = due.into_iter().filter(|name| full || self.is_due(calls, &dir, name, now)).collect();
        if !due.is_empty() {
            self.judge(calls, main, (&dir, &own), due, now);
        }
        for (name, neighbor) in self.found.iter().filter(|(_, neighbor)| neighbor.hint != Hint::Nothing) {
            if neighbor.judged_at.is_some() {
                self.closed.remove(name);
            } else {
                self.closed.entry(Arc::clone(name)).or_insert_with(|| unreadable(&no_answer()));
            }
        }
    }

    /// Returns whether a neighbor is to be judged again.
    fn is_due<F: Fs>(&self, calls: &mut Calls<F>, dir: &Around<F>, name: &Arc<OsStr>, now: Duration) -> bool {
        let Some(Neighbor { relation, hint, versions, judged_at: Some(judged_at), .. }) = self.found.get(name) else {
            return true;
        };
        if *judged_at + JUDGED <= now {
            return true;
        }
        // Where others write all the time, the folder is not listed again for each message.
        let versions = match relation {
            Relation::Part => versions.as_ref().map(Versions::of_names),
            Relation::Copy | Relation::Contained if now < *judged_at + BUSY => None,
            _ => versions.clone(),
        };
        let Some(versions) = versions.filter(|_| *relation != Relation::Other || *hint != Hint::Nothing) else {
            return false;
        };
        let (dir, own) = (Arc::clone(dir), Arc::clone(name));
        let is_changed = calls.run(About::Directory(name.to_os_string()), move |fs| {
            let neighbor = enter(fs, &dir, &own)?;
            io::Result::Ok(versions.now(fs, &neighbor)? != versions)
        });
        is_changed.flatten().unwrap_or(false)
    }

    /// Lists the directory that holds the folder.
    fn find<F: Fs>(&mut self, calls: &mut Calls<F>, main: &Root<F>, dir: &Around<F>, own: &OsStr) -> io::Result<()> {
        let mut names = Vec::new();
        list_each(calls, About::Folder, dir, |some| {
            names.extend(some);
            names.len() < NAMES
        })?;
        names.sort();
        let least = if planted!(PartByTable) { Hint::Continued } else { Hint::Nothing };
        let (like, others): (Vec<OsString>, Vec<OsString>) =
            names.into_iter().partition(|name| hint(name, own) > least);
        let others = if planted!(PartByTable) { Vec::new() } else { others };
        let candidates = like.into_iter().chain(others.into_iter().take(OTHERS)).map(Arc::<OsStr>::from);
        let (mut there, mut doubtful) = (BTreeMap::new(), BTreeMap::new());
        let (main_dir, main_identity, parent) = (Arc::clone(&main.dir), main.stat.identity, Arc::clone(dir));
        let whole = own.to_owned();
        calls.ask_each(
            candidates,
            move |fs, name| {
                let stat = fs.stat(&parent, name)?;
                // Links do not count, wherever they lead.
                if stat.file_type != FileType::Directory {
                    return Ok(Vec::new());
                }
                if stat.identity == main_identity && is_one(fs, &main_dir, (&parent, name))? {
                    return if name == whole { holders_in(fs, &main_dir, name) } else { Ok(Vec::new()) };
                }
                if stat.online_only {
                    return Ok(vec![(name.to_owned(), stat)]);
                }
                let neighbor = fs.open_dir(&parent, name)?;
                if has_members(fs, &neighbor, NAMES_IN_IT)? {
                    return Ok(vec![(name.to_owned(), stat)]);
                }
                if hint(name, &whole) == Hint::Nothing { Ok(Vec::new()) } else { holders_in(fs, &neighbor, name) }
            },
            |name, answer| match answer {
                Ok(holders) => {
                    for (name, stat) in holders {
                        let name = Arc::<OsStr>::from(name);
                        if stat.online_only {
                            doubtful.insert(name, PendingReason::OnlineOnly);
                        } else {
                            there.insert(name, stat.identity);
                        }
                    }
                }
                Err(error) if is_absence(&error) => {}
                Err(error) => drop(doubtful.insert(name, unreadable(&error))),
            },
        );
        self.found.retain(|name, neighbor| {
            there.get(name).map_or_else(|| doubtful.contains_key(name), |identity| *identity == neighbor.identity)
        });
        doubtful.retain(|name, _| hint(last(name), own) != Hint::Nothing);
        self.closed = doubtful;
        there.retain(|name, _| !self.found.contains_key(name));
        let room = LIKE_IT.saturating_sub(self.found.len());
        self.too_many = u64::try_from(there.len().saturating_sub(room)).unwrap_or(u64::MAX);
        // Those with names like the folder's come first.
        let mut new: Vec<_> =
            there.into_iter().map(|(name, identity)| (hint(last(&name), own), name, identity)).collect();
        new.sort_by_key(|&(hint, ..)| std::cmp::Reverse(hint));
        for (hint, name, identity) in new.into_iter().take(room) {
            let (relation, admitted) = (Relation::Other, BTreeSet::new());
            self.found.insert(name, Neighbor { identity, hint, relation, admitted, versions: None, judged_at: None });
        }
        Ok(())
    }

    /// Compares the neighbors that are due with the folder and its parts, one after the other: a
    /// part may show that another neighbor is a part as well.
    fn judge<F: Fs>(
        &mut self,
        calls: &mut Calls<F>,
        main: &Root<F>,
        (dir, own): (&Around<F>, &OsStr),
        due: Vec<Arc<OsStr>>,
        now: Duration,
    ) {
        let root = Arc::clone(&main.dir);
        let silent =
            main.author_dirs.iter().filter(|(_, stat)| stat.is_err()).map(|(name, _)| Arc::clone(name)).collect();
        let Ok(main) = calls.run(About::Folder, move |fs| Contents::look(fs, root, &silent)).flatten() else { return };
        let mut here = vec![Arc::new(main)];
        let said = self.decisions.as_ref().map(Decisions::read).unwrap_or_default();
        let mut looked: BTreeMap<Arc<OsStr>, Shared<F>> = BTreeMap::new();
        let parts: Vec<Arc<OsStr>> = self.parts().map(|(name, ..)| Arc::clone(name)).collect();
        for name in due.iter().chain(&parts) {
            let (dir, neighbor) = (Arc::clone(dir), Arc::clone(name));
            let look = move |fs: &F| Contents::look(fs, Arc::new(enter(fs, &dir, &neighbor)?), &BTreeSet::new());
            if let Ok(folder) = calls.run(About::Directory(name.to_os_string()), look).flatten() {
                looked.insert(Arc::clone(name), Arc::new(folder));
            }
        }
        here.extend(parts.iter().filter(|name| !due.contains(name)).filter_map(|name| looked.get(name)).cloned());
        let mut open: Vec<Arc<OsStr>> = due.into_iter().filter(|name| looked.contains_key(name)).collect();
        loop {
            let before = here.len();
            open.retain(|name| {
                let (Some(there), Some(neighbor)) = (looked.get(name), self.found.get_mut(name)) else { return false };
                let is_part = neighbor.judge(calls, (name, there, &here), (own, &said), now);
                if is_part {
                    here.push(Arc::clone(there));
                }
                !is_part
            });
            if here.len() == before {
                break;
            }
        }
        // Authors that continue in a copy give it another name. They are no members of this session.
        let admitted = self.parts().filter_map(|(name, _, admitted)| Some((looked.get(name)?, admitted)));
        let in_parts =
            admitted.flat_map(|(part, admitted)| admitted.iter().filter_map(|author| part.heads.get(author)));
        let in_main = here.iter().take(1).flat_map(|main| main.heads.values());
        self.called = (here.len() > 1).then(|| usual_name(in_main.chain(in_parts))).flatten();
    }
}

impl Neighbor {
    /// Judges it, and returns whether it is a part. Without an answer its relation stays.
    fn judge<F: Fs>(
        &mut self,
        calls: &mut Calls<F>,
        (name, there, here): (&OsStr, &Shared<F>, &[Shared<F>]),
        (own, said): (&OsStr, &Said),
        now: Duration,
    ) -> bool {
        let side = |it: &Contents<F>| Side { home: it.home, authors: it.authors().collect() };
        // A directory of local state has members as well, and no messages.
        let main = here.first().filter(|_| there.has_messages());
        let decided = main.and_then(|main| said.of(&side(main), &side(there)));
        if let Some(decision) = decided {
            self.relation = if decision == Decision::Join { Relation::Part } else { Relation::Copy };
            self.admitted = there.authors().collect();
        } else {
            let (theirs, here, hint) = (Arc::clone(there), here.to_vec(), self.hint);
            let own = own.to_string_lossy().into_owned();
            let compared =
                calls.run(About::Directory(name.to_owned()), move |fs| compare(fs, (&theirs, hint), (&here, &own)));
            let Ok(evidence) = compared else { return self.relation == Relation::Part };
            self.relation = evidence.judge();
            // The messages of an author who comes later are read after the next judgment.
            let leaves_no_doubt = self.hint == Hint::Service || planted!(CopyIsPart);
            let agrees = |author: &AuthorId| leaves_no_doubt || evidence.agreeing.contains(author);
            self.admitted = there.authors().filter(agrees).collect();
        }
        (self.versions, self.judged_at) = (Some(there.versions.clone()), Some(now));
        self.relation == Relation::Part
    }
}

/// Returns the paths of the directories in a directory that hold members, except our own.
fn holders_in<F: Fs>(fs: &F, dir: &F::Dir, name: &OsStr) -> io::Result<Vec<(OsString, Stat)>> {
    let is_other = |name: &OsStr| (DirName::parse(name) == DirName::Foreign).then(|| name.to_owned());
    let names = names_in(fs, dir, INSIDE, is_other)?;
    let holder = |inner: OsString| {
        let stat =
            fs.stat(dir, &inner).ok().filter(|stat| stat.file_type == FileType::Directory && !stat.online_only)?;
        let holds = has_members(fs, &fs.open_dir(dir, &inner).ok()?, NAMES_IN_IT).ok()?;
        let mut path = name.to_owned();
        path.push("/");
        path.push(inner);
        holds.then_some((path, stat))
    };
    Ok(names.into_iter().filter_map(holder).collect())
}

/// Opens a neighbor by its path.
fn enter<F: Fs>(fs: &F, dir: &F::Dir, path: &OsStr) -> io::Result<F::Dir> {
    let mut names = Path::new(path).iter();
    let first = fs.open_dir(dir, names.next().unwrap_or_default())?;
    names.try_fold(first, |dir, name| fs.open_dir(&dir, name))
}

/// Returns the last name of a path.
fn last(path: &OsStr) -> &OsStr {
    Path::new(path).file_name().unwrap_or(path)
}

/// Returns the name that most heads give the session.
fn usual_name<'a>(heads: impl Iterator<Item = &'a Head>) -> Option<String> {
    let mut votes: BTreeMap<&str, usize> = BTreeMap::new();
    for head in heads {
        head.place.iter().for_each(|place| *votes.entry(place).or_default() += 1);
    }
    votes.into_iter().max_by_key(|&(_, votes)| votes).map(|(name, _)| name.to_owned())
}

/// Returns whether a directory and the one with this name are one. Their identities are equal, but
/// identities may repeat, so their times must be equal as well; the directory may change between two
/// looks.
fn is_one<F: Fs>(fs: &F, main: &F::Dir, (parent, name): (&F::Dir, &OsStr)) -> io::Result<bool> {
    const LOOKS: usize = 3;
    let named = fs.open_dir(parent, name)?;
    for _ in 0..LOOKS {
        if fs.stat_dir(main)?.version() == fs.stat_dir(&named)?.version() {
            return Ok(fs.made_ns(main) == fs.made_ns(&named));
        }
    }
    Ok(false)
}
