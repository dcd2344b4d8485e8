//! The folder against the contract of transports, and against what lies in real folders.

#![allow(
    clippy::pedantic,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may fail loudly"
)]

mod conformance;
mod folder;
mod installation;
mod odd;
mod publish;
mod support;
mod watch;
