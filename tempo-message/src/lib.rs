#![doc = include_str!("../README.md")]
#![cfg_attr(not(feature = "std"), no_std)]
#![cfg_attr(docsrs, feature(doc_cfg))]

extern crate alloc;

#[macro_use]
mod planting;

mod attachment;
mod codec;
#[cfg(feature = "conformance")]
pub mod conformance;
mod digest;
mod head;
mod id;
mod message;
mod payload;
#[cfg(feature = "planted")]
#[doc(hidden)]
pub mod planted;
mod printable;
mod retirement;
mod sign;
mod transport;

pub use attachment::{
    hasher::ManifestHasher,
    id::{
        AttachmentId, MAX_ATTACHMENT, MAX_ATTACHMENT_NAME, MAX_ATTACHMENTS, MAX_MEDIA_TYPE, MAX_PARTS,
        ParseAttachmentIdError,
    },
    manifest::{BadManifest, Manifest},
    named::Attachment,
    part::{Part, PartCheck},
    release::Release,
};
pub use codec::{
    frame::{BadFrame, Decoded, EncodeError, Frame, Unsupported},
    frames::Frames,
    line_ends::{restored_frames, restored_head},
    pack::{BadPack, Pack},
};
pub use digest::{Digest, ParseDigestError};
pub use head::{BadHead, Head, Life, MAX_HEAD, Seal};
pub use id::{CounterName, MessageId, ParseIdError};
pub use message::{
    Extension, Kind, MAX_EXTENSION_BYTES, MAX_EXTENSIONS, MAX_FRAME, MAX_PACK, MAX_PARENTS, MAX_PAYLOAD, Message,
    Parent, ShapeError,
};
#[cfg(feature = "json")]
pub use payload::Json;
pub use payload::{Codec, CodecError, Postcard};
pub use printable::{printable_text, push_printable};
pub use retirement::Retirement;
pub use sign::{AuthorKey, Purpose, Sign, Signature, Statement, Verify, is_signed};
#[cfg(feature = "sign")]
pub use sign::{Ed25519, SecretKey};
pub use tempo_clock::{AuthorId, Lamport, Stamp};
pub use transport::{
    contract::{Arrival, Budget, CollectRequest, Collected, Disposition, Own, StoredRun, Transport},
    outcome::{Cause, CollectError, Detachment, Durability, PublishError, Published},
    report::{Duplicate, FileType, Foreign, ForeignReason, Item, Pending, PendingReason, Relay, Report},
};
#[cfg(feature = "std")]
pub use transport::{
    memory::{MemoryMedium, MemoryTransport},
    parts::{PartRead, Parts, Presence, PutError, Receive, StoredPart},
};
