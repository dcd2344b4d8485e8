#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod doctor;
mod environment;
mod error;
pub mod protocol;
mod session;
pub mod store;

pub use environment::{Environment, SystemEnvironment};
pub use error::{
    CursorError, DecideError, MintError, OpenError, PackError, ReadError, RefreshError, RelayError, SendError,
};
pub use protocol::{Packing, Relaying, Shelved};
#[cfg(feature = "stream")]
pub use session::EventStream;
pub use session::{
    Attachment, Builder, Change, Closed, Cursor, Download, Driver, Entry, Event, Events, Fork, Gap, Member, Membership,
    Mint, Names, NoMint, Parts, Placed, Progress, Reducer, Relayed, Replica, Session, Setback, Settled, Snapshot,
    Status, Timeline, Turn, Typed, Waiting,
};
pub use tempo_clock::{AuthorId, Lamport, Stamp};
pub use tempo_fs_transport::{Decision, printable, printable_text};
pub use tempo_message::{
    Codec, CodecError, Digest, Foreign, ForeignReason, MAX_PAYLOAD, MessageId, Pending, PendingReason, Postcard,
    Report, Transport,
};

/// The example of the repository's front page, compiled.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct FrontPage;
