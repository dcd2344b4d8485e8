//! An author's hints about itself: the one file that it rewrites from time to time.

use alloc::{string::String, vec::Vec};

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tempo_clock::{AuthorId, Lamport};
use thiserror::Error;

use crate::{
    digest::Digest,
    id::MessageId,
    sign::{AuthorKey, Purpose, Sign, Signature, Statement, Verify},
};

/// The greatest number of bytes of an encoded head.
pub const MAX_HEAD: usize = 64 * 1024;

/// The statements of an author about itself, as far as its own store holds them durably.
///
/// A head is a hint and never needed: it may be missing, old, damaged, or ahead of the messages that have arrived. A
/// reader with several heads of one author, from conflict copies or one after the other, [merges](Self::merge) them; no
/// field that others rely on ever goes back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The author of the head.
    pub author: AuthorId,
    /// The author's display name; anything but 1 to 128 bytes counts as none.
    pub name: Option<String>,
    /// The author's name for this session, if its transport knows one: the name of the place when the author
    /// joined. 1 to 255 bytes.
    pub place: Option<String>,
    /// The counter of its last message; zero before the first.
    pub counter: u64,
    /// The digest of that message.
    pub digest: Option<Digest>,
    /// The greatest logical time that it has accepted.
    pub lamport: Lamport,
    /// The messages that it has accepted from others: for each author, everything up to a counter, and zero for an
    /// author that it has only met. Ascending by author, at most [`MAX_SEEN`](Self::MAX_SEEN); those with the most
    /// messages if there are more.
    pub seen: Vec<(AuthorId, u64)>,
    /// The messages that it waits for although [`seen`](Self::seen) covers their counters: it has accepted another
    /// message under each of these counters. Ascending, at most [`MAX_WANTED`](Self::MAX_WANTED).
    pub wanted: Vec<(MessageId, Digest)>,
    /// The life of the installation that wrote this.
    pub life: Life,
    /// The author's wall clock when it wrote this, in milliseconds since 1970; may be wrong.
    pub unix_ms: i64,
    /// The signature of a [signed](crate::is_signed) author. Without it, such an author's head says nothing.
    #[serde(skip)]
    pub seal: Option<Seal>,
}

/// The signature of a head, with the key that its author is the hash of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seal {
    /// The author's key.
    pub key: AuthorKey,
    /// The signature of everything before it but the place.
    pub signature: Signature,
}

/// One life of an installation: from its first head after opening until it is closed.
///
/// An installation that finds a life under its own name that it has not lived is not the only one with that name: its
/// store was copied, or restored from an earlier state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Life {
    /// The number of lives up to this one.
    pub number: u64,
    /// A number drawn for this life.
    pub nonce: u64,
}

/// The reason why bytes are not a head. None of these delays a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum BadHead {
    /// The end is missing.
    #[error("the head is incomplete")]
    Incomplete,
    /// The first bytes are not a head's, or its content was changed.
    #[error("the content is not that of a head")]
    Damaged,
    /// It was written by newer software.
    #[error("a head of version {0} is newer than this software")]
    Newer(u8),
}

const MAGIC: [u8; 4] = [0xf7, b'T', b'M', b'H'];
/// The version of a head without a signature, and of one with.
const PLAIN: u8 = 1;
const SIGNED: u8 = 2;
/// A key and a signature follow the fields of a signed head.
const SEAL: usize = AuthorKey::LEN + Signature::LEN;
/// Magic, version, and the length of what follows up to the digest.
const PRELUDE: usize = 4 + 1 + 4;

impl Head {
    /// The greatest number of authors in [`seen`](Self::seen).
    pub const MAX_SEEN: usize = 1024;
    /// The greatest number of messages in [`wanted`](Self::wanted).
    pub const MAX_WANTED: usize = 64;

    /// Signs the head, for an author that is the hash of the signer's key. The signature does not cover the
    /// [place](Self::place), which the transport fills in.
    #[must_use]
    pub fn signed(self, signer: &dyn Sign) -> Self {
        let key = signer.key();
        let signature = signer.sign(&self.statement(&key));
        Self { seal: Some(Seal { key, signature }), ..self }
    }

    /// Returns whether the head is signed with its author's key.
    pub fn is_proven(&self, verify: &dyn Verify) -> bool {
        self.seal.is_some_and(|Seal { key, signature }| {
            key.author() == self.author && verify.verify(&key, &self.statement(&key), &signature)
        })
    }

    /// Returns what is signed: everything before the signature, of the same head without a place.
    fn statement(&self, key: &AuthorKey) -> Statement {
        let content = Self { place: None, ..self.clone() }.content(Some(key));
        Statement { purpose: Purpose::Head, digest: Digest::of(&content) }
    }

    /// Encodes the head. Leaves out names that are too long and cuts lists that are too long: a head is a hint.
    pub fn encode(&self) -> Bytes {
        let mut bytes = self.content(self.seal.map(|seal| seal.key).as_ref());
        if let Some(Seal { signature, .. }) = &self.seal {
            bytes.extend_from_slice(signature.as_bytes());
        }
        let digest = Digest::of(&bytes);
        bytes.extend_from_slice(digest.as_bytes());
        bytes.into()
    }

    /// Returns everything before the signature, or before the digest if there is no key.
    fn content(&self, key: Option<&AuthorKey>) -> Vec<u8> {
        let mut head = self.clone();
        head.name = head.name.filter(|name| is_name(name));
        head.place = head.place.filter(|place| is_place(place));
        if head.seen.len() > Self::MAX_SEEN {
            head.seen.sort_unstable_by_key(|&(author, counter)| (core::cmp::Reverse(counter), author));
            head.seen.truncate(Self::MAX_SEEN);
        }
        head.seen.sort_unstable();
        head.wanted.sort_unstable();
        head.wanted.truncate(Self::MAX_WANTED);
        let body = postcard::to_extend(&head, Vec::new()).unwrap_or_default();
        let len = body.len() + key.map_or(0, |_| SEAL);
        let mut bytes = Vec::with_capacity(PRELUDE + len + Digest::LEN);
        bytes.extend_from_slice(&MAGIC);
        bytes.push(key.map_or(PLAIN, |_| SIGNED));
        // 1,024 entries of at most 27 bytes, 64 of at most 59, and little else: far below the limit.
        bytes.extend_from_slice(&u32::try_from(len).unwrap_or(u32::MAX).to_le_bytes());
        bytes.extend_from_slice(&body);
        bytes.extend_from_slice(key.map_or(&[], |key| key.as_bytes().as_slice()));
        bytes
    }

    /// Returns the length that a head announces in its first nine bytes; `None` if these are missing or not a head's.
    pub(crate) fn announced_len(beginning: &[u8]) -> Option<usize> {
        let [m0, m1, m2, m3, _, l0, l1, l2, l3] = *beginning.first_chunk::<PRELUDE>()?;
        let len = usize::try_from(u32::from_le_bytes([l0, l1, l2, l3])).ok()?;
        ([m0, m1, m2, m3] == MAGIC).then(|| len.saturating_add(PRELUDE + Digest::LEN))
    }

    /// Reads a head that is exactly these bytes.
    ///
    /// # Errors
    ///
    /// [`BadHead`].
    pub fn decode(bytes: &[u8]) -> Result<Self, BadHead> {
        let begun = bytes.get(..bytes.len().min(MAGIC.len())).unwrap_or_default();
        if !MAGIC.starts_with(begun) {
            return Err(BadHead::Damaged);
        }
        let Some(&[_, _, _, _, version, l0, l1, l2, l3]) = bytes.first_chunk::<PRELUDE>() else {
            return Err(BadHead::Incomplete);
        };
        let len = usize::try_from(u32::from_le_bytes([l0, l1, l2, l3])).unwrap_or(usize::MAX);
        let all = len.saturating_add(PRELUDE + Digest::LEN);
        if all > MAX_HEAD || bytes.len() > all {
            return Err(BadHead::Damaged);
        }
        if bytes.len() < all {
            return Err(BadHead::Incomplete);
        }
        let (content, trailer) = bytes.split_at(PRELUDE + len);
        if Digest::of(content).as_bytes() != trailer {
            return Err(BadHead::Damaged);
        }
        if version != PLAIN && version != SIGNED {
            return Err(BadHead::Newer(version));
        }
        let body = content.get(PRELUDE..).unwrap_or_default();
        let (body, seal) = if version == SIGNED { unsealed(body).ok_or(BadHead::Damaged)? } else { (body, None) };
        match postcard::take_from_bytes::<Self>(body) {
            Ok((head, [])) if head.seen.len() <= Self::MAX_SEEN && head.wanted.len() <= Self::MAX_WANTED => Ok(Self {
                name: head.name.filter(|name| is_name(name)),
                place: head.place.filter(|place| is_place(place)),
                seal,
                ..head
            }),
            _ => Err(BadHead::Damaged),
        }
    }

    /// Takes in another head of the same author, older or newer: the names and what it waits for are those of the later
    /// one, and every other field gets the greater value. Whether the two are signed does not matter any more.
    pub fn merge(&mut self, other: &Self) {
        self.seal = None;
        if (other.life, other.counter, other.unix_ms) > (self.life, self.counter, self.unix_ms) {
            self.name.clone_from(&other.name);
            self.place.clone_from(&other.place);
            self.wanted.clone_from(&other.wanted);
        }
        if (other.counter, other.digest) > (self.counter, self.digest) {
            (self.counter, self.digest) = (other.counter, other.digest);
        }
        self.lamport = self.lamport.max(other.lamport);
        self.life = self.life.max(other.life);
        self.unix_ms = self.unix_ms.max(other.unix_ms);
        self.seen.extend_from_slice(&other.seen);
        // The greatest counter of each author comes first, and only that stays.
        self.seen.sort_unstable_by_key(|&(author, counter)| (author, core::cmp::Reverse(counter)));
        self.seen.dedup_by_key(|&mut (author, _)| author);
        self.seen.truncate(Self::MAX_SEEN);
    }
}

/// Splits the end off the body of a signed head.
fn unsealed(body: &[u8]) -> Option<(&[u8], Option<Seal>)> {
    let (body, signature) = body.split_last_chunk()?;
    let (body, key) = body.split_last_chunk()?;
    Some((body, Some(Seal { key: AuthorKey::from_bytes(*key), signature: Signature::from_bytes(*signature) })))
}

fn is_name(name: &str) -> bool {
    (1..=128).contains(&name.len())
}

fn is_place(place: &str) -> bool {
    (1..=255).contains(&place.len())
}
