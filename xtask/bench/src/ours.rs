//! Sessions as applications open them.

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use tempo_session::Session;

use crate::history::History;

/// Far beyond anything that is measured.
pub(crate) const STUCK: Duration = Duration::from_secs(600);

/// Opens a session as a member with its local state in a directory; as everybody does, but for the directory.
pub(crate) fn open(folder: &Path, state: &Path) -> Session {
    Session::builder(folder).state_dir(state).patience(STUCK).open().expect("the folder is there")
}

/// Waits until so many messages are in the timeline.
pub(crate) fn wait_for(session: &Session, messages: usize) {
    let began = Instant::now();
    while session.timeline().len() < messages {
        session.refresh(STUCK).expect("the folder is there");
        let here = session.timeline().len();
        assert!(began.elapsed() < STUCK, "not everything arrives: {here} of {messages}");
    }
}

/// Joins as a member, and has everything.
pub(crate) fn join(folder: &Path, state: &Path, messages: usize) -> Session {
    let session = open(folder, state);
    wait_for(&session, messages);
    session
}

/// Looks on, and has everything.
pub(crate) fn observe(folder: &Path, messages: usize) -> Session {
    let session = Session::observe(folder).expect("the folder is there");
    wait_for(&session, messages);
    session
}

/// Ends a session, and takes what it has left in the folder out of the way, so that the next one finds it as this one did.
pub(crate) fn leave(session: Session, folder: &Path, trash: &Path) {
    let author = session.author();
    session.close().expect("the store works");
    if let Some(author) = author {
        let left = folder.join(author.to_string());
        // Nothing is deleted while something is measured.
        fs::rename(left, trash.join(author.to_string())).expect("the volume has room");
    }
}

/// Lets a session do what it does after a while, so that it does not do it while something else is measured.
pub(crate) fn calm(session: &Session) {
    assert_eq!(session.flush(STUCK), 0, "the folder takes everything");
    session.refresh(STUCK).expect("the folder is there");
}

/// The directories of the authors of a history.
pub(crate) fn directories(folder: &Path) -> Vec<PathBuf> {
    History::authors().iter().map(|author| folder.join(author.to_string())).collect()
}
