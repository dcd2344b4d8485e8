//! Committing into the store: one writer at a time, and no reader waits for it.

use std::{sync::MutexGuard, time::Duration};

use bytes::Bytes;
use tempo_clock::AuthorId;
use tempo_message::{Durability, Frame, Kind, MessageId, Sign, planted};
use uuid::Uuid;

use crate::{
    core::{
        composing::{ComposeError, Content},
        driving::Input,
        progress::Progress,
    },
    engine::{identity::Writer, lifecycle::Phase, shared::Shared, state::State, trace},
    errors::{SendError, describe},
    store::{
        contract::{Origin, Record},
        error::StoreError,
        marks::Marks,
    },
};

/// Messages that are not stored yet, with the lock under which they were composed.
struct Composed<'a> {
    state: MutexGuard<'a, State>,
    frames: Vec<Frame>,
    /// How many of the messages introduce the author.
    introduced: usize,
    /// The name that the application had set.
    name: Option<String>,
}

impl Shared {
    /// Waits for the [first look](Self::wait_for_first_look) at the folder, then
    /// [sends](Self::send_now) messages.
    pub(crate) fn send(&self, contents: &[Content]) -> Result<Vec<MessageId>, SendError> {
        self.wait_for_first_look(Duration::MAX);
        self.send_now(contents)
    }

    /// Makes messages, stores them durably, and leaves them for the driver to publish. A new author
    /// first introduces itself, a member with a new name announces it, and one that was retired says that
    /// it is back; the returned ids do not include these messages.
    pub(crate) fn send_now(&self, contents: &[Content]) -> Result<Vec<MessageId>, SendError> {
        let mut writer = self.writer();
        self.check_can_send()?;
        let Composed { state, frames, introduced, name } = loop {
            self.renew_if_in_conflict(&mut writer)?;
            match self.compose(contents, &mut writer) {
                // The driver has found the conflict since.
                Err(SendError::Unable(ComposeError::IdentityConflict(_))) => {}
                composed => break composed?,
            }
        };
        if frames.is_empty() {
            return Ok(Vec::new());
        }
        let sent = frames.iter().map(|frame| Record { frame: frame.clone(), origin: Origin::Sent });
        let durability = if planted!(LazySend) { Durability::Lazy } else { Durability::Durable };
        // Received messages are committed together with it: a message is never stored without its
        // causes.
        let saved = self.commit(state, sent.collect(), durability);
        let mut state = self.lock();
        if let Err(error) = saved
            && !planted!(SendWithoutStore)
        {
            // Unless the store merely had no room, it is unknown whether the messages were stored.
            // Their counters must not be used again.
            if !matches!(error, StoreError::Full { .. }) || planted!(FullIsBroken) {
                state.unsaved.fail();
            }
            return Err(SendError::Store(error));
        }
        for frame in &frames {
            state.core.handle(Input::Sent { message: frame.message(), digest: frame.digest() });
            state.outbox.send(frame);
            state.snapshots.note(frame, Origin::Sent);
        }
        // Meanwhile the application may have set another name.
        if state.name == name {
            state.name = None;
        }
        state.may_become_stable = true;
        state.take_outputs();
        drop(state);
        drop(writer);
        self.wake_driver();
        self.announce();
        let sent: Vec<MessageId> = frames.iter().skip(introduced).map(Frame::id).collect();
        trace::sent(&sent);
        Ok(sent)
    }

    /// Composes messages behind what the author has to say first. Key files are read while the state is unlocked.
    fn compose(&self, contents: &[Content], writer: &mut Writer) -> Result<Composed<'_>, SendError> {
        let mut state = self.lock();
        let name = state.name.clone();
        let mut introduction = state.introduction();
        if contents.iter().any(|content| content.kind == Kind::Payload) {
            let answer = state.core.answer().map(|answer| Bytes::copy_from_slice(&answer.to_bytes()));
            introduction.extend(answer.map(|answer| (Kind::Retirement, answer)));
        }
        let Some(author) = state.core.author() else { return Err(SendError::Observer) };
        drop(state);
        let introduced = introduction.len();
        let introduction = proven(introduction, author, writer)?;
        let signer = writer.signer(author).map_err(|source| SendError::NoKey { author, source: Some(source) })?;
        let state = self.lock();
        let contents = introduction.into_iter().map(Content::from).chain(contents.iter().cloned());
        let frames = state.core.compose_signed(contents, self.environment.unix_ms(), signer)?;
        Ok(Composed { state, frames, introduced, name })
    }

    fn check_can_send(&self) -> Result<(), SendError> {
        let state = self.lock();
        if !state.lifecycle.can_send() {
            Err(SendError::Closed)
        } else if state.unsaved.has_failed() {
            Err(SendError::StoreFailed)
        } else {
            Ok(())
        }
    }

    /// Commits what is not in the store yet; with `Durable`, earlier commits become durable as
    /// well.
    pub(crate) fn save(&self, durability: Durability) -> Result<(), StoreError> {
        let _writer = self.writer();
        let state = self.lock();
        if state.unsaved.needs(durability) { self.commit(state, Vec::new(), durability) } else { Ok(()) }
    }

    /// Commits what was received. An error is kept for the status, because what was received can be
    /// received again.
    pub(crate) fn save_received(&self, durability: Durability) {
        let saved = self.save(durability);
        self.lock().store_error = saved.err().map(|error| describe(&error));
    }

    /// Commits everything unsaved, followed by `sent`. Meanwhile the state is unlocked, and the
    /// records stay readable. The caller must hold the writer.
    fn commit(
        &self,
        mut state: MutexGuard<'_, State>,
        sent: Vec<Record>,
        durability: Durability,
    ) -> Result<(), StoreError> {
        let (batch, received) = state.unsaved.begin(sent);
        drop(state);
        let committed = self.with_store(|store| store.commit(batch.records(), durability));
        drop(batch);
        self.lock().unsaved.end(&committed, durability, received);
        committed
    }

    /// Changes the marks durably.
    pub(crate) fn note(&self, change: impl FnOnce(&mut Marks)) -> Result<(), StoreError> {
        let _writer = self.writer();
        let mut marks = self.lock().marks.clone();
        change(&mut marks);
        self.keep_marks(marks)
    }

    /// Stores new marks, for the thread that holds the writer.
    pub(crate) fn keep_marks(&self, marks: Marks) -> Result<(), StoreError> {
        if marks != self.lock().marks {
            self.with_store(|store| store.set_marks(&marks))?;
            self.lock().marks = marks;
        }
        Ok(())
    }

    /// Returns how far the application has come with a cursor.
    pub(crate) fn progress(&self, cursor: &str) -> Result<Option<Progress>, StoreError> {
        self.with_store(|store| store.progress(cursor))
    }

    /// Stores a cursor's progress durably, together with the messages that it covers.
    pub(crate) fn keep_progress(&self, cursor: &str, progress: &Progress) -> Result<(), StoreError> {
        let _writer = self.writer();
        let state = self.lock();
        if state.unsaved.is_empty() {
            drop(state);
        } else {
            self.commit(state, Vec::new(), Durability::Lazy)?;
        }
        self.with_store(|store| store.set_progress(cursor, progress))?;
        self.lock().unsaved.are_durable();
        Ok(())
    }

    /// Marks as stable what can be, durably, before any event reports it. If storing the marks
    /// fails, this is tried again.
    pub(crate) fn stabilize(&self) -> Result<(), StoreError> {
        let _writer = self.writer();
        let unix_ms = self.environment.unix_ms();
        let mut state = self.lock();
        if state.unsaved.is_undurable() {
            return Ok(());
        }
        let Some(stable) = state.core.reach(unix_ms, self.idle_after) else {
            state.may_become_stable = false;
            return Ok(());
        };
        let stable_by = state.core.who_confirms(stable);
        let marks = Marks { stable, stable_by: stable_by.iter().copied().collect(), ..state.marks.clone() };
        drop(state);
        if !planted!(StableForgotten) {
            self.keep_marks(marks)?;
        }
        let mut state = self.lock();
        state.core.handle(Input::Stable { until: stable, by: stable_by.into_iter().collect() });
        state.store_error = None;
        Ok(())
    }

    /// Keeps a snapshot if enough is new and no commit is under way.
    pub(crate) fn keep_snapshot(&self) -> Result<(), StoreError> {
        let state = self.lock();
        if !state.snapshots.is_due(&state.core) {
            return Ok(());
        }
        drop(state);
        self.keep_snapshot_if(|state, _| state.snapshots.is_due(&state.core))
    }

    fn keep_snapshot_if(&self, is_due: impl Fn(&State, u64) -> bool) -> Result<(), StoreError> {
        // Nothing is committed while the writer is held.
        let _writer = self.writer();
        let log = self.with_store(|store| store.log_end())?;
        let mut state = self.lock();
        let State { core, snapshots, unsaved, .. } = &mut *state;
        if !unsaved.is_saved() || !snapshots.can_be_made(core) {
            return Ok(());
        }
        if !is_due(&state, log) {
            return Ok(());
        }
        let State { core, snapshots, .. } = &mut *state;
        let (snapshot, messages) = (snapshots.make(core, log), core.end());
        drop(state);
        let kept = self.with_store(|store| store.keep_snapshot(&snapshot));
        let snapshots = &mut self.lock().snapshots;
        match &kept {
            Ok(()) => snapshots.kept(messages, log),
            Err(_) => snapshots.fail(),
        }
        kept
    }

    /// Ends the session: makes the last durable commit, keeps the last snapshot, and closes the
    /// store.
    pub(crate) fn shut(&self) -> Result<(), StoreError> {
        self.lock().lifecycle.advance(Phase::Closing);
        let saved = self.save(Durability::Durable);
        // A failure costs only time: the next opening reads more of the log.
        let _ = self.keep_snapshot_if(|state, log| state.snapshots.is_behind(log));
        self.close_store();
        self.lock().lifecycle.advance(Phase::Closed);
        saved
    }
}

/// Adds to an introduction the former author's proof that this author takes its place.
fn proven(
    introduction: Vec<(Kind, Bytes)>,
    author: AuthorId,
    writer: &mut Writer,
) -> Result<Vec<(Kind, Bytes)>, SendError> {
    let no_key = |author| move |source| SendError::NoKey { author, source: Some(source) };
    let Some(key) = writer.signer(author).map_err(no_key(author))?.map(Sign::key) else { return Ok(introduction) };
    let mut prove = |(kind, content): (Kind, Bytes)| {
        let is_former = kind == Kind::Successor && !planted!(SuccessorUnproven);
        let former = Some(&content).filter(|_| is_former).and_then(|it| it.as_ref().try_into().ok());
        let Some(former) = former.map(Uuid::from_bytes).map(AuthorId::new) else { return Ok((kind, content)) };
        let proof = writer.prove(former, &key).map_err(no_key(former))?;
        let content = proof.map_or(content.clone(), |proof| [content.as_ref(), proof.as_bytes()].concat().into());
        Ok((kind, content))
    };
    introduction.into_iter().map(&mut prove).collect()
}

impl From<ComposeError> for SendError {
    fn from(error: ComposeError) -> Self {
        match error {
            ComposeError::Observer => Self::Observer,
            ComposeError::PayloadTooLarge { actual } => Self::TooLarge { actual },
            ComposeError::NoKey(author) => Self::NoKey { author, source: None },
            ComposeError::Attachments(why) => Self::Attachments(why),
            error => Self::Unable(error),
        }
    }
}
