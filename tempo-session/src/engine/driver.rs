//! The pump between a session and its transport: publishes what was sent, takes in what arrives.

use std::{collections::BTreeMap, mem, sync::Arc, time::Duration};

use crate::engine::{keeper::Keeper, packing::Packer, publishing::Retry, relaying::Relayer};
use tempo_clock::AuthorId;
use tempo_message::{Budget, CollectError, Collected, Digest, Durability, MessageId, Own, Transport, Want, planted};

use crate::{
    api::status::Attachment,
    engine::{
        pace::Pace,
        shared::{Shared, describe},
    },
};
use crate::{
    core::{packing::Packing, relaying::Relaying},
    store::error::StoreError,
};

/// Moves messages between a session and its transport.
///
/// Usually a thread of the session runs it, and nobody sees it. Whoever has a loop of their own, or virtual time, calls
/// [`turn`](Self::turn) instead; everything that may block on the folder happens in there and nowhere else.
#[derive(Debug)]
pub struct Driver {
    pub(crate) shared: Arc<Shared>,
    pub(crate) transport: Box<dyn Transport>,
    /// The messages that are to be looked after, with lengths, until the folder was compared with them.
    pub(crate) audit: Option<OwnMessages>,
    /// The greatest counters among them, until all of them are known to be whole in the folder.
    pub(crate) auditing: Option<BTreeMap<AuthorId, u64>>,
    pub(crate) attached: bool,
    /// The author whose directory is known to be there.
    pub(crate) joined: Option<AuthorId>,
    pub(crate) pace: Pace,
    /// When it may be looked again for what is stable.
    pub(crate) stabilize_at: Duration,
    /// When the name may be given up for a new one without anything to send.
    pub(crate) renew_at: Duration,
    /// When publishing may be tried again, and after how long the time after that.
    pub(crate) retry: Retry,
    pub(crate) packer: Packer,
    pub(crate) relayer: Relayer,
    /// The last own message that was compared with the folder in passing.
    pub(crate) scrubbed: Option<(MessageId, Digest)>,
    pub(crate) scrub: Option<Duration>,
    pub(crate) scrub_at: Option<Duration>,
    /// When parents that something waits for are looked for again among the known files.
    pub(crate) recheck_at: Duration,
    /// The refresh that is being worked on.
    pub(crate) refreshing: Option<u64>,
    /// Everything has been looked at since it began.
    pub(crate) has_passed: bool,
    /// It is run by a thread of its own, and so may have others.
    pub(crate) has_threads: bool,
    pub(crate) keeper: Option<Keeper>,
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

const BUDGET: Budget = Budget { frames: 4096, bytes: 8 * 1024 * 1024 };
/// How often a name may be given up without anything to send: somebody may write under every new one.
const RENEW: Duration = Duration::from_secs(60);
/// How often it is looked for what is stable: that costs a transaction.
const STABILIZE: Duration = Duration::from_secs(1);
const RECHECK: Duration = Duration::from_secs(30);
/// How long others may have the lock while very much follows from one message.
const BREATH: Duration = Duration::from_micros(50);
const LONGEST_WAIT: Duration = Duration::from_secs(30);

impl Driver {
    pub(crate) fn new(
        shared: Arc<Shared>,
        transport: Box<dyn Transport>,
        (scrub, packing, relaying): (Option<Duration>, Option<Packing>, Option<Relaying>),
    ) -> Self {
        let scrub_at = scrub.map(|_| shared.environment.now());
        Self {
            shared,
            transport,
            audit: None,
            auditing: None,
            attached: false,
            joined: None,
            pace: Pace::default(),
            stabilize_at: Duration::ZERO,
            renew_at: Duration::ZERO,
            retry: Retry::default(),
            packer: Packer::new(packing),
            relayer: Relayer::new(relaying),
            scrubbed: None,
            scrub,
            scrub_at,
            recheck_at: Duration::ZERO,
            refreshing: None,
            has_passed: false,
            has_threads: false,
            keeper: None,
        }
    }

    /// Runs until the session is closed.
    pub fn run(mut self) {
        self.has_threads = true;
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
        let mut state = self.shared.lock();
        if !state.is_open() {
            return Turn::Stop;
        }
        self.audit = state.own.take().or(self.audit.take());
        state.unix_ms = self.shared.environment.unix_ms();
        state.is_at_rest = false;
        drop(state);
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
                // Whoever goes on in the place of another one should know what is here.
                again |= !collected.more && self.renew(now);
            }
            Err(error) => {
                self.attached = false;
                self.detach(&error);
                if planted!(DetachedForEver) {
                    return Turn::Stop;
                }
            }
        }
        self.finish_refresh(now);
        if again {
            return Turn::Again;
        }
        self.save();
        let next_stabilizing = self.stabilize(now);
        let next_head = if self.attached { self.leave_head(now) } else { None };
        if self.pack(now) || self.relay(now) || self.keep_pages() {
            return Turn::Again;
        }
        let mut state = self.shared.lock();
        state.is_at_rest = true;
        if planted!(NeverAtRest) && state.core.held_len() > 0 {
            return Turn::Again;
        }
        let waits_to_publish = self.attached && !state.outbox.is_empty();
        drop(state);
        self.shared.announce();
        let longest = next_head.unwrap_or(LONGEST_WAIT).min(next_stabilizing.unwrap_or(LONGEST_WAIT)).min(LONGEST_WAIT);
        Turn::Wait(if waits_to_publish { longest.min(self.retry.at.saturating_sub(now)) } else { longest })
    }

    /// Gives up a name that somebody else may have, also when there is nothing to send; whether it did.
    fn renew(&mut self, now: Duration) -> bool {
        let is_needed = self.shared.conflict().is_some() || !self.shared.lock().introduction().is_empty();
        if !is_needed || now < self.renew_at {
            return false;
        }
        self.renew_at = now + RENEW;
        let sent = self.shared.send_now(Vec::new());
        if let Err(error) = &sent {
            self.shared.lock().store_error = Some(describe(error));
        }
        sent.is_ok()
    }

    /// Marks as stable what can be and tells what is worth it, if there is anything new; the answer is when it will be time.
    fn stabilize(&mut self, now: Duration) -> Option<Duration> {
        let is_due = self.shared.lock().may_become_stable || self.shared.idle_after.is_some();
        if !is_due {
            return None;
        }
        if now < self.stabilize_at && self.refreshing.is_none() {
            return Some(self.stabilize_at.saturating_sub(now));
        }
        self.stabilize_at = now + STABILIZE;
        if let Err(error) = self.shared.stabilize() {
            self.shared.lock().store_error = Some(describe(&error));
        }
        let unix_ms = self.shared.environment.unix_ms();
        let mut state = self.shared.lock();
        state.notice(unix_ms, self.shared.idle_after);
        // There may be more by now, or what there is could not be noted.
        state.may_become_stable.then_some(STABILIZE)
    }

    /// Leaves the head if it is time; the answer is when it will be.
    fn leave_head(&mut self, now: Duration) -> Option<Duration> {
        let known = {
            let state = self.shared.lock();
            let is_new = state.look_until.is_some() || !state.introduction().is_empty();
            let is_busy = !state.outbox.is_empty() || state.core.conflict().is_some() || is_new;
            (self.joined.is_some() && self.joined == state.core.author() && !is_busy).then(|| state.core.known())?
        };
        let wait = self.pace.due(known, now)?;
        if !wait.is_zero() && !self.shared.lock().is_leaving {
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
        let mut is_first = true;
        let collected = self.transport.collect(&want, &mut |arrival| {
            let taken = shared.lock().take(arrival);
            if mem::take(&mut is_first) {
                // Often it is all that comes; nobody need wait until everything else is looked at.
                shared.announce();
            }
            taken
        });

        let mut state = self.shared.lock();
        while state.core.go_on() {
            state.tell_of_core();
            state = self.shared.wait(state, BREATH);
        }
        state.tell_of_core();
        drop(state);
        // It can be read from here on, and nobody need wait until it is kept.
        self.shared.announce();
        let collected = collected?;
        self.keep(collected.more);
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

    /// Keeps what was received; when that is much and there is more, on another thread meanwhile.
    fn keep(&mut self, more: bool) {
        let is_much = more && self.has_threads && self.shared.lock().has_much_to_save();
        let keeper = self.keeper.take().filter(|_| more);
        self.keeper = keeper.or_else(|| if is_much { Keeper::start(&self.shared) } else { None });
        if !self.keeper.as_ref().is_some_and(Keeper::keep) {
            self.shared.save_received(Durability::Lazy);
        }
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

    /// Says that a refresh is done: everything was looked at, what a member has to put there was tried, and it is known what is
    /// stable.
    fn finish_refresh(&mut self, now: Duration) {
        let has_tried = {
            let state = self.shared.lock();
            state.core.author().is_none() || state.is_audited || state.publish_error.is_some() || !self.attached
        };
        let Some(refreshing) = self.refreshing.filter(|_| has_tried && (self.has_passed || !self.attached)) else {
            return;
        };
        self.save();
        self.stabilize(now);
        self.refreshing = None;
        let mut state = self.shared.lock();
        (state.refresh_done, state.look_until) = (refreshing, None);
        drop(state);
        self.shared.announce();
    }

    /// Makes durable what has arrived.
    fn save(&self) {
        // What the keeper may have under way counts as not durable.
        let is_needed = self.keeper.is_some() || self.shared.lock().is_undurable();
        if is_needed && !planted!(HeadClaimsTooMuch) {
            self.shared.save_received(Durability::Durable);
        }
    }

    /// Keeps some pages, if it is time; whether there are more.
    fn keep_pages(&self) -> bool {
        match self.shared.keep_pages() {
            Ok(more) => more,
            Err(StoreError::Closed) => false,
            Err(error) => {
                self.shared.lock().store_error = Some(describe(&error));
                false
            }
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
}
