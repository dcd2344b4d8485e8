//! Signed authors: their keys, what a signature states, and Ed25519.

use core::fmt;

use serde::{Deserialize, Serialize};
use tempo_clock::AuthorId;
use uuid::{Builder, Uuid};

use crate::digest::Digest;

/// The public key of a signed author. The author's uuid is a hash of it, so no other key can speak for the author.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct AuthorKey([u8; 32]);

/// The signature of a [`Statement`].
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Signature([u8; 64]);

/// What a signature covers: the digest of some bytes, and what these bytes are. A signature for one purpose is none
/// for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Statement {
    /// What the bytes are.
    pub purpose: Purpose,
    /// The digest of the bytes.
    pub digest: Digest,
}

/// What an author signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// A frame up to its signature.
    Frame,
    /// A head up to its signature.
    Head,
    /// The key of the author that takes the signer's place.
    Successor,
}

/// Signs as one author. A program may keep the secret elsewhere, for example in a key store of the system.
///
/// A session signs while it is locked. So an implementation waits for no person, and calls nothing of the session.
pub trait Sign: fmt::Debug + Send {
    /// Returns the public key.
    fn key(&self) -> AuthorKey;

    /// Signs a statement.
    fn sign(&self, statement: &Statement) -> Signature;
}

/// Verifies signatures. Every member of a session must verify by the same scheme, because the verdicts decide what is
/// part of the history.
pub trait Verify: fmt::Debug + Send + Sync {
    /// Returns whether the owner of `key` has signed a statement.
    fn verify(&self, key: &AuthorKey, statement: &Statement, signature: &Signature) -> bool;
}

/// Returns whether an author signs: whether its uuid has version 8.
///
/// Messages of such an author count once a signature vouches for them; those of other authors count as they are.
pub fn is_signed(author: AuthorId) -> bool {
    author.uuid().get_version_num() == 8
}

impl AuthorKey {
    /// The number of bytes of a key.
    pub const LEN: usize = 32;
    const CONTEXT: &str = "tempo 2026-11 author";

    /// Returns the key that these bytes hold. Whether they are a key of any scheme shows when a signature is verified.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Returns the bytes of the key.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Returns the author that this key belongs to: a uuid of version 8 with 122 bits of the key's hash.
    pub fn author(&self) -> AuthorId {
        let hash = blake3::derive_key(Self::CONTEXT, &self.0);
        let bytes = hash.first_chunk().copied().unwrap_or_default();
        AuthorId::new(Uuid::from_bytes(Builder::from_custom_bytes(bytes).into_uuid().into_bytes()))
    }
}

impl Signature {
    /// The number of bytes of a signature.
    pub const LEN: usize = 64;

    /// Returns the signature that these bytes hold.
    pub const fn from_bytes(bytes: [u8; 64]) -> Self {
        Self(bytes)
    }

    /// Returns the bytes of the signature.
    pub const fn as_bytes(&self) -> &[u8; 64] {
        &self.0
    }
}

impl Statement {
    /// Returns the statement that an author's place is taken by the owner of another key.
    pub fn succession(to: &AuthorKey) -> Self {
        Self { purpose: Purpose::Successor, digest: Digest::of(to.as_bytes()) }
    }

    /// Returns what is signed: the purpose in text, closed by a zero, and the digest; and the number of bytes used.
    pub fn to_bytes(&self) -> ([u8; Self::LEN], usize) {
        let purpose: &[u8] = match self.purpose {
            Purpose::Frame => b"tempo/frame/1\0",
            Purpose::Head => b"tempo/head/1\0",
            Purpose::Successor => b"tempo/successor/1\0",
        };
        let mut bytes = [0; Self::LEN];
        let all = purpose.iter().chain(self.digest.as_bytes());
        bytes.iter_mut().zip(all).for_each(|(byte, &from)| *byte = from);
        (bytes, purpose.len() + Digest::LEN)
    }

    /// The greatest number of bytes that are signed.
    pub const LEN: usize = 18 + Digest::LEN;
}

/// As one run of bytes.
impl Serialize for Signature {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Signature {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes = <&'de [u8]>::deserialize(deserializer)?;
        bytes.try_into().map(Self).map_err(|_| serde::de::Error::invalid_length(bytes.len(), &"64 bytes"))
    }
}

impl fmt::Debug for AuthorKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().take(4).try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().take(4).try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Ed25519 as in RFC 8032, verified strictly: small-order keys and every second form of a signature are refused, so
/// all builds agree.
#[cfg(feature = "sign")]
#[derive(Clone, Copy, Debug, Default)]
pub struct Ed25519;

#[cfg(feature = "sign")]
impl Verify for Ed25519 {
    fn verify(&self, key: &AuthorKey, statement: &Statement, signature: &Signature) -> bool {
        let Ok(key) = ed25519_dalek::VerifyingKey::from_bytes(&key.0) else { return false };
        let (bytes, len) = statement.to_bytes();
        let signed = bytes.get(..len).unwrap_or_default();
        key.verify_strict(signed, &ed25519_dalek::Signature::from_bytes(&signature.0)).is_ok()
    }
}

/// The secret key of an author, for [`Ed25519`]. Wiped from memory when dropped, and never printed.
#[cfg(feature = "sign")]
pub struct SecretKey(ed25519_dalek::SigningKey);

#[cfg(feature = "sign")]
impl SecretKey {
    /// Makes the key from a seed: 32 bytes that nobody can guess. Equal seeds make equal keys.
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(ed25519_dalek::SigningKey::from_bytes(seed))
    }

    /// Returns the seed, to be kept where nobody else reads it.
    pub fn as_seed(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }
}

#[cfg(feature = "sign")]
impl Sign for SecretKey {
    fn key(&self) -> AuthorKey {
        AuthorKey(self.0.verifying_key().to_bytes())
    }

    fn sign(&self, statement: &Statement) -> Signature {
        use ed25519_dalek::Signer;
        let (bytes, len) = statement.to_bytes();
        Signature(self.0.sign(bytes.get(..len).unwrap_or_default()).to_bytes())
    }
}

#[cfg(feature = "sign")]
impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey(hidden)")
    }
}
