//! The total order of messages.

use crate::{AuthorId, Lamport};

/// Where a message stands in the one order that is the same for everybody.
///
/// Compared field by field: `lamport`, then `unix_ms`, then `author`. Causes come before their effects by the first
/// field alone; the other two only decide between concurrent messages, so that a wall clock that is years off cannot
/// put an answer before its question.
///
/// Two messages carry an equal stamp only when one author is in use on two devices; a content digest decides then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Stamp {
    /// Logical time.
    pub lamport: Lamport,
    /// The sender's wall clock in milliseconds since 1970-01-01 00:00 UTC, as the sender believed it; may be negative,
    /// may be wrong.
    pub unix_ms: i64,
    /// The sender.
    pub author: AuthorId,
}

impl Stamp {
    /// The wall clock clamped to what a calendar can show: years 1970 to 9999, in milliseconds.
    ///
    /// For display only; the raw value orders.
    pub const fn shown_unix_ms(&self) -> i64 {
        const YEAR_10000: i64 = 253_402_300_800_000;
        if self.unix_ms < 0 {
            0
        } else if self.unix_ms >= YEAR_10000 {
            YEAR_10000 - 1
        } else {
            self.unix_ms
        }
    }
}
