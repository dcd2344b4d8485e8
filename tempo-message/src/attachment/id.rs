//! The identity of a file's content, and the limits of attachments.

use core::{fmt, str::FromStr};

use thiserror::Error;

use crate::digest::Digest;

/// The greatest number of attachments of a message.
pub const MAX_ATTACHMENTS: usize = 16;
/// The greatest number of parts of all attachments of a message together.
pub const MAX_PARTS: usize = 1024;
/// The largest attachment, in bytes: 1 TiB.
pub const MAX_ATTACHMENT: u64 = 1 << 40;
/// The longest name of an attachment, in bytes.
pub const MAX_ATTACHMENT_NAME: usize = 255;
/// The longest media type of an attachment, in bytes.
pub const MAX_MEDIA_TYPE: usize = 127;

/// The BLAKE3 hash of a file's content, which identifies it: what `b3sum` prints. Displayed and parsed as 64 lower-case
/// hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub struct AttachmentId(#[serde(with = "as_bytes")] pub(crate) [u8; 32]);

impl AttachmentId {
    /// The number of bytes of an id.
    pub const LEN: usize = 32;

    /// The id that these bytes hold.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The first half of the bytes, of which the names in a folder are made.
    #[cfg(feature = "std")]
    pub(crate) fn prefix(&self) -> [u8; 16] {
        let [begin, _] = self.0.as_chunks().0 else { return [0; 16] };
        *begin
    }

    /// The bytes of the id.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// The text is not 64 lower-case hex digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("not the id of an attachment: expected 64 lower-case hex digits")]
pub struct ParseAttachmentIdError;

impl FromStr for AttachmentId {
    type Err = ParseAttachmentIdError;

    fn from_str(text: &str) -> Result<Self, ParseAttachmentIdError> {
        text.parse().map(|digest: Digest| Self(*digest.as_bytes())).map_err(|_| ParseAttachmentIdError)
    }
}

impl fmt::Display for AttachmentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// The first eight digits: enough to tell ids apart in a log.
impl fmt::Debug for AttachmentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().take(4).try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// As digits in formats for people, otherwise as one run of bytes.
mod as_bytes {
    use alloc::string::String;

    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    use super::AttachmentId;

    pub(super) fn serialize<S: Serializer>(bytes: &[u8; 32], serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            return serializer.collect_str(&AttachmentId(*bytes));
        }
        serializer.serialize_bytes(bytes)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<[u8; 32], D::Error> {
        if deserializer.is_human_readable() {
            let id: AttachmentId = String::deserialize(deserializer)?.parse().map_err(D::Error::custom)?;
            return Ok(id.0);
        }
        let bytes = <&'de [u8]>::deserialize(deserializer)?;
        bytes.try_into().map_err(|_| D::Error::invalid_length(bytes.len(), &"32 bytes"))
    }
}
