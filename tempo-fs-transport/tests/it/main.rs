//! Tests of the folder transport: the contract of transports, and the contents of real folders.

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
mod files;
mod folder;
mod heads;
mod hooked;
#[cfg(unix)]
mod hostile;
mod installation;
mod odd;
mod parts;
mod publish;
mod redundant;
mod relation;
mod relaying;
mod support;
mod vault;
mod watch;
