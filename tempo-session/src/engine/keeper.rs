//! A thread that stores what was received, while the driver takes in what comes next.

use std::{
    sync::{
        Arc,
        mpsc::{SyncSender, sync_channel},
    },
    thread,
};

use tempo_message::Durability;

use crate::engine::shared::Shared;

/// A handle to the thread. It exists as long as more is coming than one collect hands up.
#[derive(Debug)]
pub(crate) struct Keeper {
    to_keep: SyncSender<()>,
}

impl Keeper {
    /// Starts the thread; `None` when the system cannot start one.
    pub(crate) fn start(shared: &Arc<Shared>) -> Option<Self> {
        let (to_keep, asked) = sync_channel(0);
        let shared = Arc::clone(shared);
        let keep = move || {
            while asked.recv().is_ok() {
                shared.save_received(Durability::Lazy);
            }
        };
        thread::Builder::new().name("tempo-store".to_owned()).spawn(keep).ok().map(|_| Self { to_keep })
    }

    /// Asks the thread to store what has been received, after what it is storing now. Returns
    /// whether it will.
    pub(crate) fn keep(&self) -> bool {
        self.to_keep.send(()).is_ok()
    }
}
