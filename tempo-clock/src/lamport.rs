//! The Lamport clock: a counter that each message advances past everything its sender had seen.
//!
//! Source: L. Lamport, "Time, Clocks, and the Ordering of Events in a Distributed System", CACM 21(7), 1978.

use core::fmt;

use thiserror::Error;

/// A point of logical time: the length of the longest causal chain that ends here.
///
/// Zero is the time before any message. The first message of a session has time one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Lamport(pub u64);

impl Lamport {
    /// The time before any message.
    pub const ZERO: Self = Self(0);

    /// Returns the time of a message whose latest cause is at `self`.
    ///
    /// # Errors
    ///
    /// [`ClockExhausted`] at `u64::MAX`. Time never wraps.
    pub const fn next(self) -> Result<Self, ClockExhausted> {
        match self.0.checked_add(1) {
            Some(next) => Ok(Self(next)),
            None => Err(ClockExhausted),
        }
    }
}

impl fmt::Display for Lamport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The clock has no time after `u64::MAX`.
///
/// At one message per nanosecond this takes 584 years. In practice the error means that the clock observed an
/// invented time. Verify a time before you [observe](LogicalClock::observe) it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the logical clock has reached its last value, {}", u64::MAX)]
pub struct ClockExhausted;

/// A clock that messages advance, not the passing of time.
///
/// Every implementation follows this contract:
///
/// 1. A tick returns a time later than every earlier tick and every observed time. It becomes the latest
///    time.
/// 2. Observing never moves the clock back. Observing a time again has no effect.
/// 3. A failed tick leaves the clock unchanged.
pub trait LogicalClock {
    /// Advances the clock by one and returns the time of the message about to be sent.
    ///
    /// # Errors
    ///
    /// [`ClockExhausted`] when there is no later time. The clock can still be read.
    fn tick(&mut self) -> Result<Lamport, ClockExhausted>;

    /// Records the time of a message that was received and found valid.
    fn observe(&mut self, time: Lamport);

    /// Returns the latest time ticked or observed.
    fn latest(&self) -> Lamport;
}

/// The plain Lamport clock, which keeps the greatest time seen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct LamportClock {
    latest: Lamport,
}

impl LogicalClock for LamportClock {
    fn tick(&mut self) -> Result<Lamport, ClockExhausted> {
        self.latest = self.latest.next()?;
        Ok(self.latest)
    }

    fn observe(&mut self, time: Lamport) {
        self.latest = self.latest.max(time);
    }

    fn latest(&self) -> Lamport {
        self.latest
    }
}
