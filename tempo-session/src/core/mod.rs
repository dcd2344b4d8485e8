//! The rules of a session as a pure state machine: no files, no threads, no clock of its own.
//!
//! Equal inputs give equal answers on every machine. Whether the core accepts a message depends only on the
//! message and its causal past. So all members with the same messages have the same timeline.
//!
//! # Driving a core
//!
//! A [`SessionCore`] does nothing by itself. Its driver supplies bytes and time, in this order:
//!
//! 1. Make a core with [`SessionCore::new`]. If the installation has a past, hand in [`Input::Restored`]
//!    first, then everything in its store: [`Input::Sent`] for its own messages, [`Input::Stored`] for the
//!    others, in any order. Poll until [`Output::Idle`] and ignore the events, because they are not news.
//! 2. To send, call [`SessionCore::compose_signed`]. It changes nothing. Make the frames durable, hand in
//!    [`Input::Sent`] for each, and publish them. If they cannot be made durable, discard them.
//! 3. When a frame arrives from any source, hand in [`Input::Received`]. The [`Intake`] reports the outcome.
//!    Keep frames that are [accepted](Intake::Accepted) or [held](Intake::Held). Offer frames again later if
//!    the core had [no room](Intake::NoRoom). Do not keep those that [nobody vouches for](Intake::Unvouched).
//! 4. When a head arrives, including the own one, hand in [`Input::Head`].
//! 5. After every input, call [`SessionCore::poll`] until it returns [`Output::Idle`]. [`Output::Event`] is
//!    for the application. [`Output::LookFor`] and [`Output::LookAgain`] say what to ask the transport for.
//!    [`Output::More`] means that many messages are waiting to be judged: let others have their turn, then
//!    poll again.
//! 6. While [`SessionCore::conflict`] returns a reason, composing fails. Record a new author
//!    durably, hand in [`Input::Author`], and continue.
//!
//! The core keeps no payloads. It holds at most 65,536 messages that wait for others, and uses about 52 bytes
//! for each accepted message. No call blocks, and no input written by others causes a panic.
//!
//! ```
#![doc = include_str!("../../examples/core.rs")]
//! ```

pub(crate) mod carrying;
pub(crate) mod composing;
pub(crate) mod driving;
pub(crate) mod event;
pub(crate) mod files;
pub(crate) mod identity;
pub(crate) mod lookup;
pub(crate) mod membership;
pub(crate) mod naming;
pub(crate) mod order;
pub(crate) mod outgoing;
pub(crate) mod packing;
pub(crate) mod progress;
pub(crate) mod relaying;
pub(crate) mod retiring;
pub(crate) mod session_core;
pub(crate) mod snapshot;
pub(crate) mod stable;
pub(crate) mod vouching;

pub use composing::{ComposeError, Content};
pub use driving::{Input, Output};
pub use event::{CoreEvent, HeldMessage, Intake, Rejection, Slot};
pub use identity::conflict::IdentityConflict;
pub use order::timeline::Timeline;
pub use progress::{Frontier, Progress};
pub use session_core::{MAX_NAME, SessionCore};

#[cfg(test)]
mod tests;
