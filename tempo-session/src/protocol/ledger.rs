//! Every accepted message, found by author, counter and digest. Payloads are not kept.

use std::collections::BTreeMap;

use tempo_clock::{AuthorId, Lamport, Stamp};
use tempo_message::{Digest, Message, MessageId, Parent};

use super::Slot;

#[derive(Debug, Default)]
pub(crate) struct Ledger {
    records: Vec<Record>,
    chains: Vec<Chain>,
    by_author: BTreeMap<AuthorId, u32>,
}

#[derive(Debug, Clone, Copy)]
struct Record {
    digest: Digest,
    lamport: Lamport,
    unix_ms: i64,
    counter: u64,
    chain: u32,
}

/// The messages of one author.
#[derive(Debug)]
struct Chain {
    author: AuthorId,
    /// The first accepted message of each counter while each continues the one before. Which branch of a fork stands
    /// here depends on what arrived first, and nothing visible may depend on it.
    main: Vec<Slot>,
    /// Everything else.
    branches: BTreeMap<(u64, Digest), Branch>,
    /// Display names by counter, then order.
    names: BTreeMap<(u64, Stamp, Digest), String>,
    /// The message with the greatest stamp.
    latest: Option<Slot>,
    /// Whose place the author takes, by the first message that says so.
    former: Option<Box<Claim>>,
    /// The message with the latest wall clock among all that its messages come after.
    past: Option<Slot>,
}

/// A message that names a former author, and whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Claim {
    of: (u64, Stamp, Digest),
    former: AuthorId,
}

/// A message beside the main line, and the digest of the one before it.
#[derive(Debug, Clone, Copy)]
struct Branch {
    slot: Slot,
    previous: Option<Digest>,
}

/// What is new about an author by one more message.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Added {
    pub(crate) slot: Slot,
    pub(crate) is_first: bool,
    /// It is the second of its counter.
    pub(crate) forks: bool,
}

impl Ledger {
    /// Adds a message whose causes are all here.
    pub(crate) fn add(&mut self, message: &Message, digest: Digest) -> Added {
        let id = message.id;
        let chain_at = self.chain_of(id.author);
        let slot = Slot(u32::try_from(self.records.len()).unwrap_or(u32::MAX));
        let continues = message.previous == self.last_of_main(chain_at);
        let is_next = |main: &[Slot]| u64::try_from(main.len()) == Ok(id.counter - 1);
        let causes = message.causes().filter_map(|cause| self.find(&cause));
        let before = self.chains.get(chain_at as usize).and_then(|chain| chain.past);
        let past = causes.chain(before).max_by_key(|&slot| self.wall_clock(slot));
        self.records.push(Record {
            digest,
            lamport: message.lamport,
            unix_ms: message.unix_ms,
            counter: id.counter,
            chain: chain_at,
        });
        let before = self.chains.get(chain_at as usize).and_then(|chain| chain.latest);
        let latest = before.into_iter().chain([slot]).max_by_key(|&slot| self.order(slot));
        let Some(chain) = self.chains.get_mut(chain_at as usize) else {
            return Added::default();
        };
        let is_first = chain.latest.is_none();
        let on_main = usize::try_from(id.counter - 1).ok().and_then(|at| chain.main.get(at)).is_some();
        let in_branches = chain.branches.range((id.counter, LEAST)..=(id.counter, GREATEST)).count();
        if continues && is_next(&chain.main) {
            chain.main.push(slot);
        } else {
            chain.branches.insert((id.counter, digest), Branch { slot, previous: message.previous });
        }
        (chain.latest, chain.past) = (latest, past);
        Added { slot, is_first, forks: usize::from(on_main) + in_branches == 1 }
    }

    /// The accepted message that a parent names, if it is here.
    pub(crate) fn find(&self, parent: &Parent) -> Option<Slot> {
        let chain = self.chain(parent.author)?;
        let at = usize::try_from(parent.counter.checked_sub(1)?).ok()?;
        let on_main = chain.main.get(at).copied().filter(|&slot| self.digest(slot) == Some(parent.digest));
        on_main.or_else(|| chain.branches.get(&(parent.counter, parent.digest)).map(|branch| branch.slot))
    }

    /// Whether a message belongs to the first line of its author's history.
    pub(crate) fn is_on_main(&self, slot: Slot) -> bool {
        let on_main = || {
            let record = self.record(slot)?;
            let at = usize::try_from(record.counter.checked_sub(1)?).ok()?;
            self.chains.get(record.chain as usize)?.main.get(at)
        };
        on_main() == Some(&slot)
    }

    /// The digest of its author's message before a message beside the main line.
    pub(crate) fn previous(&self, slot: Slot) -> Option<Digest> {
        let record = self.record(slot)?;
        let chain = self.chains.get(record.chain as usize)?;
        chain.branches.get(&(record.counter, record.digest))?.previous
    }

    /// How many messages are accepted.
    pub(crate) fn len(&self) -> u64 {
        u64::try_from(self.records.len()).unwrap_or(u64::MAX)
    }

    /// Whether any message of this id is accepted.
    pub(crate) fn has(&self, id: MessageId) -> bool {
        self.with_id(id).next().is_some()
    }

    /// The accepted messages of an id: more than one of a fork.
    pub(crate) fn with_id(&self, id: MessageId) -> impl Iterator<Item = Slot> + '_ {
        self.chain(id.author).into_iter().flat_map(move |chain| {
            let at = id.counter.checked_sub(1).and_then(|at| usize::try_from(at).ok());
            let main = at.and_then(|at| chain.main.get(at)).copied();
            let branches = chain.branches.range((id.counter, LEAST)..=(id.counter, GREATEST));
            main.into_iter().chain(branches.map(|(_, branch)| branch.slot))
        })
    }

    pub(crate) fn id(&self, slot: Slot) -> Option<MessageId> {
        let record = self.record(slot)?;
        let author = self.chains.get(record.chain as usize)?.author;
        Some(MessageId { author, counter: record.counter })
    }

    pub(crate) fn digest(&self, slot: Slot) -> Option<Digest> {
        self.record(slot).map(|record| record.digest)
    }

    pub(crate) fn lamport(&self, slot: Slot) -> Option<Lamport> {
        self.record(slot).map(|record| record.lamport)
    }

    /// What orders a message among all others.
    pub(crate) fn order(&self, slot: Slot) -> Option<(Stamp, Digest)> {
        let record = self.record(slot)?;
        let author = self.chains.get(record.chain as usize)?.author;
        Some((Stamp { lamport: record.lamport, unix_ms: record.unix_ms, author }, record.digest))
    }

    /// Whether a message comes before a place in the order. Most often the times decide, and nothing else is looked at.
    pub(crate) fn is_before(&self, slot: Slot, (stamp, digest): &(Stamp, Digest)) -> bool {
        let Some(record) = self.record(slot) else { return false };
        let times = (record.lamport, record.unix_ms).cmp(&(stamp.lamport, stamp.unix_ms));
        let author = || self.chains.get(record.chain as usize).map(|chain| chain.author);
        times.then_with(|| (author(), &record.digest).cmp(&(Some(stamp.author), digest))).is_lt()
    }

    /// Notes a display name; true when the author's latest name is another one now.
    pub(crate) fn add_name(&mut self, message: &Message, digest: Digest, name: &str) -> bool {
        let chain_at = self.chain_of(message.id.author) as usize;
        let Some(chain) = self.chains.get_mut(chain_at) else {
            return false;
        };
        let before = chain.names.values().next_back().cloned();
        chain.names.insert((message.id.counter, message.stamp(), digest), name.to_owned());
        chain.names.values().next_back() != before.as_ref()
    }

    /// The name that the author of a message had given itself before it: the same for everybody who has the message.
    pub(crate) fn name_at(&self, id: MessageId) -> Option<&str> {
        let names = &self.chain(id.author)?.names;
        let before = names.iter().rev().find(|((counter, ..), _)| *counter < id.counter);
        before.map(|(_, name)| name.as_str())
    }

    /// The latest name of an author.
    pub(crate) fn name(&self, author: AuthorId) -> Option<&str> {
        self.chain(author)?.names.values().next_back().map(String::as_str)
    }

    /// Notes whose place an author takes; true when that is new.
    pub(crate) fn add_former(&mut self, message: &Message, digest: Digest, former: AuthorId) -> bool {
        let chain_at = self.chain_of(message.id.author) as usize;
        let Some(chain) = self.chains.get_mut(chain_at).filter(|_| former != message.id.author) else {
            return false;
        };
        let claim = Claim { of: (message.id.counter, message.stamp(), digest), former };
        let known = chain.former.as_deref().copied();
        let before = known.filter(|before| *before < claim);
        let is_new = before.is_none() && known.is_none_or(|known| known.former != former);
        chain.former = Some(Box::new(before.unwrap_or(claim)));
        is_new
    }

    /// Whose place an author has taken.
    pub(crate) fn former(&self, author: AuthorId) -> Option<AuthorId> {
        self.chain(author)?.former.as_ref().map(|claim| claim.former)
    }

    /// Everybody whose place somebody has taken, and at what time that was said.
    pub(crate) fn claims(&self) -> impl Iterator<Item = (AuthorId, Stamp)> + '_ {
        let claims = self.chains.iter().filter_map(|chain| chain.former.as_deref());
        claims.map(|Claim { of: (_, stamp, _), former }| (*former, *stamp))
    }

    /// Up to which counter everything of an author is accepted.
    pub(crate) fn contiguous(&self, author: AuthorId) -> u64 {
        self.chain(author).map_or(0, |chain| u64::try_from(chain.main.len()).unwrap_or(u64::MAX))
    }

    /// The greatest counter of an author's accepted messages.
    pub(crate) fn last_counter(&self, author: AuthorId) -> u64 {
        let on_branch = self.chain(author).and_then(|chain| chain.branches.keys().next_back());
        self.contiguous(author).max(on_branch.map_or(0, |&(counter, _)| counter))
    }

    /// The greatest stamp of an author's messages.
    pub(crate) fn latest(&self, author: AuthorId) -> Option<Stamp> {
        self.order(self.chain(author)?.latest?).map(|(stamp, _)| stamp)
    }

    /// The latest wall clock among everything that an author's messages come after, and the message that has it.
    pub(crate) fn past(&self, author: AuthorId) -> Option<(i64, MessageId)> {
        let (unix_ms, id) = self.wall_clock(self.chain(author)?.past?);
        Some((unix_ms, id?))
    }

    /// Counters and digests of an author's messages after a counter, in the order of counters.
    pub(crate) fn messages_after(&self, author: AuthorId, counter: u64) -> impl Iterator<Item = (u64, Digest)> + '_ {
        let chain = self.chain(author);
        let main = chain.map(|chain| chain.main.as_slice()).unwrap_or_default();
        let rest = usize::try_from(counter).ok().and_then(|at| main.get(at..)).unwrap_or_default();
        let mut main = rest.iter().filter_map(|&slot| self.record(slot)).peekable();
        let branches =
            chain.into_iter().flat_map(move |chain| chain.branches.range((counter.saturating_add(1), LEAST)..));
        let mut branches = branches.map(|(&at, _)| at).peekable();
        std::iter::from_fn(move || match (main.peek(), branches.peek()) {
            (Some(record), Some(branch)) if branch.0 <= record.counter => branches.next(),
            (Some(_), _) => main.next().map(|record| (record.counter, record.digest)),
            (None, _) => branches.next(),
        })
    }

    /// Every author of whom something is accepted.
    pub(crate) fn authors(&self) -> impl Iterator<Item = AuthorId> + '_ {
        self.by_author.keys().copied()
    }

    /// The counters of an author that more than one message has.
    pub(crate) fn forks(&self, author: AuthorId) -> Vec<u64> {
        let Some(chain) = self.chain(author) else {
            return Vec::new();
        };
        let on_main = u64::try_from(chain.main.len()).unwrap_or(u64::MAX);
        let mut forks: Vec<u64> = Vec::new();
        let mut previous = None;
        for &(counter, _) in chain.branches.keys() {
            if (counter <= on_main || previous == Some(counter)) && forks.last() != Some(&counter) {
                forks.push(counter);
            }
            previous = Some(counter);
        }
        forks
    }

    /// The wall clock of a message; of equal ones the id decides.
    fn wall_clock(&self, slot: Slot) -> (i64, Option<MessageId>) {
        (self.record(slot).map_or(i64::MIN, |record| record.unix_ms), self.id(slot))
    }

    fn record(&self, slot: Slot) -> Option<&Record> {
        self.records.get(slot.0 as usize)
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
                branches: BTreeMap::new(),
                names: BTreeMap::new(),
                latest: None,
                former: None,
                past: None,
            });
        }
        at
    }

    fn last_of_main(&self, chain: u32) -> Option<Digest> {
        let last = *self.chains.get(chain as usize)?.main.last()?;
        self.digest(last)
    }
}

const LEAST: Digest = Digest::from_bytes([0; 32]);
const GREATEST: Digest = Digest::from_bytes([0xff; 32]);
