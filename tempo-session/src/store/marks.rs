//! The data that an installation stores about itself, beside messages.

use serde::{Deserialize, Serialize};
use tempo_clock::{AuthorId, Lamport};
use tempo_message::Life;

/// The identity of an installation, and its progress in its folder.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Marks {
    /// All its authors, the present one last. Empty for an observer.
    pub own: Vec<OwnAuthor>,
    /// Its latest lives, the last one last. Stored before any other member can learn of them.
    pub lives: Vec<Life>,
    /// The place of the store when this was stored, as its [`IdentitySource`](crate::components::IdentitySource)
    /// describes it.
    pub place: Option<Vec<u8>>,
    /// The latest known stable time.
    pub stable: Lamport,
    /// Packs beside which the files of their messages may still be.
    pub packs: Vec<Packed>,
    /// Authors whose messages are here but were nowhere in the folder.
    pub absent: Vec<Absent>,
    /// Authors whose own messages are in the folder beside a relay of them, and the time since when.
    pub back: Vec<(AuthorId, i64)>,
    /// The authors that had a say in what is stable.
    pub stable_by: Vec<AuthorId>,
}

/// An author whose messages were not all found in the folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Absent {
    /// The author.
    pub author: AuthorId,
    /// The time since when they are missing, by this machine's clock, in milliseconds since 1970. `None` if
    /// the last search found them.
    pub since_ms: Option<i64>,
    /// The number of times that this installation relayed them without being asked.
    pub relayed: u32,
}

/// A pack of own messages in the folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Packed {
    /// The author of the messages.
    pub author: AuthorId,
    /// The first counter.
    pub first: u64,
    /// The last counter.
    pub last: u64,
    /// The time since when the pack is in the folder, by this machine's clock, in milliseconds since 1970.
    pub since_ms: i64,
}

/// One of the authors of an installation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnAuthor {
    /// The author.
    pub author: AuthorId,
    /// True if the author has been in the folder. From then on its directory is expected there.
    pub joined: bool,
    /// The last audited counter: all messages up to it were once seen whole and synced in the folder.
    pub audited: u64,
}

impl Marks {
    /// The most lives remembered.
    const LIVES: usize = 64;

    /// Returns the marks of a new store.
    pub fn new(author: Option<AuthorId>) -> Self {
        Self { own: author.map(OwnAuthor::new).into_iter().collect(), ..Self::default() }
    }

    /// Returns the author that the installation writes as.
    pub fn author(&self) -> Option<AuthorId> {
        self.own.last().map(|own| own.author)
    }

    /// Returns the former authors, the latest one last.
    pub fn former(&self) -> Vec<AuthorId> {
        let former = self.own.len().saturating_sub(1);
        self.own.iter().take(former).map(|own| own.author).collect()
    }

    /// Returns whether any of its authors has been in the folder.
    pub fn has_joined(&self) -> bool {
        self.own.iter().any(|own| own.joined)
    }

    /// Adds the author that the installation continues as.
    #[must_use]
    pub fn succeeded_by(mut self, author: AuthorId) -> Self {
        self.own.push(OwnAuthor::new(author));
        self
    }

    /// Adds another life.
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
