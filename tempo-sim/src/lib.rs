#![doc = include_str!("../README.md")]

#[cfg(feature = "bugs")]
pub mod bugs;
mod counts;
pub mod disk;
mod disks;
mod fault;
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
pub use fault::Fault;
use hasher::Hasher;
pub use plan::{Outcome, Plan};
pub use profile::{
    CALM, CHAOS, Conflict, DRIVE, DROPBOX, ICLOUD, NEXTCLOUD, ODRIVE, ONEDRIVE, PROFILES, Placeholder, Profile, RCLONE,
    SEAFILE, SYNCTHING, Temporary, UNISON, USB_STICK,
};
pub use rng::Rng;
pub use rule::{Effect, Rule, Rules, Verdict};
pub use service::Filling;
pub use shrink::shrink;
pub use sweep::{Swept, sweep};
pub use trace::Trace;
pub use world::{Failing, Leave, Machine, Scheme, SimClock, SimStore, Snapshot, StoreImage, Undoing, Violation, World};
