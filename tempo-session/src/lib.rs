#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod api;
pub mod core;
#[cfg(feature = "folder")]
pub mod doctor;
mod engine;
mod environment;
mod errors;
#[cfg(feature = "folder")]
mod folder;
mod json;
mod kind;
pub mod store;

#[cfg(feature = "stream")]
pub use api::stream::EventStream;
pub use api::{
    attaching::Keep,
    cursor::Cursor,
    events::Events,
    session::{Closed, Session},
    status::Status,
    timeline::Timeline,
    typed::Typed,
};
pub use bytes::Bytes;
pub use engine::{
    entry::Entry,
    event::{Event, Placed},
    files::Fetch,
    relayed::Relayed,
};
#[cfg(feature = "folder")]
pub use folder::{
    builder::{Builder, Membership},
    known::KnownSession,
};
pub use tempo_clock::{AuthorId, Lamport, Stamp};
#[cfg(feature = "folder")]
pub use tempo_fs_transport::{Decision, printable};
#[cfg(feature = "json")]
#[cfg_attr(docsrs, doc(cfg(feature = "json")))]
pub use tempo_message::Json;
pub use tempo_message::{
    Attachment, AttachmentId, Codec, Digest, MAX_PAYLOAD, Manifest, MessageId, Postcard, printable_text,
};

pub use crate::core::{
    carrying::Carrying,
    packing::{PackStats, Packing},
    progress::Progress,
    relaying::Relaying,
};

/// Why a call did not do what it was asked for.
pub mod error {
    #[cfg(feature = "folder")]
    pub use tempo_fs_transport::{DecisionError, InstallationError, OpenError as FolderError};
    pub use tempo_message::{CodecError, PublishError};

    #[cfg(feature = "folder")]
    pub use crate::folder::builder::DecideError;
    pub use crate::{
        api::{
            attaching::AttachError, cursor::CursorError, exporting::ExportError, packing::PackError,
            retiring::RetireError, session::RefreshError, typed::Unread,
        },
        core::ComposeError,
        engine::relayed::{RelayError, Unclear},
        errors::{FetchError, IdentityError, OpenError, ReadError, SendError},
        kind::error_kind::ErrorKind,
        store::{StoreError, room::NoRoom},
    };
}

/// What a [`Status`] consists of.
pub mod status {
    pub use tempo_message::{Foreign, ForeignReason, Item, Pending, PendingReason, Report};

    pub use crate::{
        api::{
            downloads::Download,
            files::{FileStatus, Place, Sending},
            names::Names,
            status::{ClockSkew, Fork, Gap, Member, StablePrefix, Status, Waiting},
        },
        engine::event::FolderState,
    };
}

/// The timeline as lines of JSON.
#[cfg(feature = "json")]
#[cfg_attr(docsrs, doc(cfg(feature = "json")))]
pub mod history {
    pub use crate::api::{
        history::{History, printable_json},
        history_report::{HistoryAuthor, HistoryProblem, HistoryReport, check},
    };
}

/// State that a reducer computes from the timeline.
pub mod replica {
    pub use crate::api::replica::{Change, Reducer, Replica, Snapshot};
}

/// Sessions over a transport, a store or a clock of your own.
pub mod components {
    #[cfg(feature = "folder")]
    pub use tempo_fs_transport::{FileVault, Vault};
    pub use tempo_message::{
        AuthorKey, Ed25519, MemoryMedium, MemoryTransport, Purpose, SecretKey, Sign, Signature, Statement, Transport,
        Verify, is_signed,
    };

    pub use crate::{
        api::components::{Components, NoIdentity},
        engine::{carrier::Carrier, driver::Driver, identity::IdentitySource, turn::Turn, wakeup::Wakeup},
        environment::{Environment, SystemEnvironment},
    };
}
