//! Reading the files that a look has chosen: one of each author in turn, some at a time, none waited for too long.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    ffi::OsString,
    sync::Arc,
    time::Duration,
};

use tempo_message::{AuthorId, PendingReason};

use crate::{
    Fs,
    buffer::Buffers,
    calls::{About, no_answer},
    door::Root,
    examine::{FileRead, read, unreadable},
    folder::Folder,
    merge::Merge,
    notes::Finding,
    offload::{Next, Outlet, Stream},
    place::Item,
    work::Work,
};

/// Whose turn it is, and what is late.
#[derive(Debug, Default)]
pub(crate) struct Reads {
    /// Online-only files are opened, which makes the service fetch them.
    fetch: bool,
    /// Who was served last when the budget was short.
    turn: Option<AuthorId>,
    /// Somebody was not served at all by the last collect that went by times.
    is_neglected: bool,
    merge: Merge,
    buffers: Buffers,
    ahead: Option<Ahead>,
    /// Reads that have not come back, by directory and file.
    late: BTreeMap<(OsString, OsString), Late>,
}

#[derive(Debug)]
struct Late {
    author: AuthorId,
    item: Item,
    stream: Stream<Option<FileRead>>,
}

/// Files that are being read, in this order, also between two collects.
#[derive(Debug)]
struct Ahead {
    turns: VecDeque<Turn>,
    stream: Stream<Option<FileRead>>,
}

/// A file that is to be read: the directory, the file, and where to go on.
type Turn = (OsString, Item, usize);

/// So many files are read by one call at most.
const AHEAD: usize = 256;
/// So many directories are kept open while their files are read.
const OPEN: usize = 32;
/// So many reads of one author may be late before no other one of that author is begun.
const LATE_OF_ONE: usize = 2;

impl Reads {
    /// Nothing read yet; `fetch`: also what is online only.
    pub(crate) fn new(fetch: bool) -> Self {
        Self { fetch, ..Self::default() }
    }

    /// Whether a read has not come back.
    pub(crate) fn is_waiting(&self) -> bool {
        !self.late.is_empty()
    }

    /// Nothing will be read for a while.
    pub(crate) fn rest(&self) {
        self.buffers.close();
    }

    /// Reads as far as the budget goes.
    pub(crate) fn read<F: Fs>(&mut self, folder: &mut Folder<F>, root: &Root<F>, work: &mut Work<'_>, now: Duration) {
        let most = work.most();
        for place in folder.places.values_mut() {
            place.unpark(most);
        }
        work.collected.more |= folder.places.values().any(|place| place.has_more_than(most));
        let (mut turns, cut) = self.in_turn(folder, most, now);
        let mut awaited: BTreeMap<AuthorId, usize> = BTreeMap::new();
        let ahead = self.ahead.iter().flat_map(|ahead| &ahead.turns);
        for author in ahead.chain(&turns).filter_map(|(name, ..)| folder.places.get(name)).map(|place| place.author) {
            *awaited.entry(author).or_default() += 1;
        }
        self.buffers.open();
        let is_fair = self.is_neglected;
        self.merge.begin(is_fair, awaited, cut);
        self.take_late(folder, work, now);
        self.turn = self.merge.hand_up(work, &mut folder.places, now).or(self.turn);
        while !self.merge.is_over && !work.is_exhausted() {
            let Some(ahead) = self.ahead.take().or_else(|| self.start(folder, root, &mut turns)) else { break };
            self.ahead = self.take_next(ahead, folder, &mut turns, work, now);
        }
        let is_reading = self.ahead.as_ref().is_some_and(|ahead| !ahead.turns.is_empty());
        work.collected.more |= is_reading || (!turns.is_empty() && work.is_exhausted());
        self.merge.forgo_all();
        self.turn = self.merge.hand_up(work, &mut folder.places, now).or(self.turn);
        if self.merge.is_too_much() {
            // What is put down comes before what is being read.
            self.ahead = None;
        }
        self.is_neglected = self.merge.end(work, &mut folder.places, now) && !is_fair;
        if !work.collected.more {
            self.rest();
            folder.watch();
        }
    }

    /// Begins to read the first few; `None` when no more can be read now.
    fn start<F: Fs>(&self, folder: &mut Folder<F>, root: &Root<F>, turns: &mut VecDeque<Turn>) -> Option<Ahead> {
        if turns.is_empty() || folder.calls.is_exhausted(self.late.len()) {
            return None;
        }
        let turns: VecDeque<Turn> = turns.drain(..turns.len().min(AHEAD)).collect();
        let file = |(dir, item, offset): &Turn| (dir.clone(), item.name.clone(), *offset);
        let files: Vec<_> = turns.iter().map(file).collect();
        let (dir, fetch, buffers) = (Arc::clone(&root.dir), self.fetch, self.buffers.clone());
        let stream = folder.calls.start(move |fs, outlet| read_all(fs, &dir, files, (fetch, &buffers), outlet));
        Some(Ahead { turns, stream: stream.ok()? })
    }

    /// Takes the next file that was read, and hands up what can be handed up then. Gives back what is still being read.
    fn take_next<F: Fs>(
        &mut self,
        mut ahead: Ahead,
        folder: &mut Folder<F>,
        turns: &mut VecDeque<Turn>,
        work: &mut Work<'_>,
        now: Duration,
    ) -> Option<Ahead> {
        let next = folder.calls.next(&mut ahead.stream);
        let (name, item, _) = ahead.turns.pop_front()?;
        let (places, merge) = (&mut folder.places, &mut self.merge);
        match (next, places.get_mut(&name)) {
            (Next::End, _) => return None,
            (Next::Item(_), None) => {}
            (Next::Item(file), Some(place)) => {
                merge.came(place.author);
                // A directory that cannot be opened now is looked at again by the next collect.
                if let Some(opened) = file.and_then(|file| work.open((name, item), file, place, now)) {
                    merge.put(opened, work, places, now);
                }
                self.turn = merge.hand_up(work, places, now).or(self.turn);
            }
            (Next::Late, place) => {
                // Another call goes on behind it.
                ahead.turns.drain(..).rev().for_each(|turn| turns.push_front(turn));
                let Some(place) = place else { return None };
                place.notes.put(&item.name, None, Finding::Pending(unreadable(&no_answer())), now);
                place.done(&item);
                let author = place.author;
                self.late.insert((name, item.name.clone()), Late { author, item, stream: ahead.stream });
                if self.late.values().filter(|late| late.author == author).count() >= LATE_OF_ONE {
                    turns.retain(|(name, ..)| places.get(name).is_some_and(|place| place.author != author));
                    merge.forgo(author);
                } else {
                    merge.came(author);
                }
                return None;
            }
        }
        Some(ahead)
    }

    /// Takes what was late and has come.
    fn take_late<F: Fs>(&mut self, folder: &mut Folder<F>, work: &mut Work<'_>, now: Duration) {
        let (places, merge) = (&mut folder.places, &mut self.merge);
        self.late.retain(|(name, _), late| match late.stream.poll() {
            Next::Late => true,
            Next::End => false,
            Next::Item(file) => {
                if let (Some(file), Some(place)) = (file, places.get_mut(name)) {
                    let named = (name.clone(), late.item.clone());
                    if let Some(opened) = work.open(named, file, place, now) {
                        merge.put(opened, work, places, now);
                    }
                }
                false
            }
        });
    }

    /// What is to be read: a first file of every author, then a second one, and so on, beginning with the author after
    /// the one that was served last; and of whom there is more. Nothing that is late, and of nobody of whom too much is.
    fn in_turn<F: Fs>(
        &mut self,
        folder: &mut Folder<F>,
        most: usize,
        now: Duration,
    ) -> (VecDeque<Turn>, BTreeSet<AuthorId>) {
        let mut late_of: BTreeMap<AuthorId, usize> = BTreeMap::new();
        for ((name, file), late) in &self.late {
            *late_of.entry(late.author).or_default() += 1;
            if let Some(place) = folder.places.get_mut(name) {
                place.done(&late.item);
                let reason: PendingReason = unreadable(&no_answer());
                place.notes.put(file, None, Finding::Pending(reason), now);
            }
        }
        let mut by_author: BTreeMap<AuthorId, Vec<(Item, &OsString, usize)>> = BTreeMap::new();
        let Folder { calls, places, .. } = folder;
        let mut open = self.merge.names();
        open.extend(self.ahead.iter().flat_map(|ahead| &ahead.turns).map(|(name, item, _)| (name, &item.name)));
        // Not everybody writes as much as the others.
        let busy = places.values().filter(|place| place.is_busy()).count();
        let most = most.min((most / busy.max(1)).saturating_mul(2).saturating_add(AHEAD));
        let mut cut = BTreeSet::new();
        for (name, place) in &*places {
            let is_stuck = late_of.get(&place.author).is_some_and(|&late| late >= LATE_OF_ONE);
            if place.is_busy() && !is_stuck && !calls.is_late(&About::Directory(name.clone())) {
                if place.has_more_than(most) {
                    cut.insert(place.author);
                }
                let items = place.first_items(most).map(|(item, offset)| (item, name, offset));
                let items = items.filter(|(item, ..)| !open.contains(&(name, &item.name)));
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
        let turns = turns.into_iter().map(|(.., (item, name, offset))| (name.clone(), item, offset)).collect();
        (turns, cut)
    }
}

/// Reads files one after the other; `None` for one whose directory cannot be opened.
fn read_all<F: Fs>(
    fs: &F,
    root: &F::Dir,
    files: Vec<(OsString, OsString, usize)>,
    (fetch, buffers): (bool, &Buffers),
    outlet: &mut Outlet<Option<FileRead>>,
) {
    let mut dirs: BTreeMap<OsString, F::Dir> = BTreeMap::new();
    for (dir, name, offset) in files {
        if !dirs.contains_key(&dir)
            && let Ok(opened) = fs.open_dir(root, &dir)
        {
            if dirs.len() >= OPEN {
                dirs.clear();
            }
            dirs.insert(dir.clone(), opened);
        }
        let file = dirs.get(&dir).map(|dir| read(fs, (dir, &name), offset, fetch, buffers));
        let bytes = file.as_ref().map_or(0, FileRead::len);
        if !outlet.put_heavy(file, bytes) {
            break;
        }
    }
}
