//! Every crash of small workloads, exhaustively.
//!
//! Each [workload](operation) of at most three operations runs on a simulated machine. The power may be lost before
//! every act that changes something on the disk or in the store, and after the last. Every possible remainder of both
//! is a [wreck](search::Wreck). Each distinct wreck is restarted until the session is at rest, and the
//! [invariants](check) are checked. Every wreck that a power loss during that recovery leaves is recovered in turn,
//! until no new ones appear.

#![allow(
    clippy::pedantic,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a test may fail loudly, and reports how long it took"
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

/// Tests every workload of three operations, every legal state of disk and store, and any number of crashes during
/// recovery.
#[test]
fn every_crash_of_three_operations_is_recovered_from() {
    holds("three operations", Search::new(Setup { cuts: Cuts::Distinct, ..Setup::default() }, 3));
}

/// Tests the staging directory on another volume, where staged files are in the author's directory.
#[test]
fn every_crash_of_two_operations_without_a_staging_directory_is_recovered_from() {
    let disk = DiskOptions { staging_elsewhere: true, ..DiskOptions::default() };
    holds("staged beside", Search::new(Setup { disk, ..Setup::default() }, 2));
}

/// Tests a store that is a copy of another installation's. Its author is abandoned before anything more is written.
#[test]
fn every_crash_of_a_copied_store_is_recovered_from() {
    holds("copied store", Search::new(Setup { cuts: Cuts::Distinct, copied: true, ..Setup::default() }, 2));
}

/// Tests that messages are packed, and packs are packed again, as soon as possible.
#[test]
fn every_crash_during_packing_is_recovered_from() {
    let packing = Some(machine::pack_soon(2));
    holds("packing", Search::new(Setup { cuts: Cuts::Distinct, packing, ..Setup::default() }, 3));
}

/// Tests the real database with a bounded choice of its unsynced writes. Each recovery leaves a different database,
/// so only one recovery is interrupted.
#[test]
fn crashes_of_the_real_database_are_recovered_from() {
    holds("real database", Search::new(Setup { database: true, interrupted: 1, ..Setup::default() }, 1));
}
