//! The hints of authors. Their memory is bounded, and no rule depends on them.

use std::collections::BTreeMap;

use tempo_clock::AuthorId;
use tempo_message::{Head, MessageId};

/// The merged heads of all authors.
#[derive(Debug, Default)]
pub(crate) struct Heads {
    by_author: BTreeMap<AuthorId, Head>,
    /// The last counter of authors without an accepted message, according to other members that have their
    /// messages.
    rumored: BTreeMap<AuthorId, u64>,
    answered: Answers,
}

/// The last own message that each other author has answered, by answering author and own author. This follows
/// from messages, so a snapshot keeps it. Heads arrive again.
pub(crate) type Answers = BTreeMap<(AuthorId, AuthorId), u64>;

/// The most heads kept of authors without an accepted message. Anyone can invent such authors.
const STRANGERS: usize = 256;
/// The most entries of `seen` kept for each head.
pub(crate) const SEEN: usize = 256;
/// The most authors without an accepted message kept per head. Another member may have the messages that are
/// missing here.
const UNKNOWN: usize = 16;

impl Heads {
    pub(crate) fn answers(&self) -> &Answers {
        &self.answered
    }

    /// Resumes from saved answers.
    pub(crate) fn resume(&mut self, answers: Answers) {
        self.answered = answers;
    }

    /// Merges a head into the known ones and returns whether it contains news. `is_known` returns whether any
    /// message of an author is accepted.
    pub(crate) fn take(&mut self, mut head: Head, is_known: impl Fn(AuthorId) -> bool) -> bool {
        let is_rumor = head
            .seen
            .iter()
            .filter(|&&(author, _)| !is_known(author))
            .fold(false, |is_rumor, &(author, last)| self.hear_of(author, last) || is_rumor);
        let mut unknown = 0;
        head.seen.retain(|&(author, _)| {
            unknown += usize::from(!is_known(author));
            is_known(author) || unknown <= UNKNOWN
        });
        head.seen.truncate(SEEN);
        if let Some(known) = self.by_author.get_mut(&head.author) {
            let before = known.clone();
            known.merge(&head);
            known.seen.truncate(SEEN);
            return is_rumor || *known != before;
        }
        let strangers = self.by_author.keys().filter(|&&author| !is_known(author)).count();
        let has_room = is_known(head.author) || strangers < STRANGERS;
        if has_room {
            self.by_author.insert(head.author, head);
        }
        is_rumor || has_room
    }

    /// Records that another member has messages of a stranger. Returns whether that is news.
    fn hear_of(&mut self, author: AuthorId, last: u64) -> bool {
        let has_room = self.rumored.len() < STRANGERS || self.rumored.contains_key(&author);
        if last == 0 || !has_room {
            return false;
        }
        let known = self.rumored.entry(author).or_default();
        let is_news = last > *known;
        *known = last.max(*known);
        is_news
    }

    /// Returns the last counter of each author, by its own head or, for strangers, by the heads of others.
    pub(crate) fn written(&self) -> impl Iterator<Item = (AuthorId, u64)> + '_ {
        let own = self.by_author.values().map(|head| (head.author, head.counter));
        own.chain(self.rumored.iter().map(|(&author, &last)| (author, last)))
    }

    /// Records that an author has answered a message of ours, so it has that message and all before it.
    /// Returns whether that is news.
    pub(crate) fn answer(&mut self, author: AuthorId, to: MessageId) -> bool {
        let last = self.answered.entry((author, to.author)).or_default();
        let is_news = *last < to.counter;
        *last = to.counter.max(*last);
        is_news
    }

    /// Returns the authors known to have a message of another author.
    pub(crate) fn that_have(&self, id: MessageId) -> impl Iterator<Item = AuthorId> + '_ {
        let has = move |head: &&Head| {
            let of_others = head.seen.iter().any(|&(author, last)| author == id.author && last >= id.counter);
            of_others || (head.author == id.author && head.counter >= id.counter)
        };
        let answered = move |&(&(_, to), &last): &(&(AuthorId, AuthorId), &u64)| to == id.author && last >= id.counter;
        let authors = self.by_author.values().filter(has).map(|head| head.author);
        authors.chain(self.answered.iter().filter(answered).map(|(&(author, _), _)| author))
    }

    /// Returns the number of heads.
    pub(crate) fn len(&self) -> u64 {
        u64::try_from(self.by_author.len()).unwrap_or(u64::MAX)
    }

    /// Returns the head of an author.
    pub(crate) fn of(&self, author: AuthorId) -> Option<&Head> {
        self.by_author.get(&author)
    }

    /// Returns all heads.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Head> {
        self.by_author.values()
    }

    /// Returns every author with a head.
    pub(crate) fn authors(&self) -> impl Iterator<Item = AuthorId> + '_ {
        self.by_author.keys().copied()
    }
}
