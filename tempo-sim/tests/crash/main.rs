//! Every crash of small workloads, exhaustively.
//!
//! Each [workload](operation) of at most three operations runs on a simulated machine. Before every act that changes
//! something on the disk or in the store, and after the last, the power may be lost; whatever may be left of both then
//! is a [wreck](search::Wreck). Each wreck, once, is started up again until the session is at rest, the
//! [invariants](check) are checked, and every wreck that a loss of power during that recovery leaves is recovered in
//! turn, until no new ones come up.

#![allow(
    clippy::pedantic,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a test may fail loudly, and tells how long it took"
)]

mod check;
mod counts;
#[cfg(feature = "bugs")]
mod defects;
mod machine;
mod operation;
mod search;

use machine::Setup;
use search::Search;
use tempo_sim::{DiskOptions, disk::Cuts};

fn holds(name: &str, search: Search) {
    let started = std::time::Instant::now();
    let counts = search.run();
    println!("{name}: {counts}, {:.1} s", started.elapsed().as_secs_f64());
    assert_eq!(counts.failure, None);
    assert!(counts.recoveries > 100, "hardly anything was tried");
}

/// Every workload of three operations, every legal state of disk and store, any number of crashes during recovery.
#[test]
fn every_crash_of_three_operations_is_recovered_from() {
    holds("three operations", Search::new(Setup { cuts: Cuts::Distinct, ..Setup::default() }, 3));
}

/// The same with the staging directory on another volume: what is staged lies in the author's directory then.
#[test]
fn every_crash_of_two_operations_without_a_staging_directory() {
    let disk = DiskOptions { staging_elsewhere: true, ..DiskOptions::default() };
    holds("staged beside", Search::new(Setup { disk, ..Setup::default() }, 2));
}

/// The store is a copy of another installation's: the author is given up before anything more is written.
#[test]
fn every_crash_of_a_copied_store() {
    holds("copied store", Search::new(Setup { cuts: Cuts::Distinct, copied: true, ..Setup::default() }, 2));
}

/// Messages are packed, and what was packed is packed again, as soon as that is possible.
#[test]
fn every_crash_while_messages_are_packed() {
    let packing = Some(machine::pack_soon(2));
    holds("packing", Search::new(Setup { cuts: Cuts::Distinct, packing, ..Setup::default() }, 3));
}

/// The real database, of whose unsynced writes a bounded choice is left. No recovery leaves it as another one does, so
/// only one is interrupted.
#[test]
fn crashes_of_the_real_database_are_recovered_from() {
    holds("real database", Search::new(Setup { database: true, interrupted: 1, ..Setup::default() }, 1));
}
