//! The files of a session, as the page lists them.

use serde::Serialize;
use tempo_session::{Attachment, Session, error::ReadError, status::FileStatus};

/// A file as `tempo files --json` describes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Listed {
    #[serde(flatten)]
    pub(crate) status: FileStatus,
    name: String,
    media_type: String,
}

/// Returns the files that messages name. Looks at the folder.
pub(crate) fn list(session: &Session) -> Result<Vec<Listed>, ReadError> {
    let mut listed = Vec::new();
    for status in session.files()? {
        if let Some(attachment) = attachment(session, &status)? {
            let Attachment { name, media_type, .. } = attachment;
            listed.push(Listed { status, name, media_type });
        }
    }
    Ok(listed)
}

/// Returns the name and type of a file by the first message that names it.
pub(crate) fn attachment(session: &Session, status: &FileStatus) -> Result<Option<Attachment>, ReadError> {
    let Some(&first) = status.named_by.first() else { return Ok(None) };
    let entry = session.find(first)?;
    Ok(entry.and_then(|entry| entry.attachments.into_iter().find(|it| it.manifest.id() == status.id)))
}
