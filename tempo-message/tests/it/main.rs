//! Tests of the codec's laws, of the frozen bytes of the format, and of the in-memory transport against the
//! contract.

#![allow(
    clippy::pedantic,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a test may fail loudly, and waits for real threads"
)]

mod attachment;
mod frame;
mod frames;
mod golden;
mod head;
mod id;
#[cfg(feature = "conformance")]
mod memory;
mod payload;
#[cfg(feature = "sign")]
mod sign;
mod strategy;
