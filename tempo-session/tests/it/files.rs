//! Files with messages over a real folder, by the command and in a session.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::Value;
use tempo_message::AttachmentId;
use tempo_session::{
    Builder, Event, Keep, Session,
    doctor::{Finding, FindingKind},
    status::{Place as At, Sending},
};

use crate::{
    cli::{run, tempo},
    support::{Place, STUCK, remove_dir_all, remove_file, wait_until},
};

fn take() -> Vec<u8> {
    (0..300_000_u32).map(|at| at.to_le_bytes()[0] ^ at.to_le_bytes()[1]).collect()
}

/// Sends the file of a member, and waits until it is in the folder.
pub(crate) fn sent(ana: &Session, path: &Path) -> AttachmentId {
    let file = ana.attach(path, Keep::Copy).unwrap();
    ana.send_with("listen", std::slice::from_ref(&file)).unwrap();
    assert_eq!(ana.flush(STUCK), 0);
    wait_until(ana, "the file in the folder", |ana| ana.flush_files(STUCK) == 0);
    file.manifest.id()
}

pub(crate) fn dir_of_files(place: &Place, ana: &Session) -> PathBuf {
    place.folder.join(ana.author().unwrap().to_string()).join("files")
}

fn findings(place: &Place, member: &str) -> Vec<Finding> {
    let builder: Builder = Session::builder(&place.folder).state_dir(place.at(member));
    builder.check_up().unwrap().findings()
}

fn kinds(place: &Place, member: &str) -> Vec<FindingKind> {
    use FindingKind::{FileChanged, FileDamaged, FileDeselected, FileMissing, FileOrphans, FileUnwanted};
    let of_files = [FileChanged, FileDamaged, FileDeselected, FileMissing, FileOrphans, FileUnwanted];
    findings(place, member).iter().map(|finding| finding.kind).filter(|kind| of_files.contains(kind)).collect()
}

#[test]
fn the_command_sends_lists_gets_and_releases_files() {
    let place = Place::new();
    let (ana, ben, out) = (place.at("ana"), place.at("ben"), place.at("out"));
    fs::create_dir(&out).unwrap();
    let path = place.at("take 1.wav");
    fs::write(&path, take()).unwrap();
    let send = |text: &[&str]| run(tempo(&ana).arg("send").arg(&place.folder).args(text).arg("--file").arg(&path));
    let (id, err, code) = send(&["listen"]);
    assert!(code == 0 && err.is_empty() && id.trim().ends_with("/0000000000000001"), "{id}{err}");
    let (_, err, code) = send(&["two", "texts"]);
    assert!(code == 2 && err.contains("files travel with one message"), "{err}");
    let missing = place.at("missing.wav");
    let (_, err, code) = run(tempo(&ana).arg("send").arg(&place.folder).arg("--file").arg(&missing));
    assert!(code == 2 && err.contains("missing.wav") && err.contains("nothing was sent"), "{err}");

    let (log, _, _) = run(tempo(&ben).arg("log").arg(&place.folder));
    assert!(log.contains("listen  [take 1.wav, 300.0 kB]"), "{log}");
    let (log, _, _) = run(tempo(&ben).args(["log", "--json"]).arg(&place.folder));
    let log: Value = serde_json::from_str(log.trim()).unwrap();
    let id = log["files"][0]["id"].as_str().unwrap().to_owned();
    assert_eq!((&log["files"][0]["name"], &log["files"][0]["bytes"]), (&"take 1.wav".into(), &300_000.into()));
    let (files, _, _) = run(tempo(&ben).args(["files", "--json"]).arg(&place.folder));
    let files: Value = serde_json::from_str(files.trim()).unwrap();
    assert_eq!((&files["files"][0]["id"], &files["files"][0]["place"]), (&Value::from(id.as_str()), &"here".into()));
    let status =
        || serde_json::from_str::<Value>(run(tempo(&ben).args(["status", "--json"]).arg(&place.folder)).0.trim());
    let files = status().unwrap()["files"].clone();
    let by = files["by_author"].as_object().unwrap();
    assert_eq!((by.len(), by.values().next()), (1, Some(&300_000.into())));
    assert_eq!([&files["count"], &files["bytes"], &files["missing"], &files["unsent"]], [1, 300_000, 0, 0]);

    let get = |what: &str| run(tempo(&ben).arg("get").arg(&place.folder).arg(what).arg("--to").arg(&out));
    for (what, name) in [("take 1.wav", "take 1.wav"), (&id[..6], "take 1 (2).wav"), (&id, "take 1 (3).wav")] {
        let (path, err, code) = get(what);
        assert!(code == 0 && Path::new(path.trim()) == out.join(name), "{path}{err}");
        assert_eq!(fs::read(out.join(name)).unwrap(), take());
    }
    let (_, err, code) = get("take 2.wav");
    assert!(code == 2 && err.contains("no message names a file take 2.wav"), "{err}");
    assert_eq!(fs::read_dir(&out).unwrap().count(), 3, "nothing else is left there");

    run(tempo(&ben).arg("send").arg(&place.folder).arg("mine"));
    let release = |state: &Path| run(tempo(state).arg("release").arg(&place.folder).arg("take 1.wav"));
    let (_, err, code) = release(&ben);
    assert!(code == 2 && err.contains("only who has sent a file can release it"), "{err}");
    let (said, err, code) = release(&ana);
    assert!(code == 0 && said.contains("take 1.wav is released"), "{said}{err}");
    let (listed, _, _) = run(tempo(&ben).arg("files").arg(&place.folder));
    assert!(listed.contains("here; released"), "{listed}");
}

#[test]
fn a_directory_of_files_that_was_removed_is_not_made_again_unasked() {
    let place = Place::new();
    let path = place.at("take.wav");
    fs::write(&path, take()).unwrap();
    let (ana, ben) = (place.member("ana"), place.member("ben"));
    let id = sent(&ana, &path);
    let files = dir_of_files(&place, &ana);
    assert_eq!(fs::read(files.join(&id.to_string()[..32])).unwrap(), take(), "a file of one part is the original");
    wait_until(&ben, "the message", |ben| ben.timeline().len() == 1);
    assert_eq!(ben.file(id).unwrap().unwrap().place, At::Here);
    remove_dir_all(&files).unwrap();
    ana.close().unwrap();
    let ana = place.member("ana");
    wait_until(&ana, "the look", |ana| ana.file(id).unwrap().unwrap().sending == Some(Sending::Deselected));
    let other = place.at("other.wav");
    fs::write(&other, b"another take").unwrap();
    let file = ana.attach(&other, Keep::Copy).unwrap();
    ana.send_with("this too", std::slice::from_ref(&file)).unwrap();
    let next = file.manifest.id();
    wait_until(&ana, "the look", |ana| ana.file(next).unwrap().unwrap().sending == Some(Sending::Deselected));
    assert!(!files.exists(), "nor for a new file");
    assert_eq!(ben.file(id).unwrap().unwrap().place, At::Missing { have: 0, of: 1 });
    ben.fetch(id).unwrap();
    ana.put_back(id).unwrap();
    wait_until(&ben, "the file", |ben| ben.file(id).unwrap().unwrap().place == At::Kept);
    let mut events = std::iter::from_fn(|| ben.poll().unwrap());
    assert!(events.any(|event| event == Event::Fetched { id, length: 300_000 }));
    wait_until(&ana, "the other file", |ana| ana.file(next).unwrap().unwrap().sending == Some(Sending::Published));
    assert_eq!(ben.export(id, place.at("copy.wav")).map(|()| fs::read(place.at("copy.wav")).unwrap()).unwrap(), take());
}

#[test]
fn the_doctor_names_what_is_not_complete() {
    let place = Place::new();
    let path = place.at("take.wav");
    fs::write(&path, take()).unwrap();
    let (ana, ben) = (place.member("ana"), place.member("ben"));
    let id = sent(&ana, &path);
    ben.send("I hear").unwrap();
    assert_eq!(ben.flush(STUCK), 0);
    let files = dir_of_files(&place, &ana);
    ana.close().unwrap();
    ben.close().unwrap();
    assert_eq!((kinds(&place, "ana"), kinds(&place, "ben")), (vec![], vec![]));
    let part = files.join(&id.to_string()[..32]);
    fs::write(files.join("0123456789abcdef0123456789abcdef"), "nobody names it").unwrap();
    assert_eq!(kinds(&place, "ana"), [FindingKind::FileOrphans]);
    fs::File::options().write(true).open(&part).unwrap().set_len(7).unwrap();
    assert_eq!(kinds(&place, "ben"), [FindingKind::FileDamaged]);
    remove_file(&part).unwrap();
    assert_eq!(kinds(&place, "ben"), [FindingKind::FileMissing]);
    assert!(kinds(&place, "ana").contains(&FindingKind::FileMissing));
    remove_dir_all(&files).unwrap();
    assert_eq!(kinds(&place, "ana"), [FindingKind::FileDeselected]);
    for finding in findings(&place, "ana").into_iter().chain(findings(&place, "ben")) {
        assert!(!finding.meaning.is_empty() && !finding.advice.is_empty(), "{finding:?}");
    }
}
