//! Heads, own messages, and which members have which messages.

use std::{collections::BTreeSet, iter, ops::RangeInclusive, time::Duration};

use bytes::Bytes;
use tempo_clock::{AuthorId, LogicalClock};
use tempo_message::{Digest, Head, Kind, MessageId, Parent, planted};

use crate::core::{
    identity::{authors::Identity, conflict::IdentityConflict},
    session_core::{SessionCore, id_of},
};

impl SessionCore {
    /// Handles the head of any author, including its own. Returns whether it contains news.
    pub(crate) fn handle_head(&mut self, mut head: Head) -> bool {
        if !self.is_own_word(&head) {
            return false;
        }
        head.seal = None;
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

    /// Returns the reason why the next message needs a new author, if any.
    pub fn conflict(&self) -> Option<IdentityConflict> {
        self.identity.conflict()
    }

    /// Returns the first messages of a new author: which author it succeeds, and the name. Empty once the
    /// author has written.
    pub(crate) fn introduction(&self) -> Vec<(Kind, Bytes)> {
        let former = &self.identity.former;
        // An author that no member has heard of was never used.
        let known = former.iter().rev().find(|&&former| self.latest_of(former).is_some()).or(former.last());
        let Some(former) = known.filter(|_| self.own_last.is_none() && !planted!(NoSuccessor)) else {
            return Vec::new();
        };
        let link = (Kind::Successor, Bytes::copy_from_slice(former.as_bytes()));
        let name = self.name(*former).map(|name| (Kind::Profile, Bytes::copy_from_slice(name.as_bytes())));
        iter::once(link).chain(name).collect()
    }

    /// Returns a number that grows with everything that a head tells: every accepted message, every new author, and
    /// every message that waits for another one of a known number.
    pub(crate) fn known(&self) -> u64 {
        self.ledger.len().saturating_add(self.heads.len()).saturating_add(self.doubts)
    }

    /// Returns the first messages that held ones wait for although others of their numbers are accepted.
    fn wanted(&self) -> Vec<(MessageId, Digest)> {
        let awaited = self.held.awaited().filter(|parent| self.is_elsewhere(parent));
        let hidden = awaited.filter(|parent| parent.counter <= self.ledger.contiguous(parent.author));
        hidden.take(Head::MAX_WANTED).map(|parent| (id_of(parent), parent.digest)).collect()
    }

    /// Returns this author's head for its current life. The head claims everything that is accepted, so all
    /// of that must be durable before the head is published.
    pub fn own_head(&self, unix_ms: i64) -> Option<Head> {
        let author = self.identity.me?;
        // An author known only by its head counts with zero messages.
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
            wanted: self.wanted(),
            life: self.identity.lives.last().copied().unwrap_or_default(),
            unix_ms,
            seal: None,
        })
    }

    /// Returns the merged hints of an author.
    pub fn head(&self, author: AuthorId) -> Option<&Head> {
        self.heads.of(author)
    }

    /// Returns the members known to have a message: its author, this member, those whose heads say so, and,
    /// for own messages, those that answered it or a later one. From the first fork of its author on, claims
    /// of others do not count, because they may mean either message.
    pub fn seen_by(&self, id: MessageId) -> Vec<AuthorId> {
        let is_certain = self.ledger.forks(id.author).first().is_none_or(|&first| id.counter < first);
        let me = self.identity.me.filter(|_| self.ledger.has(id));
        let writer = Some(id.author).filter(|_| self.ledger.has(id));
        let all: BTreeSet<AuthorId> = self.heads.that_have(id).filter(|_| is_certain).chain(me).chain(writer).collect();
        all.into_iter().collect()
    }

    /// Returns the first accepted message of an author after a counter, and its wall clock.
    #[cfg(feature = "folder")]
    pub(crate) fn first_after(&self, author: AuthorId, counter: u64) -> Option<(MessageId, i64)> {
        let (counter, _) = self.ledger.messages_after(author, counter).next()?;
        let id = MessageId { author, counter };
        let clocks = self.ledger.with_id(id).filter_map(|slot| self.ledger.order(slot));
        Some((id, clocks.map(|(stamp, _)| stamp.unix_ms).min()?))
    }

    /// Returns every author with a head.
    pub(crate) fn authors_with_head(&self) -> impl Iterator<Item = AuthorId> + '_ {
        self.heads.authors()
    }

    /// Returns the author whose place an author has taken, by its own account.
    pub(crate) fn former_of(&self, author: AuthorId) -> Option<AuthorId> {
        self.ledger.former(author)
    }

    /// Returns whether an author is, or was, this installation.
    pub(crate) fn is_own(&self, author: AuthorId) -> bool {
        self.identity.is_own(author)
    }

    /// Returns the author that this member writes as.
    pub fn author(&self) -> Option<AuthorId> {
        self.identity.me
    }

    /// Returns the former authors of this installation, the latest one last.
    pub(crate) fn former(&self) -> &[AuthorId] {
        &self.identity.former
    }

    /// Returns messages under the own author that this installation did not send.
    pub(crate) fn impostors(&self) -> impl Iterator<Item = MessageId> + '_ {
        self.identity.impostors.iter().map(|&(id, _)| id)
    }

    /// Returns the latest messages that this installation looks after, at most `most` of each of its authors.
    pub(crate) fn own_recent(&self, most: usize) -> Vec<(MessageId, Digest)> {
        let of = |author| {
            let first = self.ledger.last_counter(author).saturating_sub(u64::try_from(most).unwrap_or(u64::MAX));
            let messages = self.ledger.messages_after(author, first);
            messages.map(move |(counter, digest)| (MessageId { author, counter }, digest))
        };
        let impostors = &self.identity.impostors;
        self.own_authors().into_iter().flat_map(of).filter(|own| !impostors.contains(own)).collect()
    }

    /// Returns the digests of a run of messages that this installation looks after, or `None` unless each
    /// counter has exactly one message.
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

    /// Returns the last counter before the first gap in the accepted messages of an author.
    pub(crate) fn contiguous(&self, author: AuthorId) -> u64 {
        self.ledger.contiguous(author)
    }

    /// Returns whether every member that counts is known to have a message. Retired members and those silent for `idle` do
    /// not count.
    pub(crate) fn is_with_everybody(&self, id: MessageId, unix_ms: i64, idle: Duration) -> bool {
        let has: BTreeSet<AuthorId> = self.heads.that_have(id).collect();
        let retired = self.retired();
        let silent = self.silent(unix_ms, Some(idle));
        let members: BTreeSet<AuthorId> = self.ledger.authors().chain(self.heads.authors()).collect();
        let proven = |author| self.former_of(author).filter(|&former| self.has_proven(author, former));
        let succeeded: BTreeSet<AuthorId> = members.iter().filter_map(|&author| proven(author)).collect();
        let counts = |author: &AuthorId| {
            let is_gone = succeeded.contains(author) || retired.contains(author) || silent.contains(author);
            !self.identity.is_own(*author) && !is_gone
        };
        members.iter().filter(|author| counts(author)).all(|author| has.contains(author))
    }

    /// Returns every author that this installation looks after.
    pub(crate) fn own_authors(&self) -> Vec<AuthorId> {
        let Identity { me, former, .. } = &self.identity;
        former.iter().copied().filter(|_| !planted!(FormerIsForgotten)).chain(*me).collect()
    }

    /// Returns whether a message is accepted, has an author of this installation, and is not known to be
    /// foreign.
    pub(crate) fn looks_after(&self, id: MessageId, digest: Digest) -> bool {
        let is_own = self.own_authors().contains(&id.author);
        is_own && self.slot(id, digest).is_some() && !self.identity.impostors.contains(&(id, digest))
    }

    /// Returns the messages that this installation looks after, following a given one, at most `most`: those
    /// that it has sent, and all messages of its former authors, even if another installation sent them.
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
