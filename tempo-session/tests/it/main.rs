//! The rules of a session, the stores, sessions in memory and on real folders, and the `tempo`
//! command.

#![allow(
    clippy::pedantic,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a test may fail loudly, and waits for real threads"
)]

mod application;
mod attached;
#[cfg(target_os = "linux")]
mod away;
#[cfg(feature = "cli")]
mod cli;
mod closing;
mod convergence;
mod copied;
mod cursor;
#[cfg(target_os = "linux")]
mod cutoff;
#[cfg(target_os = "linux")]
mod disk;
#[cfg(feature = "cli")]
mod doctor;
mod examples;
#[cfg(feature = "cli")]
mod exported;
#[cfg(feature = "cli")]
mod files;
mod folder;
#[cfg(target_os = "linux")]
mod full;
#[cfg(target_os = "linux")]
mod fuse;
mod golden;
mod guarded_store;
#[cfg(all(unix, feature = "cli"))]
mod hostile;
mod identity;
#[cfg(feature = "cli")]
mod ills;
#[cfg(all(feature = "cli", target_os = "linux"))]
mod killed;
mod kinds;
#[cfg(feature = "cli")]
mod known;
#[cfg(feature = "cli")]
mod logs;
#[cfg(feature = "cli")]
mod mislaid;
mod newer;
mod odd;
mod opening;
mod packing;
mod parts;
mod relaying;
mod replica;
mod reserve;
mod retiring;
#[cfg(all(feature = "cli", target_os = "linux"))]
mod schemas;
mod services;
mod session;
#[cfg(feature = "cli")]
mod shows;
mod signed;
mod slow_store;
mod snapshots;
mod store;
#[cfg(feature = "stream")]
mod stream;
#[cfg(target_os = "linux")]
mod stuck;
mod support;
mod systems;
#[cfg(feature = "cli")]
mod usage;
#[cfg(target_os = "linux")]
mod volume;
