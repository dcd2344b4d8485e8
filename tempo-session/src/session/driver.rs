//! The pump between a session and its transport: publishes what was sent, takes in what arrives.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use tempo_clock::AuthorId;
use tempo_message::{
    Budget, CollectError, Collected, Digest, Durability, Frame, MessageId, Own, Piece, PublishError, Published,
    Transport, Want, planted,
};

use super::{
    shared::{Outgoing, Shared, describe},
    status::Attachment,
};
use crate::store::Marks;

/// Moves messages between a session and its transport.
///
/// Usually a thread of the session runs it, and nobody sees it. Whoever has a loop of their own, or virtual time, calls
/// [`turn`](Self::turn) instead; everything that may block on the folder happens in there and nowhere else.
#[derive(Debug)]
pub struct Driver {
    shared: Arc<Shared>,
    transport: Box<dyn Transport>,
    author: Option<AuthorId>,
    /// The messages that were sent in an earlier life, with lengths, until the folder was compared with them.
    audit: Option<BTreeMap<u64, (Digest, u64)>>,
    /// The last of them, until all of them are known to be whole in the folder.
    auditing: Option<u64>,
    marks: Marks,
    attached: bool,
    joined: bool,
    /// When publishing may be tried again, and after how long the time after that.
    retry: Retry,
    /// The last own message that was compared with the folder in passing.
    scrubbed: u64,
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
const RECHECK: Duration = Duration::from_secs(30);
/// How long others may have the lock while very much follows from one message.
const BREATH: Duration = Duration::from_micros(50);
const LONGEST_WAIT: Duration = Duration::from_secs(30);

impl Driver {
    pub(crate) fn new(
        shared: Arc<Shared>,
        transport: Box<dyn Transport>,
        author: Option<AuthorId>,
        marks: Marks,
        sent: BTreeMap<u64, (Digest, u64)>,
        scrub: Option<Duration>,
    ) -> Self {
        let scrub_at = scrub.map(|scrub| shared.environment.now() + scrub);
        Self {
            shared,
            transport,
            author,
            audit: Some(sent),
            auditing: None,
            marks,
            attached: false,
            joined: false,
            retry: Retry::default(),
            scrubbed: 0,
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
        let mut state = self.shared.lock();
        if state.is_undurable() {
            state.save_received(Durability::Durable);
        }
        if planted!(NeverAtRest) && state.core.held_len() > 0 {
            return Turn::Again;
        }
        let waits_to_publish = self.attached && !state.outbox.is_empty();
        drop(state);
        Turn::Wait(if waits_to_publish { self.retry.at.saturating_sub(now) } else { LONGEST_WAIT })
    }

    fn collect(&mut self) -> Result<Collected, CollectError> {
        let mut state = self.shared.lock();
        let known = Arc::clone(state.core.seen());
        if !state.has_room() {
            state.save_received(Durability::Lazy);
            if !state.has_room() {
                return Ok(Collected::default());
            }
        }
        let recheck = state.core.poll_recheck();
        let begins_refresh = self.refreshing.is_none() && state.refresh_wanted > state.refresh_done;
        if begins_refresh {
            self.refreshing = Some(state.refresh_wanted);
            self.has_passed = false;
            self.retry = Retry::default();
        }
        let full = begins_refresh || state.core.poll_room();
        drop(state);

        let own = self.author.map(|author| Own { author, joined: self.marks.joined });
        let want = Want { known: &known, own, recheck: &recheck, full, budget: BUDGET };
        let shared = Arc::clone(&self.shared);
        let collected = self.transport.collect(&want, &mut |arrival| shared.lock().take(arrival));

        let mut state = self.shared.lock();
        while state.core.go_on() {
            state = self.shared.wait(state, BREATH);
        }
        let collected = collected?;
        state.save_received(Durability::Lazy);
        if collected.report_changed {
            state.report = Arc::new(self.transport.report());
        }
        if state.attachment != Attachment::Attached {
            state.attachment = Attachment::Attached;
            state.attachments.push_back(Attachment::Attached);
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
        let has_tried = self.author.is_none() || state.is_audited || state.publish_error.is_some() || !self.attached;
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
            state.attachment = attachment.clone();
            state.attachments.push_back(attachment);
        }
        drop(state);
        self.shared.announce();
    }

    fn has_to_publish(&self) -> bool {
        self.author.is_some() && (!self.joined || self.audit.is_some() || !self.shared.lock().outbox.is_empty())
    }

    /// Joins, compares the folder with what was sent, and publishes; true when there is more to publish at once.
    fn publish(&mut self, now: Duration) -> bool {
        let Some(author) = self.author else { return false };
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
        let more = self.retry.at <= now && !state.outbox.is_empty();
        drop(state);
        self.shared.announce();
        more
    }

    fn join(&mut self, author: AuthorId) -> Result<(), PublishError> {
        if !self.joined {
            self.transport.join(author)?;
            self.mark(Marks { joined: true, ..self.marks })?;
            self.joined = true;
        }
        let Some(sent) = &self.audit else { return Ok(()) };
        let there = match self.transport.inventory(author) {
            Ok(there) => there,
            Err(CollectError::Failed { place, source }) => return Err(PublishError::Failed { place, source }),
            // The next collect says it, and the audit is made when the folder is back.
            Err(_) => return Ok(()),
        };
        let mut absent = absent(sent, &there);
        let mut state = self.shared.lock();
        if planted!(NoAudit) {
            absent.clear();
            state.outbox.clear();
        }
        state.outbox.extend(absent.into_iter().map(|(counter, digest)| (counter, Outgoing::durable(digest))));
        state.is_audited = true;
        drop(state);
        self.auditing = sent.keys().next_back().copied();
        if planted!(AuditedTooEarly) {
            self.mark(Marks { audited: self.auditing.unwrap_or(0), ..self.marks })?;
        }
        self.audit = None;
        Ok(())
    }

    /// Notes how far the audit has come, once everything that it found is published.
    fn note_audit(&mut self) -> Result<(), PublishError> {
        let Some(last) = self.auditing else { return Ok(()) };
        let is_done = self.shared.lock().outbox.range(..=last).next().is_none();
        if is_done {
            self.mark(Marks { audited: last, ..self.marks })?;
            self.auditing = None;
        }
        Ok(())
    }

    fn mark(&mut self, marks: Marks) -> Result<(), PublishError> {
        if marks != self.marks {
            let noted = self.shared.lock().set_marks(marks);
            let place = self.author.map(|author| author.to_string()).unwrap_or_default();
            noted.map_err(|error| PublishError::Failed { place, source: Box::new(error) })?;
            self.marks = marks;
        }
        Ok(())
    }

    fn publish_all(&mut self, author: AuthorId, now: Duration) -> Result<(), PublishError> {
        self.join(author)?;
        self.publish_some(author)?;
        self.note_audit()?;
        if self.scrub_at.is_some_and(|at| at <= now) && !planted!(NoScrub) {
            self.scrub(author)?;
            self.scrub_at = self.scrub.map(|scrub| now + scrub);
        }
        Ok(())
    }

    /// Compares the next few of the own messages with the folder and puts right what has become of them: somebody has
    /// deleted them, or a service has brought back an older state. Nothing is synced for it; the next round would find
    /// what a loss of power undoes.
    fn scrub(&mut self, author: AuthorId) -> Result<(), PublishError> {
        let mut own = self.shared.lock().core.own_after(self.scrubbed, SCRUB);
        if own.is_empty() {
            // From the beginning again, and not only the next time.
            own = self.shared.lock().core.own_after(0, SCRUB);
        }
        for (counter, digest) in own {
            let is_outgoing = self.shared.lock().outbox.contains_key(&counter);
            if !is_outgoing {
                self.publish_one(MessageId { author, counter }, digest, Durability::Lazy)?;
            }
            self.scrubbed = counter;
        }
        Ok(())
    }

    /// Publishes the first few that wait. One whose place cannot be looked at now does not keep the others waiting.
    fn publish_some(&mut self, author: AuthorId) -> Result<(), PublishError> {
        let waiting = self.shared.lock().outbox.clone();
        let (mut left, mut failed) = (PUBLISH, Ok(()));
        for (counter, Outgoing { digest, durability }) in waiting {
            match self.publish_one(MessageId { author, counter }, digest, durability) {
                Err(_) if planted!(DropOnError) => {}
                Err(error @ PublishError::Failed { .. }) if !planted!(OneBlocksAll) => {
                    failed = failed.and(Err(error));
                    continue;
                }
                published => published?,
            }
            self.shared.lock().outbox.remove(&counter);
            left -= 1;
            if left == 0 {
                break;
            }
        }
        failed
    }

    fn publish_one(&mut self, id: MessageId, digest: Digest, durability: Durability) -> Result<(), PublishError> {
        let frame: Frame = self.shared.lock().frame(id, digest).map_err(|error| {
            let place = id.to_string();
            PublishError::Failed { place, source: Box::new(error) }
        })?;
        if self.transport.publish(&frame, durability)? == Published::Beside {
            // If what lies there is a message, another installation writes under our name; the core has to see it.
            let mut state = self.shared.lock();
            state.core.suspect(id);
            state.occupied.insert(id.counter);
        }
        Ok(())
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

/// What was sent and does not lie in the folder with its full length, alone or in a pack that has room for it.
fn absent(sent: &BTreeMap<u64, (Digest, u64)>, there: &[Piece]) -> BTreeMap<u64, Digest> {
    let (packs, files): (Vec<&Piece>, Vec<&Piece>) = there.iter().partition(|piece| piece.first < piece.last);
    let lengths: BTreeMap<u64, u64> = files.into_iter().map(|file| (file.first, file.bytes)).collect();
    let is_full = |pack: &&&Piece| {
        let inside = || sent.range(pack.first..=pack.last);
        let count = u64::try_from(inside().count()).unwrap_or(u64::MAX);
        count == pack.last - pack.first + 1 && inside().map(|(_, (_, len))| len).sum::<u64>() == pack.bytes
    };
    let packs: Vec<&Piece> = packs.iter().filter(is_full).copied().collect();
    let is_packed = |counter| packs.iter().any(|pack| (pack.first..=pack.last).contains(&counter));
    let absent = sent.iter().filter(|&(&counter, (_, len))| lengths.get(&counter) != Some(len) && !is_packed(counter));
    absent.map(|(&counter, &(digest, _))| (counter, digest)).collect()
}
