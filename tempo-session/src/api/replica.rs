//! State that follows from the timeline.

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

/// A state that is always what a [`Reducer`] makes of the timeline, and so the same for everybody who has the same
/// messages.
///
/// [`update`](Self::update) takes in what has arrived. A message at the end is applied to the state; for one that belongs
/// before others, the state goes back to a checkpoint before it, and everything from there is applied again. That costs
/// about twice as many applications as the message is messages away from the end, and some sixty at least. So many clones
/// of the state are kept as it has digits in the binary system, roughly, and none from before what is stable but one.
///
/// It takes the events of the session for itself, and none away from others. Payloads are read from the store when they are
/// applied, and not kept; a message costs four bytes.
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
/// A reducer that panics takes the state of the last checkpoint with it at most: the replica is then as it was there, and
/// the next update applies the rest again.
pub struct Replica<R: Reducer> {
    session: Session,
    reader: Reader,
    reducer: R,
    /// The messages that were taken, in order.
    slots: Vec<Slot>,
    /// What the first of them make; `None` after a panic in the reducer.
    current: Option<Applied<R::State>>,
    /// So many of the messages are those of which the current state was made.
    intact: usize,
    checkpoints: Checkpoints<R::State>,
    /// From here on the state differs from what the application was told last.
    changed: Option<usize>,
    stable: usize,
}

/// Makes a state of messages, one after the other.
///
/// The state must follow from the messages and their order alone: no clock, no randomness, nothing of this machine, and no
/// hash map whose order shows. Then it is the same for everybody. What a message asks for and cannot be done (the item is
/// gone, the payload is of a newer version of the application) is passed over, here as everywhere.
pub trait Reducer {
    /// What is made. It is cloned for checkpoints: now and then, after some sixty messages and more.
    type State: Clone;

    /// The state before the first message.
    fn initial(&self) -> Self::State;

    /// What a message does to the state. It may be asked for the same message again, with an earlier state and the position
    /// that the message has by then; nothing is to be done here that cannot be taken back.
    fn apply(&self, state: &mut Self::State, entry: &Entry);
}

/// What an update has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Change {
    /// What the messages before this position have made is as it was; this one and those behind it are new, or were applied
    /// again.
    pub from: usize,
    /// Of so many messages the state is made now.
    pub messages: usize,
}

/// A state, and which messages have made it, to be kept by the application and gone on from later.
///
/// A reducer that makes something else of the same messages than the one before must not go on from its states: keep the version
/// of the reducer with them.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Snapshot<S> {
    made: Applied<S>,
    /// States to go back to, for what comes late.
    earlier: Vec<Applied<S>>,
    progress: Progress,
}

impl<S> Snapshot<S> {
    /// The state.
    pub fn state(&self) -> &S {
        &self.made.state
    }
}

impl Session {
    /// State that a reducer makes of the timeline, always right, whatever arrives late.
    pub fn replica<R: Reducer>(&self, reducer: R) -> Replica<R> {
        Replica::new(self.clone(), reducer)
    }

    /// The same, going on from a state that was kept. When the store does not have the messages of which it was made,
    /// because the local state was lost or restored from a backup, it begins anew, with no
    /// [messages](Replica::messages).
    pub fn replica_after<R: Reducer>(&self, reducer: R, snapshot: Snapshot<R::State>) -> Replica<R> {
        Replica::after(self.clone(), reducer, snapshot)
    }
}

impl<R: Reducer> Replica<R> {
    /// An update takes in no more messages than this, so that a long timeline can be shown while it comes.
    const TOGETHER: usize = 4096;

    pub(crate) fn new(session: Session, reducer: R) -> Self {
        let reader = session.shared().reader_after(Progress::default());
        let begun = Applied { state: reducer.initial(), messages: 0 };
        Self::at(session, reducer, (reader, Vec::new()), begun)
    }

    /// Goes on from a snapshot; from the beginning when the store does not have the messages that have made it.
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

    /// The state as of the last update.
    ///
    /// After an update that has failed, or in which the reducer has panicked, that is the state of the messages that were
    /// applied until then, or until the last checkpoint.
    pub fn state(&self) -> &R::State {
        &self.made().state
    }

    /// Of how many messages the state is made: the first ones of the timeline as of the last update.
    pub fn messages(&self) -> usize {
        self.made().messages
    }

    /// So many of these are stable: only a message that is [below what is stable](super::Placed::BelowStable) can change
    /// what they have made.
    pub fn stable(&self) -> usize {
        self.stable.min(self.messages())
    }

    /// What makes the state.
    pub fn reducer(&self) -> &R {
        &self.reducer
    }

    /// The session.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// Takes in what has arrived, some thousand messages at most, and says what has changed; `None` when nothing has.
    ///
    /// # Errors
    ///
    /// [`ReadError`] when a message cannot be read; the next update goes on there.
    pub fn update(&mut self) -> Result<Option<Change>, ReadError> {
        self.take();
        self.apply_all()?;
        Ok(self.changed.take().map(|from| Change { from, messages: self.messages() }))
    }

    /// Takes in everything that has arrived, however much it is, and says what has changed.
    ///
    /// # Errors
    ///
    /// As for [`update`](Self::update).
    pub fn catch_up(&mut self) -> Result<Option<Change>, ReadError> {
        // What has changed stays noted until all of it is done.
        while self.take() == Self::TOGETHER {
            self.apply_all()?;
        }
        self.update()
    }

    /// The next change, waiting at most so long; `None` when there was none, or when the session is
    /// [closed](Session::is_open).
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

    /// The state, to be kept by the application and [gone on from](Session::replica_after) later, so that not everything has
    /// to be applied again when it starts. The states at what is stable and shortly before the end are in it as well, so that
    /// what comes late then costs no more than what is not stable.
    ///
    /// # Durability
    ///
    /// Everything that has made the state is durably in the session's store when this returns.
    ///
    /// # Errors
    ///
    /// As for [`update`](Self::update), and when what was received cannot be kept.
    pub fn snapshot(&mut self) -> Result<Snapshot<R::State>, ReadError> {
        self.apply_all()?;
        self.session.shared().save(Durability::Durable)?;
        let earlier = self.checkpoints.few();
        Ok(Snapshot { made: self.made().clone(), earlier, progress: self.reader.progress().clone() })
    }

    fn made(&self) -> &Applied<R::State> {
        self.current.as_ref().unwrap_or_else(|| self.checkpoints.last())
    }

    /// Takes messages from the reader and puts them where they belong; which state belongs to them is seen to later.
    /// The answer is how much was taken.
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

    /// Makes the state that of all messages that were taken.
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

    /// The latest state of messages that are still the first ones.
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
