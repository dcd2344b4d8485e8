//! The state of a session.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::RangeInclusive,
    sync::Arc,
    time::Duration,
};

use serde::Serialize;
use tempo_clock::{AuthorId, Counters, Lamport, Stamp};
use tempo_message::{Digest, MessageId, Parent, Report, is_signed};

use crate::core::{
    event::{HeldMessage, Rejection},
    session_core::SessionCore,
};
use crate::{
    api::session::Session,
    engine::{event::FolderState, state::State},
    json,
};

/// A session at one moment.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Status {
    /// The author that this member writes as; `None` for an observer.
    pub author: Option<AuthorId>,
    /// The state of the connection to the folder.
    pub folder: FolderState,
    /// The former authors of this installation, the latest one last.
    pub former: Vec<AuthorId>,
    /// All authors with an accepted or held message or a head, by author.
    pub members: Vec<Member>,
    /// The number of messages in the timeline.
    pub messages: usize,
    /// The part of the timeline that keeps its order.
    pub stable: StablePrefix,
    /// The greatest logical time accepted.
    #[serde(rename = "lamport")]
    pub latest: Lamport,
    /// The number of messages that wait for others.
    pub held: usize,
    /// The first of them by author and counter, at most 1,024, and the messages that they wait for.
    pub waiting: Vec<Waiting>,
    /// The rejected messages and the reasons.
    #[serde(serialize_with = "json::with_reasons")]
    pub rejected: Vec<(MessageId, Rejection)>,
    /// Messages in the folder that claim to be by a signed author and are not proven to be: forged, or without the message
    /// that vouches for them. They are not part of the history.
    pub unvouched: Vec<MessageId>,
    /// Signed authors with hints in the folder that they have not signed. Those count for nothing.
    pub forged_heads: Vec<AuthorId>,
    /// The number of own messages that are not in the folder yet.
    pub unpublished: usize,
    /// The error of the last failed attempt to publish them, if any.
    pub publish_error: Option<String>,
    /// The counters of own messages whose place in the folder is taken by something else. The messages are in
    /// files beside it.
    pub occupied: Vec<u64>,
    /// Messages under the own author that this installation did not send. Another installation writes as this
    /// author, so this one continues as a new author with its next message at the latest.
    pub intruders: Vec<MessageId>,
    /// The error that keeps the own head out of the folder, if any. Nothing depends on the head.
    pub head_error: Option<String>,
    /// The error that prevents storing received messages, if any.
    pub store_error: Option<String>,
    /// All other contents of the folder.
    #[serde(flatten, serialize_with = "json::shared")]
    pub report: Arc<Report>,
}

/// The part of the timeline that keeps its order: no member that the session waits for can insert anything
/// there any more.
///
/// It grows. It shrinks only when a newcomer turns out to have written messages that are not here yet.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct StablePrefix {
    /// The number of messages, from the beginning.
    pub messages: usize,
    /// The logical time of the end of the stable part.
    pub until: Lamport,
    /// The authors that must write more before more is stable. Each has the latest time at which it was heard
    /// of, by its own clock, in milliseconds since 1970. Empty once everything is stable.
    #[serde(serialize_with = "json::heard")]
    pub waits_for: Vec<(AuthorId, Option<i64>)>,
}

/// A member as far as it is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Member {
    /// The author.
    pub author: AuthorId,
    /// The latest name.
    pub name: Option<String>,
    /// The number of its messages in the timeline. Those of all members add up to [`Status::messages`].
    pub messages: u64,
    /// The number of its messages of any kind that are here, also those that wait and those that are not in the timeline,
    /// such as its names.
    pub here: u64,
    /// The greatest counter here.
    pub last: u64,
    /// The counters missing below that.
    #[serde(rename = "missing", serialize_with = "json::pairs")]
    pub gaps: Vec<Gap>,
    /// The stamp of its latest accepted message.
    pub latest: Option<Stamp>,
    /// The author whose place it has taken, by its own account: the same person or program.
    pub former: Option<AuthorId>,
    /// Whether it has proven that with the former author's key. Until then, nothing ends for a former author that signs.
    #[serde(rename = "proven")]
    pub has_proven: bool,
    /// Whether it signs: nobody can write as it without its secret key.
    #[serde(rename = "signed")]
    pub is_signed: bool,
    /// The author that has taken its place.
    pub successor: Option<AuthorId>,
    /// The author that has [retired](Session::retire) it, perhaps itself, unless it has written again since.
    #[serde(rename = "retired_by")]
    pub retired: Option<AuthorId>,
    /// The counter of its last message, by its head. May be less than [`last`](Self::last); zero without a
    /// head.
    pub announced: u64,
    /// The latest time, by its own clock, in a message or head of it; in milliseconds since 1970.
    pub heard_ms: Option<i64>,
    /// The last counter of each author that it has without a gap, by its head; ordered by author.
    #[serde(serialize_with = "json::by_author")]
    pub has_seen: Vec<(AuthorId, u64)>,
    /// Its counters that have more than one message.
    pub forks: Vec<Fork>,
    /// The disagreement between its clock and another one, if any.
    pub clock_skew: Option<ClockSkew>,
}

/// An effect that is dated before its cause, by the clocks of their authors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ClockSkew {
    /// A message that the member had seen. May be an earlier one of its own.
    pub after: MessageId,
    /// The time that the member's latest message is dated before that one, in milliseconds.
    pub by_ms: u64,
}

/// A range of a member's messages that are missing here.
pub type Gap = RangeInclusive<u64>;

/// A counter with more than one message.
pub type Fork = u64;

/// A message that waits for others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Waiting {
    /// The id of the message.
    #[serde(rename = "message")]
    pub id: MessageId,
    /// The wall clock of its author, in milliseconds since 1970. May be wrong.
    pub unix_ms: i64,
    /// The causes that have not arrived at all. Empty when it waits only for messages that wait themselves.
    #[serde(rename = "waits_for", serialize_with = "json::with_digests")]
    pub missing: Vec<(MessageId, Digest)>,
}

/// The most waiting messages listed, because listing all of them would block other callers.
const WAITING: usize = 1024;

impl Session {
    /// Returns the members, what is missing, what waits for what, and the other contents of the folder.
    pub fn status(&self) -> Status {
        let environment = &self.shared().environment;
        Status::of(&self.shared().lock(), environment.now(), environment.unix_ms(), self.shared().idle_after)
    }
}

impl Status {
    fn of(state: &State, now: Duration, unix_ms: i64, idle: Option<Duration>) -> Self {
        let core = &state.core;
        Self {
            stable: StablePrefix::of(core, unix_ms, idle),
            folder: state.folder.clone(),
            unpublished: state.outbox.len(),
            publish_error: state.outbox.trouble(now),
            // Taken places are expected for former authors, because another installation continued under their
            // names.
            occupied: state.outbox.occupied(core.author()),
            store_error: state.store_error.clone(),
            head_error: state.head_error.clone(),
            ..Self::of_core(&state.core, Arc::clone(&state.report))
        }
    }

    /// Makes a status from a core and a transport's report, without looking at anything else.
    pub(crate) fn of_core(core: &SessionCore, report: Arc<Report>) -> Self {
        let is_held =
            |parent: &Parent| core.is_held(MessageId { author: parent.author, counter: parent.counter }, parent.digest);
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
            folder: FolderState::Unknown,
            members: members.collect(),
            messages: core.timeline().len(),
            stable: StablePrefix::default(),
            latest: core.latest(),
            held: core.held_len(),
            waiting: waiting.collect(),
            rejected: core.rejected().collect(),
            unvouched: core.unvouched().take(WAITING).collect(),
            forged_heads: core.forged_heads().collect(),
            unpublished: 0,
            publish_error: None,
            occupied: Vec::new(),
            intruders: core.impostors().collect(),
            store_error: None,
            head_error: None,
            report,
        }
    }

    /// Returns whether another author has taken the place of this one for certain, so that nobody waits for it.
    pub fn is_succeeded(&self, author: AuthorId) -> bool {
        self.members.iter().any(|member| member.former == Some(author) && member.has_proven)
    }

    /// Returns the number of messages of any kind that are here, and the number that are known of. Both are the same once
    /// everything is here.
    pub fn arrived(&self) -> (u64, u64) {
        let known = self.members.iter().map(|member| member.last.max(member.announced));
        (self.members.iter().map(|member| member.here).sum(), known.fold(0, u64::saturating_add))
    }

    /// Returns the name of an author, for display.
    pub fn name(&self, author: AuthorId) -> Option<&str> {
        self.members.iter().find(|member| member.author == author)?.name.as_deref()
    }
}

impl StablePrefix {
    /// Returns what is stable, and who must write more before more is.
    pub(crate) fn of(core: &SessionCore, unix_ms: i64, idle: Option<Duration>) -> Self {
        let until = core.stable_now(unix_ms, idle);
        let waits_for = core.waits_for(unix_ms, idle).into_iter().map(|author| (author, core.heard_ms(author)));
        Self { messages: core.len_until(until), until, waits_for: waits_for.collect() }
    }
}

fn member(core: &SessionCore, author: AuthorId, successor: Option<AuthorId>) -> Member {
    let counters = core.seen().counters(author);
    let head = core.head(author);
    let latest = core.latest_of(author);
    Member {
        author,
        name: core.name(author).or(head.and_then(|head| head.name.as_deref())).map(str::to_owned),
        messages: core.shown.get(&author).copied().unwrap_or(0),
        here: counters.map_or(0, Counters::len),
        last: counters.and_then(Counters::last).unwrap_or(0),
        gaps: counters.map(|counters| counters.missing().collect()).unwrap_or_default(),
        latest,
        former: core.former_of(author),
        has_proven: core.former_of(author).is_some_and(|former| core.has_proven(author, former)),
        is_signed: is_signed(author),
        successor,
        retired: core.retired_by(author).map(|by| by.author),
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
