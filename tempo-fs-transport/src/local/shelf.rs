//! The content of files that an installation sends or has fetched.

use std::{
    fs::{self, File, OpenOptions},
    io,
    path::{Path, PathBuf},
};

use tempo_message::AttachmentId;

use crate::{
    fs::{port::Fs, real::RealFs},
    local::{
        local_file::LocalFile,
        state_file::{patiently, sync_dir},
    },
};

/// A directory of files that are named after their ids, and of files that are still being written, which have other
/// names. It is made when it is needed.
#[derive(Debug, Clone)]
pub struct FileShelf {
    dir: PathBuf,
}

impl FileShelf {
    /// Keeps files in a directory.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into() }
    }

    /// Opens a file that is being written, from its beginning; makes it if there is none.
    ///
    /// # Errors
    ///
    /// As the system has them.
    pub fn stage(&self, name: &str) -> io::Result<LocalFile> {
        self.make()?;
        let path = self.dir.join(name);
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        patiently(&path, || options.open(&path)).map(LocalFile)
    }

    /// Makes a file that is being written of the blocks of another one. Returns false where the system cannot.
    ///
    /// # Errors
    ///
    /// As the system has them.
    pub fn share(&self, from: &Path, name: &str) -> io::Result<bool> {
        self.make()?;
        share(from, &self.dir.join(name))
    }

    /// Returns the number of bytes that are free for files; `None` where the system does not say so.
    pub fn free(&self) -> Option<u64> {
        let fs = RealFs::default();
        let dir = self.dir.ancestors().find_map(|dir| fs.open_root(dir).ok())?;
        fs.volume(&dir).ok()?.free_bytes
    }

    /// Gives a file that was written and synced its lasting name, durably.
    ///
    /// # Errors
    ///
    /// As the system has them.
    pub fn keep(&self, name: &str, id: AttachmentId) -> io::Result<()> {
        let (from, to) = (self.dir.join(name), self.path(id));
        match patiently(&to, || fs::rename(&from, &to)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound && to.exists() => Ok(()),
            kept => kept.and_then(|()| sync_dir(&self.dir)),
        }
    }

    /// Removes a file that was being written.
    ///
    /// # Errors
    ///
    /// As the system has them.
    pub fn discard(&self, name: &str) -> io::Result<()> {
        gone(&self.dir.join(name))
    }

    /// Opens the content of a file.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::NotFound`] if it is not here.
    pub fn open(&self, id: AttachmentId) -> io::Result<LocalFile> {
        let path = self.path(id);
        patiently(&path, || File::open(&path)).map(LocalFile)
    }

    /// Returns the path that the content of a file has.
    pub fn path(&self, id: AttachmentId) -> PathBuf {
        self.dir.join(id.to_string())
    }

    /// Removes the content of a file.
    ///
    /// # Errors
    ///
    /// As the system has them.
    pub fn remove(&self, id: AttachmentId) -> io::Result<()> {
        gone(&self.path(id))
    }

    fn make(&self) -> io::Result<()> {
        if self.dir.is_dir() {
            return Ok(());
        }
        fs::create_dir_all(&self.dir)?;
        self.dir.parent().map_or(Ok(()), sync_dir)
    }
}

fn gone(path: &Path) -> io::Result<()> {
    match patiently(path, || fs::remove_file(path)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

/// Makes a file that shares the blocks of another one, so that it takes no time and no room. Returns false where the
/// file system or the system cannot.
fn share(from: &Path, to: &Path) -> io::Result<bool> {
    let shared = share_blocks(from, to)?;
    if !shared {
        gone(to)?;
    }
    Ok(shared)
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn share_blocks(from: &Path, to: &Path) -> io::Result<bool> {
    let from = File::open(from)?;
    let new = OpenOptions::new().write(true).create_new(true).open(to)?;
    // Whatever keeps it from sharing, copying may succeed or will say more.
    Ok(rustix::fs::ioctl_ficlone(&new, &from).is_ok())
}

#[cfg(target_os = "macos")]
fn share_blocks(from: &Path, to: &Path) -> io::Result<bool> {
    if to.exists() {
        return Err(io::ErrorKind::AlreadyExists.into());
    }
    let (from, dir) = (File::open(from)?, to.parent().map_or(Ok(None), |dir| File::open(dir).map(Some))?);
    let Some((dir, name)) = dir.zip(to.file_name()) else { return Ok(false) };
    Ok(rustix::fs::fclonefileat(&from, &dir, name, rustix::fs::CloneFlags::empty()).is_ok())
}

#[cfg(not(any(target_os = "linux", target_os = "android", target_os = "macos")))]
#[allow(clippy::unnecessary_wraps, reason = "elsewhere it can fail")]
fn share_blocks(_: &Path, _: &Path) -> io::Result<bool> {
    Ok(false)
}
