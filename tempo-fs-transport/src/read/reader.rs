//! Reading the files that a look has chosen: one of each author in turn, some at a time, none waited for too long.

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::{OsStr, OsString},
    sync::Arc,
    time::Duration,
};

use tempo_message::{AuthorId, PendingReason};

use crate::{
    fs::{
        calls::no_answer,
        error::{is_absence, unreadable},
        offload::{Next, Outlet},
        port::{Fs, Identity},
    },
    read::{
        buffer::Buffers,
        collect::Work,
        file::{FileRead, read},
        lanes::{AHEAD, Came, Files, Lanes, Turn},
        merge::Merge,
    },
    scan::{author_dir::Item, findings::Finding, folder::Folder, root::Way},
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
    lanes: Lanes,
    /// The folder in which all of this lies.
    within: Option<Identity>,
    /// Reads that have not come back, by directory and file.
    late: BTreeMap<(Arc<OsStr>, OsString), Late>,
}

#[derive(Debug)]
struct Late {
    author: AuthorId,
    item: Item,
    files: Files,
}

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

    /// Whether something is open or being read.
    pub(crate) fn is_busy(&self) -> bool {
        self.lanes.is_any_reading() || !self.merge.names().is_empty()
    }

    /// Nothing will be read for a while: no handle stays open.
    pub(crate) fn rest(&mut self) {
        self.lanes.stop();
        self.buffers.close();
    }

    /// Goes on in this folder. What is left of another one is not wanted.
    fn enter(&mut self, folder: Identity) {
        if self.within.replace(folder).is_some_and(|before| before != folder) {
            self.lanes.stop();
            self.merge = Merge::default();
        }
    }

    /// Reads as far as the budget goes.
    pub(crate) fn read<F: Fs>(&mut self, folder: &mut Folder<F>, way: &Way<F>, work: &mut Work<'_>, now: Duration) {
        let most = work.most();
        self.enter(folder.identity);
        if work.looks_anew() {
            // What was read before may have changed since.
            self.lanes.stop();
        }
        if !work.is_in_haste() {
            folder.places.values_mut().for_each(|place| place.unpark(most));
        }
        work.done.collected.more |= folder.places.values().any(|place| place.has_more_than(most));
        let (turns, cut) = self.in_turn(folder, most, now);
        // In haste one call does it, so that one has to be waited for when nothing answers.
        let room = folder.calls.room_beside(self.late.len());
        self.lanes.set_waiting(turns, if work.is_in_haste() { 1 } else { room });
        let mut awaited: BTreeMap<AuthorId, usize> = BTreeMap::new();
        for author in self.lanes.authors() {
            *awaited.entry(author).or_default() += 1;
        }
        self.buffers.open();
        let is_fair = self.is_neglected;
        self.merge.begin(is_fair, awaited, cut);
        self.take_late(folder, work);
        self.turn = self.merge.hand_up(work, &mut folder.places).or(self.turn);
        while !self.merge.is_over && !work.is_exhausted() {
            self.start(folder, way);
            let Some((turn, came)) = self.lanes.next(&mut folder.calls) else { break };
            self.take(turn, came, folder, work, now);
        }
        work.done.collected.more |= self.lanes.is_any_reading() || (self.lanes.is_any_waiting() && work.is_exhausted());
        self.merge.forgo_all();
        self.turn = self.merge.hand_up(work, &mut folder.places).or(self.turn);
        self.is_neglected = self.merge.end(work) && !is_fair;
        if !work.done.collected.more {
            self.rest();
            folder.watch();
        }
    }

    /// Has the next files read.
    fn start<F: Fs>(&mut self, folder: &mut Folder<F>, way: &Way<F>) {
        self.lanes.start(&mut folder.calls, self.late.len(), || {
            let (way, fetch, buffers) = (way.clone(), self.fetch, self.buffers.clone());
            move |fs: &F, files: Vec<_>, outlet: &mut Outlet<_>| match way.go(fs) {
                Ok(Some(root)) => read_all(fs, &root, files, (fetch, &buffers), outlet),
                Err(error) if !is_absence(&error) => {
                    let _ = files.iter().all(|_| outlet.put_heavy(Some(FileRead::failed(&error, fs.now())), 0));
                }
                Ok(None) | Err(_) => {}
            }
        });
    }

    /// Takes what came of a file, and hands up what can be handed up then.
    fn take<F: Fs>(&mut self, turn: Turn, came: Came, folder: &mut Folder<F>, work: &mut Work<'_>, now: Duration) {
        let Turn { author, dir, item, .. } = turn;
        let (places, merge) = (&mut folder.places, &mut self.merge);
        let Some(place) = places.get_mut(&dir) else {
            self.lanes.forgo(author);
            if let Came::Late(files) = came {
                self.lanes.abandon(files);
            }
            return;
        };
        match came {
            Came::File(file) => {
                merge.came(author);
                // A directory that is gone is missed by the next look.
                if let Some(opened) = file.and_then(|file| work.open((dir, item), file, place)) {
                    merge.put(opened, work, places);
                }
                self.turn = merge.hand_up(work, places).or(self.turn);
            }
            Came::Late(files) => {
                place.notes.put(&item.name, None, Finding::Pending(unreadable(&no_answer())), now);
                place.done(&item);
                self.late.insert((dir, item.name.clone()), Late { author, item, files });
                let late_of_one = self.late.values().filter(|late| late.author == author).count();
                if late_of_one >= LATE_OF_ONE || work.is_in_haste() {
                    self.lanes.forgo(author);
                    merge.forgo(author);
                } else {
                    merge.came(author);
                }
            }
        }
    }

    /// Takes what was late and has come.
    fn take_late<F: Fs>(&mut self, folder: &mut Folder<F>, work: &mut Work<'_>) {
        let (places, merge) = (&mut folder.places, &mut self.merge);
        self.late.retain(|(name, _), late| match late.files.poll() {
            Next::Late => true,
            Next::End => false,
            Next::Item(file) => {
                if let (Some(file), Some(place)) = (file, places.get_mut(name)) {
                    let named = (name.clone(), late.item.clone());
                    if let Some(opened) = work.open(named, file, place) {
                        merge.put(opened, work, places);
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
    ) -> (Vec<Turn>, BTreeSet<AuthorId>) {
        let mut late_of: BTreeMap<AuthorId, usize> = BTreeMap::new();
        for ((name, file), late) in &self.late {
            *late_of.entry(late.author).or_default() += 1;
            if let Some(place) = folder.places.get_mut(name) {
                place.done(&late.item);
                let reason: PendingReason = unreadable(&no_answer());
                place.notes.put(file, None, Finding::Pending(reason), now);
            }
        }
        let mut by_author: BTreeMap<AuthorId, Vec<(&Item, &Arc<OsStr>)>> = BTreeMap::new();
        let Folder { calls, places, .. } = folder;
        let mut open = self.merge.names();
        open.extend(self.lanes.names());
        // Not everybody writes as much as the others.
        let busy = places.values().filter(|place| place.is_busy()).count();
        let most = most.min((most / busy.max(1)).saturating_mul(2).saturating_add(AHEAD));
        let mut cut = BTreeSet::new();
        for (name, place) in &*places {
            let is_stuck = late_of.get(&place.author).is_some_and(|&late| late >= LATE_OF_ONE);
            if place.is_busy() && !is_stuck && !calls.is_directory_late(name) {
                if place.has_more_than(most) {
                    cut.insert(place.author);
                }
                let items = place.first_items(most).map(|item| (item, name));
                let items = items.filter(|(item, _)| !open.contains(&(name, &item.name)));
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
        let turn = |(_, _, author, (item, name)): (_, _, _, (&Item, &Arc<OsStr>))| {
            Turn::new(author, Arc::clone(name), item.clone())
        };
        (turns.into_iter().map(turn).collect(), cut)
    }
}

/// Reads files one after the other; `None` for one whose directory is gone.
fn read_all<F: Fs>(
    fs: &F,
    root: &F::Dir,
    files: Vec<(Arc<OsStr>, OsString)>,
    (fetch, buffers): (bool, &Buffers),
    outlet: &mut Outlet<Option<FileRead>>,
) {
    let mut dirs: BTreeMap<Arc<OsStr>, F::Dir> = BTreeMap::new();
    for (dir, name) in files {
        let mut failed = None;
        if !dirs.contains_key(&dir) {
            if dirs.len() >= OPEN {
                dirs.clear();
            }
            match fs.open_dir(root, &dir) {
                Ok(opened) => drop(dirs.insert(Arc::clone(&dir), opened)),
                Err(error) => failed = Some(error).filter(|error| !is_absence(error)),
            }
        }
        let file = match dirs.get(&dir) {
            Some(dir) => Some(read(fs, (dir, &name), fetch, buffers)),
            None => failed.map(|error| FileRead::failed(&error, fs.now())),
        };
        let weight = file.as_ref().map_or(0, FileRead::weight);
        if !outlet.put_heavy(file, weight) {
            break;
        }
    }
}
