//! Carries the parts of files between a session, its shelf and the folder, beside the messages.

use std::{mem, sync::Arc, time::Duration};

use tempo_message::Parts;

use crate::{
    core::carrying::Carrying,
    engine::{
        event::FolderState,
        fetching::Fetcher,
        files::Fetch,
        removing::Remover,
        sending::Sender,
        shared::Shared,
        state::State,
        turn::{Step, Turn},
    },
    store::shelf::Shelf,
};

/// Moves the parts of files. What it does may take minutes, so it is not the [`Driver`](crate::components::Driver): no
/// message waits for it.
///
/// Usually a thread of the session runs it. An application with its own loop, or in virtual time, calls
/// [`turn`](Self::turn) instead.
#[derive(Debug)]
pub struct Carrier {
    shared: Arc<Shared>,
    parts: Box<dyn Parts>,
    sender: Sender,
    fetcher: Fetcher,
    remover: Remover,
    fetch: Fetch,
    /// The number of files that were known when the setting was applied last.
    files: usize,
}

/// The time until a folder that is away is looked at again.
const AWAY: Duration = Duration::from_secs(1);

impl Carrier {
    pub(crate) fn new(
        shared: Arc<Shared>,
        parts: Box<dyn Parts>,
        shelf: Arc<dyn Shelf>,
        (fetch, times): (Fetch, Carrying),
    ) -> Self {
        let (sender, fetcher) = (Sender::new(Arc::clone(&shelf), times), Fetcher::new(Arc::clone(&shelf), times));
        Self { shared, parts, sender, fetcher, remover: Remover::new(shelf, times), fetch, files: 0 }
    }

    /// Runs until the session is closed.
    pub fn run(mut self) {
        loop {
            match self.turn() {
                Turn::Again => {}
                Turn::Wait(timeout) => {
                    let (state, files) = (self.shared.lock(), self.files);
                    let has_news = |state: &State| {
                        state.files.is_asked || state.lifecycle.is_leaving() || state.core.files_len() != files
                    };
                    drop(self.shared.wait_until(state, timeout, has_news));
                }
                Turn::Stop => return,
            }
        }
    }

    /// Moves at most one part in each direction, without waiting for more.
    pub fn turn(&mut self) -> Turn {
        let mut state = self.shared.lock();
        if state.lifecycle.is_leaving() {
            return Turn::Stop;
        }
        if state.folder != FolderState::Attached {
            return Turn::Wait(AWAY);
        }
        let (is_asked, files) = (mem::take(&mut state.files.is_asked), state.core.files_len());
        drop(state);
        if mem::replace(&mut self.files, files) != files {
            self.want();
        }
        let now = self.shared.environment.now();
        if is_asked {
            self.sender.look_now();
            self.fetcher.look_now();
        }
        let steps = [
            self.sender.step(&self.shared, self.parts.as_mut(), now),
            self.fetcher.step(&self.shared, self.parts.as_mut(), now),
            self.remover.step(&self.shared, self.parts.as_mut(), now),
        ];
        match steps.map(Step::wait) {
            [Some(sends), Some(fetches), Some(removes)] => Turn::Wait(sends.min(fetches).min(removes)),
            _ => Turn::Again,
        }
    }

    /// Asks for the files of others that the setting includes and that nobody has asked for or discarded.
    fn want(&self) {
        if self.fetch == Fetch::OnDemand {
            return;
        }
        let state = self.shared.lock();
        let is_new = |(id, length): &(_, u64)| !state.files.records.contains_key(id) && self.fetch.includes(*length);
        let wanted: Vec<_> = state.core.files().filter(is_new).collect();
        drop(state);
        for (id, _) in wanted {
            if let Err(error) = self.shared.want_file(id) {
                self.shared.lock().view_file(id, |view| view.error = Some(crate::errors::describe(&error)));
            }
        }
    }
}
