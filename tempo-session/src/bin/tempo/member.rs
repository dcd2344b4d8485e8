//! Opening a folder for a command.

use std::path::Path;

use tempo_fs_transport::InstallationError;
use tempo_session::{Builder, OpenError, Session};

use crate::failure::Failure;

/// Opens the folder as a member, making one if need be.
pub(crate) fn join(folder: &Path, state: Option<&Path>, name: Option<String>) -> Result<Session, Failure> {
    let mut builder = builder(folder, state);
    if let Some(name) = name {
        builder = builder.name(name);
    }
    Ok(builder.open()?)
}

/// Opens the folder as the member that is here already; looks on when there is none, when it is open elsewhere, or when
/// its local state cannot be used.
pub(crate) fn visit(folder: &Path, state: Option<&Path>) -> Result<Session, Failure> {
    let opened = match builder(folder, state).is_member() {
        Ok(false) => return Ok(Session::observe(folder)?),
        Ok(true) => builder(folder, state).open(),
        Err(error) => Err(error),
    };
    match opened {
        Err(OpenError::AlreadyOpen { holder, .. }) => {
            eprintln!("tempo: {holder} has this member's session open; this is what an observer sees");
        }
        Err(OpenError::Installation(InstallationError::Folder(error))) => {
            return Err(OpenError::Installation(InstallationError::Folder(error)).into());
        }
        Err(error @ (OpenError::Installation(_) | OpenError::Store(_))) => {
            eprintln!("tempo: {}; this is what an observer sees", Failure::from(error));
        }
        opened => return Ok(opened?),
    }
    Ok(Session::observe(folder)?)
}

/// The settings of a session as the command line gives them.
pub(crate) fn builder(folder: &Path, state: Option<&Path>) -> Builder {
    let builder = Session::builder(folder);
    match state {
        Some(state) => builder.state_dir(state),
        None => builder,
    }
}
