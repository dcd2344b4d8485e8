//! Opening a session over a folder.

use std::{
    env,
    path::{self, Path, PathBuf},
    process,
    sync::{Arc, mpsc},
    thread,
    time::Duration,
};

use tempo_fs_transport::{
    Belonging, Decision, DecisionError, Decisions, FsTransport, Installation, InstallationError, Options, RealFs, Vault,
};
use thiserror::Error;

use crate::{
    api::{
        components::{Components, check_name},
        session::Session,
    },
    engine::files::Fetch,
    folder::installed::{Installed, is_of_another},
};
use crate::{
    core::{packing::Packing, relaying::Relaying},
    environment::{Environment, SystemEnvironment},
    errors::OpenError,
    store::{error::StoreError, marks::Marks, memory::MemoryStore, reader::RedbReader, redb::RedbStore},
};

/// The reason why a decision about a directory beside a session folder could not be recorded.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DecideError {
    /// The folder does not answer, or there is no place for local state.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The decision is impossible for these directories, or the local state cannot be written.
    #[error(transparent)]
    Decision(#[from] DecisionError),
}

/// The settings for opening a session.
#[derive(Debug, Clone)]
pub struct Builder {
    folder: PathBuf,
    name: Option<String>,
    application: Option<String>,
    pub(crate) state_dir: Option<PathBuf>,
    pub(crate) patience: Duration,
    fetch_online_only: bool,
    vault: Option<Arc<dyn Vault>>,
    folder_patience: Option<Duration>,
    idle_after: Option<Duration>,
    pub(crate) heed_retirements: bool,
    packing: Option<Packing>,
    relaying: Option<Relaying>,
    fetch: Fetch,
    files_quota: Option<u64>,
    pub(crate) files_reserve: u64,
}

/// The membership of an installation in a session.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Membership {
    /// It is no member. Opening the session makes it one.
    None,
    /// It is a member.
    Member,
    /// Its local state is a copy of a member's. Opening the session makes it another member with that name.
    Copied,
    /// The folder is a copy of another folder that is still in its place and has this installation as a
    /// member. Opening the session makes it another member with that name.
    CopiedFolder {
        /// The folder that has it as a member.
        original: PathBuf,
    },
}

impl Builder {
    /// The longest time that a sender waits for the first look at the folder.
    const FIRST_LOOK: Duration = Duration::from_secs(3);
    /// The bytes that files leave free.
    const RESERVE: u64 = 256 * 1024 * 1024;
    /// The fewest new messages for a snapshot. Reading fewer from the log takes about a millisecond.
    const SNAPSHOT: u64 = 1024;
    /// The time between background comparisons of some own messages with the folder.
    const SCRUB: Duration = Duration::from_secs(30);

    pub(crate) fn new(folder: PathBuf) -> Self {
        // A relative path must not change its meaning with the working directory.
        let folder = path::absolute(&folder).unwrap_or(folder);
        Self {
            folder,
            name: None,
            application: None,
            state_dir: None,
            patience: Duration::from_secs(30),
            folder_patience: None,
            idle_after: None,
            heed_retirements: true,
            packing: Some(Packing::default()),
            relaying: Some(Relaying::default()),
            fetch_online_only: false,
            fetch: Fetch::OnDemand,
            files_quota: None,
            files_reserve: Self::RESERVE,
            vault: None,
        }
    }

    /// Sets the display name, 1 to 128 bytes. If it is new, it travels in a message of its own, after the
    /// first look at the folder or with the first message.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Names the application, by 1 to 64 ASCII letters, digits, `-`, `_` and `.`. Its local state is in a directory of
    /// that name in the platform's data directory. So two applications on one machine are two members of a folder's
    /// session, and neither locks the other out.
    ///
    /// Without a name, that of the executable is used. Name the application before you give it to others: after its
    /// executable was renamed, it would be another member. The name is not shown to anybody. It has no effect with a
    /// [`state_dir`](Self::state_dir).
    #[must_use]
    pub fn application(mut self, name: impl Into<String>) -> Self {
        self.application = Some(name.into());
        self
    }

    /// Sets the directory for local state, instead of the [application](Self::application)'s directory in the platform's
    /// data directory. Several members on one machine need one each.
    ///
    /// Choose a directory on the folder's volume, but never one that the service synchronizes. If it is on
    /// another volume, messages are staged in the folder, so the service sees an additional file for each.
    /// Syncthing delays more than 128 such files at once by a minute.
    #[must_use]
    pub fn state_dir(mut self, dir: impl Into<PathBuf>) -> Self {
        self.state_dir = Some(dir.into());
        self
    }

    /// Keeps the secret keys of this machine's authors elsewhere than in files beside the local state, for example in a
    /// key store of the system. A member whose key is not found there continues as another author.
    #[must_use]
    pub fn vault(mut self, vault: Arc<dyn Vault>) -> Self {
        self.vault = Some(vault);
        self
    }

    /// Sets the longest time that opening waits for a folder that does not answer, or for a process that is
    /// reading the local state. The default is half a minute.
    #[must_use]
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Opens online-only files, which makes the service download them. Off by default. The session opens at
    /// most two files of an author at a time, and nothing else waits for them.
    #[must_use]
    pub fn fetch_online_only(mut self, fetch: bool) -> Self {
        self.fetch_online_only = fetch;
        self
    }

    /// Sets the longest time that the open session waits for a file or directory before it continues without
    /// it. The default is five seconds. A file that does not answer delays nothing else: the status lists it,
    /// the session does not ask for it again meanwhile, and uses it when it answers.
    #[must_use]
    pub fn folder_patience(mut self, patience: Duration) -> Self {
        self.folder_patience = Some(patience);
        self
    }

    /// Sets the time without news, by a member's own clock, after which the session no longer waits for that
    /// member before it calls messages [stable](crate::Event::Stable). By default it waits for every member
    /// forever. Messages that such a member writes later are delivered like all others, and may be
    /// [below](crate::Placed::BelowStable) the stable part.
    #[must_use]
    pub fn idle_after(mut self, idle: Duration) -> Self {
        self.idle_after = Some(idle);
        self
    }

    /// Sets whether members can [retire](Session::retire) each other, as they can by default. Without it, only a member's
    /// own word that it has left counts. Use one value for all members of a session: in a folder that strangers can write,
    /// a retirement makes messages [stable](crate::Event::Stable) earlier than the retired member would want, until it
    /// writes again.
    #[must_use]
    pub fn heed_retirements(mut self, heed: bool) -> Self {
        self.heed_retirements = heed;
        self
    }

    /// Sets when own messages are packed and when files that went into packs are removed. `None` never packs.
    /// By default, packs contain some dozens of messages, and later some thousands.
    #[must_use]
    pub fn packing(mut self, packing: Option<Packing>) -> Self {
        self.packing = packing;
        self
    }

    /// Sets when messages of others that have vanished from the folder, and that some member lacks, are
    /// published again in their author's place. `None` relays only when [asked](Session::relay). By default
    /// it takes hours, because usually the author or the service restores them. Relayed messages are in a
    /// directory that only this member writes, and they stay unchanged.
    #[must_use]
    pub fn relaying(mut self, relaying: Option<Relaying>) -> Self {
        self.relaying = relaying;
        self
    }

    /// Sets which files of other members are fetched to this machine without being [asked for](Session::fetch). By default
    /// none are.
    #[must_use]
    pub fn fetch_files(mut self, fetch: Fetch) -> Self {
        self.fetch = fetch;
        self
    }

    /// Sets the most bytes that the files which this member has attached and not [released](Session::release) may have
    /// together. In a shared folder they take room from everybody. By default there is no limit.
    #[must_use]
    pub fn files_quota(mut self, bytes: u64) -> Self {
        self.files_quota = Some(bytes);
        self
    }

    /// Sets how many bytes files leave free on a disk, so that messages and other programs still find room: 256 MiB by
    /// default. With less, attaching a copy fails with [`NoRoom`](crate::error::NoRoom), and parts of files wait, in both
    /// directions. Messages never do.
    #[must_use]
    pub fn files_reserve(mut self, bytes: u64) -> Self {
        self.files_reserve = bytes;
        self
    }

    /// Joins the session.
    ///
    /// # Errors
    ///
    /// As for [`Session::open`].
    pub fn open(self) -> Result<Session, OpenError> {
        check_name(self.name.as_deref())?;
        let (state, vault) = (self.state()?, self.vault.clone());
        let find = move |folder: &Path| Installation::find_or_create(&state, folder, vault.as_deref());
        let installation = self.off_thread(find)??;
        // An installation that held the store before and finds none has lost it. It does not resume that
        // author.
        let is_lost = installation.holder()?.is_some();
        let original = installation.original()?;
        let is_new = !is_lost && !installation.store().exists();
        let copied_from = original.as_ref().and_then(|original| original.authors.last().copied()).filter(|_| is_new);
        installation.make_store(|path| -> Result<(), OpenError> {
            let originals = original.into_iter().flat_map(|original| original.authors);
            let begun = originals.fold(Marks::default(), Marks::succeeded_by).succeeded_by(installation.author);
            let marks = if is_lost {
                let before = installation.authors()?.into_iter().skip(1);
                before.fold(begun, Marks::succeeded_by).succeeded_by(installation.mint(self.vault.as_deref())?)
            } else {
                begun
            };
            Ok(RedbStore::make(path, installation.author, marks).map(drop)?)
        })?;
        let store = self.open_store(&installation)?;
        match installation.set_holder(&format!("process {}", process::id())) {
            // The holder only informs other processes that want to open the store.
            Err(InstallationError::Failed { source, .. }) if RealFs::is_full(&source) => {}
            held => held?,
        }
        let mut options = self.options();
        options.staging = Some(installation.staging());
        options.home = installation.home();
        options.called = installation.called();
        options.may_be_away = true;
        let transport = self.transport(options)?;
        let components = Components {
            shelf: Some(Arc::new(installation.shelf())),
            fetch: self.fetch,
            files_quota: self.files_quota,
            files_reserve: self.files_reserve,
            scrub: Some(Self::SCRUB),
            identity: Box::new(Installed {
                drawn: None,
                fingerprint: installation.fingerprint()?,
                vault: self.vault.clone().unwrap_or_else(|| Arc::new(installation.vault())),
                installation,
            }),
            copied_from,
            idle_after: self.idle_after,
            heed_retirements: self.heed_retirements,
            packing: self.packing,
            relaying: self.relaying,
            snapshot_after: Some(Self::SNAPSHOT),
            name: self.name.clone(),
            first_look: Some(Self::FIRST_LOOK.min(self.patience)),
            ..Components::new(Box::new(transport), Box::new(store))
        };
        Session::start(components)
    }

    /// Opens the session as an observer. The name is not used, and the state directory is used only for
    /// people's [decisions](Self::decide).
    ///
    /// # Errors
    ///
    /// As for [`Session::observe`].
    pub fn observe(self) -> Result<Session, OpenError> {
        let mut options = self.options();
        options.read_only = true;
        let components = Components {
            idle_after: self.idle_after,
            heed_retirements: self.heed_retirements,
            ..Components::new(Box::new(self.transport(options)?), Box::new(MemoryStore::new(None)))
        };
        Session::start(components)
    }

    /// Returns whether this installation is already a member of the folder's session and would stay the same
    /// member after opening. Writes nothing.
    ///
    /// # Errors
    ///
    /// [`OpenError::Installation`], also when the folder does not exist.
    pub fn membership(&self) -> Result<Membership, OpenError> {
        let state = self.state()?;
        let installation = match self.off_thread(move |folder| Installation::belonging(&state, folder))?? {
            Belonging::To(installation) => installation,
            Belonging::None => return Ok(Membership::None),
            Belonging::CopyOf(original) => return Ok(Membership::CopiedFolder { original: original.folder }),
        };
        // Opening the session reports anything that cannot be read here.
        let marks = RedbReader::open(&installation.store(), installation.author).and_then(|store| store.marks());
        let before = marks.ok().and_then(|marks| marks.place);
        let now = installation.fingerprint().ok();
        let is_copy = now.zip(before).is_some_and(|(now, before)| is_of_another(&now, &before));
        Ok(if is_copy { Membership::Copied } else { Membership::Member })
    }

    /// Records permanently what another directory with members beside the folder is: a part of this session,
    /// which is read with it from then on, or another session, which is left alone. The state directory keeps
    /// the decision for all its members. It holds wherever the two directories are moved, and whichever of
    /// them is opened. An open session follows it after at most half a minute. Messages already read from a
    /// part stay in the timeline.
    ///
    /// A decision is needed when the directories do not show what they are: see
    /// [`Report::undecided`](crate::status::Report::undecided).
    ///
    /// # Errors
    ///
    /// [`DecideError`]. The earlier decision still holds.
    pub fn decide(self, other: impl AsRef<Path>, decision: Decision) -> Result<(), DecideError> {
        let (decisions, other) = (Decisions::new(self.state().map_err(OpenError::from)?), other.as_ref().to_owned());
        Ok(self.off_thread(move |folder| decisions.decide(folder, &other, decision))??)
    }

    /// Opens the store for writing. Waits for a process that only reads it, and for a program that holds the
    /// file, but not for a session that writes.
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
            // Deadline loop: reading takes milliseconds, except for a doctor, which reads everything.
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Returns the directory for local state.
    pub(crate) fn state(&self) -> Result<PathBuf, InstallationError> {
        match (&self.state_dir, &self.application) {
            (Some(dir), _) => Ok(dir.clone()),
            (None, Some(application)) => Installation::default_state_dir(application),
            (None, None) => Installation::default_state_dir(&name_of_executable()),
        }
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

    /// Runs work on the folder that may never end, and waits for it only for the patience.
    pub(crate) fn off_thread<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Path) -> T + Send + 'static,
    ) -> Result<T, OpenError> {
        let (done, finished) = mpsc::channel();
        let folder = self.folder.clone();
        let spawned = thread::Builder::new().name("tempo-open".to_owned()).spawn(move || {
            // When the patience is over, the receiver is gone.
            let _ = done.send(work(&folder));
        });
        spawned.map_err(OpenError::Thread)?;
        let timed_out = |_| OpenError::TimedOut { folder: self.folder.clone(), patience: self.patience };
        finished.recv_timeout(self.patience).map_err(timed_out)
    }
}

impl Session {
    /// Joins the session of a folder, as this installation's member or as a new one.
    ///
    /// When this returns, everything in the store is available. Reading it takes some 40 milliseconds for a
    /// million messages. Messages that others have written meanwhile arrive as [events](Self::events). To wait
    /// for them first, call [`refresh`](Self::refresh).
    ///
    /// The local store is in the platform's data directory, in a directory with the name of the executable.
    /// [`builder`](Self::builder) [names](Builder::application) the application, or places the store elsewhere.
    ///
    /// # Errors
    ///
    /// [`OpenError`], for example when the folder does not exist, when its name does not end in `.session`,
    /// or when another process has this member's store open.
    pub fn open(folder: impl AsRef<Path>) -> Result<Self, OpenError> {
        Self::builder(folder).open()
    }

    /// Observes the session of a folder: reads everything and writes nothing.
    ///
    /// # Errors
    ///
    /// [`OpenError`] when the folder cannot be used.
    pub fn observe(folder: impl AsRef<Path>) -> Result<Self, OpenError> {
        Self::builder(folder).observe()
    }

    /// Returns a builder to open a session with other settings than the defaults.
    pub fn builder(folder: impl AsRef<Path>) -> Builder {
        Builder::new(folder.as_ref().to_owned())
    }
}

/// Returns the name of the running executable, as the name of an application.
fn name_of_executable() -> String {
    let path = env::current_exe().unwrap_or_default();
    let name = path.file_stem().unwrap_or_default().to_string_lossy();
    let fit = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '-' };
    let name: String = name.chars().take(Installation::MAX_APPLICATION).map(fit).collect();
    let name = name.trim_matches('.');
    // Whatever cannot be named shares one place.
    if name.is_empty() { "unnamed".to_owned() } else { name.to_owned() }
}

pub(crate) fn already_open(folder: &Path, installation: &Installation) -> OpenError {
    let holder = installation.holder().ok().flatten().unwrap_or_else(|| "another process".to_owned());
    OpenError::AlreadyOpen { folder: folder.to_owned(), holder }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_application_has_its_own_local_state() {
        let builder = Session::builder("jam.session");
        let [notes, chat] =
            ["com.example.notes", "chat"].map(|name| builder.clone().application(name).state().unwrap());
        assert_ne!(notes, chat);
        assert!(notes.ends_with("com.example.notes/sessions"), "{notes:?}");
        let unnamed = builder.state().unwrap();
        let executable = env::current_exe().unwrap();
        assert_eq!(unnamed.parent().unwrap().file_name(), executable.file_stem());
        assert_eq!(builder.clone().application("chat").state_dir("here").state().unwrap(), Path::new("here"));
        for name in ["", ".", "..", "a/b", "a\\b", "C:", "my notes", &"a".repeat(65)] {
            let error = builder.clone().application(name).membership().unwrap_err();
            assert!(error.to_string().ends_with("choose another name, or a directory for the local state"), "{error}");
        }
    }
}
