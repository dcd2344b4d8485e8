//! Laws of the clock, the order and the sets of counters.

#![allow(
    clippy::pedantic,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may fail loudly"
)]

mod clock;
mod counters;
#[cfg(feature = "serde")]
mod serde;
