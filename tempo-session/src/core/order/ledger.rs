//! All accepted messages, found by author, counter and digest. Payloads are not kept.
//!
//! The messages of each author are stored in consecutive blocks, so the place of a message determines its
//! author and counter.

pub(crate) mod flat;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tempo_clock::{AuthorId, Lamport, Stamp};
use tempo_message::{Digest, Message, MessageId, Parent};

use crate::core::event::Slot;

#[derive(Debug, Default)]
pub(crate) struct Ledger {
    blocks: Vec<Block>,
    chains: Vec<Chain>,
    by_author: BTreeMap<AuthorId, u32>,
    /// The number of messages.
    len: u32,
}

/// Consecutive messages of one author, each continuing the one before. At most [`MOST`](Self::MOST).
#[derive(Debug)]
struct Block {
    chain: u32,
    /// The counter of the first message.
    first: u64,
    records: Vec<Record>,
}

#[derive(Debug, Clone, Copy)]
struct Record {
    digest: Digest,
    unix_ms: i64,
    /// The logical time: one more than that of the latest cause, and so at most the number of messages.
    lamport: u32,
    /// The number of messages accepted before this one.
    number: u32,
}

// The ledger has one record for each message, and little else.
const _: () = assert!(size_of::<Record>() == 48);

/// The messages of one author, as stored in a [snapshot](crate::core::snapshot).
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Chain {
    author: AuthorId,
    /// The first slot of each block of the main line. The main line has the first accepted message of each
    /// counter, as long as each continues the one before. All blocks but the last are full. Which branch of a
    /// fork is on the main line depends on the order of arrival, so no visible result may depend on it.
    main: Vec<Slot>,
    /// The number of messages on the main line.
    on_main: u64,
    /// All other messages, each in a block of its own.
    branches: BTreeMap<(u64, Digest), Branch>,
    /// Display names by counter, then order.
    names: BTreeMap<NameKey, String>,
    /// Those of them on the main line, by counter.
    names_on_main: BTreeMap<u64, NameKey>,
    /// The message with the greatest stamp.
    latest: Option<Slot>,
    /// The former author whose place this author takes, by the first message that says so.
    former: Option<Box<Claim>>,
    /// The message with the latest wall clock among all causes of its messages.
    past: Option<Slot>,
}

/// The message that gives an author a name: its counter and its place in the order.
type NameKey = (u64, Stamp, Digest);

/// A message that names a former author, and that author.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Claim {
    of: (u64, Stamp, Digest),
    former: AuthorId,
}

/// A message beside the main line, the digest of the one before it, and the last name before it.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Branch {
    slot: Slot,
    previous: Option<Digest>,
    name: Option<NameKey>,
}

/// A summary of the accepted causes of a message.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Past {
    /// The greatest time among the causes.
    pub(crate) lamport: Lamport,
    /// The cause with the latest wall clock.
    clock: Option<Slot>,
}

/// The changes to an author by one added message.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Added {
    pub(crate) slot: Slot,
    pub(crate) is_first: bool,
    /// True if the message is the second with its counter.
    pub(crate) forks: bool,
}

impl Ledger {
    /// Summarizes the accepted causes of a message, and returns the missing ones.
    pub(crate) fn causes_of(&self, message: &Message) -> (Past, Vec<Parent>) {
        let (mut past, mut missing) = (Past::default(), Vec::new());
        for cause in message.causes() {
            match self.find(&cause) {
                Some(slot) => {
                    past.lamport = past.lamport.max(self.lamport(slot).unwrap_or_default());
                    past.clock = self.later_clock(past.clock, Some(slot));
                }
                None => missing.push(cause),
            }
        }
        (past, missing)
    }

    /// Adds a message whose causes are all accepted. `past` is their summary.
    pub(crate) fn add(&mut self, message: &Message, digest: Digest, past: Past) -> Added {
        let id = message.id;
        let chain_at = self.chain_of(id.author);
        let Some(chain) = self.chains.get(chain_at as usize) else {
            return Added::default();
        };
        let is_first = chain.latest.is_none();
        let is_latest = chain.latest.is_none_or(|latest| self.is_before(latest, &(message.stamp(), digest)));
        let past = self.later_clock(chain.past, past.clock);
        let is_on_main = id.counter <= chain.on_main;
        let continues = id.counter - 1 == chain.on_main && message.previous == self.last_of_main(chain);
        let in_branches = chain.branches.range((id.counter, LEAST)..=(id.counter, GREATEST)).count();
        let next = Slot::new(self.blocks.len(), 0);
        let slot = if continues { chain.slot_after_main().unwrap_or(next) } else { next };
        if slot == next {
            self.blocks.push(Block::new(chain_at, id.counter, continues));
        }
        if let Some(block) = self.blocks.get_mut(slot.block()) {
            let lamport = u32::try_from(message.lamport.0).unwrap_or(u32::MAX);
            block.records.push(Record { digest, unix_ms: message.unix_ms, lamport, number: self.len });
        }
        self.len = self.len.saturating_add(1);
        let name = if continues { None } else { self.name_before(message) };
        if let Some(chain) = self.chains.get_mut(chain_at as usize) {
            if continues {
                chain.on_main = id.counter;
                if slot == next {
                    chain.main.push(slot);
                }
            } else {
                chain.branches.insert((id.counter, digest), Branch { slot, previous: message.previous, name });
            }
            chain.latest = if is_latest { Some(slot) } else { chain.latest };
            chain.past = past;
        }
        Added { slot, is_first, forks: usize::from(is_on_main) + in_branches == 1 }
    }

    /// Returns the accepted message that a parent names, if it is here.
    pub(crate) fn find(&self, parent: &Parent) -> Option<Slot> {
        let chain = self.chain(parent.author)?;
        let on_main = chain.slot(parent.counter).filter(|&slot| self.digest(slot) == Some(parent.digest));
        on_main.or_else(|| chain.branches.get(&(parent.counter, parent.digest)).map(|branch| branch.slot))
    }

    /// Returns whether a message is on the main line of its author.
    pub(crate) fn is_on_main(&self, slot: Slot) -> bool {
        let on_main = || {
            let block = self.blocks.get(slot.block())?;
            self.chains.get(block.chain as usize)?.slot(block.first + slot.at() as u64)
        };
        on_main() == Some(slot)
    }

    /// Returns the digest of the message that precedes a message beside the main line.
    pub(crate) fn previous(&self, slot: Slot) -> Option<Digest> {
        let block = self.blocks.get(slot.block())?;
        let chain = self.chains.get(block.chain as usize)?;
        chain.branches.get(&(block.first, self.digest(slot)?))?.previous
    }

    /// Returns the number of accepted messages.
    pub(crate) fn len(&self) -> u64 {
        self.len.into()
    }

    /// Returns whether any message with this id is accepted.
    pub(crate) fn has(&self, id: MessageId) -> bool {
        self.with_id(id).next().is_some()
    }

    /// Returns the accepted messages with an id. A fork has more than one.
    pub(crate) fn with_id(&self, id: MessageId) -> impl Iterator<Item = Slot> + '_ {
        self.chain(id.author).into_iter().flat_map(move |chain| {
            let branches = chain.branches.range((id.counter, LEAST)..=(id.counter, GREATEST));
            chain.slot(id.counter).into_iter().chain(branches.map(|(_, branch)| branch.slot))
        })
    }

    pub(crate) fn id(&self, slot: Slot) -> Option<MessageId> {
        let block = self.blocks.get(slot.block())?;
        let author = self.chains.get(block.chain as usize)?.author;
        Some(MessageId { author, counter: block.first + slot.at() as u64 })
    }

    /// Returns how many of these messages each author has written.
    pub(crate) fn count_by_author(&self, slots: impl Iterator<Item = Slot>) -> BTreeMap<AuthorId, u64> {
        // A block has messages of one author only, so few look-ups are necessary.
        let mut in_blocks = vec![0_u64; self.blocks.len()];
        for slot in slots {
            if let Some(count) = in_blocks.get_mut(slot.block()) {
                *count += 1;
            }
        }
        let mut by_author = BTreeMap::new();
        for (block, count) in self.blocks.iter().zip(in_blocks).filter(|(_, count)| *count > 0) {
            if let Some(chain) = self.chains.get(block.chain as usize) {
                *by_author.entry(chain.author).or_default() += count;
            }
        }
        by_author
    }

    pub(crate) fn digest(&self, slot: Slot) -> Option<Digest> {
        self.record(slot).map(|record| record.digest)
    }

    pub(crate) fn lamport(&self, slot: Slot) -> Option<Lamport> {
        self.record(slot).map(Record::lamport)
    }

    /// Returns the number of messages accepted before this one.
    pub(crate) fn number(&self, slot: Slot) -> Option<u64> {
        self.record(slot).map(|record| record.number.into())
    }

    /// Returns the values that order a message among all others.
    pub(crate) fn order(&self, slot: Slot) -> Option<(Stamp, Digest)> {
        let block = self.blocks.get(slot.block())?;
        let record = block.records.get(slot.at())?;
        let author = self.chains.get(block.chain as usize)?.author;
        Some((Stamp { lamport: record.lamport(), unix_ms: record.unix_ms, author }, record.digest))
    }

    /// Returns whether a message comes before a place in the order. Most often the times decide, so the rest
    /// is compared lazily.
    pub(crate) fn is_before(&self, slot: Slot, (stamp, digest): &(Stamp, Digest)) -> bool {
        let Some(block) = self.blocks.get(slot.block()) else { return false };
        let Some(record) = block.records.get(slot.at()) else { return false };
        let times = (record.lamport(), record.unix_ms).cmp(&(stamp.lamport, stamp.unix_ms));
        let author = || self.chains.get(block.chain as usize).map(|chain| chain.author);
        times.then_with(|| (author(), &record.digest).cmp(&(Some(stamp.author), digest))).is_lt()
    }

    /// Records a display name. Returns whether it changed the author's latest name.
    pub(crate) fn add_name(&mut self, message: &Message, digest: Digest, name: &str) -> bool {
        let chain_at = self.chain_of(message.id.author) as usize;
        let Some(chain) = self.chains.get_mut(chain_at) else {
            return false;
        };
        let before = chain.names.values().next_back().cloned();
        let (counter, key) = (message.id.counter, (message.id.counter, message.stamp(), digest));
        chain.names.insert(key, name.to_owned());
        if !chain.branches.contains_key(&(counter, digest)) {
            chain.names_on_main.insert(counter, key);
        }
        chain.names.values().next_back() != before.as_ref()
    }

    /// Returns the name that an author had given itself before a message: the last one among the messages that this one
    /// continues. It is equal for every member that has the message.
    pub(crate) fn name_at(&self, slot: Slot) -> Option<&str> {
        let author = self.id(slot)?.author;
        self.chain(author)?.names.get(&self.name_key(slot)?).map(String::as_str)
    }

    fn name_key(&self, slot: Slot) -> Option<NameKey> {
        let (id, digest) = self.id(slot).zip(self.digest(slot))?;
        let chain = self.chain(id.author)?;
        match chain.branches.get(&(id.counter, digest)) {
            Some(branch) => branch.name,
            None => chain.names_on_main.range(..id.counter).next_back().map(|(_, &key)| key),
        }
    }

    /// Returns the last name among the messages that a message continues.
    fn name_before(&self, message: &Message) -> Option<NameKey> {
        let MessageId { author, counter } = message.id;
        let counter = counter.checked_sub(1)?;
        let previous = self.find(&Parent { author, counter, digest: message.previous? })?;
        let (stamp, digest) = self.order(previous)?;
        let key = (counter, stamp, digest);
        let is_name = self.chain(author)?.names.contains_key(&key);
        if is_name { Some(key) } else { self.name_key(previous) }
    }

    /// Returns the latest name of an author.
    pub(crate) fn name(&self, author: AuthorId) -> Option<&str> {
        self.chain(author)?.names.values().next_back().map(String::as_str)
    }

    /// Records whose place an author takes. Returns whether that is news.
    pub(crate) fn add_former(&mut self, message: &Message, digest: Digest, former: AuthorId) -> bool {
        let chain_at = self.chain_of(message.id.author) as usize;
        let Some(chain) = self.chains.get_mut(chain_at).filter(|_| former != message.id.author) else {
            return false;
        };
        let claim = Claim { of: (message.id.counter, message.stamp(), digest), former };
        let known = chain.former.as_deref().copied();
        let before = known.filter(|before| before.of < claim.of);
        let is_new = before.is_none() && known.is_none_or(|known| known.former != former);
        chain.former = Some(Box::new(before.unwrap_or(claim)));
        is_new
    }

    /// Returns the author whose place an author has taken.
    pub(crate) fn former(&self, author: AuthorId) -> Option<AuthorId> {
        self.chain(author)?.former.as_ref().map(|claim| claim.former)
    }

    /// Returns every author that has taken the place of another, that other, and the stamp of the message that says so.
    pub(crate) fn claims(&self) -> impl Iterator<Item = (AuthorId, AuthorId, Stamp)> + '_ {
        let claims = self.chains.iter().filter_map(|chain| Some((chain.author, chain.former.as_deref()?)));
        claims.map(|(author, claim)| (author, claim.former, claim.of.1))
    }

    /// Returns the last counter before the first gap in the accepted messages of an author.
    pub(crate) fn contiguous(&self, author: AuthorId) -> u64 {
        self.chain(author).map_or(0, |chain| chain.on_main)
    }

    /// Returns the greatest counter of an author's accepted messages.
    pub(crate) fn last_counter(&self, author: AuthorId) -> u64 {
        let on_branch = self.chain(author).and_then(|chain| chain.branches.keys().next_back());
        self.contiguous(author).max(on_branch.map_or(0, |&(counter, _)| counter))
    }

    /// Returns the greatest stamp of an author's messages.
    pub(crate) fn latest(&self, author: AuthorId) -> Option<Stamp> {
        self.order(self.chain(author)?.latest?).map(|(stamp, _)| stamp)
    }

    /// Returns the latest wall clock among all causes of an author's messages, and the message that has it.
    pub(crate) fn past(&self, author: AuthorId) -> Option<(i64, MessageId)> {
        let slot = self.chain(author)?.past?;
        Some((self.record(slot)?.unix_ms, self.id(slot)?))
    }

    /// Returns the counters and digests of an author's messages after a counter, ordered by counter.
    pub(crate) fn messages_after(&self, author: AuthorId, counter: u64) -> impl Iterator<Item = (u64, Digest)> + '_ {
        let chain = self.chain(author);
        let first = counter.saturating_add(1);
        let on_main = move |counter| Some((counter, self.digest(chain?.slot(counter)?)?));
        let mut main = (first..=self.contiguous(author)).filter_map(on_main).peekable();
        let branches = chain.into_iter().flat_map(move |chain| chain.branches.range((first, LEAST)..));
        let mut branches = branches.map(|(&at, _)| at).peekable();
        std::iter::from_fn(move || match (main.peek(), branches.peek()) {
            (Some(main), Some(branch)) if branch.0 <= main.0 => branches.next(),
            (Some(_), _) => main.next(),
            (None, _) => branches.next(),
        })
    }

    /// Returns every author with an accepted message.
    pub(crate) fn authors(&self) -> impl Iterator<Item = AuthorId> + '_ {
        self.by_author.keys().copied()
    }

    /// Returns the counters that more than one message of an author has.
    pub(crate) fn forks(&self, author: AuthorId) -> Vec<u64> {
        let Some(chain) = self.chain(author) else {
            return Vec::new();
        };
        let mut forks: Vec<u64> = Vec::new();
        let mut previous = None;
        for &(counter, _) in chain.branches.keys() {
            if (counter <= chain.on_main || previous == Some(counter)) && forks.last() != Some(&counter) {
                forks.push(counter);
            }
            previous = Some(counter);
        }
        forks
    }

    /// Returns the message with the later wall clock. For equal clocks the id decides.
    fn later_clock(&self, a: Option<Slot>, b: Option<Slot>) -> Option<Slot> {
        let unix_ms = |slot| self.record(slot).map(|record| record.unix_ms);
        let clocks = |&a: &Slot, &b: &Slot| unix_ms(a).cmp(&unix_ms(b)).then_with(|| self.id(a).cmp(&self.id(b)));
        a.into_iter().chain(b).max_by(clocks)
    }

    fn record(&self, slot: Slot) -> Option<&Record> {
        self.blocks.get(slot.block())?.records.get(slot.at())
    }

    fn chain(&self, author: AuthorId) -> Option<&Chain> {
        let at = *self.by_author.get(&author)?;
        self.chains.get(at as usize)
    }

    fn chain_of(&mut self, author: AuthorId) -> u32 {
        let next = u32::try_from(self.chains.len()).unwrap_or(u32::MAX);
        let at = *self.by_author.entry(author).or_insert(next);
        if at == next {
            self.chains.push(Chain {
                author,
                main: Vec::new(),
                on_main: 0,
                branches: BTreeMap::new(),
                names: BTreeMap::new(),
                names_on_main: BTreeMap::new(),
                latest: None,
                former: None,
                past: None,
            });
        }
        at
    }

    fn last_of_main(&self, chain: &Chain) -> Option<Digest> {
        self.digest(chain.slot(chain.on_main)?)
    }
}

impl Block {
    /// The most records in a block. Unit tests use few, so that they have many blocks.
    const MOST: usize = if cfg!(test) { 8 } else { 256 };

    /// Makes a block with as much room as the author's earlier messages have taken. A block outside the main
    /// line has room for one message; otherwise each of countless forks would cost a full block.
    fn new(chain: u32, first: u64, continues: bool) -> Self {
        let before = usize::try_from(first - 1).unwrap_or(Self::MOST);
        let room = if continues { before.clamp(1, Self::MOST) } else { 1 };
        Self { chain, first, records: Vec::with_capacity(room) }
    }
}

impl Record {
    fn lamport(&self) -> Lamport {
        Lamport(self.lamport.into())
    }
}

impl Chain {
    /// Returns the message with a counter on the main line.
    fn slot(&self, counter: u64) -> Option<Slot> {
        let at = counter.checked_sub(1).filter(|_| counter <= self.on_main)?;
        self.place(at)
    }

    /// Returns the place for the next message of the main line, or `None` if it needs a new block.
    fn slot_after_main(&self) -> Option<Slot> {
        self.place(self.on_main)
    }

    fn place(&self, at: u64) -> Option<Slot> {
        let at = usize::try_from(at).ok()?;
        let begin = self.main.get(at / Block::MOST)?;
        Some(Slot::new(begin.block(), at % Block::MOST))
    }
}

/// Every block uses up the slot numbers of a full block.
impl Slot {
    fn new(block: usize, at: usize) -> Self {
        Self(u32::try_from(block * Block::MOST + at).unwrap_or(u32::MAX))
    }

    fn block(self) -> usize {
        self.0 as usize / Block::MOST
    }

    fn at(self) -> usize {
        self.0 as usize % Block::MOST
    }
}

const LEAST: Digest = Digest::from_bytes([0; 32]);
const GREATEST: Digest = Digest::from_bytes([0xff; 32]);
