//! A message that waits for its causes, as stored in a snapshot. It has only as much of its payload as the
//! rules need.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tempo_clock::Lamport;
use tempo_message::{Digest, Kind, Message, MessageId, Parent};

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Header {
    id: MessageId,
    digest: Digest,
    lamport: Lamport,
    unix_ms: i64,
    previous: Option<Digest>,
    parents: Vec<Parent>,
    kind: u8,
    content: Vec<u8>,
}

impl Header {
    pub(crate) fn of(message: &Message, digest: Digest) -> Self {
        Self {
            id: message.id,
            digest,
            lamport: message.lamport,
            unix_ms: message.unix_ms,
            previous: message.previous,
            parents: message.parents.clone(),
            kind: message.kind.code(),
            content: message.payload.to_vec(),
        }
    }

    /// Returns the message and its digest, or `None` if its kind is unknown.
    pub(crate) fn into_message(self) -> Option<(Message, Digest)> {
        let message = Message {
            id: self.id,
            lamport: self.lamport,
            unix_ms: self.unix_ms,
            previous: self.previous,
            parents: self.parents,
            kind: Kind::from_code(self.kind)?,
            key: None,
            attachments: Vec::new(),
            extensions: Vec::new(),
            payload: Bytes::from(self.content),
        };
        Some((message, self.digest))
    }
}
