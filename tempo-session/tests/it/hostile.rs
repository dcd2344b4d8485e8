//! The command on a folder whose author attacks the terminal, or makes files unreadable.

use std::{
    ffi::OsStr,
    fs,
    os::unix::{
        ffi::OsStrExt,
        fs::{PermissionsExt, chown},
        process::CommandExt,
    },
    path::Path,
    process::{Command, Output, Stdio},
};

use serde_json::Value;
use tempo_session::Session;

use crate::support::{Place, STUCK};

/// Clears the screen, sets the title and reverses the text, in seven and in eight bits.
const ATTACK: &str = "\u{1b}[2J\u{1b}]0;owned\u{7}\u{9b}31m\u{202e}\u{2066}\r\u{7f}\u{200b}";

fn tempo(state: &Path, words: &[&str], folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tempo"));
    command.env_remove("TEMPO_STATE").arg("--state").arg(state).args(words).arg(folder).stdin(Stdio::null());
    command
}

/// Returns both outputs of a command, after checking that they cannot act on a terminal.
fn said(command: &mut Command) -> (String, String) {
    let Output { stdout, stderr, .. } = command.output().unwrap();
    let (out, err) = (String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap());
    for text in [&out, &err] {
        let acts = |c: char| (c.is_control() && c != '\n') || (ATTACK.contains(c) && !c.is_ascii());
        assert_eq!(text.chars().find(|&c| acts(c)), None, "{command:?}: {text:?}");
    }
    (out, err)
}

#[test]
fn nothing_in_a_folder_acts_on_a_terminal() {
    let mut place = Place::new();
    place.folder = place.at(&format!("{ATTACK}.session"));
    fs::create_dir(&place.folder).unwrap();
    let eve = Session::builder(&place.folder).state_dir(place.at("eve")).name(ATTACK).open().unwrap();
    let (own, payload) = (place.folder.join(eve.author().unwrap().to_string()), format!("text {ATTACK}"));
    let first = eve.send("to be missed").unwrap();
    eve.send(&payload).unwrap();
    assert_eq!(eve.flush(STUCK), 0);
    eve.close().unwrap();
    let bytes = [ATTACK.as_bytes(), b"\xff\xfe"].concat();
    for dir in [&place.folder, &own] {
        fs::write(dir.join(OsStr::from_bytes(&bytes)), "").unwrap();
        fs::write(dir.join(OsStr::from_bytes(&[b'n'; 255])), "").unwrap();
    }
    let cut = [b"0000000000000009".as_slice(), &bytes].concat();
    fs::write(own.join(OsStr::from_bytes(&cut)), "").unwrap();

    let ana = place.at("ana");
    let (log, _) = said(&mut tempo(&ana, &["log"], &place.folder));
    assert!(log.contains("text \\u{1b}[2J"), "{log}");
    let (log, _) = said(&mut tempo(&ana, &["log", "--json"], &place.folder));
    let last: Value = serde_json::from_str(log.lines().last().unwrap()).unwrap();
    assert_eq!((last["text"].as_str(), last["name"].as_str()), (Some(payload.as_str()), Some(ATTACK)));

    fs::remove_file(place.folder.join(first.to_string())).unwrap();
    let (status, _) = said(&mut tempo(&ana, &["status"], &place.folder));
    for text in ["\\u{1b}[2J", "not messages (4)", "not yet messages (1)", "waiting (1)", "\\xff\\xfe"] {
        assert!(status.contains(text), "{text}: {status}");
    }
    let (status, _) = said(&mut tempo(&ana, &["status", "--json"], &place.folder));
    assert_eq!(serde_json::from_str::<Value>(&status).unwrap()["members"][0]["name"], ATTACK);
    said(tempo(&ana, &["chat"], &place.folder).stderr(Stdio::piped()));

    fs::rename(&own, place.at("aside")).unwrap();
    fs::write(&own, "").unwrap();
    for (word, text) in [("status", None), ("send", Some("kept"))] {
        let (out, err) = said(tempo(&place.at("eve"), &[word], &place.folder).args(text));
        let told = [out, err].concat();
        assert!(told.contains("cannot write") && told.contains("\\u{1b}[2J"), "{word}: {told}");
    }
    let gone = place.folder.with_file_name(format!("gone{ATTACK}.session"));
    let file = place.folder.with_file_name(format!("file{ATTACK}.session"));
    fs::write(&file, "").unwrap();
    for folder in [gone, file, place.at(ATTACK)] {
        for words in [["status"], ["log"], ["send"], ["chat"]] {
            let (out, err) = said(&mut tempo(&ana, &words, &folder));
            assert!(out.is_empty() && err.contains("\\u{1b}[2J"), "{words:?}: {err}");
        }
    }
}

/// A user that permissions bind; the superuser reads everything.
const NOBODY: u32 = 65534;

/// Makes a command run as an ordinary user, with a copy of the program that every user can start.
fn as_nobody(place: &Place, words: &[&str]) -> Option<Command> {
    let program = place.at("tempo");
    if !program.exists() {
        fs::copy(env!("CARGO_BIN_EXE_tempo"), &program).unwrap();
        fs::create_dir(place.at("nobody")).unwrap();
        fs::set_permissions(place.dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
    }
    let mut command = Command::new(&program);
    command.env_remove("TEMPO_STATE").arg("--state").arg(place.at("nobody")).args(words).stdin(Stdio::null());
    if fs::write(place.at("probe"), "").is_ok() {
        fs::set_permissions(place.at("probe"), fs::Permissions::from_mode(0o000)).unwrap();
        if fs::read(place.at("probe")).is_ok() {
            // Permissions do not bind this user.
            if let Err(error) = chown(place.at("nobody"), Some(NOBODY), Some(NOBODY)) {
                println!("skipped: permissions do not bind this user, and no other can be had: {error}");
                return None;
            }
            command.uid(NOBODY).gid(NOBODY);
        }
        fs::remove_file(place.at("probe")).unwrap();
    }
    Some(command)
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn unreadable_files_are_named_and_the_others_are_read() {
    let place = Place::new();
    let ana = place.member("ana");
    let from_ana = ana.send_all(["one", "two"]).unwrap();
    ana.close().unwrap();
    let ben = place.member("ben");
    ben.refresh(STUCK).unwrap();
    assert_eq!(ben.timeline().len(), 2);
    ben.send("from ben").unwrap();
    let author = ben.author().unwrap();
    ben.close().unwrap();
    let closed = (place.folder.join(from_ana[0].to_string()), place.folder.join(author.to_string()));

    set_mode(&closed.0, 0o000);
    let Some(mut status) = as_nobody(&place, &["status", "--json"]) else { return };
    let (out, err) = said(status.arg(&place.folder));
    let status: Value = serde_json::from_str(&out).unwrap_or_else(|_| panic!("{out}{err}"));
    assert_eq!((&status["messages"], &status["pending"][0]["place"]), (&0.into(), &from_ana[0].to_string().into()));
    assert!(status["pending"][0]["reason"]["text"].as_str().unwrap().contains("ermission denied"), "{out}");
    // Ana's second message, and Ben's name and message, which follow both of hers.
    assert_eq!(status["waiting"].as_array().unwrap().len(), 3, "{out}");

    set_mode(&closed.0, 0o644);
    set_mode(&closed.1, 0o000);
    let (out, err) = said(as_nobody(&place, &["status", "--json"]).unwrap().arg(&place.folder));
    let status: Value = serde_json::from_str(&out).unwrap_or_else(|_| panic!("{out}{err}"));
    assert_eq!((status["messages"].as_u64(), status["pending"].as_array().map(Vec::len)), (Some(2), Some(1)), "{out}");
    assert_eq!(status["pending"][0]["place"].as_str(), closed.1.file_name().and_then(OsStr::to_str));

    set_mode(&closed.1, 0o755);
    set_mode(&place.folder, 0o000);
    let (_, err) = said(as_nobody(&place, &["log"]).unwrap().arg(&place.folder));
    assert!(err.contains("ermission denied"), "{err}");

    // Everything can be read and nothing written, so sent messages are kept.
    set_mode(&place.folder, 0o755);
    let (out, err) = said(as_nobody(&place, &["send"]).unwrap().arg(&place.folder).arg("from nobody"));
    assert_eq!(out.lines().count(), 1, "{err}");
    assert!(err.contains("not in the folder yet") && err.contains("not allowed to write"), "{err}");
    set_mode(&place.folder, 0o777);
    let (out, err) = said(as_nobody(&place, &["log", "--json"]).unwrap().arg(&place.folder));
    assert_eq!((out.lines().count(), err.as_str()), (4, ""), "{out}");
    let observer = Session::observe(&place.folder).unwrap();
    observer.refresh(STUCK).unwrap();
    assert_eq!(observer.timeline().len(), 4);
}
