//! Waiting for a file that another program holds for a moment: an antivirus scanner, a backup, an indexer.

use std::{
    io,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use crate::{online::is_in_use, real};

/// The longest wait for a file of the local state.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);
/// The time between two attempts.
pub(crate) const PAUSE: Duration = Duration::from_millis(10);

/// Calls `attempt` until it does anything but fail because another program holds the file, for [`PATIENCE`] at most.
pub(crate) fn patiently<T>(path: &Path, attempt: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    within(PATIENCE, path, attempt)
}

/// Calls `attempt` as [`patiently`] does, for `patience` at most.
#[allow(clippy::disallowed_methods, reason = "no system tells when another program closes a file")]
pub(crate) fn within<T>(patience: Duration, path: &Path, mut attempt: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    let begun = Instant::now();
    loop {
        match attempt().map_err(|error| real::judged(path, error)) {
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

    #[test]
    fn what_is_in_use_is_tried_again_and_nothing_else() {
        let path = Path::new("file");
        let mut attempts = 0;
        let done = patiently(path, || {
            attempts += 1;
            if attempts < 3 { Err(io::ErrorKind::ResourceBusy.into()) } else { Ok(attempts) }
        });
        assert_eq!(done.unwrap(), 3);
        let mut attempts = 0;
        let failed: io::Result<()> = patiently(path, || {
            attempts += 1;
            Err(io::ErrorKind::NotFound.into())
        });
        assert_eq!((failed.unwrap_err().kind(), attempts), (io::ErrorKind::NotFound, 1));
    }
}
