//! Joining, auditing and publishing: what the driver puts into the folder.

use std::{
    collections::{BTreeMap, BTreeSet, btree_map::Entry},
    error::Error,
    time::Duration,
};

use tempo_clock::AuthorId;
use tempo_message::{Durability, MessageId, PublishError, Published, StoredRun, planted};

use crate::{
    engine::{
        audit::Audit,
        link::Link,
        outbox::Key,
        packing::{Batch, Packer},
        resume::OwnMessages,
    },
    store::{error::StoreError, marks::OwnAuthor},
};

/// Puts own messages into the folder, and looks after those that are there.
#[derive(Debug, Default)]
pub(crate) struct Publisher {
    /// The messages to look after, with lengths, until the folder has been compared with them.
    audit: Option<OwnMessages>,
    /// Their greatest counters, until all of them are known to be whole in the folder.
    auditing: Option<BTreeMap<AuthorId, u64>>,
    /// The author whose directory is known to be there.
    joined: Option<AuthorId>,
    retry: Retry,
    /// The time between two comparisons of some messages with the folder; `None`: only at the
    /// opening.
    scrub: Option<Duration>,
    scrub_at: Option<Duration>,
    /// The last own message that was compared.
    scrubbed: Option<Key>,
}

/// When to try again what has failed.
#[derive(Debug, Default)]
struct Retry {
    at: Duration,
    delay: Duration,
}

/// The most batches published before the next look at what has arrived.
const PUBLISH: usize = 256;
/// The most own messages compared with the folder in one round.
const SCRUB: usize = 64;

impl Publisher {
    pub(crate) fn new(scrub: Option<Duration>, now: Duration) -> Self {
        Self { scrub, scrub_at: scrub.map(|_| now), ..Self::default() }
    }

    /// Takes the messages of earlier lives, to compare them with the folder.
    pub(crate) fn compare(&mut self, own: OwnMessages) {
        self.audit = Some(own);
    }

    /// Lets the next step try again at once what has failed.
    pub(crate) fn retry_now(&mut self) {
        self.retry = Retry::default();
    }

    /// Returns when the next attempt is due.
    pub(crate) fn retry_at(&self) -> Duration {
        self.retry.at
    }

    /// Returns whether an author's directory is there.
    pub(crate) fn has_joined(&self, author: Option<AuthorId>) -> bool {
        author.is_some() && self.joined == author
    }

    /// Returns whether everything was compared with the folder, and this author has nothing else to
    /// do first.
    pub(crate) fn is_ready(&self, author: Option<AuthorId>) -> bool {
        self.has_joined(author) && self.audit.is_none()
    }

    /// Joins, compares the folder with what was sent, and publishes; returns true when there is
    /// more to publish at once.
    pub(crate) fn step(&mut self, link: &mut Link, packer: &mut Packer, now: Duration) -> bool {
        let Some(author) = link.shared.author() else { return false };
        let is_early = now < self.retry.at;
        let mut state = link.shared.lock();
        if planted!(MessageWaitsForParts) && state.unput() > 0 {
            return false;
        }
        if is_early && !(self.is_ready(Some(author)) && state.outbox.has_fresh()) {
            return false;
        }
        state.outbox.begin(now, !is_early);
        drop(state);
        let published = if is_early { publish_some(link, packer) } else { self.publish_all(link, packer, author, now) };
        let mut state = link.shared.lock();
        state.outbox.end();
        match published {
            // An earlier failure has been reported already, and is tried again when it is time.
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
                state.outbox.fail();
                self.retry.failed(now);
                state.note_publishing(Some(&error));
            }
        }
        let is_over = self.retry.at <= now && (!state.outbox.is_empty() || self.scrub_at == Some(now));
        let more = is_over || state.outbox.has_fresh();
        drop(state);
        link.shared.announce();
        more
    }

    fn join(&mut self, link: &mut Link, packer: &mut Packer, author: AuthorId) -> Result<(), PublishError> {
        if self.joined != Some(author) {
            link.transport.join(author)?;
            // The next opening notes that the author has joined.
            unless_full(note(link, |own| own.author == author, |own| own.joined = true))?;
            self.joined = Some(author);
        }
        let Some(own) = &self.audit else { return Ok(()) };
        let authors: BTreeSet<AuthorId> = own.keys().map(|(id, _)| id.author).chain([author]).collect();
        let (mut found, mut taken) = (Vec::new(), Vec::new());
        for &author in &authors {
            if self.joined != Some(author) {
                // Joining also removes what an earlier process has left there.
                link.transport.join(author)?;
            }
            // The audit is made when the folder is back.
            let Some(there) = link.inventory(author)? else { return Ok(()) };
            let audit = Audit::of(own, author, &there);
            found.extend(audit.absent);
            taken.extend(taken_before(link, author, own, &there));
            packer.found(author, audit.stock, audit.damaged);
        }
        let mut state = link.shared.lock();
        if planted!(NoAudit) {
            found.clear();
            state.outbox.clear();
        }
        state.outbox.extend(found);
        for id in taken {
            state.core.suspect(id);
        }
        state.is_audited = true;
        drop(state);
        let mut last: BTreeMap<AuthorId, u64> = BTreeMap::new();
        last.extend(own.keys().map(|(id, _)| (id.author, id.counter)));
        if planted!(AuditedTooEarly) {
            note_audited(link, &last)?;
        }
        (self.audit, self.auditing) = (None, Some(last));
        packer.note_packs(link)
    }

    /// Notes how far the audit has come, once everything that it found is published.
    fn note_audit(&mut self, link: &Link) -> Result<(), PublishError> {
        let Some(last) = &self.auditing else { return Ok(()) };
        let is_old = |id: &MessageId| last.get(&id.author).is_some_and(|&last| id.counter <= last);
        if !link.shared.lock().outbox.keys().any(|(id, _)| is_old(id)) {
            note_audited(link, last)?;
            self.auditing = None;
        }
        Ok(())
    }

    /// Does everything that there is to publish; returns the error with which only some messages
    /// have failed.
    fn publish_all(
        &mut self,
        link: &mut Link,
        packer: &mut Packer,
        author: AuthorId,
        now: Duration,
    ) -> Result<Option<PublishError>, PublishError> {
        self.join(link, packer, author)?;
        packer.mend(link)?;
        let mut failed = publish_some(link, packer)?;
        if failed.is_none() {
            unless_full(self.note_audit(link))?;
        }
        // One that cannot be published does not keep the others from being looked after.
        if self.scrub_at.is_some_and(|at| at <= now) && !planted!(NoScrub) {
            match self.compare_some(link, packer) {
                // Where one message had to be repaired, there are usually more.
                Ok(is_damaged) => self.scrub_at = self.scrub.map(|scrub| if is_damaged { now } else { now + scrub }),
                // The next attempt continues after it.
                Err(error) if is_alone(&error) => failed = failed.or(Some(error)),
                Err(error) => return Err(error),
            }
        }
        Ok(failed)
    }

    /// Compares the next few own messages with the folder and repairs them: a person may have
    /// deleted them, or a service may have restored an older state. Returns whether any needed
    /// repair. The latest messages come first. The repairs are not synced; the next round would
    /// find what a power loss undoes.
    fn compare_some(&mut self, link: &mut Link, packer: &mut Packer) -> Result<bool, PublishError> {
        let mut own = match self.scrubbed {
            Some(last) => link.shared.lock().core.own_after(Some(last), SCRUB),
            None => link.shared.lock().core.own_recent(SCRUB),
        };
        if own.is_empty() {
            // Start again at the beginning, and from the folder itself.
            packer.look_over(link)?;
            own = link.shared.lock().core.own_after(None, SCRUB);
        }
        let mut is_damaged = false;
        // For each pack, whether its file is ours to compare. If two messages have one number, the
        // file holds at most one of them.
        let mut compared = BTreeMap::new();
        for (id, digest) in own {
            self.scrubbed = Some((id, digest));
            let is_outgoing = link.shared.lock().outbox.contains(&(id, digest));
            if is_outgoing {
                continue;
            }
            let mut is_packed = false;
            for (first, last) in packer.packs_with(id) {
                is_packed |= match compared.entry((id.author, first, last)) {
                    Entry::Occupied(compared) => *compared.get(),
                    Entry::Vacant(new) => {
                        let published = packer.publish_run(link, id.author, first..=last, Durability::Lazy)?;
                        is_damaged |= matches!(published, Some(Published::New | Published::Mended));
                        *new.insert(published.is_some())
                    }
                };
            }
            if !is_packed || packer.is_alone(id) {
                let published = publish_one(link, packer, (id, digest), Durability::Lazy)?;
                is_damaged |= matches!(published, Published::New | Published::Mended);
            }
        }
        Ok(is_damaged)
    }
}

/// Ignores that there is no room in the local store for a note: what is committed is published and compared all the
/// same.
fn unless_full(noted: Result<(), PublishError>) -> Result<(), PublishError> {
    match noted {
        Err(PublishError::Failed { source, .. }) if is_full_store(&*source) => Ok(()),
        noted => noted,
    }
}

/// Publishes the first few messages that wait and are not stuck. A message whose place cannot be
/// accessed now does not hold up the others; returns the first such error.
fn publish_some(link: &mut Link, packer: &mut Packer) -> Result<Option<PublishError>, PublishError> {
    let waiting = link.shared.lock().outbox.fresh();
    let (mut left, mut failed) = (PUBLISH, None);
    for batch in packer.batches(&waiting) {
        match publish_batch(link, packer, &batch) {
            Err(_) if planted!(DropOnError) => {}
            Err(error) if is_alone(&error) && !planted!(OneBlocksAll) => {
                let of_batch = waiting.range(batch.keys()).map(|(own, _)| *own);
                link.shared.lock().outbox.fail_alone(of_batch);
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

/// Returns whether other messages may be published although one has failed.
fn is_alone(error: &PublishError) -> bool {
    matches!(
        error,
        PublishError::Failed { .. }
            | PublishError::Denied { .. }
            | PublishError::InUse { .. }
            | PublishError::Undone { .. }
    )
}

/// Publishes messages that are, or will be, in one file.
fn publish_batch(link: &mut Link, packer: &mut Packer, batch: &Batch) -> Result<(), PublishError> {
    let Batch { author, ref run, ref own, durability, most } = *batch;
    let pack = if run.start() < run.end() { link.pack_of(author, run.clone(), most)? } else { None };
    let Some(pack) = pack else {
        for &(id, digest) in own {
            publish_one(link, packer, (id, digest), durability)?;
            link.shared.lock().outbox.published(&(id, digest));
        }
        return Ok(());
    };
    packer.publish_pack(link, &pack, durability)?;
    let mut state = link.shared.lock();
    for own in own.iter().filter(|(id, _)| id.counter <= pack.last()) {
        state.outbox.published(own);
    }
    Ok(())
}

fn publish_one(
    link: &mut Link,
    packer: &mut Packer,
    (id, digest): Key,
    durability: Durability,
) -> Result<Published, PublishError> {
    let frame = link.frame((id, digest))?;
    let published = link.transport.publish(&frame, durability)?;
    if published == Published::Displaced {
        // If the file there holds a message, another installation writes under this name. The core
        // has to see it.
        let mut state = link.shared.lock();
        state.core.suspect(id);
        state.outbox.occupy(id);
    }
    packer.put(id.author, id.counter, id.counter);
    Ok(published)
}

/// Returns the numbers sent since the start that the folder already holds, which means that another
/// installation writes under this name. A pack would get there without a clash of file names.
fn taken_before(link: &Link, author: AuthorId, own: &OwnMessages, there: &[StoredRun]) -> Vec<MessageId> {
    let state = link.shared.lock();
    let sent = state.outbox.keys().filter(|sent| sent.0.author == author && !own.contains_key(sent));
    let is_taken = |id: &MessageId| there.iter().any(|part| (part.first..=part.last).contains(&id.counter));
    sent.map(|&(id, _)| id).filter(is_taken).collect()
}

fn note_audited(link: &Link, last: &BTreeMap<AuthorId, u64>) -> Result<(), PublishError> {
    note(
        link,
        |own| last.contains_key(&own.author),
        |own| own.audited = last.get(&own.author).copied().unwrap_or(own.audited),
    )
}

/// Changes the marks of own authors.
fn note(link: &Link, of: impl Fn(&OwnAuthor) -> bool, change: impl Fn(&mut OwnAuthor)) -> Result<(), PublishError> {
    link.note(|marks| marks.own.iter_mut().filter(|own| of(own)).for_each(change))
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
