//! The settings of a folder transport.

use std::{path::PathBuf, time::Duration};

use crate::local::home::Home;

/// How a folder is used.
#[derive(Debug, Clone)]
#[non_exhaustive]
#[allow(clippy::struct_excessive_bools, reason = "settings that have nothing to do with each other")]
pub struct Options {
    /// Never write anything into the folder.
    pub read_only: bool,
    /// A directory outside the folder in which messages are written before they are renamed into it. It belongs to
    /// one process; whatever lies in it is removed.
    pub staging: Option<PathBuf>,
    /// Do without the operating system's hints.
    pub without_watching: bool,
    /// Open files whose content is not on this machine, which makes the service fetch them. A placeholder under another name
    /// cannot be opened; only the service's own program fetches what it stands for.
    pub fetch_online_only: bool,
    /// Which directory the folder was when the session was found in it last. If that is emptied, the session was deleted, and
    /// comes back; any other empty directory is in the place of the session.
    pub home: Option<Home>,
    /// Open also when the folder is not there: it may come back.
    pub may_be_away: bool,
    /// The state directory in which it is kept what people have said of directories beside session folders.
    pub decisions: Option<PathBuf>,
    /// What the session is called, if it is not what the folder is called now.
    pub called: Option<String>,
    /// How long to wait for a file or directory before going on without it. It is taken up again when it answers.
    pub patience: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            read_only: false,
            staging: None,
            without_watching: false,
            fetch_online_only: false,
            home: None,
            decisions: None,
            called: None,
            may_be_away: false,
            patience: Duration::from_secs(5),
        }
    }
}
