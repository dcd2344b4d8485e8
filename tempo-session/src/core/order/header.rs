//! A message that waits for its causes, as stored in a snapshot. It has only as much of its payload as the
//! rules need.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tempo_clock::Lamport;
use tempo_message::{Attachment, AttachmentId, Digest, Kind, Manifest, Message, MessageId, Parent};

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Header {
    id: MessageId,
    digest: Digest,
    lamport: Lamport,
    unix_ms: i64,
    previous: Option<Digest>,
    parents: Vec<Parent>,
    kind: u8,
    /// Id, length, exponent of the size of a part, and hashes of the parts of each file.
    files: Vec<(AttachmentId, u64, u8, Vec<[u8; 32]>)>,
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
            files: message.attachments.iter().map(|it| file_of(&it.manifest)).collect(),
            content: message.payload.to_vec(),
        }
    }

    /// Returns the message and its digest, or `None` if its kind is unknown or a file is none.
    pub(crate) fn into_message(self) -> Option<(Message, Digest)> {
        let attachment = |(id, length, exponent, parts)| {
            let manifest = Manifest::new(id, length, exponent, parts).ok()?;
            Some(Attachment { manifest, name: String::new(), media_type: String::new() })
        };
        let message = Message {
            id: self.id,
            lamport: self.lamport,
            unix_ms: self.unix_ms,
            previous: self.previous,
            parents: self.parents,
            kind: Kind::from_code(self.kind)?,
            key: None,
            attachments: self.files.into_iter().map(attachment).collect::<Option<_>>()?,
            extensions: Vec::new(),
            payload: Bytes::from(self.content),
        };
        Some((message, self.digest))
    }
}

fn file_of(manifest: &Manifest) -> (AttachmentId, u64, u8, Vec<[u8; 32]>) {
    (manifest.id(), manifest.length(), manifest.exponent(), manifest.hashes().to_vec())
}
