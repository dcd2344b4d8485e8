//! Attaching files: describing their content, and keeping it until every part is in the folder.

use std::{
    io::{self, Read, Write},
    path::{Path, PathBuf},
    process,
    sync::atomic::{AtomicU64, Ordering},
};

use tempo_message::{
    Attachment, AttachmentId, BadManifest, MAX_ATTACHMENT, MAX_ATTACHMENT_NAME, Manifest, ManifestHasher, planted,
};
use thiserror::Error;

use crate::{
    api::session::Session,
    store::{
        error::StoreError,
        files::{Content, FileRecord},
        pieces::PIECE,
        room::NoRoom,
        shelf::Shelf,
    },
};

/// Who keeps the content of an attached file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// The session keeps a copy, which takes no room where the file system can share blocks. The original may then be
    /// changed or removed.
    Copy,
    /// The application: it leaves the original as and where it is until the file is [published](crate::status::Sending).
    /// If it changes before, the parts that are missing are not sent, and the status says so.
    Original,
}

/// The reason why a file was not attached.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum AttachError {
    /// The file cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
    /// It is a directory, a pipe or a device.
    #[error("{} is not a file", path.display())]
    NotAFile {
        /// The path.
        path: PathBuf,
    },
    /// It is empty or too large.
    #[error("a file to send has 1 to {MAX_ATTACHMENT} bytes")]
    Size(#[from] BadManifest),
    /// It was written to while it was read.
    #[error("{} changes while it is read; attach it when it is complete", path.display())]
    Changing {
        /// The file.
        path: PathBuf,
    },
    /// Its path cannot be noted, so the original cannot be used: have a copy made.
    #[error("the path {} is not Unicode; attach a copy of the file", path.display())]
    Path {
        /// The path.
        path: PathBuf,
    },
    /// The content could not be kept. It is [`NoRoom`](crate::error::NoRoom) if less would be left free than files may leave.
    #[error("the content of the file could not be kept")]
    Keep(#[source] io::Error),
    /// The files that are not released yet would take more room in the folder than the limit allows.
    #[error("own files would take {needed} bytes in the folder, at most {quota} are allowed; release some")]
    Quota {
        /// The number of bytes with this file.
        needed: u64,
        /// The limit.
        quota: u64,
    },
    /// This session keeps no files, or its folder carries none.
    #[error("this session sends no files; open it as a member of a folder")]
    Unsupported,
    /// What is known of the file could not be stored.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Session {
    /// Prepares a file to be sent with a message: describes its content by hashes, and keeps it. Reads the whole file; call it
    /// where that may take its time. Attaching equal content again keeps it once.
    ///
    /// The attachment has the file's name and no media type; change both as you like.
    ///
    /// # Durability
    ///
    /// When this returns, the content is durable with [`Keep::Copy`], so [`send_with`](Self::send_with) promises what no
    /// power loss undoes.
    ///
    /// # Errors
    ///
    /// [`AttachError`]. Nothing is kept then.
    pub fn attach(&self, path: impl AsRef<Path>, keep: Keep) -> Result<Attachment, AttachError> {
        let path = path.as_ref();
        let failed = |source| AttachError::Read { path: path.to_owned(), source };
        let original = std::path::absolute(path).map_err(failed)?;
        let opened = self.shared().outside.open(&original).map_err(|source| match source.kind() {
            io::ErrorKind::InvalidInput | io::ErrorKind::IsADirectory => {
                AttachError::NotAFile { path: path.to_owned() }
            }
            _ => failed(source),
        });
        let mut file = opened?;
        let before = file.state().map_err(failed)?;
        let exponent = Manifest::exponent_for(before.0, self.shared().part_exponent);
        let manifest = match keep {
            Keep::Original if original.to_str().is_none() => return Err(AttachError::Path { path: original }),
            Keep::Original => {
                let manifest = describe_all(&mut file, exponent).map_err(|error| error.of(path))?;
                self.note_attached(&manifest, Content::Original(original))?;
                manifest
            }
            Keep::Copy => self.keep_copy((Some(&original), before.0), &mut file, exponent)?,
        };
        let after = file.state().map_err(failed)?;
        if before != after || manifest.length() != after.0 {
            self.forget_file(manifest.id())?;
            return Err(AttachError::Changing { path: path.to_owned() });
        }
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        Ok(Attachment { manifest, name: shortened(name), media_type: String::new() })
    }

    /// Prepares bytes to be sent as a file, like [`attach`](Self::attach) with [`Keep::Copy`]: at most 64 GiB, because their
    /// number is not known before.
    ///
    /// # Errors
    ///
    /// [`AttachError`]; of the variants about paths none.
    pub fn attach_bytes(&self, from: &mut dyn Read, name: &str) -> Result<Attachment, AttachError> {
        let manifest = self.keep_copy((None, 0), from, self.shared().part_exponent)?;
        Ok(Attachment { manifest, name: shortened(name.to_owned()), media_type: String::new() })
    }

    /// Forgets a file that was attached, if no accepted message of this installation names it.
    fn forget_file(&self, id: AttachmentId) -> Result<(), AttachError> {
        let state = self.shared().lock();
        let is_named = state.core.namers(id).iter().any(|namer| state.core.is_own(namer.author));
        drop(state);
        if !is_named {
            self.shared().note_file(id, |it| *it = None)?;
            self.keeper()?.remove(id).map_err(AttachError::Keep)?;
        }
        Ok(())
    }

    /// Removes content of which nothing could be noted.
    fn drop_unknown(&self, keeper: &dyn Shelf, id: AttachmentId) {
        if !self.shared().lock().files.records.contains_key(&id) {
            let _ = keeper.remove(id);
        }
    }

    fn keeper(&self) -> Result<&dyn Shelf, AttachError> {
        let is_carried = !self.shared().lock().files.has_no_carrier;
        self.shared().shelf.as_deref().filter(|_| is_carried && self.author().is_some()).ok_or(AttachError::Unsupported)
    }

    /// Keeps content of a file, or of this length as far as that is known.
    fn keep_copy(
        &self,
        (path, length): (Option<&Path>, u64),
        from: &mut dyn Read,
        exponent: u8,
    ) -> Result<Manifest, AttachError> {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let keeper = self.keeper()?;
        let name = format!("new-{}-{}", process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let copied = copy((keeper, self.shared().files_reserve), &name, (path, length), from, exponent);
        let kept = copied.map_err(|error| error.of(path.unwrap_or(Path::new("the content")))).and_then(|manifest| {
            self.check_quota(&manifest)?;
            keeper.keep(&name, manifest.id()).map_err(AttachError::Keep)?;
            let noted = self.note_attached(&manifest, Content::Kept);
            noted.inspect_err(|_| self.drop_unknown(keeper, manifest.id()))?;
            Ok(manifest)
        });
        if kept.is_err() {
            let _ = keeper.discard(&name);
        }
        kept
    }

    fn note_attached(&self, manifest: &Manifest, content: Content) -> Result<(), AttachError> {
        self.keeper()?;
        self.check_quota(manifest)?;
        let noted = self.shared().note_file(manifest.id(), |it| match it {
            // A copy of one's own is better than an original.
            Some(record) if record.is_of(manifest) => {
                record.is_own = true;
                if record.content != Content::Kept {
                    record.content = content;
                }
            }
            _ => *it = Some(FileRecord { is_own: true, ..FileRecord::new(manifest, content) }),
        });
        Ok(noted?)
    }

    fn check_quota(&self, manifest: &Manifest) -> Result<(), AttachError> {
        let Some(quota) = self.shared().files_quota else { return Ok(()) };
        let state = self.shared().lock();
        let own = state.files.records.iter().filter(|(id, record)| record.is_own && **id != manifest.id());
        let needed = own.map(|(_, record)| record.length).fold(manifest.length(), u64::saturating_add);
        if needed > quota { Err(AttachError::Quota { needed, quota }) } else { Ok(()) }
    }
}

/// The reason why content was not described or copied.
enum CopyError {
    Read(io::Error),
    Size(BadManifest),
    Write(io::Error),
}

impl CopyError {
    fn of(self, path: &Path) -> AttachError {
        match self {
            Self::Read(source) => AttachError::Read { path: path.to_owned(), source },
            Self::Size(bad) => AttachError::Size(bad),
            Self::Write(source) => AttachError::Keep(source),
        }
    }
}

fn copy(
    (shelf, reserve): (&dyn Shelf, u64),
    name: &str,
    (path, length): (Option<&Path>, u64),
    from: &mut dyn Read,
    exponent: u8,
) -> Result<Manifest, CopyError> {
    let is_shared = path.map_or(Ok(false), |path| shelf.share(path, name)).map_err(CopyError::Write)?;
    let mut staged = shelf.stage(name).map_err(CopyError::Write)?;
    let manifest = if is_shared {
        describe_all(&mut staged, exponent)?
    } else {
        let check = |bytes| NoRoom::check(shelf.free(), reserve, bytes).map_err(io::Error::from);
        check(length).map_err(CopyError::Write)?;
        pump(from, exponent, |piece| {
            check(piece.len() as u64)?;
            staged.write_all(piece)
        })?
    };
    if !planted!(PartsBeforeStore) {
        staged.sync().map_err(CopyError::Write)?;
    }
    Ok(manifest)
}

fn describe_all(from: &mut dyn Read, exponent: u8) -> Result<Manifest, CopyError> {
    pump(from, exponent, |_| Ok(()))
}

/// Describes bytes and hands each piece on.
fn pump(from: &mut dyn Read, exponent: u8, mut to: impl FnMut(&[u8]) -> io::Result<()>) -> Result<Manifest, CopyError> {
    let (mut hasher, mut piece) = (ManifestHasher::new(exponent), vec![0; PIECE]);
    loop {
        let read = match from.read(&mut piece) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            read => read.map_err(CopyError::Read)?,
        };
        let Some(now) = piece.get(..read).filter(|now| !now.is_empty()) else { break };
        hasher.update(now).map_err(CopyError::Size)?;
        to(now).map_err(CopyError::Write)?;
    }
    hasher.finish().map_err(CopyError::Size)
}

/// Cuts a name so that it is allowed.
fn shortened(mut name: String) -> String {
    while name.len() > MAX_ATTACHMENT_NAME {
        name.pop();
    }
    if name.is_empty() { "file".to_owned() } else { name }
}
