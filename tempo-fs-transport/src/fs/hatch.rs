//! A hatch between two threads: results are put in one by one and taken out many at a time.
//!
//! Waking a thread for each result would cost more than most results.

use std::{
    collections::VecDeque,
    mem,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// Where results lie until they are taken.
#[derive(Debug)]
pub(crate) struct Hatch<T> {
    state: Mutex<State<T>>,
    /// Something has come that is worth waking whoever waits to take.
    filled: Condvar,
    /// There is room again, or nobody takes any more.
    emptied: Condvar,
}

/// What there was to take.
#[derive(Debug)]
pub(crate) enum Given {
    /// Results.
    Some,
    /// Nothing, and nothing will come.
    End,
    /// Nothing for so long.
    Late,
}

#[derive(Debug)]
struct State<T> {
    results: VecDeque<T>,
    /// What all of them weigh.
    weight: usize,
    /// How many results whoever waits wants to be woken for; `None` while nobody waits.
    wanted: Option<usize>,
    is_over: bool,
    is_left: bool,
    is_late: bool,
}

/// So many results wait to be taken before more are put in.
const AHEAD: usize = 64;
/// Or of so much weight, in bytes.
const WEIGHT: usize = 1024 * 1024;
/// So many are worth waking somebody.
const TOGETHER: usize = 32;
/// Fewer are taken after so long.
const A_MOMENT: Duration = Duration::from_millis(1);

impl<T> Default for Hatch<T> {
    fn default() -> Self {
        let state =
            State { results: VecDeque::new(), weight: 0, wanted: None, is_over: false, is_left: false, is_late: false };
        Self { state: Mutex::new(state), filled: Condvar::new(), emptied: Condvar::new() }
    }
}

impl<T> Hatch<T> {
    /// Puts a result of some weight in, and waits until there is room for another one; false when no more is wanted, because
    /// nobody takes any or it came late.
    pub(crate) fn put(&self, result: T, weight: usize) -> bool {
        let mut state = self.lock();
        if state.is_left {
            return false;
        }
        state.results.push_back(result);
        state.weight += weight;
        if state.wanted.is_some_and(|wanted| state.results.len() >= wanted || state.is_full()) {
            self.filled.notify_one();
        }
        // Whoever waits here holds nothing that nobody has asked for.
        while state.is_full() && !state.is_left {
            state = self.emptied.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        !state.is_late && !state.is_left
    }

    /// Nothing more is put in; whether somebody has found that it took too long.
    pub(crate) fn end(&self) -> bool {
        let mut state = self.lock();
        state.is_over = true;
        self.filled.notify_one();
        state.is_late
    }

    /// Nothing more is taken; whether nothing more comes.
    pub(crate) fn leave(&self) -> bool {
        let mut state = self.lock();
        state.is_left = true;
        state.results.clear();
        self.emptied.notify_one();
        state.is_over
    }

    /// Takes what there is; waits so long for something. What comes after that is late.
    pub(crate) fn take(&self, results: &mut VecDeque<T>, patience: Duration) -> Given {
        let mut state = self.lock();
        if !patience.is_zero() {
            state = self.wait_for(state, TOGETHER, A_MOMENT.min(patience));
            state = self.wait_for(state, 1, patience);
        }
        if !state.results.is_empty() {
            mem::swap(&mut state.results, results);
            state.weight = 0;
            self.emptied.notify_one();
            Given::Some
        } else if state.is_over {
            Given::End
        } else {
            state.is_late = true;
            Given::Late
        }
    }

    /// Waits until there are so many results or nothing more comes, and not for longer than that.
    fn wait_for<'a>(
        &self,
        mut state: MutexGuard<'a, State<T>>,
        wanted: usize,
        patience: Duration,
    ) -> MutexGuard<'a, State<T>> {
        state.wanted = Some(wanted);
        let is_too_little = |state: &mut State<T>| !state.is_over && state.results.len() < wanted && !state.is_full();
        let ended = self.filled.wait_timeout_while(state, patience, is_too_little);
        let mut state = ended.unwrap_or_else(PoisonError::into_inner).0;
        state.wanted = None;
        state
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> State<T> {
    fn is_full(&self) -> bool {
        self.results.len() >= AHEAD || self.weight >= WEIGHT
    }
}
