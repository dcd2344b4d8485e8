//! Taking in what arrives, and storing it.

use std::{mem, sync::Arc, time::Duration};

use tempo_message::{
    Arrival, Budget, CollectError, CollectRequest, Collected, Disposition, Durability, MessageId, Own, is_signed,
    planted,
};

use crate::{
    core::vouching::RUN,
    engine::{event::FolderState, keeper::Keeper, link::Link, state::Looks},
    errors::describe,
};

/// Looks at the folder, and hands what is new to the core and the store.
#[derive(Debug, Default)]
pub(crate) struct Receiver {
    /// The next time to look again for missing parents among the known files.
    recheck_at: Duration,
    refreshing: Option<Refreshing>,
    /// The last look left nothing to be read.
    has_seen_all: bool,
    /// The driver runs on its own thread, so it may start others.
    has_threads: bool,
    keeper: Option<Keeper>,
}

/// The refresh that is under way.
#[derive(Debug)]
struct Refreshing {
    number: u64,
    /// No look has been made since it began; the first one reads everything again.
    is_new: bool,
    /// Everything has been looked at since it began.
    has_passed: bool,
}

const BUDGET: Budget = Budget { frames: 4096, bytes: 8 * 1024 * 1024 };
const RECHECK: Duration = Duration::from_secs(30);
/// The pause that lets other threads take the lock while one message releases very many others.
const BREATH: Duration = Duration::from_micros(50);

impl Receiver {
    pub(crate) fn may_have_threads(&mut self) {
        self.has_threads = true;
    }

    /// Takes up a requested refresh if none is under way, and from time to time looks for parents
    /// among the known files. Returns whether a refresh begins.
    pub(crate) fn begin(&mut self, link: &Link, now: Duration) -> bool {
        let mut state = link.shared.lock();
        let wanted = state.refresh.wanted().filter(|_| self.refreshing.is_none());
        if let Some(number) = wanted {
            self.refreshing = Some(Refreshing { number, is_new: true, has_passed: false });
        }
        if wanted.is_some() || now >= self.recheck_at {
            state.core.recheck_again();
            self.recheck_at = now + RECHECK;
        }
        wanted.is_some()
    }

    pub(crate) fn is_refreshing(&self) -> bool {
        self.refreshing.is_some()
    }

    /// Returns whether the last look left nothing to be read.
    pub(crate) fn has_seen_all(&self) -> bool {
        self.has_seen_all
    }

    /// Returns whether everything that the present refresh asks for was looked at, or the folder is
    /// away.
    pub(crate) fn has_looked(&self, link: &Link) -> bool {
        self.refreshing.as_ref().is_some_and(|refreshing| refreshing.has_passed || !link.is_attached)
    }

    /// Completes the present refresh.
    pub(crate) fn finish_refresh(&mut self, link: &Link) {
        if let Some(Refreshing { number, .. }) = self.refreshing.take() {
            link.shared.lock().refresh.done(number);
            link.shared.announce();
        }
    }

    /// Looks at the folder once; returns true when there is more at once.
    pub(crate) fn step(&mut self, link: &mut Link) -> Result<bool, CollectError> {
        let collected = self.collect(link);
        link.is_attached = collected.is_ok();
        self.has_seen_all = collected.as_ref().is_ok_and(|collected| !collected.more);
        match collected {
            Ok(collected) => Ok(collected.more && collected.frames > 0),
            Err(error) => {
                note_away(link, &error);
                Err(error)
            }
        }
    }

    fn collect(&mut self, link: &mut Link) -> Result<Collected, CollectError> {
        if !link.shared.lock().unsaved.has_room() {
            link.shared.save_received(Durability::Lazy);
            if !link.shared.lock().unsaved.has_room() {
                return Ok(Collected::default());
            }
        }
        let mut state = link.shared.lock();
        let known = Arc::clone(state.core.seen());
        state.take_outputs();
        let Looks { ids, at_all } = mem::take(&mut state.looks);
        let recheck: Vec<MessageId> = ids.into_iter().collect();
        let is_new = self.refreshing.as_mut().is_some_and(|refreshing| mem::take(&mut refreshing.is_new));
        let full = is_new || at_all;
        let own = state.core.author().map(|author| Own { author, joined: state.marks.has_joined() });
        drop(state);

        let want = CollectRequest { known: &known, own, recheck: &recheck, full, budget: BUDGET };
        let shared = Arc::clone(&link.shared);
        let (mut is_first, mut run) = (true, Vec::new());
        let collected = link.transport.collect(&want, &mut |arrival| {
            let mut state = shared.lock();
            let taken = match arrival {
                // Of messages that follow each other only the last one has to be verified. One that was outside of the
                // history before is not to be read at each look.
                Arrival::Frame(frame)
                    if !is_first && is_signed(frame.id().author) && !state.core.is_outside(&frame) =>
                {
                    run.push(frame);
                    if run.len() >= RUN {
                        state.take_run(&mut run, false);
                    }
                    Disposition::Known
                }
                arrival => state.take(arrival),
            };
            drop(state);
            if mem::take(&mut is_first) {
                // Often nothing else comes; readers need not wait until the look is complete.
                shared.announce();
            }
            taken
        });

        let mut state = link.shared.lock();
        state.take_run(&mut run, true);
        while state.take_outputs() {
            let until = link.shared.environment.now().saturating_add(BREATH);
            state = link.shared.wait(state, until);
        }
        drop(state);
        // The messages are readable from here on; readers need not wait until they are stored.
        link.shared.announce();
        if collected.is_err() {
            // Nobody has looked for them.
            let mut state = link.shared.lock();
            state.looks.ids.extend(recheck);
            state.looks.at_all |= at_all;
        }
        let collected = collected?;
        self.keep(link, collected.more);
        let mut state = link.shared.lock();
        if collected.report_changed || state.folder != FolderState::Attached {
            state.report = Arc::new(link.transport.report());
        }
        state.note_folder(FolderState::Attached);
        let is_to_look = !state.looks.is_empty();
        drop(state);
        if let Some(refreshing) = &mut self.refreshing {
            refreshing.has_passed |= !collected.more && !is_to_look;
        }
        link.shared.announce();
        Ok(Collected { more: collected.more || is_to_look, ..collected })
    }

    /// Stores what was received. When that is much and more is coming, another thread stores it
    /// meanwhile.
    fn keep(&mut self, link: &Link, more: bool) {
        let is_much = more && self.has_threads && link.shared.lock().unsaved.is_much();
        let keeper = self.keeper.take().filter(|_| more);
        self.keeper = keeper.or_else(|| if is_much { Keeper::start(&link.shared) } else { None });
        if !self.keeper.as_ref().is_some_and(Keeper::keep) {
            link.shared.save_received(Durability::Lazy);
        }
    }

    /// Makes durable what has arrived.
    pub(crate) fn save(&self, link: &Link) {
        // A commit of the keeper that may be under way counts as not durable.
        let is_needed = self.keeper.is_some() || link.shared.lock().unsaved.is_undurable();
        if is_needed && !planted!(HeadClaimsTooMuch) {
            link.shared.save_received(Durability::Durable);
        }
    }
}

/// Notes that the folder is away or cannot be read.
fn note_away(link: &Link, error: &CollectError) {
    let why = describe(error);
    link.shared.lock().note_folder(match error {
        CollectError::Detached { .. } => FolderState::Detached { why },
        _ => FolderState::Unreadable { why },
    });
    link.shared.announce();
}
