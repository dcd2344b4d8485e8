//! A look at a session from outside: it starts no session, writes nothing and adds no member.

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use tempo_clock::AuthorId;
use tempo_fs_transport::{
    Belonging, FileShelf, FsTransport, Installation, InstallationError, Options, RealFs, sync_service,
};
use tempo_message::{
    AttachmentId, CollectError, CollectRequest, Disposition, Ed25519, Own, PublishError, Transport, Verify,
};
use thiserror::Error;

use super::compare::{lagging, vanished};
use crate::doctor::{
    around::{LocalStore, Surroundings},
    diagnosis::diagnose,
    files::{self, Room},
    finding::Finding,
    reading::{Extent, NOTHING, Reading},
};
use crate::{
    api::status::{StablePrefix, Status},
    core::session_core::SessionCore,
    engine::{
        event::FolderState,
        resume::{OwnMessages, Resumed},
    },
    environment::{Environment, SystemEnvironment},
    errors::{OpenError, describe},
    folder::builder::{Builder, already_open},
    store::{error::StoreError, files::FileRecord, handle::is_without_room, marks::Marks, reader::RedbReader},
};

/// The result of a look at a folder.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Checkup {
    /// The status from the local store and everything in the folder.
    pub status: Status,
    /// The facts beside the status.
    pub surroundings: Surroundings,
}

/// The reason why no redundant copies were removed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TidyError {
    /// The folder or the local state cannot be used, or another process has the store open.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// This installation has not written anything in the folder, so nothing there is its own.
    #[error("this installation is not a member of the session; nothing in the folder is its own")]
    NotAMember,
    /// The folder cannot be looked at, or is no longer the session's folder.
    #[error(transparent)]
    Collect(#[from] CollectError),
    /// A removal failed.
    #[error(transparent)]
    Remove(#[from] PublishError),
}

impl Builder {
    /// Looks at the folder from outside, as a doctor does, and returns everything that is wrong.
    /// Adds no member and writes nothing, anywhere; the builder's name is ignored. If another
    /// process has the store open, or if the store cannot be read, the result shows only the
    /// folder.
    ///
    /// # Errors
    ///
    /// [`OpenError`]: the folder cannot be used, or could not be read completely within the
    /// [patience](Self::patience).
    pub fn check_up(self) -> Result<Checkup, OpenError> {
        let (state, patience) = (self.state(), self.patience);
        let settings = (self.heed_retirements, self.files_reserve);
        self.off_thread(move |folder| Checkup::make(state, folder, patience, settings))?
    }

    /// Removes from the own directory the copies that are equal to the message beside them, and
    /// nothing else. Returns the names of the removed files. See [`FsTransport::remove_redundant`].
    ///
    /// # Errors
    ///
    /// [`TidyError`], for example when this installation is not a member, when another process has
    /// the store open, or when the folder is detached. Unless the error is [`TidyError::Remove`],
    /// nothing was removed.
    pub fn remove_redundant(self) -> Result<Vec<String>, TidyError> {
        let state = self.state();
        self.off_thread(move |folder| remove_redundant(state, folder))?
    }
}

impl Checkup {
    /// Returns what is wrong.
    pub fn findings(&self) -> Vec<Finding> {
        diagnose(&self.status, &self.surroundings)
    }

    /// Looks at everything that can be read within `patience`, which is how long the caller waits.
    pub(crate) fn make(
        state: Result<PathBuf, InstallationError>,
        folder: &Path,
        patience: Duration,
        (heed_retirements, files_reserve): (bool, u64),
    ) -> Result<Self, OpenError> {
        let environment = SystemEnvironment::default();
        let mut options = Options::default();
        options.read_only = true;
        options.decisions = state.as_ref().ok().cloned();
        let mut transport = FsTransport::open(folder, &options).map_err(InstallationError::from)?;
        let Local { me, opened, state_error, original, path, shelf } = Local::read(state, folder)?;
        let store = LocalStore::of(&opened, path.as_deref());
        // The store is closed before the folder is examined, so that no process has to wait for it.
        let known = opened.ok().flatten().map(|Opened { marks, core, sent, files, .. }| (marks, core, sent, files));
        let (marks, mut core, sent, records) =
            known.unwrap_or_else(|| (Marks::default(), SessionCore::new(None), OwnMessages::new(), BTreeMap::new()));
        core.heeds_retirements = heed_retirements;
        let own = own_of(&marks);

        let mut reading = Reading::new(core);
        let read = reading.read_all(&mut transport, own, &environment, patience);
        let mut surroundings = Surroundings {
            unix_ms: Some(environment.unix_ms()),
            // If the folder cannot be listed, `read` has failed as well.
            survey: transport.survey().ok(),
            service: sync_service(folder),
            me,
            store,
            state_error,
            original,
            full_store: path.filter(|path| is_without_room(path)),
            ..Surroundings::default()
        };
        let now = environment.unix_ms();
        reading.settle(&marks, now);
        let mut status = Status::of_core(&reading.core, Arc::new(transport.report()));
        status.stable = StablePrefix::of(&reading.core, now, None);
        surroundings.lagging = lagging(&reading.core, &status, environment.unix_ms());
        status.folder = match &read {
            Ok(_) => FolderState::Attached,
            Err(error @ CollectError::Detached { .. }) => FolderState::Detached { why: describe(error) },
            Err(error) => FolderState::Unreadable { why: describe(error) },
        };
        // Directories that do not answer are in the report already.
        let strays = transport.strays().unwrap_or_default();
        (surroundings.strays, surroundings.unseen) = (reading.unmet(strays.found), strays.unseen);
        if let Ok(extent) = read {
            if let Some(own) = own {
                reading.compare(own.author, &sent, &mut status);
                surroundings.redundant = transport.redundant(own.author).unwrap_or_default().into_iter().collect();
            }
            if extent == Extent::Whole {
                let (survey, strays) = (surroundings.survey.as_ref(), &surroundings.strays);
                surroundings.vanished = vanished(&reading.core, &reading.met, &status, survey, strays);
                let looked = transport.parts().map(|mut parts| {
                    let room = Room { shelf: shelf.and_then(|shelf| shelf.free()), reserve: files_reserve };
                    files::look(&reading.core, &reading.described, &records, parts.as_mut(), room, now)
                });
                // A folder that cannot be looked at is in the report already.
                surroundings.files = looked.and_then(Result::ok).unwrap_or_default();
            }
        }
        Ok(Self { status, surroundings })
    }
}

/// Removes the redundant copies in the own directory. The store stays open meanwhile, so that no
/// other process writes there.
pub(crate) fn remove_redundant(
    state: Result<PathBuf, InstallationError>,
    folder: &Path,
) -> Result<Vec<String>, TidyError> {
    let transport = FsTransport::open(folder, &Options::default());
    let mut transport = transport.map_err(|error| OpenError::from(InstallationError::from(error)))?;
    let Some(Opened { marks, core, reader: _held, .. }) = Local::read(state, folder)?.opened? else {
        return Err(TidyError::NotAMember);
    };
    let want = CollectRequest { known: core.seen(), own: own_of(&marks), recheck: &[], full: false, budget: NOTHING };
    transport.collect(&want, &mut |_| Disposition::Later)?;
    let mut removed = Vec::new();
    for own in marks.own {
        removed.extend(transport.remove_redundant(own.author)?);
    }
    Ok(removed)
}

fn own_of(marks: &Marks) -> Option<Own> {
    marks.author().map(|author| Own { author, joined: marks.has_joined() })
}

/// The local state of a folder.
struct Local {
    me: Option<AuthorId>,
    opened: Result<Option<Opened>, OpenError>,
    /// The reason why it cannot be written, if so.
    state_error: Option<String>,
    /// The folder that this one was copied from, if that is still in its place.
    original: Option<PathBuf>,
    /// The path of the store.
    path: Option<PathBuf>,
    /// The files of the installation.
    shelf: Option<FileShelf>,
}

impl Default for Local {
    fn default() -> Self {
        Self { me: None, opened: Ok(None), state_error: None, original: None, path: None, shelf: None }
    }
}

/// A store that no other process writes to while it is held.
struct Opened {
    marks: Marks,
    /// The core as the store has it.
    core: SessionCore,
    /// The messages that the installation looks after.
    sent: OwnMessages,
    /// What is known of files.
    files: BTreeMap<AttachmentId, FileRecord>,
    reader: RedbReader,
}

impl Local {
    /// Reads the local state. If the state directory cannot be used, the state is empty.
    fn read(state: Result<PathBuf, InstallationError>, folder: &Path) -> Result<Self, OpenError> {
        let state = match state {
            Ok(state) => state,
            Err(error) => return Ok(Self::unusable(error)),
        };
        let nothing = || Self { opened: Ok(None), state_error: refusal(&state, None), ..Self::default() };
        match Installation::belonging(&state, folder) {
            Ok(Belonging::None) => Ok(nothing()),
            Ok(Belonging::CopyOf(original)) => Ok(Self { original: Some(original.folder), ..nothing() }),
            Ok(Belonging::To(installation)) => {
                let opened = Opened::open(&installation, folder).map(Some);
                let me = opened.as_ref().ok().and_then(|opened| opened.as_ref()?.marks.author());
                let state_error = refusal(&state, Some(&installation));
                let original = installation.original().ok().flatten().filter(|original| original.is_beside(folder));
                let original = original.map(|original| original.folder);
                let path = Some(installation.store());
                let shelf = Some(installation.shelf());
                Ok(Self { me: me.or(Some(installation.author)), opened, state_error, original, path, shelf })
            }
            Err(error @ InstallationError::Folder(_)) => Err(error.into()),
            Err(error) => Ok(Self::unusable(error)),
        }
    }

    fn unusable(error: InstallationError) -> Self {
        Self { opened: Err(error.into()), ..Self::default() }
    }
}

/// Returns why a session could not be opened with this state directory, as far as this is visible
/// without trying.
fn refusal(state: &Path, installation: Option<&Installation>) -> Option<String> {
    // Missing directories are created in the first existing directory above them.
    let state = state.ancestors().map(|path| if path.as_os_str().is_empty() { Path::new(".") } else { path });
    let is_missing =
        |path: &Path| matches!(RealFs::check_writable(path), Err(error) if error.kind() == io::ErrorKind::NotFound);
    let state = state.map(Path::to_owned).find(|path| !is_missing(path));
    // Some systems report a path below a file as missing.
    if let Some(path) = state.as_deref().filter(|path| path.is_file()) {
        return Some(format!("{} is a file, but must be a directory", path.display()));
    }
    let inside = installation.map(|it| [it.dir.clone(), it.store(), it.staging()]);
    let mut paths = state.into_iter().chain(inside.into_iter().flatten());
    paths.find_map(|path| {
        let error = RealFs::check_writable(&path).err().filter(|error| error.kind() != io::ErrorKind::NotFound)?;
        Some(format!("{} cannot be written: {error}", path.display()))
    })
}

impl Opened {
    fn open(installation: &Installation, folder: &Path) -> Result<Self, OpenError> {
        let reader = RedbReader::open(&installation.store(), installation.author).map_err(|error| match error {
            StoreError::InUse { .. } => already_open(folder, installation),
            error => error.into(),
        })?;
        let marks = reader.marks()?;
        let verify: Arc<dyn Verify> = Arc::new(Ed25519);
        let mut resumed = Resumed::nothing(&marks, &verify, None);
        resumed.restore(|each| reader.restore(each))?;
        let Resumed { core, own: sent, .. } = resumed;
        let files = reader.files()?.into_iter().collect();
        Ok(Self { marks, core, sent, files, reader })
    }
}

impl LocalStore {
    fn of(opened: &Result<Option<Opened>, OpenError>, path: Option<&Path>) -> Self {
        match opened {
            Ok(_) => Self::Fine,
            Err(OpenError::AlreadyOpen { holder, .. }) => Self::InUse { holder: holder.clone() },
            Err(OpenError::Store(StoreError::Unclean { path })) => Self::Unclean { path: path.clone() },
            Err(OpenError::Store(StoreError::Newer { .. })) => Self::Newer,
            Err(error) if is_denied(error) => Self::Denied { why: describe(error) },
            Err(error) => Self::Unusable { path: path.map(Path::to_owned).unwrap_or_default(), why: describe(error) },
        }
    }
}

/// Returns whether the local state cannot be used because of permissions, or because something else
/// is in its place.
fn is_denied(error: &OpenError) -> bool {
    match error {
        OpenError::Installation(_) => true,
        OpenError::Store(StoreError::Failed { source, .. }) => {
            let source = source.downcast_ref::<io::Error>();
            source.is_some_and(|error| error.kind() == io::ErrorKind::PermissionDenied)
        }
        _ => false,
    }
}
