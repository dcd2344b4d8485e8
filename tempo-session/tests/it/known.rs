//! The sessions that a machine has local state for, and the end of one.

use std::fs;

use serde_json::Value;
use tempo_session::{Session, error::ErrorKind};

use crate::{
    cli::{run, tempo},
    support::{Place, remove_dir_all, rename},
};

fn sessions(place: &Place, flags: &[&str]) -> String {
    let (out, err, code) = run(tempo(&place.at("Ana")).arg("sessions").args(flags));
    assert_eq!((code, err.as_str()), (0, ""), "{out}");
    out
}

fn leave(place: &Place, flags: &[&str]) -> (String, String, i32) {
    run(tempo(&place.at("Ana")).arg("leave").arg(&place.folder).args(flags))
}

#[test]
fn the_sessions_of_a_machine_are_listed() {
    let place = Place::new();
    assert_eq!(sessions(&place, &[]), "you are a member of no session here\n");
    assert_eq!(Session::known_in(place.at("Ana")).unwrap(), []);
    let author = {
        let ana = place.member("Ana");
        ana.send("hello").unwrap();
        ana.author().unwrap()
    };
    fs::create_dir(place.at("other.session")).unwrap();
    run(tempo(&place.at("Ana")).args(["send"]).arg(place.at("other.session")).arg("hello"));

    let known = Session::known_in(place.at("Ana")).unwrap();
    assert_eq!(known.len(), 2, "{known:#?}");
    assert!(known[0].used_ms >= known[1].used_ms && known[1].used_ms > Some(1_600_000_000_000), "{known:#?}");
    let jam = known.iter().find(|session| session.author == author).unwrap();
    assert_eq!(jam.folder.as_ref(), Some(&place.folder));
    let store = fs::metadata(place.at("Ana").join(author.to_string()).join("store.redb")).unwrap().len();
    assert!(jam.bytes > store, "{} {store}", jam.bytes);

    let json: Value = serde_json::from_str(&sessions(&place, &["--json"])).unwrap();
    assert_eq!(json["sessions"].as_array().unwrap().len(), 2);
    let listed = json["sessions"].as_array().unwrap().iter().find(|it| it["author"] == author.to_string()).unwrap();
    assert_eq!(listed["folder"], place.folder.to_str().unwrap());
    rename(&place.folder, place.at("gone")).unwrap();
    let text = sessions(&place, &[]);
    assert!(text.contains("jam.session  (not there)") && text.contains("other.session\n"), "{text}");
}

#[test]
fn a_session_that_is_open_is_not_deleted() {
    let place = Place::new();
    let ana = place.member("Ana");
    let known = || Session::builder(&place.folder).state_dir(place.at("Ana")).known().unwrap();
    assert_eq!(known().unwrap().delete().unwrap_err().kind(), ErrorKind::Busy);
    ana.send("still here").unwrap();
    ana.close().unwrap();
    known().unwrap().delete().unwrap();
    assert_eq!(known(), None);
    let left: Vec<_> = fs::read_dir(place.at("Ana")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["lock"]);
}

#[test]
fn who_leaves_for_good_is_not_waited_for_and_keeps_nothing() {
    let place = Place::new();
    let (ben, author) = (place.member("Ben"), {
        let ana = place.member("Ana");
        ana.send("hello").unwrap();
        ana.author().unwrap()
    });
    let (out, err, code) = leave(&place, &["--delete"]);
    assert_eq!((code, err.as_str()), (0, ""), "{out}");
    assert!(out.contains("you have left as ") && out.contains("were removed from this machine"), "{out}");
    assert_eq!(Session::known_in(place.at("Ana")).unwrap(), []);
    crate::support::wait_until(&ben, "the word of Ana", |ben| {
        ben.status().members.iter().any(|member| member.author == author && member.retired == Some(author))
    });
    assert_eq!(ben.timeline().len(), 1);
    let (_, err, code) = leave(&place, &["--delete"]);
    assert_eq!(code, 2);
    assert!(err.contains("you have no messages here"), "{err}");
}

#[test]
fn messages_that_are_only_here_are_lost_on_request_only() {
    let place = Place::new();
    place.member("Ana").close().unwrap();
    remove_dir_all(&place.folder).unwrap();
    let (_, err, code) = leave(&place, &["--delete"]);
    assert_eq!(code, 2);
    assert!(err.contains("would be lost") && err.contains("--lose"), "{err}");
    assert_eq!(Session::known_in(place.at("Ana")).unwrap().len(), 1);
    let (out, err, code) = leave(&place, &["--delete", "--lose"]);
    assert_eq!(code, 0, "{err}");
    assert!(out.contains("were removed") && err.contains("have not learned"), "{out}{err}");
    assert_eq!(Session::known_in(place.at("Ana")).unwrap(), []);
}
