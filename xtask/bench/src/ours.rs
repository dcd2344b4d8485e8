//! Sessions as applications open them.

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use tempo_session::Session;

use crate::history::History;

/// The time after which a session is stuck; far longer than anything measured.
pub(crate) const STUCK: Duration = Duration::from_secs(600);

/// Opens a session as a member. Only the directory for its local state is set explicitly.
pub(crate) fn open(folder: &Path, state: &Path) -> Session {
    Session::builder(folder).state_dir(state).patience(STUCK).open().expect("the folder is there")
}

/// Waits until this many messages are in the timeline.
pub(crate) fn wait_for(session: &Session, messages: usize) {
    let began = Instant::now();
    while session.timeline().len() < messages {
        session.refresh(STUCK).expect("the folder is there");
        let here = session.timeline().len();
        assert!(began.elapsed() < STUCK, "not everything arrives: {here} of {messages}");
    }
}

/// Joins as a member, and waits for all messages.
pub(crate) fn join(folder: &Path, state: &Path, messages: usize) -> Session {
    let session = open(folder, state);
    wait_for(&session, messages);
    session
}

/// Observes, and waits for all messages.
pub(crate) fn observe(folder: &Path, messages: usize) -> Session {
    let session = Session::observe(folder).expect("the folder is there");
    wait_for(&session, messages);
    session
}

/// Closes a session, and moves its files out of the folder, so that the next session finds the folder
/// unchanged.
pub(crate) fn leave(session: Session, folder: &Path, trash: &Path) {
    let author = session.author();
    session.close().expect("the store works");
    if let Some(author) = author {
        let left = folder.join(author.to_string());
        // Nothing is deleted while something is measured.
        fs::rename(left, trash.join(author.to_string())).expect("the volume has room");
    }
}

/// Makes a session finish its deferred work, so that it does not do that while something else is measured.
pub(crate) fn calm(session: &Session) {
    assert_eq!(session.flush(STUCK), 0, "the folder takes everything");
    session.refresh(STUCK).expect("the folder is there");
}

/// Returns the directories of the authors of a history.
pub(crate) fn directories(folder: &Path) -> Vec<PathBuf> {
    History::authors().iter().map(|author| folder.join(author.to_string())).collect()
}
