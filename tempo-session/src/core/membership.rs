//! Heads, own messages, and who has what.

use std::{collections::BTreeSet, iter, ops::RangeInclusive, time::Duration};

use bytes::Bytes;
use tempo_clock::{AuthorId, LogicalClock};
use tempo_message::{Digest, Head, Kind, MessageId, Parent, planted};

use crate::core::{
    identity::{authors::Identity, conflict::IdentityConflict},
    session_core::SessionCore,
};

impl SessionCore {
    /// An author's head arrived, its own one as well; true when it says anything new.
    pub(crate) fn handle_head(&mut self, head: Head) -> bool {
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

    /// Why a new author is needed before the next message, if one is.
    pub fn conflict(&self) -> Option<IdentityConflict> {
        self.identity.conflict()
    }

    /// What a new author has to say before anything else: whose place it takes, and the name. Nothing, once it has spoken.
    pub(crate) fn introduction(&self) -> Vec<(Kind, Bytes)> {
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
    pub(crate) fn known(&self) -> u64 {
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
    #[cfg(feature = "folder")]
    pub(crate) fn first_after(&self, author: AuthorId, counter: u64) -> Option<(MessageId, i64)> {
        let (counter, _) = self.ledger.messages_after(author, counter).next()?;
        let id = MessageId { author, counter };
        let clocks = self.ledger.with_id(id).filter_map(|slot| self.ledger.order(slot));
        Some((id, clocks.map(|(stamp, _)| stamp.unix_ms).min()?))
    }

    /// Everybody whose head was seen.
    pub(crate) fn authors_with_head(&self) -> impl Iterator<Item = AuthorId> + '_ {
        self.heads.authors()
    }

    /// Whose place an author has taken, as it says itself.
    pub(crate) fn former_of(&self, author: AuthorId) -> Option<AuthorId> {
        self.ledger.former(author)
    }

    /// Whether an author is, or was, this installation.
    pub(crate) fn is_own(&self, author: AuthorId) -> bool {
        self.identity.is_own(author)
    }

    /// The author that this member writes as.
    pub fn author(&self) -> Option<AuthorId> {
        self.identity.me
    }

    /// Whom this installation was before, the last one last.
    pub(crate) fn former(&self) -> &[AuthorId] {
        &self.identity.former
    }

    /// Messages under the own name that this installation did not send.
    pub(crate) fn impostors(&self) -> impl Iterator<Item = MessageId> + '_ {
        self.identity.impostors.iter().map(|&(id, _)| id)
    }

    /// The last of the messages that this installation looks after: so many of each of its authors.
    pub(crate) fn own_recent(&self, most: usize) -> Vec<(MessageId, Digest)> {
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
    pub(crate) fn own_run(&self, author: AuthorId, run: RangeInclusive<u64>) -> Option<Vec<Digest>> {
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
    pub(crate) fn contiguous(&self, author: AuthorId) -> u64 {
        self.ledger.contiguous(author)
    }

    /// Whether everybody who counts is known to have a message, who is silent for `idle` aside.
    pub(crate) fn is_with_everybody(&self, id: MessageId, unix_ms: i64, idle: Duration) -> bool {
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
    pub(crate) fn looks_after(&self, id: MessageId, digest: Digest) -> bool {
        let is_own = self.own_authors().contains(&id.author);
        is_own && self.slot(id, digest).is_some() && !self.identity.impostors.contains(&(id, digest))
    }

    /// The messages that this installation looks after, after one of them, at most so many: what it has sent, and everything
    /// of the authors that it was before, whoever sent it.
    pub(crate) fn own_after(&self, after: Option<(MessageId, Digest)>, most: usize) -> Vec<(MessageId, Digest)> {
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
