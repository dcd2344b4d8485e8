//! Packing by hand.

use std::time::Duration;

use tempo_message::PublishError;
use thiserror::Error;

use crate::{
    api::session::Session,
    core::packing::PackStats,
    engine::state::{ByHand, State},
};

/// The reason why the own messages were not packed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PackError {
    /// The session is closed.
    #[error("the session is closed")]
    Closed,
    /// Packing did not finish in time: messages are not in the folder yet, the folder is away, or much is to
    /// be done.
    #[error("packing timed out after {patience:?}, with {unpublished} message(s) not in the folder yet")]
    TimedOut {
        /// The time waited.
        patience: Duration,
        /// The number of own messages that are not in the folder yet.
        unpublished: usize,
    },
    /// A file could not be written, read or removed. Earlier packs stay, and nothing is lost.
    #[error(transparent)]
    Failed(PublishError),
}

impl Session {
    /// Packs all own messages now, including the latest ones, which otherwise stay in files of their own for
    /// a while. The files whose messages went into packs are removed after their
    /// [time](crate::Packing::grace).
    ///
    /// # Errors
    ///
    /// [`PackError`]. No message is lost.
    pub fn pack(&self, patience: Duration) -> Result<PackStats, PackError> {
        self.pack_by(ByHand::Packed, patience)
    }

    /// Packs like [`pack`](Self::pack), and removes the files at once. A process that is reading them finds
    /// their messages in the packs. A service may have to transfer the messages once more.
    ///
    /// # Errors
    ///
    /// [`PackError`]. No message is lost.
    pub fn pack_at_once(&self, patience: Duration) -> Result<PackStats, PackError> {
        self.pack_by(ByHand::AtOnce, patience)
    }

    fn pack_by(&self, by_hand: ByHand, patience: Duration) -> Result<PackStats, PackError> {
        let mut state = self.shared().lock();
        state.packing.ask(by_hand);
        self.shared().wake_driver();
        let is_over = |state: &State| state.packing.is_answered() || !state.lifecycle.is_open();
        let (mut state, _) = self.shared().wait_until(state, patience, is_over);
        match state.packing.withdraw() {
            Some(packed) => packed.map_err(PackError::Failed),
            None if !state.lifecycle.is_open() => Err(PackError::Closed),
            None => Err(PackError::TimedOut { patience, unpublished: state.outbox.len() }),
        }
    }
}
