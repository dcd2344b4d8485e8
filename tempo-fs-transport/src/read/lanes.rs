//! Files that are read side by side: an author's by one thread, in order.

use std::{
    collections::{BTreeMap, VecDeque},
    ffi::{OsStr, OsString},
    mem,
    sync::Arc,
};

use tempo_message::AuthorId;

use crate::{
    fs::{
        calls::Calls,
        offload::{Next, Outlet, Stream},
        port::Fs,
    },
    read::file::FileRead,
    scan::author_dir::Item,
};

/// What is being read, also between two collects, and what is to be read then.
#[derive(Debug, Default)]
pub(crate) struct Lanes {
    all: [Lane; LANES],
    /// What came of these is not wanted; they have not ended yet.
    ending: Vec<Files>,
    /// How many turns there have been.
    turns: u64,
}

#[derive(Debug, Default)]
struct Lane {
    waiting: VecDeque<Turn>,
    reading: VecDeque<Turn>,
    stream: Option<Files>,
}

/// A file that is to be read: the directory, and the file.
#[derive(Debug)]
pub(crate) struct Turn {
    number: u64,
    pub(crate) author: AuthorId,
    pub(crate) dir: Arc<OsStr>,
    pub(crate) item: Item,
}

/// What came of a file.
#[derive(Debug)]
pub(crate) enum Came {
    /// `None` when its directory is gone.
    File(Option<FileRead>),
    /// Nothing yet; here is where it will come.
    Late(Files),
}

/// Files, one after the other.
pub(crate) type Files = Stream<Option<FileRead>>;

/// So many calls read at once.
const LANES: usize = 4;
/// So many files are read by one call at most.
pub(crate) const AHEAD: usize = 256;

impl Turn {
    /// The number is for the lanes to give.
    pub(crate) fn new(author: AuthorId, dir: Arc<OsStr>, item: Item) -> Self {
        Self { number: 0, author, dir, item }
    }
}

impl Lanes {
    /// The files that are being read, by directory and name.
    pub(crate) fn names(&self) -> impl Iterator<Item = (&Arc<OsStr>, &OsString)> {
        self.all.iter().flat_map(|lane| &lane.reading).map(|turn| (&turn.dir, &turn.item.name))
    }

    /// The authors of all files that are being read or to be read, one for each file.
    pub(crate) fn authors(&self) -> impl Iterator<Item = AuthorId> {
        self.all.iter().flat_map(|lane| lane.reading.iter().chain(&lane.waiting)).map(|turn| turn.author)
    }

    /// Whether anything is to be read that is not being read.
    pub(crate) fn is_any_waiting(&self) -> bool {
        self.all.iter().any(|lane| !lane.waiting.is_empty())
    }

    /// Whether anything is being read.
    pub(crate) fn is_any_reading(&self) -> bool {
        self.all.iter().any(|lane| !lane.reading.is_empty())
    }

    /// From here on these are to be read, and no others but those that are being read; by so many calls at once.
    pub(crate) fn set_waiting(&mut self, turns: impl IntoIterator<Item = Turn>, most: usize) {
        let mut lane_of: BTreeMap<AuthorId, usize> = BTreeMap::new();
        let mut authors = [0_usize; LANES];
        for (at, (lane, authors)) in self.all.iter_mut().zip(&mut authors).enumerate() {
            let before = lane_of.len();
            lane.waiting.clear();
            lane_of.extend(lane.reading.iter().map(|turn| (turn.author, at)));
            *authors = lane_of.len() - before;
        }
        for turn in turns {
            let at = *lane_of.entry(turn.author).or_insert_with(|| {
                let least = (0..most.clamp(1, LANES)).zip(&mut authors).min_by_key(|(_, authors)| **authors);
                least.map_or(0, |(at, authors)| {
                    *authors += 1;
                    at
                })
            });
            if let Some(lane) = self.all.get_mut(at) {
                self.turns += 1;
                lane.waiting.push_back(Turn { number: self.turns, ..turn });
            }
        }
    }

    /// Nothing of an author is to be read.
    pub(crate) fn forgo(&mut self, author: AuthorId) {
        self.all.iter_mut().for_each(|lane| lane.waiting.retain(|turn| turn.author != author));
    }

    /// Nothing that is being read or to be read is wanted.
    pub(crate) fn stop(&mut self) {
        for lane in &mut self.all {
            lane.waiting.clear();
            // A call that has nothing left to read ends by itself.
            if !mem::take(&mut lane.reading).is_empty() {
                self.ending.extend(lane.stream.take().filter(|stream| !stream.leave()));
            }
        }
    }

    /// What will come of this is not wanted.
    pub(crate) fn abandon(&mut self, files: Files) {
        if !files.leave() {
            self.ending.push(files);
        }
    }

    /// How many calls have not ended.
    pub(crate) fn running(&mut self) -> usize {
        self.ending.retain(|files| !files.leave());
        self.ending.len() + self.all.iter().filter(|lane| lane.stream.is_some()).count()
    }

    /// Begins to read wherever nothing is being read, as far as calls may be made beside so many others; `read` gets a
    /// directory and a name for each file.
    pub(crate) fn start<F: Fs, R>(&mut self, calls: &mut Calls<F>, others: usize, read: impl Fn() -> R)
    where
        R: FnOnce(&F, Vec<(Arc<OsStr>, OsString)>, &mut Outlet<Option<FileRead>>) + Send + 'static,
    {
        for lane in self.all.iter_mut().filter(|lane| lane.reading.is_empty()) {
            if let Some(mut stream) = lane.stream.take() {
                // Nothing comes of it any more; its thread is free.
                calls.next(&mut stream);
            }
        }
        let mut running = self.running();
        for lane in self.all.iter_mut().filter(|lane| lane.stream.is_none() && !lane.waiting.is_empty()) {
            if calls.is_exhausted(others + running) {
                return;
            }
            let turns: VecDeque<Turn> = lane.waiting.drain(..lane.waiting.len().min(AHEAD)).collect();
            let files = turns.iter().map(|turn| (Arc::clone(&turn.dir), turn.item.name.clone())).collect();
            let read = read();
            // What cannot be begun is found again by the next look.
            if let Ok(stream) = calls.start(move |fs, outlet| read(fs, files, outlet)) {
                (lane.reading, lane.stream) = (turns, Some(stream));
                running += 1;
            }
        }
    }

    /// What came of the file whose turn it is; `None` when nothing is being read.
    pub(crate) fn next<F: Fs>(&mut self, calls: &mut Calls<F>) -> Option<(Turn, Came)> {
        loop {
            let reading = self.all.iter_mut().filter(|lane| !lane.reading.is_empty());
            let lane = reading.min_by_key(|lane| lane.reading.front().map(|turn| turn.number))?;
            let next = calls.next(lane.stream.as_mut()?);
            let turn = lane.reading.pop_front()?;
            match next {
                Next::Item(file) => return Some((turn, Came::File(file))),
                Next::Late => {
                    // Another call goes on behind it.
                    lane.reading.drain(..).rev().for_each(|turn| lane.waiting.push_front(turn));
                    return lane.stream.take().map(|stream| (turn, Came::Late(stream)));
                }
                Next::End => {
                    // What it has left is found again by the next look.
                    lane.reading.clear();
                    lane.stream = None;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn turns(authors: impl IntoIterator<Item = u128>) -> impl Iterator<Item = Turn> {
        let item = || Item { first: 1, name: "0000000000000001".into() };
        authors
            .into_iter()
            .map(move |author| Turn::new(AuthorId::new(Uuid::from_u128(author)), Arc::from(OsStr::new("dir")), item()))
    }

    fn authors(turns: &VecDeque<Turn>) -> Vec<u128> {
        turns.iter().map(|turn| Uuid::from_bytes(*turn.author.as_bytes()).as_u128()).collect()
    }

    /// Where fewer calls may be made than there are lanes, nobody waits in one that is never begun.
    #[test]
    fn authors_share_as_many_lanes_as_may_be_used() {
        let mut lanes = Lanes::default();
        for (most, expected) in [(0, vec![6]), (1, vec![6]), (2, vec![3, 3]), (3, vec![2, 2, 2]), (9, vec![2, 2, 1, 1])]
        {
            lanes.set_waiting(turns(1..=6), most);
            let sizes = lanes.all.iter().map(|lane| lane.waiting.len()).filter(|&len| len > 0);
            assert_eq!(sizes.collect::<Vec<_>>(), expected, "{most}");
        }
    }

    #[test]
    fn an_author_stays_in_its_lane_while_something_of_it_is_being_read() {
        let mut lanes = Lanes::default();
        lanes.all[2].reading.extend(turns([7]));
        lanes.set_waiting(turns([1, 7, 2, 7, 3]), LANES);
        let waiting: Vec<_> = lanes.all.iter().map(|lane| authors(&lane.waiting)).collect();
        assert_eq!(waiting, [vec![1], vec![2], vec![7, 7], vec![3]]);
        lanes.set_waiting(turns([7]), 1);
        assert_eq!(authors(&lanes.all[2].waiting), [7], "also when there is no room for its lane any more");
    }
}
