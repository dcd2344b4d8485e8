#![doc = include_str!("../README.md")]
#![no_std]
#![cfg_attr(docsrs, feature(doc_cfg))]

extern crate alloc;

mod author;
mod counters;
mod lamport;
mod seen;
mod stamp;

pub use author::{AuthorId, ParseAuthorError};
pub use counters::Counters;
pub use lamport::{ClockExhausted, Lamport, LamportClock, LogicalClock};
pub use seen::Seen;
pub use stamp::Stamp;
