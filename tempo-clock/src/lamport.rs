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
/// At one message per nanosecond this takes 584 years. A clock with a bound on drift does not get there by observing
/// invented times, unless it observes very many of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the logical clock has reached its last value, {}", u64::MAX)]
pub struct ClockExhausted;

/// An observed time is further ahead of the clock than its bound allows, so it was invented, or something is broken.
///
/// The clock is unchanged, and continues with the next time that is in bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the logical time {observed} is more than {max_drift} ahead of {latest}")]
pub struct TooFarAhead {
    /// The time that was not taken over.
    pub observed: Lamport,
    /// The latest time of the clock.
    pub latest: Lamport,
    /// The greatest step that an observation may take.
    pub max_drift: u64,
}

/// A clock that messages advance, not the passing of time.
///
/// Every implementation follows this contract:
///
/// 1. A tick returns a time later than every earlier tick and every observed time. It becomes the latest
///    time.
/// 2. Observing never moves the clock back. Observing a time again has no effect.
/// 3. A failed tick or observation leaves the clock unchanged.
pub trait LogicalClock {
    /// Advances the clock by one and returns the time of the message about to be sent.
    ///
    /// # Errors
    ///
    /// [`ClockExhausted`] when there is no later time. The clock can still be read.
    fn tick(&mut self) -> Result<Lamport, ClockExhausted>;

    /// Records the time of a message that was received and found valid.
    ///
    /// # Errors
    ///
    /// [`TooFarAhead`] when the clock bounds how far an observation can take it. What to do with such a message is the
    /// caller's decision. If all members must decide alike, the decision must not depend on the clock, because clocks
    /// differ: verify the time against the message's causes, as tempo-session does, which accepts only a time one later
    /// than the latest of them. Such a time never exceeds the bound.
    fn observe(&mut self, time: Lamport) -> Result<(), TooFarAhead>;

    /// Returns the latest time ticked or observed.
    fn latest(&self) -> Lamport;
}

/// The plain Lamport clock, which keeps the greatest time seen.
///
/// It has a bound on drift, as hybrid clocks do: an observation takes it at most [`MAX_DRIFT`](Self::MAX_DRIFT) further, or
/// what [`with_max_drift`](Self::with_max_drift) says. So an invented `u64::MAX` is an error instead of the end of the
/// clock.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct LamportClock {
    latest: Lamport,
    max_drift: u64,
}

impl LamportClock {
    /// The default bound: no honest message is further ahead of a clock that has missed four thousand million messages.
    pub const MAX_DRIFT: u64 = 1 << 32;

    /// Makes a clock that an observation takes at most this much further. `u64::MAX` sets no bound.
    pub const fn with_max_drift(max_drift: u64) -> Self {
        Self { latest: Lamport::ZERO, max_drift }
    }
}

impl Default for LamportClock {
    fn default() -> Self {
        Self::with_max_drift(Self::MAX_DRIFT)
    }
}

impl LogicalClock for LamportClock {
    fn tick(&mut self) -> Result<Lamport, ClockExhausted> {
        self.latest = self.latest.next()?;
        Ok(self.latest)
    }

    fn observe(&mut self, time: Lamport) -> Result<(), TooFarAhead> {
        if time.0.saturating_sub(self.latest.0) > self.max_drift {
            return Err(TooFarAhead { observed: time, latest: self.latest, max_drift: self.max_drift });
        }
        self.latest = self.latest.max(time);
        Ok(())
    }

    fn latest(&self) -> Lamport {
        self.latest
    }
}
