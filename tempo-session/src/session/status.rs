//! How things stand.

use std::{ops::RangeInclusive, sync::Arc, time::Duration};

use tempo_clock::{AuthorId, Lamport, Stamp};
use tempo_message::{Digest, MessageId, Parent, Report};

use super::shared::State;
use crate::protocol::{HeldMessage, Rejection, SessionCore};

/// A session at one moment.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Status {
    /// The author that this member writes as; `None` for an observer.
    pub author: Option<AuthorId>,
    /// Whether the folder is there.
    pub attachment: Attachment,
    /// Everybody of whom a message is accepted or held, by author.
    pub members: Vec<Member>,
    /// The number of messages in the timeline.
    pub messages: usize,
    /// The greatest logical time accepted.
    pub latest: Lamport,
    /// How many messages wait for others.
    pub held: usize,
    /// The first of them by author and counter, at most 1,024, and what they wait for.
    pub waiting: Vec<Waiting>,
    /// Messages that were refused, and why.
    pub rejected: Vec<(MessageId, Rejection)>,
    /// Own messages that are not in the folder yet.
    pub unpublished: usize,
    /// Why they are not, if an attempt has failed.
    pub publish_error: Option<String>,
    /// Own messages whose place in the folder something else has taken; they lie beside it.
    pub occupied: Vec<u64>,
    /// Messages under the own name that this installation did not send: another one writes as the same author.
    pub intruders: Vec<MessageId>,
    /// Why what was received cannot be kept, if that is so.
    pub store_error: Option<String>,
    /// What else lies in the folder.
    pub report: Arc<Report>,
}

/// Whether the folder is there.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Attachment {
    /// Nobody has looked yet.
    Unknown,
    /// It is there.
    Attached,
    /// It is away, emptied or another one. Nothing in it counts as deleted; sending goes on, into the store.
    Detached {
        /// How that shows.
        why: String,
    },
    /// It is there and cannot be read.
    Unreadable {
        /// What the system said.
        why: String,
    },
}

/// What is known of a member.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Member {
    /// The author.
    pub author: AuthorId,
    /// The latest name.
    pub name: Option<String>,
    /// How many of its messages are here.
    pub messages: u64,
    /// The greatest counter that is here.
    pub last: u64,
    /// What is missing below that.
    pub gaps: Vec<Gap>,
    /// The stamp of its latest accepted message.
    pub latest: Option<Stamp>,
    /// Its counters that have more than one message.
    pub forks: Vec<Fork>,
    /// By how much its clock and another one disagree, if they do.
    pub setback: Option<Setback>,
}

/// An effect that was written before its cause, if one believes the clocks of those who wrote them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Setback {
    /// A message that the member had seen; may be an earlier one of its own.
    pub after: MessageId,
    /// By so many milliseconds the member's latest message claims to be older than that.
    pub by_ms: u64,
}

/// Messages of a member that are not here, although later ones are.
pub type Gap = RangeInclusive<u64>;

/// A counter that has more than one message.
pub type Fork = u64;

/// A message that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Waiting {
    /// The message.
    pub id: MessageId,
    /// The wall clock of its author, in milliseconds since 1970; may be wrong.
    pub unix_ms: i64,
    /// What it waits for: the messages that have not arrived at all. Empty when it only waits for others that wait.
    pub missing: Vec<(MessageId, Digest)>,
}

/// So many waiting messages are named: naming all of them would keep everybody waiting.
const WAITING: usize = 1024;

impl Status {
    pub(super) fn of(state: &State, author: Option<AuthorId>, now: Duration) -> Self {
        Self {
            attachment: state.attachment.clone(),
            unpublished: state.outbox.len(),
            publish_error: is_stuck(state, now).or_else(|| state.publish_error.clone()),
            occupied: state.occupied.iter().copied().collect(),
            store_error: state.store_error.clone(),
            ..Self::of_core(&state.core, author, Arc::clone(&state.report))
        }
    }

    /// What a core knows, and what a transport has reported; nobody has looked at anything else.
    pub(crate) fn of_core(core: &SessionCore, author: Option<AuthorId>, report: Arc<Report>) -> Self {
        let is_held = |parent: &Parent| core.is_held(parent.digest);
        let waiting = core.held(WAITING).into_iter().map(|HeldMessage { id, unix_ms, waits_for }| Waiting {
            id,
            unix_ms,
            missing: waits_for.iter().filter(|parent| !is_held(parent)).map(named).collect(),
        });
        let members = core.seen().iter().map(|(author, counters)| Member {
            author,
            name: core.name(author).map(str::to_owned),
            messages: counters.len(),
            last: counters.last().unwrap_or(0),
            gaps: counters.missing().collect(),
            latest: core.latest_of(author),
            forks: core.forks(author),
            setback: setback(core, author),
        });
        Self {
            author,
            attachment: Attachment::Unknown,
            members: members.collect(),
            messages: core.timeline().len(),
            latest: core.latest(),
            held: core.held_len(),
            waiting: waiting.collect(),
            rejected: core.rejected().collect(),
            unpublished: 0,
            publish_error: None,
            occupied: Vec::new(),
            intruders: core.impostors().collect(),
            store_error: None,
            report,
        }
    }

    /// The name of an author, for people.
    pub fn name(&self, author: AuthorId) -> Option<&str> {
        self.members.iter().find(|member| member.author == author)?.name.as_deref()
    }
}

/// What to say while publishing does not come back.
fn is_stuck(state: &State, now: Duration) -> Option<String> {
    const LONG: Duration = Duration::from_secs(5);
    let span = now.saturating_sub(state.publishing_since?);
    (span >= LONG).then(|| format!("the folder has not answered for {} s", span.as_secs()))
}

fn setback(core: &SessionCore, author: AuthorId) -> Option<Setback> {
    let (past, after) = core.past_of(author)?;
    let latest = core.latest_of(author)?.unix_ms;
    (past > latest).then(|| Setback { after, by_ms: past.abs_diff(latest) })
}

fn named(parent: &Parent) -> (MessageId, Digest) {
    (MessageId { author: parent.author, counter: parent.counter }, parent.digest)
}
