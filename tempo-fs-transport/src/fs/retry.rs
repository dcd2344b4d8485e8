//! Waiting for a file that another program holds for a moment: an antivirus scanner, a backup, an indexer.

use std::{
    io, thread,
    time::{Duration, Instant},
};

use crate::fs::error::is_in_use;

/// The time between two attempts.
pub(crate) const PAUSE: Duration = Duration::from_millis(10);

/// Calls `attempt` until it does anything but fail because another program holds the file, for `patience` at most.
#[allow(clippy::disallowed_methods, reason = "no system tells when another program closes a file")]
pub(crate) fn within<T>(patience: Duration, mut attempt: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    let begun = Instant::now();
    loop {
        match attempt() {
            Err(error) if is_in_use(&error) && begun.elapsed() < patience => {}
            done => return done,
        }
        // deadline loop: most programs need a file for some milliseconds.
        thread::sleep(PAUSE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(60);

    #[test]
    fn what_is_in_use_is_tried_again_and_nothing_else() {
        let mut attempts = 0;
        let done = within(PATIENCE, || {
            attempts += 1;
            if attempts < 3 { Err(io::ErrorKind::ResourceBusy.into()) } else { Ok(attempts) }
        });
        assert_eq!(done.unwrap(), 3);
        let mut attempts = 0;
        let failed: io::Result<()> = within(PATIENCE, || {
            attempts += 1;
            Err(io::ErrorKind::NotFound.into())
        });
        assert_eq!((failed.unwrap_err().kind(), attempts), (io::ErrorKind::NotFound, 1));
    }
}
