//! Writing the content of files where the application wants it.

use std::{
    io::{self, Read, SeekFrom},
    ops::ControlFlow,
    path::{Path, PathBuf},
};

use tempo_message::{AttachmentId, CollectError, Manifest, PartRead, Receive};
use thiserror::Error;

use crate::{
    api::session::Session,
    errors::ReadError,
    store::{files::Content, outside::Target, pieces::pass_part, shelf::Stored},
};

/// The reason why a file was not exported. Nothing is left at the target.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ExportError {
    /// No accepted message names it.
    #[error("no message here names the file {id}")]
    Unknown {
        /// The file.
        id: AttachmentId,
    },
    /// The target exists. It is never overwritten.
    #[error("{} exists already", path.display())]
    Exists {
        /// The target.
        path: PathBuf,
    },
    /// Parts have not arrived yet, or are damaged.
    #[error("{have} of {of} parts of the file {id} are here")]
    Incomplete {
        /// The file.
        id: AttachmentId,
        /// The number of parts that are here and whole.
        have: usize,
        /// The number of parts.
        of: usize,
    },
    /// The folder cannot be read.
    #[error(transparent)]
    Folder(#[from] CollectError),
    /// The message that names it cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The target cannot be written.
    #[error("cannot write {}", path.display())]
    Write {
        /// The target, or the file beside it that is renamed to it.
        path: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
}

impl Session {
    /// Writes the content of a file to `to`, which must not exist. What the service keeps online only is fetched; what has not
    /// arrived yet is not waited for. Every part is checked. The content stands under its name when it is complete and
    /// synced, and never before.
    ///
    /// # Errors
    ///
    /// [`ExportError`].
    pub fn export(&self, id: AttachmentId, to: impl AsRef<Path>) -> Result<(), ExportError> {
        let to = to.as_ref();
        let failed = |source: io::Error| match source.kind() {
            io::ErrorKind::AlreadyExists => ExportError::Exists { path: to.to_owned() },
            _ => ExportError::Write { path: to.to_owned(), source },
        };
        let mut exported = self.shared().outside.create(to).map_err(failed)?;
        self.write(id, exported.file(), to)?;
        exported.finish().map_err(failed)
    }

    fn write(&self, id: AttachmentId, out: &mut dyn Target, to: &Path) -> Result<(), ExportError> {
        let shared = self.shared();
        let content = shared.lock().files.records.get(&id).map(|record| record.content.clone());
        let mut worst = ExportError::Unknown { id };
        for manifest in shared.described(id)? {
            let from_here: Option<Box<dyn Stored>> = match (&content, shared.shelf.as_deref()) {
                (Some(Content::Kept), Some(kept)) => kept.open(id).ok(),
                (Some(Content::Original(path)), _) => shared.outside.open(path).ok().map(|file| file as _),
                _ => None,
            };
            let have = from_here.map_or(Ok(0), |mut from| copy_checked(&manifest, from.as_mut(), out));
            let have = have.map_err(|source| ExportError::Write { path: to.to_owned(), source })?;
            let have = if have == manifest.count() { have } else { self.gather(&manifest, out, to)? };
            if have == manifest.count() {
                return Ok(());
            }
            worst = ExportError::Incomplete { id, have, of: manifest.count() };
        }
        Err(worst)
    }

    /// Writes the parts that are in the folder. Returns how many are.
    fn gather(&self, manifest: &Manifest, out: &mut dyn Target, to: &Path) -> Result<usize, ExportError> {
        let mut have = 0;
        for part in manifest.parts() {
            let mut taking = Taking { out, at: part.offset, error: None };
            let read = self.shared().with_parts(|parts| parts.read(&part, true, &mut taking))?;
            if let Some(source) = taking.error {
                return Err(ExportError::Write { path: to.to_owned(), source });
            }
            have += usize::from(read == Some(PartRead::Whole));
        }
        Ok(have)
    }
}

/// Copies content that is on this machine, and checks each part. Returns how many parts are whole. The folder may still have
/// what cannot be read here.
fn copy_checked(manifest: &Manifest, from: &mut dyn Read, out: &mut dyn Target) -> io::Result<usize> {
    out.seek(SeekFrom::Start(0))?;
    let mut whole = 0;
    for part in manifest.parts() {
        if !pass_part(&part, from, |piece| out.write_all(piece))? {
            break;
        }
        whole += 1;
    }
    Ok(whole)
}

struct Taking<'a> {
    out: &'a mut dyn Target,
    at: u64,
    error: Option<io::Error>,
}

impl Receive for Taking<'_> {
    fn begin(&mut self) {
        self.error = self.out.seek(SeekFrom::Start(self.at)).err();
    }

    fn take(&mut self, bytes: &[u8]) -> ControlFlow<()> {
        if self.error.is_none() {
            self.error = self.out.write_all(bytes).err();
        }
        if self.error.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}
