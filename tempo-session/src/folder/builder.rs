//! Opening a session.

use std::{
    error,
    path::{self, Path, PathBuf},
    process,
    sync::mpsc,
    thread,
    time::Duration,
};

use tempo_clock::AuthorId;
use tempo_fs_transport::{
    Belonging, Decision, DecisionError, Decisions, Fingerprint, FsTransport, Installation, InstallationError, Options,
    RealFs,
};
use thiserror::Error;
use uuid::Uuid;

use crate::{
    api::{
        parts::{Parts, check_name},
        session::Session,
    },
    engine::identity::IdentitySource,
};
use crate::{
    core::{packing::Packing, relaying::Relaying},
    environment::{Environment, SystemEnvironment},
    errors::OpenError,
    store::{error::StoreError, marks::Marks, memory::MemoryStore, reader::RedbReader, redb::RedbStore},
};

/// Why it could not be kept what somebody says of a directory beside a session folder.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DecideError {
    /// The folder does not answer, or there is no place for local state.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// One of the directories cannot be that, or the local state cannot be written.
    #[error(transparent)]
    Decision(#[from] DecisionError),
}

/// The settings of a session to be opened.
#[derive(Debug, Clone)]
pub struct Builder {
    folder: PathBuf,
    name: Option<String>,
    pub(crate) state_dir: Option<PathBuf>,
    pub(crate) patience: Duration,
    fetch_online_only: bool,
    folder_patience: Option<Duration>,
    idle_after: Option<Duration>,
    packing: Option<Packing>,
    relaying: Option<Relaying>,
}

/// Whether an installation is a member of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Membership {
    /// It is not; opening the session makes it one.
    None,
    /// It is.
    Member,
    /// Its local state is a copy of a member's; opening the session makes it another one of the same name.
    Copied,
    /// The folder is a copy of another one in which it is a member, and which is still in its place; opening the session makes
    /// it another one of the same name.
    CopiedFolder {
        /// The folder in which it is a member.
        original: PathBuf,
    },
}

impl Builder {
    /// How long whoever sends waits for the first look at the folder.
    const FIRST_LOOK: Duration = Duration::from_secs(3);
    /// With fewer new messages than this there is no snapshot: reading them from the log takes about a millisecond.
    const SNAPSHOT: u64 = 1024;
    /// How often some of the own messages are compared with the folder in passing.
    const SCRUB: Duration = Duration::from_secs(30);

    pub(crate) fn new(folder: PathBuf) -> Self {
        // A relative path must not change its meaning with the working directory.
        let folder = path::absolute(&folder).unwrap_or(folder);
        Self {
            folder,
            name: None,
            state_dir: None,
            patience: Duration::from_secs(30),
            folder_patience: None,
            idle_after: None,
            packing: Some(Packing::default()),
            relaying: Some(Relaying::default()),
            fetch_online_only: false,
        }
    }

    /// The display name, 1 to 128 bytes. It travels in a message of its own, when it is not already known; that is sent once
    /// the folder was looked at, or with the first message.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// The directory for local state, instead of the platform's data directory. Several members on one machine need
    /// one each.
    ///
    /// Best it is on the folder's volume, and never in what the service carries. On another one messages are staged in the
    /// folder: the service meets another file for each, and Syncthing keeps back more than 128 at once for a minute.
    #[must_use]
    pub fn state_dir(mut self, dir: impl Into<PathBuf>) -> Self {
        self.state_dir = Some(dir.into());
        self
    }

    /// How long opening waits for a folder that does not answer, or for somebody who looks at the local state; half a minute
    /// unless told otherwise.
    #[must_use]
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Opens files whose content is only with the service, which makes the service fetch them; not unless told so. At most
    /// two of an author at a time; nothing else waits for them.
    #[must_use]
    pub fn fetch_online_only(mut self, fetch: bool) -> Self {
        self.fetch_online_only = fetch;
        self
    }

    /// How long the open session waits for a file or a directory before it goes on without it; five seconds unless told
    /// otherwise. What does not answer keeps nothing else waiting: the status names it, it is not asked again meanwhile,
    /// and it is taken up when it answers.
    #[must_use]
    pub fn folder_patience(mut self, patience: Duration) -> Self {
        self.folder_patience = Some(patience);
        self
    }

    /// A member of whom nothing was heard for so long is not waited for when it is told what is
    /// [stable](super::Event::Stable); everybody is, for ever, unless told otherwise. How long that is shows by the
    /// member's own clock. What it writes later is delivered like everything else, and may be
    /// [below](super::Placed::BelowStable) what is stable.
    #[must_use]
    pub fn idle_after(mut self, idle: Duration) -> Self {
        self.idle_after = Some(idle);
        self
    }

    /// When own messages are packed, and when the files of which packs were made are removed; `None`: never. Packs are made
    /// of some dozens of messages and then of some thousands, unless told otherwise.
    #[must_use]
    pub fn packing(mut self, packing: Option<Packing>) -> Self {
        self.packing = packing;
        self
    }

    /// When messages of others that are here, and that have vanished from the folder while somebody lacks them, are put there
    /// in their author's place; `None`: only when [asked](Session::relay). It takes hours, unless told otherwise: as a rule the
    /// author or the service puts them back. They lie in a directory that only this member writes, and stay what they are.
    #[must_use]
    pub fn relaying(mut self, relaying: Option<Relaying>) -> Self {
        self.relaying = relaying;
        self
    }

    /// Joins the session.
    ///
    /// # Errors
    ///
    /// As for [`Session::open`].
    pub fn open(self) -> Result<Session, OpenError> {
        check_name(self.name.as_deref())?;
        let state = self.state()?;
        let installation = self.off_thread(move |folder| Installation::find_or_create(&state, folder))??;
        // Who has held the store before and finds none has lost it: that name is not taken up again.
        let is_lost = installation.holder()?.is_some();
        let original = installation.original()?;
        let is_new = !is_lost && !installation.store().exists();
        let copied_from = original.as_ref().and_then(|original| original.authors.last().copied()).filter(|_| is_new);
        installation.make_store(|path| -> Result<(), OpenError> {
            let originals = original.into_iter().flat_map(|original| original.authors);
            let begun = originals.fold(Marks::default(), Marks::succeeded_by).succeeded_by(installation.author);
            let marks = if is_lost {
                let before = installation.authors()?.into_iter().skip(1);
                before.fold(begun, Marks::succeeded_by).succeeded_by(installation.mint()?)
            } else {
                begun
            };
            Ok(RedbStore::make(path, installation.author, marks).map(drop)?)
        })?;
        let store = self.open_store(&installation)?;
        match installation.set_holder(&format!("process {}", process::id())) {
            // It is only said to whoever else wants to open it.
            Err(InstallationError::Failed { source, .. }) if RealFs::is_full(&source) => {}
            held => held?,
        }
        let mut options = self.options();
        options.staging = Some(installation.staging());
        options.home = installation.home();
        options.called = installation.called();
        options.may_be_away = true;
        let transport = self.transport(options)?;
        let parts = Parts {
            scrub: Some(Self::SCRUB),
            identity: Box::new(Installed { fingerprint: installation.fingerprint()?, installation }),
            copied_from,
            idle_after: self.idle_after,
            packing: self.packing,
            relaying: self.relaying,
            snapshot_after: Some(Self::SNAPSHOT),
            name: self.name.clone(),
            first_look: Some(Self::FIRST_LOOK.min(self.patience)),
            ..Parts::new(Box::new(transport), Box::new(store))
        };
        Session::start(parts)
    }

    /// Looks on. The name has no meaning then, and the state directory only for what people have [decided](Self::decide).
    ///
    /// # Errors
    ///
    /// As for [`Session::observe`].
    pub fn observe(self) -> Result<Session, OpenError> {
        let mut options = self.options();
        options.read_only = true;
        let parts = Parts {
            idle_after: self.idle_after,
            ..Parts::new(Box::new(self.transport(options)?), Box::new(MemoryStore::new(None)))
        };
        Session::start(parts)
    }

    /// Whether this installation is a member of the folder's session already, and would be the same one after opening.
    /// Writes nothing.
    ///
    /// # Errors
    ///
    /// [`OpenError::Installation`], also when there is no such folder.
    pub fn membership(&self) -> Result<Membership, OpenError> {
        let state = self.state()?;
        let installation = match self.off_thread(move |folder| Installation::belonging(&state, folder))?? {
            Belonging::To(installation) => installation,
            Belonging::None => return Ok(Membership::None),
            Belonging::CopyOf(original) => return Ok(Membership::CopiedFolder { original: original.folder }),
        };
        // Whatever cannot be read here shows when the session is opened.
        let marks = RedbReader::open(&installation.store(), installation.author).and_then(|store| store.marks());
        let before = marks.ok().and_then(|marks| marks.place);
        let now = installation.fingerprint().ok();
        let is_copy = now.zip(before).is_some_and(|(now, before)| is_of_another(&now, &before));
        Ok(if is_copy { Membership::Copied } else { Membership::Member })
    }

    /// Says for good what another directory beside the folder is, in which there are members: a part of this session, which is
    /// read with it from then on, or another session, which is left alone. That is kept in the state directory, for all its
    /// members, wherever the two are moved to and whichever of them is opened. A session that is open goes by it after half a
    /// minute at most. What was read as a part before stays in the timeline.
    ///
    /// It is needed where nothing in the directories shows which it is: see [`Report::undecided`](crate::status::Report::undecided).
    ///
    /// # Errors
    ///
    /// [`DecideError`]; what was said before still counts then.
    pub fn decide(self, other: impl AsRef<Path>, decision: Decision) -> Result<(), DecideError> {
        let (decisions, other) = (Decisions::new(self.state().map_err(OpenError::from)?), other.as_ref().to_owned());
        Ok(self.off_thread(move |folder| decisions.decide(folder, &other, decision))??)
    }

    /// Opens the store for writing. Waits for a process that only looks at it, and for a program that holds the file; not for
    /// a session that writes.
    #[allow(clippy::disallowed_methods, reason = "nobody tells when a store is let go")]
    fn open_store(&self, installation: &Installation) -> Result<RedbStore, OpenError> {
        let (path, author) = (installation.store(), installation.author);
        let clock = SystemEnvironment::default();
        loop {
            let opened = RedbStore::open(&path, author);
            match &opened {
                Err(StoreError::Held { .. }) if clock.now() <= self.patience => {}
                Err(StoreError::InUse { .. }) => {}
                _ => return Ok(opened?),
            }
            let is_written = matches!(RedbReader::open(&path, author), Err(StoreError::InUse { .. }));
            if is_written || clock.now() > self.patience {
                return Err(already_open(&self.folder, installation));
            }
            // deadline loop: to look takes milliseconds, but for a doctor's, which reads everything.
            thread::sleep(Duration::from_millis(5));
        }
    }

    fn state(&self) -> Result<PathBuf, InstallationError> {
        self.state_dir.clone().map_or_else(Installation::default_state_dir, Ok)
    }

    fn options(&self) -> Options {
        let mut options = Options::default();
        options.fetch_online_only = self.fetch_online_only;
        options.patience = self.folder_patience.unwrap_or(options.patience);
        // A system without a place for local state has none for decisions either.
        options.decisions = self.state().ok();
        options
    }

    fn transport(&self, options: Options) -> Result<FsTransport, OpenError> {
        let opened = self.off_thread(move |folder| FsTransport::open(folder, &options))?;
        Ok(opened.map_err(InstallationError::from)?)
    }

    /// Does something with the folder that may never end, and waits for it only so long.
    pub(crate) fn off_thread<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Path) -> T + Send + 'static,
    ) -> Result<T, OpenError> {
        let (done, finished) = mpsc::channel();
        let folder = self.folder.clone();
        let spawned = thread::Builder::new().name("tempo-open".to_owned()).spawn(move || {
            // Nobody listens any more when the patience is over.
            let _ = done.send(work(&folder));
        });
        spawned.map_err(OpenError::Thread)?;
        let timed_out = |_| OpenError::TimedOut { folder: self.folder.clone(), patience: self.patience };
        finished.recv_timeout(self.patience).map_err(timed_out)
    }
}

impl Session {
    /// Joins the session of a folder, as the member that this installation is there, or as a new one.
    ///
    /// What the store knows is there at once: the end of the [timeline](Self::timeline) before the rest of it is read, however
    /// long it is. What others have written meanwhile comes as [events](Self::events); whoever wants to have it first calls
    /// [`refresh`](Self::refresh).
    ///
    /// The local store lies in the platform's data directory; [`builder`](Self::builder) puts it elsewhere.
    ///
    /// # Errors
    ///
    /// [`OpenError`]: among others when there is no such folder, when its name does not end in `.session`, or when
    /// another process has this member's store open.
    pub fn open(folder: impl AsRef<Path>) -> Result<Self, OpenError> {
        Self::builder(folder).open()
    }

    /// Looks on at the session of a folder: reads everything, writes nothing, anywhere.
    ///
    /// # Errors
    ///
    /// [`OpenError`], when the folder cannot be used.
    pub fn observe(folder: impl AsRef<Path>) -> Result<Self, OpenError> {
        Self::builder(folder).observe()
    }

    /// Opens a session with other than the usual settings.
    pub fn builder(folder: impl AsRef<Path>) -> Builder {
        Builder::new(folder.as_ref().to_owned())
    }
}

pub(crate) fn already_open(folder: &Path, installation: &Installation) -> OpenError {
    let holder = installation.holder().ok().flatten().unwrap_or_else(|| "another process".to_owned());
    OpenError::AlreadyOpen { folder: folder.to_owned(), holder }
}

/// Makes authors of an installation, and knows its store by its fingerprint.
#[derive(Debug)]
struct Installed {
    installation: Installation,
    fingerprint: Fingerprint,
}

impl IdentitySource for Installed {
    fn author(&mut self) -> Result<AuthorId, Box<dyn error::Error + Send + Sync>> {
        Ok(self.installation.mint()?)
    }

    #[allow(clippy::disallowed_methods, reason = "the one place where a session draws a number")]
    fn nonce(&mut self) -> u64 {
        Uuid::new_v4().as_u64_pair().0
    }

    fn place(&self) -> Option<Vec<u8>> {
        Some(self.fingerprint.to_bytes())
    }

    fn is_copy(&self, written_in: &[u8]) -> bool {
        is_of_another(&self.fingerprint, written_in)
    }
}

/// Whether a store that is here now cannot be the one that was written in a place.
fn is_of_another(now: &Fingerprint, written_in: &[u8]) -> bool {
    Fingerprint::from_bytes(written_in).is_some_and(|before| now.is_of_another_than(&before))
}
