//! Opening a folder for a command.

use std::{mem, path::Path, thread, time::Duration};

use tempo_fs_transport::InstallationError;
use tempo_session::{
    Builder, Membership, Session,
    error::OpenError,
    parts::{Environment, SystemEnvironment},
    store::StoreError,
};

use crate::{Local, failure::Failure, output};

/// How long whoever has the member's session open is waited for: `tempo log` may be about to end.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often is tried whether it has ended.
const PAUSE: Duration = Duration::from_millis(50);

/// Opens the folder as a member, making one if need be.
#[allow(clippy::disallowed_methods, reason = "nobody tells when another process ends")]
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
        // deadline loop: who has it open says nothing when it ends.
        thread::sleep(PAUSE);
    }
}

/// Says why whoever writes now becomes a new member, if that is so.
fn tell_of_copy(folder: &Path, local: &Local) {
    match builder(folder, local).membership() {
        Ok(Membership::Copied) => eprintln!(
            "tempo: the local state is a copy, so you go on as a new member of the same name: no number may be used twice\n       \
             use the session on one of the two computers only; what is not needed any more is the other copy of the state"
        ),
        Ok(Membership::CopiedFolder { original }) => {
            let original = output::path(&original);
            eprintln!(
                "tempo: this folder is a copy of {original}, which is still there, so you go on here as a new member of the \
                 same name\n       write in one of the two from now on; once the sync service does not carry {original} any \
                 more, you may remove it"
            );
        }
        // Whatever else there is shows when the session is opened.
        _ => {}
    }
}

/// Opens the folder as the member that is here already; looks on when there is none, when it is open elsewhere, or when
/// its local state cannot be used.
pub(crate) fn visit(folder: &Path, local: &Local) -> Result<Session, Failure> {
    let opened = match builder(folder, local).membership() {
        Ok(Membership::Member) => builder(folder, local).open(),
        Ok(membership) => {
            match membership {
                Membership::Copied => eprintln!(
                    "tempo: the local state is a copy; with your next message you are a new member, and until then this is \
                     what an observer sees"
                ),
                Membership::CopiedFolder { original } => {
                    let original = output::path(&original);
                    eprintln!(
                        "tempo: this folder is a copy of {original}, where you are a member; with your next message here you \
                         are a new member of the same name, and until then this is what an observer sees\n       \
                         to move the session instead, rename or remove {original} before you write here, once the sync \
                         service does not carry it any more"
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

/// Ends a session. What there was no room for is no failure: it has been said, and it is received again.
pub(crate) fn leave(session: Session) -> Result<(), Failure> {
    match session.close() {
        Err(StoreError::Full { .. }) => Ok(()),
        closed => Ok(closed.map(drop)?),
    }
}

/// The settings of a session as the command line gives them.
pub(crate) fn builder(folder: &Path, local: &Local) -> Builder {
    let builder = Session::builder(folder).fetch_online_only(local.download);
    match &local.state {
        Some(state) => builder.state_dir(state),
        None => builder,
    }
}
