//! The local memory of an installation: every frame sent or received, outside the shared folder.

mod handle;
mod memory;
mod overlay;
mod reader;
mod redb;
mod runs;

use std::{
    fmt,
    ops::ControlFlow,
    path::{Path, PathBuf},
};

/// What a [`RedbStore`] can be put on instead of a file.
pub use ::redb::StorageBackend;
use bytes::Bytes;
pub(crate) use handle::is_without_room;
pub use memory::MemoryStore;
pub use reader::RedbReader;
pub use redb::RedbStore;
use serde::{Deserialize, Serialize};
use tempo_clock::{AuthorId, Lamport};
use tempo_fs_transport::{Fingerprint, printable_text};
use tempo_message::{Digest, Durability, Frame, Life, Message, MessageId};
use thiserror::Error;

use crate::Progress;
pub use crate::protocol::Page;

/// Where a session keeps what it must not lose.
///
/// Contract:
///
/// 1. After `commit(records, Durable)` returns, those records and everything committed before them survive a loss of
///    power; all of them or none, never a part.
/// 2. After `commit(records, Lazy)` returns, the records can be read, and survive as soon as a later durable commit
///    returns.
/// 3. After [`StoreError::Full`] nothing of what was given is kept, and it can be tried again. After another error of `commit`
///    it is unknown what was kept; the session then refuses to send until it is reopened.
/// 4. Committing a record again changes nothing: what was [sent](Origin::Sent) stays so when it comes back.
/// 5. `frame` gives the exact bytes that were committed.
/// 6. After `keep_pages` returns, those pages are read as they were given, and the others as before. They become durable
///    with what is committed after them; what was committed before them is never lost without them being lost as well.
/// 7. After `set_marks` or `set_progress` returns, what they noted survives a loss of power; after `set_progress` also
///    everything that was committed before.
pub trait Store: fmt::Debug + Send + Sync {
    /// What was noted last. A new store of a member knows its author and nothing else; an observer's knows nobody.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    fn marks(&self) -> Result<Marks, StoreError>;

    /// Notes how far things have come, durably.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    fn set_marks(&self, marks: &Marks) -> Result<(), StoreError>;

    /// How far the application has come with a cursor; `None` when it was never noted.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    fn progress(&self, cursor: &str) -> Result<Option<Progress>, StoreError>;

    /// Notes it, durably.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    fn set_progress(&self, cursor: &str, progress: &Progress) -> Result<(), StoreError>;

    /// Hands up every record from a place in the log on, without its payload, except that of a profile message; one commit
    /// after the other, and what was committed together in any order. The first place is 0.
    ///
    /// # Errors
    ///
    /// [`StoreError`]; what was handed up until then is true.
    fn restore(&self, from: u64, each: &mut dyn FnMut(Restored)) -> Result<(), StoreError>;

    /// The place in the log behind everything that is committed.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    fn log_end(&self) -> Result<u64, StoreError>;

    /// Hands up the pages in order, until `each` wants no more.
    ///
    /// # Errors
    ///
    /// [`StoreError`]; what was handed up until then is true.
    fn pages(&self, each: &mut dyn FnMut(Page, &[u8]) -> ControlFlow<()>) -> Result<(), StoreError>;

    /// Keeps pages, each in the place of what was kept under its name; all of them or none.
    ///
    /// # Errors
    ///
    /// [`StoreError`]; it is unknown then whether they are kept.
    fn keep_pages(&self, pages: &[(Page, Vec<u8>)]) -> Result<(), StoreError>;

    /// Keeps records.
    ///
    /// # Errors
    ///
    /// [`StoreError`], after which clause 3 holds.
    fn commit(&self, records: &[Record], durability: Durability) -> Result<(), StoreError>;

    /// The frame of a message, if it is kept here.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    fn frame(&self, id: MessageId, digest: Digest) -> Result<Option<Bytes>, StoreError>;
}

/// Who an installation is, and how far it has come in its folder.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Marks {
    /// Every author that it has been, the present one last; nobody for an observer.
    pub own: Vec<OwnAuthor>,
    /// The latest lives that it has lived, the last one last. Noted before anybody else can hear of them.
    pub lives: Vec<Life>,
    /// Where the store lay when this was noted.
    pub fingerprint: Option<Fingerprint>,
    /// Up to which time the order was known to be settled.
    pub settled: Lamport,
    /// Packs beside which the files of which they were made may still lie.
    pub packs: Vec<Packed>,
    /// The authors whose messages lay nowhere in the folder although they are here.
    pub absent: Vec<Absent>,
    /// The authors whose own messages are in the folder beside what was relayed of them, and since when.
    pub back: Vec<(AuthorId, i64)>,
    /// Who had a say in what is settled.
    pub settled_by: Vec<AuthorId>,
}

/// An author whose messages were looked for in the folder, and some not found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Absent {
    /// The author.
    pub author: AuthorId,
    /// Since when they are missed, by the clock of this machine: milliseconds since 1970. `None` when they were there the last time.
    pub since_ms: Option<i64>,
    /// How often they were put there by this installation without being asked.
    pub relayed: u32,
}

/// A pack of own messages in the folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Packed {
    /// Whose messages they are.
    pub author: AuthorId,
    /// The first counter.
    pub first: u64,
    /// The last counter.
    pub last: u64,
    /// Since when it lies there, by the clock of this machine: milliseconds since 1970.
    pub since_ms: i64,
}

/// One of the authors of an installation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnAuthor {
    /// The author.
    pub author: AuthorId,
    /// It has been in the folder: from then on its directory is expected there.
    pub joined: bool,
    /// Its messages up to this counter have been seen whole in the folder and synced there, once.
    pub audited: u64,
}

impl Marks {
    /// So many lives are remembered.
    const LIVES: usize = 64;

    /// Those of a new store.
    pub fn new(author: Option<AuthorId>) -> Self {
        Self { own: author.map(OwnAuthor::new).into_iter().collect(), ..Self::default() }
    }

    /// The author that the installation writes as.
    pub fn author(&self) -> Option<AuthorId> {
        self.own.last().map(|own| own.author)
    }

    /// The authors that it has been before, the last one last.
    pub fn former(&self) -> Vec<AuthorId> {
        let former = self.own.len().saturating_sub(1);
        self.own.iter().take(former).map(|own| own.author).collect()
    }

    /// Whether any of its authors has been in the folder.
    pub fn has_joined(&self) -> bool {
        self.own.iter().any(|own| own.joined)
    }

    /// The installation goes on as this author.
    #[must_use]
    pub fn succeeded_by(mut self, author: AuthorId) -> Self {
        self.own.push(OwnAuthor::new(author));
        self
    }

    /// The installation begins another life.
    #[must_use]
    pub fn reborn(mut self, nonce: u64) -> Self {
        let number = self.lives.last().map_or(0, |life| life.number).saturating_add(1);
        self.lives.push(Life { number, nonce });
        let forgotten = self.lives.len().saturating_sub(Self::LIVES);
        self.lives.drain(..forgotten);
        self
    }
}

impl OwnAuthor {
    fn new(author: AuthorId) -> Self {
        Self { author, joined: false, audited: 0 }
    }
}

/// A frame to keep.
#[derive(Debug, Clone)]
pub struct Record {
    /// The frame.
    pub frame: Frame,
    /// How it came here.
    pub origin: Origin,
}

/// How a frame came into the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// This installation made it.
    Sent,
    /// It was collected.
    Received,
}

/// A record as it is handed up when a session is opened.
#[derive(Debug, Clone)]
pub struct Restored {
    /// The message; its payload is empty unless it is a profile.
    pub message: Message,
    /// Its digest.
    pub digest: Digest,
    /// How it came here.
    pub origin: Origin,
    /// The length of its frame in bytes.
    pub frame_len: u64,
}

/// Why a store cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The session is closed, and the store with it.
    #[error("the session is closed")]
    Closed,
    /// Another process, or another session of this one, has the store open.
    #[error("the store {} is in use", path.display())]
    InUse {
        /// The store.
        path: PathBuf,
    },
    /// A program that knows nothing of stores has the file open and does not share it: a scanner, a backup. Soon it may be free.
    #[error("the store {} is in use by another program", path.display())]
    Held {
        /// The store.
        path: PathBuf,
    },
    /// The process that had the store open last did not close it, or it is damaged. Opening it for writing mends it, if it
    /// can be mended.
    #[error("the store {} was not closed and has to be mended", path.display())]
    Unclean {
        /// The store.
        path: PathBuf,
    },
    /// The store was written by newer software.
    #[error("the store {} has format {found}, this software reads up to {supported}", path.display())]
    Newer {
        /// The store.
        path: PathBuf,
        /// The format of the store.
        found: u32,
        /// The newest format that this software reads.
        supported: u32,
    },
    /// The store is another author's: somebody has moved it here.
    #[error("the store {} belongs to {found}, not to {expected}", path.display())]
    Author {
        /// The store.
        path: PathBuf,
        /// Whose it is.
        found: AuthorId,
        /// Whose it should be.
        expected: AuthorId,
    },
    /// A record cannot be read.
    #[error("the store {} is damaged: {what}", path.display())]
    Damaged {
        /// The store.
        path: PathBuf,
        /// What cannot be read.
        what: &'static str,
    },
    /// There is no room for it where the store lies. Nothing of it was kept, and everything else is as before.
    #[error("make room on the disk of the local store {}, which is full", path.display())]
    Full {
        /// The store.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The database failed: no permission, a broken disk.
    #[error("cannot use the store {}", path.display())]
    Failed {
        /// The store.
        path: PathBuf,
        /// What the database said.
        source: Box<::redb::Error>,
    },
}

impl StoreError {
    /// What a person can do about it, in a sentence; `None` when it passes by itself.
    pub fn advice(&self) -> Option<String> {
        let path = |path: &Path| printable_text(&path.display().to_string());
        Some(match self {
            Self::Closed | Self::InUse { .. } | Self::Held { .. } => return None,
            Self::Full { path: store, .. } => format!(
                "Make room on the disk that holds {}. Move nothing there: everything goes on by itself then, and nothing of what \
                 you wrote before is lost.",
                path(store)
            ),
            Self::Newer { .. } => "Update this software.".to_owned(),
            Self::Unclean { path: store }
            | Self::Author { path: store, .. }
            | Self::Damaged { path: store, .. }
            | Self::Failed { path: store, .. } => Self::beginning_anew(store),
        })
    }

    /// What remains when nothing brings a store back.
    pub(crate) fn beginning_anew(store: &Path) -> String {
        let path = |path: &Path| printable_text(&path.display().to_string());
        format!(
            "Look at the disk, and for a backup of {}. If there is none, keep it and move its directory {} out of the state \
             directory. The next time you go on as a new member; what you wrote and had not reached the folder is lost then, and \
             nothing else.",
            path(store),
            path(store.parent().unwrap_or(store))
        )
    }
}
