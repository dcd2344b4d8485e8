//! A witness: a callback before every change on a medium, which can examine what a power loss would leave at that
//! moment.

use std::{fmt, sync::Arc};

use super::Disk;

/// An act that is about to change a medium.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// A change that is not durable yet. It only adds possible remains.
    Change,
    /// A sync, which makes earlier changes durable and leaves fewer possible remains.
    Sync,
}

/// A callback before every act of a process.
#[derive(Clone)]
pub struct Witness(Arc<dyn Fn(Act) + Send + Sync>);

impl Witness {
    /// Creates a witness that calls `looks` each time.
    pub fn new(looks: impl Fn(Act) + Send + Sync + 'static) -> Self {
        Self(Arc::new(looks))
    }

    pub(crate) fn look(&self, act: Act) {
        (self.0)(act);
    }
}

impl fmt::Debug for Witness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Witness")
    }
}

impl Disk {
    /// Sets the witness to be called before every call that changes something, or removes it.
    pub fn set_witness(&self, witness: Option<Witness>) {
        self.lock().witness = witness;
    }

    /// Calls the witness before an act, because the power can be lost before it.
    pub(super) fn before(&self, act: Act) {
        let witness = self.lock().witness.clone();
        if let Some(witness) = witness {
            witness.look(act);
        }
    }
}
