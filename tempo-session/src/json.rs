//! How the types that an application shows are written as JSON. `docs/JSON.md` describes the result.

use std::{collections::BTreeMap, fmt, ops::RangeInclusive, str, sync::Arc};

use base64::{Engine, prelude::BASE64_STANDARD};
use serde::{Serialize, Serializer, ser::SerializeStruct};
use tempo_clock::{AuthorId, Lamport};
use tempo_message::{Attachment, AttachmentId, Digest, MessageId};

/// Writes a reason as an object: `kind`, for programs, and `text`, for people.
pub(crate) fn reason<S: Serializer>(kind: &str, text: &dyn fmt::Display, serializer: S) -> Result<S::Ok, S::Error> {
    let mut object = serializer.serialize_struct("Reason", 2)?;
    object.serialize_field("kind", kind)?;
    object.serialize_field("text", &format_args!("{text}"))?;
    object.end()
}

/// Writes ranges as pairs of their first and last number.
pub(crate) fn pairs<S: Serializer>(ranges: &[RangeInclusive<u64>], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(ranges.iter().map(|range| (range.start(), range.end())))
}

/// Writes the last counters of authors as an object, by author.
pub(crate) fn by_author<S: Serializer>(counters: &[(AuthorId, u64)], serializer: S) -> Result<S::Ok, S::Error> {
    counters.iter().copied().collect::<BTreeMap<_, _>>().serialize(serializer)
}

/// Writes authors and when each was heard of as objects.
pub(crate) fn heard<S: Serializer>(authors: &[(AuthorId, Option<i64>)], serializer: S) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Heard {
        author: AuthorId,
        heard_ms: Option<i64>,
    }
    serializer.collect_seq(authors.iter().map(|&(author, heard_ms)| Heard { author, heard_ms }))
}

/// Writes messages and their digests as objects.
pub(crate) fn with_digests<S: Serializer>(messages: &[(MessageId, Digest)], serializer: S) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct WithDigest {
        message: MessageId,
        digest: Digest,
    }
    serializer.collect_seq(messages.iter().map(|&(message, digest)| WithDigest { message, digest }))
}

/// Writes messages and something about each as objects.
pub(crate) fn with_reasons<S: Serializer>(
    messages: &[(MessageId, impl Serialize)],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct WithReason<'a, R> {
        message: MessageId,
        reason: &'a R,
    }
    serializer.collect_seq(messages.iter().map(|(message, reason)| WithReason { message: *message, reason }))
}

/// Writes a shared value like the value.
pub(crate) fn shared<S: Serializer>(value: &Arc<impl Serialize>, serializer: S) -> Result<S::Ok, S::Error> {
    value.as_ref().serialize(serializer)
}

/// A message of the timeline, as it is written.
#[derive(Serialize)]
pub(crate) struct Line<'a> {
    pub(crate) position: usize,
    pub(crate) id: MessageId,
    pub(crate) author: AuthorId,
    pub(crate) counter: u64,
    pub(crate) lamport: Lamport,
    pub(crate) unix_ms: i64,
    pub(crate) digest: Digest,
    pub(crate) name: Option<&'a str>,
    #[serde(flatten)]
    pub(crate) content: Content<'a>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) files: Vec<File<'a>>,
}

/// The payload: text if it is text, otherwise base64 with padding.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Content<'a> {
    Text(&'a str),
    Base64(String),
}

impl<'a> Content<'a> {
    pub(crate) fn of(payload: &'a [u8]) -> Self {
        str::from_utf8(payload).map_or_else(|_| Self::Base64(BASE64_STANDARD.encode(payload)), Self::Text)
    }
}

/// A file that a message names.
#[derive(Serialize)]
pub(crate) struct File<'a> {
    id: AttachmentId,
    name: &'a str,
    media_type: &'a str,
    bytes: u64,
}

impl<'a> File<'a> {
    pub(crate) fn of(attachment: &'a Attachment) -> Self {
        let Attachment { manifest, name, media_type } = attachment;
        Self { id: manifest.id(), name, media_type, bytes: manifest.length() }
    }
}
