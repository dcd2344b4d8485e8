//! Folder operations on threads of their own: any of them may take minutes, or never end.

use std::{
    collections::VecDeque,
    io,
    sync::{Arc, mpsc},
    thread,
    time::Duration,
};

use crate::{
    fs::hatch::{Given, Hatch},
    watch::signal::Signal,
};

/// Gives work to a thread and waits for what comes of it, but only so long.
///
/// As long as nothing is late there are as many threads as streams, and they are used again. Work that is late keeps its thread; what comes
/// of it in the end rings the signal.
#[derive(Debug)]
pub(crate) struct Offload {
    signal: Arc<Signal>,
    /// Nothing blocks, and work is done at once.
    at_once: bool,
    idle: Vec<mpsc::Sender<Job>>,
    alive: Alive,
}

/// The threads of a transport. When it is dropped, after everything that has work for them, it waits until they have ended and
/// closed what they had open; not for long, because one that the folder does not answer never ends.
#[derive(Debug)]
pub(crate) struct Threads {
    /// There until it is dropped.
    alive: Option<Alive>,
    /// Disconnected once all have ended.
    ended: mpsc::Receiver<()>,
}

/// Held by each of the threads.
#[derive(Debug, Clone)]
pub(crate) struct Alive {
    _held: mpsc::Sender<()>,
}

/// What comes of some work, piece by piece.
#[derive(Debug)]
pub(crate) struct Stream<T> {
    /// What was taken out of the hatch together.
    taken: VecDeque<T>,
    hatch: Option<Arc<Hatch<T>>>,
    thread: Option<mpsc::Sender<Job>>,
}

/// What there is of a stream now.
#[derive(Debug)]
pub(crate) enum Next<T> {
    /// A result.
    Item(T),
    /// Nothing will come any more.
    End,
    /// Nothing yet, for longer than anybody wants to wait. From here on look at it from time to time.
    Late,
}

/// Where work leaves its results.
pub(crate) struct Outlet<T> {
    way: Way<T>,
}

enum Way<T> {
    Kept(VecDeque<T>),
    Handed { hatch: Arc<Hatch<T>>, signal: Arc<Signal> },
}

/// So many threads are kept that have nothing to do: one reads ahead while another one answers.
const IDLE: usize = 2;

type Job = Box<dyn FnOnce() + Send>;

impl Offload {
    /// Offloads work, unless it `may_block` never.
    pub(crate) fn new(signal: Arc<Signal>, may_block: bool, alive: Alive) -> Self {
        Self { signal, at_once: !may_block, idle: Vec::new(), alive }
    }

    /// Begins some work. It should end when the outlet says that nobody listens.
    pub(crate) fn start<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(&mut Outlet<T>) + Send + 'static,
    ) -> io::Result<Stream<T>> {
        if self.at_once {
            let mut outlet = Outlet { way: Way::Kept(VecDeque::new()) };
            work(&mut outlet);
            let kept = match &mut outlet.way {
                Way::Kept(kept) => std::mem::take(kept),
                Way::Handed { .. } => VecDeque::new(),
            };
            return Ok(Stream { taken: kept, hatch: None, thread: None });
        }
        let hatch = Arc::new(Hatch::default());
        let mut outlet = Outlet { way: Way::Handed { hatch: Arc::clone(&hatch), signal: Arc::clone(&self.signal) } };
        let mut job: Job = Box::new(move || work(&mut outlet));
        if let Some(thread) = self.idle.pop() {
            match thread.send(job) {
                Ok(()) => {
                    return Ok(Stream { taken: VecDeque::new(), hatch: Some(hatch), thread: Some(thread) });
                }
                Err(unsent) => job = unsent.0,
            }
        }
        let thread = spawn(self.alive.clone())?;
        // A thread that has just begun takes its first job.
        let _ = thread.send(job);
        Ok(Stream { taken: VecDeque::new(), hatch: Some(hatch), thread: Some(thread) })
    }

    /// The next result; waits for it so long.
    pub(crate) fn next<T>(&mut self, stream: &mut Stream<T>, patience: Duration) -> Next<T> {
        if stream.taken.is_empty()
            && let Some(hatch) = &stream.hatch
        {
            match hatch.take(&mut stream.taken, patience) {
                Given::Some => {}
                Given::Late => return Next::Late,
                Given::End => self.rest(stream.thread.take()),
            }
        }
        stream.taken.pop_front().map_or(Next::End, Next::Item)
    }

    /// Does one thing and waits for it so long; `Err` with what will come of it when it is late.
    pub(crate) fn run<T: Send + 'static>(
        &mut self,
        patience: Duration,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> io::Result<Result<T, Stream<T>>> {
        let mut stream = self.start(move |outlet: &mut Outlet<T>| {
            outlet.put(work());
        })?;
        match self.next(&mut stream, patience) {
            Next::Item(done) => {
                // The thread is free, or will be in a moment.
                self.rest(stream.thread.take());
                Ok(Ok(done))
            }
            Next::Late => Ok(Err(stream)),
            Next::End => Err(io::Error::other("the thread for it has ended")),
        }
    }
}

impl Offload {
    /// Keeps a thread that has, or will have in a moment, nothing to do.
    fn rest(&mut self, thread: Option<mpsc::Sender<Job>>) {
        self.idle.extend(thread.filter(|_| self.idle.len() < IDLE));
    }
}

impl<T> Stream<T> {
    /// What has come, without waiting.
    pub(crate) fn poll(&mut self) -> Next<T> {
        if self.taken.is_empty()
            && let Some(hatch) = &self.hatch
            && matches!(hatch.take(&mut self.taken, Duration::ZERO), Given::Late)
        {
            return Next::Late;
        }
        self.taken.pop_front().map_or(Next::End, Next::Item)
    }
}

impl<T> Stream<T> {
    /// Nothing more is wanted of it; whether it has ended.
    pub(crate) fn leave(&self) -> bool {
        self.hatch.as_ref().is_none_or(|hatch| hatch.leave())
    }
}

impl<T> Drop for Stream<T> {
    fn drop(&mut self) {
        self.leave();
    }
}

impl<T> Outlet<T> {
    /// Leaves a result; false when no more is wanted, because nobody listens or what came was late.
    pub(crate) fn put(&mut self, item: T) -> bool {
        self.put_heavy(item, 0)
    }

    /// The same for one that keeps so many bytes: not many of them wait to be taken.
    pub(crate) fn put_heavy(&mut self, item: T, bytes: usize) -> bool {
        match &mut self.way {
            Way::Kept(kept) => {
                kept.push_back(item);
                true
            }
            Way::Handed { hatch, .. } => hatch.put(item, bytes),
        }
    }
}

impl<T> Drop for Outlet<T> {
    fn drop(&mut self) {
        if let Way::Handed { hatch, signal } = &self.way
            && hatch.end()
        {
            signal.ring();
        }
    }
}

impl Default for Threads {
    fn default() -> Self {
        let (held, ended) = mpsc::channel();
        Self { alive: Some(Alive { _held: held }), ended }
    }
}

impl Threads {
    /// To be held by a thread.
    pub(crate) fn alive(&self) -> Alive {
        self.alive.clone().unwrap_or_else(|| Alive { _held: mpsc::channel().0 })
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        const PATIENCE: Duration = Duration::from_millis(500);
        self.alive = None;
        // Nothing is ever sent: this ends with the last thread.
        let _ = self.ended.recv_timeout(PATIENCE);
    }
}

fn spawn(alive: Alive) -> io::Result<mpsc::Sender<Job>> {
    let (jobs, to_do) = mpsc::channel::<Job>();
    thread::Builder::new().name("tempo-folder".to_owned()).spawn(move || {
        let _alive = alive;
        while let Ok(job) = to_do.recv() {
            job();
        }
    })?;
    Ok(jobs)
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "threads that wait are what is tested")]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_millis(50);
    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn results_come_in_order_and_the_thread_is_used_again() {
        let threads = Threads::default();
        for may_block in [false, true] {
            let mut offload = Offload::new(Arc::default(), may_block, threads.alive());
            for _ in 0..3 {
                let mut stream = offload
                    .start(|outlet| {
                        for number in 0..200 {
                            outlet.put(number);
                        }
                    })
                    .unwrap();
                let mut numbers = Vec::new();
                while let Next::Item(number) = offload.next(&mut stream, LONG) {
                    numbers.push(number);
                }
                assert_eq!(numbers, (0..200).collect::<Vec<_>>());
            }
            let first = offload.run(LONG, || thread::current().id()).unwrap().unwrap();
            let second = offload.run(LONG, || thread::current().id()).unwrap().unwrap();
            assert_eq!(first, second);
            assert_eq!(first == thread::current().id(), !may_block);
        }
    }

    #[test]
    fn what_is_late_rings_when_it_comes() {
        let (signal, threads) = (Arc::new(Signal::default()), Threads::default());
        let mut offload = Offload::new(Arc::clone(&signal), true, threads.alive());
        let (open, gate) = mpsc::channel::<()>();
        let Err(mut late) = offload.run(SOON, move || gate.recv().is_ok()).unwrap() else { panic!("it was not late") };
        assert!(matches!(late.poll(), Next::Late));
        // Meanwhile others are served.
        assert_eq!(offload.run(LONG, || 7).unwrap().unwrap(), 7);
        open.send(()).unwrap();
        signal.wait(LONG);
        assert!(matches!(late.poll(), Next::Item(true)));
        assert!(matches!(late.poll(), Next::End | Next::Late));
    }

    #[test]
    fn work_ends_when_nobody_listens_any_more() {
        let threads = Threads::default();
        let mut offload = Offload::new(Arc::default(), true, threads.alive());
        let (told, ended) = mpsc::channel::<()>();
        let mut stream = offload
            .start(move |outlet| {
                while outlet.put(0) {}
                drop(told);
            })
            .unwrap();
        assert!(matches!(offload.next(&mut stream, LONG), Next::Item(0)));
        drop(stream);
        assert!(ended.recv().is_err());
    }
    #[test]
    fn what_a_thread_has_open_is_closed_when_its_transport_is_gone() {
        let (threads, held) = (Threads::default(), Arc::new(()));
        let mut offload = Offload::new(Arc::default(), true, threads.alive());
        let open = Arc::clone(&held);
        let mut stream = offload
            .start(move |outlet| {
                while outlet.put(0) {}
                drop(open);
            })
            .unwrap();
        assert!(matches!(offload.next(&mut stream, LONG), Next::Item(0)));
        drop((stream, offload));
        drop(threads);
        assert_eq!(Arc::strong_count(&held), 1);
    }
}
