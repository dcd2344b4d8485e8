//! The rules of a session as a pure state machine: no files, no threads, no clock of its own.
//!
//! The same inputs give the same answers on every machine. Whether a message is accepted depends on nothing but the message and
//! its causal past, so every member that has the same messages has the same timeline.
//!
//! # Driving a core
//!
//! A [`SessionCore`] does nothing by itself. Its driver moves bytes and time, in this order:
//!
//! 1. Make a core with [`SessionCore::new`]. If the installation has a past, hand in [`Input::Restored`] first, then everything
//!    that its store has: [`Input::Sent`] for its own messages, [`Input::Received`] for the others, in any order. Poll until
//!    [`Output::Idle`] and ignore the events: they are no news.
//! 2. To send, call [`SessionCore::compose`]. It changes nothing. Make the frames durable, then hand in [`Input::Sent`] for each,
//!    and publish them. If they could not be made durable, forget them.
//! 3. When a frame arrives from anywhere, hand in [`Input::Received`]. The [`Intake`] says what became of it. Keep what is
//!    [accepted](Intake::Accepted) or [held](Intake::Held). Offer again later what there was [no room](Intake::NoRoom) for.
//! 4. When a head arrives, the own one as well, hand in [`Input::Head`].
//! 5. After every input, call [`SessionCore::poll`] until it returns [`Output::Idle`]. [`Output::Event`] is for the application.
//!    [`Output::LookFor`] and [`Output::LookAgain`] say what to ask the transport for. [`Output::More`] means that much waits to
//!    be judged: let others have their turn, then poll again.
//! 6. While [`SessionCore::conflict`] returns a reason, [`SessionCore::compose`] fails. Note a new author durably, hand in
//!    [`Input::Author`], and go on.
//!
//! The core keeps no payloads. It holds at most 65,536 messages that wait for others, and takes some 52 bytes for each accepted
//! message. Nothing here blocks, and nothing panics on what others have written.
//!
//! ```
#![doc = include_str!("../../examples/core.rs")]
//! ```

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
