#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod api;
pub mod core;
#[cfg(feature = "folder")]
pub mod doctor;
mod engine;
mod environment;
mod error;
#[cfg(feature = "folder")]
mod folder;
pub mod store;

pub use crate::core::{
    packing::{PackStats, Packing},
    progress::Progress,
    relaying::Relaying,
};
#[cfg(feature = "stream")]
pub use api::stream::EventStream;
pub use api::{
    cursor::{Cursor, CursorError},
    downloads::Download,
    events::Events,
    names::Names,
    packing::PackError,
    parts::{NoIdentity, Parts},
    replica::{Change, Reducer, Replica, Snapshot},
    session::{Closed, RefreshError, Session},
    status::{ClockSkew, Fork, Gap, Member, StablePrefix, Status, Waiting},
    timeline::Timeline,
    typed::Typed,
};
pub use engine::{
    driver::{Driver, Turn},
    entry::Entry,
    event::{Attachment, Event, Placed},
    identity::IdentitySource,
    relayed::{RelayError, Relayed, Unclear},
};
pub use environment::{Environment, SystemEnvironment};
pub use error::{IdentityError, OpenError, ReadError, SendError};
#[cfg(feature = "folder")]
pub use folder::builder::{Builder, DecideError, Membership};
pub use tempo_clock::{AuthorId, Lamport, Stamp};
#[cfg(feature = "folder")]
pub use tempo_fs_transport::{Decision, printable};
pub use tempo_message::{
    Codec, CodecError, Digest, Foreign, ForeignReason, MAX_PAYLOAD, MessageId, Pending, PendingReason, Postcard,
    Report, Transport, printable_text,
};

/// The example of the repository's front page, compiled.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct FrontPage;
