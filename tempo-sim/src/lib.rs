#![doc = include_str!("../README.md")]

#[cfg(feature = "bugs")]
pub mod bugs;
mod counts;
pub mod disk;
mod hasher;
pub mod html;
mod plan;
mod profile;
mod rng;
mod rule;
mod service;
mod shrink;
mod sweep;
pub mod trace;
mod world;

pub use counts::Counts;
pub use disk::{Disk, DiskOptions};
use hasher::Hasher;
pub use plan::{Fault, Outcome, Plan};
pub use profile::{CHAOS, Conflict, PROFILES, Placeholder, Profile, Temporary};
pub use rng::Rng;
pub use rule::{Effect, Rule, Rules, Verdict};
pub use shrink::shrink;
pub use sweep::{Swept, sweep};
pub use trace::Trace;
pub use world::{Failing, Member, SimClock, SimStore, Snapshot, Violation, World};
