//! A session folder in a temporary directory, and a member that remembers what it was given.

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use tempfile::TempDir;
use tempo_clock::Seen;
use tempo_fs_transport::{Fs, FsTransport, Home, Options, RealFs};
use tempo_message::{
    Arrival, AuthorId, Budget, CollectError, CollectRequest, Disposition, Foreign, Frame, Head, Lamport, Life,
    MessageId, Transport,
};

pub(crate) struct Session {
    pub(crate) dir: TempDir,
    pub(crate) folder: PathBuf,
}

impl Session {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("jam.session");
        fs::create_dir(&folder).unwrap();
        Self { dir, folder }
    }

    pub(crate) fn path(&self, inside: impl AsRef<Path>) -> PathBuf {
        self.folder.join(inside)
    }

    /// Returns the file of a message.
    pub(crate) fn file(&self, id: MessageId) -> PathBuf {
        self.path(id.to_string())
    }

    pub(crate) fn writer(&self) -> FsTransport {
        FsTransport::open(&self.folder, &unwatched()).unwrap()
    }

    pub(crate) fn reader(&self) -> Reader {
        Reader::of(self.writer())
    }
}

pub(crate) fn unwatched() -> Options {
    let mut options = Options::default();
    options.without_watching = true;
    options
}

/// Puts an author's head into a directory of the session, or into one beside it, with this name for the
/// session.
pub(crate) fn put_head(session: &Path, author: AuthorId, called: &str) {
    let head = Head {
        author,
        name: None,
        place: Some(called.to_owned()),
        counter: 0,
        digest: None,
        lamport: Lamport(0),
        seen: Vec::new(),
        wanted: Vec::new(),
        life: Life::default(),
        unix_ms: 0,
        seal: None,
    };
    let dir = session.join(author.to_string());
    fs::create_dir_all(&dir).unwrap();
    fs::write(dir.join("head"), head.encode()).unwrap();
}

/// Puts messages into a directory of the session, or into one beside it.
pub(crate) fn put_messages(session: &Path, frames: &[Frame]) {
    for frame in frames {
        let file = session.join(frame.id().to_string());
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, frame.bytes()).unwrap();
    }
}

/// Returns whether the creation time distinguishes the folder from another one in its place; prints a line if
/// it does not. Changes the folder meanwhile.
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

/// Makes a symbolic link to a file or a directory. Returns false and prints the reason where that is not
/// allowed.
pub(crate) fn link(target: &Path, link: &Path) -> bool {
    #[cfg(unix)]
    let made = std::os::unix::fs::symlink(target, link);
    #[cfg(windows)]
    let made = if target.is_dir() {
        std::os::windows::fs::symlink_dir(target, link)
    } else {
        std::os::windows::fs::symlink_file(target, link)
    };
    // Wine reports success even if there is no link.
    let is_made = made.is_ok() && fs::symlink_metadata(link).is_ok_and(|link| link.is_symlink());
    if !is_made {
        println!("without links, which cannot be made here: {made:?}");
    }
    is_made
}

pub(crate) struct Reader<F: Fs = RealFs> {
    pub(crate) transport: FsTransport<F>,
    pub(crate) known: Seen,
    /// Every foreign arrival.
    pub(crate) foreign: Vec<Foreign>,
}

impl<F: Fs> Reader<F> {
    pub(crate) fn of(transport: FsTransport<F>) -> Self {
        Self { transport, known: Seen::default(), foreign: Vec::new() }
    }

    /// Collects everything new and treats it as known from then on.
    pub(crate) fn collect(&mut self) -> Vec<Frame> {
        self.try_collect(&[], false).unwrap()
    }

    pub(crate) fn try_collect(&mut self, recheck: &[MessageId], full: bool) -> Result<Vec<Frame>, CollectError> {
        self.collect_with(recheck, full, 10_000).map(|(frames, _)| frames)
    }

    /// Collects at most this many frames; returns them and whether there are more.
    pub(crate) fn collect_some(&mut self, frames: usize) -> (Vec<Frame>, bool) {
        self.collect_with(&[], false, frames).unwrap()
    }

    /// Refuses at most this many frames; returns whether there are more.
    pub(crate) fn refuse_some(&mut self, frames: usize) -> bool {
        let budget = Budget { frames, bytes: usize::MAX };
        let want = CollectRequest { known: &self.known, own: None, recheck: &[], full: false, budget };
        self.transport.collect(&want, &mut |_| Disposition::Later).unwrap().more
    }

    fn collect_with(
        &mut self,
        recheck: &[MessageId],
        full: bool,
        most: usize,
    ) -> Result<(Vec<Frame>, bool), CollectError> {
        let mut frames: Vec<Frame> = Vec::new();
        let known = self.known.clone();
        let budget = Budget { frames: most, bytes: usize::MAX };
        let want = CollectRequest { known: &known, own: None, recheck, full, budget };
        let collected = self.transport.collect(&want, &mut |arrival| match arrival {
            Arrival::Frame(frame) => {
                let id = frame.id();
                frames.push(frame);
                if self.known.insert(id.author, id.counter) { Disposition::Known } else { Disposition::Done }
            }
            Arrival::Foreign(foreign) => {
                self.foreign.push(foreign);
                Disposition::Done
            }
            Arrival::Head(_) => Disposition::Done,
            _ => unreachable!("no other arrivals exist"),
        })?;
        Ok((frames, collected.more))
    }

    /// Returns the places of everything that is foreign or pending now, with the reasons as text.
    pub(crate) fn report(&self) -> Vec<(String, String)> {
        let report = self.transport.report();
        let foreign = report.foreign.into_iter().map(|foreign| (foreign.place, foreign.reason.to_string()));
        let pending = report.pending.into_iter().map(|pending| (pending.place, pending.reason.to_string()));
        foreign.chain(pending).collect()
    }
}
