//! Which messages are here, for each author.

use alloc::collections::BTreeMap;
use core::ops::RangeInclusive;

use crate::{AuthorId, Counters};

/// For each author, the counters of the messages that are here.
///
/// Authors number their messages from one without gaps, so what is missing can be told without asking anybody. Memory
/// is proportional to authors and gaps.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Seen {
    authors: BTreeMap<AuthorId, Counters>,
}

impl Seen {
    /// Whether this message is here.
    pub fn contains(&self, author: AuthorId, counter: u64) -> bool {
        self.counters(author).is_some_and(|counters| counters.contains(counter))
    }

    /// Notes that this message is here; false when that was known.
    pub fn insert(&mut self, author: AuthorId, counter: u64) -> bool {
        self.authors.entry(author).or_default().insert(counter)
    }

    /// Forgets a message; false when it was not here. An author without messages is forgotten as well.
    pub fn remove(&mut self, author: AuthorId, counter: u64) -> bool {
        let Some(counters) = self.authors.get_mut(&author) else {
            return false;
        };
        let removed = counters.remove(counter);
        if counters.is_empty() {
            self.authors.remove(&author);
        }
        removed
    }

    /// What is missing of this author below its greatest counter here, as ranges in order.
    pub fn missing(&self, author: AuthorId) -> impl Iterator<Item = RangeInclusive<u64>> + '_ {
        self.counters(author).into_iter().flat_map(Counters::missing)
    }

    /// How many of this author's messages are here from the first on without a gap.
    pub fn contiguous(&self, author: AuthorId) -> u64 {
        self.counters(author).map_or(0, Counters::contiguous)
    }

    /// This author's counters, if any of its messages is here.
    pub fn counters(&self, author: AuthorId) -> Option<&Counters> {
        self.authors.get(&author)
    }

    /// Every author of whom a message is here, with the counters, ordered by author.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (AuthorId, &Counters)> {
        self.authors.iter().map(|(&author, counters)| (author, counters))
    }

    /// Whether nothing is here.
    pub fn is_empty(&self) -> bool {
        self.authors.is_empty()
    }
}
