//! The watch on a session folder and on the directories in it.

use std::{
    ffi::{OsStr, OsString},
    io, mem,
    path::Path,
    sync::Arc,
};

use tempo_message::planted;

use crate::{
    fs::{
        calls::{About, Calls},
        error::is_absence,
        port::{Fs, Watch},
    },
    watch::signal::Signal,
};

/// The watch on one folder. A watch that does not answer is given up, and begun again when it does.
#[derive(Debug)]
pub(crate) struct Watching {
    signal: Arc<Signal>,
    is_wanted: bool,
    watch: Option<Box<dyn Watch>>,
    /// The last call about the watch has not come back.
    is_late: bool,
    /// The watch must begin again: there is none yet, or the folder was away or another one since it began.
    is_outdated: bool,
    /// The reason why no hints come, or not all of them.
    pub(crate) failure: Option<String>,
}

/// The most directories that are watched. Further ones are only scanned: watches are a scarce resource of the system.
const WATCHES: usize = 256;

impl Watching {
    pub(crate) fn new(signal: Arc<Signal>, is_wanted: bool) -> Self {
        let failure = (!is_wanted).then(|| "watching is switched off".to_owned());
        Self { signal, is_wanted, watch: None, is_late: false, is_outdated: is_wanted, failure }
    }

    /// Returns how many more directories may be watched beside this many.
    pub(crate) fn room_beside(watched: usize) -> usize {
        WATCHES.saturating_sub(watched)
    }

    /// Has the watch begin again.
    pub(crate) fn restart(&mut self) {
        self.is_outdated = true;
    }

    /// Ends the watch, from which no more hints come.
    pub(crate) fn fail(&mut self, reason: String) {
        self.failure = Some(reason);
        self.watch = None;
    }

    /// Begins a watch on the folder and these directories, if one is due.
    pub(crate) fn begin<F: Fs>(
        &mut self,
        calls: &mut Calls<F>,
        folder: &Path,
        dirs: impl Iterator<Item = impl AsRef<OsStr>>,
    ) {
        let is_due = mem::take(&mut self.is_outdated) || (self.is_late && !calls.is_late(&About::Watch));
        if !is_due || !self.is_wanted {
            return;
        }
        self.failure = None;
        // Its handles are closed before others are opened.
        let before = self.watch.take();
        if planted!(WatchLeaks) {
            mem::forget(before);
        } else {
            drop(before);
        }
        let (folder, signal) = (folder.to_owned(), Arc::clone(&self.signal));
        // One more shows that there are too many.
        let dirs = dirs.take(WATCHES + 1).map(|name| name.as_ref().to_owned()).collect();
        self.watch_by(calls, move |fs| fs.watch(&folder, signal), dirs, WATCHES);
    }

    /// Watches these directories as well, up to `room` of them.
    pub(crate) fn add<F: Fs>(&mut self, calls: &mut Calls<F>, dirs: Vec<OsString>, room: usize) {
        if !dirs.is_empty()
            && let Some(watch) = self.watch.take()
        {
            self.watch_by(calls, move |_| Ok(watch), dirs, room);
        }
    }

    fn watch_by<F: Fs>(
        &mut self,
        calls: &mut Calls<F>,
        watch: impl FnOnce(&F) -> io::Result<Box<dyn Watch>> + Send + 'static,
        mut dirs: Vec<OsString>,
        room: usize,
    ) {
        let watched = calls.run(About::Watch, move |fs| {
            let mut watch = watch(fs)?;
            if watch.covers_directories() && !planted!(WatchEach) {
                return Ok((watch, None));
            }
            let too_many = (dirs.len() > room).then(|| "there are too many directories to watch them all".to_owned());
            dirs.truncate(room);
            // A directory that is gone again needs no watch; without one for another, hints cannot be relied on.
            let failed = dirs.iter().filter_map(|dir| watch.add(dir).err()).find(|error| !is_absence(error));
            io::Result::Ok((watch, failed.map(|error| error.to_string()).or(too_many)))
        });
        self.is_late = watched.is_err();
        match watched.flatten() {
            Ok((watch, failed)) => {
                self.watch = Some(watch);
                self.failure = failed.or(self.failure.take());
            }
            Err(error) => self.failure = Some(error.to_string()),
        }
    }
}
