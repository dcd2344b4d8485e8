//! What the session's handles and its driver share, and the one lock around it.
//!
//! Nothing is done under the lock that touches the shared folder. The store is local; its commits are made under the
//! lock, so that what the core knows and what the store keeps never differ by more than `unsaved`.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    mem,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    task::Waker,
    time::Duration,
};

use bytes::Bytes;
use tempo_fs_transport::printable_text;
use tempo_message::{Arrival, Digest, Durability, Foreign, Frame, Kind, MessageId, Report, Taken, planted};

use super::status::Attachment;
use crate::{
    Environment, ReadError, SendError,
    protocol::{ComposeError, Intake, SessionCore},
    store::{Marks, Origin, Record, Store, StoreError},
};

#[derive(Debug)]
pub(crate) struct Shared {
    state: Mutex<State>,
    /// Something changed that somebody may wait for.
    changed: Condvar,
    pub(crate) environment: Arc<dyn Environment>,
    pub(crate) waker: Waker,
}

#[derive(Debug)]
#[allow(clippy::struct_excessive_bools, reason = "facts that have nothing to do with each other")]
pub(crate) struct State {
    pub(crate) core: SessionCore,
    store: Option<Box<dyn Store>>,
    /// Taken by the core and not yet by the store.
    unsaved: Vec<Record>,
    /// There are lazy commits without a durable one after them.
    undurable: bool,
    store_failed: bool,
    /// Own messages that are not known to be in the folder.
    pub(crate) outbox: BTreeMap<u64, Outgoing>,
    /// Own messages whose place in the folder something else has taken; they lie beside it.
    pub(crate) occupied: BTreeSet<u64>,
    pub(crate) foreign: VecDeque<Foreign>,
    pub(crate) attachments: VecDeque<Attachment>,
    pub(crate) attachment: Attachment,
    pub(crate) report: Arc<Report>,
    /// Why the last attempt to publish failed.
    pub(crate) publish_error: Option<String>,
    /// When the publishing began that is under way.
    pub(crate) publishing_since: Option<Duration>,
    /// Publishing has begun to fail for this reason, and nobody has been told.
    pub(crate) untold_publish_error: Option<String>,
    /// The folder has been compared with what was sent in an earlier life.
    pub(crate) is_audited: bool,
    /// Why the last attempt to keep what was received failed.
    pub(crate) store_error: Option<String>,
    pub(crate) refresh_wanted: u64,
    pub(crate) refresh_done: u64,
    pub(crate) closing: bool,
}

/// An own message on its way into the folder.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Outgoing {
    pub(crate) digest: Digest,
    pub(crate) durability: Durability,
}

impl Outgoing {
    /// A message that is to be seen whole and synced.
    pub(crate) fn durable(digest: Digest) -> Self {
        Self { digest, durability: Durability::Durable }
    }
}

/// So many received messages wait for a store that fails; the folder keeps the others.
const UNSAVED: usize = 4096;
/// So many foreign files wait to be told of; later ones show in the status only.
const FOREIGN: usize = 1024;

impl Shared {
    pub(crate) fn new(
        core: SessionCore,
        store: Box<dyn Store>,
        outbox: BTreeMap<u64, Outgoing>,
        environment: Arc<dyn Environment>,
        waker: Waker,
    ) -> Self {
        let state = State {
            core,
            store: Some(store),
            unsaved: Vec::new(),
            undurable: false,
            store_failed: false,
            outbox,
            occupied: BTreeSet::new(),
            foreign: VecDeque::new(),
            attachments: VecDeque::new(),
            attachment: Attachment::Unknown,
            report: Arc::default(),
            publish_error: None,
            publishing_since: None,
            untold_publish_error: None,
            is_audited: false,
            store_error: None,
            refresh_wanted: 0,
            refresh_done: 0,
            closing: false,
        };
        Self { state: Mutex::new(state), changed: Condvar::new(), environment, waker }
    }

    /// The state. A panic under the lock is a broken invariant of ours; others may still read and close.
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn announce(&self) {
        self.changed.notify_all();
    }

    /// Waits until something changes or the time is over.
    pub(crate) fn wait<'a>(&self, state: MutexGuard<'a, State>, timeout: Duration) -> MutexGuard<'a, State> {
        self.changed.wait_timeout(state, timeout).unwrap_or_else(PoisonError::into_inner).0
    }

    /// Makes messages, keeps them durably, and leaves them for the driver to publish.
    pub(crate) fn send(&self, kind: Kind, payloads: Vec<Bytes>) -> Result<Vec<MessageId>, SendError> {
        let unix_ms = self.environment.unix_ms();
        let mut state = self.lock();
        if state.store.is_none() || state.closing {
            return Err(SendError::Closed);
        }
        if state.store_failed {
            return Err(SendError::StoreFailed);
        }
        let frames = state.core.compose(kind, payloads, unix_ms)?;
        let received = state.unsaved.len();
        state.unsaved.extend(frames.iter().map(|frame| Record { frame: frame.clone(), origin: Origin::Sent }));
        let durability = if planted!(LazySend) { Durability::Lazy } else { Durability::Durable };
        if let Err(error) = state.save(durability)
            && !planted!(SendWithoutStore)
        {
            // Whether they were kept is unknown; they must not be made again under the same counters.
            state.unsaved.truncate(received);
            state.store_failed = true;
            return Err(SendError::Store(error));
        }
        for frame in &frames {
            state.core.handle_sent(frame.message(), frame.digest());
            let outgoing = Outgoing { digest: frame.digest(), durability: Durability::Lazy };
            state.outbox.insert(frame.id().counter, outgoing);
        }
        drop(state);
        self.waker.wake_by_ref();
        self.announce();
        Ok(frames.iter().map(Frame::id).collect())
    }
}

impl State {
    /// Takes an arrival in. The store gets it with the next [`save`](Self::save).
    pub(crate) fn take(&mut self, arrival: Arrival) -> Taken {
        match arrival {
            Arrival::Frame(frame) => match self.core.handle_received(frame.message(), frame.digest()) {
                Intake::Accepted | Intake::Held if planted!(ReceivedNotKept) => Taken::Known,
                Intake::Accepted | Intake::Held => {
                    self.unsaved.push(Record { frame, origin: Origin::Received });
                    Taken::Known
                }
                Intake::Duplicate => Taken::Known,
                Intake::Rejected(_) => Taken::Settled,
                Intake::NoRoom => Taken::Later,
            },
            Arrival::Foreign(foreign) => {
                if self.foreign.len() < FOREIGN {
                    self.foreign.push_back(foreign);
                }
                Taken::Settled
            }
            _ => Taken::Settled,
        }
    }

    /// Commits what is not in the store yet; with `Durable`, everything before it as well.
    pub(crate) fn save(&mut self, durability: Durability) -> Result<(), StoreError> {
        let Some(store) = &mut self.store else { return Ok(()) };
        let is_needed = !self.unsaved.is_empty() || (durability == Durability::Durable && self.undurable);
        if is_needed {
            store.commit(&self.unsaved, durability)?;
            self.unsaved.clear();
            self.undurable = durability == Durability::Lazy;
        }
        Ok(())
    }

    /// Commits what was received; an error is kept for the status, because what was received can be received again.
    pub(crate) fn save_received(&mut self, durability: Durability) {
        self.store_error = self.save(durability).err().map(|error| describe(&error));
    }

    /// Notes how publishing goes.
    pub(crate) fn note_publishing(&mut self, error: Option<String>) {
        if error.is_some() && error != self.publish_error {
            self.untold_publish_error.clone_from(&error);
        }
        self.publish_error = error;
    }

    /// Whether more should be received: not while so much is waiting for a store that fails.
    pub(crate) fn has_room(&self) -> bool {
        self.unsaved.len() < UNSAVED
    }

    /// Whether something waits for a durable commit.
    pub(crate) fn is_undurable(&self) -> bool {
        self.undurable || !self.unsaved.is_empty()
    }

    pub(crate) fn frame(&mut self, id: MessageId, digest: Digest) -> Result<Frame, ReadError> {
        let unsaved = self.unsaved.iter().find(|record| record.frame.digest() == digest);
        if let Some(record) = unsaved {
            return Ok(record.frame.clone());
        }
        let store = self.store.as_ref().ok_or(ReadError::Closed)?;
        let bytes = store.frame(id, digest)?.ok_or(ReadError::Lost { id })?;
        match Frame::decode(&bytes) {
            tempo_message::Decoded::Whole(frame) if frame.digest() == digest => Ok(frame),
            _ => Err(ReadError::Lost { id }),
        }
    }

    pub(crate) fn set_marks(&mut self, marks: Marks) -> Result<(), StoreError> {
        self.store.as_mut().map_or(Ok(()), |store| store.set_marks(marks))
    }

    pub(crate) fn is_open(&self) -> bool {
        self.store.is_some()
    }

    /// Ends the session: the last durable commit, and the store is let go.
    pub(crate) fn shut(&mut self) -> Result<(), StoreError> {
        self.closing = true;
        let saved = self.save(Durability::Durable);
        drop(mem::take(&mut self.store));
        saved
    }
}

impl From<ComposeError> for SendError {
    fn from(error: ComposeError) -> Self {
        match error {
            ComposeError::Observer => Self::Observer,
            ComposeError::IdentityInUse { id } => Self::IdentityInUse { id },
            ComposeError::PayloadTooLarge { actual } => Self::TooLarge { actual },
            error => Self::Unable(error),
        }
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
