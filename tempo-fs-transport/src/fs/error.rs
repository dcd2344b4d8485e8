//! The meaning of the errors of file systems.

use std::io;

use tempo_message::PendingReason;
use thiserror::Error;

/// An error that ends when another program closes the file.
#[derive(Debug, Error)]
#[error("in use by another program")]
struct InUse(#[source] io::Error);

/// The error of clause 7.
pub(crate) fn in_use(error: io::Error) -> io::Error {
    io::Error::new(io::ErrorKind::ResourceBusy, InUse(error))
}

/// Windows: the errors of a provider of cloud files that cannot deliver now: it does not run, has no
/// network, is busy, refuses, was interrupted, or takes too long.
const WINDOWS_NOT_NOW: [i32; 12] = [362, 386, 387, 388, 389, 391, 393, 395, 398, 404, 426, 475];

/// Returns whether an error means that the content will be here later: a service has to fetch it
/// first, or was asked not to.
pub(crate) fn is_not_here_yet(error: &io::Error) -> bool {
    let kind = matches!(error.kind(), io::ErrorKind::TimedOut | io::ErrorKind::Deadlock | io::ErrorKind::Interrupted);
    kind || (cfg!(windows) && error.raw_os_error().is_some_and(is_windows_not_now))
}

/// Returns whether another program holds the file: a moment later it may be free.
pub(crate) fn is_in_use(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::ResourceBusy
}

fn is_windows_not_now(code: i32) -> bool {
    WINDOWS_NOT_NOW.contains(&code)
}

/// Returns whether nothing is there.
pub(crate) fn is_absence(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// Returns whether there is no room: the volume is full, or this user's quota used up. Windows has
/// several codes: disk full (112), also of a handle (39), and quota exceeded (1295).
pub(crate) fn is_full(error: &io::Error) -> bool {
    let is_named = matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded);
    is_named || (cfg!(windows) && matches!(error.raw_os_error(), Some(39 | 112 | 1295)))
}

/// Returns why something cannot be read now.
pub(crate) fn unreadable(error: &io::Error) -> PendingReason {
    let cause = error.to_string();
    if is_in_use(error) {
        PendingReason::InUse
    } else if is_not_here_yet(error) {
        PendingReason::NotHereYet { cause }
    } else {
        PendingReason::Unreadable { cause }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors() {
        for code in [362, 395, 426] {
            assert!(is_windows_not_now(code), "{code}");
        }
        for code in [2, 5, 32, 112] {
            assert!(!is_windows_not_now(code), "{code}");
        }
        assert!(is_not_here_yet(&io::ErrorKind::Deadlock.into()));
        assert!(is_not_here_yet(&io::ErrorKind::TimedOut.into()));
        assert!(!is_not_here_yet(&io::ErrorKind::PermissionDenied.into()));
        assert!(!is_not_here_yet(&io::Error::other("input/output error")));
    }
}
