//! The folder against the contract of transports, and against what lies in real folders.

#![allow(
    clippy::pedantic,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a test may fail loudly, and waits for real threads"
)]

mod ahead;
mod conformance;
mod converted;
mod folder;
mod heads;
#[cfg(unix)]
mod hostile;
mod installation;
mod kin;
mod odd;
mod pieces;
mod publish;
mod redundant;
mod relaying;
mod support;
mod watch;
