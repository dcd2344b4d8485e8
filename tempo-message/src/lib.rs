#![doc = include_str!("../README.md")]
#![cfg_attr(not(feature = "std"), no_std)]
#![cfg_attr(docsrs, feature(doc_cfg))]

extern crate alloc;

#[macro_use]
mod planting;

mod codec;
#[cfg(feature = "conformance")]
pub mod conformance;
mod digest;
mod frame;
mod frames;
mod head;
mod id;
mod line_ends;
#[cfg(feature = "std")]
mod memory;
mod message;
mod pack;
#[cfg(feature = "planted")]
#[doc(hidden)]
pub mod planted;
mod report;
mod transport;
mod wire;

#[cfg(feature = "json")]
pub use codec::Json;
pub use codec::{Codec, CodecError, Postcard};
pub use digest::{Digest, ParseDigestError};
pub use frame::{BadFrame, Decoded, EncodeError, Frame, Unsupported};
pub use frames::Frames;
pub use head::{BadHead, Head, Life, MAX_HEAD};
pub use id::{CounterName, MessageId, ParseIdError};
pub use line_ends::{restored_frames, restored_head};
#[cfg(feature = "std")]
pub use memory::{MemoryMedium, MemoryTransport};
pub use message::{Kind, MAX_FRAME, MAX_PACK, MAX_PARENTS, MAX_PAYLOAD, Message, Parent, ShapeError};
pub use pack::{BadPack, Pack};
pub use report::{Beside, FileType, Foreign, ForeignReason, Pending, PendingReason, Relay, Report};
pub use tempo_clock::{AuthorId, Lamport, Stamp};
pub use transport::{
    Arrival, Budget, Cause, CollectError, Collected, Detachment, Durability, Own, Piece, PublishError, Published,
    Taken, Transport, Want,
};
