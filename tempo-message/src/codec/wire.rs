//! The bytes of a frame: fixed prelude, header in postcard, payload, digest. `docs/FORMAT.md` draws them.

use alloc::vec::Vec;

use bytes::Bytes;
use tempo_clock::{AuthorId, Lamport};
use uuid::Uuid;

use crate::{
    attachment::wire::{Entry, put_entries, take_entries},
    codec::fields::{put_number, put_run, take_byte, take_bytes, take_number, take_run, take_some, unzigzag, zigzag},
    digest::Digest,
    message::{Extension, MAX_EXTENSIONS, MAX_PARENTS, Message, Parent},
    sign::AuthorKey,
};

/// The first four bytes of every frame of every version. The first is not ASCII, so no text looks like a frame.
pub(crate) const MAGIC: [u8; 4] = [0xf7, b'T', b'M', b'P'];
/// The format version that this crate writes.
pub(crate) const VERSION: u8 = 1;
/// The flag of a frame whose header names attachments, after the key. Their own names stand before the payload.
pub(crate) const ATTACHED: u8 = 1;
/// The flag of a frame whose payload section ends with a signature. The header of an author's first message then ends
/// with the author's key, before attachments and extensions.
pub(crate) const SIGNED: u8 = 2;
/// The flags that this crate knows.
pub(crate) const FLAGS: u8 = ATTACHED | SIGNED;

/// The first twelve bytes of a frame. Their meaning, and the digest at the end, are the same in every version, so that
/// a reader can step over a frame it does not understand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Prelude {
    pub(crate) version: u8,
    pub(crate) flags: u8,
    pub(crate) header_len: u16,
    pub(crate) payload_len: u32,
}

impl Prelude {
    pub(crate) const LEN: usize = 12;

    pub(crate) fn to_bytes(self) -> [u8; Self::LEN] {
        let [m0, m1, m2, m3] = MAGIC;
        let [h0, h1] = self.header_len.to_le_bytes();
        let [p0, p1, p2, p3] = self.payload_len.to_le_bytes();
        [m0, m1, m2, m3, self.version, self.flags, h0, h1, p0, p1, p2, p3]
    }

    /// Reads a prelude; `None` when the magic is wrong.
    pub(crate) fn from_bytes(bytes: &[u8; Self::LEN]) -> Option<Self> {
        let [m0, m1, m2, m3, version, flags, h0, h1, p0, p1, p2, p3] = *bytes;
        ([m0, m1, m2, m3] == MAGIC).then(|| Self {
            version,
            flags,
            header_len: u16::from_le_bytes([h0, h1]),
            payload_len: u32::from_le_bytes([p0, p1, p2, p3]),
        })
    }

    /// The length of the whole frame in bytes.
    pub(crate) fn frame_len(self) -> u64 {
        Self::LEN as u64 + u64::from(self.header_len) + u64::from(self.payload_len) + Digest::LEN as u64
    }
}

/// Everything of a message but its payload, as it is in the bytes.
#[derive(Debug)]
pub(crate) struct Header<'a> {
    pub(crate) author: &'a [u8; 16],
    pub(crate) counter: u64,
    pub(crate) kind: u8,
    pub(crate) lamport: Lamport,
    pub(crate) unix_ms: i64,
    pub(crate) previous: Option<&'a [u8; Digest::LEN]>,
    pub(crate) parents: Vec<Parent>,
    pub(crate) key: Option<&'a [u8; AuthorKey::LEN]>,
    pub(crate) attachments: Vec<Entry>,
    /// The rest of the header.
    extensions: &'a [u8],
}

impl<'a> Header<'a> {
    /// Bounds the number of bytes of a message's header: 17 for an author, 10 for a number, 33 for a digest, 6 for an
    /// extension without its value. Attachments are bounded elsewhere.
    pub(crate) fn max_len(message: &Message) -> usize {
        let extensions: usize = message.extensions.iter().map(|extension| 6 + extension.value.len()).sum();
        (17 + 10 + 1 + 10 + 10 + 34 + 2 + AuthorKey::LEN) + (17 + 10 + 33) * message.parents.len() + extensions
    }

    /// Appends the header of a message.
    ///
    /// Postcard makes the same bytes of the fields, and the tests compare the two. This is written out because
    /// every message passes here, and because no new version of a library may change the bytes.
    pub(crate) fn write(message: &Message, to: &mut Vec<u8>) {
        put_run(to, message.id.author.as_bytes());
        put_number(to, message.id.counter);
        to.push(message.kind.code());
        put_number(to, message.lamport.0);
        put_number(to, zigzag(message.unix_ms));
        match &message.previous {
            None => to.push(0),
            Some(digest) => {
                to.push(1);
                put_run(to, digest.as_bytes());
            }
        }
        put_number(to, message.parents.len() as u64);
        for parent in &message.parents {
            put_run(to, parent.author.as_bytes());
            put_number(to, parent.counter);
            put_run(to, parent.digest.as_bytes());
        }
        to.extend_from_slice(message.key.as_ref().map_or(&[], |key| key.as_bytes().as_slice()));
        if !message.attachments.is_empty() {
            put_entries(to, &message.attachments);
        }
        for extension in &message.extensions {
            put_number(to, extension.tag.into());
            put_run(to, &extension.value);
        }
    }

    /// Reads the header of a frame with some flags, up to its extensions.
    pub(crate) fn read(bytes: &'a [u8], flags: u8) -> Option<Self> {
        let mut rest = bytes;
        let from = &mut rest;
        let (author, counter) = (take_run(from)?, take_number(from)?);
        Some(Self {
            author,
            counter,
            kind: take_byte(from)?,
            lamport: Lamport(take_number(from)?),
            unix_ms: unzigzag(take_number(from)?),
            previous: match take_byte(from)? {
                0 => None,
                1 => Some(take_run(from)?),
                _ => return None,
            },
            parents: take_parents(from)?,
            key: if flags & SIGNED != 0 && counter == 1 { Some(take_bytes(from)?) } else { None },
            attachments: if flags & ATTACHED != 0 { take_entries(from)? } else { Vec::new() },
            extensions: rest,
        })
    }

    /// Reads the extensions, which fill the header of `frame` to its end. No more are read than a message may have.
    pub(crate) fn extensions(&self, frame: &Bytes) -> Option<Vec<Extension>> {
        let (mut extensions, mut rest) = (Vec::new(), self.extensions);
        while !rest.is_empty() {
            let tag = take_number(&mut rest)?.try_into().ok()?;
            let value = take_some(&mut rest)?;
            if extensions.len() == MAX_EXTENSIONS {
                return None;
            }
            extensions.push(Extension { tag, value: frame.slice_ref(value) });
        }
        Some(extensions)
    }
}

/// The announced number is checked before anything is allocated for it.
fn take_parents(from: &mut &[u8]) -> Option<Vec<Parent>> {
    let announced = usize::try_from(take_number(from)?).ok().filter(|&announced| announced <= MAX_PARENTS)?;
    let mut parents = Vec::with_capacity(announced);
    for _ in 0..announced {
        let (author, counter, digest) = (take_run(from)?, take_number(from)?, take_run(from)?);
        parents.push(Parent { author: author_of(author), counter, digest: Digest::from_bytes(*digest) });
    }
    Some(parents)
}

pub(crate) fn author_of(bytes: &[u8; 16]) -> AuthorId {
    AuthorId::new(Uuid::from_bytes(*bytes))
}
