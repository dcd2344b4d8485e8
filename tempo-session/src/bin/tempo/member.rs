//! Opening a folder for a command.

use std::path::Path;

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

/// Opens the folder as the member that is here already; looks on when there is none, or when it is open elsewhere.
pub(crate) fn visit(folder: &Path, state: Option<&Path>) -> Result<Session, Failure> {
    if !builder(folder, state).is_member()? {
        return Ok(Session::observe(folder)?);
    }
    match builder(folder, state).open() {
        Err(OpenError::AlreadyOpen { .. }) => Ok(Session::observe(folder)?),
        opened => Ok(opened?),
    }
}

fn builder(folder: &Path, state: Option<&Path>) -> Builder {
    let builder = Session::builder(folder);
    match state {
        Some(state) => builder.state_dir(state),
        None => builder,
    }
}
