//! Tests of the laws of the clock, the order and the sets of counters.

#![allow(
    clippy::pedantic,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a test may fail loudly, and waits for real threads"
)]

mod clock;
mod counters;
#[cfg(feature = "serde")]
mod serde;
