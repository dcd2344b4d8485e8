//! Reading a folder that takes its time.

use std::{
    io::{self, IsTerminal, Write},
    time::Duration,
};

use tempo_session::{Session, Status, error::RefreshError};

use crate::output;

/// How often it is looked how far it has come.
const A_WHILE: Duration = Duration::from_millis(500);

/// Reads the folder, and shows on a terminal how far it has come. Gives up when nothing has arrived for `patience`.
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

/// The line on a terminal that is written over and over, and vanishes in the end.
struct Line {
    is_shown: bool,
}

impl Line {
    fn show(&mut self, status: &Status) {
        let mut terminal = io::stderr().lock();
        if terminal.is_terminal() {
            // A terminal that is gone needs no progress.
            let _ = write!(terminal, "\r\x1b[K{}", progress(status)).and_then(|()| terminal.flush());
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

/// How far it has come; there may be more than anybody has told of.
fn progress(status: &Status) -> String {
    let known: u64 = status.members.iter().map(|member| member.last).sum();
    let messages = output::counted(status.messages, "message");
    match usize::try_from(known) {
        Ok(known) if known > status.messages => format!("reading: {messages} of {known} at least"),
        _ => format!("reading: {messages}"),
    }
}
