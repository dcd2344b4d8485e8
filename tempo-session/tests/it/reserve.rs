//! The free space that files leave to messages.

use std::{
    fs,
    path::{Path, PathBuf},
};

use tempo_session::{
    Builder, Keep, Session,
    doctor::FindingKind,
    error::{AttachError, ErrorKind},
    status::Place as At,
};

use crate::{
    files::dir_of_files,
    support::{Place, STUCK, wait_until},
};

/// More than any disk has.
const ALL: u64 = u64::MAX;

fn builder(place: &Place, name: &str, reserve: u64) -> Builder {
    Session::builder(&place.folder).state_dir(place.at(name)).name(name).files_reserve(reserve)
}

fn take(place: &Place) -> PathBuf {
    let path = place.at("take.wav");
    fs::write(&path, vec![7; 300_000]).unwrap();
    path
}

/// Returns the content that is kept, whole or not, in a directory of local state.
fn kept(state: &Path) -> Vec<PathBuf> {
    let inside = |dir: &Path| fs::read_dir(dir).into_iter().flatten().map(|entry| entry.unwrap().path());
    inside(state).flat_map(|session| inside(&session.join("files")).collect::<Vec<_>>()).collect()
}

/// Returns whether the doctor says that files wait for room.
fn lacks_room(place: &Place, name: &str, reserve: u64) -> bool {
    let findings = builder(place, name, reserve).check_up().unwrap().findings();
    findings.iter().any(|finding| finding.kind == FindingKind::FileNoRoom && finding.message.contains("MiB are free"))
}

#[test]
fn a_copy_needs_room_beyond_the_reserve() {
    let place = Place::new();
    let (path, ana) = (take(&place), builder(&place, "ana", ALL).open().unwrap());
    let error = ana.attach(&path, Keep::Copy).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Full);
    assert!(matches!(&error, AttachError::Keep(source) if source.to_string().contains("MiB are free")), "{error}");
    let error = ana.attach_bytes(&mut b"notes".as_slice(), "notes.txt").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Full);
    assert!(ana.files().unwrap().is_empty());
    assert_eq!(kept(&place.at("ana")), [] as [PathBuf; 0], "nothing of it stays");
    ana.send("a message needs no room beyond it").unwrap();
    assert_eq!(ana.flush(STUCK), 0);
}

#[test]
fn parts_wait_for_room_in_the_folder_and_messages_do_not() {
    let place = Place::new();
    let (path, ana) = (take(&place), builder(&place, "ana", ALL).open().unwrap());
    let file = ana.attach(&path, Keep::Original).unwrap();
    let id = file.manifest.id();
    ana.send_with("listen", &[file]).unwrap();
    assert_eq!(ana.flush(STUCK), 0);
    let error = |ana: &Session| ana.file(id).unwrap().unwrap().error;
    wait_until(&ana, "the reason", |ana| error(ana).is_some_and(|error| error.contains("MiB are free")));
    ana.send("and this").unwrap();
    assert_eq!(ana.flush(STUCK), 0);
    assert!(!dir_of_files(&place, &ana).join(&id.to_string()[..32]).exists());
    ana.close().unwrap();
    assert_eq!([ALL, 0].map(|reserve| lacks_room(&place, "ana", reserve)), [true, false]);
    let ana = builder(&place, "ana", 0).open().unwrap();
    wait_until(&ana, "the file in the folder", |ana| ana.flush_files(STUCK) == 0);
    assert_eq!(error(&ana), None);
    ana.close().unwrap();
    assert!(!lacks_room(&place, "ana", ALL), "nothing waits");
}

#[test]
fn a_file_is_fetched_once_there_is_room() {
    let place = Place::new();
    let (path, ana) = (take(&place), builder(&place, "ana", 0).open().unwrap());
    let file = ana.attach(&path, Keep::Copy).unwrap();
    let id = file.manifest.id();
    ana.send_with("listen", &[file]).unwrap();
    wait_until(&ana, "the file in the folder", |ana| ana.flush_files(STUCK) == 0);
    let ben = builder(&place, "ben", ALL).open().unwrap();
    ben.send("what is it?").unwrap();
    wait_until(&ben, "the message", |ben| ben.timeline().len() == 2);
    ben.fetch(id).unwrap();
    wait_until(&ben, "the reason", |ben| ben.file(id).unwrap().unwrap().error.is_some());
    assert_eq!(ben.file(id).unwrap().unwrap().place, At::Here);
    ben.close().unwrap();
    assert_eq!([ALL, 0].map(|reserve| lacks_room(&place, "ben", reserve)), [true, false]);
    let ben = builder(&place, "ben", 0).open().unwrap();
    wait_until(&ben, "the file", |ben| ben.file(id).unwrap().unwrap().place == At::Kept);
}
