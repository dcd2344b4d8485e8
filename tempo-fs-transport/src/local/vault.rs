//! Where the secret keys of authors are kept.

use std::{
    fmt,
    fs::{self, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
};

use tempo_message::{AuthorId, Cause, SecretKey};
use zeroize::Zeroizing;

use crate::{
    fs::{
        port::{Fs, sync},
        real::RealFs,
    },
    local::state_file::{patiently, sync_dir},
};

/// A place for the secret keys of this machine's authors, for example a key store of the system.
///
/// Who has such a key can write as its author. It never leaves the machine: a store of keys that is synchronized
/// between machines would make them one author.
pub trait Vault: fmt::Debug + Send + Sync {
    /// Returns an author's key, or `None` if it is not here.
    ///
    /// # Errors
    ///
    /// The reason why it is not known whether it is here.
    fn load(&self, author: AuthorId) -> Result<Option<SecretKey>, Cause>;

    /// Keeps an author's key, durably.
    ///
    /// # Errors
    ///
    /// The reason why it may not have been kept. The author is not used then.
    fn keep(&self, author: AuthorId, key: &SecretKey) -> Result<(), Cause>;
}

/// Keys in files that only their owner may read, named after the authors: 32 bytes each, the seed of the key.
#[derive(Debug, Clone)]
pub struct FileVault {
    dir: PathBuf,
}

impl FileVault {
    /// Keeps keys in a directory, which is made with the first one.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into() }
    }

    /// Returns the file of an author's key.
    pub fn path(&self, author: AuthorId) -> PathBuf {
        self.dir.join(author.to_string())
    }
}

impl Vault for FileVault {
    fn load(&self, author: AuthorId) -> Result<Option<SecretKey>, Cause> {
        let path = self.path(author);
        let seed = match patiently(&path, || fs::read(&path)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            seed => Zeroizing::new(seed.map_err(|source| failed("read", &path, &source))?),
        };
        let seed = seed.as_slice().try_into().map_err(|_| damaged(&path, "it must have 32 bytes"))?;
        let key = SecretKey::from_seed(seed);
        let is_its_own = tempo_message::Sign::key(&key).author() == author;
        if is_its_own { Ok(Some(key)) } else { Err(damaged(&path, "it is another author's")) }
    }

    fn keep(&self, author: AuthorId, key: &SecretKey) -> Result<(), Cause> {
        let (path, new) = (self.path(author), self.dir.join(format!("{author}.new")));
        let put = || {
            let is_new = !self.dir.is_dir();
            make_private_dir(&self.dir)?;
            if let Some(parent) = self.dir.parent().filter(|_| is_new) {
                sync_dir(parent)?;
            }
            // What an interrupted attempt left may have other permissions.
            match fs::remove_file(&new) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            let mut file = private().open(&new)?;
            file.write_all(key.as_seed())?;
            sync(|reach| RealFs::default().sync_file(&file, reach))?;
            drop(file);
            fs::rename(&new, &path)?;
            sync_dir(&self.dir)
        };
        patiently(&path, put).map_err(|source| failed("keep", &path, &source))
    }
}

/// Returns a new key, from random numbers of the system.
pub(crate) fn new_key() -> io::Result<SecretKey> {
    let mut seed = Zeroizing::new([0; 32]);
    getrandom::fill(seed.as_mut()).map_err(|error| io::Error::other(error.to_string()))?;
    Ok(SecretKey::from_seed(&seed))
}

fn failed(what: &str, path: &Path, source: &io::Error) -> Cause {
    format!("cannot {what} the secret key in {}: {source}", path.display()).into()
}

fn damaged(path: &Path, why: &str) -> Cause {
    format!("the secret key in {} is damaged: {why}", path.display()).into()
}

/// Options for a new file that only its owner may read. Elsewhere than on Unix the directory of the user's own data has
/// such permissions, which its files inherit.
fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

fn make_private_dir(dir: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir)
}
