//! Tests of the simulator itself: its disk keeps the port's contract, its runs repeat, and the product survives them.

#![allow(
    clippy::pedantic,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a test may fail loudly"
)]

mod disk;
mod example;
mod relaying;
mod runs;
mod systems;
mod waiting;
