//! Reading the files that a scan has found: one of each author in turn, some ahead, none without a
//! time limit.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    ffi::{OsStr, OsString},
    sync::Arc,
    time::Duration,
};

use tempo_message::AuthorId;

use crate::{
    format::name::FileName,
    fs::{
        calls::{Calls, no_answer},
        error::{is_absence, unreadable},
        port::{Fs, Identity},
        worker::{Next, Outlet, Stream},
    },
    read::{
        collect::Work,
        file::{FileRead, read},
        merge::{AuthorDirs, Merge},
    },
    scan::{author_dir::Candidate, findings::Finding, folder::Folder, root::Locator},
};

/// Reads the files of one folder.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    /// Online-only files are opened, which makes the service fetch them.
    fetch: bool,
    /// The files that are being read, in turn.
    batches: VecDeque<Batch>,
    /// Calls that have not ended, and whose results are not wanted.
    abandoned: Vec<Files>,
    /// Reads that are late, by directory and file.
    late: BTreeMap<(Arc<OsStr>, OsString), Late>,
    merge: Merge,
    /// The folder that all of these belong to.
    within: Option<Identity>,
}

/// Files that one call reads.
#[derive(Debug)]
struct Batch {
    turns: VecDeque<Turn>,
    /// `None` until the call is made.
    files: Option<Files>,
}

/// A file to be read.
#[derive(Debug)]
struct Turn {
    author: AuthorId,
    dir: Arc<OsStr>,
    item: Candidate,
}

#[derive(Debug)]
struct Late {
    author: AuthorId,
    item: Candidate,
    files: Files,
}

/// Files one after the other; `None` for one whose directory is gone.
type Files = Stream<Option<FileRead>>;

/// The files that are left to be read in one collect.
#[derive(Debug, Default)]
struct Agenda {
    authors: BTreeMap<AuthorId, Author>,
    /// The authors with more files, those with the fewest files open or being read first, and otherwise in turn.
    turns: BTreeSet<(usize, bool, AuthorId)>,
    /// The files that are open or being read, by directory.
    begun: BTreeMap<Arc<OsStr>, BTreeSet<OsString>>,
}

#[derive(Debug, Default)]
struct Author {
    /// The directories, each with the last file that was chosen in it.
    dirs: Vec<(Arc<OsStr>, Option<Candidate>)>,
    /// The next file, and the index of its directory.
    next: Option<(usize, Candidate)>,
    /// The files that were chosen and have not come.
    coming: usize,
    /// The files that were open when the collect began.
    open: usize,
    late: usize,
}

/// The most calls that read at once.
const BATCHES: usize = 4;
/// The most files that one call reads. With this many messages in them it gets no more: large packs are read, and their
/// digests checked, by several threads.
const FILES: usize = 64;
const MESSAGES: u64 = 1024;
/// The most directories that a call keeps open.
const OPEN: usize = 32;
/// With this many late reads of one author, no other one of that author is begun.
const LATE_OF_ONE: usize = 2;

impl Reader {
    /// `fetch` has online-only files read as well.
    pub(crate) fn new(fetch: bool) -> Self {
        Self { fetch, ..Self::default() }
    }

    /// Returns whether a read is late.
    pub(crate) fn is_waiting(&self) -> bool {
        !self.late.is_empty()
    }

    /// Returns whether something is open or being read.
    pub(crate) fn is_busy(&self) -> bool {
        self.is_reading() || !self.merge.is_empty()
    }

    fn is_reading(&self) -> bool {
        self.batches.iter().any(|batch| !batch.turns.is_empty())
    }

    /// Abandons what is being read, so that no handle stays open.
    pub(crate) fn rest(&mut self) {
        self.abandoned.extend(self.batches.drain(..).filter_map(|batch| batch.files));
        self.abandoned.retain(|files| !files.leave());
    }

    /// Reads until the budget is used up or nothing is left.
    pub(crate) fn read<F: Fs>(&mut self, folder: &mut Folder<F>, work: &mut Work<'_>, now: Duration) {
        if self.within.replace(folder.identity).is_some_and(|before| before != folder.identity) {
            self.rest();
            self.merge = Merge::default();
        }
        if work.looks_anew() {
            // What was read before may have changed since.
            self.rest();
        }
        if !work.is_in_haste() {
            folder.author_dirs.values_mut().for_each(|author_dir| author_dir.unpark(work.most()));
        }
        let mut agenda = self.agenda(folder, now);
        self.merge.begin(agenda.authors.iter().filter(|(_, author)| author.is_awaited()).map(|(id, _)| *id));
        self.take_late(&mut folder.author_dirs, work);
        self.merge.hand_up(true, work, &mut folder.author_dirs);
        while !work.is_exhausted() {
            // In haste one call does it, so that one has to be waited for when nothing answers.
            let most = if work.is_in_haste() { 1 } else { BATCHES };
            self.start(most, &mut agenda, folder);
            let Some((turn, next)) = self.next(&agenda, &mut folder.calls) else { break };
            self.take(turn, next, &mut agenda, folder, work, now);
            self.merge.hand_up(true, work, &mut folder.author_dirs);
        }
        self.merge.hand_up(false, work, &mut folder.author_dirs);
        let is_cut = work.is_exhausted() && (!agenda.turns.is_empty() || self.is_reading());
        work.done.collected.more |= is_cut || !self.merge.is_empty();
        work.done.collected.more |= folder.author_dirs.values().any(|author_dir| author_dir.has_overflowed());
        if !work.done.collected.more {
            self.rest();
            folder.watch();
        }
    }

    /// Returns the files to read. The authors take turns, beginning after the one that was served last. None gets ahead
    /// of the others, because its messages would only wait for theirs.
    fn agenda<F: Fs>(&self, folder: &mut Folder<F>, now: Duration) -> Agenda {
        let Folder { calls, author_dirs, .. } = folder;
        let mut agenda = Agenda::default();
        for ((dir, name), late) in &self.late {
            agenda.authors.entry(late.author).or_default().late += 1;
            if let Some(author_dir) = author_dirs.get_mut(dir) {
                author_dir.done(&late.item);
                author_dir.findings.put(name, None, Finding::Pending(unreadable(&no_answer())), now);
            }
        }
        for turn in self.batches.iter().flat_map(|batch| &batch.turns) {
            agenda.authors.entry(turn.author).or_default().coming += 1;
            agenda.begun.entry(Arc::clone(&turn.dir)).or_default().insert(turn.item.name.clone());
        }
        for opened in self.merge.files() {
            let (dir, name) = opened.place();
            agenda.authors.entry(opened.author).or_default().open += 1;
            agenda.begun.entry(Arc::clone(dir)).or_default().insert(name.clone());
        }
        for (name, author_dir) in author_dirs.iter().filter(|(_, author_dir)| author_dir.is_midway()) {
            if !calls.is_directory_late(name) {
                agenda.authors.entry(author_dir.author).or_default().dirs.push((Arc::clone(name), None));
            }
        }
        for (id, author) in &mut agenda.authors {
            author.advance(author_dirs, &agenda.begun);
            let was_served = self.merge.turn().is_some_and(|turn| *id <= turn);
            agenda.turns.extend(author.next.as_ref().map(|_| (author.coming + author.open, was_served, *id)));
        }
        agenda
    }

    /// Has the next files read, as far as calls may be made.
    fn start<F: Fs>(&mut self, most: usize, agenda: &mut Agenda, folder: &mut Folder<F>) {
        self.abandoned.retain(|files| !files.leave());
        while self.batches.len() < most && !agenda.turns.is_empty() {
            let turns = agenda.choose(&folder.author_dirs);
            self.batches.push_back(Batch { turns, files: None });
        }
        let running = self.batches.iter().filter(|batch| batch.files.is_some()).count();
        let others = self.late.len() + self.abandoned.len() + running;
        let room = folder.calls.room_beside(others);
        for batch in self.batches.iter_mut().filter(|batch| batch.is_to_begin()).take(room) {
            let files: Vec<_> =
                batch.turns.iter().map(|turn| (Arc::clone(&turn.dir), turn.item.name.clone())).collect();
            let (locator, fetch) = (folder.locator(batch.turns.iter().map(|turn| &turn.dir)), self.fetch);
            // What cannot be begun is found again by the next scan.
            batch.files = folder.calls.start(move |fs, outlet| read_all(fs, &locator, files, fetch, outlet)).ok();
        }
    }

    /// Returns the next file in turn and its outcome; `None` when no file is being read.
    fn next<F: Fs>(&mut self, agenda: &Agenda, calls: &mut Calls<F>) -> Option<(Turn, Next<Option<FileRead>>)> {
        loop {
            let batch = self.batches.front_mut()?;
            if batch.turns.is_empty() {
                // The thread of the call is free.
                batch.files.as_mut().map(|files| calls.next(files));
                self.batches.pop_front();
                continue;
            }
            // Without a call, it is begun as soon as there is room, perhaps by another collect.
            let files = batch.files.as_mut()?;
            let turn = batch.turns.pop_front()?;
            let is_stuck = agenda.authors.get(&turn.author).is_some_and(Author::is_stuck);
            let next = if is_stuck { files.poll() } else { calls.next(files) };
            if let Next::End = next {
                // What the call has left out is found again by the next scan.
                batch.turns.clear();
            }
            return Some((turn, next));
        }
    }

    /// Takes what has come of a file.
    fn take<F: Fs>(
        &mut self,
        turn: Turn,
        next: Next<Option<FileRead>>,
        agenda: &mut Agenda,
        folder: &mut Folder<F>,
        work: &mut Work<'_>,
        now: Duration,
    ) {
        let Turn { author, dir, item } = turn;
        let of_author = agenda.authors.entry(author).or_default();
        of_author.coming = of_author.coming.saturating_sub(1);
        let author_dir = folder.author_dirs.get_mut(&dir);
        match (next, author_dir) {
            (Next::Item(Some(file)), Some(author_dir)) => {
                if let Some(opened) = work.open((dir, item), file, author_dir) {
                    self.merge.put(opened, work, &mut folder.author_dirs);
                }
            }
            // A directory that is gone is missed by the next scan.
            (Next::Item(_) | Next::End, _) => {}
            (Next::Late, author_dir) => {
                of_author.late += if work.is_in_haste() { LATE_OF_ONE } else { 1 };
                // Another call reads those behind it.
                let files = self.batches.front_mut().and_then(|batch| batch.files.take());
                if of_author.is_stuck() {
                    of_author.next = None;
                    for batch in self.batches.iter_mut().filter(|batch| batch.is_to_begin()) {
                        batch.turns.retain(|turn| turn.author != author);
                    }
                }
                if let (Some(files), Some(author_dir)) = (files, author_dir) {
                    author_dir.findings.put(&item.name, None, Finding::Pending(unreadable(&no_answer())), now);
                    author_dir.done(&item);
                    self.late.insert((dir, item.name.clone()), Late { author, item, files });
                }
            }
        }
        if !of_author.is_awaited() {
            self.merge.forgo(author);
        }
    }

    /// Takes what was late and has come.
    fn take_late(&mut self, author_dirs: &mut AuthorDirs, work: &mut Work<'_>) {
        let merge = &mut self.merge;
        self.late.retain(|(dir, _), late| match late.files.poll() {
            Next::Late => true,
            Next::End => false,
            Next::Item(file) => {
                if let (Some(file), Some(author_dir)) = (file, author_dirs.get_mut(dir))
                    && let Some(opened) = work.open((Arc::clone(dir), late.item.clone()), file, author_dir)
                {
                    merge.put(opened, work, author_dirs);
                }
                false
            }
        });
    }
}

impl Batch {
    fn is_to_begin(&self) -> bool {
        self.files.is_none() && !self.turns.is_empty()
    }
}

impl Agenda {
    /// Chooses the next files: one of each author, in the order of their counters.
    fn choose(&mut self, author_dirs: &AuthorDirs) -> VecDeque<Turn> {
        let mut chosen = VecDeque::new();
        let mut messages: u64 = 0;
        while chosen.len() < FILES
            && messages < MESSAGES
            && let Some((begun, was_served, id)) = self.turns.pop_first()
        {
            let Some(author) = self.authors.get_mut(&id) else { continue };
            let Some((at, item)) = author.next.take() else { continue };
            if let Some((dir, last)) = author.dirs.get_mut(at) {
                if let FileName::Pack(first, last) = FileName::parse(&item.name) {
                    // The name may claim any numbers.
                    messages = messages.saturating_add(last - first);
                }
                *last = Some(item.clone());
                chosen.push_back(Turn { author: id, dir: Arc::clone(dir), item });
                author.coming += 1;
            }
            author.advance(author_dirs, &self.begun);
            self.turns.extend(author.next.as_ref().map(|_| (begun + 1, was_served, id)));
        }
        chosen
    }
}

impl Author {
    /// Finds its next file.
    fn advance(&mut self, author_dirs: &AuthorDirs, begun: &BTreeMap<Arc<OsStr>, BTreeSet<OsString>>) {
        let first_in = |(at, (dir, last)): (usize, &(Arc<OsStr>, Option<Candidate>))| {
            let begun = begun.get(dir);
            let mut items = author_dirs.get(dir)?.items_after(last.as_ref());
            items.find(|item| begun.is_none_or(|begun| !begun.contains(&item.name))).map(|item| (item, at))
        };
        let next = self.dirs.iter().enumerate().filter_map(first_in).min();
        self.next = next.filter(|_| !self.is_stuck()).map(|(item, at)| (at, item.clone()));
    }

    fn is_stuck(&self) -> bool {
        self.late >= LATE_OF_ONE
    }

    fn is_awaited(&self) -> bool {
        !self.is_stuck() && (self.coming > 0 || self.next.is_some())
    }
}

/// Reads files one after the other.
fn read_all<F: Fs>(
    fs: &F,
    locator: &Locator,
    files: Vec<(Arc<OsStr>, OsString)>,
    fetch: bool,
    outlet: &mut Outlet<Option<FileRead>>,
) {
    let root = match locator.open_here(fs) {
        Ok(Some(root)) => root,
        Err(error) if !is_absence(&error) => {
            let _ = files.iter().all(|_| outlet.put(Some(FileRead::failed(&error, fs.now()))));
            return;
        }
        Ok(None) | Err(_) => return,
    };
    let mut dirs: BTreeMap<Arc<OsStr>, F::Dir> = BTreeMap::new();
    for (dir, name) in files {
        let mut failed = None;
        if !dirs.contains_key(&dir) {
            if dirs.len() >= OPEN {
                dirs.clear();
            }
            match fs.open_dir(&root, &dir) {
                Ok(opened) => drop(dirs.insert(Arc::clone(&dir), opened)),
                Err(error) => failed = Some(error).filter(|error| !is_absence(error)),
            }
        }
        let file = match dirs.get(&dir) {
            Some(dir) => Some(read(fs, (dir, &name), fetch)),
            None => failed.map(|error| FileRead::failed(&error, fs.now())),
        };
        let weight = file.as_ref().map_or(0, FileRead::weight);
        if !outlet.put_heavy(file, weight) {
            break;
        }
    }
}
