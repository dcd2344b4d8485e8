//! Packing by hand.

use std::time::Duration;

use tempo_message::PublishError;
use thiserror::Error;

use crate::{
    api::session::Session,
    core::packing::PackStats,
    engine::state::{ByHand, State},
};

/// Why own messages were not packed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PackError {
    /// The session is closed.
    #[error("the session is closed")]
    Closed,
    /// Nothing can be packed as long as something is not in the folder, the folder is away, or much is to be done.
    #[error("packing did not come to its end within {patience:?}: messages not in the folder yet: {unpublished}")]
    TimedOut {
        /// How long it was waited.
        patience: Duration,
        /// So many messages are not in the folder yet.
        unpublished: usize,
    },
    /// A file could not be written, read or removed. What was packed before stays so, and nothing is lost.
    #[error(transparent)]
    Failed(PublishError),
}

impl Session {
    /// Packs all own messages now, also the latest ones, which are otherwise left in files of their own for a while. The
    /// files of which packs are made are removed after their [time](crate::Packing::grace).
    ///
    /// # Errors
    ///
    /// [`PackError`]; nothing is lost.
    pub fn pack(&self, patience: Duration) -> Result<PackStats, PackError> {
        self.pack_by(ByHand::Packed, patience)
    }

    /// As [`pack`](Self::pack), and removes the files of which packs were made at once. Whoever is reading them finds the
    /// same messages in the packs; a service may have to carry them once more.
    ///
    /// # Errors
    ///
    /// [`PackError`]; nothing is lost.
    pub fn pack_at_once(&self, patience: Duration) -> Result<PackStats, PackError> {
        self.pack_by(ByHand::AtOnce, patience)
    }

    fn pack_by(&self, by_hand: ByHand, patience: Duration) -> Result<PackStats, PackError> {
        let mut state = self.shared().lock();
        state.packing.ask(by_hand);
        self.shared().waker.wake_by_ref();
        let is_over = |state: &State| state.packing.is_answered() || !state.lifecycle.is_open();
        let (mut state, _) = self.shared().wait_until(state, patience, is_over);
        match state.packing.withdraw() {
            Some(packed) => packed.map_err(PackError::Failed),
            None if !state.lifecycle.is_open() => Err(PackError::Closed),
            None => Err(PackError::TimedOut { patience, unpublished: state.outbox.len() }),
        }
    }
}
