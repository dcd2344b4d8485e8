//! What the commands of the page share: the open session, and the files that go with the next message.

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

use serde::Serialize;
use tauri::{AppHandle, Emitter};
use tempo_session::Session;

use crate::{arguments::Arguments, clerk::Ask, trouble::Trouble};

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

/// Tells the page of one session. Each event carries the number of its session, so that the page can ignore what a thread of
/// the session before still has to say.
#[derive(Debug, Clone)]
pub(crate) struct Teller {
    app: AppHandle,
    number: u64,
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
        Teller { app: self.app.clone(), number: self.opened.fetch_add(1, Ordering::Relaxed) + 1 }
    }

    pub(crate) fn set_open(&self, open: Arc<Open>) {
        *lock(&self.open) = Some(open);
    }

    /// Closes the session, if one is open. What was not published by then is published at the next opening.
    pub(crate) fn close(&self) {
        const PATIENCE: Duration = Duration::from_secs(3);
        let open = lock(&self.open).take();
        if let Some(open) = open {
            // Received messages that were not stored are received again.
            let _ = open.session.clone().close_within(PATIENCE);
        }
    }

    /// Adds files that a person has chosen to the next message.
    pub(crate) fn add_to_tray(&self, files: Vec<PathBuf>) {
        lock(&self.tray).extend(files);
        self.tell_tray();
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

impl Teller {
    pub(crate) fn tell(&self, event: &str, news: &(impl Serialize + Clone)) {
        tell(&self.app, event, &(self.number, news));
    }
}

/// Tells the page. A page that is gone needs no news.
pub(crate) fn tell(app: &AppHandle, event: &str, news: &(impl Serialize + Clone)) {
    let _ = app.emit(event, news);
}

/// Runs work that may take its time, or wait for a folder, off the window's thread.
pub(crate) fn in_background(work: impl FnOnce() + Send + 'static) {
    thread::spawn(work);
}

/// Locks, whether or not another thread has panicked meanwhile: every value here is whole between two statements.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
