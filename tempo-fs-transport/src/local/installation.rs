//! The local state of an installation, outside every shared folder.

use std::{
    collections::BTreeSet,
    fs, io, iter,
    path::{Path, PathBuf},
};

use directories::ProjectDirs;
use tempo_message::{AuthorId, SecretKey, Sign};

use crate::{
    error::{OpenError, check_name, open_error},
    format::{name::DirName, spelling::composed},
    fs::{port::Fs, real::RealFs},
    local::{
        fingerprint::Fingerprint,
        home::Home,
        original::{Original, is_one_directory},
        shelf::FileShelf,
        spelling::Spelling,
        state_file::{self, InstallationError, failed, lock, patiently, sync_dir},
        vault::{FileVault, Vault, new_key},
    },
};

/// The local state of one author: the directory of its store, and which session folder it belongs to.
///
/// ```text
/// STATE/                          the state directory, by default below the platform's data directory
///     lock                        held while an installation is looked up or made
///     7b0e…-uuid/                 one installation: the author's name
///         folder                  the path of the session folder, as it was last seen, with all links followed
///         given                   the same as the user gave it, perhaps through a link or a mapped drive
///         home                    which directory that was
///         called                  what the folder was called when the installation was made
///         authors                 the authors that it has become since, one a line; mostly there are none
///         keys/                   the secret keys of all of them, unless the application keeps these elsewhere
///         original                the original of its own folder, if that was a copy when it was made
///         original-authors        who wrote there, one a line
///         holder                  the program that has it open, for the error message of the second one
///         staging/                messages on their way into the folder
///         store.redb              what `tempo-session` keeps
/// ```
///
/// An installation belongs to a folder that holds the directory of one of its authors, wherever it has been moved to; or to
/// a remembered path, while that holds no such directory. Of several the one that was made for a copy goes before the one
/// of the original, and then the one that has been at the path before. In a *copy* of a folder whose original is still in
/// its place the author is not taken: a copy needs a new one. Two paths to one directory are no copies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installation {
    /// The author that it was made for. It may have become another one since; its store knows.
    pub author: AuthorId,
    /// The directory of the installation.
    pub dir: PathBuf,
}

/// The reason why an installation belongs to a folder, the strongest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Claim {
    /// It has been at this path, and the directory of one of its authors is there.
    Stays,
    /// It has been at this path, in this very directory, and its author's directory was deleted.
    Deleted,
    /// The directory of one of its authors is there, and it has not been at this path.
    Moved,
    /// It has been at this path.
    Remembered,
    /// It has been at a path that differs in case or Unicode form only, and the folder is away.
    Alike,
    /// None: the folder is a copy of its own, which is still in its place.
    Copy,
}

impl Claim {
    /// Returns whether the directory of one of its authors is there.
    fn has_directory(self) -> bool {
        matches!(self, Self::Stays | Self::Moved | Self::Copy)
    }
}

/// The installation that a folder belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Belonging {
    /// None: the folder is new here.
    None,
    /// This installation.
    To(Installation),
    /// None, because the folder is a copy of this one.
    CopyOf(Original),
}

const FOLDER: &str = "folder";
const GIVEN: &str = "given";
const HOME: &str = "home";
const HOLDER: &str = "holder";
const AUTHORS: &str = "authors";
const CALLED: &str = "called";

impl Installation {
    /// The longest name of an application, in bytes.
    pub const MAX_APPLICATION: usize = state_file::MAX_APPLICATION;

    /// Returns the default state directory of an application. Each application has its own, so that several applications
    /// on one machine are several members.
    ///
    /// # Errors
    ///
    /// [`InstallationError::Application`] for a name that cannot be part of a path everywhere, and
    /// [`InstallationError::NoDefault`] on a system without a place for data.
    pub fn default_state_dir(application: &str) -> Result<PathBuf, InstallationError> {
        let is_fit = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_' | b'.');
        let is_named = (1..=Self::MAX_APPLICATION).contains(&application.len());
        let is_plain = !application.starts_with('.') && !application.ends_with('.');
        if !is_named || !is_plain || !application.bytes().all(is_fit) {
            return Err(InstallationError::Application { name: application.to_owned() });
        }
        let dirs = ProjectDirs::from("", "", "tempo").ok_or(InstallationError::NoDefault)?;
        Ok(dirs.data_local_dir().join(application).join("sessions"))
    }

    /// Returns the installation that belongs to `folder`, if there is one. Writes nothing. A folder
    /// that is away has the one that was at this path, in any spelling: through links, in another
    /// case or Unicode form.
    ///
    /// # Errors
    ///
    /// [`InstallationError`], also when the folder does not exist and never was a session's here.
    pub fn find(state: &Path, folder: &Path) -> Result<Option<Self>, InstallationError> {
        Ok(match Self::belonging(state, folder)? {
            Belonging::To(installation) => Some(installation),
            Belonging::None | Belonging::CopyOf(_) => None,
        })
    }

    /// Returns what [`find`](Self::find) returns, or the original of a copied folder.
    ///
    /// # Errors
    ///
    /// As for [`find`](Self::find).
    pub fn belonging(state: &Path, folder: &Path) -> Result<Belonging, InstallationError> {
        Ok(match Self::find_claim(state, folder)? {
            None => Belonging::None,
            Some((Claim::Copy, installation)) => installation.as_original()?.map_or(Belonging::None, Belonging::CopyOf),
            Some((_, installation)) => Belonging::To(installation),
        })
    }

    fn find_claim(state: &Path, folder: &Path) -> Result<Option<(Claim, Self)>, InstallationError> {
        check_name(folder)?;
        let fs = RealFs::default();
        let away = match fs.open_root(folder).map_err(|error| open_error(folder.to_owned(), error)) {
            Err(error @ OpenError::NotFound { .. }) => Some(error),
            opened => opened.map(|_| None)?,
        };
        let asked = Asked { spelling: Spelling::of(&fs, folder), is_away: away.is_some() };
        let none = |away: Option<OpenError>| away.map_or(Ok(None), |error| Err(error.into()));
        let entries = match fs::read_dir(state) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return none(away),
            entries => entries.map_err(|source| failed(state, source))?,
        };
        let authors = if asked.is_away { BTreeSet::new() } else { authors_in(folder)? };
        let (mut found, mut unreadable): (Vec<(Claim, Self)>, _) = (Vec::new(), None);
        for entry in entries {
            let name = entry.map_err(|source| failed(state, source))?.file_name();
            let DirName::Author(author) = DirName::parse(&name) else {
                continue;
            };
            let candidate = Self { author, dir: state.join(&name) };
            let claim = match candidate.claim(&asked, &authors) {
                Ok(Some(claim)) => claim,
                Ok(None) => continue,
                Err(error) => {
                    // It must not prevent other sessions, nor cause a new author beside it.
                    let own = candidate.authors().unwrap_or_else(|_| vec![author]);
                    let is_here = own.iter().any(|author| authors.contains(author));
                    unreadable = unreadable.or_else(|| is_here.then_some(error));
                    continue;
                }
            };
            found.push((claim, candidate));
        }
        match (Self::best(found)?, unreadable) {
            (None, Some(error)) => Err(error),
            (None, None) => none(away),
            (found, _) => Ok(found),
        }
    }

    /// Returns the best of several claims. An installation that was made for a copy keeps the
    /// folder, even when the original is gone and the copy is in its place.
    fn best(mut found: Vec<(Claim, Self)>) -> Result<Option<(Claim, Self)>, InstallationError> {
        if found.len() > 1 {
            let mut succeeded = BTreeSet::new();
            for (_, candidate) in found.iter().filter(|(claim, _)| claim.has_directory()) {
                succeeded.extend(candidate.original()?.into_iter().flat_map(|original| original.authors));
            }
            found.retain(|(_, candidate)| !succeeded.contains(&candidate.author));
        }
        Ok(found.into_iter().min_by_key(|(claim, candidate)| (*claim, candidate.author)))
    }

    /// Returns the original of its folder, if that was a copy when it was made.
    ///
    /// # Errors
    ///
    /// [`InstallationError::Failed`].
    pub fn original(&self) -> Result<Option<Original>, InstallationError> {
        Original::of(&self.dir)
    }

    /// Returns its own folder as an original. If that is a copy itself, its history includes its
    /// original's.
    fn as_original(&self) -> Result<Option<Original>, InstallationError> {
        let mut authors = self.original()?.map_or_else(Vec::new, |original| original.authors);
        authors.extend(self.authors()?);
        Ok(self.remembered()?.map(|remembered| Original { folder: remembered.resolved, authors }))
    }

    /// Returns the installation that belongs to `folder`, or a new one with a new author, and
    /// remembers the folder's path. The author's secret key is kept in `vault`, or in the installation's
    /// [own](Self::vault).
    ///
    /// # Errors
    ///
    /// [`InstallationError`], also when the folder does not exist.
    pub fn find_or_create(state: &Path, folder: &Path, vault: Option<&dyn Vault>) -> Result<Self, InstallationError> {
        check_name(folder)?;
        // Before the lock is taken as well: a folder that does not answer delays no other one.
        Self::find(state, folder)?;
        fs::create_dir_all(state).map_err(|source| failed(state, source))?;
        let _lock = lock(&state.join("lock"))?;
        let found = Self::find_claim(state, folder)?;
        let is_home = found.as_ref().is_none_or(|(claim, _)| claim.has_directory());
        let new = || {
            let key = new_key().map_err(|source| failed(state, source))?;
            let author = key.key().author();
            let new = Self { author, dir: state.join(author.to_string()) };
            new.keep_key(&key, vault)?;
            Ok::<_, InstallationError>(new)
        };
        let (installation, original) = match found {
            None => (new()?, None),
            Some((Claim::Copy, installation)) => (new()?, installation.as_original()?),
            Some((_, installation)) => (installation, None),
        };
        let staging = installation.staging();
        fs::create_dir_all(&staging).map_err(|source| failed(&staging, source))?;
        if let Some(original) = original {
            original.keep_in(&installation.dir)?;
        }
        if !folder.is_dir() {
            return Ok(installation);
        }
        let Spelling { given, resolved } = Spelling::of(&RealFs::default(), folder);
        state_file::keep(&installation.dir, FOLDER, resolved.as_os_str().as_encoded_bytes())?;
        state_file::keep(&installation.dir, GIVEN, given.as_os_str().as_encoded_bytes())?;
        if let Some(called) = resolved.file_name().and_then(|name| composed(name).to_str().map(str::to_owned))
            && installation.called().is_none()
        {
            state_file::put(&installation.dir, CALLED, called.as_bytes())?;
        }
        if is_home && let Ok(Some(home)) = Home::of(&resolved) {
            state_file::keep(&installation.dir, HOME, home.to_line().as_bytes())?;
        }
        Ok(installation)
    }

    /// Returns a new author, to be used by this installation from now on; its directory in the
    /// folder leads back here. Its secret key is kept in `vault`, or in the installation's [own](Self::vault).
    ///
    /// # Errors
    ///
    /// [`InstallationError::Failed`] and [`InstallationError::Key`]; no author was made then.
    pub fn mint(&self, vault: Option<&dyn Vault>) -> Result<AuthorId, InstallationError> {
        self.adopt(&self.draw()?, vault)
    }

    /// Draws the secret key of an author that may become this installation's. Nothing is kept of it.
    ///
    /// # Errors
    ///
    /// [`InstallationError::Failed`]: the system has no random numbers.
    pub fn draw(&self) -> Result<SecretKey, InstallationError> {
        new_key().map_err(|source| failed(&self.dir, source))
    }

    /// Makes the author with a key this installation's, as [`mint`](Self::mint) does. When this returns, the key is
    /// durable.
    ///
    /// # Errors
    ///
    /// As for [`mint`](Self::mint).
    pub fn adopt(&self, key: &SecretKey, vault: Option<&dyn Vault>) -> Result<AuthorId, InstallationError> {
        let author = key.key().author();
        // An author without a key could never write.
        self.keep_key(key, vault)?;
        let mut lines = state_file::read(&self.dir, AUTHORS)?.unwrap_or_default();
        lines.push_str(&author.to_string());
        lines.push('\n');
        state_file::put(&self.dir, AUTHORS, lines.as_bytes())?;
        Ok(author)
    }

    /// Returns the installation's own place for the secret keys of its authors.
    pub fn vault(&self) -> FileVault {
        FileVault::new(self.dir.join("keys"))
    }

    fn keep_key(&self, key: &SecretKey, vault: Option<&dyn Vault>) -> Result<(), InstallationError> {
        let own = self.vault();
        let author = key.key().author();
        vault.unwrap_or(&own).keep(author, key).map_err(|source| InstallationError::Key { author, source })
    }

    /// Has the store made if there is none. `make` makes it under another name first, so that the
    /// remains of an interrupted start are never taken for a store.
    ///
    /// # Errors
    ///
    /// [`InstallationError`], or what `make` says; there is no store then.
    ///
    /// # Durability
    ///
    /// When this returns, the name of the store survives a loss of power; its content is `make`'s affair.
    pub fn make_store<E: From<InstallationError>>(&self, make: impl FnOnce(&Path) -> Result<(), E>) -> Result<(), E> {
        let (store, draft) = (self.store(), self.dir.join("store.new"));
        let state = self.dir.parent().unwrap_or(&self.dir);
        let _lock = lock(&state.join("lock"))?;
        // A store that cannot be examined exists, and must not be replaced.
        if patiently(&store, || store.try_exists()).map_err(|source| failed(&store, source))? {
            return Ok(());
        }
        match patiently(&draft, || fs::remove_file(&draft)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(&draft, error).into()),
            _ => {}
        }
        make(&draft)?;
        let put = patiently(&store, || fs::rename(&draft, &store)).and_then(|()| sync_dir(&self.dir));
        put.map_err(|source| failed(&store, source).into())
    }

    /// Returns the fingerprint of its store, which distinguishes it from a copy.
    ///
    /// # Errors
    ///
    /// [`InstallationError::Failed`], also when there is no store.
    pub fn fingerprint(&self) -> Result<Fingerprint, InstallationError> {
        let store = self.store();
        patiently(&store, || Fingerprint::of(&store)).map_err(|source| failed(&store, source))
    }

    /// Returns the identity of the directory that held the session at the last scan, if the system
    /// tells directories apart.
    pub fn home(&self) -> Option<Home> {
        state_file::read(&self.dir, HOME).ok()??.parse().ok()
    }

    /// Returns the name of the folder when the installation was made. It stays the session's name
    /// when the folder is renamed.
    pub fn called(&self) -> Option<String> {
        state_file::read(&self.dir, CALLED).ok().flatten()
    }

    /// Returns the path of the store.
    pub fn store(&self) -> PathBuf {
        self.dir.join("store.redb")
    }

    /// Returns where the content of files is kept.
    pub fn shelf(&self) -> FileShelf {
        FileShelf::new(self.dir.join("files"))
    }

    /// Returns the directory for messages on their way.
    pub fn staging(&self) -> PathBuf {
        self.dir.join("staging")
    }

    /// Notes which program has the installation open. Only the holder of the store's lock may do so.
    ///
    /// # Errors
    ///
    /// [`InstallationError::Failed`].
    pub fn set_holder(&self, holder: &str) -> Result<(), InstallationError> {
        let path = self.dir.join(HOLDER);
        patiently(&path, || fs::write(&path, holder)).map_err(|source| failed(&path, source))
    }

    /// Returns the program that noted last that it has the installation open; it may have ended
    /// since. `None`: it was never open.
    ///
    /// # Errors
    ///
    /// [`InstallationError::Failed`].
    pub fn holder(&self) -> Result<Option<String>, InstallationError> {
        state_file::read(&self.dir, HOLDER)
    }

    /// Returns why this installation belongs to the folder, if it does.
    fn claim(&self, asked: &Asked, authors: &BTreeSet<AuthorId>) -> Result<Option<Claim>, InstallationError> {
        let Some(remembered) = self.remembered()? else { return Ok(None) };
        let folder = &asked.spelling.resolved;
        if asked.is_away {
            let is_alike = || remembered.is_like(&asked.spelling).then_some(Claim::Alike);
            return Ok(if remembered.is(&asked.spelling) { Some(Claim::Remembered) } else { is_alike() });
        }
        // A link that leads elsewhere now leads to the same session, unless that is still in its place.
        let is_relinked = || remembered.given == asked.spelling.given && !remembered.resolved.is_dir();
        let is_same = is_one_directory(&remembered.resolved, folder) || is_relinked();
        let own = self.authors()?;
        if !own.iter().any(|author| authors.contains(author)) {
            let is_home = || Home::of(folder).ok().flatten().is_some_and(|home| self.home() == Some(home));
            return Ok(is_same.then(|| if is_home() { Claim::Deleted } else { Claim::Remembered }));
        }
        let is_in = |folder: &Path| own.iter().any(|author| folder.join(author.to_string()).is_dir());
        Ok(Some(match is_same {
            true => Claim::Stays,
            false if is_in(&remembered.resolved) => Claim::Copy,
            false => Claim::Moved,
        }))
    }

    /// Returns the spelling of its folder; `None` for an installation that was never finished.
    pub(super) fn remembered(&self) -> Result<Option<Spelling>, InstallationError> {
        let path = |name| Ok::<_, InstallationError>(state_file::read_bytes(&self.dir, name)?.map(state_file::path));
        let Some(resolved) = path(FOLDER)? else { return Ok(None) };
        let given = path(GIVEN)?.unwrap_or_else(|| resolved.clone());
        Ok(Some(Spelling { given, resolved }))
    }

    /// Returns every author that it has been, the present one last. Lines that cannot be read are
    /// ignored.
    ///
    /// # Errors
    ///
    /// [`InstallationError::Failed`]: whom it has become since cannot be read.
    pub fn authors(&self) -> Result<Vec<AuthorId>, InstallationError> {
        let lines = state_file::read(&self.dir, AUTHORS)?.unwrap_or_default();
        Ok(iter::once(self.author).chain(lines.lines().filter_map(|line| line.parse().ok())).collect())
    }
}

/// The folder in question.
struct Asked {
    spelling: Spelling,
    is_away: bool,
}

/// Returns the authors with directories in the folder. Those are not opened: one that does not
/// answer would delay all.
fn authors_in(folder: &Path) -> Result<BTreeSet<AuthorId>, InstallationError> {
    let failed = |error| open_error(folder.to_owned(), error);
    let mut authors = BTreeSet::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        if let DirName::Author(author) = DirName::parse(&entry.file_name())
            && entry.file_type().is_ok_and(|file_type| file_type.is_dir())
        {
            authors.insert(author);
        }
    }
    Ok(authors)
}
