//! The mailbox between a source of hints and the thread that waits for them.

use std::{
    collections::BTreeSet,
    ffi::{OsStr, OsString},
    mem,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    task::Wake,
    time::{Duration, Instant},
};

/// Collects hints and wake-ups until they are taken. Bounded: too many hints become one, "look
/// everywhere".
#[derive(Debug, Default)]
pub struct Signal {
    state: Mutex<State>,
    changed: Condvar,
    /// Rings when something is hinted here.
    above: Option<Arc<Signal>>,
}

/// The places that may have changed. Hints may be missing, late, repeated and wrong.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Hints {
    /// Look at everything: hints were lost.
    pub everywhere: bool,
    /// The names of the session folder itself.
    pub folder: bool,
    /// Directories of the session folder.
    pub dirs: BTreeSet<OsString>,
    /// Files in some of these, by directory and name, up to a limit.
    pub files: BTreeSet<(OsString, OsString)>,
    /// The reason why no more hints come.
    pub failure: Option<String>,
}

#[derive(Debug, Default)]
struct State {
    woken: bool,
    hints: Hints,
    /// The number of threads that wait. Waking none would still cost a system call.
    waiting: usize,
}

/// The most directories in one turn; more become "everywhere".
const DIRS: usize = 256;
/// The most files in one turn; for further ones only their directories are hinted at.
const FILES: usize = 64;

impl Signal {
    /// Creates a mailbox whose hints end a wait at another one.
    pub(crate) fn below(above: Arc<Self>) -> Self {
        Self { above: Some(above), ..Self::default() }
    }

    /// Hints were lost, or everything changed.
    pub fn hint_everywhere(&self) {
        self.update(|hints| hints.everywhere = true);
    }

    /// Something in the session folder itself came or went.
    pub fn hint_folder(&self) {
        self.update(|hints| hints.folder = true);
    }

    /// Something in a directory of the session folder came, went or changed.
    pub fn hint_dir(&self, dir: &OsStr) {
        self.update(|hints| hints.add_dir(dir));
    }

    /// A file in a directory of the session folder came, went or changed.
    pub fn hint_file(&self, dir: &OsStr, name: &OsStr) {
        self.update(|hints| {
            if hints.files.len() < FILES {
                hints.files.insert((dir.to_owned(), name.to_owned()));
            }
            hints.add_dir(dir);
        });
    }

    /// No more hints will come.
    pub fn fail(&self, reason: String) {
        self.update(|hints| hints.failure = Some(reason));
    }

    /// Ends a wait, now or the next one.
    pub fn ring(&self) {
        self.change(|state| state.woken = true);
    }

    /// Takes all hints.
    pub fn take(&self) -> Hints {
        mem::take(&mut self.lock().hints)
    }

    /// Waits for a hint or a ring, at most `timeout`.
    #[allow(clippy::disallowed_methods, reason = "a deadline for waiting threads; no message depends on it")]
    pub fn wait(&self, timeout: Duration) {
        let end = Instant::now().checked_add(timeout);
        let mut state = self.lock();
        while !state.woken && state.hints == Hints::default() {
            let left = end.map_or(timeout, |end| end.saturating_duration_since(Instant::now()));
            if left.is_zero() {
                break;
            }
            state.waiting += 1;
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
            state.waiting -= 1;
        }
        state.woken = false;
    }

    fn update(&self, change: impl FnOnce(&mut Hints)) {
        self.change(|state| change(&mut state.hints));
        if let Some(above) = &self.above {
            above.ring();
        }
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.lock();
        change(&mut state);
        if state.waiting > 0 {
            self.changed.notify_all();
        }
    }

    /// Every change is a single assignment or insertion, so the state is sound even after a panic.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Hints {
    fn add_dir(&mut self, dir: &OsStr) {
        if self.dirs.len() >= DIRS {
            self.everywhere = true;
        } else if !self.dirs.contains(dir) {
            self.dirs.insert(dir.to_owned());
        }
    }
}

impl Wake for Signal {
    fn wake(self: Arc<Self>) {
        self.ring();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.ring();
    }
}
