#![doc = include_str!("../README.md")]
#![no_std]
#![cfg_attr(docsrs, feature(doc_cfg))]

extern crate alloc;

mod author;
mod counters;
mod lamport;
mod ranges;
mod seen;
mod stability;
mod stamp;

pub use author::{AuthorId, ParseAuthorError};
pub use counters::Counters;
pub use lamport::{ClockExhausted, Lamport, LamportClock, LogicalClock, TooFarAhead};
pub use ranges::{difference, union};
pub use seen::Seen;
pub use stability::Stability;
pub use stamp::Stamp;
