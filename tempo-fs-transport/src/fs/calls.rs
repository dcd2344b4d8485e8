//! Calls into a folder that are waited for only so long: one that never ends holds up nothing but itself.

use std::{
    collections::{BTreeMap, VecDeque},
    ffi::{OsStr, OsString},
    fmt, io,
    sync::Arc,
    time::Duration,
};

use crate::{
    fs::{
        offload::{Alive, Next, Offload, Outlet, Stream},
        port::Fs,
    },
    watch::signal::Signal,
};

/// Makes calls, and remembers which have not come back.
#[derive(Debug)]
pub(crate) struct Calls<F: Fs> {
    pub(crate) fs: F,
    patience: Duration,
    offload: Offload,
    late: BTreeMap<About, Box<dyn Unfinished>>,
    room: usize,
}

/// What a call is about: as long as one has not come back, no other one is made about the same.
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

/// How a stream of results ended.
#[derive(Debug)]
pub(crate) enum Drained<T> {
    /// Everything came.
    Whole,
    /// No more was wanted.
    Stopped,
    /// The next one is late; here is where it will come.
    Late(Stream<T>),
}

trait Unfinished: fmt::Debug + Send {
    fn is_over(&mut self) -> bool;
}

/// So many calls about directories and files may be late; each keeps a thread. With one about the folder, one about the
/// hints, and one that publishes there are 16.
const LATE: usize = 13;

impl<F: Fs> Calls<F> {
    pub(crate) fn new(fs: F, (signal, alive): (Arc<Signal>, Alive), patience: Duration) -> Self {
        Self { fs, patience, offload: Offload::new(signal, F::MAY_BLOCK, alive), late: BTreeMap::new(), room: LATE }
    }

    /// The same with room for so many late calls about directories and files.
    pub(crate) fn with_room(self, room: usize) -> Self {
        Self { room, ..self }
    }

    /// Makes a call.
    ///
    /// # Errors
    ///
    /// `TimedOut` while it, or an earlier one about the same, has not come back.
    pub(crate) fn run<T: Send + fmt::Debug + 'static>(
        &mut self,
        about: About,
        work: impl FnOnce(&F) -> T + Send + 'static,
    ) -> io::Result<T> {
        self.admit(&about)?;
        let fs = self.fs.clone();
        match self.offload.run(self.patience, move || work(&fs))? {
            Ok(done) => Ok(done),
            Err(late) => {
                self.late.insert(about, Box::new(late));
                Err(no_answer())
            }
        }
    }

    /// Makes a call with many results and hands each to `each`, until that says false.
    ///
    /// # Errors
    ///
    /// As for [`run`](Self::run).
    pub(crate) fn run_each<T: Send + fmt::Debug + 'static>(
        &mut self,
        about: About,
        work: impl FnOnce(&F, &mut Outlet<T>) + Send + 'static,
        each: impl FnMut(T) -> bool,
    ) -> io::Result<()> {
        self.admit(&about)?;
        match self.drain(work, each)? {
            Drained::Whole | Drained::Stopped => Ok(()),
            Drained::Late(stream) => {
                self.late.insert(about, Box::new(stream));
                Err(no_answer())
            }
        }
    }

    /// The same for one who looks after what is late.
    pub(crate) fn drain<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(&F, &mut Outlet<T>) + Send + 'static,
        mut each: impl FnMut(T) -> bool,
    ) -> io::Result<Drained<T>> {
        let mut stream = self.start(work)?;
        loop {
            match self.next(&mut stream) {
                Next::Item(item) => {
                    if !each(item) {
                        return Ok(Drained::Stopped);
                    }
                }
                Next::End => return Ok(Drained::Whole),
                Next::Late => return Ok(Drained::Late(stream)),
            }
        }
    }

    /// Begins a call about a directory that nobody waits for, unless one about the same, or two about others, have not come
    /// back.
    pub(crate) fn begin<T: Send + fmt::Debug + 'static>(
        &mut self,
        about: About,
        work: impl FnOnce(&F) -> T + Send + 'static,
    ) {
        const MOST: usize = 2;
        if self.is_late(&about) || self.late_directories() >= MOST {
            return;
        }
        let begun = self.start(move |fs, outlet: &mut Outlet<T>| {
            outlet.put(work(fs));
        });
        // When no thread can be had now, there will be one later.
        let Ok(mut stream) = begun else { return };
        if !stream.is_over() {
            self.keep_late(about, stream);
        }
    }

    /// Begins a call with many results, for one who takes them as they come, and looks after it when it is late.
    pub(crate) fn start<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(&F, &mut Outlet<T>) + Send + 'static,
    ) -> io::Result<Stream<T>> {
        let fs = self.fs.clone();
        self.offload.start(move |outlet| work(&fs, outlet))
    }

    /// The next result of such a call.
    pub(crate) fn next<T>(&mut self, stream: &mut Stream<T>) -> Next<T> {
        self.offload.next(stream, self.patience)
    }

    /// Asks something of one directory after the other. One that does not answer keeps only itself waiting.
    pub(crate) fn ask_each<T: Send + fmt::Debug + 'static>(
        &mut self,
        names: impl IntoIterator<Item = Arc<OsStr>>,
        ask: impl Fn(&F, &OsStr) -> io::Result<T> + Clone + Send + 'static,
        mut each: impl FnMut(Arc<OsStr>, io::Result<T>),
    ) {
        let mut names: VecDeque<Arc<OsStr>> = names.into_iter().collect();
        names.retain(|name| {
            let is_late = self.is_directory_late(name);
            if is_late {
                each(name.clone(), Err(no_answer()));
            }
            !is_late
        });
        while !names.is_empty() && !self.is_exhausted(0) {
            let (asked, ask) = (names.clone(), ask.clone());
            let drained = self.drain(
                move |fs, outlet: &mut Outlet<io::Result<T>>| {
                    let _ = asked.iter().all(|name| outlet.put(ask(fs, name)));
                },
                |answer| {
                    if let Some(name) = names.pop_front() {
                        each(name, answer);
                    }
                    true
                },
            );
            match (drained, names.pop_front()) {
                (Ok(Drained::Late(stream)), Some(name)) => {
                    self.keep_late(About::Directory(name.to_os_string()), stream);
                    each(name, Err(no_answer()));
                }
                (Err(error), Some(name)) => each(name, Err(error)),
                _ => break,
            }
        }
        // Nothing is passed over without a word.
        for name in names {
            each(name, Err(no_answer()));
        }
    }

    /// Notes that a call about this has not come back.
    pub(crate) fn keep_late<T: Send + fmt::Debug + 'static>(&mut self, about: About, stream: Stream<T>) {
        self.late.insert(about, Box::new(stream));
    }

    /// Whether a call about this has not come back.
    pub(crate) fn is_late(&mut self, about: &About) -> bool {
        let is_over = self.late.get_mut(about).is_none_or(|late| late.is_over());
        if is_over {
            self.late.remove(about);
        }
        !is_over
    }

    /// Whether a call about this directory has not come back.
    pub(crate) fn is_directory_late(&mut self, name: &OsStr) -> bool {
        !self.late.is_empty() && self.is_late(&About::Directory(name.to_owned()))
    }

    /// Whether a call about any directory has not come back.
    pub(crate) fn is_any_directory_late(&mut self) -> bool {
        self.late.retain(|_, late| !late.is_over());
        self.late.keys().any(|about| matches!(about, About::Directory(_)))
    }

    /// Whether as many calls are late as may be, with so many that others look after.
    pub(crate) fn is_exhausted(&self, others: usize) -> bool {
        self.room_beside(others) == 0
    }

    /// How many more may be late.
    pub(crate) fn room_beside(&self, others: usize) -> usize {
        self.room.saturating_sub(self.late_directories() + others)
    }

    fn late_directories(&self) -> usize {
        self.late.keys().filter(|about| matches!(about, About::Directory(_))).count()
    }

    /// Whether any call has not come back.
    pub(crate) fn is_waiting(&mut self) -> bool {
        self.late.retain(|_, late| !late.is_over());
        !self.late.is_empty()
    }

    fn admit(&mut self, about: &About) -> io::Result<()> {
        let has_room = !matches!(about, About::Directory(_)) || !self.is_exhausted(0);
        if self.is_late(about) || !has_room { Err(no_answer()) } else { Ok(()) }
    }
}

impl<T: Send + fmt::Debug> Unfinished for Stream<T> {
    fn is_over(&mut self) -> bool {
        loop {
            match self.poll() {
                Next::Item(_) => {}
                Next::End => return true,
                Next::Late => return false,
            }
        }
    }
}

/// The error of a call that has not come back.
pub(crate) fn no_answer() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "there has been no answer for a while")
}
