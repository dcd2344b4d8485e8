//! `tempo doctor` and `tempo status` on folders with one problem each.

use std::fs;

use serde_json::{Value, json};
use tempo_message::Frame;
use tempo_session::AuthorId;

use crate::{
    cli::{run, tempo},
    doctor::{DAY, HOUR, Writer, copy_all, doctor, now, put, put_as},
    support::{Place, STUCK, author, wait_until},
};

/// Creates Ana, with everything that Ben wrote: his name and three messages.
fn ana_and_ben() -> (Place, AuthorId, Vec<Frame>) {
    let place = Place::new();
    let (mut ben, profile) = Writer::new(1, "Ben", now() - DAY);
    let mut frames = vec![profile];
    frames.extend((2..=4).map(|n| ben.say(&format!("Ben says {n}"))));
    frames.iter().for_each(|frame| put(&place, frame));
    let ana = place.member("Ana");
    ana.send("hello").unwrap();
    wait_until(&ana, "Ben's messages", |ana| ana.timeline().len() == 4);
    assert_eq!(ana.flush(STUCK), 0);
    let me = ana.author().unwrap();
    ana.close().unwrap();
    (place, me, frames)
}

/// Returns the doctor's answer in `--json`, and the exit code.
fn ask(place: &Place, member: &str) -> (Value, i32) {
    let (out, code) = doctor(place, member, &["--json"]);
    (serde_json::from_str(&out).unwrap(), code)
}

/// Returns the findings as (kind, severity, message).
fn brief(json: &Value) -> Vec<(&str, &str, &str)> {
    let findings = json["findings"].as_array().unwrap().iter();
    findings
        .map(|it| (it["kind"].as_str().unwrap(), it["severity"].as_str().unwrap(), it["message"].as_str().unwrap()))
        .collect()
}

fn status(place: &Place, member: &str, flags: &[&str]) -> String {
    let (out, err, code) = run(tempo(&place.at(member)).arg("status").args(flags).arg(&place.folder));
    assert_eq!(code, 0, "{out}{err}");
    out
}

#[test]
fn a_member_misses_messages_that_vanished_from_the_folder() {
    let (place, _, frames) = ana_and_ben();
    assert_eq!((brief(&ask(&place, "Ana").0), ask(&place, "Ana").1), (vec![], 0));
    crate::support::remove_file(place.folder.join(frames[1].id().to_string())).unwrap();
    let (json, code) = ask(&place, "Ana");
    let message = "1 message of Ben that you have is no longer in the folder: number 2.";
    assert_eq!((brief(&json), code), (vec![("vanished", "attention", message)], 1));
    assert_eq!((&json["findings"][0]["numbers"], &json["findings"][0]["lost"]), (&json!([[2, 2]]), &json!("nothing")));
    // A newcomer has less, and sees a gap.
    assert_eq!(brief(&ask(&place, "stranger").0).iter().map(|it| it.0).collect::<Vec<_>>(), ["gap", "held"]);
    crate::support::remove_dir_all(place.folder.join(author(1).to_string())).unwrap();
    let (json, code) = ask(&place, "Ana");
    let message = "The directory of Ben is no longer in the folder; you have the 4 messages that were in it.";
    assert_eq!((brief(&json)[0], code), (("vanished", "attention", message), 1));
    frames.iter().for_each(|frame| put(&place, frame));
    assert_eq!(ask(&place, "Ana").1, 0);
}

#[test]
fn an_unknown_state_is_not_called_healthy() {
    let (place, ..) = ana_and_ben();
    let ana = place.member("Ana");
    ana.send("one more").unwrap();
    assert_eq!(ana.flush(STUCK), 0);
    // While the session is open elsewhere, and after it was killed.
    let (out, code) = doctor(&place, "Ana", &[]);
    assert!(code == 0 && !out.contains("Nothing is wrong."), "{out}");
    assert!(out.contains("it is unknown whether everything that you wrote is in the folder"), "{out}");
    assert_eq!(ask(&place, "Ana").0["unpublished"], Value::Null);
    copy_all(&place.at("Ana"), &place.at("crashed"));
    let (out, code) = doctor(&place, "crashed", &[]);
    assert!(code == 1 && !out.contains("Nothing is wrong."), "{out}");
    assert!(out.contains("1. The local store was not closed the last time, or is damaged."), "{out}");
    let (json, _) = ask(&place, "crashed");
    assert_eq!((brief(&json)[0].0, &json["unpublished"]), ("store-unclean", &Value::Null));
    ana.close().unwrap();
    assert_eq!(ask(&place, "Ana").0["unpublished"], 0);
}

/// `send` shows the step as well.
#[test]
fn a_broken_store_has_a_next_step_in_every_command() {
    let place = Place::new();
    let ana = place.member("Ana");
    ana.send("one").unwrap();
    let author = ana.author().unwrap();
    ana.close().unwrap();
    let store = place.at("Ana").join(author.to_string()).join("store.redb");
    fs::write(&store, vec![0; 4096 * 16]).unwrap();
    let said = |command: &str, code: i32| {
        let (out, err, exit) =
            run(tempo(&place.at("Ana")).arg(command).arg(&place.folder).args((command == "send").then_some("two")));
        assert_eq!(exit, code, "{out}{err}");
        (out + &err).split_whitespace().collect::<Vec<_>>().join(" ")
    };
    for (command, code) in [("send", 2), ("doctor", 1)] {
        let said = said(command, code);
        let step =
            format!("for a backup of {}. If there is none, keep the file and move its directory", store.display());
        assert!(said.contains(&step), "{command}: {said}");
    }
}

#[test]
fn a_newer_store_is_told_from_a_damaged_one() {
    let (place, me, _) = ana_and_ben();
    let store = place.at("Ana").join(me.to_string()).join("store.redb");
    crate::store::set_format(&store, 9);
    let (json, code) = ask(&place, "Ana");
    assert_eq!((brief(&json)[0].0, code), ("store-newer", 1), "{json:#}");
    assert!(json["findings"][0]["advice"].as_str().unwrap().contains("Update this software"));
    crate::store::set_format(&store, 8);
    assert_eq!(ask(&place, "Ana").1, 0);
    for len in [0, 4096, fs::metadata(&store).unwrap().len() / 2] {
        fs::OpenOptions::new().write(true).open(&store).unwrap().set_len(len).unwrap();
        let (json, code) = ask(&place, "Ana");
        let finding = &json["findings"][0];
        let kind = finding["kind"].as_str().unwrap();
        assert!(code == 1 && ["store-unclean", "store-unusable"].contains(&kind), "{len}: {json:#}");
        assert_eq!(finding["lost"], "possible", "{len}");
        assert!(finding["advice"].as_str().unwrap().contains("keep"), "{len}: {json:#}");
    }
}

#[test]
fn unusable_local_state_is_reported() {
    let place = Place::new();
    fs::write(place.at("file"), "").unwrap();
    for state in ["file", "file/below"] {
        let (json, code) = ask(&place, state);
        assert!(code == 1 && brief(&json)[0].0 == "state-unusable", "{json:#}");
        let (_, err, code) = run(tempo(&place.at(state)).arg("send").arg(&place.folder).arg("hello"));
        assert_eq!(code, 2, "{err}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn unwritable_local_state_is_reported() {
    let (place, elsewhere) = (Place::new(), Place::new());
    let Some(volume) = crate::volume::Volume::over(&elsewhere) else { return };
    let state = elsewhere.folder.join("state");
    let ana = tempo_session::Session::builder(&place.folder).state_dir(&state).name("Ana").open().unwrap();
    ana.close().unwrap();
    volume.make_read_only();
    for state in [&state, &elsewhere.folder.join("none yet")] {
        let (out, err, code) = run(tempo(state).args(["doctor", "--json"]).arg(&place.folder));
        let json: Value = serde_json::from_str(&out).unwrap();
        assert!(code == 1 && brief(&json)[0].0 == "state-unusable", "{json:#}{err}");
    }
}

#[test]
fn a_message_under_a_name_that_is_not_read_is_found() {
    let (place, me, frames) = ana_and_ben();
    let ben = author(1);
    let original = place.folder.join(frames[3].id().to_string());
    let names = [
        format!("{ben}/Copy of 0000000000000004"),
        format!("{me}/0000000000000004"),
        "0000000000000004".to_owned(),
        "old things/0000000000000004".to_owned(),
        "message \u{202e}.txt".to_owned(),
    ];
    for name in names {
        let elsewhere = place.folder.join(&name);
        fs::create_dir_all(elsewhere.parent().unwrap()).unwrap();
        crate::support::rename(&original, &elsewhere).unwrap();
        let (json, code) = ask(&place, "stranger");
        let thing = if name.starts_with("old") { "directory" } else { "file" };
        let message = format!("1 {thing} contains message 4 of Ben, but is not read where it is.");
        let message = message.as_str();
        assert_eq!((brief(&json)[0], code), (("misplaced", "attention", message), 1), "{name}");
        let finding = &json["findings"][0];
        assert_eq!(finding["lost"], "possible");
        assert!(finding["advice"].as_str().unwrap().contains(&format!("`{}`", frames[3].id())), "{json:#}");
        // A member that has the message also notices that it is gone from its place.
        let kinds: Vec<_> =
            ask(&place, "Ana").0["findings"].as_array().unwrap().iter().map(|it| it["kind"].clone()).collect();
        assert!(kinds.contains(&json!("misplaced")), "{name}: {kinds:?}");
        crate::support::rename(&elsewhere, &original).unwrap();
        // While the message is in its place as well, the other file is not in the way.
        fs::copy(&original, &elsewhere).unwrap();
        let found = ask(&place, "stranger").0;
        assert!(brief(&found).iter().all(|it| it.0 != "misplaced"), "{name}: {found:#}");
        crate::support::remove_file(elsewhere).unwrap();
        let _ = fs::remove_dir(place.folder.join("old things"));
    }
}

#[test]
fn a_whole_message_under_the_name_of_a_temporary_file_is_read_and_called_temporary() {
    let (place, _, frames) = ana_and_ben();
    let original = place.folder.join(frames[3].id().to_string());
    for tail in [".part", "~"] {
        let temporary = place.folder.join(format!("{}{tail}", frames[3].id()));
        crate::support::rename(&original, &temporary).unwrap();
        let (json, code) = ask(&place, "stranger");
        assert_eq!((brief(&json)[0].0, brief(&json).len(), code), ("harmless", 1, 0), "{json:#}");
        crate::support::rename(&temporary, &original).unwrap();
    }
}

#[cfg(unix)]
#[test]
fn a_file_in_the_place_of_a_message_is_the_cause_of_waiting() {
    let (place, _, frames) = ana_and_ben();
    let file = place.folder.join(frames[1].id().to_string());
    let whole = frames[1].bytes();
    let mut edited = whole.to_vec();
    *edited.last_mut().unwrap() ^= 1;
    let obstacles: [(&str, &dyn Fn()); 8] = [
        ("incomplete", &|| fs::write(&file, &whole[..60]).unwrap()),
        ("damaged", &|| fs::write(&file, &edited).unwrap()),
        ("in-the-way", &|| fs::create_dir(&file).unwrap()),
        ("in-the-way", &|| std::os::unix::fs::symlink("elsewhere", &file).unwrap()),
        ("in-the-way", &|| assert!(std::process::Command::new("mkfifo").arg(&file).status().unwrap().success())),
        ("in-the-way", &|| fs::File::create(&file).unwrap().set_len(1 << 40).unwrap()),
        ("damaged", &|| fs::write(&file, "edited by somebody").unwrap()),
        ("online-only", &|| put_as(&place, &format!("{}/.0000000000000002.icloud", author(1)), b"stub")),
    ];
    for (kind, put_there) in obstacles {
        crate::support::remove_file(&file).unwrap();
        put_there();
        let (json, code) = ask(&place, "stranger");
        let found: Vec<_> = brief(&json).iter().map(|it| it.0.to_owned()).collect();
        assert_eq!((found, code), (vec![kind.to_owned(), "held".to_owned()], 1), "{json:#}");
        assert_eq!(json["findings"][0]["numbers"], json!([[2, 2]]), "{kind}");
        let waiting = "4 messages are here and wait: numbers 3 to 4 of Ben; numbers 1 to 2 of ";
        assert!(brief(&json)[1].2.starts_with(waiting), "{json:#}");
        // Ana's store has the message.
        assert!(brief(&ask(&place, "Ana").0).iter().all(|it| it.0 != "held" && it.0 != "vanished"), "{kind}");
        let _ = crate::support::remove_file(place.folder.join(format!("{}/.0000000000000002.icloud", author(1))));
        if crate::support::remove_file(&file).is_err() {
            let _ = fs::remove_dir(&file);
        }
        put(&place, &frames[1]);
    }
}

#[test]
fn fix_is_advised_where_it_does_something() {
    let (place, me, frames) = ana_and_ben();
    let own = |name: &str| place.folder.join(me.to_string()).join(name);
    let message = "0000000000000002";
    let advised = || {
        let (out, code) = doctor(&place, "Ana", &[]);
        assert_eq!(code, 0, "{out}");
        out.contains("--fix")
    };
    assert!(own("head").exists());
    fs::copy(own("head"), own("head (1)")).unwrap();
    let (json, _) = ask(&place, "Ana");
    let copy = "1 file is a copy of your hint file.";
    assert_eq!(brief(&json), [("head-copy", "info", copy)]);
    assert!(!advised());
    fs::hard_link(own(message), own(&format!("{message} (1)"))).unwrap();
    put_as(&place, &format!("{me} (1)/{message}"), &fs::read(own(message)).unwrap());
    put_as(&place, &format!("{me} (1)/{message} (1)"), &fs::read(own(message)).unwrap());
    fs::copy(place.folder.join(frames[1].id().to_string()), place.folder.join(format!("{} (1)", frames[1].id())))
        .unwrap();
    assert!(!advised());
    fs::copy(own(message), own(&format!("{message} (2)"))).unwrap();
    assert!(advised());
    assert!(doctor(&place, "Ana", &["--fix"]).0.contains(&format!("removed {me}/{message} (2)")));
    assert!(!advised());
    // Heads are not needed.
    let head = fs::read(own("head")).unwrap();
    for bytes in [&head[..head.len() / 2], b"no head at all, and long enough to be told from one", b""] {
        fs::write(own("head"), bytes).unwrap();
        let (json, code) = ask(&place, "Ana");
        let found = brief(&json);
        assert_eq!((found.iter().filter(|it| it.0 == "damaged-head").count(), code), (1, 0), "{json:#}");
    }
}

#[test]
fn an_unexamined_folder_is_reported_to_programs_too() {
    let place = Place::new();
    for folder in ["nowhere.session", "jam"] {
        let (out, err, code) = run(tempo(&place.at("Ana")).args(["doctor", "--json"]).arg(place.at(folder)));
        let json: Value = serde_json::from_str(&out).unwrap();
        assert_eq!((code, &json["looked"], &json["healthy"]), (2, &json!(false), &json!(false)), "{err}");
        assert!(json["error"].as_str().unwrap().contains(folder), "{json}");
        assert_eq!(json["findings"], json!([]));
    }
    let (place, ..) = ana_and_ben();
    for dir in fs::read_dir(&place.folder).unwrap() {
        crate::support::remove_dir_all(dir.unwrap().path()).unwrap();
    }
    let (json, code) = ask(&place, "Ana");
    assert_eq!((code, &json["looked"], &json["healthy"]), (2, &json!(false), &json!(false)), "{json}");
    assert!(json["error"].as_str().unwrap().contains("is not the session any more"), "{json}");
}

#[test]
fn status_lists_copies_and_tells_members_with_one_name_apart() {
    let (place, me, frames) = ana_and_ben();
    let (mut other, profile) = Writer::new(2, "Ben", now() - HOUR);
    put(&place, &profile);
    put(&place, &other.say("I am another Ben"));
    let copy = format!("{} (1)", frames[1].id());
    put_as(&place, &copy, frames[1].bytes());
    put_as(&place, &format!("{} (1)/0000000000000002", author(1)), frames[1].bytes());
    let text = status(&place, "Ana", &[]);
    for part in ["copies (1)", &copy, "duplicate directories (1)", "Ben 00000000", "Ana   "] {
        assert!(text.contains(part), "{part}:\n{text}");
    }
    let json: Value = serde_json::from_str(&status(&place, "Ana", &["--json"])).unwrap();
    assert_eq!(json["copies"], json!([{ "place": copy, "temporary": false, "author": author(1), "counter": 2 }]));
    let doubled = format!("{} (1)", author(1));
    let doubled = json!([{ "place": doubled, "temporary": false, "author": author(1), "counter": null }]);
    assert_eq!(json["doubled"], doubled);
    assert_eq!(json["members"].as_array().unwrap().len(), 3);

    // A copy of Ana's store becomes another member, and Ana continues.
    copy_all(&place.at("Ana"), &place.at("clone"));
    for (member, text) in [("clone", "from the copy"), ("Ana", "from the original"), ("Ana", "again")] {
        let ana = place.member(member);
        ana.refresh(STUCK).unwrap();
        ana.send(text).unwrap();
        assert_eq!(ana.flush(STUCK), 0);
        ana.close().unwrap();
    }
    let text = status(&place, "observer", &[]);
    let short = &me.to_string()[..8];
    assert!(text.contains(&format!("Ana {short}")) && text.contains(&format!("formerly {short}")), "{text}");
    let (out, _) = doctor(&place, "observer", &[]);
    assert!(!out.contains("earlier") && out.contains(&format!("Ana {short}")), "{out}");
}

#[test]
fn placeholders_are_fetched_by_their_own_program() {
    let (place, ..) = ana_and_ben();
    let ben = author(1);
    for name in [
        format!("{ben}/.0000000000000005-0000000000000007.icloud"),
        format!("{ben} (1)/.0000000000000006.icloud"),
        // A message that is here waits for nothing.
        format!("{ben}/.0000000000000002 (1).icloud"),
    ] {
        put_as(&place, &name, b"stub");
    }
    let text = status(&place, "observer", &[]);
    let said = "3 messages of Ben wait for download: the service's own program fetches them";
    assert!(text.contains(said) && !text.contains("--download"), "{text}");
    let (out, _) = doctor(&place, "observer", &[]);
    assert!(out.contains("3 messages of Ben wait for download: numbers 5 to 7."), "{out}");
}

#[test]
fn output_for_people_reads_naturally() {
    let place = Place::new();
    let (out, _) = doctor(&place, "Ana", &[]);
    assert!(out.starts_with(&format!("{}: no messages here yet\n", place.folder.display())), "{out}");
    let text = status(&place, "Ana", &[]);
    assert!(text.contains("no messages here yet"), "{text}");
    put(&place, &Writer::new(1, "Ben", now() - HOUR).1);
    let (out, _) = doctor(&place, "Ana", &[]);
    assert!(out.contains("0 messages from 1 member\n"), "{out}");
}

#[test]
fn programs_get_the_raw_name_everywhere() {
    let place = Place::new();
    let (mut ben, profile) = Writer::new(1, "Ben \u{1b}[31m", now() - 40 * DAY);
    put(&place, &profile);
    put(&place, &ben.say("hello"));
    let (json, _) = ask(&place, "observer");
    let silent = json["findings"].as_array().unwrap().iter().find(|it| it["kind"] == "silent").unwrap();
    let members: Value = serde_json::from_str(&status(&place, "observer", &["--json"])).unwrap();
    assert_eq!(silent["who"], members["members"][0]["name"]);
    assert_eq!(silent["who"], "Ben \u{1b}[31m");
}

#[test]
fn a_working_member_without_old_messages_lags() {
    let place = Place::new();
    let (mut ana, profile) = Writer::new(2, "Ana", now() - 10 * DAY - HOUR);
    put(&place, &profile);
    put(&place, &ana.say("is anybody there?"));
    let (ben, profile) = Writer::new(1, "Ben", now() - 2 * HOUR);
    put(&place, &profile);
    put_as(&place, &format!("{}/head", author(1)), &ben.hints());
    let message = "Ben has not received 2 messages that are here; the oldest of them was written 10 days ago.";
    assert_eq!(brief(&ask(&place, "observer").0), [("lagging", "info", message)]);
}
