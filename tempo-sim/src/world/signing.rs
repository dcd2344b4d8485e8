//! The keys of members, and the scheme by which they sign.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tempo_clock::AuthorId;
use tempo_message::{AuthorKey, Ed25519, SecretKey, Sign, Signature, Statement, Verify, is_signed};
use uuid::Uuid;

use crate::Rng;

/// The scheme by which the members of a world sign.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Scheme {
    /// No member signs.
    #[default]
    Plain,
    /// Signatures by a hash of the public key, which the forger of a run never makes. They cost little.
    Toy,
    /// Real signatures.
    Ed25519,
}

/// The secret keys on one machine. Cloning gives another handle to them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Keys(Arc<Mutex<Ring>>);

#[derive(Debug, Clone, Default)]
struct Ring {
    keys: BTreeMap<AuthorId, Key>,
    /// The authors whose keys the world has taken away.
    lost: BTreeSet<AuthorId>,
}

#[derive(Debug, Clone, Copy)]
struct Key {
    scheme: Scheme,
    seed: [u8; 32],
}

impl Scheme {
    /// Returns what verifies signatures.
    pub(crate) fn verify(self) -> Arc<dyn Verify> {
        match self {
            Self::Toy => Arc::new(Toy),
            Self::Plain | Self::Ed25519 => Arc::new(Ed25519),
        }
    }
}

impl Keys {
    /// Returns the keys of a machine that is an image of this one.
    pub(crate) fn copied(&self) -> Self {
        Self(Arc::new(Mutex::new(self.lock().clone())))
    }

    /// Makes a new author, and keeps its key.
    pub(crate) fn new_author(&self, scheme: Scheme, rng: &mut Rng) -> AuthorId {
        let drawn = Uuid::from_u64_pair(rng.next(), rng.next());
        if scheme == Scheme::Plain {
            return plain(drawn);
        }
        let key = Key { scheme, seed: *blake3::hash(drawn.as_bytes()).as_bytes() };
        let author = key.signer().key().author();
        self.lock().keys.insert(author, key);
        author
    }

    /// Returns what signs as an author, if its key is here.
    pub(crate) fn signer(&self, author: AuthorId) -> Option<Box<dyn Sign>> {
        self.lock().keys.get(&author).map(Key::signer)
    }

    /// Loses an author's key.
    pub(crate) fn lose(&self, author: AuthorId) {
        let mut ring = self.lock();
        ring.keys.remove(&author);
        ring.lost.insert(author);
    }

    /// Returns whether the key of an author is here that signs, or was taken away.
    pub(crate) fn is_accounted_for(&self, author: AuthorId) -> bool {
        let ring = self.lock();
        !is_signed(author) || ring.keys.contains_key(&author) || ring.lost.contains(&author)
    }

    /// Keeps the key of an author that is on another ring.
    pub(crate) fn keep_from(&self, other: &Self, author: AuthorId) {
        let key = other.lock().keys.get(&author).copied();
        self.lock().keys.extend(key.map(|key| (author, key)));
    }

    fn lock(&self) -> MutexGuard<'_, Ring> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Key {
    fn signer(&self) -> Box<dyn Sign> {
        match self.scheme {
            Scheme::Ed25519 => Box::new(SecretKey::from_seed(&self.seed)),
            Scheme::Plain | Scheme::Toy => Box::new(ToyKey(AuthorKey::from_bytes(self.seed))),
        }
    }
}

/// Returns an author that does not sign, with this uuid but for its version.
fn plain(uuid: Uuid) -> AuthorId {
    let author = AuthorId::new(uuid);
    if !is_signed(author) {
        return author;
    }
    let (high, low) = uuid.as_u64_pair();
    AuthorId::new(Uuid::from_u64_pair(high ^ 0xc000, low))
}

#[derive(Debug)]
struct Toy;

#[derive(Debug)]
struct ToyKey(AuthorKey);

fn toy_signature(key: &AuthorKey, statement: &Statement) -> Signature {
    let (bytes, len) = statement.to_bytes();
    let mut signature = [0; 64];
    let mut hasher = blake3::Hasher::new_keyed(key.as_bytes());
    hasher.update(bytes.get(..len).unwrap_or_default());
    hasher.finalize_xof().fill(&mut signature);
    Signature::from_bytes(signature)
}

impl Verify for Toy {
    fn verify(&self, key: &AuthorKey, statement: &Statement, signature: &Signature) -> bool {
        toy_signature(key, statement) == *signature
    }
}

impl Sign for ToyKey {
    fn key(&self) -> AuthorKey {
        self.0
    }

    fn sign(&self, statement: &Statement) -> Signature {
        toy_signature(&self.0, statement)
    }
}
