//! Transports: their contract, what they report, and one in memory.

pub(crate) mod contract;
#[cfg(feature = "std")]
pub(crate) mod memory;
#[cfg(feature = "std")]
mod memory_parts;
pub(crate) mod outcome;
#[cfg(feature = "std")]
pub(crate) mod parts;
pub(crate) mod report;
