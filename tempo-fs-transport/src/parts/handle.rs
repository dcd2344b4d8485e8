//! The folder as a place for the parts of files.

use std::{
    collections::BTreeSet,
    ffi::{OsStr, OsString},
    io::{self, Read},
    mem,
    ops::ControlFlow,
    sync::Arc,
};

use tempo_message::{
    AuthorId, CollectError, Durability, FileType, Part, PartRead, Parts, Presence, PublishError, Published, PutError,
    Receive, StoredPart,
};

use crate::{
    error::{collect_error, not_entered, publish_error},
    format::{
        name::{DirName, FILES},
        part::{PartKey, PartName, own_names},
    },
    fs::{
        error::is_not_here_yet,
        port::{Fs, Stat, sync},
    },
    parts::{
        place::{Place, Places, is_none},
        put::{PIECE, Putting, own_files},
        search::{Memory, look_at, of_part, presence},
        site::Site,
    },
    read::file::Buffer,
};

/// Carries parts of files through the folder, in the directories `files` of the authors. Each call may block for as long
/// as the folder does; nothing stays open between two calls.
#[derive(Debug)]
pub(crate) struct FolderParts<F: Fs> {
    site: Arc<Site<F>>,
    memory: Memory,
}

/// What came of one copy of a part.
enum Copy {
    Gone,
    /// The service has it, and it was not to be fetched, or could not be.
    Elsewhere,
    Damaged,
    Whole,
    Stopped,
}

impl<F: Fs> FolderParts<F> {
    pub(crate) fn new(site: Arc<Site<F>>) -> Self {
        Self { site, memory: Memory::default() }
    }

    fn failed(&self, error: io::Error) -> CollectError {
        collect_error(self.site.path.display().to_string(), error)
    }

    fn enter_to_write(&self) -> Result<F::Dir, PublishError> {
        if self.site.read_only {
            return Err(PublishError::ReadOnly { place: self.site.path.display().to_string() });
        }
        self.site.enter().map_err(not_entered)
    }
}

impl<F: Fs> Parts for FolderParts<F> {
    fn put(
        &mut self,
        author: AuthorId,
        part: &Part,
        from: &mut dyn Read,
        durability: Durability,
    ) -> Result<Published, PutError> {
        let root = self.enter_to_write()?;
        let (path, dir) = own_files(&self.site, &root, author)?;
        drop(root);
        Putting { site: &self.site, memory: &mut self.memory, path, dir }.put(part, from, durability)
    }

    fn look(&mut self, within: Option<AuthorId>, parts: &[Part]) -> Result<Vec<Presence>, CollectError> {
        let Self { site, memory } = self;
        let root = site.enter()?;
        let fail = |error| collect_error(site.path.display().to_string(), error);
        let places = Places::find(site, root, within).map_err(fail)?;
        let mut found = vec![Presence::Missing; parts.len()];
        let mut open = Vec::new();
        for place in &places.places {
            if found.iter().all(|found| *found == Presence::Here) {
                return Ok(found);
            }
            let dir = match places.open(&site.fs, place, false) {
                // One author's place is all that was asked for.
                Err(error) if within.is_some() => {
                    return Err(collect_error(places.path(place).display().to_string(), error));
                }
                opened => opened.ok().flatten(),
            };
            let Some(dir) = dir else { continue };
            for (part, found) in parts.iter().zip(&mut found).filter(|(_, found)| **found != Presence::Here) {
                *found = look_at(&site.fs, &dir, OsStr::new(&part.name()), PartName::Exact, part).max(*found);
            }
            open.push(place);
        }
        for place in open {
            let left = parts.iter().zip(&found).filter(|(_, found)| **found != Presence::Here);
            let wanted: BTreeSet<PartKey> = left.map(|(part, _)| PartKey::of(part)).collect();
            if wanted.is_empty() {
                break;
            }
            let Ok(Some(dir)) = places.open(&site.fs, place, false) else { continue };
            // What cannot be listed now is found by a later look.
            let unusual = memory.unusual(&site.fs, (places.path(place), &dir), &wanted).unwrap_or_default();
            for (part, found) in parts.iter().zip(&mut found).filter(|_| !unusual.is_empty()) {
                for (_, kind, name) in of_part(&unusual, PartKey::of(part)) {
                    *found = look_at(&site.fs, &dir, name, *kind, part).max(*found);
                }
            }
        }
        if found.contains(&Presence::Missing) {
            // Nothing counts as removed from a folder that went away meanwhile.
            site.enter()?;
        }
        Ok(found)
    }

    fn free(&mut self) -> Option<u64> {
        let root = self.site.enter().ok()?;
        self.site.fs.volume(&root).ok()?.free_bytes
    }

    fn read(&mut self, part: &Part, fetch: bool, to: &mut dyn Receive) -> Result<PartRead, CollectError> {
        let root = self.site.enter()?;
        let places = Places::find(&self.site, root, None).map_err(|error| self.failed(error))?;
        let (Self { site, memory }, key) = (self, PartKey::of(part));
        let mut reading = Reading { fs: &site.fs, part, fetch, to, online: Vec::new(), outcome: PartRead::Missing };
        let exact = OsString::from(part.name());
        let mut open = Vec::new();
        for place in &places.places {
            let Ok(Some(dir)) = places.open(&site.fs, place, fetch) else { continue };
            if reading.try_name((&dir, place), &exact, PartName::Exact) {
                return Ok(reading.outcome);
            }
            open.push(place);
        }
        for place in open {
            let Ok(Some(dir)) = places.open(&site.fs, place, fetch) else { continue };
            let unusual = memory.unusual(&site.fs, (places.path(place), &dir), &BTreeSet::from([key]));
            for (_, kind, name) in unusual.unwrap_or_default() {
                if reading.try_name((&dir, place), &name, kind) {
                    return Ok(reading.outcome);
                }
            }
        }
        // Files that are here come before those that have to be fetched.
        for (place, name) in mem::take(&mut reading.online) {
            let Ok(Some(dir)) = places.open(&site.fs, &place, fetch) else { continue };
            if reading.read(&dir, &name) {
                return Ok(reading.outcome);
            }
        }
        let outcome = reading.outcome;
        // A folder that went away meanwhile damages and removes nothing.
        site.enter()?;
        Ok(outcome)
    }

    fn remove(&mut self, author: AuthorId, part: &Part) -> Result<bool, PublishError> {
        let root = self.enter_to_write()?;
        let (fs, path) = (&self.site.fs, self.site.path.join(author.to_string()).join(FILES));
        let failed = |error| publish_error(path.display().to_string(), error);
        let opened =
            fs.open_dir(&root, &DirName::of(author, None)).and_then(|own| fs.open_dir(&own, OsStr::new(FILES)));
        let dir = match opened {
            Ok(dir) => dir,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(failed(error)),
        };
        let is_part = |stat: Stat| stat.file_type == FileType::File && stat.len == part.length;
        let mut removed = false;
        for name in own_names(part) {
            match fs.stat(&dir, &name) {
                Ok(stat) if is_part(stat) => {}
                Ok(_) => continue,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(failed(error)),
            }
            match fs.remove(&dir, &name) {
                Ok(()) => removed = true,
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(failed(error)),
            }
        }
        if removed {
            sync(|reach| fs.sync_dir(&dir, reach)).map_err(failed)?;
        }
        Ok(removed)
    }

    fn stored(&mut self, author: AuthorId) -> Result<Option<Vec<StoredPart>>, CollectError> {
        let (root, fs) = (self.site.enter()?, &self.site.fs);
        let places = Places::find(&self.site, root, Some(author)).map_err(|error| self.failed(error))?;
        let Some(place) = places.places.first() else { return Ok(None) };
        let failed = |error| collect_error(places.path(place).display().to_string(), error);
        let Some(dir) = places.open(fs, place, false).map_err(failed)? else {
            self.site.enter()?;
            return Ok(None);
        };
        let mut stored = Vec::new();
        let listed = fs.list(&dir, &mut |name| {
            if let Some((key, PartName::Exact | PartName::Beside)) = PartKey::parse(name)
                // What cannot be examined now counts as missing.
                && let Ok(stat) = fs.stat(&dir, name)
                && stat.file_type == FileType::File
            {
                stored.push(key.stored(stat.len));
            }
            true
        });
        listed.map_err(failed)?;
        stored.sort_unstable();
        stored.dedup();
        Ok(Some(stored))
    }

    fn has_place(&mut self, author: AuthorId) -> Result<bool, CollectError> {
        let root = self.site.enter()?;
        let places = Places::find(&self.site, root, Some(author)).map_err(|error| self.failed(error))?;
        let Some(place) = places.places.first() else { return Ok(false) };
        let opened = places.open(&self.site.fs, place, false);
        let has_place =
            opened.map_err(|error| collect_error(places.path(place).display().to_string(), error))?.is_some();
        if !has_place {
            self.site.enter()?;
        }
        Ok(has_place)
    }
}

/// The reading of one part, copy after copy.
struct Reading<'a, F: Fs> {
    fs: &'a F,
    part: &'a Part,
    fetch: bool,
    to: &'a mut dyn Receive,
    /// Copies that a service would have to fetch.
    online: Vec<(Place, OsString)>,
    outcome: PartRead,
}

impl<F: Fs> Reading<'_, F> {
    /// Reads what has a name, if it is here and can be the part. Returns whether the reading is over.
    fn try_name(&mut self, (dir, place): (&F::Dir, &Place), name: &OsStr, kind: PartName) -> bool {
        let stat = match self.fs.stat(dir, name) {
            Ok(stat) => stat,
            Err(error) if is_none(&error) => return false,
            Err(_) => return self.conclude(&Copy::Damaged),
        };
        match presence(self.part, kind, &stat) {
            Presence::Here => self.read(dir, name),
            Presence::Elsewhere => {
                if self.fetch && kind != PartName::Placeholder && stat.len == self.part.length {
                    self.online.push((place.clone(), name.to_owned()));
                    return false;
                }
                self.conclude(&Copy::Elsewhere)
            }
            Presence::Damaged | Presence::Missing => self.conclude(&Copy::Damaged),
        }
    }

    fn read(&mut self, dir: &F::Dir, name: &OsStr) -> bool {
        let copy = self.read_copy(dir, name).unwrap_or_else(|error| match error.kind() {
            io::ErrorKind::NotFound => Copy::Gone,
            _ if is_not_here_yet(&error) => Copy::Elsewhere,
            _ => Copy::Damaged,
        });
        self.conclude(&copy)
    }

    fn read_copy(&mut self, dir: &F::Dir, name: &OsStr) -> io::Result<Copy> {
        let named = self.fs.stat(dir, name)?;
        let mut file = self.fs.open(dir, name)?;
        let opened = self.fs.stat_file(&file)?;
        // The opened file must be the one that had the name.
        if opened.file_type != FileType::File || !named.version().is_same_thing(&opened.version()) {
            return Ok(Copy::Damaged);
        }
        let len = usize::try_from(self.part.length).unwrap_or(PIECE).saturating_add(1).min(PIECE);
        let (mut piece, mut check) = (Buffer::new(len), self.part.check());
        self.to.begin();
        loop {
            let read = self.fs.read(&mut file, piece.as_mut())?;
            let now = piece.as_mut().get(..read).unwrap_or_default();
            if now.is_empty() {
                return Ok(if check.holds() { Copy::Whole } else { Copy::Damaged });
            }
            if !check.update(now) {
                return Ok(Copy::Damaged);
            }
            if self.to.take(now) == ControlFlow::Break(()) {
                return Ok(Copy::Stopped);
            }
        }
    }

    /// Notes what came of a copy; returns whether the reading is over.
    fn conclude(&mut self, copy: &Copy) -> bool {
        let (outcome, is_over) = match copy {
            Copy::Whole => (PartRead::Whole, true),
            Copy::Stopped => (PartRead::Stopped, true),
            Copy::Elsewhere => (PartRead::Elsewhere, false),
            Copy::Damaged if self.outcome != PartRead::Elsewhere => (PartRead::Damaged, false),
            Copy::Damaged | Copy::Gone => (self.outcome, false),
        };
        self.outcome = outcome;
        is_over
    }
}
