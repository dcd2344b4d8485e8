//! Files of several authors, handed up in the order in which their messages can be judged.
//!
//! A message waits until those are here that its author had seen. Logical time is greater than that of everything seen, so
//! whoever hands up the earlier times first makes nothing wait.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    ffi::{OsStr, OsString},
    sync::Arc,
};

use tempo_message::AuthorId;

use crate::{
    read::collect::{Opened, Work},
    scan::author_dir::Place,
};

/// The files that are open, of each author in the order of their counters. What one collect has not come to is kept for the
/// next one.
#[derive(Debug, Default)]
pub(crate) struct Merge {
    /// One author after the other instead: times are what authors claim, and nobody shall come first for ever.
    is_fair: bool,
    queues: BTreeMap<AuthorId, VecDeque<Opened>>,
    /// The author's first frame of each queue, by logical time, or by when its file came.
    fronts: BTreeSet<(u64, AuthorId)>,
    /// How many files of an author are still to come.
    awaited: BTreeMap<AuthorId, usize>,
    /// Of whom something is still to come and nothing is open: it may be earlier than all that is.
    lacking: BTreeSet<AuthorId>,
    /// Of whom there is more than this collect comes to.
    cut: BTreeSet<AuthorId>,
    /// It has come to the end of what it can take in order.
    pub(crate) is_over: bool,
    /// Of whom something was handed up by this collect.
    served: BTreeSet<AuthorId>,
    bytes: usize,
    came: u64,
}

/// With so many bytes open no further file is, and some are handed up although something earlier may come.
const BYTES: usize = 16 * 1024 * 1024;

type Places = BTreeMap<Arc<OsStr>, Box<Place>>;

impl Merge {
    /// Begins a collect; so many files of authors are to come, and more than that of some.
    pub(crate) fn begin(&mut self, is_fair: bool, awaited: BTreeMap<AuthorId, usize>, cut: BTreeSet<AuthorId>) {
        (self.is_fair, self.awaited, self.cut, self.is_over) = (is_fair, awaited, cut, false);
        self.lacking = self.awaited.keys().copied().filter(|author| !self.queues.contains_key(author)).collect();
        self.fronts.clear();
        self.served.clear();
        for (author, opened) in self.queues.iter_mut().filter_map(|(author, queue)| Some((*author, queue.front_mut()?)))
        {
            self.fronts.extend(key(opened, self.is_fair, self.came).map(|key| (key, author)));
        }
    }

    /// The files that are open, by directory and name.
    pub(crate) fn names(&self) -> BTreeSet<(&Arc<OsStr>, &OsString)> {
        self.queues.values().flatten().map(Opened::place).collect()
    }

    /// One file less of an author is to come.
    pub(crate) fn came(&mut self, author: AuthorId) {
        if let Some(awaited) = self.awaited.get_mut(&author) {
            *awaited -= 1;
            if *awaited == 0 {
                self.forgo(author);
            }
        }
    }

    /// Nothing of an author is to come any more.
    pub(crate) fn forgo(&mut self, author: AuthorId) {
        self.awaited.remove(&author);
        self.lacking.remove(&author);
    }

    /// Nothing is to come any more.
    pub(crate) fn forgo_all(&mut self) {
        self.awaited.clear();
        self.lacking.clear();
    }

    /// Adds a file that was opened.
    pub(crate) fn put(&mut self, opened: Opened, work: &mut Work<'_>, places: &mut Places) {
        let author = opened.author;
        self.came += 1;
        self.bytes += opened.weight;
        self.lacking.remove(&author);
        let queue = self.queues.entry(author).or_default();
        queue.push_back(opened);
        if queue.len() == 1 {
            self.advance(author, work, places);
        }
    }

    /// Hands up what nothing earlier can come before; the answer is whose frame was the last one.
    pub(crate) fn hand_up(&mut self, work: &mut Work<'_>, places: &mut Places) -> Option<AuthorId> {
        let mut last = None;
        while (self.is_fair || self.lacking.is_empty() || self.bytes > BYTES) && !self.is_over && !work.is_exhausted() {
            let Some((_, author)) = self.fronts.pop_first() else { break };
            if let Some(opened) = self.queues.get_mut(&author).and_then(VecDeque::front_mut) {
                // Often the next one of the same file comes next.
                loop {
                    work.take_next(opened);
                    let next = key(opened, self.is_fair, self.came).filter(|_| !work.is_exhausted());
                    if next.is_none_or(|next| self.fronts.first().is_some_and(|first| *first < (next, author))) {
                        break;
                    }
                }
                last = Some(author);
                self.served.insert(author);
            }
            self.advance(author, work, places);
        }
        last
    }

    /// Ends a collect; what is open stays so. The answer is whether there is somebody of whom nothing was handed up.
    pub(crate) fn end(&mut self, work: &mut Work<'_>) -> bool {
        work.done.collected.more |= self.is_over || !self.queues.is_empty();
        self.queues.keys().any(|author| !self.served.contains(author))
    }

    /// Passes over the files of an author that have no frame left, and notes the next one that has.
    fn advance(&mut self, author: AuthorId, work: &mut Work<'_>, places: &mut Places) {
        let Some(queue) = self.queues.get_mut(&author) else { return };
        while let Some(opened) = queue.front_mut() {
            if let Some(key) = key(opened, self.is_fair, self.came) {
                self.fronts.insert((key, author));
                return;
            }
            self.bytes -= opened.weight;
            if let Some(opened) = queue.pop_front()
                && let Some(place) = places.get_mut(&opened.dir)
            {
                work.close(opened, place);
            }
        }
        self.queues.remove(&author);
        if self.awaited.contains_key(&author) {
            self.lacking.insert(author);
        } else if self.cut.contains(&author) && self.served.contains(&author) {
            self.is_over = !self.is_fair;
        }
    }
}

/// What decides when the next frame of a file is handed up; `None` when none is left.
fn key(opened: &mut Opened, is_fair: bool, came: u64) -> Option<u64> {
    let frame = opened.next()?;
    Some(if is_fair { came } else { frame.message().lamport.0 })
}
