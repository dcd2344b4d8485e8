//! The part of the order that is stable.

use alloc::collections::{BTreeMap, BTreeSet};

use crate::{AuthorId, Lamport};

/// The part of the order that no member can change any more, given as a time.
///
/// A member that has accepted a message writes only messages of later times. So every member has a floor, and
/// the order is stable up to the least of all floors. The stable time never decreases, even when members join
/// later.
///
/// ```
/// use tempo_clock::{AuthorId, Lamport, Stability};
///
/// let [ana, ben] = ["00000000-0000-0000-0000-000000000001", "00000000-0000-0000-0000-000000000002"]
///     .map(|author| author.parse::<AuthorId>().unwrap());
/// let mut stability = Stability::default();
/// stability.raise(ana, Lamport(7));
/// stability.raise(ben, Lamport(4));
/// assert_eq!(stability.reach(|_| true), Some(Lamport(4)));
/// stability.confirm(Lamport(4));
/// assert_eq!(stability.reach(|_| true), None);
/// assert_eq!(stability.waits_for(|_| true).collect::<Vec<_>>(), [ben]);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Stability {
    floors: BTreeMap<AuthorId, Lamport>,
    stable: Lamport,
    stable_by: BTreeSet<AuthorId>,
}

impl Stability {
    /// Resumes from a time that was stable earlier.
    pub fn resume(stable: Lamport) -> Self {
        Self { stable, ..Self::default() }
    }

    /// Raises the floor of an author: everything that it has yet to write comes after this time.
    pub fn raise(&mut self, author: AuthorId, lamport: Lamport) {
        let floor = self.floors.entry(author).or_default();
        *floor = lamport.max(*floor);
    }

    /// Returns the next stable time, if it can advance, by the floors of the authors that count.
    pub fn reach(&self, counts: impl Fn(AuthorId) -> bool) -> Option<Lamport> {
        self.least(counts).filter(|&least| least > self.stable)
    }

    /// Marks the order up to this time as stable, regardless of what arrives later.
    pub fn confirm(&mut self, to: Lamport) {
        self.stable = to.max(self.stable);
    }

    /// Returns the floor of an author: as far as is known, everything that it has yet to write comes after
    /// this time.
    pub fn floor(&self, author: AuthorId) -> Lamport {
        self.floors.get(&author).copied().unwrap_or_default()
    }

    /// Returns the authors whose floor is at least this time: everything that they have yet to write comes
    /// after it.
    pub fn at_least(&self, lamport: Lamport) -> impl Iterator<Item = AuthorId> + '_ {
        self.floors.iter().filter(move |&(_, &floor)| floor >= lamport).map(|(&author, _)| author)
    }

    /// Records authors that had a say in what is stable because their floor was high enough.
    pub fn stable_by(&mut self, authors: impl IntoIterator<Item = AuthorId>) {
        self.stable_by.extend(authors);
    }

    /// Returns whether an author had a say in what is stable, so that everything it has yet to write comes
    /// after that.
    pub fn had_a_say(&self, author: AuthorId) -> bool {
        self.stable_by.contains(&author)
    }

    /// Returns the stable time. Messages up to that time keep their order.
    pub fn stable(&self) -> Lamport {
        self.stable
    }

    /// Returns the authors with the least floor. More becomes stable as soon as the floor of each of them
    /// rises.
    pub fn waits_for<'a>(&'a self, counts: impl Fn(AuthorId) -> bool + 'a) -> impl Iterator<Item = AuthorId> + 'a {
        let least = self.least(&counts);
        let holding = self.floors.iter().filter(move |&(&author, &floor)| Some(floor) == least && counts(author));
        holding.map(|(&author, _)| author)
    }

    fn least(&self, counts: impl Fn(AuthorId) -> bool) -> Option<Lamport> {
        self.floors.iter().filter(|&(&author, _)| counts(author)).map(|(_, &floor)| floor).min()
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn author(number: u64) -> AuthorId {
        AuthorId::new(Uuid::from_u64_pair(0, number))
    }

    #[test]
    fn a_newcomer_takes_nothing_back_and_stability_waits_only_for_authors_that_count() {
        let mut stability = Stability::resume(Lamport(3));
        assert_eq!(stability.reach(|_| true), None, "no author is known");
        stability.raise(author(1), Lamport(9));
        stability.raise(author(2), Lamport(1));
        assert_eq!(stability.reach(|_| true), None);
        assert_eq!(stability.reach(|counted| counted == author(1)), Some(Lamport(9)));
        stability.confirm(Lamport(9));
        stability.raise(author(2), Lamport(12));
        assert_eq!(stability.reach(|_| true), None, "the first one is at 9");
        assert_eq!(stability.waits_for(|_| true).collect::<alloc::vec::Vec<_>>(), [author(1)]);
        stability.raise(author(1), Lamport(4));
        stability.confirm(Lamport(4));
        assert_eq!(stability.stable(), Lamport(9));
        assert_eq!([1, 2, 3].map(|number| stability.floor(author(number))), [9, 12, 0].map(Lamport));
        stability.stable_by([author(1)]);
        assert!(stability.had_a_say(author(1)) && !stability.had_a_say(author(2)));
        assert_eq!(stability.at_least(Lamport(10)).collect::<alloc::vec::Vec<_>>(), [author(2)]);
    }
}
