//! Ends programs that do not end by themselves.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// The time limit for a program. The product waits ten seconds for a folder that takes nothing, and a little
/// more elsewhere.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

/// Kills a process that runs for too long, unless it is dropped before.
#[derive(Debug)]
pub(super) struct Watchdog {
    has_bitten: Arc<AtomicBool>,
    /// Dropping it says that the process has ended.
    _ended: Sender<()>,
}

impl Watchdog {
    pub(super) fn over(process: u32) -> Self {
        let has_bitten = Arc::new(AtomicBool::new(false));
        let (ended, is_over) = mpsc::channel();
        let bites = Arc::clone(&has_bitten);
        thread::spawn(move || {
            let ends = is_over.recv_timeout(PATIENCE);
            if let (Err(RecvTimeoutError::Timeout), Ok(pid)) = (ends, i32::try_from(process)) {
                bites.store(true, Ordering::SeqCst);
                // The process may have ended just now.
                let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
            }
        });
        Self { has_bitten, _ended: ended }
    }

    /// Returns whether the process had to be killed.
    pub(super) fn has_bitten(&self) -> bool {
        self.has_bitten.load(Ordering::SeqCst)
    }
}
