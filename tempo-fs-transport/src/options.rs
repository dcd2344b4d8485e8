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
    /// A directory outside the folder where messages are written before they are renamed into it.
    /// It belongs to one process; anything in it is removed.
    pub staging: Option<PathBuf>,
    /// Do without the operating system's hints.
    pub without_watching: bool,
    /// Open files whose content is not on this machine, which makes the service fetch them. A
    /// placeholder with another name cannot be opened; only the service's own program fetches its
    /// file.
    pub fetch_online_only: bool,
    /// The identity of the directory that held the session last. If that directory is empty, the
    /// session was deleted, and comes back; any other empty directory is in the place of the
    /// session.
    pub home: Option<Home>,
    /// Open even when the folder is not there: it may come back.
    pub may_be_away: bool,
    /// The state directory with the user's decisions about directories beside session folders.
    pub decisions: Option<PathBuf>,
    /// The name of the session, if it is not the present name of the folder.
    pub called: Option<String>,
    /// The longest wait for a file or directory before it is skipped until it answers.
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
