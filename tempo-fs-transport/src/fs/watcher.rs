//! Hints from the operating system, by way of `notify`.

use std::{
    ffi::OsStr,
    io,
    path::{Path, PathBuf},
    sync::{Arc, mpsc},
    time::Duration,
};

use notify::{
    Config, Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher,
    event::{AccessKind, AccessMode},
};

#[cfg(unix)]
use crate::fs::unix as imp;
#[cfg(windows)]
use crate::fs::windows as imp;
use crate::{
    format::name::{DirName, FileName},
    fs::port::Watch,
    watch::signal::Signal,
};

/// Watches a folder.
///
/// On Linux the watch is on the folder itself, and directories are added one by one, so that other things below the folder cost
/// no watches. On Windows and Apple's systems one watch covers everything below. A watch on a directory there would keep the
/// folder from being moved (Windows), or restart the stream of events and lose some (`FSEvents`).
///
/// Nothing depends on an event: `notify` reports nothing when the buffer that Windows fills (16 KiB) overflows.
pub(super) fn start(folder: &Path, signal: Arc<Signal>) -> io::Result<Box<dyn Watch>> {
    // Events carry the path in this spelling.
    let folder = imp::watched(folder)?;
    let (open, is_over) = mpsc::channel();
    let root = folder.clone();
    let on_event = move |event: notify::Result<Event>| {
        // Goes with the thread that reads the events, which closes its handles first.
        let _open: &mpsc::Sender<()> = &open;
        match event {
            Ok(event) => forward(&root, &event, &signal),
            Err(error) => signal.fail(error.to_string()),
        }
    };
    let config = Config::default().with_follow_symlinks(false);
    let mut watcher = RecommendedWatcher::new(on_event, config).map_err(into_io)?;
    let mode = if COVERS { RecursiveMode::Recursive } else { RecursiveMode::NonRecursive };
    watcher.watch(&folder, mode).map_err(into_io)?;
    Ok(Box::new(Watching { folder, watcher: Some(watcher), is_over }))
}

const COVERS: bool = cfg!(any(windows, target_vendor = "apple"));

#[derive(Debug)]
struct Watching {
    folder: PathBuf,
    /// There until it is dropped.
    watcher: Option<RecommendedWatcher>,
    /// Disconnected once the thread that reads the events has ended.
    is_over: mpsc::Receiver<()>,
}

impl Watch for Watching {
    fn covers_directories(&self) -> bool {
        COVERS
    }

    fn add(&mut self, dir: &OsStr) -> io::Result<()> {
        let Some(watcher) = &mut self.watcher else { return Ok(()) };
        watcher.watch(&self.folder.join(dir), RecursiveMode::NonRecursive).map_err(into_io)
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        /// More than enough to close a few handles, and short enough for a system that does not answer.
        const PATIENCE: Duration = Duration::from_secs(1);
        drop(self.watcher.take());
        // Nothing is ever sent: this ends with the thread.
        let _ = self.is_over.recv_timeout(PATIENCE);
    }
}
fn forward(folder: &Path, event: &Event, signal: &Signal) {
    if event.need_rescan() {
        signal.hint_everywhere();
    }
    let changes = match event.kind {
        // Our own reading causes these.
        EventKind::Access(access) => access == AccessKind::Close(AccessMode::Write),
        _ => true,
    };
    if !changes {
        return;
    }
    for path in &event.paths {
        let Ok(inside) = path.strip_prefix(folder) else {
            signal.hint_everywhere();
            continue;
        };
        let mut components = inside.components();
        let Some(dir) = components.next() else {
            signal.hint_folder();
            continue;
        };
        match components.next() {
            None => {
                signal.hint_folder();
                signal.hint_dir(dir.as_os_str());
            }
            // Where one watch covers everything, every write of a part would end a wait for messages.
            Some(name) if is_files(dir.as_os_str(), name.as_os_str()) => {}
            Some(name) => signal.hint_file(dir.as_os_str(), name.as_os_str()),
        }
    }
}

/// Returns whether a name is that of the directory of parts in a directory of an author.
fn is_files(dir: &OsStr, name: &OsStr) -> bool {
    FileName::parse(name) == FileName::Files && DirName::parse(dir).author().is_some()
}

fn into_io(error: notify::Error) -> io::Error {
    match error.kind {
        notify::ErrorKind::Io(error) => error,
        _ => io::Error::other(error),
    }
}

#[cfg(test)]
mod tests {
    use notify::event::Flag;

    use super::*;
    use crate::watch::signal::Hints;

    /// When the system's queue overflows, the event names no path; everything is scanned, and hints
    /// continue.
    #[test]
    fn lost_events_are_a_reason_to_look_everywhere() {
        let signal = Signal::default();
        let folder = Path::new("jam.session");
        forward(folder, &Event::new(EventKind::Other).set_flag(Flag::Rescan), &signal);
        let hints = signal.take();
        assert!(hints.everywhere && hints.failure.is_none(), "{hints:?}");
        forward(folder, &Event::new(EventKind::Any).add_path(folder.join("author")), &signal);
        let hints = signal.take();
        assert!(!hints.everywhere && hints.dirs.contains(OsStr::new("author")), "{hints:?}");
    }

    /// One part has 64 MiB, and a service writes it in many pieces.
    #[test]
    fn parts_of_files_cause_no_hints() {
        let (signal, folder) = (Signal::default(), Path::new("jam.session"));
        let author = "7b0e8e4e-3f53-4c36-9a7e-0d5a4c1b2a3f";
        for dir in [author.to_owned(), format!("{author} (1)"), format!("{author}.{author}")] {
            for inside in ["files", "files/5f3a", "files/a/b"] {
                forward(folder, &Event::new(EventKind::Any).add_path(folder.join(&dir).join(inside)), &signal);
                assert_eq!(signal.take(), Hints::default(), "{dir}/{inside}");
            }
        }
        for other in [format!("{author}/files (1)/5f3a"), "stray/files/5f3a".to_owned(), "files/head".to_owned()] {
            forward(folder, &Event::new(EventKind::Any).add_path(folder.join(&other)), &signal);
            assert_ne!(signal.take(), Hints::default(), "{other}");
        }
    }
}
