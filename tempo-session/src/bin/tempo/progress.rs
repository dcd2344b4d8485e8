//! Reading a folder that takes some time.

use std::{
    io::{self, IsTerminal, Write},
    time::Duration,
};

use tempo_session::{Session, Status, error::RefreshError};

use crate::output;

/// The time between two looks at the progress.
const A_WHILE: Duration = Duration::from_millis(500);

/// Reads the folder, and shows the progress on a terminal. Gives up when nothing has arrived for
/// `patience`.
pub(crate) fn refresh(session: &Session, patience: Duration) -> Result<(), RefreshError> {
    let (mut before, mut waited) = (session.timeline().len(), Duration::ZERO);
    let mut shown = Line { is_shown: false };
    loop {
        match session.refresh(A_WHILE) {
            Err(RefreshError::TimedOut { .. }) => {}
            done => return done,
        }
        let status = session.status();
        waited = if status.messages > before { Duration::ZERO } else { waited + A_WHILE };
        before = status.messages;
        if waited >= patience {
            return Err(RefreshError::TimedOut { patience });
        }
        shown.show(&status);
    }
}

/// A line on a terminal that is overwritten again and again, and erased in the end.
struct Line {
    is_shown: bool,
}

impl Line {
    fn show(&mut self, status: &Status) {
        self.write(&progress(status));
    }

    fn write(&mut self, text: &str) {
        let mut terminal = io::stderr().lock();
        if terminal.is_terminal() {
            // A closed terminal needs no progress.
            let _ = write!(terminal, "\r\x1b[K{text}").and_then(|()| terminal.flush());
            self.is_shown = true;
        }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        if self.is_shown {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}

/// The progress of files, on a terminal.
pub(crate) struct Bar(Line);

impl Bar {
    pub(crate) fn new() -> Self {
        Self(Line { is_shown: false })
    }

    pub(crate) fn show(&mut self, what: &str, done: usize, of: usize) {
        const WIDTH: usize = 24;
        let filled = done.min(of) * WIDTH / of.max(1);
        self.0.write(&format!("{what} [{}{}] {done} of {of} parts", "#".repeat(filled), " ".repeat(WIDTH - filled)));
    }
}

/// Describes the progress. There may be more messages than any member has announced.
fn progress(status: &Status) -> String {
    let (here, known) = status.arrived();
    let messages = output::counted(usize::try_from(here).unwrap_or(usize::MAX), "message");
    if known > here { format!("reading: {messages} of at least {known}") } else { format!("reading: {messages}") }
}
