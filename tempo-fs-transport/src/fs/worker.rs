//! Threads for calls into a folder: any call may take minutes, or never return.

use std::{
    collections::VecDeque,
    io, mem,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, mpsc},
    thread,
    time::Duration,
};

use crate::watch::signal::Signal;

/// Gives work to threads.
///
/// A thread that has finished its work in time is used again. Work that is late keeps its thread, and rings the signal when
/// it ends.
#[derive(Debug)]
pub(crate) struct Workers {
    signal: Arc<Signal>,
    /// Nothing blocks: work is done by the caller, at once.
    is_inline: bool,
    idle: Vec<mpsc::Sender<Job>>,
    alive: Alive,
}

/// The results of some work, in order.
#[derive(Debug)]
pub(crate) struct Stream<T> {
    taken: VecDeque<T>,
    channel: Arc<Channel<T>>,
    thread: Option<mpsc::Sender<Job>>,
}

/// The next thing that a stream gives.
#[derive(Debug)]
pub(crate) enum Next<T> {
    /// A result.
    Item(T),
    /// There are no more results.
    End,
    /// No result has come in time. From here on the stream is to be polled.
    Late,
}

/// The end of a stream into which the work puts its results.
#[derive(Debug)]
pub(crate) struct Outlet<T> {
    channel: Arc<Channel<T>>,
    signal: Arc<Signal>,
}

/// The threads of a transport. Dropping this, after everything that gives them work, waits until they have ended and closed
/// their handles, but only for a moment: a thread that the folder does not answer never ends.
#[derive(Debug)]
pub(crate) struct Threads {
    /// There until this is dropped.
    alive: Option<Alive>,
    /// Disconnected once all threads have ended.
    ended: mpsc::Receiver<()>,
}

/// Held by each thread.
#[derive(Debug, Clone)]
pub(crate) struct Alive {
    _held: mpsc::Sender<()>,
}

/// A bounded channel. Waking a thread for each result would cost more than most results, so several are taken at a time, and
/// only a thread that waits is woken.
#[derive(Debug)]
struct Channel<T> {
    state: Mutex<State<T>>,
    filled: Condvar,
    emptied: Condvar,
}

#[derive(Debug)]
#[allow(clippy::struct_excessive_bools, reason = "facts about either end")]
struct State<T> {
    results: VecDeque<T>,
    /// The weight of all results, in bytes.
    weight: usize,
    /// The receiver waits for this many results.
    wanted: Option<usize>,
    has_bound: bool,
    /// The sender waits for room.
    is_blocked: bool,
    /// The sender is gone.
    is_over: bool,
    /// The receiver is gone.
    is_left: bool,
    /// The receiver has waited in vain.
    is_late: bool,
}

type Job = Box<dyn FnOnce() + Send>;

/// The most threads without work that are kept.
const IDLE: usize = 4;
/// The most results in a channel, and the most bytes.
const RESULTS: usize = 64;
const WEIGHT: usize = 1024 * 1024;
/// This many results are worth waking the receiver at once; fewer wake it after a moment.
const BATCH: usize = 32;
const MOMENT: Duration = Duration::from_millis(1);

impl Workers {
    /// `may_block` says whether work needs threads at all.
    pub(crate) fn new(signal: Arc<Signal>, may_block: bool, alive: Alive) -> Self {
        Self { signal, is_inline: !may_block, idle: Vec::new(), alive }
    }

    /// Begins some work. It should end once its outlet refuses a result.
    pub(crate) fn start<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(&mut Outlet<T>) + Send + 'static,
    ) -> io::Result<Stream<T>> {
        let channel = Arc::new(Channel::new(!self.is_inline));
        let mut outlet = Outlet { channel: Arc::clone(&channel), signal: Arc::clone(&self.signal) };
        let mut stream = Stream { taken: VecDeque::new(), channel, thread: None };
        let mut job: Job = Box::new(move || work(&mut outlet));
        if self.is_inline {
            job();
            return Ok(stream);
        }
        while let Some(thread) = self.idle.pop() {
            match thread.send(job) {
                Ok(()) => {
                    stream.thread = Some(thread);
                    return Ok(stream);
                }
                Err(unsent) => job = unsent.0,
            }
        }
        let thread = spawn(self.alive.clone())?;
        // A thread that has just begun takes its first job.
        let _ = thread.send(job);
        stream.thread = Some(thread);
        Ok(stream)
    }

    /// Returns the next result, and waits for it for `patience` at most.
    pub(crate) fn next<T>(&mut self, stream: &mut Stream<T>, patience: Duration) -> Next<T> {
        let next = stream.next(patience);
        if matches!(next, Next::End) {
            self.release(stream.thread.take());
        }
        next
    }

    /// Returns the only result of some work that has given it, or what is late.
    pub(crate) fn only<T>(&mut self, mut stream: Stream<T>, patience: Duration) -> io::Result<Result<T, Stream<T>>> {
        match stream.next(patience) {
            Next::Item(result) => {
                // Its thread has nothing to do from now on.
                self.release(stream.thread.take());
                Ok(Ok(result))
            }
            Next::Late => Ok(Err(stream)),
            Next::End => Err(io::Error::other("the thread for it has ended")),
        }
    }

    fn release(&mut self, thread: Option<mpsc::Sender<Job>>) {
        self.idle.extend(thread.filter(|_| self.idle.len() < IDLE));
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

impl<T> Stream<T> {
    /// Returns the next result, without waiting.
    pub(crate) fn poll(&mut self) -> Next<T> {
        self.next(Duration::ZERO)
    }

    fn next(&mut self, patience: Duration) -> Next<T> {
        if self.taken.is_empty() && !self.channel.take(&mut self.taken, patience) {
            return Next::Late;
        }
        self.taken.pop_front().map_or(Next::End, Next::Item)
    }

    /// Refuses all further results; returns whether the work has ended.
    pub(crate) fn leave(&self) -> bool {
        let mut state = self.channel.lock();
        state.is_left = true;
        state.results.clear();
        if state.is_blocked {
            self.channel.emptied.notify_one();
        }
        state.is_over
    }
}

impl<T> Drop for Stream<T> {
    fn drop(&mut self) {
        self.leave();
    }
}

impl<T> Outlet<T> {
    /// Puts a result; false when no more results are wanted, because the receiver is gone or had to wait too long.
    pub(crate) fn put(&mut self, result: T) -> bool {
        self.put_heavy(result, 0)
    }

    /// Puts the only result.
    pub(crate) fn put_only(&mut self, result: T) {
        self.put(result);
    }

    /// Puts a result that keeps this many bytes, and waits until there is room for another one.
    pub(crate) fn put_heavy(&mut self, result: T, bytes: usize) -> bool {
        let mut state = self.channel.lock();
        if state.is_left {
            return false;
        }
        state.results.push_back(result);
        state.weight += bytes;
        if state.wanted.is_some_and(|wanted| state.results.len() >= wanted || state.is_full()) {
            self.channel.filled.notify_one();
        }
        while state.is_full() && !state.is_left {
            state.is_blocked = true;
            state = self.channel.emptied.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.is_blocked = false;
        !state.is_late && !state.is_left
    }
}

impl<T> Drop for Outlet<T> {
    fn drop(&mut self) {
        let mut state = self.channel.lock();
        state.is_over = true;
        if state.wanted.is_some() {
            self.channel.filled.notify_one();
        }
        if state.is_late {
            self.signal.ring();
        }
    }
}

impl<T> Channel<T> {
    fn new(has_bound: bool) -> Self {
        let (results, weight, wanted) = (VecDeque::new(), 0, None);
        let (is_blocked, is_over, is_left, is_late) = (false, false, false, false);
        let state = State { results, weight, wanted, has_bound, is_blocked, is_over, is_left, is_late };
        Self { state: Mutex::new(state), filled: Condvar::new(), emptied: Condvar::new() }
    }

    /// Takes all results, or none at the end; false when there is none after this time.
    fn take(&self, results: &mut VecDeque<T>, patience: Duration) -> bool {
        let mut state = self.lock();
        if !patience.is_zero() && !state.is_over {
            state = self.wait_for(state, BATCH, MOMENT.min(patience));
            state = self.wait_for(state, 1, patience);
        }
        if state.results.is_empty() {
            state.is_late |= !state.is_over;
            return state.is_over;
        }
        mem::swap(&mut state.results, results);
        state.weight = 0;
        if state.is_blocked {
            self.emptied.notify_one();
        }
        true
    }

    fn wait_for<'a>(
        &self,
        mut state: MutexGuard<'a, State<T>>,
        wanted: usize,
        patience: Duration,
    ) -> MutexGuard<'a, State<T>> {
        state.wanted = Some(wanted);
        let is_short = |state: &mut State<T>| !state.is_over && state.results.len() < wanted && !state.is_full();
        let result = self.filled.wait_timeout_while(state, patience, is_short);
        let mut state = result.unwrap_or_else(PoisonError::into_inner).0;
        state.wanted = None;
        state
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> State<T> {
    fn is_full(&self) -> bool {
        self.has_bound && (self.results.len() >= RESULTS || self.weight >= WEIGHT)
    }
}

impl Default for Threads {
    fn default() -> Self {
        let (held, ended) = mpsc::channel();
        Self { alive: Some(Alive { _held: held }), ended }
    }
}

impl Threads {
    /// Returns what each of the threads holds.
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

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "threads that wait are what is tested")]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_millis(50);
    const LONG: Duration = Duration::from_secs(60);

    fn run<T: Send + 'static>(workers: &mut Workers, work: impl FnOnce() -> T + Send + 'static) -> T {
        let stream = workers.start(move |outlet| outlet.put_only(work())).unwrap();
        workers.only(stream, LONG).unwrap().unwrap_or_else(|_| panic!("it was late"))
    }

    #[test]
    fn results_come_in_order_and_the_thread_is_used_again() {
        let threads = Threads::default();
        for may_block in [false, true] {
            let mut workers = Workers::new(Arc::default(), may_block, threads.alive());
            for _ in 0..3 {
                let mut stream = workers
                    .start(|outlet| {
                        for number in 0..200 {
                            outlet.put(number);
                        }
                    })
                    .unwrap();
                let mut numbers = Vec::new();
                while let Next::Item(number) = workers.next(&mut stream, LONG) {
                    numbers.push(number);
                }
                assert_eq!(numbers, (0..200).collect::<Vec<_>>());
            }
            let [first, second] = [(); 2].map(|()| run(&mut workers, || thread::current().id()));
            assert_eq!(first, second);
            assert_eq!(first == thread::current().id(), !may_block);
        }
    }

    #[test]
    fn late_work_rings_when_it_ends_and_keeps_no_other_work_waiting() {
        let (signal, threads) = (Arc::new(Signal::default()), Threads::default());
        let mut workers = Workers::new(Arc::clone(&signal), true, threads.alive());
        let (open, gate) = mpsc::channel::<()>();
        let stream = workers.start(move |outlet| outlet.put_only(gate.recv().is_ok())).unwrap();
        let Err(mut late) = workers.only(stream, SOON).unwrap() else { panic!("it was not late") };
        assert!(matches!(late.poll(), Next::Late));
        assert_eq!(run(&mut workers, || 7), 7);
        open.send(()).unwrap();
        signal.wait(LONG);
        assert!(matches!(late.poll(), Next::Item(true)));
        assert!(matches!(late.poll(), Next::End));
    }

    #[test]
    fn work_ends_and_closes_its_handles_once_its_results_are_not_wanted() {
        let (threads, held) = (Threads::default(), Arc::new(()));
        let mut workers = Workers::new(Arc::default(), true, threads.alive());
        let open = Arc::clone(&held);
        let mut stream = workers
            .start(move |outlet| {
                while outlet.put(0) {}
                drop(open);
            })
            .unwrap();
        assert!(matches!(workers.next(&mut stream, LONG), Next::Item(0)));
        drop((stream, workers));
        drop(threads);
        assert_eq!(Arc::strong_count(&held), 1);
    }
}
