//! The rules of a session as a pure state machine: no files, no threads, no clock of its own.
//!
//! Frames go in through `handle_*`, in any order; what follows from them comes out through `poll_*` and getters. The
//! same frames give the same answers on every machine: whether a message is accepted depends on nothing but the
//! message and its causal past.

pub(crate) mod driving;
pub(crate) mod event;
pub(crate) mod identity;
pub(crate) mod lookup;
pub(crate) mod membership;
pub(crate) mod order;
pub(crate) mod packing;
pub(crate) mod progress;
pub(crate) mod relaying;
pub(crate) mod session_core;
pub(crate) mod snapshot;
pub(crate) mod stable;

pub use driving::{Input, Output};
pub use event::{CoreEvent, HeldMessage, Intake, Rejection, Slot};
pub use identity::conflict::IdentityConflict;
pub use order::timeline::Timeline;
pub use progress::{Frontier, Progress};
pub use session_core::{ComposeError, MAX_NAME, SessionCore};

#[cfg(test)]
mod tests;
