//! What an application makes of its messages.

use crate::Entry;

/// Makes a state of messages, one after the other.
///
/// The state must follow from the messages and their order alone: no clock, no randomness, nothing of this machine, and no
/// hash map whose order shows. Then it is the same for everybody. What a message asks for and cannot be done (the item is
/// gone, the payload is of a newer version of the application) is passed over, here as everywhere.
pub trait Reducer {
    /// What is made. It is cloned for checkpoints: now and then, after some sixty messages and more.
    type State: Clone;

    /// The state before the first message.
    fn initial(&self) -> Self::State;

    /// What a message does to the state. It may be asked for the same message again, with an earlier state and the position
    /// that the message has by then; nothing is to be done here that cannot be taken back.
    fn apply(&self, state: &mut Self::State, entry: &Entry);
}
