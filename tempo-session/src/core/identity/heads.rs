//! What authors hint at, bounded, and never needed.

use std::collections::BTreeMap;

use tempo_clock::AuthorId;
use tempo_message::{Head, MessageId};

/// The merged heads of the authors.
#[derive(Debug, Default)]
pub(crate) struct Heads {
    by_author: BTreeMap<AuthorId, Head>,
    /// Of whom no message is accepted, although others say that they have some: up to which counter.
    rumored: BTreeMap<AuthorId, u64>,
    answered: Answers,
}

/// By author, and author of this installation: the last of its messages after which the other has written something. This
/// follows from messages, so a snapshot keeps it; heads come again.
pub(crate) type Answers = BTreeMap<(AuthorId, AuthorId), u64>;

/// The heads of so many authors are kept of whom no message is accepted: anybody can invent them.
const STRANGERS: usize = 256;
/// Of each head so much of what it has seen.
pub(crate) const SEEN: usize = 256;
/// Of so many authors of whom no message is accepted: somebody may have what is missing here.
const UNKNOWN: usize = 16;

impl Heads {
    pub(crate) fn answers(&self) -> &Answers {
        &self.answered
    }

    /// Goes on from answers that were kept.
    pub(crate) fn resume(&mut self, answers: Answers) {
        self.answered = answers;
    }

    /// Merges a head with what was known; `is_known` says of whom a message is accepted. True when anything is new.
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

    /// Somebody says that it has messages of a stranger; whether that is news.
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

    /// Up to which counter authors have written, as they say themselves, or as others say of strangers.
    pub(crate) fn written(&self) -> impl Iterator<Item = (AuthorId, u64)> + '_ {
        let own = self.by_author.values().map(|head| (head.author, head.counter));
        own.chain(self.rumored.iter().map(|(&author, &last)| (author, last)))
    }

    /// An author has answered this message of ours, so it has it, and all before; whether that is news.
    pub(crate) fn answer(&mut self, author: AuthorId, to: MessageId) -> bool {
        let last = self.answered.entry((author, to.author)).or_default();
        let is_news = *last < to.counter;
        *last = to.counter.max(*last);
        is_news
    }

    /// Who is known to have a message of another one.
    pub(crate) fn that_have(&self, id: MessageId) -> impl Iterator<Item = AuthorId> + '_ {
        let has = move |head: &&Head| {
            let of_others = head.seen.iter().any(|&(author, last)| author == id.author && last >= id.counter);
            of_others || (head.author == id.author && head.counter >= id.counter)
        };
        let answered = move |&(&(_, to), &last): &(&(AuthorId, AuthorId), &u64)| to == id.author && last >= id.counter;
        let authors = self.by_author.values().filter(has).map(|head| head.author);
        authors.chain(self.answered.iter().filter(answered).map(|(&(author, _), _)| author))
    }

    /// How many there are.
    pub(crate) fn len(&self) -> u64 {
        u64::try_from(self.by_author.len()).unwrap_or(u64::MAX)
    }

    /// The head of an author.
    pub(crate) fn of(&self, author: AuthorId) -> Option<&Head> {
        self.by_author.get(&author)
    }

    /// All of them.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Head> {
        self.by_author.values()
    }

    /// Everybody who has one.
    pub(crate) fn authors(&self) -> impl Iterator<Item = AuthorId> + '_ {
        self.by_author.keys().copied()
    }
}
