//! What the command logs: what the session does, but no content of messages, and no names above the level debug.

use std::fs;

use crate::{
    cli::{run, tempo},
    support::Place,
};

const SECRET: &str = "the chorus comes twice";

/// Returns the standard output and the log of a command of Ben's, in a folder with a message of Ana's.
fn logged(place: &Place, flags: &[&str]) -> (String, String) {
    let mut command = tempo(&place.at("Ben"));
    let (out, err, code) = run(command.env_remove("RUST_LOG").args(flags).arg("send").arg(&place.folder).arg(SECRET));
    assert_eq!(code, 0, "{err}");
    (out, err)
}

#[test]
fn the_log_says_what_happens_and_no_content() {
    let place = Place::new();
    place.member("Zacharias").send(SECRET).unwrap();
    let (id, log) = logged(&place, &["-vvv"]);
    let id = id.trim();
    assert!(log.contains(&format!("sent id={id}")) && log.contains("turn") && log.contains("session{author="), "{log}");
    assert!(log.contains("a member has joined") && log.contains("the folder is there"), "{log}");
    assert!(!log.contains("chorus"), "{log}");
    assert_eq!(logged(&place, &[]).1, "");
}

#[test]
fn a_log_above_debug_has_no_names_of_people_and_no_paths() {
    let place = Place::new();
    place.member("Zacharias").send(SECRET).unwrap();
    fs::write(place.folder.join("Zacharias notes.txt"), "x").unwrap();
    let (_, log) = logged(&place, &["-v"]);
    assert!(log.contains("INFO") && log.contains("a member has joined"), "{log}");
    assert!(!log.contains("Zacharias") && !log.contains("jam.session") && !log.contains("DEBUG"), "{log}");
    let place = Place::new();
    place.member("Zacharias").send(SECRET).unwrap();
    let (_, log) = logged(&place, &["-vv"]);
    assert!(log.contains("DEBUG") && !log.contains("TRACE"), "{log}");
}
