//! Hints from the operating system, by way of `notify`.

use std::{
    ffi::OsStr,
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use notify::{
    Config, Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher,
    event::{AccessKind, AccessMode},
};

use crate::{Signal, Watch};

/// Watches the folder itself. Directories are added one by one, so that whatever else somebody keeps below the folder
/// costs no watches.
pub(super) fn start(folder: &Path, signal: Arc<Signal>) -> io::Result<Box<dyn Watch>> {
    let folder = fs::canonicalize(folder)?;
    let root = folder.clone();
    let on_event = move |event: notify::Result<Event>| match event {
        Ok(event) => forward(&root, &event, &signal),
        Err(error) => signal.fail(error.to_string()),
    };
    let config = Config::default().with_follow_symlinks(false);
    let mut watcher = RecommendedWatcher::new(on_event, config).map_err(into_io)?;
    watcher.watch(&folder, RecursiveMode::NonRecursive).map_err(into_io)?;
    Ok(Box::new(Watching { folder, watcher }))
}

#[derive(Debug)]
struct Watching {
    folder: PathBuf,
    watcher: RecommendedWatcher,
}

impl Watch for Watching {
    fn add(&mut self, dir: &OsStr) -> io::Result<()> {
        self.watcher.watch(&self.folder.join(dir), RecursiveMode::NonRecursive).map_err(into_io)
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
            Some(name) => signal.hint_file(dir.as_os_str(), name.as_os_str()),
        }
    }
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

    /// When the system's queue runs over, the event names no path; everything is looked at, and hints go on.
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
}
