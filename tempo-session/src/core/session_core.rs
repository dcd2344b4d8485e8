//! The knowledge of one member about a session, and its rules.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
};

use bytes::Bytes;
use tempo_clock::{AuthorId, Lamport, LamportClock, LogicalClock, Seen, Stability, Stamp};
use tempo_message::{
    Attachment, AttachmentId, Digest, Ed25519, Kind, Message, MessageId, Parent, Release, Signature, Verify, is_signed,
    planted,
};
use uuid::Uuid;

use crate::core::{
    event::{CoreEvent, HeldMessage, Intake, Rejection},
    files::Files,
    identity::{authors::Identity, heads::Heads, retirements::Retirements, vouching::Vouching},
    order::{
        held::{Held, Holding},
        ledger::{Ledger, Past},
        timeline::Timeline,
        tips::Tips,
    },
};

/// The longest display name, in bytes of UTF-8. The core ignores names that are longer or not valid UTF-8.
pub const MAX_NAME: usize = 128;

/// The knowledge of one member about a session.
#[derive(Debug)]
pub struct SessionCore {
    pub(crate) identity: Identity,
    pub(crate) heads: Heads,
    pub(crate) vouching: Vouching,
    pub(crate) retirements: Retirements,
    pub(crate) files: Files,
    /// Whether other members can retire an author. Its own word always counts.
    pub(crate) heeds_retirements: bool,
    pub(crate) clock: LamportClock,
    pub(crate) stability: Stability,
    pub(crate) ledger: Ledger,
    pub(crate) timeline: Timeline,
    /// The number of messages in the timeline, for each author.
    pub(crate) shown: BTreeMap<AuthorId, u64>,
    pub(crate) tips: Tips,
    pub(crate) held: Held,
    /// Accepted messages that held ones may have waited for.
    pub(crate) accepted: VecDeque<Parent>,
    pub(crate) rejected: BTreeMap<Digest, (MessageId, Rejection)>,
    /// The messages that are accepted or held, shared with the code that collects.
    pub(crate) seen: Arc<Seen>,
    /// The last message that this installation sent.
    pub(crate) own_last: Option<Parent>,
    /// The number of times that a held message turned out to wait for another message than the known one of a number.
    pub(crate) doubts: u64,
    /// True if a held message was evicted, so that only the folder has it.
    pub(crate) evicted: bool,
    /// True if a message that may be in the log was evicted and has not been handed in again.
    pub(crate) is_partial: bool,
    /// Ids that are here, but with another message than the one that is awaited.
    pub(crate) suspects: BTreeSet<MessageId>,
    pub(crate) events: VecDeque<CoreEvent>,
}

impl SessionCore {
    /// The most messages and parents held, counted together. The folder is the buffer for the rest.
    pub const HELD: usize = 65_536;
    /// The most messages judged in a row, so that others get their turn.
    const STEP: usize = 1024;
    /// The most rejected messages remembered and announced. Later ones are judged again each time they are
    /// read.
    const REJECTED: usize = 4096;

    /// Makes a member that has seen no messages. Without an author it can only read.
    pub fn new(me: Option<AuthorId>) -> Self {
        Self::with_limit(me, Self::HELD)
    }

    /// Makes such a member of a session with another scheme of signatures.
    pub fn verifying(me: Option<AuthorId>, verify: Arc<dyn Verify>) -> Self {
        Self { vouching: Vouching::new(verify), ..Self::new(me) }
    }

    /// Makes a member that holds at most `held` messages and parents.
    pub(crate) fn with_limit(me: Option<AuthorId>, held: usize) -> Self {
        Self {
            identity: Identity::new(me),
            heads: Heads::default(),
            vouching: Vouching::new(Arc::new(Ed25519)),
            retirements: Retirements::default(),
            files: Files::default(),
            heeds_retirements: true,
            clock: LamportClock::default(),
            stability: Stability::default(),
            ledger: Ledger::default(),
            timeline: Timeline::default(),
            shown: BTreeMap::new(),
            tips: Tips::default(),
            held: Held::new(held),
            accepted: VecDeque::new(),
            rejected: BTreeMap::new(),
            seen: Arc::default(),
            own_last: None,
            doubts: 0,
            evicted: false,
            is_partial: false,
            suspects: BTreeSet::new(),
            events: VecDeque::new(),
        }
    }

    /// Handles a message of this installation that is durable, either just now or since an earlier life.
    pub(crate) fn handle_sent(&mut self, message: &Message, digest: Digest) -> Intake {
        let itself = parent_of(message.id, digest);
        let is_forgotten = planted!(CounterFromStoreMinusOne) && itself.counter == 3;
        let is_mine = Some(message.id.author) == self.identity.me;
        if is_mine && self.own_last.is_none_or(|last| last.counter < itself.counter) && !is_forgotten {
            self.own_last = Some(itself);
        }
        self.vouch(message, digest);
        self.take(message, digest)
    }

    /// Handles a message that is vouched for, from any source.
    pub(crate) fn handle_received(&mut self, message: &Message, digest: Digest) -> Intake {
        self.vouch(message, digest);
        let intake = self.take(message, digest);
        if Some(message.id.author) == self.identity.me && matches!(intake, Intake::Accepted | Intake::Held) {
            self.identity.find_impostor(message.id, digest);
        }
        intake
    }

    /// Asks for an id to be looked for again, because a different message than the known one was found under
    /// it.
    pub(crate) fn suspect(&mut self, id: MessageId) {
        self.suspects.insert(id);
    }

    /// Asks again for every id that is here with another message than the awaited one, and for messages that are proven
    /// and were not in the history when they were handed in.
    pub(crate) fn recheck_again(&mut self) {
        let proven = self.vouching.ask_again();
        let elsewhere = self.held.awaited().filter(|parent| self.is_elsewhere(parent)).map(id_of);
        let elsewhere = elsewhere.filter(|id| self.seen.contains(id.author, id.counter));
        self.suspects = elsewhere.chain(proven).collect();
    }

    /// Drops events about messages that the store already knows.
    pub(crate) fn forget_events(&mut self) {
        self.events.clear();
    }

    /// Returns whether any held message was evicted.
    pub(crate) fn has_evicted(&self) -> bool {
        self.evicted
    }

    /// Returns the messages that need not arrive again: those that are accepted or held.
    pub fn seen(&self) -> &Arc<Seen> {
        &self.seen
    }

    /// Returns the greatest logical time accepted.
    pub fn latest(&self) -> Lamport {
        self.clock.latest()
    }

    /// Returns the accepted messages of the application, in order.
    pub fn timeline(&self) -> &Timeline {
        &self.timeline
    }

    /// Returns every author with an accepted message.
    pub(crate) fn authors(&self) -> impl Iterator<Item = AuthorId> + '_ {
        self.ledger.authors()
    }

    /// Returns the greatest stamp of an author's messages.
    pub(crate) fn latest_of(&self, author: AuthorId) -> Option<Stamp> {
        self.ledger.latest(author)
    }

    /// Returns the latest wall clock among the direct causes of an author's messages, and the message that
    /// has it.
    pub(crate) fn past_of(&self, author: AuthorId) -> Option<(i64, MessageId)> {
        self.ledger.past(author)
    }

    /// Returns the counters that more than one message of an author has.
    pub(crate) fn forks(&self, author: AuthorId) -> Vec<u64> {
        self.ledger.forks(author)
    }

    /// Returns the number of held messages, with those that wait for the key of their author.
    pub fn held_len(&self) -> usize {
        self.held.len() + self.vouching.open().count()
    }

    /// Returns the first held messages by author and counter, at most `most`, with the parents that they wait
    /// for.
    pub fn held(&self, most: usize) -> Vec<HeldMessage> {
        let mut held = self.held.list(most, |parent| self.ledger.find(parent).is_some());
        let open = self.vouching.open().map(|(message, _)| HeldMessage {
            id: message.id,
            unix_ms: message.unix_ms,
            waits_for: message.causes().filter(|parent| self.ledger.find(parent).is_none()).collect(),
        });
        held.extend(open.take(most.saturating_sub(held.len())));
        held
    }

    /// Returns the ids and digests of the first held messages by author and counter, at most `most`.
    pub(crate) fn held_first(&self, most: usize) -> Vec<(MessageId, Digest)> {
        let open = self.vouching.open().map(|(message, digest)| (message.id, digest));
        self.held.first(most).chain(open).take(most).collect()
    }

    /// Returns whether a message waits for its parents, or for the key of its author.
    pub(crate) fn is_held(&self, id: MessageId, digest: Digest) -> bool {
        self.held.contains(digest) || self.vouching.is_open(id, digest)
    }

    /// Returns the rejected messages and the reasons.
    pub fn rejected(&self) -> impl Iterator<Item = (MessageId, Rejection)> + '_ {
        self.rejected.values().copied()
    }

    fn take(&mut self, message: &Message, digest: Digest) -> Intake {
        if self.is_here(message.id, digest) && !planted!(NoDedupe) {
            return Intake::Duplicate;
        }
        if let Some(&(_, why)) = self.rejected.get(&digest) {
            return Intake::Rejected(why);
        }
        let (past, missing) = self.ledger.causes_of(message);
        if missing.is_empty() || planted!(NoHold) {
            self.judge(message, digest, past)
        } else {
            self.hold(message, digest, &missing)
        }
    }

    /// Accepts or rejects a message whose causes are all here, then judges messages that waited for it.
    fn judge(&mut self, message: &Message, digest: Digest, past: Past) -> Intake {
        let intake = self.decide(message, digest, past);
        self.go_on();
        intake
    }

    /// Judges a limited number of messages that waited for accepted ones. Returns whether more are left.
    ///
    /// Each message handed in causes one such step. One step is enough unless very many messages waited for
    /// that message.
    pub(crate) fn go_on(&mut self) -> bool {
        let mut judged = 0;
        while judged < Self::STEP
            && let Some(parent) = self.accepted.pop_front()
        {
            for (message, digest) in self.held.release(parent) {
                judged += 1;
                let (past, _) = self.ledger.causes_of(&message);
                if self.decide(&message, digest, past) == Intake::Accepted
                    && planted!(EventTwice)
                    && let Some(&event) = self.events.back()
                {
                    self.events.push_back(event);
                }
            }
        }
        !self.accepted.is_empty()
    }

    fn decide(&mut self, message: &Message, digest: Digest, past: Past) -> Intake {
        match self.verify(message, past.lamport) {
            Ok(()) => {
                let itself = parent_of(message.id, digest);
                self.accept(message, itself, past);
                self.accepted.push_back(itself);
                Intake::Accepted
            }
            Err(why) => {
                self.reject(message.id, digest, why);
                Intake::Rejected(why)
            }
        }
    }

    /// Verifies the clock: it must be one more than the latest cause, so that no author can advance time by
    /// more than that.
    fn verify(&self, message: &Message, latest: Lamport) -> Result<(), Rejection> {
        let expected = latest.next().map_err(|_| Rejection::Exhausted)?;
        if planted!(ClockByArrival)
            && self.latest_unix_ms().is_some_and(|last| message.unix_ms.abs_diff(last) > 3_000_000)
        {
            return Err(Rejection::Exhausted);
        }
        if message.lamport == expected || planted!(UnverifiedClock) {
            Ok(())
        } else {
            Err(Rejection::Clock { claimed: message.lamport, expected })
        }
    }

    /// Returns the wall clock of the last message of the timeline.
    fn latest_unix_ms(&self) -> Option<i64> {
        let last = *self.timeline.last()?;
        self.ledger.order(last).map(|(stamp, _)| stamp.unix_ms)
    }

    fn accept(&mut self, message: &Message, itself: Parent, past: Past) {
        let (id, digest) = (message.id, itself.digest);
        // It was judged to be one later than the latest of its causes, which are here, so every member accepts it.
        let observed = self.clock.observe(message.lamport);
        debug_assert!(observed.is_ok(), "an accepted message is {observed:?}");
        self.stability.raise(id.author, message.lamport);
        let mut is_answer = false;
        for parent in message.parents.iter().filter(|parent| self.identity.is_own(parent.author)) {
            let to = MessageId { author: parent.author, counter: parent.counter };
            is_answer |= self.heads.answer(id.author, to);
        }
        self.tips.accept(message, itself);
        let added = self.ledger.add(message, digest, past);
        self.see(id);
        if added.is_first {
            self.events.push_back(CoreEvent::Joined { author: id.author });
        }
        if is_answer && !self.identity.is_own(id.author) {
            self.events.push_back(CoreEvent::Answered { author: id.author });
        }
        if added.forks && !planted!(ForkUntold) {
            self.events.push_back(CoreEvent::Fork { id });
        }
        self.note_retirements(message, added.slot);
        self.note_files(message, added.slot);
        match message.kind {
            Kind::Payload => {
                *self.shown.entry(id.author).or_default() += 1;
                let position = self.timeline.insert(&self.ledger, added.slot);
                let position = position + usize::from(planted!(PositionOffByOne) && position + 1 < self.timeline.len());
                let is_late = position + 1 < self.timeline.len();
                self.events.push_back(CoreEvent::Message { slot: added.slot, position, is_late });
            }
            Kind::Profile => {
                if display_name(&message.payload).is_some_and(|name| self.ledger.add_name(message, digest, name)) {
                    self.events.push_back(CoreEvent::Renamed { author: id.author });
                }
            }
            Kind::Successor => {
                let Some((former, proof)) = succession(&message.payload) else { return };
                let is_news = self.ledger.add_former(message, digest, former);
                if let Some(proof) = proof {
                    self.note_succession(id.author, former, proof);
                }
                if is_news {
                    self.events.push_back(CoreEvent::Succeeded { author: id.author });
                }
            }
            // Noted above: messages of every kind answer retirements.
            Kind::Release | Kind::Retirement => {}
        }
    }

    fn reject(&mut self, id: MessageId, digest: Digest, why: Rejection) {
        if !self.ledger.has(id) && self.seen.contains(id.author, id.counter) {
            Arc::make_mut(&mut self.seen).remove(id.author, id.counter);
            // While it was held, other messages of this number were passed over.
            self.suspects.insert(id);
        }
        if self.rejected.len() < Self::REJECTED {
            self.rejected.insert(digest, (id, why));
            self.events.push_back(CoreEvent::Rejected { id, digest, why });
        }
    }

    fn hold(&mut self, message: &Message, digest: Digest, missing: &[Parent]) -> Intake {
        let id = message.id;
        let Holding { held, evicted } = self.held.hold(without_payload(message.clone()), digest, missing);
        self.evicted |= !held || !evicted.is_empty();
        self.is_partial |= self.evicted;
        for other in evicted {
            if !self.ledger.has(other) {
                Arc::make_mut(&mut self.seen).remove(other.author, other.counter);
            }
        }
        if !held {
            return Intake::NoRoom;
        }
        self.see(id);
        // Another member has seen messages of this author that this installation has not written.
        // Anybody can name what a signed author has never written. Only its key proves what it has.
        let plain = self.identity.me.filter(|&me| !is_signed(me));
        let is_strange = |parent: &&Parent| Some(parent.author) == plain && self.is_elsewhere(parent);
        for parent in missing.iter().filter(is_strange).copied().collect::<Vec<_>>() {
            self.identity.find_impostor(id_of(&parent), parent.digest);
        }
        let elsewhere = missing.iter().filter(|parent| self.is_elsewhere(parent)).map(id_of);
        let suspects: Vec<MessageId> = elsewhere.filter(|id| self.seen.contains(id.author, id.counter)).collect();
        self.doubts = self.doubts.saturating_add(u64::try_from(suspects.len()).unwrap_or(u64::MAX));
        self.suspects.extend(suspects);
        Intake::Held
    }

    fn see(&mut self, id: MessageId) {
        Arc::make_mut(&mut self.seen).insert(id.author, id.counter);
        if self.held.awaited_as(id).any(|parent| self.is_elsewhere(parent)) {
            self.suspects.insert(id);
        }
    }

    /// Returns whether a message is accepted or held.
    pub(crate) fn is_here(&self, id: MessageId, digest: Digest) -> bool {
        !self.is_elsewhere(&parent_of(id, digest))
    }

    /// Returns whether a message is missing in any form: neither accepted nor held.
    pub(crate) fn is_elsewhere(&self, parent: &Parent) -> bool {
        self.ledger.find(parent).is_none() && !self.held.contains(parent.digest)
    }
}

fn parent_of(id: MessageId, digest: Digest) -> Parent {
    Parent { author: id.author, counter: id.counter, digest }
}

pub(crate) fn id_of(parent: &Parent) -> MessageId {
    MessageId { author: parent.author, counter: parent.counter }
}

/// Reduces a message to the parts that the core keeps: of the payload, only a name, a former author, a release or a
/// retirement; of the files, no names.
pub(crate) fn without_payload(message: Message) -> Message {
    let most = match message.kind {
        Kind::Profile | Kind::Successor | Kind::Retirement => MAX_NAME + 1,
        Kind::Release => Release::MAX * AttachmentId::LEN + 1,
        Kind::Payload => 0,
    };
    let payload = Bytes::copy_from_slice(message.payload.get(..most).unwrap_or(&message.payload));
    let nameless =
        |it: Attachment| Attachment { manifest: it.manifest, name: String::new(), media_type: String::new() };
    let attachments = message.attachments.into_iter().map(nameless).collect();
    Message { payload, attachments, extensions: Vec::new(), ..message }
}

/// Returns the former author that a message names, and the former author's signature.
fn succession(payload: &[u8]) -> Option<(AuthorId, Option<Signature>)> {
    let (former, proof) = payload.split_first_chunk()?;
    let proof = if proof.is_empty() { None } else { Some(Signature::from_bytes(proof.try_into().ok()?)) };
    Some((AuthorId::new(Uuid::from_bytes(*former)), proof))
}

fn display_name(payload: &[u8]) -> Option<&str> {
    std::str::from_utf8(payload).ok().filter(|name| (1..=MAX_NAME).contains(&name.len()))
}
