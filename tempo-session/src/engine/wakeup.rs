//! How a thread learns that something has changed in a session.

use std::{
    sync::{
        Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

/// Wakes the threads that wait for a change.
#[derive(Debug, Default)]
pub(crate) struct Bell {
    /// The number of times that it has rung for somebody.
    rung: Mutex<u64>,
    changed: Condvar,
    /// The number of threads that wait. Waking none would still cost a system call.
    waiting: AtomicUsize,
}

/// The end of a wait: what an [`Environment`](crate::components::Environment) waits for.
#[derive(Debug)]
pub struct Wakeup<'a> {
    bell: &'a Bell,
    /// The number of times that the bell had rung when the wait began.
    before: u64,
}

impl Bell {
    /// Wakes every thread that waits.
    pub(crate) fn ring(&self) {
        if self.waiting.load(Ordering::SeqCst) > 0 {
            *self.lock() += 1;
            self.changed.notify_all();
        }
    }

    /// Begins a wait. A caller that holds the lock of what may change misses no change made after that.
    pub(crate) fn listen(&self) -> Wakeup<'_> {
        self.waiting.fetch_add(1, Ordering::SeqCst);
        Wakeup { bell: self, before: *self.lock() }
    }

    fn lock(&self) -> MutexGuard<'_, u64> {
        self.rung.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wakeup<'_> {
    /// Returns whether something has changed since the wait began.
    pub fn has_come(&self) -> bool {
        *self.bell.lock() != self.before
    }

    /// Blocks the thread until something changes, at most for this span of real time. It may also return earlier.
    pub fn wait(&self, timeout: Duration) {
        // Some systems cannot wait for centuries.
        const LONGEST: Duration = Duration::from_secs(3600);
        let rung = self.bell.lock();
        if *rung == self.before {
            // Callers look at what they wait for themselves, and wait again.
            drop(self.bell.changed.wait_timeout(rung, timeout.min(LONGEST)));
        }
    }
}

impl Drop for Wakeup<'_> {
    fn drop(&mut self) {
        self.bell.waiting.fetch_sub(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn a_change_between_looking_and_waiting_is_not_missed() {
        let bell = Bell::default();
        let wakeup = bell.listen();
        assert!(!wakeup.has_come());
        bell.ring();
        assert!(wakeup.has_come());
        // It would take an hour otherwise.
        wakeup.wait(Duration::MAX);
        assert!(!bell.listen().has_come(), "a later wait needs a later change");
    }

    #[test]
    fn a_change_wakes_all_that_wait() {
        let bell = Bell::default();
        thread::scope(|scope| {
            let waits = [(); 3].map(|()| bell.listen()).map(|wakeup| {
                scope.spawn(move || {
                    while !wakeup.has_come() {
                        wakeup.wait(Duration::MAX);
                    }
                })
            });
            bell.ring();
            for wait in waits {
                wait.join().unwrap();
            }
        });
        assert_eq!(bell.waiting.load(Ordering::SeqCst), 0);
    }
}
