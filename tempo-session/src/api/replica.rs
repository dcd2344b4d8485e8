//! State computed from the timeline.

mod checkpoints;

use std::{fmt, time::Duration};

use serde::{Deserialize, Serialize};
use tempo_message::{Durability, planted};

use crate::{
    api::session::Session,
    core::{event::Slot, progress::Progress},
    engine::{
        entry::Entry,
        event::{Event, Placed},
        feed::{Next, Reader},
    },
    errors::ReadError,
};
use checkpoints::{Applied, Checkpoints};

/// State that a [`Reducer`] computes from the timeline. All members with the same messages have the same
/// state, in any order of arrival.
///
/// [`update`](Self::update) takes in what has arrived. It applies a message at the end directly. For a
/// message that belongs before others, it returns to an earlier checkpoint and applies everything from there
/// again. This takes about twice as many applications as the message's distance from the end, and at least
/// some sixty. The replica keeps O(log n) checkpoints, and only one of them from before the stable part.
///
/// The replica has its own position among the events and takes none from other readers. It reads payloads
/// from the store when it applies them and does not keep them. Each message takes four bytes.
///
/// ```no_run
/// use tempo_session::{replica::Reducer, Entry, Session};
///
/// struct Longest;
///
/// impl Reducer for Longest {
///     type State = String;
///
///     fn initial(&self) -> String {
///         String::new()
///     }
///
///     fn apply(&self, longest: &mut String, entry: &Entry) {
///         let text = String::from_utf8_lossy(&entry.payload);
///         if text.len() > longest.len() {
///             *longest = text.into_owned();
///         }
///     }
/// }
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let session = Session::open("jam.session")?;
/// let mut replica = session.replica(Longest);
/// replica.catch_up()?;
/// println!("{}", replica.state());
/// # Ok(())
/// # }
/// ```
///
/// # Panics
///
/// If the reducer panics, the state falls back at most to the last checkpoint, and the next update applies
/// the rest again.
pub struct Replica<R: Reducer> {
    session: Session,
    reader: Reader,
    reducer: R,
    /// The messages taken, in order.
    slots: Vec<Slot>,
    /// The state computed from the first of these messages. `None` after a panic in the reducer.
    current: Option<Applied<R::State>>,
    /// The number of leading messages that agree with those in the current state.
    intact: usize,
    checkpoints: Checkpoints<R::State>,
    /// The position from which the state differs from what the application was last told.
    changed: Option<usize>,
    stable: usize,
}

/// Computes a state from messages, one after the other.
///
/// The state must depend only on the messages and their order: no clock, no randomness, no local data, and no
/// hash map whose order shows. Then it is equal for every member. Skip a message whose request is impossible
/// (the item is gone, or the payload is from a newer version of the application): every other member skips it
/// as well.
pub trait Reducer {
    /// The computed state. It is cloned for checkpoints, at most once in about sixty messages.
    type State: Clone;

    /// Returns the state before the first message.
    fn initial(&self) -> Self::State;

    /// Applies a message to the state. The replica may apply a message again, to an earlier state and at a
    /// new position, so this must have no other effects.
    fn apply(&self, state: &mut Self::State, entry: &Entry);
}

/// The changes made by an update.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Change {
    /// The first changed position. The messages before it have the same effect as before. This one and all
    /// later ones are new or were applied again.
    pub from: usize,
    /// The number of messages in the state now.
    pub messages: usize,
}

/// A state and the messages that it was computed from, for the application to store and resume from.
///
/// A reducer that computes a different state from these messages must not resume from the snapshot. Store the
/// reducer's version with it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Snapshot<S> {
    made: Applied<S>,
    /// Earlier states to return to for late messages.
    earlier: Vec<Applied<S>>,
    progress: Progress,
}

impl<S> Snapshot<S> {
    /// Returns the state.
    pub fn state(&self) -> &S {
        &self.made.state
    }
}

impl Session {
    /// Makes a replica: state that a reducer computes from the timeline, correct even after late messages.
    pub fn replica<R: Reducer>(&self, reducer: R) -> Replica<R> {
        Replica::new(self.clone(), reducer)
    }

    /// Makes a replica that resumes from a stored state. If the store lacks messages of that state, because
    /// the local state was lost or restored from a backup, the replica starts over with no
    /// [messages](Replica::messages).
    pub fn replica_after<R: Reducer>(&self, reducer: R, snapshot: Snapshot<R::State>) -> Replica<R> {
        Replica::after(self.clone(), reducer, snapshot)
    }
}

impl<R: Reducer> Replica<R> {
    /// The most messages taken in one update, so that an application can show a long timeline while it loads.
    const TOGETHER: usize = 4096;

    pub(crate) fn new(session: Session, reducer: R) -> Self {
        let reader = session.shared().reader_after(Progress::default());
        let begun = Applied { state: reducer.initial(), messages: 0 };
        Self::at(session, reducer, (reader, Vec::new()), begun)
    }

    /// Resumes from a snapshot, or starts over when the store lacks messages of the snapshot.
    pub(crate) fn after(session: Session, reducer: R, snapshot: Snapshot<R::State>) -> Self {
        let Snapshot { made, earlier, progress } = snapshot;
        let (reader, slots, stable) = {
            let shared = session.shared().lock();
            let slots = progress.given(&shared.core);
            let stable = slots.partition_point(|&slot| progress.is_stable(&shared.core, slot));
            (Reader::after(progress, &shared.feed, &shared.core), slots, stable)
        };
        if slots.len() != made.messages {
            return Self::new(session, reducer);
        }
        let mut replica = Self { stable, ..Self::at(session, reducer, (reader, slots), made) };
        replica.checkpoints.come_after(earlier);
        replica
    }

    fn at(session: Session, reducer: R, (reader, slots): (Reader, Vec<Slot>), made: Applied<R::State>) -> Self {
        let (intact, checkpoints) = (made.messages, Checkpoints::new(made.clone()));
        let current = Some(made);
        Self { session, reader, reducer, slots, current, intact, checkpoints, changed: None, stable: 0 }
    }

    /// Returns the state as of the last update.
    ///
    /// After a failed update, or after a panic in the reducer, this is the state up to the failing message or
    /// up to the last checkpoint.
    pub fn state(&self) -> &R::State {
        &self.made().state
    }

    /// Returns the number of messages in the state: the first ones of the timeline as of the last update.
    pub fn messages(&self) -> usize {
        self.made().messages
    }

    /// Returns the number of these messages that are stable. Only a message [below the stable
    /// part](crate::Placed::BelowStable) can change their effect.
    pub fn stable(&self) -> usize {
        self.stable.min(self.messages())
    }

    /// Returns the reducer.
    pub fn reducer(&self) -> &R {
        &self.reducer
    }

    /// Returns the session.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// Takes in what has arrived, some thousand messages at most. Returns the change, or `None` if nothing
    /// has changed.
    ///
    /// # Errors
    ///
    /// [`ReadError`] when a message cannot be read. The next update continues there.
    pub fn update(&mut self) -> Result<Option<Change>, ReadError> {
        self.take();
        self.apply_all()?;
        Ok(self.changed.take().map(|from| Change { from, messages: self.messages() }))
    }

    /// Takes in everything that has arrived, in any amount, and returns the change.
    ///
    /// # Errors
    ///
    /// As for [`update`](Self::update).
    pub fn catch_up(&mut self) -> Result<Option<Change>, ReadError> {
        // `changed` keeps the first changed position until all messages are applied.
        while self.take() == Self::TOGETHER {
            self.apply_all()?;
        }
        self.update()
    }

    /// Waits at most `patience` for the next change. Returns `None` when there was none, or when the session
    /// is [closed](Session::is_open).
    ///
    /// # Errors
    ///
    /// As for [`update`](Self::update).
    pub fn update_within(&mut self, patience: Duration) -> Result<Option<Change>, ReadError> {
        let end = self.session.shared().environment.now().saturating_add(patience);
        loop {
            match self.update() {
                Ok(None) => {}
                Err(ReadError::Closed) => return Ok(None),
                update => return update,
            }
            if !self.session.shared().wait_for_news(&self.reader, end) {
                return Ok(None);
            }
        }
    }

    /// Returns the state for the application to store and [resume from](Session::replica_after), so that the
    /// next start need not apply all messages again. It also contains the states at the end of the stable
    /// part and shortly before the end, so that a late message then costs no more than the part that is not
    /// stable.
    ///
    /// # Durability
    ///
    /// When this returns, all messages of the state are durable in the session's store.
    ///
    /// # Errors
    ///
    /// As for [`update`](Self::update), and when received messages cannot be stored.
    pub fn snapshot(&mut self) -> Result<Snapshot<R::State>, ReadError> {
        self.apply_all()?;
        self.session.shared().save(Durability::Durable)?;
        let earlier = self.checkpoints.few();
        Ok(Snapshot { made: self.made().clone(), earlier, progress: self.reader.progress().clone() })
    }

    /// Returns whether there is anything to take in.
    pub(crate) fn has_news(&self) -> bool {
        let state = self.session.shared().lock();
        self.reader.has_news(&state.feed, &state.core)
    }

    fn made(&self) -> &Applied<R::State> {
        self.current.as_ref().unwrap_or_else(|| self.checkpoints.last())
    }

    /// Takes messages from the reader and inserts them at their positions, without updating the state.
    /// Returns the number of items taken.
    fn take(&mut self) -> usize {
        let mut taken = Vec::new();
        {
            let state = self.session.shared().lock();
            while taken.len() < Self::TOGETHER
                && let Some(it) = self.reader.take(&state.feed, &state.core)
            {
                if let Next::Message { slot, .. } = it {
                    self.reader.note(&state.core, slot);
                }
                taken.push(it);
            }
        }
        let count = taken.len();
        for it in taken {
            match it {
                Next::Message { slot, position, placed } => {
                    self.slots.insert(position, slot);
                    self.stable += usize::from(placed == Placed::BelowStable);
                    self.intact = self.intact.min(position);
                    self.changed = Some(self.changed.map_or(position, |changed| changed.min(position)));
                }
                Next::Event(Event::Stable { messages }) => self.stable = messages,
                Next::Event(_) => {}
            }
        }
        count
    }

    /// Applies all messages taken to the state.
    fn apply_all(&mut self) -> Result<(), ReadError> {
        let mut current = self.go_back();
        self.intact = self.slots.len();
        self.checkpoints.forget_below(self.stable);
        while let Some(&slot) = self.slots.get(current.messages) {
            if self.checkpoints.is_due(current.messages, self.slots.len()) {
                self.checkpoints.keep(current.clone());
            }
            match self.read(slot, current.messages) {
                Ok(entry) => entry.iter().for_each(|entry| self.reducer.apply(&mut current.state, entry)),
                Err(error) => {
                    self.current = Some(current);
                    return Err(error);
                }
            }
            current.messages += 1;
        }
        self.current = Some(current);
        Ok(())
    }

    /// Returns the latest state whose messages are still the first ones.
    fn go_back(&mut self) -> Applied<R::State> {
        match self.current.take() {
            Some(current) if current.messages <= self.intact || planted!(NeverRolledBack) => current,
            _ => {
                if !self.checkpoints.go_back(self.intact) {
                    self.checkpoints = Checkpoints::new(Applied { state: self.reducer.initial(), messages: 0 });
                }
                self.checkpoints.last().clone()
            }
        }
    }

    fn read(&self, slot: Slot, position: usize) -> Result<Option<Entry>, ReadError> {
        self.session.shared().read_entry(slot, position)
    }
}

impl<R: Reducer> fmt::Debug for Replica<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Replica")
            .field("messages", &self.messages())
            .field("stable", &self.stable)
            .finish_non_exhaustive()
    }
}
