//! Who is told before anything changes on a medium, to look at what a loss of power would leave at that moment.

use std::{fmt, sync::Arc};

use super::Disk;

/// What is about to happen to a medium.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// Something that is not durable yet: it only adds to what may be left.
    Change,
    /// Something that makes other things durable: what may be left becomes less.
    Sync,
}

/// Is told of every act of a process before it happens.
#[derive(Clone)]
pub struct Witness(Arc<dyn Fn(Act) + Send + Sync>);

impl Witness {
    /// A witness that does this each time.
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
    /// Calls a witness from here on before every call that changes something, or nobody any more.
    pub fn set_witness(&self, witness: Option<Witness>) {
        self.lock().witness = witness;
    }

    /// The power can be lost before this act.
    pub(super) fn before(&self, act: Act) {
        let witness = self.lock().witness.clone();
        if let Some(witness) = witness {
            witness.look(act);
        }
    }
}
