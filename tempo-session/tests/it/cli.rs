//! The `tempo` command, as people and scripts use it.

use std::{
    collections::BTreeSet,
    fs,
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Command, Output, Stdio},
    thread,
};

use serde_json::Value;

use crate::support::Place;

pub(crate) fn tempo(state: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tempo"));
    command.env_remove("TEMPO_STATE").arg("--state").arg(state);
    command
}

pub(crate) fn run(command: &mut Command) -> (String, String, i32) {
    let Output { status, stdout, stderr } = command.stdin(Stdio::null()).output().unwrap();
    (String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap(), status.code().unwrap())
}

fn ok(command: &mut Command) -> String {
    let (out, err, code) = run(command);
    assert_eq!((code, err.as_str()), (0, ""), "{command:?}\n{out}");
    out
}

fn log(place: &Place, member: &str) -> String {
    ok(tempo(&place.at(member)).args(["log", "--json"]).arg(&place.folder))
}

fn pipe(command: &mut Command, lines: impl IntoIterator<Item = String> + Send + 'static) -> std::process::Child {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    thread::spawn(move || {
        for line in lines {
            // The child may have been killed.
            if writeln!(input, "{line}").is_err() {
                return;
            }
        }
    });
    child
}

#[test]
fn files_that_cannot_be_read_are_counted_on_standard_error() {
    let place = Place::new();
    let (ana, ben) = (place.at("ana"), place.at("ben"));
    ok(tempo(&ana).arg("send").arg(&place.folder).args(["one", "two"]));
    let author = fs::read_dir(&place.folder).unwrap().next().unwrap().unwrap().path();
    let file = fs::File::options().write(true).open(author.join("0000000000000002")).unwrap();
    file.set_len(file.metadata().unwrap().len() / 2).unwrap();
    let (out, err, code) = run(tempo(&ben).arg("log").arg(&place.folder));
    assert!(code == 0 && out.contains("one") && !out.contains("two"), "{out}");
    assert!(err.contains("tempo: 1 file could not be read (incomplete)"), "{err}");
    let (out, err, _) = run(tempo(&ben).args(["log", "--json"]).arg(&place.folder));
    let told: Value = serde_json::from_str(&err).unwrap();
    assert!(out.lines().count() == 1 && told["unread"]["incomplete"] == 1, "{out}{err}");
    let (out, err, _) = run(tempo(&ben).args(["status", "--json"]).arg(&place.folder));
    let status: Value = serde_json::from_str(&out).unwrap();
    assert!(status["unread"]["incomplete"] == 1 && !err.is_empty(), "{out}{err}");
    let (_, err, code) = run(tempo(&ben).arg("send").arg(&place.folder).arg("three"));
    assert!(code == 0 && err.contains("1 file could not be read"), "{err}");
}

#[test]
fn the_demo_shows_equal_timelines() {
    let place = Place::new();
    let out = ok(tempo(&place.at("unused")).arg("demo"));
    for name in ["Ana", "Ben", "Cleo"] {
        assert!(out.contains(&format!("What {name} sees:")), "{out}");
    }
    assert!(out.contains("8 messages, 3 members, and the three timelines are equal."), "{out}");
    assert!(!place.at("unused").exists());
}

#[test]
fn four_senders_at_once_and_a_late_fifth_have_one_log() {
    const EACH: usize = 250;
    let place = Place::new();
    let names = ["ana", "ben", "cleo", "dora"];
    let senders: Vec<_> = names
        .map(|name| {
            let lines = (1..=EACH).map(move |n| format!("{name} {n}"));
            pipe(tempo(&place.at(name)).arg("send").arg(&place.folder), lines)
        })
        .into_iter()
        .map(|child| thread::spawn(move || child.wait_with_output().unwrap()))
        .collect();
    let mut ids = BTreeSet::new();
    for sender in senders {
        let output = sender.join().unwrap();
        assert!(output.status.success());
        ids.extend(String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned));
    }
    assert_eq!(ids.len(), 4 * EACH, "an id for each message");
    let logs: Vec<String> = names.iter().chain(&["late"]).map(|name| log(&place, name)).collect();
    assert!(logs.iter().all(|log| *log == logs[0]), "the logs differ");
    let entries: Vec<Value> = logs[0].lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(entries.len(), 4 * EACH);
    for name in names {
        let texts: Vec<&str> =
            entries.iter().filter_map(|e| e["text"].as_str()).filter(|t| t.starts_with(name)).collect();
        assert_eq!(texts, (1..=EACH).map(|n| format!("{name} {n}")).collect::<Vec<_>>());
    }
    assert!(!place.at("late").exists(), "reading creates no author");
    assert_eq!(fs::read_dir(&place.folder).unwrap().count(), 4);
}

#[cfg(unix)]
#[test]
fn acknowledged_messages_survive_a_kill() {
    let place = Place::new();
    let mut acknowledged: Vec<String> = Vec::new();
    for round in 0..5_usize {
        let lines = (0..100_000).map(move |n| format!("{round} {n}"));
        let mut child = pipe(tempo(&place.at("ana")).arg("send").arg(&place.folder), lines);
        let mut output = BufReader::new(child.stdout.take().unwrap()).lines();
        acknowledged.extend(output.by_ref().take(40 + 150 * round).map(Result::unwrap));
        child.kill().unwrap();
        child.wait().unwrap();
        acknowledged.extend(output.map_while(Result::ok).filter(|line| line.len() == 36 + 1 + 16));
    }
    let entries: Vec<Value> = log(&place, "ana").lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let ids: BTreeSet<String> = entries
        .iter()
        .map(|e| format!("{}/{:016x}", e["author"].as_str().unwrap(), e["counter"].as_u64().unwrap()))
        .collect();
    assert_eq!(ids.len(), entries.len(), "no counter is used twice");
    let lost: Vec<&String> = acknowledged.iter().filter(|id| !ids.contains(*id)).collect();
    assert_eq!(lost, Vec::<&String>::new());
    // Opening the session for the log has published the rest: an observer sees the same.
    assert_eq!(log(&place, "observer"), log(&place, "ana"));
    let staged = fs::read_dir(&place.folder).unwrap().flat_map(|author| fs::read_dir(author.unwrap().path()).unwrap());
    assert!(staged.map(|file| file.unwrap().file_name()).all(|name| !name.to_string_lossy().starts_with('~')));
}

#[test]
fn two_chats_on_one_folder_talk() {
    let place = Place::new();
    let chat = |name: &str| {
        let mut command = tempo(&place.at(name));
        command.args(["chat", "--name", name]).arg(&place.folder);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        (child, lines)
    };
    let (mut ana, mut ana_sees) = chat("Ana");
    assert!(ana_sees.next().unwrap().contains("you are Ana, no other member yet"));
    let (mut ben, mut ben_sees) = chat("Ben");
    assert!(ben_sees.next().unwrap().contains("you are Ben, with Ana"));
    writeln!(ana.stdin.as_mut().unwrap(), "hello \u{1b}[31mBen").unwrap();
    let heard = ben_sees.next().unwrap();
    assert!(heard.contains("Ana") && heard.contains("hello \\u{1b}[31mBen"), "{heard}");
    writeln!(ben.stdin.as_mut().unwrap(), "hello Ana").unwrap();
    assert!(ana_sees.any(|line| line.contains("Ben") && line.contains("hello Ana")));
    for mut child in [ana, ben] {
        drop(child.stdin.take());
        assert!(child.wait().unwrap().success());
    }
}

#[test]
fn errors_say_what_where_and_what_next() {
    let place = Place::new();
    let state = place.at("state");
    fs::create_dir(place.at("jam")).unwrap();
    fs::write(place.at("file.session"), "").unwrap();
    for command in ["send", "log", "status", "chat", "doctor"] {
        for (folder, what, next) in [
            ("nowhere.session", "there is no folder", "mkdir"),
            ("jam", "ends in .session", "rename it"),
            ("file.session", "is not a folder", "name the folder itself"),
        ] {
            let path = place.at(folder);
            let (out, err, code) = run(tempo(&state).arg(command).arg(&path));
            assert_eq!((code, out.as_str()), (2, ""), "{command} {folder}: {err}");
            for text in [what, next, path.to_str().unwrap()] {
                assert!(err.contains(text), "{command} {folder}: {err}");
            }
        }
    }
    assert!(!state.exists(), "nothing is created for an unusable folder");
    fs::write(&state, "a file").unwrap();
    let (_, err, code) = run(tempo(&state).arg("send").arg(&place.folder).arg("hello"));
    assert!(code == 2 && err.contains("--state") && err.contains(state.to_str().unwrap()), "{err}");
}

#[test]
fn while_a_process_holds_the_store_others_observe() {
    let place = Place::new();
    let ana = place.member("ana");
    ana.send("hello").unwrap();
    ana.flush(crate::support::STUCK);
    for command in ["log", "status"] {
        let (out, err, code) = run(tempo(&place.at("ana")).args([command, "--json"]).arg(&place.folder));
        assert!(code == 0 && out.lines().count() == 1 && err.contains("what an observer sees"), "{out}{err}");
    }
    let (status, _, _) = run(tempo(&place.at("ana")).args(["status", "--json"]).arg(&place.folder));
    assert_eq!(serde_json::from_str::<Value>(&status).unwrap()["author"], Value::Null);
    let (_, err, code) = run(tempo(&place.at("ana")).arg("send").arg(&place.folder).arg("me too"));
    assert!(
        code == 2 && err.contains("already open in process") && err.contains("tempo: waiting for process"),
        "{err}"
    );
}

#[test]
fn status_names_what_is_missing() {
    let place = Place::new();
    let ana = place.member("Ana");
    let ids = ana.send_all(["one", "two", "three"]).unwrap();
    ana.close().unwrap();
    crate::support::remove_file(place.folder.join(ids[0].to_string())).unwrap();
    fs::write(place.folder.join("notes.txt"), "").unwrap();
    let status = ok(tempo(&place.at("observer")).arg("status").arg(&place.folder));
    for text in
        ["you are an observer", "Ana", "waiting (2)", "Ana #3 waits for Ana #2", "notes.txt: the name is not one"]
    {
        assert!(status.contains(text), "{text}:\n{status}");
    }
    let json: Value =
        serde_json::from_str(&ok(tempo(&place.at("observer")).args(["status", "--json"]).arg(&place.folder))).unwrap();
    assert_eq!(json["members"][0]["missing"], serde_json::json!([[2, 2]]));
    assert_eq!(json["waiting"][0]["waits_for"][0]["message"], ids[0].to_string());
    assert_eq!(json["foreign"][0]["place"], "notes.txt");
}

#[test]
fn a_payload_that_is_not_text_is_base64_in_the_log() {
    let place = Place::new();
    let ana = place.member("ana");
    ana.send(b"\xff\x00").unwrap();
    ana.close().unwrap();
    let entry: Value = serde_json::from_str(&log(&place, "ana")).unwrap();
    assert_eq!((entry["base64"].as_str(), entry.get("text")), (Some("/wA="), None));
    let log = ok(tempo(&place.at("ana")).arg("log").arg(&place.folder));
    assert!(log.contains("(2 bytes that are not text)"), "{log}");
}

#[test]
fn opening_repairs_the_files() {
    let place = Place::new();
    let ids = ok(tempo(&place.at("ana")).arg("send").arg(&place.folder).args(["one", "two"]));
    let file = |line: usize| place.folder.join(ids.lines().nth(line).unwrap());
    crate::support::remove_file(file(0)).unwrap();
    log(&place, "ana");
    assert!(file(0).exists(), "a vanished message is put back before log ends");

    fs::write(file(1), "somebody else's bytes, of no use to anybody").unwrap();
    let status = ok(tempo(&place.at("ana")).arg("status").arg(&place.folder));
    assert!(status.contains("something else is in the place of your message 2"), "{status}");
    assert_eq!(log(&place, "observer").lines().count(), 2, "the message is beside it");
    assert_eq!(fs::read(file(1)).unwrap(), b"somebody else's bytes, of no use to anybody");
}

#[test]
fn an_overlong_line_is_reported_and_not_sent() {
    let place = Place::new();
    let lines = ["short".to_owned(), "x".repeat(17 << 20), "after".to_owned()];
    let mut command = tempo(&place.at("ana"));
    let output = pipe(command.arg("send").arg(&place.folder).stderr(Stdio::piped()), lines).wait_with_output().unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(2) && err.contains("line 2 of the input"), "{err}");
    assert_eq!(log(&place, "observer").lines().count(), 1);
}

#[test]
fn chat_shows_what_it_sent_before_its_input_ended() {
    let place = Place::new();
    let mut command = tempo(&place.at("ana"));
    let child = pipe(command.args(["chat", "--name", "Ana"]).arg(&place.folder), ["a".to_owned(), "b".to_owned()]);
    let out = String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap();
    assert_eq!(out.lines().skip(1).map(|line| line.chars().last().unwrap()).collect::<String>(), "ab", "{out}");
}

/// A member leaves, and everything that it wrote with it. A newcomer is told what is missing, and
/// which member can put it back.
#[test]
fn relay_puts_back_the_messages_of_a_member_that_left() {
    let place = Place::new();
    let said = |member: &str, text: &str| ok(tempo(&place.at(member)).arg("send").arg(&place.folder).arg(text));
    let mut chat =
        pipe(tempo(&place.at("ben")).arg("chat").arg(&place.folder).args(["--name", "Ben B"]), ["hi".to_owned()]);
    assert!(chat.wait().unwrap().success());
    let ben = fs::read_dir(&place.folder).unwrap().next().unwrap().unwrap().path();
    said("ana", "hello Ben");
    said("ben", "hello Ana");
    said("ana", "and again");
    let before = log(&place, "ana");
    fs::remove_dir_all(&ben).unwrap();

    let doctor = |member: &str| {
        let (out, _, code) = run(tempo(&place.at(member)).args(["doctor", "--json"]).arg(&place.folder));
        let told: Value = serde_json::from_str(&out).unwrap();
        (told["findings"].as_array().unwrap().clone(), code)
    };
    let of_kind = |findings: &[Value], kind: &str| {
        let found = findings.iter().find(|it| it["kind"] == kind);
        found.unwrap_or_else(|| panic!("no {kind} in {findings:#?}")).clone()
    };
    let beginning: String = ben.file_name().unwrap().to_string_lossy().chars().take(8).collect();
    let (findings, code) = doctor("cleo");
    let gap = of_kind(&findings, "gap");
    assert_eq!((code, &gap["numbers"]), (1, &serde_json::json!([[1, 3]])), "{gap:#}");
    let (author, advice) = (gap["author"].as_str().unwrap(), gap["advice"].as_str().unwrap());
    assert!(author.starts_with(&beginning) && advice.contains(&format!("`tempo relay FOLDER {beginning}`")), "{gap:#}");
    let vanished = of_kind(&doctor("ana").0, "vanished");
    assert!(vanished["advice"].as_str().unwrap().contains(&format!("tempo relay FOLDER {beginning}")), "{vanished:#}");

    for wrong in ["Cleo", "be", ""] {
        let (out, err, code) = run(tempo(&place.at("ana")).arg("relay").arg(&place.folder).arg(wrong));
        assert!((out.as_str(), code) == ("", 2) && err.contains("no other member called"), "{wrong:?}: {err}");
    }
    let (_, err, code) = run(tempo(&place.at("cleo")).arg("relay").arg(&place.folder).arg("Ben B"));
    assert!(code == 2 && err.contains("--state"), "{err}");
    let told = ok(tempo(&place.at("ana")).arg("relay").arg(&place.folder).arg("ben b"));
    assert_eq!(told, "put back 3 messages of Ben B that the folder no longer had; you now keep them there\n");
    let told = ok(tempo(&place.at("ana")).arg("relay").arg(&place.folder).arg(&beginning));
    assert_eq!(told, "every message of Ben B that you have is in the folder\n");
    assert_eq!(log(&place, "cleo"), before);
    let (findings, code) = doctor("cleo");
    let relayed = of_kind(&findings, "relayed");
    assert!(code == 0 && relayed["message"].as_str().unwrap().contains("keeps Ben B's messages"), "{findings:#?}");
}

#[test]
fn retire_and_leave_end_the_waiting_for_a_member() {
    let place = Place::new();
    let joins = |member: &str, name: &str| {
        let mut chat = tempo(&place.at(member));
        assert!(
            pipe(chat.arg("chat").arg(&place.folder).args(["--name", name]), [format!("{name} is here")])
                .wait()
                .unwrap()
                .success()
        );
    };
    let say = |member: &str, text: &str| ok(tempo(&place.at(member)).arg("send").arg(&place.folder).arg(text));
    let status = |member: &str| ok(tempo(&place.at(member)).arg("status").arg(&place.folder));
    for (member, name) in [("ana", "Ana"), ("ben", "Ben"), ("other", "Ben")] {
        joins(member, name);
    }
    say("ana", "where are you?");
    assert!(status("ana").contains("until more arrives from Ben"), "{}", status("ana"));

    let retire = |who: &str| run(tempo(&place.at("ana")).arg("retire").arg(&place.folder).arg(who));
    let (_, err, code) = retire("Ana");
    assert!(code == 2 && err.contains("tempo leave"), "{err}");
    for wrong in ["Cleo", "be", ""] {
        let (out, err, code) = retire(wrong);
        assert!((out.as_str(), code) == ("", 2) && err.contains("no other member called"), "{wrong:?}: {err}");
    }
    let (out, err, code) = retire("ben");
    assert!((out.as_str(), code) == ("", 2), "{out}{err}");
    let several = err.split_once("called ben: ").unwrap().1.lines().next().unwrap();
    let (one, other) = several.split_once(", ").unwrap();
    let (out, err, code) = retire(one);
    assert_eq!(out, format!("{one} is retired: nobody waits for {one} any more, until {one} writes again\n"), "{err}");
    assert_eq!(code, 0);
    // The other one is meant now, by its plain name.
    let (out, err, _) = retire("Ben");
    assert!(out.starts_with(&format!("{other} is retired")), "{out}{err}");
    for member in ["ana", "observer"] {
        let status = status(member);
        assert!(status.contains("stable: everything") && status.matches("retired by Ana").count() == 2, "{status}");
    }
    say("ben", "I was on holiday");
    say("other", "so was I");
    assert!(!status("ana").contains("retired"), "{}", status("ana"));
    let told = ok(tempo(&place.at("other")).arg("leave").arg(&place.folder));
    assert_eq!(
        told,
        "you have left: nobody waits for you any more; your messages stay, and your next one brings you back\n"
    );
    assert!(status("ana").contains("has left"), "{}", status("ana"));
    let (_, err, code) = run(tempo(&place.at("observer")).arg("leave").arg(&place.folder));
    assert!(code == 2 && err.contains("--state"), "{err}");
}

#[test]
fn pack_leaves_few_files_and_the_same_log() {
    let place = Place::new();
    let texts: Vec<String> = (1..=70).map(|number| format!("line {number}")).collect();
    for text in texts.chunks(10) {
        ok(tempo(&place.at("ana")).arg("send").arg(&place.folder).args(text));
    }
    let before = log(&place, "ben");
    let told = ok(tempo(&place.at("ana")).arg("pack").arg(&place.folder));
    assert!(told.starts_with("your 70 messages are in 2 packs\n70 files that packs"), "{told}");
    assert_eq!(log(&place, "ben"), before);
    let told = ok(tempo(&place.at("ana")).args(["pack", "--at-once"]).arg(&place.folder));
    assert_eq!(told, "your 70 messages are in 2 packs\n");
    assert_eq!(place.files().len(), 2, "{:?}", place.files());
    assert_eq!(log(&place, "ben"), before);
    assert_eq!(log(&place, "ana"), before);
    let (out, err, code) = run(tempo(&place.at("ben")).arg("pack").arg(&place.folder));
    assert_eq!((out.as_str(), code), ("", 2));
    assert!(err.contains("you have no messages here") && err.contains("--state"), "{err}");
}

/// An application without a directory of its own has neither the command's member nor its lock.
#[cfg(target_os = "linux")]
#[test]
fn the_command_has_a_place_of_its_own() {
    let place = Place::new();
    let mut command = Command::new(env!("CARGO_BIN_EXE_tempo"));
    command
        .env_remove("TEMPO_STATE")
        .env("XDG_DATA_HOME", place.at("data"))
        .arg("send")
        .arg(&place.folder)
        .arg("hello");
    assert!(command.output().unwrap().status.success());
    assert!(place.at("data").join("tempo/tempo/sessions").is_dir());
}
