//! Packs of own messages: making them, and removing the files that they were made from.

use std::{collections::BTreeMap, ops::RangeInclusive, time::Duration};

use tempo_clock::AuthorId;
use tempo_message::{Digest, Durability, MessageId, Pack, PublishError, Published, planted};

use crate::{
    core::packing::{PackStats, Packing, Stock},
    engine::{link::Link, outbox::Key, state::ByHand},
    store::marks::Packed,
};

/// The known state of the own directories in the folder, and the work left to do there.
#[derive(Debug, Default)]
pub(crate) struct Packer {
    /// The settings; `None` when nothing is packed.
    packing: Option<Packing>,
    stocks: BTreeMap<AuthorId, Stock>,
    /// Packs in the folder that are not whole.
    damaged: Vec<(AuthorId, u64, u64)>,
    /// The earliest time to remove more files.
    thin_at: Duration,
    /// The number of files removed since then.
    thinned: usize,
    /// The earliest time to pack again after a failure.
    pack_at: Duration,
}

/// The most files removed together. Then the packer pauses, because some services hold back what
/// follows very many removals.
const TOGETHER: usize = 100;
/// The most files removed in one step. On a slow network drive each of them takes long.
const AT_A_TIME: usize = 16;
const A_WHILE: Duration = Duration::from_secs(60);

impl Packer {
    pub(crate) fn new(packing: Option<Packing>) -> Self {
        Self { packing, ..Self::default() }
    }

    /// Records what was found in an author's directory.
    pub(crate) fn found(&mut self, author: AuthorId, stock: Stock, damaged: Vec<(u64, u64)>) {
        self.stocks.insert(author, stock);
        self.damaged.extend(damaged.into_iter().map(|(first, last)| (author, first, last)));
    }

    pub(crate) fn put(&mut self, author: AuthorId, first: u64, last: u64) {
        self.stocks.entry(author).or_default().put(first, last);
    }

    /// Returns the packs that contain a message.
    pub(crate) fn packs_with(&self, id: MessageId) -> Vec<(u64, u64)> {
        self.stocks.get(&id.author).into_iter().flat_map(|stock| stock.packs_with(id.counter)).collect()
    }

    pub(crate) fn is_alone(&self, id: MessageId) -> bool {
        self.stocks.get(&id.author).is_some_and(|stock| stock.is_alone(id.counter))
    }

    /// Groups messages that are in one file, or will be. Messages that are sent together and are in
    /// no file yet become a pack when there are enough of them. A message that is in several files
    /// is in several batches.
    pub(crate) fn batches(&self, waiting: &BTreeMap<Key, Durability>) -> Vec<Batch> {
        let (mut packed, mut fresh): (BTreeMap<_, Batch>, Vec<Batch>) = (BTreeMap::new(), Vec::new());
        let most = self.packing.map_or(0, |packing| packing.bytes);
        for (&(id, digest), &durability) in waiting {
            let packs = self.packs_with(id);
            for &(first, last) in &packs {
                let new =
                    || Batch { author: id.author, run: first..=last, own: Vec::new(), durability, most: usize::MAX };
                packed.entry((id.author, first, last)).or_insert_with(new).add(None, durability);
            }
            let largest = packs.into_iter().max_by_key(|&(first, last)| last - first).filter(|_| !self.is_alone(id));
            if let Some(batch) = largest.and_then(|(first, last)| packed.get_mut(&(id.author, first, last))) {
                batch.add(Some((id, digest)), durability);
                continue;
            }
            let is_alone = self.is_alone(id);
            match fresh.last_mut() {
                Some(batch) if !is_alone && batch.is_before(id) => batch.add(Some((id, digest)), durability),
                _ => {
                    let (run, most) = (id.counter..=id.counter, if is_alone { 0 } else { most });
                    fresh.push(Batch { author: id.author, run, own: vec![(id, digest)], durability, most });
                }
            }
        }
        let at_once = self.packing.map_or(usize::MAX, |packing| packing.at_once);
        let fresh =
            fresh.into_iter().flat_map(|batch| if batch.own.len() < at_once { batch.split() } else { vec![batch] });
        packed.into_values().chain(fresh).collect()
    }
}

/// Messages that are, or will be, in one file.
#[derive(Debug)]
pub(crate) struct Batch {
    pub(crate) author: AuthorId,
    /// The counters that the file holds.
    pub(crate) run: RangeInclusive<u64>,
    /// Those of its messages that wait.
    pub(crate) own: Vec<Key>,
    pub(crate) durability: Durability,
    /// The most bytes that the file may have.
    pub(crate) most: usize,
}

impl Batch {
    fn add(&mut self, own: Option<Key>, durability: Durability) {
        if let Some((id, _)) = own {
            self.run = *self.run.start()..=(*self.run.end()).max(id.counter);
        }
        self.own.extend(own);
        if durability == Durability::Durable {
            self.durability = durability;
        }
    }

    /// Returns the range of keys of the messages that are, or will be, in the file.
    pub(crate) fn keys(&self) -> RangeInclusive<Key> {
        let key = |&counter: &u64, byte| (MessageId { author: self.author, counter }, Digest::from_bytes([byte; 32]));
        key(self.run.start(), 0)..=key(self.run.end(), u8::MAX)
    }

    /// Returns whether a message is the next one of a pack to be made.
    fn is_before(&self, id: MessageId) -> bool {
        self.author == id.author && self.most > 0 && self.run.end().checked_add(1) == Some(id.counter)
    }

    /// Splits the batch into one batch for each message.
    fn split(self) -> Vec<Self> {
        let Self { author, own, durability, most, .. } = self;
        let alone = |own: Key| {
            let counter = own.0.counter;
            Self { author, run: counter..=counter, own: vec![own], durability, most }
        };
        own.into_iter().map(alone).collect()
    }
}

impl Packer {
    /// Repairs the packs that were found damaged.
    pub(crate) fn mend(&mut self, link: &mut Link) -> Result<(), PublishError> {
        while let Some((author, first, last)) = self.damaged.pop() {
            if planted!(PackNotMended) {
                continue;
            }
            let published = self.publish_run(link, author, first..=last, Durability::Durable);
            if !matches!(published, Ok(Some(_))) {
                // Publish them one by one instead: the file of that name may be anything.
                let mut state = link.shared.lock();
                let digests = state.core.own_run(author, first..=last).unwrap_or_default();
                let own = (first..=last).zip(digests);
                state.outbox.extend(own.map(|(counter, digest)| (MessageId { author, counter }, digest)));
                drop(state);
                published?;
            }
        }
        Ok(())
    }

    /// Publishes a run of own messages as a pack; `None` when they make no pack.
    pub(crate) fn publish_run(
        &mut self,
        link: &mut Link,
        author: AuthorId,
        run: RangeInclusive<u64>,
        durability: Durability,
    ) -> Result<Option<Published>, PublishError> {
        let Some(pack) = link.pack_of(author, run, usize::MAX)? else { return Ok(None) };
        self.publish_pack(link, &pack, durability).map(Some)
    }

    pub(crate) fn publish_pack(
        &mut self,
        link: &mut Link,
        pack: &Pack,
        durability: Durability,
    ) -> Result<Published, PublishError> {
        let published = link.transport.publish_pack(pack, durability)?;
        let author = pack.author();
        if published == Published::Displaced {
            // If the file there holds messages, another installation writes under this name. The
            // core has to see them.
            let mut state = link.shared.lock();
            (pack.first()..=pack.last()).for_each(|counter| state.core.suspect(MessageId { author, counter }));
        }
        self.put(author, pack.first(), pack.last());
        Ok(published)
    }

    /// Looks again at what is in the own directories.
    pub(crate) fn look_over(&mut self, link: &mut Link) -> Result<(), PublishError> {
        let authors: Vec<AuthorId> = self.stocks.keys().copied().collect();
        for author in authors {
            let Some(there) = link.inventory(author)? else { return Ok(()) };
            let last = link.shared.lock().core.contiguous(author);
            let stock = Stock::of(there.into_iter().filter(|part| part.last <= last));
            self.found(author, stock, Vec::new());
        }
        self.note_packs(link)
    }

    /// Notes the packs whose original files can be removed, so that it is known since when the
    /// packs have been there.
    pub(crate) fn note_packs(&self, link: &Link) -> Result<(), PublishError> {
        let since_ms = link.shared.environment.unix_ms();
        let stocks = &self.stocks;
        let thick: Vec<Packed> = stocks
            .iter()
            .flat_map(|(&author, stock)| {
                stock.thick().map(move |(first, last)| Packed { author, first, last, since_ms })
            })
            .collect();
        link.note(|marks| {
            let packs = &mut marks.packs;
            packs.retain(|noted| thick.iter().any(|pack| is_same(noted, pack)));
            let new = thick.iter().filter(|pack| !packs.iter().any(|noted| is_same(noted, pack)));
            let new: Vec<Packed> = new.copied().collect();
            packs.extend(new);
            for pack in packs {
                pack.since_ms = pack.since_ms.min(since_ms);
            }
        })
    }

    /// Does one step of packing or removing; returns true when there is more to do at once. Nothing
    /// depends on it, so after a failure the packer only tries again later.
    pub(crate) fn step(&mut self, link: &mut Link, now: Duration) -> bool {
        let Some(packing) = self.packing.filter(|_| link.transport.has_packs()) else { return false };
        let wanted = link.shared.lock().packing.take();
        if wanted.is_none() && now < self.pack_at {
            return false;
        }
        let packed = self.pack_some(link, &packing, now, wanted);
        if let (Ok(true), Some(by_hand)) = (&packed, wanted) {
            link.shared.lock().packing.put_back(by_hand);
        }
        if packed.is_err() {
            self.pack_at = now + A_WHILE;
        }
        let more = matches!(packed, Ok(true));
        if wanted.is_some() && !more {
            link.shared.lock().packing.answer(packed.map(|_| self.stats()));
            link.shared.announce();
        }
        more
    }

    fn pack_some(
        &mut self,
        link: &mut Link,
        packing: &Packing,
        now: Duration,
        by_hand: Option<ByHand>,
    ) -> Result<bool, PublishError> {
        let authors: Vec<AuthorId> = self.stocks.keys().copied().collect();
        for &author in &authors {
            let last = link.shared.lock().core.contiguous(author);
            while let Some(run) = self.next_run(author, packing, last, by_hand.is_some()) {
                let pack = link.pack_of(author, run.clone(), packing.bytes)?;
                let whole = pack.filter(|pack| pack.first() == *run.start() && pack.last() == *run.end());
                let Some(pack) = whole else {
                    self.stocks.entry(author).or_default().pass(packing, &run);
                    continue;
                };
                self.publish_pack(link, &pack, Durability::Durable)?;
                self.note_packs(link)?;
                return Ok(true);
            }
        }
        if now < self.thin_at && by_hand.is_none() {
            return Ok(false);
        }
        self.thin_out(link, packing, now, by_hand == Some(ByHand::AtOnce))
    }

    fn next_run(
        &mut self,
        author: AuthorId,
        packing: &Packing,
        last: u64,
        everything: bool,
    ) -> Option<RangeInclusive<u64>> {
        self.stocks.get_mut(&author)?.next(packing, last, everything)
    }

    /// Removes some of the files that old enough packs were made from. Returns true when more can be removed
    /// now.
    fn thin_out(
        &mut self,
        link: &mut Link,
        packing: &Packing,
        now: Duration,
        at_once: bool,
    ) -> Result<bool, PublishError> {
        let unix_ms = link.shared.environment.unix_ms();
        let packs = link.shared.lock().marks.packs.clone();
        if packs.is_empty() {
            return Ok(false);
        }
        let (mut left, mut looked_at, mut thin, mut is_over) =
            (AT_A_TIME.min(TOGETHER - self.thinned), 0, Vec::new(), true);
        for packed in packs {
            if left == 0 || looked_at >= packing.bytes {
                is_over = false;
                break;
            }
            let Packed { author, first, last, .. } = packed;
            if !at_once && !is_due(link, &packed, packing, unix_ms) {
                continue;
            }
            let Some(pack) = link.pack_of(author, first..=last, usize::MAX)? else { continue };
            looked_at += pack.bytes().len();
            let removed = link.transport.thin_out(&pack, left)?;
            let stock = self.stocks.entry(author).or_default();
            for &(first, last) in &removed {
                stock.remove(first, last);
            }
            if removed.len() < left {
                thin.push(packed);
            } else {
                is_over = false;
            }
            left -= removed.len();
            self.thinned += removed.len();
        }
        if !thin.is_empty() {
            link.note(|marks| marks.packs.retain(|noted| !thin.iter().any(|packed| is_same(noted, packed))))?;
        }
        if left == 0 && self.thinned < TOGETHER {
            return Ok(true);
        }
        let has_removed = self.thinned > 0;
        if has_removed || is_over {
            self.thin_at = now + A_WHILE;
            self.thinned = 0;
        }
        Ok(!is_over && (at_once || !has_removed))
    }

    fn stats(&self) -> PackStats {
        self.stocks.values().map(Stock::pack_stats).fold(PackStats::default(), |all, one| PackStats {
            packs: all.packs + one.packs,
            alone: all.alone + one.alone,
            kept: all.kept + one.kept,
        })
    }
}

/// Returns whether the files that a pack was made from have been kept for long enough.
fn is_due(link: &Link, packed: &Packed, packing: &Packing, unix_ms: i64) -> bool {
    let &Packed { author, last: counter, since_ms, .. } = packed;
    let age = Duration::from_millis(u64::try_from(unix_ms.saturating_sub(since_ms)).unwrap_or(0));
    let id = MessageId { author, counter };
    let is_with_everybody = || link.shared.lock().core.is_with_everybody(id, unix_ms, packing.patience);
    age >= packing.grace && (age >= packing.patience || is_with_everybody())
}

fn is_same(one: &Packed, other: &Packed) -> bool {
    (one.author, one.first, one.last) == (other.author, other.first, other.last)
}
