//! The pump between a session and its transport: publishes what was sent, takes in what arrives.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use tempo_clock::AuthorId;
use tempo_message::{
    Budget, CollectError, Collected, Digest, Durability, MessageId, Own, Piece, PublishError, Published, Transport,
    Want, planted,
};

use super::{
    pace::Pace,
    shared::{Shared, describe},
    status::Attachment,
};
use crate::store::OwnAuthor;

/// Moves messages between a session and its transport.
///
/// Usually a thread of the session runs it, and nobody sees it. Whoever has a loop of their own, or virtual time, calls
/// [`turn`](Self::turn) instead; everything that may block on the folder happens in there and nowhere else.
#[derive(Debug)]
pub struct Driver {
    shared: Arc<Shared>,
    transport: Box<dyn Transport>,
    /// The messages that are to be looked after, with lengths, until the folder was compared with them.
    audit: Option<OwnMessages>,
    /// The greatest counters among them, until all of them are known to be whole in the folder.
    auditing: Option<BTreeMap<AuthorId, u64>>,
    attached: bool,
    /// The author whose directory is known to be there.
    joined: Option<AuthorId>,
    pace: Pace,
    /// When it may be looked again for what is settled.
    settle_at: Duration,
    /// When the name may be given up for a new one without anything to send.
    renew_at: Duration,
    /// When publishing may be tried again, and after how long the time after that.
    retry: Retry,
    /// The last own message that was compared with the folder in passing.
    scrubbed: Option<(MessageId, Digest)>,
    scrub: Option<Duration>,
    scrub_at: Option<Duration>,
    /// When parents that something waits for are looked for again among the known files.
    recheck_at: Duration,
    /// The refresh that is being worked on.
    refreshing: Option<u64>,
    /// Everything has been looked at since it began.
    has_passed: bool,
}

/// What to do after a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// There is more to do at once.
    Again,
    /// Nothing to do until something arrives, something is sent, or at the latest after this time.
    Wait(Duration),
    /// The session is closed.
    Stop,
}

/// The messages that an installation looks after, with the lengths of their frames.
pub(crate) type OwnMessages = BTreeMap<(MessageId, Digest), u64>;

#[derive(Debug, Default)]
struct Retry {
    at: Duration,
    delay: Duration,
}

const BUDGET: Budget = Budget { frames: 1024, bytes: 8 * 1024 * 1024 };
/// So many messages are published before the next look at what has arrived.
const PUBLISH: usize = 256;
/// So many own messages are compared with the folder in passing, each time.
const SCRUB: usize = 64;
/// How often a name may be given up without anything to send: somebody may write under every new one.
const RENEW: Duration = Duration::from_secs(60);
/// How often it is looked for what is settled: that costs a transaction.
const SETTLE: Duration = Duration::from_secs(1);
const RECHECK: Duration = Duration::from_secs(30);
/// How long others may have the lock while very much follows from one message.
const BREATH: Duration = Duration::from_micros(50);
const LONGEST_WAIT: Duration = Duration::from_secs(30);

impl Driver {
    pub(crate) fn new(
        shared: Arc<Shared>,
        transport: Box<dyn Transport>,
        own: OwnMessages,
        scrub: Option<Duration>,
    ) -> Self {
        let scrub_at = scrub.map(|_| shared.environment.now());
        Self {
            shared,
            transport,
            audit: Some(own),
            auditing: None,
            attached: false,
            joined: None,
            pace: Pace::default(),
            settle_at: Duration::ZERO,
            renew_at: Duration::ZERO,
            retry: Retry::default(),
            scrubbed: None,
            scrub,
            scrub_at,
            recheck_at: Duration::ZERO,
            refreshing: None,
            has_passed: false,
        }
    }

    /// Runs until the session is closed.
    pub fn run(mut self) {
        loop {
            match self.turn() {
                Turn::Again => {}
                Turn::Wait(timeout) => self.transport.wait(timeout),
                Turn::Stop => return,
            }
        }
    }

    /// Does what there is to do now, without waiting for more.
    pub fn turn(&mut self) -> Turn {
        if !self.shared.lock().is_open() {
            return Turn::Stop;
        }
        let now = self.shared.environment.now();
        self.shared.lock().is_at_rest = false;
        self.renew(now);
        if now >= self.recheck_at || self.is_asked_to_refresh() {
            self.look_again(now);
        }
        // Before the first look nobody knows whether this is still the session's folder.
        let mut again = self.attached && self.publish(now);
        let was_attached = self.attached;
        match self.collect() {
            Ok(collected) => {
                self.attached = true;
                again |= collected.more && collected.frames > 0;
                again |= !was_attached && self.has_to_publish();
            }
            Err(error) => {
                self.attached = false;
                self.detach(&error);
                if planted!(DetachedForEver) {
                    return Turn::Stop;
                }
            }
        }
        self.finish_refresh();
        if again {
            return Turn::Again;
        }
        if self.shared.lock().is_undurable() && !planted!(HeadClaimsTooMuch) {
            self.shared.save_received(Durability::Durable);
        }
        let next_settling = self.settle(now);
        let next_head = if self.attached { self.leave_head(now) } else { None };
        let mut state = self.shared.lock();
        state.is_at_rest = true;
        if planted!(NeverAtRest) && state.core.held_len() > 0 {
            return Turn::Again;
        }
        let waits_to_publish = self.attached && !state.outbox.is_empty();
        drop(state);
        self.shared.announce();
        let longest = next_head.unwrap_or(LONGEST_WAIT).min(next_settling.unwrap_or(LONGEST_WAIT)).min(LONGEST_WAIT);
        Turn::Wait(if waits_to_publish { longest.min(self.retry.at.saturating_sub(now)) } else { longest })
    }

    /// Gives up a name that somebody else may have, also when there is nothing to send.
    fn renew(&mut self, now: Duration) {
        let is_needed = self.shared.usurped().is_some() || !self.shared.lock().core.introduction().is_empty();
        if is_needed && now >= self.renew_at {
            self.renew_at = now + RENEW;
            if let Err(error) = self.shared.send(Vec::new()) {
                self.shared.lock().store_error = Some(describe(&error));
            }
        }
    }

    /// Settles what can be settled and tells what is worth it, if there is anything new; the answer is when it will be time.
    fn settle(&mut self, now: Duration) -> Option<Duration> {
        let is_due = self.shared.lock().is_unsettled || self.shared.idle_after.is_some();
        if !is_due {
            return None;
        }
        if now < self.settle_at {
            return Some(self.settle_at.saturating_sub(now));
        }
        self.settle_at = now + SETTLE;
        if let Err(error) = self.shared.settle() {
            self.shared.lock().store_error = Some(describe(&error));
        }
        let unix_ms = self.shared.environment.unix_ms();
        self.shared.lock().notice(unix_ms, self.shared.idle_after);
        None
    }

    /// Leaves the head if it is time; the answer is when it will be.
    fn leave_head(&mut self, now: Duration) -> Option<Duration> {
        let known = {
            let state = self.shared.lock();
            let is_busy = !state.outbox.is_empty() || state.core.usurped().is_some();
            (self.joined.is_some() && self.joined == state.core.author() && !is_busy).then(|| state.core.known())?
        };
        let wait = self.pace.due(known, now)?;
        if !wait.is_zero() {
            return Some(wait);
        }
        let error = match self.shared.head() {
            Ok(None) => return Some(LONGEST_WAIT),
            Ok(Some(head)) if !self.pace.is_news(&head) => {
                self.pace.pass(known);
                return None;
            }
            Ok(Some(head)) => match self.transport.leave_head(&head) {
                Ok(()) => {
                    self.pace.left(head, known, now);
                    None
                }
                Err(error) => Some(describe(&error)),
            },
            Err(error) => Some(describe(&error)),
        };
        if error.is_some() {
            self.pace.failed(now);
        }
        let is_failed = error.is_some();
        self.shared.lock().head_error = error;
        is_failed.then_some(LONGEST_WAIT)
    }

    fn collect(&mut self) -> Result<Collected, CollectError> {
        if !self.shared.lock().has_room() {
            self.shared.save_received(Durability::Lazy);
            if !self.shared.lock().has_room() {
                return Ok(Collected::default());
            }
        }
        let mut state = self.shared.lock();
        let known = Arc::clone(state.core.seen());
        let recheck = state.core.poll_recheck();
        let begins_refresh = self.refreshing.is_none() && state.refresh_wanted > state.refresh_done;
        if begins_refresh {
            self.refreshing = Some(state.refresh_wanted);
            self.has_passed = false;
            self.retry = Retry::default();
        }
        let full = begins_refresh || state.core.poll_room();
        let own = state.core.author().map(|author| Own { author, joined: state.marks.has_joined() });
        drop(state);

        let want = Want { known: &known, own, recheck: &recheck, full, budget: BUDGET };
        let shared = Arc::clone(&self.shared);
        let collected = self.transport.collect(&want, &mut |arrival| shared.lock().take(arrival));

        let mut state = self.shared.lock();
        while state.core.go_on() {
            state.tell_of_core();
            state = self.shared.wait(state, BREATH);
        }
        state.tell_of_core();
        drop(state);
        let collected = collected?;
        self.shared.save_received(Durability::Lazy);
        let mut state = self.shared.lock();
        if collected.report_changed {
            state.report = Arc::new(self.transport.report());
        }
        if state.attachment != Attachment::Attached {
            state.note_attachment(Attachment::Attached);
            state.report = Arc::new(self.transport.report());
        }
        drop(state);
        self.has_passed |= !collected.more;
        self.shared.announce();
        Ok(collected)
    }

    fn is_asked_to_refresh(&self) -> bool {
        let state = self.shared.lock();
        self.refreshing.is_none() && state.refresh_wanted > state.refresh_done
    }

    /// What is only done from time to time: parents are looked for among the known files.
    fn look_again(&mut self, now: Duration) {
        self.shared.lock().core.recheck_again();
        self.recheck_at = now + RECHECK;
    }

    /// A refresh is done once everything was looked at and, by a member, what it has to put there was tried.
    fn finish_refresh(&mut self) {
        let mut state = self.shared.lock();
        let has_tried =
            state.core.author().is_none() || state.is_audited || state.publish_error.is_some() || !self.attached;
        if (self.has_passed || !self.attached)
            && has_tried
            && let Some(refreshed) = self.refreshing.take()
        {
            state.refresh_done = refreshed;
            drop(state);
            self.shared.announce();
        }
    }

    fn detach(&mut self, error: &CollectError) {
        let why = describe(error);
        let attachment = match error {
            CollectError::Detached { .. } => Attachment::Detached { why },
            _ => Attachment::Unreadable { why },
        };
        let mut state = self.shared.lock();
        if state.attachment != attachment {
            state.note_attachment(attachment);
        }
        drop(state);
        self.shared.announce();
    }

    fn has_to_publish(&self) -> bool {
        let state = self.shared.lock();
        let author = state.core.author();
        author.is_some() && (self.joined != author || self.audit.is_some() || !state.outbox.is_empty())
    }

    /// Joins, compares the folder with what was sent, and publishes; true when there is more to publish at once.
    fn publish(&mut self, now: Duration) -> bool {
        let Some(author) = self.shared.author() else { return false };
        if now < self.retry.at {
            return false;
        }
        self.shared.lock().publishing_since = Some(now);
        let published = self.publish_all(author, now);
        let mut state = self.shared.lock();
        state.publishing_since = None;
        match published {
            Ok(()) => {
                self.retry = Retry::default();
                state.note_publishing(None);
            }
            Err(error) => {
                self.retry.failed(now);
                state.note_publishing(Some(describe(&error)));
            }
        }
        let more = self.retry.at <= now && (!state.outbox.is_empty() || self.scrub_at == Some(now));
        drop(state);
        self.shared.announce();
        more
    }

    fn join(&mut self, author: AuthorId) -> Result<(), PublishError> {
        if self.joined != Some(author) {
            self.transport.join(author)?;
            self.note(|own| own.author == author, |own| own.joined = true)?;
            self.joined = Some(author);
        }
        let Some(own) = &self.audit else { return Ok(()) };
        let authors: BTreeSet<AuthorId> = own.keys().map(|(id, _)| id.author).chain([author]).collect();
        let mut found = Vec::new();
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
            found.extend(absent(own, author, &there));
        }
        let mut state = self.shared.lock();
        if planted!(NoAudit) {
            found.clear();
            state.outbox.clear();
        }
        state.outbox.extend(found.into_iter().map(|own| (own, Durability::Durable)));
        state.is_audited = true;
        drop(state);
        let mut last: BTreeMap<AuthorId, u64> = BTreeMap::new();
        last.extend(own.keys().map(|(id, _)| (id.author, id.counter)));
        if planted!(AuditedTooEarly) {
            self.note_audited(&last)?;
        }
        (self.audit, self.auditing) = (None, Some(last));
        Ok(())
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

    fn publish_all(&mut self, author: AuthorId, now: Duration) -> Result<(), PublishError> {
        self.join(author)?;
        self.publish_some()?;
        self.note_audit()?;
        if self.scrub_at.is_some_and(|at| at <= now) && !planted!(NoScrub) {
            let is_damaged = self.scrub()?;
            // Where something was put right there is more, as a rule.
            self.scrub_at = self.scrub.map(|scrub| if is_damaged { now } else { now + scrub });
        }
        Ok(())
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
            own = self.shared.lock().core.own_after(None, SCRUB);
        }
        let mut is_damaged = false;
        for (id, digest) in own {
            let is_outgoing = self.shared.lock().outbox.contains_key(&(id, digest));
            if !is_outgoing {
                let published = self.publish_one(id, digest, Durability::Lazy)?;
                is_damaged |= matches!(published, Published::New | Published::Mended);
            }
            self.scrubbed = Some((id, digest));
        }
        Ok(is_damaged)
    }

    /// Publishes the first few that wait. One whose place cannot be looked at now does not keep the others waiting.
    fn publish_some(&mut self) -> Result<(), PublishError> {
        let waiting = self.shared.lock().outbox.clone();
        let (mut left, mut failed) = (PUBLISH, Ok(()));
        for ((id, digest), durability) in waiting {
            match self.publish_one(id, digest, durability) {
                Err(_) if planted!(DropOnError) => {}
                Err(error @ PublishError::Failed { .. }) if !planted!(OneBlocksAll) => {
                    failed = failed.and(Err(error));
                    continue;
                }
                published => drop(published?),
            }
            self.shared.lock().outbox.remove(&(id, digest));
            left -= 1;
            if left == 0 {
                break;
            }
        }
        failed
    }

    fn publish_one(
        &mut self,
        id: MessageId,
        digest: Digest,
        durability: Durability,
    ) -> Result<Published, PublishError> {
        let frame = self.shared.frame(id, digest).map_err(|error| {
            let place = id.to_string();
            PublishError::Failed { place, source: Box::new(error) }
        })?;
        let published = self.transport.publish(&frame, durability)?;
        if published == Published::Beside {
            // If what lies there is a message, another installation writes under our name; the core has to see it.
            let mut state = self.shared.lock();
            state.core.suspect(id);
            state.occupied.insert(id);
        }
        Ok(published)
    }
}

impl Retry {
    const FIRST: Duration = Duration::from_millis(250);
    const LAST: Duration = Duration::from_secs(30);

    fn failed(&mut self, now: Duration) {
        self.delay = (self.delay * 2).clamp(Self::FIRST, Self::LAST);
        self.at = if planted!(RetryNever) { Duration::MAX } else { now + self.delay };
    }
}

/// What of an author's messages does not lie in the folder with its full length, alone or in a pack that has room for it.
/// Of two messages of one number neither is taken for the file of that name: publishing them again finds out.
fn absent(own: &OwnMessages, author: AuthorId, there: &[Piece]) -> Vec<(MessageId, Digest)> {
    let (packs, files): (Vec<&Piece>, Vec<&Piece>) = there.iter().partition(|piece| piece.first < piece.last);
    let files: BTreeMap<u64, u64> = files.into_iter().map(|file| (file.first, file.bytes)).collect();
    let lengths = own.iter().filter(|((id, _), _)| id.author == author).map(|((id, _), &len)| (id.counter, len));
    let mut by_counter: BTreeMap<u64, Option<u64>> = BTreeMap::new();
    for (counter, len) in lengths {
        by_counter.entry(counter).and_modify(|only| *only = None).or_insert(Some(len));
    }
    let is_full = |pack: &&&Piece| {
        let inside = || by_counter.range(pack.first..=pack.last).filter_map(|(_, len)| *len);
        let count = u64::try_from(inside().count()).unwrap_or(u64::MAX);
        count == pack.last - pack.first + 1 && inside().sum::<u64>() == pack.bytes
    };
    let packs: Vec<&Piece> = packs.iter().filter(is_full).copied().collect();
    let is_packed = |counter| packs.iter().any(|pack| (pack.first..=pack.last).contains(&counter));
    let is_there = |counter: u64| {
        let only = by_counter.get(&counter).copied().flatten();
        is_packed(counter) || (only.is_some() && files.get(&counter).copied() == only)
    };
    let of_author = own.keys().filter(|(id, _)| id.author == author);
    of_author.filter(|(id, _)| !is_there(id.counter)).copied().collect()
}
