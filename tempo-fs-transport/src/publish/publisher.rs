//! Putting a message or a pack into its author's directory: stage, write, sync, rename without replacing, sync the directory.

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
        name::{DirName, FileName, HEAD, STAGED_PREFIX, STAGED_SUFFIX},
        spelling::composed,
    },
    fs::{
        error::is_in_use,
        port::{Fs, sync, sync_name},
    },
    publish::{relay, thinning},
    read::{buffer::Buffers, file::read_head},
    scan::placeholder::StandIns,
};

/// Publishes for authors of this installation, one process at a time.
#[derive(Debug)]
pub(crate) struct Publisher<F: Fs> {
    fs: F,
    folder: PathBuf,
    /// A directory outside the shared folder, for whatever would have the same permissions had it been made in the folder; `None`
    /// when there is none on the same volume.
    staging: Option<F::Dir>,
    /// A directory was made in the folder, perhaps in an earlier life, and its name may not be durable.
    is_root_unsynced: bool,
    /// What the session is called: what the folder was called when the installation was made, links to it aside.
    called: Option<String>,
    /// The authors in whose directories staged files of an earlier process were in use when they were to be swept.
    unswept: BTreeSet<AuthorId>,
    /// The same of the staging directory.
    is_staging_unswept: bool,
}

impl<F: Fs> Publisher<F> {
    /// A publisher that stages in `staging` where that is possible, and sweeps what an earlier process left there.
    pub(crate) fn new(fs: F, folder: PathBuf, staging: Option<&Path>, called: Option<String>) -> Self {
        // Whatever is wrong with it, there is the folder.
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

    /// Sweeps what an earlier process left in an author's directory. What another program holds keeps nothing else waiting, and
    /// is swept with a later head.
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

    /// Sweeps what was in use before. Nothing of this process is staged meanwhile.
    fn sweep_again(&mut self, dir: &F::Dir, author: AuthorId) -> io::Result<()> {
        if let Some(staging) = self.staging.as_ref().filter(|_| self.is_staging_unswept) {
            // What is left there harms nobody.
            self.is_staging_unswept = !sweep(&self.fs, staging, |_| true).unwrap_or(false);
        }
        if self.unswept.contains(&author) { self.sweep_staged(dir, author) } else { Ok(()) }
    }

    /// Publishes a message or a pack, unless a stand-in lies there for it. Every way out but success leaves nothing visible.
    pub(crate) fn publish(
        &mut self,
        root: &F::Dir,
        content: &Content,
        durability: Durability,
        stand_ins: &StandIns,
    ) -> Result<Published, PublishError> {
        let is_pack = matches!(FileName::parse(&content.name), FileName::Pack(..));
        let durability = if is_pack && planted!(PackUnsynced) { Durability::Lazy } else { durability };
        let path = self.folder.join(&content.dir).join(&content.name);
        let failed = |error| publish_error(path.display().to_string(), error);
        let dir = self.own_dir(root, &content.dir).map_err(failed)?;
        let target = Target { dir: &dir, name: &content.name };
        if self.is_placeheld(&target, stand_ins).map_err(failed)? {
            return Ok(Published::Already);
        }
        let published = match self.put(&target, &content.bytes, durability).map_err(failed)? {
            Put::Done => Published::New,
            Put::Taken => match self.compare(&target, &content.bytes).map_err(failed)? {
                There::Same | There::Converted => Published::Already,
                // Nothing can be compared or synced before the service fetches it, and it has it whole.
                There::Elsewhere => return Ok(Published::Already),
                There::Remains => {
                    self.replace(&target, &content.bytes, durability).map_err(failed)?;
                    Published::Mended
                }
                There::Other => {
                    let beside = self.publish_beside(&dir, content, durability, stand_ins).map_err(failed)?;
                    return beside.ok_or_else(|| PublishError::Undone { place: path.display().to_string() });
                }
            },
        };
        if durability == Durability::Durable {
            if published == Published::Already && !planted!(NoFsync) {
                self.sync_there(&target).map_err(failed)?;
            }
            sync_name(&self.fs, &dir, target.name).map_err(failed)?;
        }
        Ok(published)
    }

    /// Publishes what another author has written, durably, in a directory that is there for it. What an earlier process has staged
    /// there goes away first.
    pub(crate) fn relay(
        &mut self,
        root: &F::Dir,
        content: &Content,
        stand_ins: &StandIns,
    ) -> Result<Published, PublishError> {
        let failed = |error| publish_error(self.folder.join(&content.dir).display().to_string(), error);
        match self.fs.open_dir(root, &content.dir) {
            Ok(dir) => drop(sweep(&self.fs, &dir, |name| FileName::parse(name) == FileName::Staged).map_err(failed)?),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(failed(error)),
        }
        self.publish(root, content, Durability::Durable, stand_ins)
    }

    /// Removes from the directory that a relayer keeps for an author what the author's own has; how many files that were.
    pub(crate) fn withdraw(
        &mut self,
        root: &F::Dir,
        author: AuthorId,
        relayer: AuthorId,
    ) -> Result<usize, PublishError> {
        let place = self.folder.join(DirName::of(author, Some(relayer))).display().to_string();
        relay::withdraw(&self.fs, root, author, relayer).map_err(|error| publish_error(place, error))
    }

    /// Removes files that hold nothing but messages of a pack that lies there whole and durably; `most` at most.
    pub(crate) fn thin_out(
        &mut self,
        root: &F::Dir,
        pack: &Pack,
        most: usize,
        stand_ins: &StandIns,
    ) -> Result<Vec<(u64, u64)>, PublishError> {
        let content = Content::from(pack);
        let place = self.folder.join(&content.dir).display().to_string();
        self.publish(root, &content, Durability::Durable, stand_ins)?;
        let thinned = self.fs.open_dir(root, &content.dir).and_then(|dir| {
            let target = Target { dir: &dir, name: &content.name };
            // Beside, or only with a service, is no place from which others certainly get it.
            let is_elsewhere = self.is_placeheld(&target, stand_ins)?;
            let is_same = planted!(PackUnread) || matches!(self.compare(&target, &content.bytes)?, There::Same);
            let is_there = !is_elsewhere && is_same;
            if is_there { thinning::thin_out(&self.fs, &dir, pack, most) } else { Ok(Vec::new()) }
        });
        thinned.map_err(|error| publish_error(place, error))
    }

    /// Puts a head in the place of the one before, or of whatever lies there but for a service's placeholder.
    pub(crate) fn leave_head(&mut self, root: &F::Dir, head: &Head, stand_ins: &StandIns) -> Result<(), PublishError> {
        let author = OsString::from(head.author.to_string());
        let name = OsStr::new(HEAD);
        let place = self.folder.join(&author).join(name).display().to_string();
        let failed = |error| publish_error(place.clone(), error);
        let dir = self.own_dir(root, &author).map_err(failed)?;
        self.sweep_again(&dir, head.author).map_err(failed)?;
        let target = Target { dir: &dir, name };
        if self.is_placeheld(&target, stand_ins).map_err(failed)? {
            return Err(failed(io::Error::other("its content is only with the service")));
        }
        // A service that splits the folder gives the pieces other names, and whoever opens one by that name must not part it from
        // the others: what its author has called the session once stays.
        let before = read_head(&self.fs, &dir, name).filter(|before| before.author == head.author);
        let called = before.and_then(|before| before.place).or_else(|| head.place.clone());
        let head = Head { place: called.or_else(|| self.called.clone()), ..head.clone() };
        self.replace(&target, &head.encode(), Durability::Lazy).map_err(failed)
    }

    /// Publishes what has a name that something else has taken, under a name that readers take for a copy of that one:
    /// a message that was sent reaches the others, whoever writes in our place. `None` when those names are taken as well:
    /// something replaces every file, and one more would only be replaced, too.
    fn publish_beside(
        &mut self,
        dir: &F::Dir,
        content: &Content,
        durability: Durability,
        stand_ins: &StandIns,
    ) -> io::Result<Option<Published>> {
        let digest = content.digest.to_string();
        let mut beside = content.name.clone();
        beside.push(format!(".{}", digest.get(..16).unwrap_or(&digest)));
        let mut further = beside.clone();
        further.push(".2");
        for name in [&beside, &further] {
            let target = Target { dir, name };
            if self.is_placeheld(&target, stand_ins)? {
                return Ok(Some(Published::Beside));
            }
            if matches!(self.put(&target, &content.bytes, durability)?, Put::Done) {
                return self.named(&target, durability).map(Some);
            }
            match self.compare(&target, &content.bytes)? {
                There::Same | There::Converted | There::Elsewhere => return self.named(&target, durability).map(Some),
                There::Remains => {
                    self.replace(&target, &content.bytes, durability)?;
                    return self.named(&target, durability).map(Some);
                }
                // Somebody has written over that as well; it may be the only one of its kind.
                There::Other => {}
            }
        }
        Ok(None)
    }

    /// A message lies beside its place, under a name that is as certain as it is to be.
    fn named(&self, target: &Target<'_, F>, durability: Durability) -> io::Result<Published> {
        if durability == Durability::Durable {
            sync_name(&self.fs, target.dir, target.name)?;
        }
        Ok(Published::Beside)
    }

    /// The author's directory, made if need be. Its name is synced before anything is written into it.
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

    /// Syncs what was there already: an earlier publication may have been lazy.
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

    /// Puts the bytes in the place of what lies there: what an interrupted publication of the same bytes left, or a head.
    fn replace(&mut self, target: &Target<'_, F>, bytes: &[u8], durability: Durability) -> io::Result<()> {
        self.staged(target, bytes, durability, |fs, dir, staged| fs.rename_over(dir, staged, target.dir, target.name))
    }

    /// Writes a staged file and has it renamed: outside the folder, or beside the target when it would have other permissions than
    /// a file that is made there, or when that fails outside; once outside proves to be another volume, beside the target from
    /// then on.
    fn staged(
        &mut self,
        target: &Target<'_, F>,
        bytes: &[u8],
        durability: Durability,
        rename: impl Fn(&F, &F::Dir, &OsStr) -> io::Result<()>,
    ) -> io::Result<()> {
        let staged = OsString::from(format!("{STAGED_PREFIX}{:016x}{STAGED_SUFFIX}", self.fs.random()));
        let in_dir = |dir: &F::Dir| {
            let done =
                write_new(&self.fs, dir, &staged, bytes, durability).and_then(|()| rename(&self.fs, dir, &staged));
            if done.is_err() {
                // The first error is the one to report; what cannot be removed now is swept at the next start.
                let _ = self.fs.remove(dir, &staged);
            }
            done
        };
        let outside = self.staging.as_ref().filter(|staging| self.is_alike(staging, target.dir));
        let failed = match outside.map(in_dir) {
            None => return in_dir(target.dir),
            Some(Err(error)) if !planted!(NoFallback) => error,
            Some(done) => return done,
        };
        // What is wrong with the place outside is not wrong with the folder: no room, no permission, gone, another volume.
        match failed.kind() {
            io::ErrorKind::AlreadyExists => Err(failed),
            io::ErrorKind::CrossesDevices => {
                self.staging = None;
                in_dir(target.dir)
            }
            _ => in_dir(target.dir),
        }
    }

    /// Whether files that are made in either directory have equal permissions. They are compared each time, because somebody may
    /// give the folder to others at any time.
    fn is_alike(&self, staging: &F::Dir, dir: &F::Dir) -> bool {
        let heritage = |dir: &F::Dir| self.fs.heritage(dir).ok().flatten();
        planted!(PrivatePermissions) || heritage(dir).is_some_and(|there| heritage(staging) == Some(there))
    }

    /// Whether the name is free because something stands for the file.
    fn is_placeheld(&self, target: &Target<'_, F>, stand_ins: &StandIns) -> io::Result<bool> {
        let is_there = |name: &OsStr| match self.fs.stat(target.dir, name) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            there => there.map(|_| true),
        };
        for stand_in in stand_ins.known_for(target.name) {
            if is_there(&stand_in)? {
                return Ok(true);
            }
        }
        for perhaps in stand_ins.perhaps_for(target.name) {
            if is_there(perhaps)? && !is_there(target.name)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// What lies under the target's name, compared with what should.
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
        // A converted message is longer by its line ends at most.
        let most = usize::try_from(there.len).unwrap_or(usize::MAX).min(2 * expected.len()).max(expected.len());
        let mut buffer = Buffers::default().buffer(most + 1);
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

/// What is to lie under a name in its author's directory, or in that of a relayer.
#[derive(Debug, Clone)]
pub(crate) struct Content {
    dir: OsString,
    name: OsString,
    bytes: Bytes,
    /// What tells it from others of that name.
    digest: Digest,
}

impl Content {
    /// The same in the directory that a relayer keeps for the author.
    pub(crate) fn by(self, author: AuthorId, relayer: AuthorId) -> Self {
        Self { dir: DirName::of(author, Some(relayer)), ..self }
    }
}

impl From<&Frame> for Content {
    fn from(frame: &Frame) -> Self {
        let MessageId { author, counter } = frame.id();
        let name = OsString::from(CounterName::new(counter).as_str());
        Self { dir: DirName::of(author, None), name, bytes: frame.bytes().clone(), digest: frame.digest() }
    }
}

impl From<&Pack> for Content {
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
    /// The same with converted line ends, which readers restore.
    Converted,
    /// Of the right length, and its content is not on this machine.
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

/// Removes what is ours; false when another program holds some of it.
fn sweep<F: Fs>(fs: &F, dir: &F::Dir, is_ours: impl Fn(&OsStr) -> bool) -> io::Result<bool> {
    let mut staged = Vec::new();
    fs.list(dir, &mut |name| {
        if is_ours(name) {
            staged.push(name.to_owned());
        }
        true
    })?;
    let mut is_swept = true;
    for name in staged {
        match fs.remove(dir, &name) {
            Err(error) if is_in_use(&error) => is_swept = false,
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(is_swept)
}
