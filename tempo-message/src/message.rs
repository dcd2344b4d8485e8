//! A message: its content, its author, its time, and the messages that it comes after.

use alloc::vec::Vec;

use bytes::Bytes;
use tempo_clock::{AuthorId, Lamport, Stamp};
use thiserror::Error;

use crate::{
    attachment::{
        id::{MAX_ATTACHMENTS, MAX_PARTS},
        manifest::BadManifest,
        named::Attachment,
    },
    digest::Digest,
    id::MessageId,
    sign::{AuthorKey, is_signed},
};

/// The largest frame, in bytes: 16 MiB.
pub const MAX_FRAME: usize = 16 * 1024 * 1024;
/// The largest pack, in bytes: 64 MiB.
pub const MAX_PACK: usize = 64 * 1024 * 1024;
/// The largest payload, in bytes. It fits a frame with any number of parents, attachments and extensions.
pub const MAX_PAYLOAD: usize = MAX_FRAME - 72 * 1024;
/// The greatest number of parents of a message.
pub const MAX_PARENTS: usize = 256;
/// The greatest number of extensions of a message.
pub const MAX_EXTENSIONS: usize = 32;
/// The largest sum of the lengths of a message's extensions, in bytes: 12 KiB.
pub const MAX_EXTENSION_BYTES: usize = 12 * 1024;

/// A message as its author made it. Its encoded form is a [`Frame`](crate::Frame).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Author and counter.
    pub id: MessageId,
    /// One more than the greatest time among the message's parents, its own previous message included.
    pub lamport: Lamport,
    /// The author's wall clock in milliseconds since 1970, which breaks ties and is shown to people.
    pub unix_ms: i64,
    /// The digest of the author's previous message; `None` exactly for the first.
    pub previous: Option<Digest>,
    /// The latest messages of others that the author had accepted, without those that another parent implies.
    /// Sorted, without repetition, at most [`MAX_PARENTS`], none by the author itself.
    pub parents: Vec<Parent>,
    /// The author's key, in the first message of a [signed](crate::is_signed) author and in no other.
    pub key: Option<AuthorKey>,
    /// The meaning of the payload.
    pub kind: Kind,
    /// The files that the message names, at most [`MAX_ATTACHMENTS`] of together at most [`MAX_PARTS`] parts, none twice.
    /// Only messages of kind [`Payload`](Kind::Payload) have any.
    pub attachments: Vec<Attachment>,
    /// Fields that later versions add. Strictly ascending by tag, at most [`MAX_EXTENSIONS`], with values of at most
    /// [`MAX_EXTENSION_BYTES`] together.
    pub extensions: Vec<Extension>,
    /// The content, opaque to everything below the application.
    pub payload: Bytes,
}

/// A message of another author that this message comes after.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub struct Parent {
    /// Its author.
    pub author: AuthorId,
    /// Its counter, which tells a reader which file to wait for.
    pub counter: u64,
    /// Its digest, which identifies it.
    pub digest: Digest,
}

/// The meaning of a message's payload. Exhaustive, so that a new kind does not compile until each place decides
/// about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Bytes of the application. Stands in the timeline.
    Payload,
    /// The author's display name from here on, in UTF-8. Moves the clock, and is not in the timeline.
    Profile,
    /// A claim to take the place of another author, so that people see one person: the payload is the 16 bytes of that
    /// author's uuid. The first of several counts; any other content says nothing. Moves the clock, and is not in the
    /// timeline.
    Successor,
    /// The word that the author may remove files of its earlier messages from the folder: see
    /// [`Release`](crate::Release). Any other content says nothing. Moves the clock, and is not in the timeline.
    Release,
    /// The word that an author will not write again, by another one or by itself: see
    /// [`Retirement`](crate::Retirement). Nobody waits for that author until it writes a message that has this one among
    /// its causes. Any other content says nothing. Moves the clock, and is not in the timeline.
    Retirement,
}

/// A field of a message that not every version knows. Software keeps and passes on those that it does not know.
///
/// `docs/FORMAT.md` says which tags belong to the format and which to applications.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extension {
    /// The meaning of the value; the lowest bit says whether the extension is [critical](Self::is_critical).
    pub tag: u16,
    /// The content, of any length within the limit.
    pub value: Bytes,
}

/// A rule that every message keeps, and this one does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ShapeError {
    /// Counters start at one.
    #[error("the counter is zero")]
    CounterZero,
    /// Only the first message has no previous one.
    #[error("message {counter} must name its previous message exactly when it is not the first")]
    Previous {
        /// The message's counter.
        counter: u64,
    },
    /// More parents than [`MAX_PARENTS`].
    #[error("{actual} parents, at most {MAX_PARENTS} are allowed")]
    TooManyParents {
        /// The number of parents.
        actual: usize,
    },
    /// Parents are not sorted, repeat, or have the counter zero.
    #[error("the parents are not strictly ascending from counter one")]
    ParentsUnordered,
    /// The author's own messages are named by `previous`.
    #[error("a parent is a message of the author itself")]
    OwnParent,
    /// More extensions than [`MAX_EXTENSIONS`].
    #[error("{actual} extensions, at most {MAX_EXTENSIONS} are allowed")]
    TooManyExtensions {
        /// The number of extensions.
        actual: usize,
    },
    /// More bytes of extensions than [`MAX_EXTENSION_BYTES`].
    #[error("the extensions have {actual} bytes, at most {MAX_EXTENSION_BYTES} are allowed")]
    ExtensionsTooLarge {
        /// The length of all values together.
        actual: usize,
    },
    /// The first message of a signed author has no key.
    #[error("the first message of a signed author must carry the author's key")]
    KeyMissing,
    /// The author's uuid is not the hash of this key, or the message is not the one that carries the key.
    #[error("the message carries a key that does not belong there")]
    ForeignKey,
    /// There is a signature by an author that does not sign, or none where there must be one.
    #[error("the message has a signature where none may be, or none where one must be")]
    Signature,
    /// More attachments than [`MAX_ATTACHMENTS`], or more parts than [`MAX_PARTS`].
    #[error("{attachments} attachments of {parts} parts, at most {MAX_ATTACHMENTS} of {MAX_PARTS} are allowed")]
    TooManyParts {
        /// The number of attachments.
        attachments: usize,
        /// The number of their parts.
        parts: usize,
    },
    /// A message that is none of the application has attachments, or one attachment stands twice.
    #[error("an attachment stands where none may be")]
    Attachments,
    /// The name of an attachment is empty or too long, or its media type is too long.
    #[error("the name or the media type of an attachment has no allowed length")]
    AttachmentName,
    /// The hashes of an attachment are not those of a file.
    #[error(transparent)]
    Manifest(#[from] BadManifest),
    /// Extensions are not sorted, or repeat.
    #[error("the extensions are not strictly ascending by tag")]
    ExtensionsUnordered,
}

impl Message {
    /// Returns the message's place in the total order.
    pub fn stamp(&self) -> Stamp {
        Stamp { lamport: self.lamport, unix_ms: self.unix_ms, author: self.id.author }
    }

    /// Returns the messages that must be present before this one: the author's previous message, then the parents.
    pub fn causes(&self) -> impl Iterator<Item = Parent> + '_ {
        let previous = self.previous.map(|digest| Parent {
            author: self.id.author,
            counter: self.id.counter.saturating_sub(1),
            digest,
        });
        previous.into_iter().chain(self.parents.iter().copied())
    }

    /// Checks the rules that hold for every message, regardless of its past.
    ///
    /// # Errors
    ///
    /// The first rule of [`ShapeError`] that the message breaks.
    pub fn check_shape(&self) -> Result<(), ShapeError> {
        if self.id.counter == 0 {
            return Err(ShapeError::CounterZero);
        }
        if self.previous.is_some() != (self.id.counter > 1) {
            return Err(ShapeError::Previous { counter: self.id.counter });
        }
        if self.parents.len() > MAX_PARENTS {
            return Err(ShapeError::TooManyParents { actual: self.parents.len() });
        }
        let ascending = self.parents.iter().zip(self.parents.iter().skip(1)).all(|(a, b)| a < b);
        if !ascending || self.parents.iter().any(|parent| parent.counter == 0) {
            return Err(ShapeError::ParentsUnordered);
        }
        if self.parents.iter().any(|parent| parent.author == self.id.author) {
            return Err(ShapeError::OwnParent);
        }
        self.check_key()?;
        self.check_attachments()?;
        self.check_extensions()
    }

    fn check_key(&self) -> Result<(), ShapeError> {
        let carries = is_signed(self.id.author) && self.id.counter == 1;
        match &self.key {
            None if carries => Err(ShapeError::KeyMissing),
            Some(key) if !carries || (key.author() != self.id.author && !planted!(UuidUnchecked)) => {
                Err(ShapeError::ForeignKey)
            }
            _ => Ok(()),
        }
    }

    fn check_attachments(&self) -> Result<(), ShapeError> {
        let (attachments, parts) =
            (self.attachments.len(), self.attachments.iter().map(|attachment| attachment.manifest.count()).sum());
        if attachments > MAX_ATTACHMENTS || parts > MAX_PARTS {
            return Err(ShapeError::TooManyParts { attachments, parts });
        }
        let ids = || self.attachments.iter().map(|attachment| attachment.manifest.id());
        let is_repeated = ids().enumerate().any(|(at, id)| ids().take(at).any(|other| other == id));
        if is_repeated || (attachments > 0 && self.kind != Kind::Payload) {
            return Err(ShapeError::Attachments);
        }
        let is_sound = self.attachments.iter().all(Attachment::has_sound_names);
        if is_sound { Ok(()) } else { Err(ShapeError::AttachmentName) }
    }

    fn check_extensions(&self) -> Result<(), ShapeError> {
        if self.extensions.len() > MAX_EXTENSIONS {
            return Err(ShapeError::TooManyExtensions { actual: self.extensions.len() });
        }
        let actual = self.extensions.iter().map(|extension| extension.value.len()).sum();
        if actual > MAX_EXTENSION_BYTES {
            return Err(ShapeError::ExtensionsTooLarge { actual });
        }
        if !self.extensions.is_sorted_by(|a, b| a.tag < b.tag) {
            return Err(ShapeError::ExtensionsUnordered);
        }
        Ok(())
    }
}

impl Extension {
    /// Whether software that does not know the tag must not accept the message: an odd tag says so.
    pub const fn is_critical(&self) -> bool {
        self.tag & 1 == 1
    }
}

impl Kind {
    /// Returns the byte that stands for this kind in a frame.
    pub const fn code(self) -> u8 {
        match self {
            Self::Payload => 0,
            Self::Profile => 1,
            Self::Successor => 2,
            Self::Release => 3,
            Self::Retirement => 4,
        }
    }

    /// Returns the kind that a byte stands for; `None` if this version does not know it.
    pub const fn from_code(code: u8) -> Option<Self> {
        match code {
            0 => Some(Self::Payload),
            1 => Some(Self::Profile),
            2 => Some(Self::Successor),
            3 => Some(Self::Release),
            4 => Some(Self::Retirement),
            _ => None,
        }
    }
}
