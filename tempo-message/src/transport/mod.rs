//! Transports: their contract, what they report, and one in memory.

pub(crate) mod contract;
#[cfg(feature = "std")]
pub(crate) mod memory;
pub(crate) mod report;
