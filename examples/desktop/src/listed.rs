//! The files of a session, as the page lists them.

use serde::Serialize;
use tempo_session::{
    Session,
    error::ReadError,
    status::{FileStatus, Place, Sending},
};

/// A file as `tempo files --json` describes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Listed {
    #[serde(flatten)]
    pub(crate) status: FileStatus,
    name: String,
    media_type: String,
}

impl Listed {
    /// Returns whether parts of it are to come or to go, so that another look may show more.
    pub(crate) fn is_on_its_way(&self) -> bool {
        let FileStatus { place, sending, is_wanted, .. } = &self.status;
        let is_fetched = *is_wanted && *place != Place::Kept;
        matches!(place, Place::Missing { .. }) || matches!(sending, Some(Sending::Publishing { .. })) || is_fetched
    }
}

/// Returns the files that messages name. Looks at the folder.
pub(crate) fn list(session: &Session) -> Result<Vec<Listed>, ReadError> {
    let mut listed = Vec::new();
    for status in session.files()? {
        // A file that was attached here and never sent has no name.
        if let Some(file) = session.attachment(status.id)? {
            listed.push(Listed { status, name: file.name, media_type: file.media_type });
        }
    }
    Ok(listed)
}
