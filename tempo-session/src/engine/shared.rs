//! What the session's handles and its driver share, and the one lock around it.
//!
//! Nothing is done under the lock that touches a disk: neither the shared folder nor the store. What is on its way into
//! the store stays readable here until it is there; see `saving.rs`.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError, RwLock,
        atomic::{AtomicUsize, Ordering},
    },
    task::Waker,
    time::Duration,
};

use tempo_clock::AuthorId;
use tempo_fs_transport::printable_text;
use tempo_message::{Arrival, Decoded, Digest, Durability, Frame, MessageId, PublishError, Report, Taken, planted};

use crate::{
    api::{events::Event, relaying::Relayed, status::Attachment, stream::Wakers},
    engine::{
        driver::OwnMessages,
        feed::{Feed, Item, Reader},
        noticing::Noticed,
        opening::Beginning,
        packing::ByHand,
        paging::{Paging, Resumed},
        saving::Writer,
    },
};
use crate::{
    core::{
        event::{CoreEvent, Intake},
        packing::PackStats,
        session_core::SessionCore,
    },
    environment::Environment,
    error::{ReadError, RelayError},
    store::{
        Record,
        contract::{Origin, Store},
        error::StoreError,
        marks::Marks,
    },
};

#[derive(Debug)]
pub(crate) struct Shared {
    /// Read from the store by whoever first needs it; see `opening.rs`.
    state: OnceLock<Mutex<State>>,
    pub(crate) beginning: Beginning,
    /// Something changed that somebody may wait for.
    changed: Condvar,
    /// How many threads wait for that. Waking nobody costs a system call as well.
    waiting: AtomicUsize,
    /// Tasks that wait for the same.
    pub(crate) wakers: Wakers,
    /// Who may write into the store. Taken before the state, never after it.
    pub(crate) writer: Mutex<Writer>,
    /// Gone once the session is closed. Never taken while the state is locked.
    pub(crate) store: RwLock<Option<Box<dyn Store>>>,
    pub(crate) environment: Arc<dyn Environment>,
    pub(crate) waker: Waker,
    /// Who has been silent for so long is not waited for.
    pub(crate) idle_after: Option<Duration>,
}

#[derive(Debug)]
#[allow(clippy::struct_excessive_bools, reason = "facts that have nothing to do with each other")]
pub(crate) struct State {
    pub(crate) core: SessionCore,
    pub(crate) paging: Paging,
    /// What the store knows of this installation.
    pub(crate) marks: Marks,
    /// Taken by the core and not yet by the store.
    pub(crate) unsaved: Vec<Record>,
    /// On its way into the store.
    pub(crate) saving: Arc<Vec<Record>>,
    /// There are lazy commits without a durable one after them.
    pub(crate) undurable: bool,
    pub(crate) store_failed: bool,
    /// A head of this life may have been left.
    pub(crate) is_alive: bool,
    /// What the installation has looked after in earlier lives, until the driver compares the folder with it.
    pub(crate) own: Option<OwnMessages>,
    /// Own messages that are not known to be in the folder.
    pub(crate) outbox: BTreeMap<(MessageId, Digest), Durability>,
    /// Those of them that have failed alone, while others have not: these need not wait for the next attempt.
    pub(crate) stuck: BTreeSet<(MessageId, Digest)>,
    /// Own messages whose place in the folder something else has taken; they lie beside it.
    pub(crate) occupied: BTreeSet<MessageId>,
    pub(crate) feed: Feed,
    pub(crate) noticed: Noticed,
    /// The cursors that are in use.
    pub(crate) cursors: BTreeSet<String>,
    /// Something is accepted, held or hinted at that has not been looked at for what is stable.
    pub(crate) may_become_stable: bool,
    pub(crate) attachment: Attachment,
    pub(crate) report: Arc<Report>,
    /// Why the last attempt to publish failed.
    pub(crate) publish_error: Option<Trouble>,
    /// When the publishing began that is under way.
    pub(crate) publishing_since: Option<Duration>,
    /// Why the last attempt to leave a head failed.
    pub(crate) head_error: Option<String>,
    /// The folder has been compared with what was sent in an earlier life.
    pub(crate) is_audited: bool,
    /// The driver has done what there was to do.
    pub(crate) is_at_rest: bool,
    /// Why the last attempt to keep what was received failed.
    pub(crate) store_error: Option<String>,
    /// Somebody wants everything packed.
    pub(crate) pack_wanted: Option<ByHand>,
    /// What came of that.
    pub(crate) packed: Option<Result<PackStats, String>>,
    /// Somebody wants this author's messages put into the folder.
    pub(crate) relay_wanted: Option<AuthorId>,
    /// What came of that.
    pub(crate) relayed: Option<Result<Relayed, RelayError>>,
    /// When something new of an author came last, by the clock of this machine: in milliseconds since 1970.
    pub(crate) heard: BTreeMap<AuthorId, i64>,
    /// The wall clock as of the last turn.
    pub(crate) unix_ms: i64,
    pub(crate) refresh_wanted: u64,
    pub(crate) refresh_done: u64,
    /// Until when whoever sends waits for the first look at the folder; `None` once that is over.
    pub(crate) look_until: Option<Duration>,
    /// What the member wants to be called, until it has said so.
    pub(crate) name: Option<String>,
    /// The application is about to close the session.
    pub(crate) is_leaving: bool,
    pub(crate) closing: bool,
    pub(crate) is_open: bool,
    /// So many messages were there when it was read.
    pub(crate) begun: u64,
}

/// Why messages could not be published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Trouble {
    pub(crate) why: String,
    /// Another program holds a file: it is worth waiting.
    pub(crate) is_passing: bool,
}

/// With more messages that have failed alone everything waits for the next attempt.
const STUCK: usize = 1024;
/// So many received messages wait for a store that fails; the folder keeps the others.
const UNSAVED: usize = 8192;
/// Of so many authors it is known when something came.
const HEARD: usize = 4096;
/// So many are worth a thread that saves them, and room that is kept for those that come next.
pub(crate) const MUCH: usize = 512;

impl Shared {
    pub(crate) fn new(
        beginning: Beginning,
        store: Box<dyn Store>,
        writer: Writer,
        (environment, idle_after): (Arc<dyn Environment>, Option<Duration>),
        waker: Waker,
    ) -> Self {
        Self {
            state: OnceLock::new(),
            beginning,
            changed: Condvar::new(),
            waiting: AtomicUsize::new(0),
            wakers: Wakers::default(),
            writer: Mutex::new(writer),
            store: RwLock::new(Some(store)),
            environment,
            waker,
            idle_after,
        }
    }

    /// Reads the state now, to know whether that can be done.
    pub(crate) fn begin(&self) -> Result<(), StoreError> {
        // Nobody else has it yet.
        let _ = self.state.set(Mutex::new(self.read()?));
        Ok(())
    }

    /// Whether the state is read.
    pub(crate) fn is_read(&self) -> bool {
        self.state.get().is_some()
    }

    /// The state. A panic under the lock is a broken invariant of ours; others may still read and close.
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        let state = self.state.get_or_init(|| Mutex::new(self.read_or_end()));
        state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn announce(&self) {
        // Whoever has found nothing under the lock has counted itself under it, before this was changed.
        if self.waiting.load(Ordering::SeqCst) > 0 {
            self.changed.notify_all();
        }
        self.wakers.wake();
    }

    /// Waits until something changes or the time is over.
    pub(crate) fn wait<'a>(&self, state: MutexGuard<'a, State>, timeout: Duration) -> MutexGuard<'a, State> {
        self.waiting.fetch_add(1, Ordering::SeqCst);
        let state = self.changed.wait_timeout(state, timeout).unwrap_or_else(PoisonError::into_inner).0;
        self.waiting.fetch_sub(1, Ordering::SeqCst);
        state
    }

    /// Waits until there is something for a reader, at most until `end`; whether there is.
    pub(crate) fn wait_for_news(&self, reader: &Reader, end: Duration) -> bool {
        let mut state = self.lock();
        while state.is_open() && !reader.has_news(&state) {
            let left = end.saturating_sub(self.environment.now());
            if left.is_zero() {
                return false;
            }
            state = self.wait(state, left);
        }
        state.is_open()
    }

    /// The bytes of a message that was sent or received.
    pub(crate) fn frame(&self, id: MessageId, digest: Digest) -> Result<Frame, ReadError> {
        // What was not read is in the store.
        if let Some(frame) = self.is_read().then(|| self.lock().unsaved_frame(digest)).flatten() {
            return Ok(frame);
        }
        let store = self.store.read().unwrap_or_else(PoisonError::into_inner);
        let bytes = store.as_ref().ok_or(ReadError::Closed)?.frame(id, digest)?.ok_or(ReadError::Lost { id })?;
        match Frame::decode(&bytes) {
            Decoded::Whole(frame) if frame.digest() == digest => Ok(frame),
            _ => Err(ReadError::Lost { id }),
        }
    }
}

impl State {
    /// What a session begins with.
    pub(crate) fn new(
        Resumed { core, own, paging, .. }: Resumed,
        marks: Marks,
        outbox: BTreeMap<(MessageId, Digest), Durability>,
    ) -> Self {
        Self {
            begun: core.end(),
            core,
            paging,
            marks,
            unsaved: Vec::new(),
            saving: Arc::default(),
            undurable: false,
            store_failed: false,
            is_alive: false,
            own: Some(own),
            outbox,
            stuck: BTreeSet::new(),
            occupied: BTreeSet::new(),
            feed: Feed::default(),
            noticed: Noticed::default(),
            cursors: BTreeSet::new(),
            may_become_stable: true,
            attachment: Attachment::Unknown,
            report: Arc::default(),
            publish_error: None,
            publishing_since: None,
            head_error: None,
            is_audited: false,
            is_at_rest: false,
            store_error: None,
            pack_wanted: None,
            packed: None,
            relay_wanted: None,
            relayed: None,
            heard: BTreeMap::new(),
            unix_ms: 0,
            refresh_wanted: 0,
            refresh_done: 0,
            look_until: None,
            name: None,
            is_leaving: false,
            closing: false,
            is_open: true,
        }
    }

    /// Takes an arrival in. The store gets it with the next [`save`](Shared::save).
    pub(crate) fn take(&mut self, arrival: Arrival) -> Taken {
        let taken = self.take_in(arrival);
        self.tell_of_core();
        taken
    }

    fn take_in(&mut self, arrival: Arrival) -> Taken {
        match arrival {
            Arrival::Frame(frame) => match self.core.handle_received(frame.message(), frame.digest()) {
                Intake::Accepted | Intake::Held if planted!(ReceivedNotKept) => Taken::Known,
                Intake::Accepted | Intake::Held => {
                    self.hear(frame.id().author);
                    if self.core.is_own(frame.id().author) {
                        let len = u64::try_from(frame.bytes().len()).unwrap_or(u64::MAX);
                        self.paging.note((frame.id(), frame.digest()), Origin::Received, len);
                    }
                    self.unsaved.push(Record { frame, origin: Origin::Received });
                    self.may_become_stable = true;
                    Taken::Known
                }
                Intake::Duplicate => Taken::Known,
                Intake::Rejected(_) => Taken::Settled,
                Intake::NoRoom => Taken::Later,
            },
            Arrival::Head(head) => {
                let author = head.author;
                if self.core.handle_head(head) {
                    self.hear(author);
                    self.may_become_stable = true;
                    if Some(author) != self.core.author() {
                        self.tell(Event::Receipt { author });
                    }
                }
                Taken::Settled
            }
            Arrival::Foreign(foreign) => {
                self.tell(Event::Foreign(foreign));
                Taken::Settled
            }
            _ => Taken::Settled,
        }
    }

    /// Something new of another author has come.
    fn hear(&mut self, author: AuthorId) {
        let has_room = self.heard.len() < HEARD || self.heard.contains_key(&author);
        if has_room && !self.core.is_own(author) {
            self.heard.insert(author, self.unix_ms);
        }
    }

    /// Puts an event where readers find it.
    pub(crate) fn tell(&mut self, event: Event) {
        self.feed.push(Item::Other(event));
    }

    /// Puts there what the core announces.
    pub(crate) fn tell_of_core(&mut self) {
        while let Some(event) = self.core.poll_event() {
            let event = match event {
                CoreEvent::Message { slot, position, is_late } => {
                    self.feed.push(Item::Message { slot, position, is_late });
                    continue;
                }
                CoreEvent::Answered { author } => Event::Receipt { author },
                CoreEvent::Joined { author } => Event::Joined { author },
                CoreEvent::Renamed { author } => {
                    let name = self.core.name(author).unwrap_or_default().to_owned();
                    Event::Renamed { author, name }
                }
                CoreEvent::Succeeded { author } => match self.core.former_of(author) {
                    Some(former) => Event::Succeeded { author, former },
                    None => continue,
                },
                CoreEvent::Fork { id } => Event::Fork { id },
                CoreEvent::Rejected { id, digest, why } => Event::Rejected { id, digest, why },
            };
            self.tell(event);
        }
    }

    /// Notes whether the folder is there.
    pub(crate) fn note_attachment(&mut self, attachment: Attachment) {
        self.attachment = attachment.clone();
        self.tell(Event::Attachment(attachment));
    }

    /// A message that is not in the store yet.
    fn unsaved_frame(&self, digest: Digest) -> Option<Frame> {
        let records = self.saving.iter().chain(&self.unsaved);
        records.map(|record| &record.frame).find(|frame| frame.digest() == digest).cloned()
    }

    /// An own message lies in the folder.
    pub(crate) fn note_published(&mut self, own: &(MessageId, Digest)) {
        self.outbox.remove(own);
        self.stuck.remove(own);
    }

    /// Whether there is something to publish although something has failed.
    pub(crate) fn has_fresh(&self) -> bool {
        (1..=STUCK).contains(&self.stuck.len()) && self.outbox.len() > self.stuck.len()
    }

    /// Notes how publishing goes.
    pub(crate) fn note_publishing(&mut self, error: Option<&PublishError>) {
        let error = error
            .map(|error| Trouble { why: describe(error), is_passing: matches!(error, PublishError::InUse { .. }) });
        if let Some(Trouble { why, .. }) = error.clone().filter(|_| error != self.publish_error) {
            self.tell(Event::Unpublished { why });
        }
        self.publish_error = error;
    }

    /// Whether more should be received: not while so much is waiting for a store that fails.
    pub(crate) fn has_room(&self) -> bool {
        self.unsaved.len() + self.saving.len() < UNSAVED
    }

    /// Whether it is worth a thread to save what was received.
    pub(crate) fn has_much_to_save(&self) -> bool {
        self.unsaved.len() >= MUCH
    }

    /// Whether the store has what the core knows, and nothing else.
    pub(crate) fn is_saved(&self) -> bool {
        self.unsaved.is_empty() && self.saving.is_empty() && !self.store_failed
    }

    /// Whether something waits for a durable commit.
    pub(crate) fn is_undurable(&self) -> bool {
        self.undurable || !self.unsaved.is_empty()
    }

    pub(crate) fn is_open(&self) -> bool {
        self.is_open
    }
}

/// An error with everything that caused it, in one line, safe for a terminal: paths may be anything.
pub(crate) fn describe(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    printable_text(&text)
}
