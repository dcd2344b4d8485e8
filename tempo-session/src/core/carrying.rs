//! The times by which the parts of files move.

use std::time::Duration;

/// Settings for carrying the parts of files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Carrying {
    /// The time between two looks for the parts of a file that is fetched. After an error it doubles, up to
    /// [`idle`](Self::idle).
    pub look: Duration,
    /// The time between two looks at all own parts, and at what was released.
    pub idle: Duration,
    /// The time after which a part that was put back, and has stayed since, is put back once more if it vanishes again.
    pub stay: Duration,
    /// The time that a released file stays in the folder after all members are known to have the release.
    pub grace: Duration,
    /// The age at which a release counts as known to all members.
    pub patience: Duration,
}

impl Default for Carrying {
    fn default() -> Self {
        const DAY: Duration = Duration::from_secs(24 * 60 * 60);
        Self {
            look: Duration::from_secs(2),
            idle: Duration::from_secs(600),
            stay: DAY,
            grace: DAY * 7,
            patience: DAY * 30,
        }
    }
}
