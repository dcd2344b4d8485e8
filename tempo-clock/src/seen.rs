//! The messages that are here, for each author.

use alloc::{collections::BTreeMap, vec::Vec};
use core::{cmp::Ordering, ops::RangeInclusive};

use crate::{AuthorId, Counters};

/// The counters of the messages that are here, for each author.
///
/// Authors number their messages from one without gaps, so a set finds the missing messages by itself. Memory
/// is proportional to the numbers of authors and gaps.
///
/// Sets are ordered like vector clocks: one is less than another if the other has all its messages and more. Two sets
/// that each have something that the other lacks are not ordered, so `partial_cmp` returns `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Seen {
    authors: BTreeMap<AuthorId, Counters>,
}

impl Seen {
    /// Returns whether this message is here.
    pub fn contains(&self, author: AuthorId, counter: u64) -> bool {
        self.counters(author).is_some_and(|counters| counters.contains(counter))
    }

    /// Records that this message is here. Returns false if that was already known.
    pub fn insert(&mut self, author: AuthorId, counter: u64) -> bool {
        self.authors.entry(author).or_default().insert(counter)
    }

    /// Removes a message. Returns false if it was not here. An author without messages is removed as well.
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

    /// Adds every message of another set. Merging is commutative, associative and idempotent.
    pub fn merge(&mut self, other: &Self) {
        for (author, counters) in other.iter().filter(|(_, counters)| !counters.is_empty()) {
            self.authors.entry(author).or_default().merge(counters);
        }
    }

    /// Returns the messages here that another set lacks: what to send to the member that has the other one. By author,
    /// as ranges of counters in order.
    pub fn without<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = (AuthorId, Vec<RangeInclusive<u64>>)> + 'a {
        self.iter().filter_map(move |(author, counters)| {
            let rest = match other.counters(author) {
                Some(theirs) => counters.without(theirs),
                None => counters.runs().collect(),
            };
            (!rest.is_empty()).then_some((author, rest))
        })
    }

    /// Returns whether every message of another set is here.
    pub fn includes(&self, other: &Self) -> bool {
        other.without(self).next().is_none()
    }

    /// Returns the counters missing below this author's greatest counter here, as ranges in order.
    pub fn missing(&self, author: AuthorId) -> impl Iterator<Item = RangeInclusive<u64>> + '_ {
        self.counters(author).into_iter().flat_map(Counters::missing)
    }

    /// Returns the number of this author's messages that are here from the first on without a gap.
    pub fn contiguous(&self, author: AuthorId) -> u64 {
        self.counters(author).map_or(0, Counters::contiguous)
    }

    /// Returns this author's counters, or `None` if none of its messages is here.
    pub fn counters(&self, author: AuthorId) -> Option<&Counters> {
        self.authors.get(&author)
    }

    /// Returns every author with a message here, and its counters, ordered by author.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (AuthorId, &Counters)> {
        self.authors.iter().map(|(&author, counters)| (author, counters))
    }

    /// Returns whether no message is here.
    pub fn is_empty(&self) -> bool {
        self.authors.is_empty()
    }
}

impl PartialOrd for Seen {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        match (self.includes(other), other.includes(self)) {
            (true, true) => Some(Ordering::Equal),
            (true, false) => Some(Ordering::Greater),
            (false, true) => Some(Ordering::Less),
            (false, false) => None,
        }
    }
}
