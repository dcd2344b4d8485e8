//! Joining, auditing and publishing: what a driver puts into the folder.

use std::{
    collections::{BTreeMap, BTreeSet, btree_map::Entry},
    error::Error,
    time::Duration,
};

use tempo_clock::AuthorId;
use tempo_message::{CollectError, Digest, Durability, MessageId, Piece, PublishError, Published, planted};

use crate::engine::{
    audit::Audit,
    driver::{Driver, OwnMessages},
    packing::Batch,
};
use crate::store::{error::StoreError, marks::OwnAuthor};

/// When what has failed is tried again.
#[derive(Debug, Default)]
pub(crate) struct Retry {
    pub(crate) at: Duration,
    delay: Duration,
}

/// So many messages are published before the next look at what has arrived.
const PUBLISH: usize = 256;
/// So many own messages are compared with the folder in passing, each time.
const SCRUB: usize = 64;

impl Driver {
    /// Joins, compares the folder with what was sent, and publishes; true when there is more to publish at once.
    pub(crate) fn publish(&mut self, now: Duration) -> bool {
        let Some(author) = self.shared.author() else { return false };
        let is_early = now < self.retry.at;
        let is_ready = self.joined == Some(author) && self.audit.is_none();
        if is_early && !(is_ready && self.shared.lock().has_fresh()) {
            return false;
        }
        let mut state = self.shared.lock();
        state.publishing_since = Some(now);
        if !is_early {
            state.stuck.clear();
        }
        drop(state);
        let published = if is_early { self.publish_some() } else { self.publish_all(author, now) };
        let mut state = self.shared.lock();
        state.publishing_since = None;
        match published {
            // What has failed before is told, and tried again when it is time.
            Ok(_) if is_early => {}
            Ok(None) => {
                self.retry = Retry::default();
                state.note_publishing(None);
            }
            Ok(Some(error)) => {
                self.retry.failed(now);
                state.note_publishing(Some(&error));
            }
            Err(error) => {
                state.stuck.clear();
                self.retry.failed(now);
                state.note_publishing(Some(&error));
            }
        }
        let is_over = self.retry.at <= now && (!state.outbox.is_empty() || self.scrub_at == Some(now));
        let more = is_over || state.has_fresh();
        drop(state);
        self.shared.announce();
        more
    }

    fn join(&mut self, author: AuthorId) -> Result<(), PublishError> {
        if self.joined != Some(author) {
            self.transport.join(author)?;
            match self.note(|own| own.author == author, |own| own.joined = true) {
                // What is committed goes out all the same; it is noted with the next opening.
                Err(PublishError::Failed { source, .. }) if is_full_store(&*source) => {}
                noted => noted?,
            }
            self.joined = Some(author);
        }
        let Some(own) = &self.audit else { return Ok(()) };
        let authors: BTreeSet<AuthorId> = own.keys().map(|(id, _)| id.author).chain([author]).collect();
        let (mut found, mut taken) = (Vec::new(), Vec::new());
        for &author in &authors {
            if self.joined != Some(author) {
                // What an earlier process has left there goes away, too.
                self.transport.join(author)?;
            }
            let there = match self.transport.inventory(author) {
                Ok(there) => there,
                Err(CollectError::Failed { place, source }) => return Err(PublishError::Failed { place, source }),
                // The next collect says it, and the audit is made when the folder is back.
                Err(_) => return Ok(()),
            };
            let audit = Audit::of(own, author, &there);
            found.extend(audit.absent);
            taken.extend(self.taken_before(author, own, &there));
            self.packer.found(author, audit.stock, audit.damaged);
        }
        let mut state = self.shared.lock();
        if planted!(NoAudit) {
            found.clear();
            state.outbox.clear();
        }
        state.outbox.extend(found.into_iter().map(|own| (own, Durability::Durable)));
        for id in taken {
            state.core.suspect(id);
        }
        state.is_audited = true;
        drop(state);
        let mut last: BTreeMap<AuthorId, u64> = BTreeMap::new();
        last.extend(own.keys().map(|(id, _)| (id.author, id.counter)));
        if planted!(AuditedTooEarly) {
            self.note_audited(&last)?;
        }
        (self.audit, self.auditing) = (None, Some(last));
        self.note_packs()
    }

    /// The numbers of what was sent since the start that something in the folder has already: another installation writes
    /// under our name. A pack would lie beside that without a clash of names.
    fn taken_before(&self, author: AuthorId, own: &OwnMessages, there: &[Piece]) -> Vec<MessageId> {
        let state = self.shared.lock();
        let sent = state.outbox.keys().filter(|sent| sent.0.author == author && !own.contains_key(sent));
        let is_taken = |id: &MessageId| there.iter().any(|piece| (piece.first..=piece.last).contains(&id.counter));
        sent.map(|&(id, _)| id).filter(is_taken).collect()
    }

    /// Notes how far the audit has come, once everything that it found is published.
    fn note_audit(&mut self) -> Result<(), PublishError> {
        let Some(last) = &self.auditing else { return Ok(()) };
        let is_old = |id: &MessageId| last.get(&id.author).is_some_and(|&last| id.counter <= last);
        if !self.shared.lock().outbox.keys().any(|(id, _)| is_old(id)) {
            self.note_audited(last)?;
            self.auditing = None;
        }
        Ok(())
    }

    fn note_audited(&self, last: &BTreeMap<AuthorId, u64>) -> Result<(), PublishError> {
        self.note(
            |own| last.contains_key(&own.author),
            |own| own.audited = last.get(&own.author).copied().unwrap_or(own.audited),
        )
    }

    /// Notes something about own authors.
    fn note(&self, of: impl Fn(&OwnAuthor) -> bool, change: impl Fn(&mut OwnAuthor)) -> Result<(), PublishError> {
        let noted = self.shared.note(|marks| marks.own.iter_mut().filter(|own| of(own)).for_each(change));
        noted.map_err(|error| PublishError::Failed { place: "the local store".to_owned(), source: Box::new(error) })
    }

    /// Everything that there is to do; the answer is what only some messages have failed with.
    fn publish_all(&mut self, author: AuthorId, now: Duration) -> Result<Option<PublishError>, PublishError> {
        self.join(author)?;
        self.mend_packs()?;
        let failed = self.publish_some()?;
        if failed.is_some() {
            return Ok(failed);
        }
        self.note_audit()?;
        if self.scrub_at.is_some_and(|at| at <= now) && !planted!(NoScrub) {
            let is_damaged = self.scrub()?;
            // Where something was put right there is more, as a rule.
            self.scrub_at = self.scrub.map(|scrub| if is_damaged { now } else { now + scrub });
        }
        Ok(None)
    }

    /// Compares the next few of the own messages with the folder and puts right what has become of them: somebody has
    /// deleted them, or a service has brought back an older state; whether that was so with any. The last ones come first.
    /// Nothing is synced for it; the next round would find what a loss of power undoes.
    fn scrub(&mut self) -> Result<bool, PublishError> {
        let mut own = match self.scrubbed {
            Some(last) => self.shared.lock().core.own_after(Some(last), SCRUB),
            None => self.shared.lock().core.own_recent(SCRUB),
        };
        if own.is_empty() {
            // From the beginning again, and not only the next time.
            self.look_over()?;
            own = self.shared.lock().core.own_after(None, SCRUB);
        }
        let mut is_damaged = false;
        // Whether what has the name of a pack is ours to compare: of two messages of one number it holds at most one.
        let mut compared = BTreeMap::new();
        for (id, digest) in own {
            self.scrubbed = Some((id, digest));
            let is_outgoing = self.shared.lock().outbox.contains_key(&(id, digest));
            if is_outgoing {
                continue;
            }
            let mut is_packed = false;
            for (first, last) in self.packer.packs_with(id) {
                is_packed |= match compared.entry((id.author, first, last)) {
                    Entry::Occupied(compared) => *compared.get(),
                    Entry::Vacant(new) => {
                        let published = self.publish_run(id.author, first..=last, Durability::Lazy)?;
                        is_damaged |= matches!(published, Some(Published::New | Published::Mended));
                        *new.insert(published.is_some())
                    }
                };
            }
            if !is_packed || self.packer.is_alone(id) {
                let published = self.publish_one(id, digest, Durability::Lazy)?;
                is_damaged |= matches!(published, Published::New | Published::Mended);
            }
        }
        Ok(is_damaged)
    }

    /// Publishes the first few that wait and are not stuck. One whose place cannot be looked at now does not keep the others
    /// waiting; the answer is what the first such one has failed with.
    fn publish_some(&mut self) -> Result<Option<PublishError>, PublishError> {
        let waiting: BTreeMap<_, _> = {
            let state = self.shared.lock();
            let fresh = state.outbox.iter().filter(|(own, _)| !state.stuck.contains(own));
            fresh.map(|(own, durability)| (*own, *durability)).collect()
        };
        let (mut left, mut failed) = (PUBLISH, None);
        for batch in self.packer.batches(&waiting) {
            match self.publish_batch(&batch) {
                Err(_) if planted!(DropOnError) => {}
                Err(
                    error @ (PublishError::Failed { .. }
                    | PublishError::Denied { .. }
                    | PublishError::InUse { .. }
                    | PublishError::Undone { .. }),
                ) if !planted!(OneBlocksAll) => {
                    let of_batch = waiting.range(batch.keys()).map(|(own, _)| *own);
                    self.shared.lock().stuck.extend(of_batch);
                    failed = failed.or(Some(error));
                    continue;
                }
                published => published?,
            }
            left -= 1;
            if left == 0 {
                break;
            }
        }
        Ok(failed)
    }

    /// Publishes messages that lie, or are to lie, in one file.
    fn publish_batch(&mut self, batch: &Batch) -> Result<(), PublishError> {
        let Batch { author, ref run, ref own, durability, most } = *batch;
        let pack = if run.start() < run.end() { self.pack_of(author, run.clone(), most)? } else { None };
        let Some(pack) = pack else {
            for &(id, digest) in own {
                self.publish_one(id, digest, durability)?;
                self.shared.lock().note_published(&(id, digest));
            }
            return Ok(());
        };
        self.publish_pack(&pack, durability)?;
        let mut state = self.shared.lock();
        for own in own.iter().filter(|(id, _)| id.counter <= pack.last()) {
            state.note_published(own);
        }
        Ok(())
    }

    fn publish_one(
        &mut self,
        id: MessageId,
        digest: Digest,
        durability: Durability,
    ) -> Result<Published, PublishError> {
        let frame = self.read_own(id, digest)?;
        let published = self.transport.publish(&frame, durability)?;
        if published == Published::Beside {
            // If what lies there is a message, another installation writes under our name; the core has to see it.
            let mut state = self.shared.lock();
            state.core.suspect(id);
            state.occupied.insert(id);
        }
        self.packer.put(id.author, id.counter, id.counter);
        Ok(published)
    }
}

fn is_full_store(error: &(dyn Error + 'static)) -> bool {
    matches!(error.downcast_ref(), Some(StoreError::Full { .. }))
}

impl Retry {
    const FIRST: Duration = Duration::from_millis(250);
    const LAST: Duration = Duration::from_secs(30);

    fn failed(&mut self, now: Duration) {
        self.delay = (self.delay * 2).clamp(Self::FIRST, Self::LAST);
        self.at = if planted!(RetryNever) { Duration::MAX } else { now + self.delay };
    }
}
