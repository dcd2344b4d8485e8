//! Packing by hand.

use std::time::Duration;

use crate::{
    api::session::Session,
    engine::{packing::ByHand, shared::State},
};
use crate::{core::packing::PackStats, error::PackError};

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
        (state.pack_wanted, state.packed) = (Some(by_hand), None);
        self.shared().waker.wake_by_ref();
        let is_over = |state: &State| state.packed.is_some() || !state.is_open();
        let (mut state, _) = self.wait_until(state, patience, is_over);
        state.pack_wanted = None;
        match state.packed.take() {
            Some(packed) => packed.map_err(PackError::Failed),
            None if !state.is_open() => Err(PackError::Closed),
            None => Err(PackError::TimedOut { patience, unpublished: state.outbox.len() }),
        }
    }
}
