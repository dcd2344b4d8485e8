//! Other ways to wait for a new file: the kernel's own notification, and a library on top of it.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::mpsc::{self, Receiver},
};

use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use tempo_message::{Digest, Frame};

/// Returns the content of new files as they appear.
pub(crate) trait Waiting: Send {
    /// Waits for the next file of this directory, and reads it.
    fn next(&mut self) -> Vec<u8>;
}

/// `notify` with a channel, as its documentation shows it.
pub(crate) struct Notified {
    events: Receiver<notify::Result<Event>>,
    waiting: Vec<PathBuf>,
    _watcher: RecommendedWatcher,
}

impl Notified {
    pub(crate) fn new(dir: &Path) -> Self {
        let (tell, events) = mpsc::channel();
        let mut watcher = notify::recommended_watcher(tell).expect("the system gives hints");
        watcher.watch(dir, RecursiveMode::NonRecursive).expect("the system gives hints");
        Self { events, waiting: Vec::new(), _watcher: watcher }
    }
}

impl Waiting for Notified {
    fn next(&mut self) -> Vec<u8> {
        loop {
            if let Some(path) = self.waiting.pop() {
                return fs::read(path).expect("it is there");
            }
            let event = self.events.recv().expect("the watcher is there").expect("the system gives hints");
            // Our own reading is reported as well, as an access.
            if !matches!(event.kind, EventKind::Access(_)) {
                self.waiting.extend(event.paths);
            }
        }
    }
}

/// Plain inotify.
#[cfg(target_os = "linux")]
pub(crate) struct Inotify {
    queue: rustix::fd::OwnedFd,
    dir: PathBuf,
    waiting: Vec<PathBuf>,
}

#[cfg(target_os = "linux")]
impl Inotify {
    pub(crate) fn new(dir: &Path) -> Self {
        use rustix::fs::inotify::{CreateFlags, WatchFlags, add_watch, init};
        let queue = init(CreateFlags::CLOEXEC).expect("the system gives hints");
        add_watch(&queue, dir, WatchFlags::MOVED_TO).expect("the system gives hints");
        Self { queue, dir: dir.to_owned(), waiting: Vec::new() }
    }
}

#[cfg(target_os = "linux")]
impl Waiting for Inotify {
    fn next(&mut self) -> Vec<u8> {
        use std::{ffi::OsStr, mem::MaybeUninit, os::unix::ffi::OsStrExt};
        loop {
            if let Some(path) = self.waiting.pop() {
                return fs::read(path).expect("it is there");
            }
            let mut buffer = [MaybeUninit::uninit(); 4096];
            let mut reader = rustix::fs::inotify::Reader::new(&self.queue, &mut buffer);
            loop {
                let event = reader.next().expect("the system gives hints");
                self.waiting.extend(event.file_name().map(|name| self.dir.join(OsStr::from_bytes(name.to_bytes()))));
                if reader.is_buffer_empty() {
                    break;
                }
            }
        }
    }
}

/// Checks that the bytes are a whole message, as the floor and the peers check it.
pub(crate) fn check(bytes: &[u8], frame: &Frame) {
    let (content, digest) = bytes.split_at(bytes.len() - Digest::LEN);
    assert_eq!(Digest::of(content).as_bytes(), digest);
    assert_eq!(frame.digest().as_bytes(), digest);
}
