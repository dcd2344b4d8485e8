//! The sessions that an application has local state for.

use std::path::{Path, PathBuf};

use serde::{Serialize, Serializer};
use tempo_clock::AuthorId;
use tempo_fs_transport::{Extent, Installation, InstallationError};

use crate::{
    api::session::Session,
    errors::OpenError,
    folder::builder::{Builder, already_open},
    store::{error::StoreError, redb::RedbStore},
};

/// A session that this machine has local state for, whether or not its folder is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct KnownSession {
    /// The path of the session folder, as it was last opened. It may have been moved or removed since. `None` if opening
    /// it for the first time was interrupted.
    #[serde(serialize_with = "as_text")]
    pub folder: Option<PathBuf>,
    /// The present author of the member.
    pub author: AuthorId,
    /// The size of the local state, in bytes: the store, keys, and the content of files that were sent or fetched. Content
    /// that shares its room with other files counts in full.
    pub bytes: u64,
    /// The last time that the local state was written, in milliseconds since 1970.
    pub used_ms: Option<i64>,
    #[serde(skip)]
    installation: Installation,
}

impl KnownSession {
    fn of(installation: Installation) -> Result<Self, InstallationError> {
        let Extent { bytes, written_ms, .. } = installation.extent();
        Ok(Self {
            folder: installation.folder()?,
            author: installation.authors()?.last().copied().unwrap_or(installation.author),
            bytes,
            used_ms: written_ms,
            installation,
        })
    }

    /// Deletes the local state: the history on this machine, messages that are not in the folder yet, the content of files
    /// that were sent or fetched, the positions of cursors, and the member's secret keys. Keys in a
    /// [vault](crate::Builder::vault) of the application's own stay there.
    ///
    /// The folder is not touched, so the other members keep what they have. They wait for this member, unless it has
    /// [left](Session::leave) before. Whoever opens the folder again with this application becomes a new member.
    ///
    /// # Errors
    ///
    /// [`OpenError::AlreadyOpen`] while a session is open, and [`OpenError::Installation`] if something cannot be removed.
    pub fn delete(self) -> Result<(), OpenError> {
        let store = self.installation.store();
        if store.exists()
            && let Err(StoreError::InUse { .. } | StoreError::Held { .. }) =
                RedbStore::open(&store, self.installation.author)
        {
            let folder = self.folder.unwrap_or_default();
            return Err(already_open(&folder, &self.installation));
        }
        Ok(self.installation.remove()?)
    }
}

impl Session {
    /// Returns the sessions that an [application](Builder::application) has local state for on this machine, the last used
    /// first. Opens none of them.
    ///
    /// # Errors
    ///
    /// [`InstallationError`]: the local state cannot be read.
    pub fn known(application: &str) -> Result<Vec<KnownSession>, InstallationError> {
        Self::known_in(Installation::default_state_dir(application)?)
    }

    /// Returns the sessions with local state in a [directory](Builder::state_dir), like [`known`](Self::known).
    ///
    /// # Errors
    ///
    /// As for [`known`](Self::known).
    pub fn known_in(state_dir: impl AsRef<Path>) -> Result<Vec<KnownSession>, InstallationError> {
        let installations = Installation::all(state_dir.as_ref())?;
        let mut known = installations.into_iter().map(KnownSession::of).collect::<Result<Vec<_>, _>>()?;
        known.sort_by_key(|session| (std::cmp::Reverse(session.used_ms), session.author));
        Ok(known)
    }
}

impl Builder {
    /// Returns the local state of this installation for the folder, even if the folder is away; `None` if it is no member.
    ///
    /// # Errors
    ///
    /// As for [`membership`](Self::membership).
    pub fn known(&self) -> Result<Option<KnownSession>, OpenError> {
        let state = self.state()?;
        let found = self.off_thread(move |folder| Installation::find(&state, folder))??;
        Ok(found.map(KnownSession::of).transpose()?)
    }
}

/// Writes a path as text. Parts that are not Unicode are replaced.
#[allow(clippy::ref_option, reason = "serde hands over the field")]
fn as_text<S: Serializer>(path: &Option<PathBuf>, serializer: S) -> Result<S::Ok, S::Error> {
    path.as_ref().map(|path| path.to_string_lossy()).serialize(serializer)
}
