//! The codec's laws, the frozen bytes of the format, and the in-memory transport against the contract.

#![allow(
    clippy::pedantic,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may fail loudly"
)]

mod codec;
mod frame;
mod golden;
mod id;
#[cfg(feature = "conformance")]
mod memory;
mod strategy;
