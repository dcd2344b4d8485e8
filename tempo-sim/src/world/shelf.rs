//! The shelf of a member, which loses in a crash what a shelf on a disk may lose, and the files of its application.

use std::{
    collections::BTreeMap,
    io::{self, Cursor, Read, Seek, SeekFrom, Write},
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use tempo_message::AttachmentId;
use tempo_session::store::{Exported, Original, Outside, Shelf, Staged, Stored, Target};

use crate::Rng;

/// The shelf of a machine. Cloning returns another handle, for a process that starts now.
#[derive(Debug, Default)]
pub(crate) struct SimShelf {
    state: Arc<Mutex<State>>,
    /// The machine's life when this handle was made.
    life: u64,
}

#[derive(Debug, Clone, Default)]
struct State {
    staged: BTreeMap<String, Content>,
    kept: BTreeMap<AttachmentId, Content>,
    is_full: bool,
    life: u64,
}

#[derive(Debug, Clone, Default)]
struct Content {
    bytes: Vec<u8>,
    durable: Vec<u8>,
}

impl Clone for SimShelf {
    fn clone(&self) -> Self {
        Self { state: Arc::clone(&self.state), life: self.lock().life }
    }
}

impl SimShelf {
    /// Returns an independent shelf with the current content, as on a cloned disk.
    pub(crate) fn copied(&self) -> Self {
        let copy = self.lock().clone();
        Self { life: copy.life, state: Arc::new(Mutex::new(copy)) }
    }

    /// Loses power: of what was not synced, nothing, a beginning, or all remains.
    pub(crate) fn crash(&self, rng: &mut Rng) {
        let mut state = self.lock();
        state.life += 1;
        let State { staged, kept, .. } = &mut *state;
        for content in staged.values_mut().chain(kept.values_mut()).filter(|it| it.bytes != it.durable) {
            match rng.below(3) {
                0 => content.bytes.clone_from(&content.durable),
                1 => {
                    let kept = rng.below(content.bytes.len() + 1);
                    content.bytes.truncate(kept);
                    content.bytes.extend(content.durable.iter().skip(kept));
                }
                _ => {}
            }
            content.durable.clone_from(&content.bytes);
        }
    }

    /// Fills its volume, or makes room again.
    pub(crate) fn set_full(&self, is_full: bool) {
        self.lock().is_full = is_full;
    }

    /// Returns the content of a file as it is after any loss of power, if it is kept.
    pub(crate) fn durable(&self, id: AttachmentId) -> Option<Bytes> {
        self.lock().kept.get(&id).map(|content| Bytes::from(content.durable.clone()))
    }

    /// Returns the files that are kept.
    pub(crate) fn kept(&self) -> Vec<AttachmentId> {
        self.lock().kept.keys().copied().collect()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the content, unless the machine has lost power since this handle was made.
    fn alive(&self) -> io::Result<MutexGuard<'_, State>> {
        let state = self.lock();
        if state.life == self.life { Ok(state) } else { Err(io::Error::other("the power is off")) }
    }
}

impl Shelf for SimShelf {
    fn stage(&self, name: &str) -> io::Result<Box<dyn Staged>> {
        let mut state = self.alive()?;
        if state.is_full && !state.staged.contains_key(name) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        state.staged.entry(name.to_owned()).or_default();
        let handle = Self { state: Arc::clone(&self.state), life: self.life };
        Ok(Box::new(Writing { shelf: handle, name: name.to_owned(), at: 0 }))
    }

    fn keep(&self, name: &str, id: AttachmentId) -> io::Result<()> {
        let mut state = self.alive()?;
        match state.staged.remove(name) {
            Some(content) => drop(state.kept.insert(id, content)),
            None if state.kept.contains_key(&id) => {}
            None => return Err(io::ErrorKind::NotFound.into()),
        }
        Ok(())
    }

    fn discard(&self, name: &str) -> io::Result<()> {
        self.alive()?.staged.remove(name);
        Ok(())
    }

    fn open(&self, id: AttachmentId) -> io::Result<Box<dyn Stored>> {
        let state = self.alive()?;
        let content = state.kept.get(&id).ok_or(io::ErrorKind::NotFound)?;
        Ok(Box::new(Cursor::new(content.bytes.clone())))
    }

    fn remove(&self, id: AttachmentId) -> io::Result<()> {
        self.alive()?.kept.remove(&id);
        Ok(())
    }
}

/// An open staged file.
struct Writing {
    shelf: SimShelf,
    name: String,
    at: u64,
}

impl Writing {
    fn with<T>(&mut self, act: impl FnOnce(&mut Cursor<&mut Vec<u8>>) -> io::Result<T>) -> io::Result<T> {
        let mut state = self.shelf.alive()?;
        let content = state.staged.get_mut(&self.name).ok_or(io::ErrorKind::NotFound)?;
        let mut cursor = Cursor::new(&mut content.bytes);
        cursor.set_position(self.at);
        let done = act(&mut cursor)?;
        self.at = cursor.position();
        Ok(done)
    }
}

impl Read for Writing {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        self.with(|cursor| cursor.read(to))
    }
}

impl Write for Writing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.shelf.alive()?.is_full {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.with(|cursor| cursor.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Seek for Writing {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.with(|cursor| cursor.seek(to))
    }
}

impl Staged for Writing {
    fn sync(&mut self) -> io::Result<()> {
        let mut state = self.shelf.alive()?;
        let content = state.staged.get_mut(&self.name).ok_or(io::ErrorKind::NotFound)?;
        content.durable.clone_from(&content.bytes);
        Ok(())
    }
}

/// The files of a member's application, by name. Cloning returns another handle.
#[derive(Debug, Clone, Default)]
pub(crate) struct SimFiles(Arc<Mutex<BTreeMap<String, (Bytes, u64)>>>);

impl SimFiles {
    /// Returns independent files with the current content, as on a cloned disk.
    pub(crate) fn copied(&self) -> Self {
        Self(Arc::new(Mutex::new(self.lock().clone())))
    }

    /// Makes or changes a file.
    pub(crate) fn put(&self, name: &str, content: Bytes) {
        let mut files = self.lock();
        let version = files.get(name).map_or(0, |(_, version)| version + 1);
        files.insert(name.to_owned(), (content, version));
    }

    /// Returns the content of a file.
    pub(crate) fn get(&self, name: &str) -> Option<Bytes> {
        self.lock().get(name).map(|(content, _)| content.clone())
    }

    /// Takes a file away.
    pub(crate) fn take(&self, name: &str) -> Option<Bytes> {
        self.lock().remove(name).map(|(content, _)| content)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, (Bytes, u64)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

impl Outside for SimFiles {
    fn open(&self, path: &Path) -> io::Result<Box<dyn Original>> {
        let (content, version) = self.lock().get(&name_of(path)).cloned().ok_or(io::ErrorKind::NotFound)?;
        Ok(Box::new(Opened { content: Cursor::new(content), version }))
    }

    fn create(&self, to: &Path) -> io::Result<Box<dyn Exported>> {
        if self.lock().contains_key(&name_of(to)) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        Ok(Box::new(Making { files: self.clone(), name: name_of(to), content: Cursor::default() }))
    }
}

struct Opened {
    content: Cursor<Bytes>,
    version: u64,
}

impl Read for Opened {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        self.content.read(to)
    }
}

impl Seek for Opened {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.content.seek(to)
    }
}

impl Original for Opened {
    fn state(&self) -> io::Result<(u64, Option<SystemTime>)> {
        let length = self.content.get_ref().len() as u64;
        Ok((length, SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(self.version))))
    }
}

struct Making {
    files: SimFiles,
    name: String,
    content: Cursor<Vec<u8>>,
}

impl Exported for Making {
    fn file(&mut self) -> &mut dyn Target {
        &mut self.content
    }

    fn finish(self: Box<Self>) -> io::Result<()> {
        let Self { files, name, content } = *self;
        if files.lock().contains_key(&name) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        files.put(&name, content.into_inner().into());
        Ok(())
    }
}
