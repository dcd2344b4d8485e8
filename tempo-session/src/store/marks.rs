//! What an installation notes of itself beside messages.

use serde::{Deserialize, Serialize};
use tempo_clock::{AuthorId, Lamport};
use tempo_message::Life;

/// Who an installation is, and how far it has come in its folder.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Marks {
    /// Every author that it has been, the present one last; nobody for an observer.
    pub own: Vec<OwnAuthor>,
    /// The latest lives that it has lived, the last one last. Noted before anybody else can hear of them.
    pub lives: Vec<Life>,
    /// Where the store was when this was noted, as its [`IdentitySource`](crate::parts::IdentitySource) says it.
    pub place: Option<Vec<u8>>,
    /// Up to which time the order was known to be stable.
    pub stable: Lamport,
    /// Packs beside which the files of which they were made may still lie.
    pub packs: Vec<Packed>,
    /// The authors whose messages lay nowhere in the folder although they are here.
    pub absent: Vec<Absent>,
    /// The authors whose own messages are in the folder beside what was relayed of them, and since when.
    pub back: Vec<(AuthorId, i64)>,
    /// Who had a say in what is stable.
    pub stable_by: Vec<AuthorId>,
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
