//! How things stand.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::RangeInclusive,
    sync::Arc,
    time::Duration,
};

use tempo_clock::{AuthorId, Counters, Lamport, Stamp};
use tempo_message::{Digest, MessageId, Parent, Report};

use crate::core::{
    event::{HeldMessage, Rejection},
    session_core::SessionCore,
};
use crate::{
    api::session::Session,
    engine::{event::Attachment, state::State},
};

/// A session at one moment.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Status {
    /// The author that this member writes as; `None` for an observer.
    pub author: Option<AuthorId>,
    /// Whether the folder is there.
    pub attachment: Attachment,
    /// The authors that this installation was before, the last one last.
    pub former: Vec<AuthorId>,
    /// Everybody of whom a message is accepted or held, or a head was seen, by author.
    pub members: Vec<Member>,
    /// The number of messages in the timeline.
    pub messages: usize,
    /// How much of the timeline keeps its order.
    pub stable: StablePrefix,
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
    /// Messages under the own name that this installation did not send: another one writes as the same author, and this
    /// one goes on as a new author with its next message at the latest.
    pub intruders: Vec<MessageId>,
    /// Why the own head cannot be left in the folder, if that is so. Nothing depends on it.
    pub head_error: Option<String>,
    /// Why what was received cannot be kept, if that is so.
    pub store_error: Option<String>,
    /// What else lies in the folder.
    pub report: Arc<Report>,
}

/// How much of the timeline keeps its order: nobody who is waited for can insert anything there any more.
///
/// It grows, and goes back only when something becomes known of a newcomer that it has written and that is not here yet.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct StablePrefix {
    /// The number of messages, from the beginning.
    pub messages: usize,
    /// The logical time up to which that is so.
    pub until: Lamport,
    /// Who has to be heard of before it is more, and the latest time, by their own clocks, of which anything is known of
    /// them, in milliseconds since 1970. Nobody once it is everything.
    pub waits_for: Vec<(AuthorId, Option<i64>)>,
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
    /// Whose place it has taken, as it says itself: the same person, or the same program.
    pub former: Option<AuthorId>,
    /// Who has taken its place.
    pub successor: Option<AuthorId>,
    /// The counter of its last message, as its head says; may be less than [`last`](Self::last), and zero without a head.
    pub announced: u64,
    /// The latest time, by its own clock, of which anything is known of it: a message or its head; in milliseconds since 1970.
    pub heard_ms: Option<i64>,
    /// Up to which counter it has everything of whom, as its head says; by author.
    pub has_seen: Vec<(AuthorId, u64)>,
    /// Its counters that have more than one message.
    pub forks: Vec<Fork>,
    /// By how much its clock and another one disagree, if they do.
    pub clock_skew: Option<ClockSkew>,
}

/// An effect that was written before its cause, if one believes the clocks of those who wrote them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClockSkew {
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

impl Session {
    /// Who is here, what is missing, what waits for what, and what else lies in the folder.
    pub fn status(&self) -> Status {
        let environment = &self.shared().environment;
        Status::of(&self.shared().lock(), environment.now(), environment.unix_ms(), self.shared().idle_after)
    }
}

impl Status {
    fn of(state: &State, now: Duration, unix_ms: i64, idle: Option<Duration>) -> Self {
        let core = &state.core;
        let until = core.stable_now(unix_ms, idle);
        let waits_for = core.waits_for(unix_ms, idle).into_iter().map(|author| (author, core.heard_ms(author)));
        Self {
            stable: StablePrefix { messages: core.len_until(until), until, waits_for: waits_for.collect() },
            attachment: state.attachment.clone(),
            unpublished: state.outbox.len(),
            publish_error: state.outbox.trouble(now),
            // Of former authors it is to be expected: another one went on under their names.
            occupied: state.outbox.occupied(core.author()),
            store_error: state.store_error.clone(),
            head_error: state.head_error.clone(),
            ..Self::of_core(&state.core, Arc::clone(&state.report))
        }
    }

    /// What a core knows, and what a transport has reported; nobody has looked at anything else.
    pub(crate) fn of_core(core: &SessionCore, report: Arc<Report>) -> Self {
        let is_held = |parent: &Parent| core.is_held(parent.digest);
        let waiting = core.held(WAITING).into_iter().map(|HeldMessage { id, unix_ms, waits_for }| Waiting {
            id,
            unix_ms,
            missing: waits_for.iter().filter(|parent| !is_held(parent)).map(named).collect(),
        });
        let authors: BTreeSet<AuthorId> =
            core.seen().iter().map(|(author, _)| author).chain(core.authors_with_head()).collect();
        let successors: BTreeMap<AuthorId, AuthorId> =
            core.authors().filter_map(|author| Some((core.former_of(author)?, author))).collect();
        let members = authors.into_iter().map(|author| member(core, author, successors.get(&author).copied()));
        Self {
            author: core.author(),
            former: core.former().to_vec(),
            attachment: Attachment::Unknown,
            members: members.collect(),
            messages: core.timeline().len(),
            stable: StablePrefix::default(),
            latest: core.latest(),
            held: core.held_len(),
            waiting: waiting.collect(),
            rejected: core.rejected().collect(),
            unpublished: 0,
            publish_error: None,
            occupied: Vec::new(),
            intruders: core.impostors().collect(),
            store_error: None,
            head_error: None,
            report,
        }
    }

    /// The name of an author, for people.
    pub fn name(&self, author: AuthorId) -> Option<&str> {
        self.members.iter().find(|member| member.author == author)?.name.as_deref()
    }
}

fn member(core: &SessionCore, author: AuthorId, successor: Option<AuthorId>) -> Member {
    let counters = core.seen().counters(author);
    let head = core.head(author);
    let latest = core.latest_of(author);
    Member {
        author,
        name: core.name(author).or(head.and_then(|head| head.name.as_deref())).map(str::to_owned),
        messages: counters.map_or(0, Counters::len),
        last: counters.and_then(Counters::last).unwrap_or(0),
        gaps: counters.map(|counters| counters.missing().collect()).unwrap_or_default(),
        latest,
        former: core.former_of(author),
        successor,
        announced: head.map_or(0, |head| head.counter),
        heard_ms: core.heard_ms(author),
        has_seen: head.map(|head| head.seen.clone()).unwrap_or_default(),
        forks: core.forks(author),
        clock_skew: clock_skew(core, author),
    }
}

fn clock_skew(core: &SessionCore, author: AuthorId) -> Option<ClockSkew> {
    let (past, after) = core.past_of(author)?;
    let latest = core.latest_of(author)?.unix_ms;
    (past > latest).then(|| ClockSkew { after, by_ms: past.abs_diff(latest) })
}

fn named(parent: &Parent) -> (MessageId, Digest) {
    (MessageId { author: parent.author, counter: parent.counter }, parent.digest)
}
