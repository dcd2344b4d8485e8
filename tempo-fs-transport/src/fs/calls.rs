//! Calls into a folder with a time limit: a call that never returns delays nothing but itself.

use std::{
    collections::{BTreeMap, VecDeque},
    ffi::{OsStr, OsString},
    fmt, io,
    sync::Arc,
    time::Duration,
};

use crate::{
    fs::{
        port::Fs,
        worker::{Alive, Next, Outlet, Stream, Workers},
    },
    watch::signal::Signal,
};

/// Makes calls, and remembers those that are late: not back in time.
#[derive(Debug)]
pub(crate) struct Calls<F: Fs> {
    pub(crate) fs: F,
    patience: Duration,
    workers: Workers,
    late: BTreeMap<About, Box<dyn Unfinished>>,
    room: usize,
}

/// The subject of a call. While one is late, no other call is made about the same subject.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum About {
    /// The session folder itself.
    Folder,
    /// A directory in it.
    Directory(OsString),
    /// The hints of the system.
    Watch,
    /// Writing into the own directory.
    Publishing,
}

/// Work with results that are not wanted any more.
trait Unfinished: fmt::Debug + Send {
    fn is_over(&self) -> bool;
}

/// The most late calls about directories and files; each keeps a thread. With those about the folder, about the hints and
/// about publishing there are 16.
const LATE: usize = 13;

impl<F: Fs> Calls<F> {
    pub(crate) fn new(fs: F, (signal, alive): (Arc<Signal>, Alive), patience: Duration) -> Self {
        Self { fs, patience, workers: Workers::new(signal, F::MAY_BLOCK, alive), late: BTreeMap::new(), room: LATE }
    }

    /// Sets the most late calls about directories and files.
    pub(crate) fn with_room(self, room: usize) -> Self {
        Self { room, ..self }
    }

    /// Makes a call.
    ///
    /// # Errors
    ///
    /// `TimedOut` while it, or an earlier one about the same subject, is late.
    pub(crate) fn run<T: Send + fmt::Debug + 'static>(
        &mut self,
        about: About,
        work: impl FnOnce(&F) -> T + Send + 'static,
    ) -> io::Result<T> {
        self.admit(&about)?;
        let stream = self.start(move |fs, outlet| outlet.put_only(work(fs)))?;
        self.workers.only(stream, self.patience)?.map_err(|late| self.give_up(about, late))
    }

    /// Makes a call with many results, and passes each to `each` until that returns false.
    ///
    /// # Errors
    ///
    /// As for [`run`](Self::run).
    pub(crate) fn run_each<T: Send + fmt::Debug + 'static>(
        &mut self,
        about: About,
        work: impl FnOnce(&F, &mut Outlet<T>) + Send + 'static,
        mut each: impl FnMut(T) -> bool,
    ) -> io::Result<()> {
        self.admit(&about)?;
        let mut stream = self.start(work)?;
        loop {
            match self.next(&mut stream) {
                Next::Item(item) => {
                    if !each(item) {
                        return Ok(());
                    }
                }
                Next::End => return Ok(()),
                Next::Late => return Err(self.give_up(about, stream)),
            }
        }
    }

    /// Asks the same of one directory after the other. A directory that does not answer delays no other one.
    pub(crate) fn ask_each<T: Send + fmt::Debug + 'static>(
        &mut self,
        names: impl IntoIterator<Item = Arc<OsStr>>,
        ask: impl Fn(&F, &OsStr) -> io::Result<T> + Clone + Send + 'static,
        mut each: impl FnMut(Arc<OsStr>, io::Result<T>),
    ) {
        let (late, asked): (Vec<_>, Vec<_>) = names.into_iter().partition(|name| self.is_directory_late(name));
        let mut asked = VecDeque::from(asked);
        while !asked.is_empty() && self.room_beside(0) > 0 {
            let (names, ask) = (asked.clone(), ask.clone());
            let started = self.start(move |fs, outlet: &mut Outlet<io::Result<T>>| {
                let _ = names.iter().all(|name| outlet.put(ask(fs, name)));
            });
            let Ok(mut stream) = started else { break };
            while let Some(name) = asked.pop_front() {
                match self.next(&mut stream) {
                    Next::Item(answer) => each(name, answer),
                    Next::End => each(name, Err(no_answer())),
                    Next::Late => {
                        each(Arc::clone(&name), Err(self.give_up(About::Directory(name.to_os_string()), stream)));
                        break;
                    }
                }
            }
        }
        for name in late.into_iter().chain(asked) {
            each(name, Err(no_answer()));
        }
    }

    /// Begins a call about a directory without waiting for it, unless one about the same, or two about others, are late.
    pub(crate) fn begin<T: Send + fmt::Debug + 'static>(
        &mut self,
        about: About,
        work: impl FnOnce(&F) -> T + Send + 'static,
    ) {
        const MOST: usize = 2;
        if self.is_late(&about) || self.late_directories() >= MOST {
            return;
        }
        // When no thread can be had now, there will be one later.
        if let Ok(mut stream) = self.start(move |fs, outlet| outlet.put_only(work(fs)))
            && let Next::Late = stream.poll()
        {
            self.late.insert(about, Box::new(stream));
        }
    }

    /// Begins work whose results are taken with [`next`](Self::next), by a caller that remembers it when it is late.
    pub(crate) fn start<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(&F, &mut Outlet<T>) + Send + 'static,
    ) -> io::Result<Stream<T>> {
        let fs = self.fs.clone();
        self.workers.start(move |outlet| work(&fs, outlet))
    }

    /// Returns the next result of such work.
    pub(crate) fn next<T>(&mut self, stream: &mut Stream<T>) -> Next<T> {
        self.workers.next(stream, self.patience)
    }

    fn give_up<T: Send + fmt::Debug + 'static>(&mut self, about: About, stream: Stream<T>) -> io::Error {
        self.late.insert(about, Box::new(stream));
        no_answer()
    }

    /// Returns whether a call about this is late.
    pub(crate) fn is_late(&mut self, about: &About) -> bool {
        let is_late = self.late.get(about).is_some_and(|late| !late.is_over());
        if !is_late {
            self.late.remove(about);
        }
        is_late
    }

    /// Returns whether a call about this directory is late.
    pub(crate) fn is_directory_late(&mut self, name: &OsStr) -> bool {
        !self.late.is_empty() && self.is_late(&About::Directory(name.to_owned()))
    }

    /// Returns whether a call about any directory is late.
    pub(crate) fn is_any_directory_late(&mut self) -> bool {
        self.is_waiting() && self.late_directories() > 0
    }

    /// Returns whether any call is late.
    pub(crate) fn is_waiting(&mut self) -> bool {
        self.late.retain(|_, late| !late.is_over());
        !self.late.is_empty()
    }

    /// Returns how many more calls about directories and files may be late, beside `others` that the caller remembers.
    pub(crate) fn room_beside(&self, others: usize) -> usize {
        self.room.saturating_sub(self.late_directories() + others)
    }

    fn late_directories(&self) -> usize {
        self.late.keys().filter(|about| matches!(about, About::Directory(_))).count()
    }

    fn admit(&mut self, about: &About) -> io::Result<()> {
        let has_room = !matches!(about, About::Directory(_)) || self.room_beside(0) > 0;
        if self.is_late(about) || !has_room { Err(no_answer()) } else { Ok(()) }
    }
}

impl<T: Send + fmt::Debug> Unfinished for Stream<T> {
    fn is_over(&self) -> bool {
        self.leave()
    }
}

/// Returns the error of a call that is late.
pub(crate) fn no_answer() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "there has been no answer for a while")
}
