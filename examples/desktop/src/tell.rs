//! Telling the page.

use serde::Serialize;
use tauri::{AppHandle, Emitter};

/// Tells the page of one session. Each event carries the number of its session, so that the page can ignore late news
/// of the session before.
#[derive(Debug, Clone)]
pub(crate) struct Teller {
    app: AppHandle,
    number: u64,
}

impl Teller {
    /// Returns a teller for the session with this number. A later session has a greater one.
    ///
    /// The page turns to a session with the first event of it.
    pub(crate) fn new(app: AppHandle, number: u64) -> Self {
        Self { app, number }
    }

    /// Tells what has changed in the session.
    pub(crate) fn tell(&self, event: &str, news: &(impl Serialize + Clone)) {
        tell(&self.app, event, &(self.number, news));
    }
}

/// Tells what has changed outside of a session. A page that is gone needs no news.
pub(crate) fn tell(app: &AppHandle, event: &str, news: &(impl Serialize + Clone)) {
    let _ = app.emit(event, news);
}
