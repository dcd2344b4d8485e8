//! The command line.

use std::path::PathBuf;

use clap::Parser;
use tempo_session::{Builder, KnownSession, Session, error::InstallationError};

/// The name under which this application keeps its local state.
const APPLICATION: &str = "tempo-desktop-example";

/// A window on a session folder.
#[derive(Debug, Default, Clone, Parser)]
pub(crate) struct Arguments {
    /// Open this session folder; without it, the window asks
    #[arg(long, value_name = "DIR")]
    pub(crate) folder: Option<PathBuf>,
    /// The name that the other members see
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// Keep the local state in this directory, which is necessary for a second member on one machine
    #[arg(long, value_name = "DIR")]
    pub(crate) state: Option<PathBuf>,
    /// Save files in this directory instead of the person's downloads
    #[arg(long, value_name = "DIR")]
    pub(crate) downloads: Option<PathBuf>,
    /// Offer these files to be sent with the next message
    #[arg(value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
}

impl Arguments {
    /// Returns the settings for a folder, with this application's local state.
    pub(crate) fn builder(&self, folder: &str) -> Builder {
        let builder = Session::builder(folder).application(APPLICATION);
        match &self.state {
            Some(state) => builder.state_dir(state),
            None => builder,
        }
    }

    /// Returns the sessions that this application has local state for.
    pub(crate) fn known(&self) -> Result<Vec<KnownSession>, InstallationError> {
        match &self.state {
            Some(state) => Session::known_in(state),
            None => Session::known(APPLICATION),
        }
    }
}
