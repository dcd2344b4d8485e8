//! A thread that keeps what was received, while the driver takes in what comes next.

use std::{
    sync::{
        Arc,
        mpsc::{SyncSender, sync_channel},
    },
    thread,
};

use tempo_message::Durability;

use crate::engine::shared::Shared;

/// There as long as more is coming than one collect hands up.
#[derive(Debug)]
pub(crate) struct Keeper {
    to_keep: SyncSender<()>,
}

impl Keeper {
    /// `None` when there can be no thread.
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

    /// Has it keep what was received until now, once what came before is kept; whether it will.
    pub(crate) fn keep(&self) -> bool {
        self.to_keep.send(()).is_ok()
    }
}
