//! Files that travel with messages: what a message says of them, and the pieces in which they lie in a folder.

mod file_name;
pub(crate) mod hasher;
pub(crate) mod manifest;
pub(crate) mod part;
pub(crate) mod release;
pub(crate) mod wire;

use alloc::string::String;

use crate::{attachment::manifest::Manifest, message::ShapeError};

/// The greatest number of attachments of a message.
pub const MAX_ATTACHMENTS: usize = 16;
/// The greatest number of parts of all attachments of a message together.
pub const MAX_PARTS: usize = 1024;
/// The longest name of an attachment, in bytes.
pub const MAX_ATTACHMENT_NAME: usize = 255;
/// The longest media type of an attachment, in bytes.
pub const MAX_MEDIA_TYPE: usize = 127;

/// A file that a message names. Its content does not travel in the message: it lies beside the messages in
/// [parts](crate::Part), and may come later or never.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attachment {
    /// The content, by its hashes.
    pub manifest: Manifest,
    /// The name that the author gave it, 1 to [`MAX_ATTACHMENT_NAME`] bytes. Anything may stand in it: it is no path.
    pub name: String,
    /// The media type, such as `audio/wav`; empty if the author did not say, at most [`MAX_MEDIA_TYPE`] bytes.
    pub media_type: String,
}

impl Attachment {
    pub(crate) fn check(&self) -> Result<(), ShapeError> {
        let name = (1..=MAX_ATTACHMENT_NAME).contains(&self.name.len());
        if name && self.media_type.len() <= MAX_MEDIA_TYPE { Ok(()) } else { Err(ShapeError::AttachmentName) }
    }
}
