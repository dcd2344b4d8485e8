//! What a transport has that is not a message: yet, or ever.

use alloc::{string::String, vec::Vec};
use core::{fmt, ops::RangeInclusive};

use tempo_clock::AuthorId;
use thiserror::Error;

use crate::{
    codec::frame::{BadFrame, Unsupported},
    head::BadHead,
};

/// Everything unusual that lies where messages lie, as of the last collect.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// What may still become a message, ordered by place.
    pub pending: Vec<Pending>,
    /// What is not ours, ordered by place.
    pub foreign: Vec<Foreign>,
    /// What lies beside a message under a name that continues its name, and was read like it; ordered by place.
    pub copies: Vec<Beside>,
    /// Places of authors beside their own, which are read like those; ordered by place.
    pub doubled: Vec<Beside>,
    /// Places in which members keep what other authors have written; ordered by place.
    pub relays: Vec<Relay>,
    /// Other pieces of the whole session, made by a service that has split it, which are read like it and never written;
    /// printable and ordered. The places of what is in one begin with its name.
    pub pieces: Vec<String>,
    /// Directories beside the session of which nothing shows whether they are pieces of it or sessions of their own; nothing in
    /// them is read. Printable and ordered.
    pub undecided: Vec<String>,
    /// Copies of the session beside it that go on by themselves; nothing in them is read. Printable and ordered.
    pub apart: Vec<String>,
    /// Files in which something on the way has converted line ends. What was in them has been restored, and counts; ordered by
    /// place.
    pub converted: Vec<Beside>,
    /// How many more there are than the lists have room for.
    pub unlisted: u64,
    /// Why nobody tells us when something arrives, so that we have to look from time to time; `None` while hints work.
    pub without_hints: Option<String>,
}

/// What the name of something in the session announces, whatever it holds.
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
    /// What a service leaves in place of a file that is online only.
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

/// Something that a service, or somebody, has put beside what it is a copy of, or has changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Beside {
    /// Where it lies, relative to the session, printable: control characters and other bytes are escaped.
    pub place: String,
    /// What its name announces.
    pub item: Item,
    /// Whether a program leaves such a name while it writes.
    pub is_temporary: bool,
    /// Whose messages it holds.
    pub author: AuthorId,
    /// The counter that its name announces, if it is that of a message; none for a head or a place.
    pub counter: Option<u64>,
}

/// A place in which one member keeps what another author has written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Relay {
    /// Where it lies, relative to the session.
    pub place: String,
    /// Whose messages it holds.
    pub author: AuthorId,
    /// Who keeps them there.
    pub relayer: AuthorId,
}

/// Something that may become a message without anybody's doing, and is looked at again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pending {
    /// Where it lies, relative to the session, printable: control characters and other bytes are escaped.
    pub place: String,
    /// What its name announces.
    pub item: Item,
    /// Whose place that is.
    pub author: Option<AuthorId>,
    /// The counter that its name announces.
    pub counter: Option<u64>,
    /// What keeps it from being a message.
    pub reason: PendingReason,
}

/// Why something is not a message yet.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PendingReason {
    /// The end has not arrived.
    #[error("incomplete, at least {missing} bytes are missing")]
    Incomplete {
        /// At least so many bytes.
        missing: u64,
    },
    /// It changed while it was read.
    #[error("still being written")]
    Changing,
    /// Its content is not on this machine; the service fetches it when somebody asks for that.
    #[error("online only: the service has not put the content on this machine")]
    OnlineOnly,
    /// A small file of an unknown kind lies there in the place of it, as services leave one for what is online only.
    #[error("perhaps online only: a small file lies in its place")]
    PerhapsOnline,
    /// Reading it takes long, or the system says that it has to be fetched first.
    #[error("not on this machine yet: {cause}")]
    NotHereYet {
        /// How that shows.
        cause: String,
    },
    /// Another program has it open and does not share it: the sync service itself, an antivirus scanner, a backup.
    #[error("in use by another program")]
    InUse,
    /// It could not be read now.
    #[error("cannot be read now: {cause}")]
    Unreadable {
        /// What the system said.
        cause: String,
    },
    /// It is whole and newer than this software.
    #[error(transparent)]
    Unsupported(Unsupported),
}

/// Something that lies where messages lie and is not one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Foreign {
    /// Where it lies, relative to the session, printable: control characters and other bytes are escaped.
    pub place: String,
    /// What its name announces.
    pub item: Item,
    /// Whose place that is.
    pub author: Option<AuthorId>,
    /// Why it is none of ours.
    pub reason: ForeignReason,
}

/// Why something is passed over.
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
        /// Whose it is, for people.
        by: &'static str,
    },
    /// A file or directory of a sync service or an operating system.
    #[error("belongs to {by}")]
    System {
        /// Whose it is, for people.
        by: &'static str,
    },
    /// The name is one of ours and the thing is of another type.
    #[error("{found} where {expected} belongs")]
    Type {
        /// What the name announces.
        expected: FileType,
        /// What it is.
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
    /// The name goes on after one of ours, and the content does not begin like a message.
    #[error("the name begins like that of a message, and the content is something else")]
    Content,
    /// The content of an author's head is not that of a head.
    #[error(transparent)]
    BadHead(BadHead),
    /// A message of one author lies in the place of another.
    #[error("a message by {found} in another author's place")]
    Author {
        /// Who wrote the message.
        found: AuthorId,
    },
}

/// What a directory entry is.
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
