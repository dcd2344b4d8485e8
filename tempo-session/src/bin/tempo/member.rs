//! Opening a folder for a command.

use std::{mem, path::Path, thread, time::Duration};

use tempo_fs_transport::InstallationError;
use tempo_session::{
    Builder, Membership, Session,
    components::{Environment, SystemEnvironment},
    error::OpenError,
    store::StoreError,
};

use crate::{arguments::Local, failure::Failure, output};

/// The longest wait for another process that has this member's session open: `tempo log` may be
/// about to end.
const PATIENCE: Duration = Duration::from_secs(5);
/// The pause between two attempts to open it.
const PAUSE: Duration = Duration::from_millis(50);

/// Opens the folder as a member, creating one if necessary.
#[allow(clippy::disallowed_methods, reason = "no event reports the end of another process")]
pub(crate) fn join(folder: &Path, local: &Local, name: Option<&str>) -> Result<Session, Failure> {
    tell_of_copy(folder, local);
    let clock = SystemEnvironment::default();
    let mut is_told = false;
    loop {
        let builder = builder(folder, local);
        let opened = match name {
            Some(name) => builder.name(name).open(),
            None => builder.open(),
        };
        match opened {
            Err(OpenError::AlreadyOpen { holder, .. }) if clock.now() < PATIENCE => {
                if !mem::replace(&mut is_told, true) {
                    eprintln!("tempo: waiting for {holder}, which has this member's session open");
                }
            }
            opened => return Ok(opened?),
        }
        // deadline loop: the other process does not announce its end.
        thread::sleep(PAUSE);
    }
}

/// Explains why the member is about to become a new one, if so.
fn tell_of_copy(folder: &Path, local: &Local) {
    match builder(folder, local).membership() {
        Ok(Membership::Copied) => eprintln!(
            "tempo: the local state is a copy, so you continue as a new member with the same name: no number may be \
             used twice\n       use the session on only one of the two computers; the other copy of the state is no \
             longer needed"
        ),
        Ok(Membership::CopiedFolder { original }) => {
            let original = output::path(&original);
            eprintln!(
                "tempo: this folder is a copy of {original}, which is still there, so you continue here as a new \
                 member with the same name\n       from now on, write in only one of the two; once the sync service no \
                 longer carries {original}, you may remove it"
            );
        }
        // Opening the session reports everything else.
        _ => {}
    }
}

/// Opens the folder as its existing member. Opens it as an observer if there is none, if another
/// process has it open, or if the local state cannot be used.
pub(crate) fn visit(folder: &Path, local: &Local) -> Result<Session, Failure> {
    let opened = match builder(folder, local).membership() {
        Ok(Membership::Member) => builder(folder, local).open(),
        Ok(membership) => {
            match membership {
                Membership::Copied => eprintln!(
                    "tempo: the local state is a copy; with your next message you become a new member, and until then \
                     this is what an observer sees"
                ),
                Membership::CopiedFolder { original } => {
                    let original = output::path(&original);
                    eprintln!(
                        "tempo: this folder is a copy of {original}, where you are a member; with your next message \
                         here you become a new member with the same name, and until then this is what an observer \
                         sees\n       to move the session instead, rename or remove {original} before you write here, \
                         once the sync service no longer carries it"
                    );
                }
                _ => {}
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
            eprintln!("tempo: {}\n       This is what an observer sees.", Failure::from(error));
        }
        opened => return Ok(opened?),
    }
    Ok(builder(folder, local).observe()?)
}

/// Ends a session. A full disk is not a failure: it has been reported, and the messages will be
/// received again.
pub(crate) fn leave(session: Session) -> Result<(), Failure> {
    match session.close() {
        Err(StoreError::Full { .. }) => Ok(()),
        closed => Ok(closed.map(drop)?),
    }
}

/// The name of the command among the applications of this machine.
pub(crate) const APPLICATION: &str = "tempo";

/// Returns the session settings of the command line.
pub(crate) fn builder(folder: &Path, local: &Local) -> Builder {
    let builder = Session::builder(folder).application(APPLICATION).fetch_online_only(local.download);
    match &local.state {
        Some(state) => builder.state_dir(state),
        None => builder,
    }
}
