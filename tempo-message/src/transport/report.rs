//! The report of a transport: everything in the place that is not a message, or not yet.

use alloc::{string::String, vec::Vec};
use core::{fmt, ops::RangeInclusive};

use serde::{Serialize, Serializer, ser::SerializeStruct};
use tempo_clock::AuthorId;
use thiserror::Error;

use crate::{
    codec::frame::{BadFrame, Unsupported},
    head::BadHead,
};

/// Everything unusual among the messages, as of the last collect.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Files that may still become messages, ordered by place.
    pub pending: Vec<Pending>,
    /// Files and directories that are not ours, ordered by place.
    pub foreign: Vec<Foreign>,
    /// Files beside a message whose names continue its name, read like the message; ordered by place.
    pub copies: Vec<Duplicate>,
    /// Directories of authors beside their own, read like those; ordered by place.
    pub doubled: Vec<Duplicate>,
    /// Directories where members keep messages of other authors; ordered by place.
    pub relays: Vec<Relay>,
    /// Other parts of the session, made by a service that has split it: read like the session and never written.
    /// Printable and ordered. The places of files in a part begin with its name.
    pub parts: Vec<String>,
    /// Directories beside the session that may be parts of it or sessions of their own, with no sign to decide;
    /// not read. Printable and ordered.
    pub undecided: Vec<String>,
    /// Copies of the session beside it that continue on their own; not read. Printable and ordered.
    pub apart: Vec<String>,
    /// Files whose line ends a program on the way has converted. Their content has been restored, and counts;
    /// ordered by place.
    pub converted: Vec<Duplicate>,
    /// The number of entries that the lists have no room for.
    pub unlisted: u64,
    /// The reason why no hint arrives with a message, so that a look from time to time has to do; `None` while
    /// hints work.
    pub without_hints: Option<String>,
}

/// The announcement of a file's or directory's name, regardless of its content.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Item {
    /// One message, or a pack: the counters from the first to the last.
    Messages {
        /// The first counter.
        first: u64,
        /// The last counter.
        last: u64,
    },
    /// A file whose name continues that of a message or a pack.
    Copy {
        /// The first counter.
        first: u64,
    },
    /// A placeholder that a service keeps for an online-only file.
    Placeholder {
        /// The first counter, or zero for a head.
        first: u64,
        /// The last counter, or zero for a head.
        last: u64,
    },
    /// A head, or a copy of one.
    Head,
    /// The directory of an author, or a copy of one.
    Directory(AuthorId),
    /// Anything else.
    #[default]
    Other,
}

impl Item {
    /// Returns the counters that the name announces.
    pub fn counters(self) -> Option<RangeInclusive<u64>> {
        match self {
            Self::Messages { first, last } | Self::Placeholder { first, last } if first > 0 => Some(first..=last),
            Self::Copy { first } => Some(first..=first),
            _ => None,
        }
    }

    /// Returns the author whose directory it is.
    pub fn directory(self) -> Option<AuthorId> {
        if let Self::Directory(author) = self { Some(author) } else { None }
    }
}

/// A copy that a service or a person has put beside the original, or has changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Duplicate {
    /// The path, relative to the session, printable: control characters and other bytes are escaped.
    pub place: String,
    /// The announcement of its name. Not part of the JSON.
    #[serde(skip)]
    pub item: Item,
    /// Whether a program leaves such a name while it writes.
    #[serde(rename = "temporary")]
    pub is_temporary: bool,
    /// The author whose messages it holds.
    pub author: AuthorId,
    /// The counter in its name, for a message; `None` for a head or a directory.
    pub counter: Option<u64>,
}

/// A directory where one member keeps messages of another author.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Relay {
    /// The path, relative to the session.
    pub place: String,
    /// The author of the messages.
    pub author: AuthorId,
    /// The member that keeps them there.
    pub relayer: AuthorId,
}

/// A file that may become a message by itself, and is read again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Pending {
    /// The path, relative to the session, printable: control characters and other bytes are escaped.
    pub place: String,
    /// The announcement of its name. Not part of the JSON.
    #[serde(skip)]
    pub item: Item,
    /// The author of the directory.
    pub author: Option<AuthorId>,
    /// The counter in its name.
    pub counter: Option<u64>,
    /// The reason why it is no message yet.
    pub reason: PendingReason,
}

/// The reason why a file is not a message yet.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PendingReason {
    /// The end has not arrived.
    #[error("incomplete, at least {missing} bytes are missing")]
    Incomplete {
        /// The least number of missing bytes.
        missing: u64,
    },
    /// It changed while it was read.
    #[error("still being written")]
    Changing,
    /// Its content is not on this machine; the service fetches it on request.
    #[error("online only: the service has not put the content on this machine")]
    OnlineOnly,
    /// A small file of an unknown kind has its name, like the placeholders of services for online-only files.
    #[error("perhaps online only: a small file has its name")]
    PerhapsOnline,
    /// Reading it takes long, or the system reports that it has to be fetched first.
    #[error("not on this machine yet: {cause}")]
    NotHereYet {
        /// The sign of it.
        cause: String,
    },
    /// Another program has it open and does not share it: the sync service itself, an antivirus scanner, a backup.
    #[error("in use by another program")]
    InUse,
    /// It could not be read now.
    #[error("cannot be read now: {cause}")]
    Unreadable {
        /// The error of the system.
        cause: String,
    },
    /// It is whole and newer than this software.
    #[error(transparent)]
    Unsupported(Unsupported),
}

impl PendingReason {
    /// Returns the name of the reason for programs. Names never change.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Incomplete { .. } => "incomplete",
            Self::Changing => "changing",
            Self::OnlineOnly => "online-only",
            Self::PerhapsOnline => "perhaps-online",
            Self::NotHereYet { .. } => "not-here-yet",
            Self::InUse => "in-use",
            Self::Unreadable { .. } => "unreadable",
            Self::Unsupported(_) => "newer",
        }
    }
}

/// A file or directory among the messages that is none of ours.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Foreign {
    /// The path, relative to the session, printable: control characters and other bytes are escaped.
    pub place: String,
    /// The announcement of its name. Not part of the JSON.
    #[serde(skip)]
    pub item: Item,
    /// The author of the directory.
    pub author: Option<AuthorId>,
    /// The reason why it is none of ours.
    pub reason: ForeignReason,
}

/// The reason why a file or directory is skipped.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ForeignReason {
    /// The name is not one of the format.
    #[error("the name is not one of this format")]
    Name,
    /// The name would be ours in its canonical spelling.
    #[error("the name is spelled unlike ours, in upper case for instance")]
    Spelling,
    /// A temporary file.
    #[error("a temporary file of {by}")]
    Temporary {
        /// The program, for people.
        by: &'static str,
    },
    /// A file or directory of a sync service or an operating system.
    #[error("belongs to {by}")]
    System {
        /// The program or system, for people.
        by: &'static str,
    },
    /// The name is one of ours, and the type is not.
    #[error("{found} where {expected} belongs")]
    Type {
        /// The type that the name announces.
        expected: FileType,
        /// The type found.
        found: FileType,
    },
    /// Larger than anything we write.
    #[error("{actual} bytes, at most {limit} are read")]
    TooLarge {
        /// Its length.
        actual: u64,
        /// The limit for its name.
        limit: u64,
    },
    /// The content is not a message.
    #[error(transparent)]
    Bad(BadFrame),
    /// The name continues one of ours, and the content does not begin like a message.
    #[error("the name begins like that of a message, and the content is something else")]
    Content,
    /// The content of an author's head is not that of a head.
    #[error(transparent)]
    BadHead(BadHead),
    /// A message of one author is in the directory of another.
    #[error("a message by {found} in another author's place")]
    Author {
        /// The author of the message.
        found: AuthorId,
    },
}

impl ForeignReason {
    /// Returns the name of the reason for programs. Names never change.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Spelling => "spelling",
            Self::Temporary { .. } => "temporary",
            Self::System { .. } => "system",
            Self::Type { .. } => "type",
            Self::TooLarge { .. } => "too-large",
            Self::Bad(_) => "damaged",
            Self::Content => "content",
            Self::BadHead(_) => "damaged-head",
            Self::Author { .. } => "author",
        }
    }
}

/// As an object: `kind`, for programs, and `text`, for people.
impl Serialize for PendingReason {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        reason(self.kind(), self, serializer)
    }
}

/// As an object: `kind`, for programs, and `text`, for people.
impl Serialize for ForeignReason {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        reason(self.kind(), self, serializer)
    }
}

fn reason<S: Serializer>(kind: &str, text: &impl fmt::Display, serializer: S) -> Result<S::Ok, S::Error> {
    let mut object = serializer.serialize_struct("Reason", 2)?;
    object.serialize_field("kind", kind)?;
    object.serialize_field("text", &format_args!("{text}"))?;
    object.end()
}

/// The type of a directory entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum FileType {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Symlink,
    /// A pipe, socket or device.
    Special,
}

impl fmt::Display for FileType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::File => "a file",
            Self::Directory => "a directory",
            Self::Symlink => "a symbolic link",
            Self::Special => "a pipe, socket or device",
        })
    }
}
