//! Whose messages others lack that are here, and who of those that have them puts them into the folder first.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use tempo_clock::AuthorId;
use tempo_message::{Digest, Head};

use crate::core::session_core::SessionCore;

/// When messages of others that lie nowhere in the folder are put there by this member, and when it takes them back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Relaying {
    /// So long a member must have said that it lacks them, and have received nothing of them meanwhile.
    pub lacking: Duration,
    /// So long they must have lain nowhere.
    pub absent: Duration,
    /// So long nothing must have been heard of their author, who would put them there itself.
    pub silent: Duration,
    /// By so much each member that has them waits longer than the one before it.
    pub turn: Duration,
    /// The time from one file to the next.
    pub pause: Duration,
    /// So long the author's own must have been back before what was relayed is taken back.
    pub back: Duration,
    /// A member of whom nothing was heard for so long neither lacks anything nor has a turn.
    pub patience: Duration,
    /// Whoever sees the messages of an author vanish again puts them there no more often than this without being asked.
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

/// The heads of so many members are looked through.
const LOOKED_THROUGH: usize = 256;

impl SessionCore {
    /// Of which authors some member that counts lacks messages that are here: each with the counter up to which everybody has
    /// them.
    pub(crate) fn lacked(&self, counts: impl Fn(&Head) -> bool) -> BTreeMap<AuthorId, u64> {
        let heads: Vec<(AuthorId, BTreeMap<AuthorId, u64>)> = self.others(counts).map(seen_by).collect();
        let others = self.authors().filter(|&author| !self.is_own(author));
        let lacked = others.filter_map(|author| {
            let least = heads.iter().filter(|(of, _)| *of != author).filter_map(|(_, seen)| has(seen, author)).min()?;
            (least < self.contiguous(author)).then_some((author, least))
        });
        lacked.collect()
    }

    /// How many members that count and have an author's messages up to this one come before this member in putting them into the
    /// folder. For each author it is another order, the same for everybody.
    pub(crate) fn rank(&self, author: AuthorId, last: u64, counts: impl Fn(&Head) -> bool) -> u32 {
        let Some(me) = self.author() else { return u32::MAX };
        let order = |relayer: AuthorId| Digest::of(&[author.as_bytes().as_slice(), relayer.as_bytes()].concat());
        let able = self.others(counts).filter(|head| head.author != author).map(seen_by);
        let able = able.filter(|(_, seen)| has(seen, author).is_some_and(|seen| seen >= last));
        able.filter(|&(relayer, _)| order(relayer) < order(me)).fold(0, |rank, _| rank + 1)
    }

    /// The messages of an author after a counter, at most so many.
    pub(crate) fn messages_after(&self, author: AuthorId, counter: u64, most: usize) -> Vec<(u64, Digest)> {
        self.ledger.messages_after(author, counter).take(most).collect()
    }

    /// The heads of other members, who have not become somebody else since.
    fn others(&self, counts: impl Fn(&Head) -> bool) -> impl Iterator<Item = &Head> {
        let succeeded: BTreeSet<AuthorId> = self.ledger.claims().map(|(former, _)| former).collect();
        let is_other = move |head: &&Head| !self.is_own(head.author) && !succeeded.contains(&head.author);
        self.heads.iter().filter(is_other).filter(move |head| counts(head)).take(LOOKED_THROUGH)
    }
}

fn seen_by(head: &Head) -> (AuthorId, BTreeMap<AuthorId, u64>) {
    (head.author, head.seen.iter().copied().collect())
}

/// How much somebody has of an author; a head has room for so many, and nothing follows from who is not in a full one.
fn has(seen: &BTreeMap<AuthorId, u64>, author: AuthorId) -> Option<u64> {
    seen.get(&author).copied().or((seen.len() < crate::core::identity::heads::SEEN).then_some(0))
}
