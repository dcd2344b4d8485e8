//! Members in memory, and members on a real folder.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use bytes::Bytes;
use tempfile::TempDir;
use tempo_fs_transport::{Home, Installation, Vault};
use tempo_message::{Cause, Frame, Kind, Sign};
use tempo_session::{
    AuthorId, Entry, Event, MessageId, Session,
    core::{Input, Intake, SessionCore},
    error::RefreshError,
};
use uuid::Uuid;

pub(crate) fn author(number: u8) -> AuthorId {
    AuthorId::new(Uuid::from_u128(u128::from(number) + 1))
}

/// Sends one message from a core and returns its frame.
pub(crate) fn send(core: &mut SessionCore, text: &str, unix_ms: i64) -> Frame {
    let frames = core.compose([(Kind::Payload, Bytes::copy_from_slice(text.as_bytes()))], unix_ms).unwrap();
    sent(core, &frames[0]);
    frames[0].clone()
}

/// Tells a core that its own message is safe.
pub(crate) fn sent(core: &mut SessionCore, frame: &Frame) {
    core.handle(Input::Sent { message: frame.message(), digest: frame.digest() });
}

/// Hands a received message to a core.
pub(crate) fn receive(core: &mut SessionCore, frame: &Frame) -> Intake {
    core.handle(Input::Received(frame))
}

/// Returns the payload texts of a timeline.
pub(crate) fn texts(entries: &[Entry]) -> Vec<String> {
    entries.iter().map(|entry| String::from_utf8(entry.payload.to_vec()).unwrap()).collect()
}

pub(crate) fn timeline(session: &Session) -> Vec<Entry> {
    session.timeline().collect::<Result<_, _>>().unwrap()
}

/// A session folder in a temporary directory, and state directories beside it.
pub(crate) struct Place {
    pub(crate) dir: TempDir,
    pub(crate) folder: PathBuf,
}

impl Place {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("jam.session");
        fs::create_dir(&folder).unwrap();
        Self { dir, folder }
    }

    pub(crate) fn at(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn member(&self, name: &str) -> Session {
        Session::builder(&self.folder).state_dir(self.at(name)).name(name).open().unwrap()
    }

    /// Returns every message file, relative to the folder.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        let mut files = Vec::new();
        for author in fs::read_dir(&self.folder).unwrap() {
            // A file may vanish during the listing.
            for file in fs::read_dir(author.unwrap().path()).into_iter().flatten() {
                let path = file.unwrap().path();
                if !path.ends_with("head") {
                    files.push(path.strip_prefix(&self.folder).unwrap().to_owned());
                }
            }
        }
        files.sort();
        files
    }
}

/// Retries until the file is free. Windows refuses to rename and remove open files, even while a
/// session briefly reads them.
fn once_free<T>(mut attempt: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    let began = Instant::now();
    loop {
        match attempt() {
            Err(error)
                if cfg!(windows) && matches!(error.raw_os_error(), Some(5 | 32 | 145)) && began.elapsed() < STUCK => {}
            done => return done,
        }
    }
}

pub(crate) fn rename(from: impl AsRef<Path>, to: impl AsRef<Path>) -> io::Result<()> {
    once_free(|| fs::rename(&from, &to))
}

pub(crate) fn remove_file(path: impl AsRef<Path>) -> io::Result<()> {
    once_free(|| fs::remove_file(&path))
}

pub(crate) fn remove_dir(path: impl AsRef<Path>) -> io::Result<()> {
    once_free(|| fs::remove_dir(&path))
}

pub(crate) fn remove_dir_all(path: impl AsRef<Path>) -> io::Result<()> {
    once_free(|| fs::remove_dir_all(&path))
}

/// Far more than a working machine needs; only a defect takes this long.
pub(crate) const STUCK: Duration = Duration::from_secs(60);

/// Waits until `is_so`, and checks whenever something happens in the session.
pub(crate) fn wait_until(session: &Session, what: &str, mut is_so: impl FnMut(&Session) -> bool) {
    let began = Instant::now();
    while !is_so(session) {
        assert!(began.elapsed() < STUCK, "{what} has not happened: {:#?}", session.status());
        match session.refresh(STUCK) {
            // A busy machine may be too slow for a session with little patience.
            Ok(()) | Err(RefreshError::Away(_)) => {}
            Err(error) => panic!("{what}: {error}"),
        }
    }
}

/// Waits for what the session does without being asked: the test only reads the status.
pub(crate) fn by_itself(session: &Session, what: &str, is_so: impl Fn(&Session) -> bool) {
    let began = Instant::now();
    while !is_so(session) {
        assert!(began.elapsed() < STUCK, "{what} does not happen by itself: {:#?}", session.status());
        // deadline loop: any other way of waiting would make the session act.
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Takes every available event, and keeps the list that an application would keep.
pub(crate) fn replay(session: &Session, list: &mut Vec<Entry>) -> Vec<Event> {
    let mut others = Vec::new();
    while let Some(event) = session.poll().unwrap() {
        match event {
            Event::Message { entry, .. } => list.insert(entry.position, entry),
            other => others.push(other),
        }
    }
    for (position, entry) in list.iter_mut().enumerate() {
        entry.position = position;
    }
    others
}

/// Returns whether the creation time tells a folder from another one in its place; prints a notice
/// if not. The folder has changed since it was created.
pub(crate) fn is_told_apart(folder: &Path) -> bool {
    let (began, probe) = (Instant::now(), folder.join("probe"));
    while began.elapsed() < Duration::from_secs(2) {
        fs::write(&probe, "").unwrap();
        fs::remove_file(&probe).unwrap();
        if Home::of(folder).unwrap().is_some() {
            return true;
        }
    }
    println!("skipped: this file system does not keep when directories were made");
    false
}

/// Returns the message in a file of [`Place::files`].
pub(crate) fn id_of(file: &Path) -> MessageId {
    let parts: Vec<&str> = file.iter().map(|part| part.to_str().unwrap()).collect();
    parts.join("/").parse().unwrap()
}

pub(crate) fn copy_file(from: &Path, to: &Path, file: &Path) {
    let target = to.join(file);
    fs::create_dir_all(target.parent().unwrap()).unwrap();
    fs::copy(from.join(file), target).unwrap();
}

/// Returns what signs as an author of an installation.
pub(crate) fn signer(installation: &Installation, author: AuthorId) -> Result<Option<Box<dyn Sign>>, Cause> {
    Ok(installation.vault().load(author)?.map(|key| Box::new(key) as Box<dyn Sign>))
}
