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
    calls::{About, Drained, no_answer},
    door::Root,
    examine::{FileRead, read, unreadable},
    folder::Folder,
    merge::Merge,
    notes::Finding,
    offload::{Next, Outlet, Stream},
    place::{Item, limit},
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
    /// Reads that have not come back, by directory and file.
    late: BTreeMap<(OsString, OsString), Late>,
}

#[derive(Debug)]
struct Late {
    author: AuthorId,
    item: Item,
    offset: usize,
    stream: Stream<Option<FileRead>>,
}

/// A file that is to be read: the directory, the file, and where to go on.
type Turn = (OsString, Item, usize);

/// So many files are read by one call at most.
const AHEAD: usize = 256;
/// And about so many bytes.
const BYTES_AHEAD: usize = 4 * 1024 * 1024;
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

    /// Reads as far as the budget goes.
    pub(crate) fn read<F: Fs>(&mut self, folder: &mut Folder<F>, root: &Root<F>, work: &mut Work<'_>, now: Duration) {
        let most = work.most();
        for place in folder.places.values_mut() {
            place.unpark(most);
        }
        work.collected.more |= folder.places.values().any(|place| place.has_more_than(most));
        let (mut turns, cut) = self.in_turn(folder, most, now);
        let mut awaited: BTreeMap<AuthorId, usize> = BTreeMap::new();
        for author in turns.iter().filter_map(|(name, ..)| folder.places.get(name)).map(|place| place.author) {
            *awaited.entry(author).or_default() += 1;
        }
        let is_fair = self.is_neglected;
        self.merge.begin(is_fair, awaited, cut);
        self.take_late(folder, work, now);
        self.turn = self.merge.hand_up(work, &mut folder.places, now).or(self.turn);
        while !turns.is_empty() && !self.merge.is_over && !work.is_exhausted() {
            let is_possible = !folder.calls.is_exhausted(self.late.len());
            if !is_possible || !self.read_some(folder, root, &mut turns, work, now) {
                break;
            }
        }
        work.collected.more |= !turns.is_empty() && work.is_exhausted();
        self.merge.forgo_all();
        self.turn = self.merge.hand_up(work, &mut folder.places, now).or(self.turn);
        self.is_neglected = self.merge.end(work, &mut folder.places, now) && !is_fair;
        if !work.collected.more {
            folder.watch();
        }
    }

    /// Reads the first few; false when no more can be read now.
    fn read_some<F: Fs>(
        &mut self,
        folder: &mut Folder<F>,
        root: &Root<F>,
        turns: &mut VecDeque<Turn>,
        work: &mut Work<'_>,
        now: Duration,
    ) -> bool {
        let batch: Vec<(OsString, OsString)> =
            turns.iter().take(AHEAD).map(|(dir, item, _)| (dir.clone(), item.name.clone())).collect();
        let (dir, fetch, merge) = (Arc::clone(&root.dir), self.fetch, &mut self.merge);
        let before = turns.len();
        let Folder { calls, places, .. } = folder;
        let drained = calls.drain(
            move |fs, outlet| read_all(fs, &dir, batch, fetch, outlet),
            |file: Option<FileRead>| {
                let Some((name, item, offset)) = turns.pop_front() else { return false };
                let Some(place) = places.get_mut(&name) else { return true };
                merge.came(place.author);
                // A directory that cannot be opened now is looked at again by the next collect.
                if let Some(opened) = file.and_then(|file| work.open((name, item), file, place, offset, now)) {
                    merge.put(opened, work, places, now);
                }
                self.turn = merge.hand_up(work, places, now).or(self.turn);
                !merge.is_over && !work.is_exhausted()
            },
        );
        if let Ok(Drained::Late(stream)) = drained
            && let Some((name, item, offset)) = turns.pop_front()
            && let Some(place) = places.get_mut(&name)
        {
            place.notes.put(&item.name, None, Finding::Pending(unreadable(&no_answer())), now);
            place.done(&item);
            let author = place.author;
            self.late.insert((name, item.name.clone()), Late { author, item, offset, stream });
            if self.late.values().filter(|late| late.author == author).count() >= LATE_OF_ONE {
                turns.retain(|(name, ..)| places.get(name).is_some_and(|place| place.author != author));
                merge.forgo(author);
            } else {
                merge.came(author);
            }
        }
        turns.len() < before
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
                    if let Some(opened) = work.open(named, file, place, late.offset, now) {
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
        let open = self.merge.names();
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
    files: Vec<(OsString, OsString)>,
    fetch: bool,
    outlet: &mut Outlet<Option<FileRead>>,
) {
    let mut dirs: BTreeMap<OsString, F::Dir> = BTreeMap::new();
    let mut bytes = 0;
    for (dir, name) in files {
        if !dirs.contains_key(&dir)
            && let Ok(opened) = fs.open_dir(root, &dir)
        {
            if dirs.len() >= OPEN {
                dirs.clear();
            }
            dirs.insert(dir.clone(), opened);
        }
        let file = dirs.get(&dir).map(|dir| read(fs, dir, &name, limit(&name), fetch));
        bytes += file.as_ref().map_or(0, FileRead::len);
        if !outlet.put(file) || bytes > BYTES_AHEAD {
            break;
        }
    }
}
