//! The retirements that are known, and which of them each message has seen.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tempo_clock::{AuthorId, Stamp};
use tempo_message::{Digest, planted};

use crate::core::event::Slot;

/// The retirements that are known. The order of messages decides which of two is the later one.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Retirements {
    /// The latest retirement of each author by anybody.
    latest: BTreeMap<AuthorId, Slot>,
    /// The latest retirement of each author by itself.
    left: BTreeMap<AuthorId, Slot>,
    /// The latest retirement of each author that a message of it has seen.
    returned: BTreeMap<AuthorId, Slot>,
    views: Views,
}

/// The place of an accepted message in the order of messages.
pub(crate) type Place = Option<(Stamp, Digest)>;

/// What each message has seen: for each author, the latest retirement among the message and all its causes. Messages
/// share equal views, so a message needs four bytes, from the first retirement on.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Views {
    /// The number of messages accepted before the first retirement.
    first: u64,
    /// The view of each message from the first retirement on, in the order of acceptance.
    of: Vec<u32>,
    /// All views with anything in them. The number of each is one more than its index.
    all: Vec<View>,
}

/// The number of the view that has seen nothing.
const EMPTY: u32 = 0;

/// The retirements that a message has seen, by the retired author.
type View = Vec<(AuthorId, Slot)>;

impl Retirements {
    /// The most authors in the view of a message. Of more, those remain that were retired last. So that a flood of
    /// retirements takes little memory, they are few: an author that has fallen out answers by retiring itself first.
    const IN_VIEW: usize = 16;

    /// Returns whether nobody has ever been retired, so that there is nothing to note about a message.
    pub(crate) fn is_empty(&self) -> bool {
        self.latest.is_empty()
    }

    /// Notes an accepted message: the number of messages accepted before it and before each of its causes, and the
    /// author that it retires.
    pub(crate) fn note(
        &mut self,
        (author, slot, number): (AuthorId, Slot, u64),
        causes: impl Iterator<Item = u64>,
        about: Option<AuthorId>,
        place: impl Fn(Slot) -> Place,
    ) {
        if self.is_empty() {
            self.views = Views { first: number, ..Views::default() };
        }
        let seen = self.views.seen_by(causes, &place);
        let answered = self.views.get(seen, author);
        let of_author = self.latest.get(&author).copied().filter(|_| planted!(RetireByArrival));
        for retirement in answered.into_iter().chain(of_author) {
            keep_later(&mut self.returned, author, retirement, &place);
        }
        let view = about.map_or(seen, |about| self.views.union(&[seen], Some((about, slot)), &place));
        self.views.of.push(view);
        if let Some(about) = about {
            keep_later(&mut self.latest, about, slot, &place);
            if about == author {
                keep_later(&mut self.left, about, slot, &place);
            }
        }
    }

    /// Returns the retirement of an author that is in force: its latest one, unless a message of the author has seen
    /// that or a later one. Without `others`, only the author's own word counts.
    pub(crate) fn of(&self, author: AuthorId, others: bool, place: impl Fn(Slot) -> Place) -> Option<Slot> {
        let all = if others { &self.latest } else { &self.left };
        let retirement = *all.get(&author)?;
        let returned = self.returned.get(&author).copied().filter(|_| !planted!(RetiredForEver));
        returned.is_none_or(|returned| place(returned) < place(retirement)).then_some(retirement)
    }

    /// Returns whether an author was ever retired, and perhaps has returned.
    pub(crate) fn was_retired(&self, author: AuthorId, others: bool) -> bool {
        let all = if others { &self.latest } else { &self.left };
        all.contains_key(&author)
    }

    /// Returns whether a message of an author that has these causes would answer the latest retirement of it.
    pub(crate) fn would_answer(
        &mut self,
        author: AuthorId,
        causes: impl Iterator<Item = u64>,
        place: impl Fn(Slot) -> Place,
    ) -> bool {
        let Some(&latest) = self.latest.get(&author) else { return true };
        let seen = self.views.seen_by(causes, &place);
        self.views.get(seen, author).is_some_and(|seen| place(seen) >= place(latest))
    }
}

impl Views {
    /// Returns the view of the message that was accepted after this number of others.
    fn id_of(&self, number: u64) -> u32 {
        let at = number.checked_sub(self.first).and_then(|at| usize::try_from(at).ok());
        at.and_then(|at| self.of.get(at)).copied().unwrap_or(EMPTY)
    }

    fn view(&self, id: u32) -> &[(AuthorId, Slot)] {
        let at = usize::try_from(id).ok().and_then(|id| id.checked_sub(1));
        at.and_then(|at| self.all.get(at)).map_or(&[], Vec::as_slice)
    }

    fn get(&self, id: u32, author: AuthorId) -> Option<Slot> {
        let view = self.view(id);
        let at = view.binary_search_by_key(&author, |&(author, _)| author).ok()?;
        view.get(at).map(|&(_, slot)| slot)
    }

    /// Returns the view of what these messages have seen together.
    fn seen_by(&mut self, messages: impl Iterator<Item = u64>, place: &impl Fn(Slot) -> Place) -> u32 {
        let mut views: Vec<u32> = messages.map(|number| self.id_of(number)).filter(|&view| view != EMPTY).collect();
        views.sort_unstable();
        views.dedup();
        self.union(&views, None, place)
    }

    /// Returns the view that has seen everything in these views, and one more retirement.
    fn union(&mut self, views: &[u32], more: Option<(AuthorId, Slot)>, place: &impl Fn(Slot) -> Place) -> u32 {
        match (views, more) {
            ([], None) => return EMPTY,
            (&[view], None) => return view,
            _ => {}
        }
        let mut seen = BTreeMap::new();
        for (author, slot) in views.iter().flat_map(|&view| self.view(view).iter().copied()).chain(more) {
            keep_later(&mut seen, author, slot, place);
        }
        while seen.len() > Retirements::IN_VIEW
            && let Some((&first, _)) = seen.iter().min_by_key(|&(_, &slot)| place(slot))
        {
            seen.remove(&first);
        }
        let seen: View = seen.into_iter().collect();
        // Most often one of them has seen everything that the others have.
        let known = views.iter().copied().find(|&view| self.view(view) == seen);
        known.unwrap_or_else(|| {
            self.all.push(seen);
            u32::try_from(self.all.len()).unwrap_or(EMPTY)
        })
    }
}

/// Puts a retirement in the place of an earlier one of the same author.
fn keep_later(all: &mut BTreeMap<AuthorId, Slot>, author: AuthorId, slot: Slot, place: &impl Fn(Slot) -> Place) {
    let known = all.entry(author).or_insert(slot);
    if place(*known) < place(slot) {
        *known = slot;
    }
}
