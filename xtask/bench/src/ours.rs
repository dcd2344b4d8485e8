//! Sessions as applications open them.

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use tempo_fs_transport::Installation;
use tempo_message::Digest;
use tempo_session::Session;
use uuid::Builder;

use crate::history::Authors;

/// The time after which a session is stuck; far longer than anything measured.
pub(crate) const STUCK: Duration = Duration::from_secs(600);

/// Opens a session as a member. Only the directory for its local state is set explicitly.
pub(crate) fn open(folder: &Path, state: &Path) -> Session {
    Session::builder(folder).state_dir(state).patience(STUCK).open().expect("the folder is there")
}

/// Makes the local state of a member that will sign or not. A plain one is as from before authors signed: an
/// installation by the name of an author without a key.
pub(crate) fn begin(authors: Authors, folder: &Path, state: &Path) {
    if authors == Authors::Plain {
        let folder = fs::canonicalize(folder).expect("the folder is there");
        let chance = Digest::of(state.as_os_str().as_encoded_bytes());
        let author = Builder::from_random_bytes(*chance.as_bytes().first_chunk().expect("it is longer")).into_uuid();
        let dir = state.join(author.to_string());
        fs::create_dir_all(&dir).expect("the volume has room");
        fs::write(dir.join("folder"), folder.as_os_str().as_encoded_bytes()).expect("the volume has room");
    }
    Installation::find_or_create(state, folder, None).expect("the volume has room");
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

/// Returns the directories of the authors in a folder.
pub(crate) fn directories(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("it is there").map(|entry| entry.expect("it is there").path());
    let mut directories: Vec<PathBuf> = entries.filter(|path| path.is_dir()).collect();
    directories.sort_unstable();
    directories
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_signs_or_does_not() {
        for authors in Authors::BOTH {
            let dir = tempfile::tempdir().unwrap();
            let (folder, state) = (dir.path().join("a.session"), dir.path().join("state"));
            fs::create_dir(&folder).unwrap();
            begin(authors, &folder, &state);
            let session = open(&folder, &state);
            let is_signed = tempo_message::is_signed(session.author().unwrap());
            assert_eq!(is_signed, authors == Authors::Signed);
            session.send("it can write").unwrap();
            session.close().unwrap();
        }
    }
}
