//! The state that the commands of the page share: the open session, and the files that go with the next message.

use std::{
    path::PathBuf,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
        mpsc::Sender,
    },
    thread,
    time::Duration,
};

use tauri::AppHandle;
use tempo_session::Session;

use crate::{arguments::Arguments, ask::Ask, tell::Teller, trouble::Trouble};

/// The state of this process.
pub(crate) struct Desk {
    pub(crate) app: AppHandle,
    pub(crate) arguments: Arguments,
    open: Mutex<Option<Arc<Open>>>,
    /// The number of sessions that were opened.
    opened: AtomicU64,
    /// The files that go with the next message. The page knows their names only, so it cannot name others.
    pub(crate) tray: Mutex<Vec<PathBuf>>,
}

/// An open session.
#[derive(Debug)]
pub(crate) struct Open {
    pub(crate) session: Session,
    pub(crate) folder: String,
    clerk: Sender<Ask>,
}

impl Desk {
    pub(crate) fn new(app: AppHandle, arguments: Arguments) -> Self {
        let tray = Mutex::new(arguments.files.clone());
        Self { app, arguments, open: Mutex::new(None), opened: AtomicU64::new(0), tray }
    }

    /// Returns the open session.
    pub(crate) fn open(&self) -> Result<Arc<Open>, Trouble> {
        lock(&self.open).clone().ok_or_else(Trouble::not_open)
    }

    /// Returns a teller for the next session.
    pub(crate) fn teller(&self) -> Teller {
        Teller::new(self.app.clone(), self.opened.fetch_add(1, Ordering::Relaxed) + 1)
    }

    pub(crate) fn set_open(&self, open: Arc<Open>) {
        *lock(&self.open) = Some(open);
    }

    /// Closes the session, if one is open. Messages that are not published by then are published at the next opening.
    pub(crate) fn close(&self) {
        const PATIENCE: Duration = Duration::from_secs(3);
        let open = lock(&self.open).take();
        if let Some(open) = open {
            // Received messages that were not stored are received again.
            let _ = open.session.clone().close_within(PATIENCE);
        }
    }
}

impl Open {
    pub(crate) fn new(session: Session, folder: String, clerk: Sender<Ask>) -> Self {
        Self { session, folder, clerk }
    }

    /// Asks the clerk to look; ignored once the session is closed.
    pub(crate) fn ask(&self, ask: Ask) {
        let _ = self.clerk.send(ask);
    }
}

/// Runs work that may take its time, or wait for a folder, off the window's thread.
pub(crate) fn in_background(work: impl FnOnce() + Send + 'static) {
    thread::spawn(work);
}

/// Locks, whether or not another thread has panicked meanwhile: every value here is whole between two statements.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
