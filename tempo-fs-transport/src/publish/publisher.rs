//! Publishing into an author's directory: stage, write, sync, rename without replacing, sync the
//! directory.

use std::{
    collections::BTreeSet,
    ffi::{OsStr, OsString},
    io,
    path::{Path, PathBuf},
};

use bytes::Bytes;
use tempo_message::{
    AuthorId, CounterName, Digest, Durability, FileType, Frame, Head, MessageId, Pack, PublishError, Published,
    planted, restored_frames,
};

use crate::{
    error::publish_error,
    format::{
        name::{BESIDE, DirName, FileName, HEAD},
        spelling::composed,
    },
    fs::port::{Fs, sync, sync_name},
    publish::{
        relay,
        staging::{is_alike, is_of_part, staged_name, sweep},
        thinning,
    },
    read::file::{Buffer, read_head},
    scan::placeholder::Placeholders,
};

/// Publishes for authors of this installation, one process at a time.
#[derive(Debug)]
pub(crate) struct Publisher<F: Fs> {
    fs: F,
    folder: PathBuf,
    /// A directory outside the shared folder, used where its files have the same permissions as
    /// files that are made in the folder; `None` when there is none on the same volume.
    staging: Option<F::Dir>,
    /// The name of a directory in the folder may not be durable; an earlier process may have made
    /// it.
    is_root_unsynced: bool,
    /// The name of the session: the name of the folder when the installation was made, with links
    /// followed.
    called: Option<String>,
    /// The authors with staged files of an earlier process that were in use when they were to be
    /// swept.
    unswept: BTreeSet<AuthorId>,
    /// The staging directory has such files.
    is_staging_unswept: bool,
}

/// The names that are tried for one file: its own and two beside it.
const NAMES: usize = 3;

impl<F: Fs> Publisher<F> {
    /// Creates a publisher that stages in `staging` where that is possible, and sweeps what an
    /// earlier process left there.
    pub(crate) fn new(fs: F, folder: PathBuf, staging: Option<&Path>, called: Option<String>) -> Self {
        // Without it, files are staged in the folder.
        let staging = staging.and_then(|path| fs.open_root(path).ok());
        let is_swept = match &staging {
            Some(dir) if !planted!(NoSweep) => sweep(&fs, dir, |_| true).unwrap_or(false),
            _ => true,
        };
        let real = fs.resolve(&folder).unwrap_or_else(|_| folder.clone());
        let called = called.or_else(|| real.file_name().and_then(|name| composed(name).to_str().map(str::to_owned)));
        let (is_root_unsynced, unswept, is_staging_unswept) = (true, BTreeSet::new(), !is_swept);
        Self { fs, folder, staging, is_root_unsynced, called, unswept, is_staging_unswept }
    }

    /// Makes the author's directory, and sweeps what an earlier process left in it.
    pub(crate) fn join(&mut self, root: &F::Dir, author: AuthorId) -> Result<(), PublishError> {
        let name = OsString::from(author.to_string());
        let place = self.folder.join(&name).display().to_string();
        let failed = |error| publish_error(place.clone(), error);
        let dir = self.own_dir(root, &name).map_err(failed)?;
        self.sweep_staged(&dir, author).map_err(failed)
    }

    /// Sweeps what an earlier process left in an author's directory. A file that another program
    /// holds is swept with a later head.
    fn sweep_staged(&mut self, dir: &F::Dir, author: AuthorId) -> io::Result<()> {
        if planted!(NoSweep) {
            return Ok(());
        }
        if sweep(&self.fs, dir, |name| FileName::parse(name) == FileName::Staged)? {
            self.unswept.remove(&author);
        } else {
            self.unswept.insert(author);
        }
        Ok(())
    }

    /// Sweeps what was in use before. Only parts of this process are staged meanwhile.
    fn sweep_again(&mut self, dir: &F::Dir, author: AuthorId) -> io::Result<()> {
        if let Some(staging) = self.staging.as_ref().filter(|_| self.is_staging_unswept) {
            // What is left there does no harm.
            self.is_staging_unswept = !sweep(&self.fs, staging, |name| !is_of_part(name)).unwrap_or(false);
        }
        if self.unswept.contains(&author) { self.sweep_staged(dir, author) } else { Ok(()) }
    }

    /// Publishes a message or a pack, unless there is a placeholder for it. On failure nothing
    /// becomes visible.
    ///
    /// When something else has its name, it gets one that readers take for a conflict copy: a
    /// message that was sent reaches the others. Such a copy is always durable, because a comparison
    /// by names and lengths takes the other file for the message and would not miss the copy. When
    /// such names are taken as well, something replaces every file, and would replace one more.
    pub(crate) fn publish(
        &mut self,
        root: &F::Dir,
        content: &Publication,
        durability: Durability,
        placeholders: &Placeholders,
    ) -> Result<Published, PublishError> {
        let is_pack = matches!(FileName::parse(&content.name), FileName::Pack(..));
        let durability = if is_pack && planted!(PackUnsynced) { Durability::Lazy } else { durability };
        let path = self.folder.join(&content.dir).join(&content.name);
        let failed = |error| publish_error(path.display().to_string(), error);
        let dir = self.own_dir(root, &content.dir).map_err(failed)?;
        let digest = content.digest.to_string();
        let beside = digest.get(..BESIDE).unwrap_or(&digest);
        for number in 0..if planted!(NamesWithoutEnd) { usize::MAX } else { NAMES } {
            let mut name = content.name.clone();
            match number {
                0 => {}
                1 => name.push(format!(".{beside}")),
                _ => name.push(format!(".{beside}.{number}")),
            }
            let durability = if number > 0 { Durability::Durable } else { durability };
            let target = Target { dir: &dir, name: &name };
            let published = self.publish_as(&target, &content.bytes, durability, placeholders).map_err(failed)?;
            if let Some(published) = published {
                return Ok(if number > 0 { Published::Displaced } else { published });
            }
        }
        Err(PublishError::Undone { place: path.display().to_string() })
    }

    /// Publishes under one name; `None` when something else has it.
    fn publish_as(
        &mut self,
        target: &Target<'_, F>,
        bytes: &Bytes,
        durability: Durability,
        placeholders: &Placeholders,
    ) -> io::Result<Option<Published>> {
        if self.is_placeheld(target, placeholders)? {
            return Ok(Some(Published::Already));
        }
        let published = match self.put(target, bytes, durability)? {
            Put::Done => Published::New,
            Put::Taken => match self.compare(target, bytes)? {
                There::Same | There::Converted => Published::Already,
                // It cannot be compared or synced before the service fetches it, and the service has
                // it whole.
                There::Elsewhere => return Ok(Some(Published::Already)),
                There::Remains => {
                    self.replace(target, bytes, durability)?;
                    Published::Mended
                }
                // It may be the only one of its kind.
                There::Other => return Ok(None),
            },
        };
        if durability == Durability::Durable {
            if published == Published::Already && !planted!(NoFsync) {
                self.sync_there(target)?;
            }
            sync_name(&self.fs, target.dir, target.name)?;
        }
        Ok(Some(published))
    }

    /// Publishes another author's message or pack durably, in a directory of the relayer. Sweeps
    /// first what an earlier process has staged there.
    pub(crate) fn relay(
        &mut self,
        root: &F::Dir,
        content: &Publication,
        placeholders: &Placeholders,
    ) -> Result<Published, PublishError> {
        let failed = |error| publish_error(self.folder.join(&content.dir).display().to_string(), error);
        match self.fs.open_dir(root, &content.dir) {
            Ok(dir) => drop(sweep(&self.fs, &dir, |name| FileName::parse(name) == FileName::Staged).map_err(failed)?),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(failed(error)),
        }
        self.publish(root, content, Durability::Durable, placeholders)
    }

    /// Removes from a relayer's directory the files that the author's own directory has; returns how
    /// many.
    pub(crate) fn withdraw(
        &mut self,
        root: &F::Dir,
        author: AuthorId,
        relayer: AuthorId,
    ) -> Result<usize, PublishError> {
        let place = self.folder.join(DirName::of(author, Some(relayer))).display().to_string();
        relay::withdraw(&self.fs, root, author, relayer).map_err(|error| publish_error(place, error))
    }

    /// Removes at most `most` files with nothing but messages of a pack that is there whole and
    /// durable.
    pub(crate) fn thin_out(
        &mut self,
        root: &F::Dir,
        pack: &Pack,
        most: usize,
        placeholders: &Placeholders,
    ) -> Result<Vec<(u64, u64)>, PublishError> {
        let content = Publication::from(pack);
        let place = self.folder.join(&content.dir).display().to_string();
        self.publish(root, &content, Durability::Durable, placeholders)?;
        let thinned = self.fs.open_dir(root, &content.dir).and_then(|dir| {
            let target = Target { dir: &dir, name: &content.name };
            // A copy beside, or a file that only the service has, does not certainly reach the
            // others.
            let is_elsewhere = self.is_placeheld(&target, placeholders)?;
            let is_same = planted!(PackUnread) || matches!(self.compare(&target, &content.bytes)?, There::Same);
            let is_there = !is_elsewhere && is_same;
            if is_there { thinning::thin_out(&self.fs, &dir, pack, most) } else { Ok(Vec::new()) }
        });
        thinned.map_err(|error| publish_error(place, error))
    }

    /// Replaces the author's head, or anything else with its name, except a service's placeholder.
    pub(crate) fn leave_head(
        &mut self,
        root: &F::Dir,
        head: &Head,
        placeholders: &Placeholders,
    ) -> Result<(), PublishError> {
        let author = OsString::from(head.author.to_string());
        let name = OsStr::new(HEAD);
        let place = self.folder.join(&author).join(name).display().to_string();
        let failed = |error| publish_error(place.clone(), error);
        let dir = self.own_dir(root, &author).map_err(failed)?;
        self.sweep_again(&dir, head.author).map_err(failed)?;
        let target = Target { dir: &dir, name };
        if self.is_placeheld(&target, placeholders).map_err(failed)? {
            return Err(failed(io::Error::other("its content is only with the service")));
        }
        // A service that splits the folder gives its parts other names, and a member that opens one
        // by that name must not separate it from the others: the first name that the author gave
        // stays.
        let before = read_head(&self.fs, &dir, name).filter(|before| before.author == head.author);
        let called = before.and_then(|before| before.place).or_else(|| head.place.clone());
        let head = Head { place: called.or_else(|| self.called.clone()), ..head.clone() };
        self.replace(&target, &head.encode(), Durability::Lazy).map_err(failed)
    }

    /// Opens the author's directory, or makes it. Its name is synced before anything is written into
    /// it.
    fn own_dir(&mut self, root: &F::Dir, name: &OsStr) -> io::Result<F::Dir> {
        let dir = match self.fs.open_dir(root, name) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.is_root_unsynced = true;
                match self.fs.create_dir(root, name) {
                    Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
                    _ => self.fs.open_dir(root, name)?,
                }
            }
            opened => opened?,
        };
        if self.is_root_unsynced {
            sync(|reach| self.fs.sync_dir(root, reach))?;
            self.is_root_unsynced = false;
        }
        Ok(dir)
    }

    /// Syncs a file that was there already: an earlier publication may have been lazy.
    fn sync_there(&self, target: &Target<'_, F>) -> io::Result<()> {
        if planted!(SyncToRead) {
            let file = self.fs.open(target.dir, target.name)?;
            return sync(|reach| self.fs.sync_file(&file, reach));
        }
        sync(|reach| self.fs.sync_named(target.dir, target.name, reach))
    }

    /// Stages the bytes and renames them to the target, unless that name is taken.
    fn put(&mut self, target: &Target<'_, F>, bytes: &[u8], durability: Durability) -> io::Result<Put> {
        if planted!(InPlace) {
            let written = write_new(&self.fs, target.dir, target.name, bytes, durability);
            return written.map(|()| Put::Done);
        }
        // Nothing is staged for a name that is taken: most calls for one only make sure that all is well.
        match self.fs.stat(target.dir, target.name) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            there => return there.map(|_| Put::Taken),
        }
        let renamed = self.staged(target, bytes, durability, |fs, dir, staged| {
            if planted!(RenameReplaces) {
                return fs.rename_over(dir, staged, target.dir, target.name);
            }
            fs.rename_new(dir, staged, target.dir, target.name)
        });
        match renamed {
            Ok(()) => Ok(Put::Done),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(Put::Taken),
            Err(error) => Err(error),
        }
    }

    /// Replaces a file: the remains of an interrupted publication, or a head.
    fn replace(&mut self, target: &Target<'_, F>, bytes: &[u8], durability: Durability) -> io::Result<()> {
        self.staged(target, bytes, durability, |fs, dir, staged| fs.rename_over(dir, staged, target.dir, target.name))
    }

    /// Writes a staged file and has it renamed. It is staged outside the folder, or beside the
    /// target when its permissions would differ or staging outside fails. Once outside proves to be
    /// another volume, files are staged beside the target.
    fn staged(
        &mut self,
        target: &Target<'_, F>,
        bytes: &[u8],
        durability: Durability,
        rename: impl Fn(&F, &F::Dir, &OsStr) -> io::Result<()>,
    ) -> io::Result<()> {
        let staged = staged_name(&self.fs);
        let in_dir = |dir: &F::Dir| {
            let done =
                write_new(&self.fs, dir, &staged, bytes, durability).and_then(|()| rename(&self.fs, dir, &staged));
            if done.is_err() {
                // The first error is the one to report; what cannot be removed now is swept at the next start.
                let _ = self.fs.remove(dir, &staged);
            }
            done
        };
        let outside = self.staging.as_ref().filter(|staging| is_alike(&self.fs, staging, target.dir));
        let failed = match outside.map(in_dir) {
            None => return in_dir(target.dir),
            Some(Err(error)) if !planted!(NoFallback) => error,
            Some(done) => return done,
        };
        // The folder may work where the staging directory fails: no room, no permission, gone,
        // another volume.
        match failed.kind() {
            io::ErrorKind::AlreadyExists => Err(failed),
            io::ErrorKind::CrossesDevices => {
                self.staging = None;
                in_dir(target.dir)
            }
            _ => in_dir(target.dir),
        }
    }

    /// Returns whether a placeholder stands for the file.
    fn is_placeheld(&self, target: &Target<'_, F>, placeholders: &Placeholders) -> io::Result<bool> {
        let is_there = |name: &OsStr| match self.fs.stat(target.dir, name) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            there => there.map(|_| true),
        };
        for placeholder in placeholders.known_for(target.name) {
            if is_there(&placeholder)? {
                return Ok(true);
            }
        }
        for perhaps in placeholders.perhaps_for(target.name) {
            if is_there(perhaps)? && !is_there(target.name)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Compares the file that has the target's name with the expected bytes.
    fn compare(&self, target: &Target<'_, F>, expected: &Bytes) -> io::Result<There> {
        let there = self.fs.stat(target.dir, target.name)?;
        if there.file_type != FileType::File {
            return Ok(There::Other);
        }
        if there.online_only && !planted!(OpenOnlineOnly) {
            let is_full = u64::try_from(expected.len()) == Ok(there.len);
            return Ok(if is_full { There::Elsewhere } else { There::Other });
        }
        let mut file = self.fs.open(target.dir, target.name)?;
        // Converted line ends make a message longer by at most this much.
        let most = usize::try_from(there.len).unwrap_or(usize::MAX).min(2 * expected.len()).max(expected.len());
        let mut buffer = Buffer::new(most + 1);
        let read = self.fs.read(&mut file, buffer.as_mut())?;
        let bytes = buffer.into_bytes(read);
        // A loss of power cuts a file short or leaves zeros where the content was to come.
        let kept = bytes.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
        let kept = bytes.get(..kept).unwrap_or_default();
        Ok(if bytes == *expected || planted!(TakenIsPublished) {
            There::Same
        } else if bytes.len() <= expected.len() && expected.starts_with(kept) && !planted!(NoMend) {
            There::Remains
        } else if restored_frames(&bytes).as_ref() == Some(expected) {
            There::Converted
        } else {
            There::Other
        })
    }
}

/// A file to be published, in the directory of its author or of a relayer.
#[derive(Debug, Clone)]
pub(crate) struct Publication {
    dir: OsString,
    name: OsString,
    bytes: Bytes,
    /// Distinguishes it from others of that name.
    digest: Digest,
}

impl Publication {
    /// Returns the same file for the directory of a relayer.
    pub(crate) fn by(self, author: AuthorId, relayer: AuthorId) -> Self {
        Self { dir: DirName::of(author, Some(relayer)), ..self }
    }
}

impl From<&Frame> for Publication {
    fn from(frame: &Frame) -> Self {
        let MessageId { author, counter } = frame.id();
        let name = OsString::from(CounterName::new(counter).as_str());
        Self { dir: DirName::of(author, None), name, bytes: frame.bytes().clone(), digest: frame.digest() }
    }
}

impl From<&Pack> for Publication {
    fn from(pack: &Pack) -> Self {
        let name = OsString::from(format!("{}-{}", CounterName::new(pack.first()), CounterName::new(pack.last())));
        Self {
            dir: DirName::of(pack.author(), None),
            name,
            bytes: pack.bytes().clone(),
            digest: Digest::of(pack.bytes()),
        }
    }
}

struct Target<'a, F: Fs> {
    dir: &'a F::Dir,
    name: &'a OsStr,
}

enum Put {
    Done,
    Taken,
}

enum There {
    Same,
    /// Equal but for converted line ends, which readers restore.
    Converted,
    /// The right length, and not on this machine.
    Elsewhere,
    Remains,
    Other,
}

fn write_new<F: Fs>(fs: &F, dir: &F::Dir, name: &OsStr, bytes: &[u8], durability: Durability) -> io::Result<()> {
    let mut file = fs.create(dir, name)?;
    fs.write(&mut file, bytes)?;
    match durability {
        Durability::Durable if !planted!(NoFsync) => sync(|reach| fs.sync_file(&file, reach)),
        Durability::Durable | Durability::Lazy => Ok(()),
    }
}
