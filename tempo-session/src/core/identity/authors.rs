//! Who this member is, whom it was before, and what shows that somebody else is the same.

use std::{collections::BTreeSet, iter, ops::RangeInclusive, time::Duration};

use bytes::Bytes;
use tempo_clock::{AuthorId, LogicalClock};
use tempo_message::{Digest, Head, Kind, Life, MessageId, Parent, planted};
use thiserror::Error;

use crate::core::session_core::SessionCore;

/// Why a member must go on as a new author: what it wrote under the old name could take a counter that is in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum IdentityConflict {
    /// Another installation has written this message: it was found, or others say that they come after it.
    #[error("message {id} was written under this name by another installation, or before the local state was restored")]
    Message {
        /// The message that is not ours.
        id: MessageId,
    },
    /// The author's head says more than this installation knows of itself.
    #[error("the folder shows {} message(s) and {} start(s) of this author, the local state {known}", head.0, head.1)]
    Head {
        /// The counter and the number of the life in the head.
        head: (u64, u64),
        /// The own last counter.
        known: u64,
    },
    /// The local state lies on another machine, or in another file, than where it was written.
    #[error("the local state is a copy")]
    Copied,
    /// The folder is a copy of another one, which is still in its place and in which the former author writes.
    #[error("the folder is a copy of another one in which this member writes")]
    CopiedFolder,
}

/// The authors of an installation.
#[derive(Debug)]
pub(crate) struct Identity {
    /// Who it writes as; `None` for an observer.
    pub(crate) me: Option<AuthorId>,
    /// Whom it was before, the last one last.
    pub(crate) former: Vec<AuthorId>,
    /// The lives that it has lived, the last one last; the first ones are forgotten.
    pub(crate) lives: Vec<Life>,
    /// Messages under the present name that this installation did not send.
    pub(crate) impostors: BTreeSet<(MessageId, Digest)>,
    /// Another sign that the name is in use.
    pub(crate) sign: Option<IdentityConflict>,
}

/// So many foreign messages under the own name are remembered; one is reason enough.
const IMPOSTORS: usize = 1024;

impl Identity {
    pub(crate) fn new(me: Option<AuthorId>) -> Self {
        Self { me, former: Vec::new(), lives: Vec::new(), impostors: BTreeSet::new(), sign: None }
    }

    /// Whether an author is, or was, this installation.
    pub(crate) fn is_own(&self, author: AuthorId) -> bool {
        self.me == Some(author) || self.former.contains(&author)
    }

    /// Why a new author is needed, if one is.
    pub(crate) fn conflict(&self) -> Option<IdentityConflict> {
        let message = self.impostors.first().map(|&(id, _)| IdentityConflict::Message { id });
        self.sign.or(message).filter(|_| self.me.is_some() && !planted!(WriteOn))
    }

    /// Goes on as another author, of whom nobody else can know.
    pub(crate) fn become_author(&mut self, author: AuthorId) {
        self.former.extend(self.me.replace(author));
        self.impostors.clear();
        self.sign = None;
    }

    /// A message under the own name is not this installation's.
    pub(crate) fn find_impostor(&mut self, id: MessageId, digest: Digest) {
        if self.impostors.len() < IMPOSTORS {
            self.impostors.insert((id, digest));
        }
    }

    /// Compares a head with what this installation knows of itself; `last` is its last counter, and `is_own` tells whether a
    /// digest is that of its message of a counter.
    pub(crate) fn judge(&mut self, head: &Head, last: u64, is_own: impl Fn(u64, Digest) -> bool) {
        if Some(head.author) != self.me {
            return;
        }
        let first_known = self.lives.first().map_or(0, |life| life.number);
        let is_strange_life =
            head.life.number >= first_known && head.life.number > 0 && !self.lives.contains(&head.life);
        let is_ahead = head.counter > last;
        let is_strange_message = head.digest.is_some_and(|digest| !is_own(head.counter, digest));
        if is_strange_life || is_ahead || is_strange_message {
            self.sign = Some(IdentityConflict::Head { head: (head.counter, head.life.number), known: last });
        }
    }
}

impl SessionCore {
    /// An author's head arrived, its own one as well; true when it says anything new.
    pub fn handle_head(&mut self, head: Head) -> bool {
        let last = self.own_last.map_or(0, |last| last.counter);
        let is_here = |counter, digest| {
            let parent = Parent { author: head.author, counter, digest };
            !self.is_elsewhere(&parent)
        };
        let is_own = head.digest.is_some_and(|digest| is_here(head.counter, digest));
        self.identity.judge(&head, last, |_, _| is_own);
        let ledger = &self.ledger;
        self.heads.take(head, |author| ledger.latest(author).is_some())
    }

    /// The installation has been these authors before, in this order, and has lived these lives.
    pub fn handle_restored(&mut self, former: Vec<AuthorId>, lives: Vec<Life>) {
        (self.identity.former, self.identity.lives) = (former, lives);
    }

    /// The installation begins another life; the store knows already.
    pub fn handle_life(&mut self, lives: Vec<Life>) {
        self.identity.lives = lives;
    }

    /// Something outside the folder says that the present author must not go on.
    pub fn handle_conflict(&mut self, why: IdentityConflict) {
        self.identity.sign = Some(why);
    }

    /// Goes on as a new author; the store knows already.
    pub fn become_author(&mut self, author: AuthorId) {
        self.identity.become_author(author);
        self.own_last = None;
    }

    /// Why a new author is needed before the next message, if one is.
    pub fn conflict(&self) -> Option<IdentityConflict> {
        self.identity.conflict()
    }

    /// What a new author has to say before anything else: whose place it takes, and the name. Nothing, once it has spoken.
    pub fn introduction(&self) -> Vec<(Kind, Bytes)> {
        let former = &self.identity.former;
        // One of which nobody has heard has never been anybody.
        let known = former.iter().rev().find(|&&former| self.latest_of(former).is_some()).or(former.last());
        let Some(former) = known.filter(|_| self.own_last.is_none() && !planted!(NoSuccessor)) else {
            return Vec::new();
        };
        let link = (Kind::Successor, Bytes::copy_from_slice(former.as_bytes()));
        let name = self.name(*former).map(|name| (Kind::Profile, Bytes::copy_from_slice(name.as_bytes())));
        iter::once(link).chain(name).collect()
    }

    /// A number that grows with everything that is accepted and with everybody who is met.
    pub fn known(&self) -> u64 {
        self.ledger.len().saturating_add(self.heads.len())
    }

    /// The head of this author, for the life that it lives. It claims everything that is accepted, so all of that must be
    /// durable before it is left.
    pub fn own_head(&self, unix_ms: i64) -> Option<Head> {
        let author = self.identity.me?;
        // Whoever is only met by a head counts with nothing.
        let met: BTreeSet<AuthorId> = self.ledger.authors().chain(self.heads.authors()).collect();
        let others = met.into_iter().filter(|&other| other != author);
        Some(Head {
            author,
            name: self.name(author).map(str::to_owned),
            place: None,
            counter: self.own_last.map_or(0, |last| last.counter),
            digest: self.own_last.map(|last| last.digest),
            lamport: self.clock.latest(),
            seen: others.map(|other| (other, self.ledger.contiguous(other))).collect(),
            life: self.identity.lives.last().copied().unwrap_or_default(),
            unix_ms,
        })
    }

    /// What an author hints at, merged from everything that it has hinted.
    pub fn head(&self, author: AuthorId) -> Option<&Head> {
        self.heads.of(author)
    }

    /// Who is known to have a message: its author, this member, those whose heads say so, and, if it is ours, whoever has
    /// answered it or a later one. From where on there are two messages of one number, nothing is known: what others say that
    /// they have may be either.
    pub fn seen_by(&self, id: MessageId) -> Vec<AuthorId> {
        let is_certain = self.ledger.forks(id.author).first().is_none_or(|&first| id.counter < first);
        let me = self.identity.me.filter(|_| self.ledger.has(id));
        let writer = Some(id.author).filter(|_| self.ledger.has(id));
        let all: BTreeSet<AuthorId> = self.heads.that_have(id).filter(|_| is_certain).chain(me).chain(writer).collect();
        all.into_iter().collect()
    }

    /// The first message of an author after a counter that is accepted, and the wall clock of its author.
    pub fn first_after(&self, author: AuthorId, counter: u64) -> Option<(MessageId, i64)> {
        let (counter, _) = self.ledger.messages_after(author, counter).next()?;
        let id = MessageId { author, counter };
        let clocks = self.ledger.with_id(id).filter_map(|slot| self.ledger.order(slot));
        Some((id, clocks.map(|(stamp, _)| stamp.unix_ms).min()?))
    }

    /// Everybody whose head was seen.
    pub fn authors_with_head(&self) -> impl Iterator<Item = AuthorId> + '_ {
        self.heads.authors()
    }

    /// Whose place an author has taken, as it says itself.
    pub fn former_of(&self, author: AuthorId) -> Option<AuthorId> {
        self.ledger.former(author)
    }

    /// Whether an author is, or was, this installation.
    pub fn is_own(&self, author: AuthorId) -> bool {
        self.identity.is_own(author)
    }

    /// The author that this member writes as.
    pub fn author(&self) -> Option<AuthorId> {
        self.identity.me
    }

    /// Whom this installation was before, the last one last.
    pub fn former(&self) -> &[AuthorId] {
        &self.identity.former
    }

    /// Messages under the own name that this installation did not send.
    pub fn impostors(&self) -> impl Iterator<Item = MessageId> + '_ {
        self.identity.impostors.iter().map(|&(id, _)| id)
    }

    /// The last of the messages that this installation looks after: so many of each of its authors.
    pub fn own_recent(&self, most: usize) -> Vec<(MessageId, Digest)> {
        let of = |author| {
            let first = self.ledger.last_counter(author).saturating_sub(u64::try_from(most).unwrap_or(u64::MAX));
            let messages = self.ledger.messages_after(author, first);
            messages.map(move |(counter, digest)| (MessageId { author, counter }, digest))
        };
        let impostors = &self.identity.impostors;
        self.own_authors().into_iter().flat_map(of).filter(|own| !impostors.contains(own)).collect()
    }

    /// The digests of a run of messages that this installation looks after; `None` unless there is exactly one message of
    /// each number.
    pub fn own_run(&self, author: AuthorId, run: RangeInclusive<u64>) -> Option<Vec<Digest>> {
        let mut expected = run.clone();
        let mut digests = Vec::new();
        let messages = self.ledger.messages_after(author, run.start().checked_sub(1)?);
        for (counter, digest) in messages.take_while(|(counter, _)| run.contains(counter)) {
            let is_foreign = self.identity.impostors.contains(&(MessageId { author, counter }, digest));
            if is_foreign || expected.next() != Some(counter) {
                return None;
            }
            digests.push(digest);
        }
        expected.next().is_none().then_some(digests)
    }

    /// All messages of an author up to this counter are accepted, and no more in a row.
    pub fn contiguous(&self, author: AuthorId) -> u64 {
        self.ledger.contiguous(author)
    }

    /// Whether everybody who counts is known to have a message, who is silent for `idle` aside.
    pub fn is_with_everybody(&self, id: MessageId, unix_ms: i64, idle: Duration) -> bool {
        let has: BTreeSet<AuthorId> = self.heads.that_have(id).collect();
        let silent = self.silent(unix_ms, Some(idle));
        let members: BTreeSet<AuthorId> = self.ledger.authors().chain(self.heads.authors()).collect();
        let succeeded: BTreeSet<AuthorId> = members.iter().filter_map(|&author| self.former_of(author)).collect();
        let counts = |author: &AuthorId| {
            !self.identity.is_own(*author) && !succeeded.contains(author) && !silent.contains(author)
        };
        members.iter().filter(|author| counts(author)).all(|author| has.contains(author))
    }

    /// Every author that this installation looks after.
    pub(crate) fn own_authors(&self) -> Vec<AuthorId> {
        let Identity { me, former, .. } = &self.identity;
        former.iter().copied().filter(|_| !planted!(FormerIsForgotten)).chain(*me).collect()
    }

    /// Whether a message is accepted and of an author of this installation, and not known to be another installation's.
    pub fn looks_after(&self, id: MessageId, digest: Digest) -> bool {
        let is_own = self.own_authors().contains(&id.author);
        is_own && self.slot(id, digest).is_some() && !self.identity.impostors.contains(&(id, digest))
    }

    /// The messages that this installation looks after, after one of them, at most so many: what it has sent, and everything
    /// of the authors that it was before, whoever sent it.
    pub fn own_after(&self, after: Option<(MessageId, Digest)>, most: usize) -> Vec<(MessageId, Digest)> {
        let impostors = &self.identity.impostors;
        let mut authors = self.own_authors();
        authors.sort_unstable();
        let later = authors.into_iter().filter(|&author| after.is_none_or(|(id, _)| author >= id.author));
        let messages = later.flat_map(|author| {
            let within = after.filter(|(id, _)| id.author == author).map_or(0, |(id, _)| id.counter.saturating_sub(1));
            self.ledger
                .messages_after(author, within)
                .map(move |(counter, digest)| (MessageId { author, counter }, digest))
        });
        messages.filter(|own| after < Some(*own) && !impostors.contains(own)).take(most).collect()
    }
}
