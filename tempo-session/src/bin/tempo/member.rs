//! Opening a folder for a command.

use std::path::Path;

use tempo_fs_transport::InstallationError;
use tempo_session::{Builder, Membership, OpenError, Session};

use crate::{Local, failure::Failure};

/// Opens the folder as a member, making one if need be.
pub(crate) fn join(folder: &Path, local: &Local, name: Option<String>) -> Result<Session, Failure> {
    let mut builder = builder(folder, local);
    if let Some(name) = name {
        builder = builder.name(name);
    }
    Ok(builder.open()?)
}

/// Opens the folder as the member that is here already; looks on when there is none, when it is open elsewhere, or when
/// its local state cannot be used.
pub(crate) fn visit(folder: &Path, local: &Local) -> Result<Session, Failure> {
    let opened = match builder(folder, local).membership() {
        Ok(Membership::Member) => builder(folder, local).open(),
        Ok(membership) => {
            if membership == Membership::Copied {
                eprintln!(
                    "tempo: the local state is a copy; with your next message you are a new member, and until then this is \
                     what an observer sees"
                );
            }
            return Ok(builder(folder, local).observe()?);
        }
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
    Ok(builder(folder, local).observe()?)
}

/// The settings of a session as the command line gives them.
pub(crate) fn builder(folder: &Path, local: &Local) -> Builder {
    let builder = Session::builder(folder).fetch_online_only(local.download);
    match &local.state {
        Some(state) => builder.state_dir(state),
        None => builder,
    }
}
