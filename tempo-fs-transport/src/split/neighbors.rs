//! The directories beside the session's folder in which there are members, and what each is to the session. Also those that lie
//! in the folder, or in one beside it with a name like its: they are named by their paths.
//!
//! Nothing about them is an error. One that does not answer keeps only itself waiting; until it has, nothing in it is read.

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::{OsStr, OsString},
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use tempo_message::{AuthorId, FileType, PendingReason, planted};

use crate::{
    format::{
        name::DirName,
        split::{Hint, hint},
    },
    fs::{
        calls::{About, Calls, no_answer},
        error::{is_absence, unreadable},
        port::{Fs, Identity, Stat},
    },
    scan::{author_dir::Freshness, listing::list_names, root::Root},
    split::{
        contents::{Mark, Shared, Shelf, has_members},
        decisions::{Decision, Decisions, Said, Side},
        relation::{Kin, compare},
    },
};

/// The directories beside the folder.
#[derive(Debug)]
pub(crate) struct Siblings {
    /// Where the folder is: the directory that holds it, and its name there. Without them nothing is looked for.
    pub(crate) home: Option<(PathBuf, OsString)>,
    decisions: Option<Decisions>,
    found: BTreeMap<Arc<OsStr>, Sibling>,
    /// Those with names like the folder's that cannot be looked into now, and why.
    pub(crate) closed: BTreeMap<Arc<OsStr>, PendingReason>,
    /// So many more were found than are looked into.
    pub(crate) too_many: u64,
    freshness: Freshness,
    looked_at: Option<Duration>,
    /// What the session is called by most of its members, if it has parts.
    pub(crate) called: Option<String>,
}

#[derive(Debug)]
struct Sibling {
    identity: Identity,
    hint: Hint,
    kin: Kin,
    /// Those in it whose messages are read, as far as it is a part.
    admitted: BTreeSet<AuthorId>,
    mark: Option<Mark>,
    judged_at: Option<Duration>,
}

/// So many directories with names like the folder's are looked into, and others that may hold members.
const LIKE_IT: usize = 64;
const OTHERS: usize = 256;
/// So many names in a directory are looked at, to see whether it holds members.
const NAMES_IN_IT: usize = 1024;
/// So many others in the folder, or in a directory with a name like its, are looked at for the same.
const INSIDE: usize = 64;
/// So many names in the directory that holds the folder are looked at.
const NAMES: usize = 65_536;
/// How long that directory is left alone after a look: it may be a busy one, and is not ours.
const PAUSE: Duration = Duration::from_secs(2);
/// How long a judgment about what is no part holds at least.
const BUSY: Duration = Duration::from_secs(10);
/// How long a judgment holds although nothing seems to have changed.
const JUDGED: Duration = Duration::from_secs(30);

/// An opened directory in which siblings are.
type Around<F> = Arc<<F as Fs>::Dir>;

impl Siblings {
    /// Nothing looked at yet.
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

    /// The parts of the session, with those whose messages are read there.
    pub(crate) fn parts(&self) -> impl Iterator<Item = (&Arc<OsStr>, Identity, &BTreeSet<AuthorId>)> {
        let parts = self.found.iter().filter(|(_, sibling)| sibling.kin == Kin::Part);
        parts.map(|(name, sibling)| (name, sibling.identity, &sibling.admitted))
    }

    /// The names of those that are this.
    pub(crate) fn names_of(&self, kin: Kin) -> impl Iterator<Item = &OsStr> {
        self.found.iter().filter(move |(_, sibling)| sibling.kin == kin).map(|(name, _)| &**name)
    }

    /// Looks which there are, and what has changed in them.
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
        // When the directory cannot be opened or listed, what is known stays.
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
        for (name, sibling) in self.found.iter().filter(|(_, sibling)| sibling.hint != Hint::Nothing) {
            if sibling.judged_at.is_some() {
                self.closed.remove(name);
            } else {
                self.closed.entry(Arc::clone(name)).or_insert_with(|| unreadable(&no_answer()));
            }
        }
    }

    /// Whether a sibling is to be judged anew.
    fn is_due<F: Fs>(&self, calls: &mut Calls<F>, dir: &Around<F>, name: &Arc<OsStr>, now: Duration) -> bool {
        let Some(Sibling { kin, hint, mark, judged_at: Some(judged_at), .. }) = self.found.get(name) else {
            return true;
        };
        if *judged_at + JUDGED <= now {
            return true;
        }
        // Where others write all the time, the folder is not listed again for each message.
        let mark = match kin {
            Kin::Part => mark.as_ref().map(Mark::of_names),
            Kin::Copy | Kin::Contained if now < *judged_at + BUSY => None,
            _ => mark.clone(),
        };
        let Some(mark) = mark.filter(|_| *kin != Kin::Other || *hint != Hint::Nothing) else { return false };
        let (dir, own) = (Arc::clone(dir), Arc::clone(name));
        let is_changed = calls.run(About::Directory(name.to_os_string()), move |fs| {
            let sibling = enter(fs, &dir, &own)?;
            io::Result::Ok(mark.now(fs, &sibling)? != mark)
        });
        is_changed.flatten().unwrap_or(false)
    }

    /// Lists the directory that holds the folder.
    fn find<F: Fs>(&mut self, calls: &mut Calls<F>, main: &Root<F>, dir: &Around<F>, own: &OsStr) -> io::Result<()> {
        let (mut names, mut left, mut failed) = (Vec::new(), NAMES, Ok(()));
        let listed = Arc::clone(dir);
        calls.run_each(
            About::Folder,
            move |fs, outlet| list_names(fs, &listed, |names| outlet.put(names)),
            |some| {
                let some = some.unwrap_or_else(|error| {
                    failed = Err(error);
                    Vec::new()
                });
                left = left.saturating_sub(some.len());
                names.extend(some);
                left > 0
            },
        )?;
        failed?;
        names.sort();
        let least = if planted!(PieceByTable) { Hint::Continued } else { Hint::Nothing };
        let (like, others): (Vec<OsString>, Vec<OsString>) =
            names.into_iter().partition(|name| hint(name, own) > least);
        let others = if planted!(PieceByTable) { Vec::new() } else { others };
        let candidates = like.into_iter().chain(others.into_iter().take(OTHERS)).map(Arc::<OsStr>::from);
        let (mut there, mut doubtful) = (BTreeMap::new(), BTreeMap::new());
        let (main_dir, main_identity, parent) = (Arc::clone(&main.dir), main.stat.identity, Arc::clone(dir));
        let whole = own.to_owned();
        calls.ask_each(
            candidates,
            move |fs, name| {
                let stat = fs.stat(&parent, name)?;
                // Not for a link, whatever it leads to.
                if stat.file_type != FileType::Directory {
                    return Ok(Vec::new());
                }
                if stat.identity == main_identity && is_one(fs, &main_dir, (&parent, name))? {
                    return if name == whole { holders_in(fs, &main_dir, name) } else { Ok(Vec::new()) };
                }
                if stat.online_only {
                    return Ok(vec![(name.to_owned(), stat)]);
                }
                let sibling = fs.open_dir(&parent, name)?;
                if has_members(fs, &sibling, NAMES_IN_IT)? {
                    return Ok(vec![(name.to_owned(), stat)]);
                }
                if hint(name, &whole) == Hint::Nothing { Ok(Vec::new()) } else { holders_in(fs, &sibling, name) }
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
        self.found.retain(|name, sibling| {
            there.get(name).map_or_else(|| doubtful.contains_key(name), |identity| *identity == sibling.identity)
        });
        doubtful.retain(|name, _| hint(last(name), own) != Hint::Nothing);
        self.closed = doubtful;
        there.retain(|name, _| !self.found.contains_key(name));
        let room = LIKE_IT.saturating_sub(self.found.len());
        self.too_many = u64::try_from(there.len().saturating_sub(room)).unwrap_or(u64::MAX);
        // Those with names like the folder's go first.
        let mut new: Vec<_> =
            there.into_iter().map(|(name, identity)| (hint(last(&name), own), name, identity)).collect();
        new.sort_by_key(|&(hint, ..)| std::cmp::Reverse(hint));
        for (hint, name, identity) in new.into_iter().take(room) {
            let (kin, admitted) = (Kin::Other, BTreeSet::new());
            self.found.insert(name, Sibling { identity, hint, kin, admitted, mark: None, judged_at: None });
        }
        Ok(())
    }

    /// Compares those that are due with the folder and its parts, one after the other: a part may show that another one is
    /// one as well.
    fn judge<F: Fs>(
        &mut self,
        calls: &mut Calls<F>,
        main: &Root<F>,
        (dir, own): (&Around<F>, &OsStr),
        due: Vec<Arc<OsStr>>,
        now: Duration,
    ) {
        let root = Arc::clone(&main.dir);
        let silent = main.places.iter().filter(|(_, stat)| stat.is_err()).map(|(name, _)| Arc::clone(name)).collect();
        let Ok(main) = calls.run(About::Folder, move |fs| Shelf::look(fs, root, &silent)).flatten() else { return };
        let mut here = vec![Arc::new(main)];
        let said = self.decisions.as_ref().map(Decisions::read).unwrap_or_default();
        let mut looked: BTreeMap<Arc<OsStr>, Shared<F>> = BTreeMap::new();
        let parts: Vec<Arc<OsStr>> = self.parts().map(|(name, ..)| Arc::clone(name)).collect();
        for name in due.iter().chain(&parts) {
            let (dir, sibling) = (Arc::clone(dir), Arc::clone(name));
            let look = move |fs: &F| Shelf::look(fs, Arc::new(enter(fs, &dir, &sibling)?), &BTreeSet::new());
            if let Ok(shelf) = calls.run(About::Directory(name.to_os_string()), look).flatten() {
                looked.insert(Arc::clone(name), Arc::new(shelf));
            }
        }
        here.extend(parts.iter().filter(|name| !due.contains(name)).filter_map(|name| looked.get(name)).cloned());
        let mut open: Vec<Arc<OsStr>> = due.into_iter().filter(|name| looked.contains_key(name)).collect();
        loop {
            let before = here.len();
            open.retain(|name| {
                let (Some(there), Some(sibling)) = (looked.get(name), self.found.get_mut(name)) else { return false };
                let is_part = sibling.judge(calls, (name, there, &here), (own, &said), now);
                if is_part {
                    here.push(Arc::clone(there));
                }
                !is_part
            });
            if here.len() == before {
                break;
            }
        }
        self.called = (here.len() > 1).then(|| usual_name(&here)).flatten();
    }
}

impl Sibling {
    /// Judges it; whether it is a part. When there is no answer it stays what it was.
    fn judge<F: Fs>(
        &mut self,
        calls: &mut Calls<F>,
        (name, there, here): (&OsStr, &Shared<F>, &[Shared<F>]),
        (own, said): (&OsStr, &Said),
        now: Duration,
    ) -> bool {
        let side = |it: &Shelf<F>| Side { home: it.home, authors: it.authors().collect() };
        // A directory of local state has members as well, and no messages.
        let main = here.first().filter(|_| there.has_messages());
        let decided = main.and_then(|main| said.of(&side(main), &side(there)));
        if let Some(decision) = decided {
            self.kin = if decision == Decision::Join { Kin::Part } else { Kin::Copy };
            self.admitted = there.authors().collect();
        } else {
            let (theirs, here, hint) = (Arc::clone(there), here.to_vec(), self.hint);
            let own = own.to_string_lossy().into_owned();
            let compared =
                calls.run(About::Directory(name.to_owned()), move |fs| compare(fs, (&theirs, hint), (&here, &own)));
            let Ok(evidence) = compared else { return self.kin == Kin::Part };
            self.kin = evidence.judge();
            // Of one who comes later nothing is read before it was judged.
            let leaves_no_doubt = self.hint == Hint::Service || planted!(CopyIsPart);
            let agrees = |author: &AuthorId| leaves_no_doubt || evidence.agreeing.contains(author);
            self.admitted = there.authors().filter(agrees).collect();
        }
        (self.mark, self.judged_at) = (Some(there.mark.clone()), Some(now));
        self.kin == Kin::Part
    }
}

/// The directories in a directory that hold members, by their paths; nothing that is ours.
fn holders_in<F: Fs>(fs: &F, dir: &F::Dir, name: &OsStr) -> io::Result<Vec<(OsString, Stat)>> {
    let (mut names, mut left) = (Vec::new(), NAMES_IN_IT);
    fs.list(dir, &mut |name| {
        if DirName::parse(name) == DirName::Foreign && names.len() < INSIDE {
            names.push(name.to_owned());
        }
        left = left.saturating_sub(1);
        left > 0
    })?;
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

/// Opens a directory beside the folder, or one in such a directory.
fn enter<F: Fs>(fs: &F, dir: &F::Dir, path: &OsStr) -> io::Result<F::Dir> {
    let mut names = Path::new(path).iter();
    let first = fs.open_dir(dir, names.next().unwrap_or_default())?;
    names.try_fold(first, |dir, name| fs.open_dir(&dir, name))
}

/// The last name of a path.
fn last(path: &OsStr) -> &OsStr {
    Path::new(path).file_name().unwrap_or(path)
}

/// What most members call the session.
fn usual_name<F: Fs>(shelves: &[Shared<F>]) -> Option<String> {
    let mut votes: BTreeMap<&str, usize> = BTreeMap::new();
    for head in shelves.iter().flat_map(|shelf| shelf.heads.values()) {
        head.place.iter().for_each(|place| *votes.entry(place).or_default() += 1);
    }
    votes.into_iter().max_by_key(|&(_, votes)| votes).map(|(name, _)| name.to_owned())
}

/// Returns whether a directory and the one with this name, which have equal identities, are one. Identities may repeat, so their times
/// must be equal as well; the directory may change between the two looks.
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
