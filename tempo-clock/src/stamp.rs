//! The total order of messages.

use crate::{AuthorId, Lamport};

/// The place of a message in the total order, equal for every member.
///
/// Stamps compare field by field: `lamport`, then `unix_ms`, then `author`. The first field alone puts causes
/// before their effects. The other two only decide between concurrent messages, so a wall clock that is years
/// off cannot put an answer before its question.
///
/// Two messages carry an equal stamp only when two devices use one author. Then a content digest decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Stamp {
    /// Logical time.
    pub lamport: Lamport,
    /// The sender's wall clock in milliseconds since 1970-01-01 00:00 UTC. It may be negative, and it may be
    /// wrong.
    pub unix_ms: i64,
    /// The sender.
    pub author: AuthorId,
}

impl Stamp {
    /// Returns the wall clock clamped to the range that a calendar can show: years 1970 to 9999, in
    /// milliseconds.
    ///
    /// Use it for display only. The raw value determines the order.
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
