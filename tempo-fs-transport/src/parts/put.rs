//! Putting a part into an author's place: stage, write, check, sync, rename without replacing.

use std::{
    collections::BTreeSet,
    ffi::{OsStr, OsString},
    io::{self, Read},
    path::PathBuf,
};

use tempo_message::{AuthorId, Durability, FileType, Part, PartCheck, PublishError, Published, PutError, planted};

use crate::{
    error::publish_error,
    format::{
        name::{DirName, FILES, FileName, PLACEHOLDERS},
        part::{PartKey, PartName, own_names},
    },
    fs::{
        error::is_full,
        port::{Fs, names_in, sync, sync_name},
    },
    parts::{search::Memory, site::Site},
    publish::{
        staging::{is_alike, staged_part_name, sweep},
        writer::UNDONE,
    },
    read::file::{Buffer, read_bare},
    scan::placeholder::{LARGEST, may_be_placeholder},
};

/// The bytes that are read and written together: all the memory that a part needs.
pub(super) const PIECE: usize = 1024 * 1024;

/// What has the name of a part.
enum There {
    Nothing,
    Same,
    /// A service has it, and not on this machine.
    Elsewhere,
    Other,
}

/// Puts parts of one author, whose directory of parts is opened.
pub(super) struct Putting<'a, F: Fs> {
    pub(super) site: &'a Site<F>,
    pub(super) memory: &'a mut Memory,
    pub(super) path: PathBuf,
    pub(super) dir: F::Dir,
}

/// The bytes of a part on their way from their source.
struct Source<'a> {
    from: &'a mut dyn Read,
    check: PartCheck,
    piece: Buffer,
    /// The bytes of the piece that are not written yet.
    filled: usize,
    is_over: bool,
    /// Some of the bytes were read again from a staged file.
    is_copied: bool,
}

/// A staged file. It is removed unless it was renamed.
struct Staged<'a, F: Fs> {
    fs: &'a F,
    dir: &'a F::Dir,
    name: OsString,
    /// The bytes that are in it.
    written: u64,
    is_renamed: bool,
}

/// The reason why a file was not staged.
enum NotStaged {
    /// The place failed: another one may work.
    Place(io::Error),
    Source(PutError),
}

impl<F: Fs> Putting<'_, F> {
    /// Puts a part under its own name, or beside it if something else has that name.
    pub(super) fn put(
        mut self,
        part: &Part,
        from: &mut dyn Read,
        durability: Durability,
    ) -> Result<Published, PutError> {
        let place = self.path.join(part.name()).display().to_string();
        let failed = |error| PutError::Publish(publish_error(place.clone(), error));
        let names = own_names(part);
        let mut free = names.len();
        for (number, name) in names.iter().enumerate() {
            match self.there(name, part).map_err(failed)? {
                There::Nothing if number == 0 && self.is_placeheld(part).map_err(failed)? => {
                    return Ok(Published::Already);
                }
                There::Nothing => {
                    free = number;
                    break;
                }
                There::Same => return self.keep(name, number, durability).map_err(failed),
                There::Elsewhere => return Ok(outcome(number, Published::Already)),
                There::Other => {}
            }
        }
        if free == names.len() {
            // Something replaces every file, and would replace one more.
            return Err(PublishError::Undone { place }.into());
        }
        let mut source = Source::new(part, from);
        let outside = self.site.staging().and_then(|path| self.site.fs.open_root(path).ok());
        let outside = outside.filter(|staging| self.may_stage_in(staging));
        let tried = names.get(free..).unwrap_or_default();
        let renamed = match &outside {
            None => self.stage_and_rename(&self.dir, None, part, &mut source, durability, tried),
            Some(staging) => self.put_from_outside(staging, part, &mut source, durability, tried),
        };
        let renamed = renamed.map_err(|error| match error {
            NotStaged::Place(error) => failed(error),
            NotStaged::Source(error) => error,
        })?;
        let Some((index, published)) = renamed else { return Err(PublishError::Undone { place }.into()) };
        let Some(name) = tried.get(index) else { return Err(PublishError::Undone { place }.into()) };
        if durability == Durability::Durable {
            sync_name(&self.site.fs, &self.dir, name).map_err(failed)?;
        }
        Ok(outcome(free + index, published))
    }

    /// Stages outside of the folder, and inside if that fails: the folder may work where the staging directory does not.
    fn put_from_outside(
        &self,
        staging: &F::Dir,
        part: &Part,
        source: &mut Source<'_>,
        durability: Durability,
        names: &[OsString],
    ) -> Result<Option<(usize, Published)>, NotStaged> {
        let fs = &self.site.fs;
        let mut staged = Staged::new(fs, staging);
        match self.write_and_rename(&mut staged, None, part, source, durability, names) {
            // There is no more room on the same volume.
            Err(NotStaged::Place(error)) if !is_full(&error) => {
                if error.kind() == io::ErrorKind::CrossesDevices {
                    self.site.stage_inside();
                }
                let begun = (staged.written > 0).then_some(&staged);
                self.stage_and_rename(&self.dir, begun, part, source, durability, names)
            }
            done => done,
        }
    }

    fn stage_and_rename(
        &self,
        dir: &F::Dir,
        begun: Option<&Staged<'_, F>>,
        part: &Part,
        source: &mut Source<'_>,
        durability: Durability,
        names: &[OsString],
    ) -> Result<Option<(usize, Published)>, NotStaged> {
        let mut staged = Staged::new(&self.site.fs, dir);
        self.write_and_rename(&mut staged, begun, part, source, durability, names)
    }

    /// Writes a staged file, beginning with what another one has, and gives it the first of these names that is free.
    /// Returns which one it is, or `None` when other things have taken all of them.
    fn write_and_rename(
        &self,
        staged: &mut Staged<'_, F>,
        begun: Option<&Staged<'_, F>>,
        part: &Part,
        source: &mut Source<'_>,
        durability: Durability,
        names: &[OsString],
    ) -> Result<Option<(usize, Published)>, NotStaged> {
        staged.write(begun, part, source, durability)?;
        for (index, name) in names.iter().enumerate() {
            match self.site.fs.rename_new(staged.dir, &staged.name, &self.dir, name) {
                Ok(()) => {
                    staged.is_renamed = true;
                    return Ok(Some((index, Published::New)));
                }
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(NotStaged::Place(error)),
                // It came a moment ago.
                Err(_) => match self.there(name, part).map_err(NotStaged::Place)? {
                    There::Same | There::Elsewhere => return Ok(Some((index, Published::Already))),
                    There::Nothing | There::Other => {}
                },
            }
        }
        Ok(None)
    }

    /// Makes sure that a part that is there survives what it is to survive.
    fn keep(&self, name: &OsStr, number: usize, durability: Durability) -> io::Result<Published> {
        let fs = &self.site.fs;
        if durability == Durability::Durable && !planted!(NoFsync) {
            sync(|reach| fs.sync_named(&self.dir, name, reach))?;
            sync_name(fs, &self.dir, name)?;
        }
        Ok(outcome(number, Published::Already))
    }

    /// Returns whether files from this directory can be renamed into the folder, and have the permissions of files that
    /// are made there.
    fn may_stage_in(&self, staging: &F::Dir) -> bool {
        let fs = &self.site.fs;
        let volume = |dir: &F::Dir| fs.stat_dir(dir).map(|stat| stat.identity.volume).ok();
        volume(staging).is_some_and(|here| volume(&self.dir) == Some(here)) && is_alike(fs, staging, &self.dir)
    }

    /// Judges the file that has a name. Its length and its bytes decide: a part that is there need not be written again.
    fn there(&self, name: &OsStr, part: &Part) -> io::Result<There> {
        let fs = &self.site.fs;
        let stat = match fs.stat(&self.dir, name) {
            Ok(stat) => stat,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(There::Nothing),
            Err(error) => return Err(error),
        };
        if stat.file_type != FileType::File || stat.len != part.length {
            return Ok(There::Other);
        }
        if stat.online_only {
            return Ok(There::Elsewhere);
        }
        let mut file = fs.open(&self.dir, name)?;
        let (mut piece, mut check) = (Buffer::new(PIECE), part.check());
        loop {
            let read = fs.read(&mut file, piece.as_mut())?;
            let now = piece.as_mut().get(..read).unwrap_or_default();
            if now.is_empty() {
                return Ok(if check.holds() { There::Same } else { There::Other });
            }
            if !check.update(now) {
                return Ok(There::Other);
            }
        }
    }

    /// Returns whether a placeholder stands for the part.
    fn is_placeheld(&mut self, part: &Part) -> io::Result<bool> {
        let (fs, name, key) = (&self.site.fs, part.name(), PartKey::of(part));
        for (before, after) in PLACEHOLDERS {
            match fs.stat(&self.dir, OsStr::new(&format!("{before}{name}{after}"))) {
                Ok(_) => return Ok(true),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        let unusual = self.memory.unusual(fs, (self.path.clone(), &self.dir), &BTreeSet::from([key]))?;
        Ok(unusual.iter().any(|(_, kind, name)| {
            let read = || read_bare(fs, &self.dir, name, LARGEST.into(), false);
            *kind == PartName::Extended && read().is_ok_and(|file| may_be_placeholder(name, &file.bytes))
        }))
    }
}

fn outcome(number: usize, published: Published) -> Published {
    if number > 0 { Published::Displaced } else { published }
}

impl<'a> Source<'a> {
    fn new(part: &Part, from: &'a mut dyn Read) -> Self {
        // One byte more shows that there are more.
        let len = usize::try_from(part.length).unwrap_or(PIECE).saturating_add(1).min(PIECE);
        Self { from, check: part.check(), piece: Buffer::new(len), filled: 0, is_over: false, is_copied: false }
    }

    /// Returns the next bytes that are not written yet; none at the end, when they were all that the part has.
    fn next(&mut self) -> Result<&[u8], PutError> {
        if self.filled == 0 && !self.is_over {
            self.fill()?;
        }
        if self.filled == 0 && !self.check.holds() && !planted!(OriginalUnchecked) {
            return Err(self.other());
        }
        Ok(self.piece.as_mut().get(..self.filled).unwrap_or_default())
    }

    fn fill(&mut self) -> Result<(), PutError> {
        while let Some(room) = self.piece.as_mut().get_mut(self.filled..).filter(|room| !room.is_empty()) {
            match self.from.read(room) {
                Ok(0) => {
                    self.is_over = true;
                    break;
                }
                Ok(read) => self.filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(PutError::Source(error.into())),
            }
        }
        let fits = self.check.update(self.piece.as_mut().get(..self.filled).unwrap_or_default());
        if fits { Ok(()) } else { Err(self.other()) }
    }

    /// The error when the bytes are not the part's.
    fn other(&self) -> PutError {
        if !self.is_copied {
            return PutError::Changed;
        }
        let source = "a staged file was changed by another program".into();
        PutError::Publish(PublishError::Failed { place: "the staging directory".to_owned(), source })
    }
}

impl<'a, F: Fs> Staged<'a, F> {
    fn new(fs: &'a F, dir: &'a F::Dir) -> Self {
        Self { fs, dir, name: staged_part_name(fs), written: 0, is_renamed: false }
    }

    fn write(
        &mut self,
        begun: Option<&Staged<'_, F>>,
        part: &Part,
        source: &mut Source<'_>,
        durability: Durability,
    ) -> Result<(), NotStaged> {
        let mut file = self.fs.create(self.dir, &self.name).map_err(NotStaged::Place)?;
        if let Some(begun) = begun {
            self.copy(begun, &mut file, part, source)?;
        }
        loop {
            let now = source.next().map_err(NotStaged::Source)?;
            if now.is_empty() {
                break;
            }
            self.fs.write(&mut file, now).map_err(NotStaged::Place)?;
            self.written += now.len() as u64;
            source.filled = 0;
        }
        match durability {
            Durability::Durable if !planted!(NoFsync) => sync(|reach| self.fs.sync_file(&file, reach)),
            Durability::Durable | Durability::Lazy => Ok(()),
        }
        .map_err(NotStaged::Place)
    }

    /// Copies what another staged file has, and checks it once more: its sync may be what has failed.
    fn copy(
        &mut self,
        begun: &Staged<'_, F>,
        to: &mut F::File,
        part: &Part,
        source: &mut Source<'_>,
    ) -> Result<(), NotStaged> {
        let mut file = self.fs.open(begun.dir, &begun.name).map_err(NotStaged::Place)?;
        let mut piece = Buffer::new(PIECE);
        source.is_copied = true;
        let mut check = part.check();
        while self.written < begun.written {
            let left = usize::try_from(begun.written - self.written).unwrap_or(PIECE).min(PIECE);
            let room = piece.as_mut().get_mut(..left).unwrap_or_default();
            let read = self.fs.read(&mut file, room).map_err(NotStaged::Place)?;
            let now = room.get(..read).unwrap_or_default();
            if now.is_empty() || !check.update(now) {
                return Err(NotStaged::Source(source.other()));
            }
            self.fs.write(to, now).map_err(NotStaged::Place)?;
            self.written += now.len() as u64;
        }
        // What was read and not written yet follows.
        check.update(source.piece.as_mut().get(..source.filled).unwrap_or_default());
        source.check = check;
        Ok(())
    }
}

impl<F: Fs> Drop for Staged<'_, F> {
    fn drop(&mut self) {
        if !self.is_renamed {
            // What cannot be removed now is swept at the next start.
            let _ = self.fs.remove(self.dir, &self.name);
        }
    }
}

/// Opens an author's directory of parts, or makes it. Its name is synced before anything is written into it.
pub(super) fn own_files<F: Fs>(
    site: &Site<F>,
    root: &F::Dir,
    author: AuthorId,
) -> Result<(PathBuf, F::Dir), PublishError> {
    let (fs, name) = (&site.fs, DirName::of(author, None));
    let path = site.path.join(&name);
    let files = path.join(FILES);
    let own = match fs.open_dir(root, &name) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            check_gone(fs, root, author, &path)?;
            make(fs, root, &name)
        }
        opened => opened,
    };
    let own = own.map_err(|error| publish_error(path.display().to_string(), error))?;
    let failed = |error| publish_error(files.display().to_string(), error);
    let dir = match fs.open_dir(&own, OsStr::new(FILES)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            check_spelling(fs, &own).map_err(failed)?;
            make(fs, &own, OsStr::new(FILES))
        }
        Err(error) => Err(match fs.stat(&own, OsStr::new(FILES)) {
            Ok(stat) if stat.file_type != FileType::Directory => {
                io::Error::new(io::ErrorKind::NotADirectory, "something else has the name of this directory")
            }
            _ => error,
        }),
        opened => opened,
    };
    let dir = dir.map_err(failed)?;
    let identity = fs.stat_dir(&dir).map_err(failed)?.identity;
    if !site.is_ready(author, identity) {
        check_spelling(fs, &own).map_err(failed)?;
        sweep(fs, &dir, |name| FileName::parse(name) == FileName::Staged).map_err(failed)?;
        // An earlier process may have made them.
        sync(|reach| fs.sync_dir(root, reach)).and_then(|()| sync(|reach| fs.sync_dir(&own, reach))).map_err(failed)?;
        site.meet(std::iter::once(name.as_os_str()));
        site.note_ready(author, identity);
    }
    Ok((files, dir))
}

fn make<F: Fs>(fs: &F, parent: &F::Dir, name: &OsStr) -> io::Result<F::Dir> {
    match fs.create_dir(parent, name) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => fs.open_dir(parent, name),
    }
}

/// Refuses to make an author's directory when a placeholder stands for it, or when something moves it away each time.
fn check_gone<F: Fs>(fs: &F, root: &F::Dir, author: AuthorId, path: &std::path::Path) -> Result<(), PublishError> {
    let place = || path.display().to_string();
    let is_copy = |name: &OsStr| matches!(DirName::parse(name), DirName::Copy(it) if it == author);
    let copies = names_in(fs, root, usize::MAX, |name| is_copy(name).then(|| name.to_owned()));
    let copies = copies.map_err(|error| publish_error(place(), error))?;
    let stats: Vec<_> = copies.iter().filter_map(|name| fs.stat(root, name).ok()).collect();
    if stats.iter().any(|stat| stat.file_type == FileType::File && stat.len <= LARGEST.into()) {
        return Err(publish_error(place(), io::Error::other("the directory is perhaps only with the service")));
    }
    if stats.iter().filter(|stat| stat.file_type == FileType::Directory).count() >= UNDONE {
        return Err(PublishError::Undone { place: place() });
    }
    Ok(())
}

/// Refuses a directory of parts in another spelling: where case matters, other members would not find it.
fn check_spelling<F: Fs>(fs: &F, own: &F::Dir) -> io::Result<()> {
    let spelled = names_in(fs, own, usize::MAX, |name| name.eq_ignore_ascii_case(FILES).then(|| name.to_owned()))?;
    let is_right = spelled.is_empty() || spelled.iter().any(|name| name == FILES);
    let wrong =
        || io::Error::new(io::ErrorKind::AlreadyExists, "its name is there in upper case; rename it to lower case");
    if is_right { Ok(()) } else { Err(wrong()) }
}
