//! The messages that other members lack, and each member's turn to relay them.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use tempo_clock::AuthorId;
use tempo_message::{Digest, Head, MessageId};

use crate::core::{identity::heads::SEEN, session_core::SessionCore};

/// Settings for relaying messages of others that are nowhere in the folder, and for withdrawing relays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Relaying {
    /// The time that a member must have reported missing the messages without receiving any of them.
    pub lacking: Duration,
    /// The time that the messages must have been nowhere in the folder.
    pub absent: Duration,
    /// The time without news of their author, which would publish the messages itself.
    pub silent: Duration,
    /// The additional time that each member with the messages waits for the one before it.
    pub turn: Duration,
    /// The time between two published files.
    pub pause: Duration,
    /// The time that the author's own files must have been back before the relay is withdrawn.
    pub back: Duration,
    /// The time without news after which a member neither counts as lacking messages nor has a turn.
    pub patience: Duration,
    /// The most times that a member relays one author's vanished messages without being asked.
    pub times: u32,
}

impl Default for Relaying {
    fn default() -> Self {
        const HOUR: Duration = Duration::from_secs(3600);
        Self {
            lacking: HOUR / 6,
            absent: HOUR,
            silent: HOUR * 24,
            turn: HOUR / 2,
            pause: HOUR / 60,
            back: HOUR * 24 * 7,
            patience: HOUR * 24 * 30,
            times: 3,
        }
    }
}

/// The most heads examined.
const LOOKED_THROUGH: usize = 256;

impl SessionCore {
    /// Returns the authors whose messages some member that counts lacks and this one has. Each comes with the
    /// last counter that all members that count have reached.
    pub(crate) fn lacked(&self, counts: impl Fn(&Head) -> bool) -> BTreeMap<AuthorId, u64> {
        let heads: Vec<Known> = self.others(counts).map(Known::by).collect();
        let has = |id, digest| self.slot(id, digest).is_some();
        let others = self.authors().filter(|&author| !self.is_own(author));
        let lacked = others.filter_map(|author| {
            let known = heads.iter().filter(|head| head.member != author);
            let least = known.filter_map(|head| head.up_to(author, has)).min()?;
            (least < self.contiguous(author)).then_some((author, least))
        });
        lacked.collect()
    }

    /// Returns the number of members that relay an author's messages before this one: those that count and
    /// have the author's messages up to `last`. The order differs by author and is equal for every member.
    pub(crate) fn rank(&self, author: AuthorId, last: u64, counts: impl Fn(&Head) -> bool) -> u32 {
        let Some(me) = self.author() else { return u32::MAX };
        let order = |relayer: AuthorId| Digest::of(&[author.as_bytes().as_slice(), relayer.as_bytes()].concat());
        let able = self.others(counts).filter(|head| head.author != author).map(Known::by);
        let able = able.filter(|head| head.up_to(author, |_, _| true).is_some_and(|seen| seen >= last));
        able.filter(|head| order(head.member) < order(me)).fold(0, |rank, _| rank + 1)
    }

    /// Returns at most `most` messages of an author after a counter.
    pub(crate) fn messages_after(&self, author: AuthorId, counter: u64, most: usize) -> Vec<(u64, Digest)> {
        self.ledger.messages_after(author, counter).take(most).collect()
    }

    /// Returns the heads of other members, except authors that have a successor.
    fn others(&self, counts: impl Fn(&Head) -> bool) -> impl Iterator<Item = &Head> {
        let succeeded: BTreeSet<AuthorId> = self.proven_former().collect();
        let is_other = move |head: &&Head| !self.is_own(head.author) && !succeeded.contains(&head.author);
        self.heads.iter().filter(is_other).filter(move |head| counts(head)).take(LOOKED_THROUGH)
    }
}

/// What a member has of each author, by its head.
struct Known<'a> {
    member: AuthorId,
    seen: BTreeMap<AuthorId, u64>,
    wanted: &'a [(MessageId, Digest)],
}

impl<'a> Known<'a> {
    fn by(head: &'a Head) -> Self {
        Self { member: head.author, seen: head.seen.iter().copied().collect(), wanted: &head.wanted }
    }

    /// Returns the counter up to which the member lacks no message of an author, except messages that it wants and that
    /// do not count. An author that it does not list has zero, unless its list is full.
    fn up_to(&self, author: AuthorId, counts: impl Fn(MessageId, Digest) -> bool) -> Option<u64> {
        let is_full = self.seen.len() >= SEEN;
        let seen = self.seen.get(&author).copied().or((!is_full).then_some(0))?;
        let wanted = self.wanted.iter().filter(|(id, digest)| id.author == author && counts(*id, *digest));
        Some(wanted.map(|(id, _)| id.counter.saturating_sub(1)).fold(seen, u64::min))
    }
}
