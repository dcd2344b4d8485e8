//! A message as bytes: self-delimiting, checked by its digest.

use alloc::vec::Vec;

use bytes::Bytes;
use thiserror::Error;

use crate::{
    attachment::wire::{max_len, put_names, take_names},
    codec::wire::{ATTACHED, FLAGS, Header, MAGIC, Prelude, SIGNED, VERSION, author_of},
    digest::Digest,
    id::MessageId,
    message::{Kind, MAX_FRAME, MAX_PAYLOAD, Message, ShapeError},
    sign::{AuthorKey, Purpose, Sign, Signature, Statement, Verify, is_signed},
};

/// A message together with its bytes and their digest; whole and checked by construction.
///
/// Cloning is cheap: the bytes are shared, and the message's payload is a slice of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    message: Message,
    digest: Digest,
    bytes: Bytes,
}

/// The result of decoding the beginning of some bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[allow(clippy::large_enum_variant, reason = "nearly everything that is decoded is whole")]
pub enum Decoded {
    /// A whole message; the next frame, if any, starts `frame.bytes().len()` bytes further on.
    Whole(Frame),
    /// The beginning of what may become a frame.
    Incomplete {
        /// The least number of bytes that are still to come.
        missing: usize,
    },
    /// Not a frame, and never will be: the length is there and the content is wrong.
    Bad(BadFrame),
    /// A whole frame of a newer format, to be kept until this software knows it.
    Unsupported {
        /// The part that this software does not know.
        what: Unsupported,
        /// The digest of the frame, which holds in every version.
        digest: Digest,
        /// The length of the frame in bytes.
        used: usize,
    },
}

/// The reason why bytes are not a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum BadFrame {
    /// The first bytes are not a frame's.
    #[error("the bytes do not begin like a message")]
    Magic,
    /// The announced length is over the limit.
    #[error("the message claims {actual} bytes, at most {MAX_FRAME} are allowed")]
    TooLarge {
        /// The announced length.
        actual: u64,
    },
    /// The content has been changed.
    #[error("the content was changed after it was written")]
    Digest,
    /// The header is damaged although the digest holds: made by faulty or hostile software.
    #[error("the header cannot be read")]
    Header,
    /// The header can be read and makes no sense.
    #[error(transparent)]
    Shape(#[from] ShapeError),
}

/// The part of a frame that is newer than this software.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Unsupported {
    /// The format version.
    #[error("format version {0} is newer than this software")]
    Version(u8),
    /// A flag that changes the meaning of the frame.
    #[error("the flags {0:#04x} are newer than this software")]
    Flags(u8),
    /// The kind of message.
    #[error("messages of kind {kind} are newer than this software")]
    Kind {
        /// The message.
        id: MessageId,
        /// The code of its kind.
        kind: u8,
    },
    /// A critical extension.
    #[error("extension {tag} is newer than this software")]
    Extension {
        /// The message.
        id: MessageId,
        /// The tag of its first critical extension.
        tag: u16,
    },
}

/// The reason why a message cannot be encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// The payload is over the limit.
    #[error("the payload has {actual} bytes, at most {MAX_PAYLOAD} are allowed")]
    PayloadTooLarge {
        /// The length of the payload.
        actual: usize,
    },
    /// A critical extension, which this software itself would not accept.
    #[error("extension {tag} is critical and unknown to this software")]
    Critical {
        /// The tag of the first such extension.
        tag: u16,
    },
    /// The message breaks a rule.
    #[error(transparent)]
    Shape(#[from] ShapeError),
}

impl Frame {
    /// Encodes a message without a signature. A message of a [signed](is_signed) author then counts only once a later
    /// one of the author vouches for it.
    ///
    /// # Errors
    ///
    /// [`EncodeError::PayloadTooLarge`] above [`MAX_PAYLOAD`]; [`EncodeError::Critical`] for a critical extension;
    /// [`EncodeError::Shape`] when the message is not one that [`Message::check_shape`] allows, or when it is the first
    /// of a signed author, which must be signed.
    pub fn encode(message: &Message) -> Result<Self, EncodeError> {
        Self::build(message, None)
    }

    /// Encodes and signs a message.
    ///
    /// # Errors
    ///
    /// As for [`encode`](Self::encode), and [`EncodeError::Shape`] when the key is not the author's.
    pub fn sign(message: &Message, signer: &dyn Sign) -> Result<Self, EncodeError> {
        Self::build(message, Some(signer))
    }

    fn build(message: &Message, signer: Option<&dyn Sign>) -> Result<Self, EncodeError> {
        message.check_shape()?;
        check_signature(message, signer.is_some())?;
        if signer.is_some_and(|signer| signer.key().author() != message.id.author) {
            return Err(EncodeError::Shape(ShapeError::ForeignKey));
        }
        if let Some(tag) = unknown_extension(message) {
            return Err(EncodeError::Critical { tag });
        }
        let too_large = EncodeError::PayloadTooLarge { actual: message.payload.len() };
        if message.payload.len() > MAX_PAYLOAD {
            return Err(too_large);
        }
        let trailer = signer.map_or(0, |_| Signature::LEN) + Digest::LEN;
        let attachments = max_len(&message.attachments);
        let capacity = Prelude::LEN + Header::max_len(message) + attachments + message.payload.len() + trailer;
        let mut bytes = Vec::with_capacity(capacity);
        bytes.extend_from_slice(&[0; Prelude::LEN]);
        Header::write(message, &mut bytes);
        let header_len = bytes.len() - Prelude::LEN;
        if !message.attachments.is_empty() {
            put_names(&mut bytes, &message.attachments);
        }
        let payload_at = bytes.len();
        bytes.extend_from_slice(&message.payload);
        let payload_len = bytes.len() - Prelude::LEN - header_len + trailer - Digest::LEN;
        let prelude = Prelude {
            version: VERSION,
            flags: signer.map_or(0, |_| SIGNED) | if message.attachments.is_empty() { 0 } else { ATTACHED },
            // The header of a message of sound shape always fits: 256 parents take less than 16 KiB, the parts of
            // attachments 33 KiB, extensions 13 KiB.
            header_len: u16::try_from(header_len).map_err(|_| too_large)?,
            payload_len: u32::try_from(payload_len).map_err(|_| too_large)?,
        };
        if let Some(place) = bytes.first_chunk_mut() {
            *place = prelude.to_bytes();
        }
        if let Some(signer) = signer {
            bytes.extend_from_slice(signer.sign(&statement(&bytes)).as_bytes());
        }
        let digest = Digest::of(&bytes);
        bytes.extend_from_slice(digest.as_bytes());
        let bytes = Bytes::from(bytes);
        let payload = bytes.slice(payload_at..payload_at + message.payload.len());
        let message = Message { payload, ..message.clone() };
        Ok(Self { message, digest, bytes })
    }

    /// Returns the length that a frame announces in its first twelve bytes; `None` if these are missing or not a
    /// frame's. Only [`decode`](Self::decode) tells whether the frame is there.
    pub fn announced_len(beginning: &[u8]) -> Option<usize> {
        let prelude = Prelude::from_bytes(beginning.first_chunk()?)?;
        usize::try_from(prelude.frame_len()).ok()
    }

    /// Reads the frame at the beginning of `input`, without copying.
    ///
    /// Nothing is allocated before the announced lengths are checked. The answer depends on nothing but the bytes.
    pub fn decode(input: &Bytes) -> Decoded {
        Self::decode_at(input, 0, false)
    }

    /// Reads the frame at `at` in some bytes. `is_checked` says that its digest is known to hold.
    pub(crate) fn decode_at(all: &Bytes, at: usize, is_checked: bool) -> Decoded {
        let input = all.get(at..).unwrap_or_default();
        let Some(prelude) = input.first_chunk::<{ Prelude::LEN }>() else {
            let begun = input.get(..input.len().min(MAGIC.len())).unwrap_or_default();
            return if MAGIC.starts_with(begun) {
                Decoded::Incomplete { missing: Prelude::LEN + Digest::LEN - input.len() }
            } else {
                Decoded::Bad(BadFrame::Magic)
            };
        };
        let Some(prelude) = Prelude::from_bytes(prelude) else {
            return Decoded::Bad(BadFrame::Magic);
        };
        let used = match usize::try_from(prelude.frame_len()) {
            Ok(len) if len <= MAX_FRAME => len,
            _ => {
                return Decoded::Bad(BadFrame::TooLarge { actual: prelude.frame_len() });
            }
        };
        if input.len() < used {
            return Decoded::Incomplete { missing: used - input.len() };
        }
        let bytes = all.slice(at..at + used);
        let Some((content, &trailer)) = bytes.split_last_chunk() else {
            return Decoded::Bad(BadFrame::Magic);
        };
        let digest = if is_checked { Digest::from_bytes(trailer) } else { Digest::of(content) };
        if *digest.as_bytes() != trailer && !planted!(DigestUnchecked) {
            return Decoded::Bad(BadFrame::Digest);
        }
        let newer = |what| Decoded::Unsupported { what, digest, used };
        if prelude.version != VERSION {
            return newer(Unsupported::Version(prelude.version));
        }
        if prelude.flags & !FLAGS != 0 {
            return newer(Unsupported::Flags(prelude.flags));
        }
        let has_signature = prelude.flags & SIGNED != 0;
        let payload_at = Prelude::LEN + usize::from(prelude.header_len);
        let header = content.get(Prelude::LEN..payload_at).unwrap_or_default();
        let header = Header::read(header, prelude.flags)
            .and_then(|header| header.extensions(&bytes).map(|extensions| (header, extensions)));
        let payload_end = content.len().checked_sub(if has_signature { Signature::LEN } else { 0 });
        let section = payload_end.and_then(|end| content.get(payload_at..end));
        let (Some((header, extensions)), Some(mut payload)) = (header, section) else {
            return Decoded::Bad(BadFrame::Header);
        };
        let entries = header.attachments;
        let named = if entries.is_empty() { Some(Ok(Vec::new())) } else { take_names(&mut payload, entries) };
        let attachments = match named {
            Some(Ok(attachments)) => attachments,
            Some(Err(bad)) => return Decoded::Bad(BadFrame::Shape(ShapeError::Manifest(bad))),
            None => return Decoded::Bad(BadFrame::Header),
        };
        let id = MessageId { author: author_of(header.author), counter: header.counter };
        let kind = Kind::from_code(header.kind);
        let message = Message {
            id,
            lamport: header.lamport,
            unix_ms: header.unix_ms,
            previous: header.previous.map(|&digest| Digest::from_bytes(digest)),
            parents: header.parents,
            key: header.key.map(|&key| AuthorKey::from_bytes(key)),
            kind: kind.unwrap_or(Kind::Payload),
            attachments,
            extensions,
            payload: bytes.slice_ref(payload),
        };
        if let Err(error) = message.check_shape().and_then(|()| check_signature(&message, has_signature)) {
            return Decoded::Bad(BadFrame::Shape(error));
        }
        match (kind, unknown_extension(&message)) {
            (None, _) => newer(Unsupported::Kind { id, kind: header.kind }),
            (Some(_), Some(tag)) => newer(Unsupported::Extension { id, tag }),
            (Some(_), None) => Decoded::Whole(Self { message, digest, bytes }),
        }
    }

    /// Returns the message. Its payload shares the frame's bytes.
    pub fn message(&self) -> &Message {
        &self.message
    }

    /// Returns the author and counter of the message.
    pub fn id(&self) -> MessageId {
        self.message.id
    }

    /// Returns the digest, which is the message's identity.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// Returns the signature, if the frame has one. Whether it holds, only [`is_signed_by`](Self::is_signed_by) tells.
    pub fn signature(&self) -> Option<Signature> {
        Some(Signature::from_bytes(*self.signed()?.1))
    }

    /// Returns whether the owner of `key` has signed this frame. Hashes the frame once.
    pub fn is_signed_by(&self, key: &AuthorKey, verify: &dyn Verify) -> bool {
        let holds = |(signed, signature): (&[u8], &[u8; Signature::LEN])| {
            verify.verify(key, &statement(signed), &Signature::from_bytes(*signature))
        };
        self.signed().is_some_and(|it| planted!(SignatureUnchecked) || holds(it))
    }

    /// Returns the signature and everything before it.
    fn signed(&self) -> Option<(&[u8], &[u8; Signature::LEN])> {
        let Prelude { flags, .. } = Prelude::from_bytes(self.bytes.first_chunk()?)?;
        let (content, _) = self.bytes.split_last_chunk::<{ Digest::LEN }>()?;
        content.split_last_chunk().filter(|_| flags & SIGNED != 0)
    }

    /// Returns the encoded message.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// Returns the message without the frame.
    pub fn into_message(self) -> Message {
        self.message
    }
}

fn statement(bytes: &[u8]) -> Statement {
    Statement { purpose: Purpose::Frame, digest: Digest::of(bytes) }
}

/// Checks that only messages of signed authors are signed, and the first of each for certain.
fn check_signature(message: &Message, has_signature: bool) -> Result<(), ShapeError> {
    let may = is_signed(message.id.author);
    let must = may && message.id.counter == 1;
    if has_signature && !may || must && !has_signature { Err(ShapeError::Signature) } else { Ok(()) }
}

/// Returns the first critical extension. This version knows no tag, so every critical extension is unknown.
fn unknown_extension(message: &Message) -> Option<u16> {
    message.extensions.iter().find(|extension| extension.is_critical()).map(|extension| extension.tag)
}
