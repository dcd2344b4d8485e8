//! Merging the messages of several authors by their logical times.
//!
//! A message waits until those that its author had seen are here. Logical time is greater than that of everything seen, so
//! nothing waits when earlier times are handed up first.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    ffi::OsStr,
    sync::Arc,
};

use tempo_message::AuthorId;

use crate::{
    read::collect::{Opened, Work},
    scan::author_dir::AuthorDir,
};

/// The open files, of each author in the order of their counters. A collect leaves to the next one what it does not reach.
#[derive(Debug, Default)]
pub(crate) struct Merge {
    queues: BTreeMap<AuthorId, VecDeque<Opened>>,
    /// The memory that they take.
    bytes: usize,
    /// Round robin instead of logical times: those are what authors claim, and none shall come first for ever.
    is_fair: bool,
    /// The author that was served last, and the one that was when the collect began: rounds begin after that.
    turn: Option<AuthorId>,
    before: Option<AuthorId>,
    /// The author of each queue by what decides when its next frame is handed up.
    fronts: BTreeSet<(u64, bool, AuthorId)>,
    /// The frames that this collect has handed up.
    served: BTreeMap<AuthorId, u64>,
    /// The authors with files to come.
    awaited: BTreeSet<AuthorId>,
    /// Those of them without an open file: their messages may be earlier than all that are open.
    lacking: BTreeSet<AuthorId>,
}

/// With this many bytes open, some are handed up although something earlier may come.
const BYTES: usize = 16 * 1024 * 1024;

pub(crate) type AuthorDirs = BTreeMap<Arc<OsStr>, Box<AuthorDir>>;

impl Merge {
    /// Begins a collect with files of these authors to come.
    pub(crate) fn begin(&mut self, awaited: impl IntoIterator<Item = AuthorId>) {
        // A collect that has neglected an author is followed by a fair one.
        let is_neglected = self.queues.keys().any(|author| !self.served.contains_key(author));
        self.is_fair = is_neglected && !self.is_fair;
        self.served.clear();
        self.before = self.turn;
        self.awaited = awaited.into_iter().collect();
        self.lacking = self.awaited.iter().copied().filter(|author| !self.queues.contains_key(author)).collect();
        self.fronts.clear();
        let authors: Vec<AuthorId> = self.queues.keys().copied().collect();
        for author in authors {
            self.enter(author);
        }
    }

    /// Returns the author that was served last.
    pub(crate) fn turn(&self) -> Option<AuthorId> {
        self.turn
    }

    /// Returns whether nothing is open.
    pub(crate) fn is_empty(&self) -> bool {
        self.queues.is_empty()
    }

    /// Returns the open files, by directory and name.
    pub(crate) fn files(&self) -> impl Iterator<Item = &Opened> {
        self.queues.values().flatten()
    }

    /// Notes that no more files of an author are to come.
    pub(crate) fn forgo(&mut self, author: AuthorId) {
        self.awaited.remove(&author);
        self.lacking.remove(&author);
    }

    /// Adds a file.
    pub(crate) fn put(&mut self, opened: Opened, work: &mut Work<'_>, author_dirs: &mut AuthorDirs) {
        let author = opened.author;
        self.bytes += opened.weight;
        self.lacking.remove(&author);
        let queue = self.queues.entry(author).or_default();
        queue.push_back(opened);
        if queue.len() == 1 {
            self.advance(author, work, author_dirs);
        }
    }

    /// Hands up frames until something earlier may come, or until the end when nothing `is_to_come`.
    pub(crate) fn hand_up(&mut self, is_to_come: bool, work: &mut Work<'_>, author_dirs: &mut AuthorDirs) {
        let may_wait = is_to_come && !self.is_fair;
        while !(work.is_exhausted() || (may_wait && !self.lacking.is_empty() && self.bytes <= BYTES)) {
            let Some((.., author)) = self.fronts.pop_first() else { break };
            self.turn = Some(author);
            // Often the next one of the same file comes next.
            while let Some(opened) = self.queues.get_mut(&author).and_then(VecDeque::front_mut) {
                work.take_next(opened);
                *self.served.entry(author).or_default() += 1;
                let next = self.key(author);
                if work.is_exhausted() || next.is_none_or(|next| self.fronts.first().is_some_and(|first| *first < next))
                {
                    break;
                }
            }
            self.advance(author, work, author_dirs);
        }
    }

    /// Closes the files of an author that have no frame left, and notes the next one that has.
    fn advance(&mut self, author: AuthorId, work: &mut Work<'_>, author_dirs: &mut AuthorDirs) {
        while !self.enter(author) {
            let Some(opened) = self.queues.get_mut(&author).and_then(VecDeque::pop_front) else {
                self.queues.remove(&author);
                self.lacking.extend(self.awaited.get(&author));
                return;
            };
            self.bytes -= opened.weight;
            if let Some(author_dir) = author_dirs.get_mut(&opened.dir) {
                work.close(opened, author_dir);
            }
        }
    }

    /// Notes when the next frame of an author is handed up; false when its first file has none.
    fn enter(&mut self, author: AuthorId) -> bool {
        let key = self.key(author);
        self.fronts.extend(key);
        key.is_some()
    }

    fn key(&mut self, author: AuthorId) -> Option<(u64, bool, AuthorId)> {
        let frame = self.queues.get_mut(&author)?.front_mut()?.next()?;
        Some(if self.is_fair {
            let served = self.served.get(&author).copied().unwrap_or_default();
            (served, self.before.is_some_and(|before| author <= before), author)
        } else {
            (frame.message().lamport.0, false, author)
        })
    }
}
