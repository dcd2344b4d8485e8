//! The receipts and the stable part that the `tempo` command shows.

use std::{
    fs,
    io::{self, BufRead, BufReader, Read, Write},
    process::{Child, Stdio},
    sync::mpsc::{self, Receiver},
    thread,
    time::Instant,
};

use serde_json::Value;
use tempo_message::{Decoded, Frame, Frames};
use tempo_session::Session;

use crate::{
    cli::{run, tempo},
    doctor::{Writer, now, put, put_as},
    support::{Place, STUCK, wait_until},
};

/// A running chat, and all its output.
struct Chat {
    child: Child,
    said: Receiver<String>,
}

impl Chat {
    fn new(place: &Place, name: &str) -> Self {
        let mut command = tempo(&place.at(name));
        command.args(["chat", "--name", name]).arg(&place.folder);
        let (reader, writer) = io::pipe().unwrap();
        command.stdin(Stdio::piped()).stdout(writer.try_clone().unwrap()).stderr(writer);
        let child = command.spawn().unwrap();
        let (say, said) = mpsc::channel();
        thread::spawn(move || BufReader::new(reader).lines().map_while(Result::ok).try_for_each(|line| say.send(line)));
        let chat = Self { child, said };
        chat.until("you are");
        chat
    }

    fn types(&mut self, line: &str) {
        writeln!(self.child.stdin.as_mut().unwrap(), "{line}").unwrap();
    }

    /// Returns the output up to a line that contains this text.
    fn until(&self, text: &str) -> Vec<String> {
        let mut lines: Vec<String> = Vec::new();
        while lines.last().is_none_or(|line| !line.contains(text)) {
            let line = self.said.recv_timeout(STUCK);
            lines.push(line.unwrap_or_else(|_| panic!("{text:?} is not said, but {lines:#?}")));
        }
        lines
    }

    /// Returns the output until the end.
    fn end(mut self) -> Vec<String> {
        drop(self.child.stdin.take());
        assert!(self.child.wait().unwrap().success());
        self.said.iter().collect()
    }
}

fn has_seen(lines: &[String]) -> Vec<&str> {
    lines.iter().map(String::as_str).filter(|line| line.contains("has seen")).collect()
}

fn of(lines: &[String], text: &str) -> String {
    lines.iter().find(|line| line.contains(text)).unwrap_or_else(|| panic!("{text}: {lines:#?}")).clone()
}

#[test]
fn a_chat_reports_who_has_seen_each_line_once() {
    let place = Place::new();
    let mut ana = Chat::new(&place, "Ana");
    ana.types("/seen");
    ana.until("you have not written anything here yet");
    ana.types("hello \u{1b}[31m");
    ana.types("who plays the drums, and who has the microphones for them?");
    ana.types("/seen");
    let lines = ana.until("microphones for them?");
    assert!(lines.iter().any(|line| line.ends_with("hello \\u{1b}[31m")), "{lines:#?}");
    let (hello, drums) = ("\"hello \\u{1b}[31m\"", "\"who plays the drums, and who has the mic…\"");
    let lines = ana.until(&format!("{drums}: "));
    assert!(of(&lines, hello).contains(" folder"), "there is no other member: {lines:#?}");

    let ben = Chat::new(&place, "Ben");
    let lines = ana.until(&format!("* Ben has seen {drums}"));
    assert!(has_seen(&lines).len() <= 2, "{lines:#?}");
    ana.types("/seen");
    let lines = ana.until(&format!("{drums}: seen by Ben"));
    assert!(of(&lines, hello).ends_with("\": seen by Ben"), "{lines:#?}");
    ben.end();

    ana.types("again");
    let ben = Chat::new(&place, "Ben");
    let lines = ana.until("* Ben has seen \"again\"");
    assert_eq!(has_seen(&lines), ["* Ben has seen \"again\""]);
    ben.end();
    assert_eq!(has_seen(&ana.end()), Vec::<&str>::new());

    let ana = Chat::new(&place, "Ana").end();
    assert!(!ana.iter().any(|line| line.starts_with('*')), "all was seen before: {ana:#?}");
}

#[test]
fn a_chat_reports_when_every_member_has_a_line() {
    let place = Place::new();
    let mut ana = Chat::new(&place, "Ana");
    ana.types("hello");
    // A newcomer leaves a head at once; its fourth head takes a while.
    let ben = place.member("Ben");
    ana.until("* Ben has seen \"hello\"");
    let cleo = place.member("Cleo");
    let lines = ana.until("* every member has seen \"hello\"");
    assert_eq!(has_seen(&lines), ["* every member has seen \"hello\""], "which includes Cleo");
    ana.types("/seen");
    ana.until("\"hello\": seen by every member");
    ben.close().unwrap();
    cleo.close().unwrap();
    ana.types("Cleo?");
    let cleo = place.member("Cleo");
    let seen = ana.until("* Cleo has seen \"Cleo?\"");
    assert_eq!(has_seen(&seen), ["* Cleo has seen \"Cleo?\""]);
    ana.types("/seen");
    ana.until("\"Cleo?\": seen by Cleo; on its way to Ben");
    cleo.close().unwrap();
    ana.end();
}

/// A head may arrive before its author's first message, which tells whether it is somebody's successor.
#[test]
fn a_member_counts_once_its_first_message_is_here() {
    let place = Place::new();
    let mut ana = Chat::new(&place, "Ana");
    ana.types("hello");
    let ben = place.member("Ben");
    ana.until("* Ben has seen \"hello\"");
    let (mut cleo, first) = Writer::new(9, "Cleo", now());
    let files = place.files().into_iter().map(|file| fs::read(place.folder.join(file)).unwrap());
    let mut frames: Vec<Frame> = files
        .flat_map(|bytes| {
            Frames::new(bytes.into()).filter_map(|decoded| match decoded {
                Decoded::Whole(frame) => Some(frame),
                _ => None,
            })
        })
        .collect();
    frames.sort_by_key(|frame| frame.message().lamport);
    frames.iter().for_each(|frame| cleo.receive(frame));
    put_as(&place, &format!("{}/head", first.id().author), &cleo.hints());
    let mut said = Vec::new();
    let began = Instant::now();
    while !said.last().is_some_and(|line: &String| line.contains("\"hello\": seen by every member")) {
        assert!(began.elapsed() < STUCK, "{said:#?}");
        ana.types("/seen");
        said.extend(ana.until("\"hello\": "));
    }
    assert_eq!(has_seen(&said), Vec::<&str>::new());
    put(&place, &first);
    ana.until("* every member has seen \"hello\"");
    ben.close().unwrap();
    ana.end();
}

#[test]
fn a_successor_counts_as_the_same_person() {
    let place = Place::new();
    let mut ana = Chat::new(&place, "Ana");
    ana.types("hello");
    let ben = place.member("Ben");
    ana.until("* Ben has seen \"hello\"");
    let former = ben.author().unwrap().to_string();
    ben.close().unwrap();
    crate::support::remove_file(place.at("Ben").join(former).join("store.redb")).unwrap();
    let ben = place.member("Ben");
    let now = ben.author().unwrap().to_string();
    let lines = ana.until("continues as a new member");
    assert_eq!(has_seen(&lines), Vec::<&str>::new());
    ana.types("again");
    let again = format!("* Ben {} has seen \"again\"", &now[..8]);
    assert_eq!(has_seen(&ana.until(&again)), [&again]);
    ana.types("/seen");
    ana.until(&format!("\"again\": seen by Ben {}", &now[..8]));
    ben.close().unwrap();
    assert!(!ana.end().iter().any(|line| line.contains("on its way")));
}

#[test]
fn only_the_one_word_is_a_question() {
    let place = Place::new();
    let mut ana = Chat::new(&place, "Ana");
    let typed = ["//seen", "/seen it", "///seen", "// seen", "/help", "x//seen", "/seen"];
    for line in typed {
        ana.types(line);
    }
    ana.end();
    let observer = Session::builder(&place.folder).state_dir(place.at("nobody")).observe().unwrap();
    observer.refresh(STUCK).unwrap();
    let texts = crate::support::texts(&crate::support::timeline(&observer));
    assert_eq!(texts, ["/seen", "/seen it", "//seen", "// seen", "/help", "x//seen"]);
}

#[test]
fn a_chat_begins_with_lines_that_are_on_their_way() {
    let place = Place::new();
    let ben = place.member("Ben");
    ben.send("hello").unwrap();
    ben.close().unwrap();
    run(tempo(&place.at("Ana")).arg("send").arg(&place.folder).args(["one", "two"]));
    let ana = Chat::new(&place, "Ana");
    ana.until("* still on the way to Ben: 2 of your lines");
    let ben = Chat::new(&place, "Ben");
    ana.until("* Ben has seen \"two\"");
    ben.end();
    ana.end();

    let member = place.member("Ana");
    let own = place.folder.join(member.author().unwrap().to_string());
    member.close().unwrap();
    crate::support::rename(&own, place.at("aside")).unwrap();
    fs::write(&own, "no directory").unwrap();
    let mut ana = Chat::new(&place, "Ana");
    ana.types("three");
    ana.types("/seen");
    ana.until("\"three\": not in the folder yet");
    ana.end();
    Chat::new(&place, "Ana").until(", 1 of them not in the folder yet");
}

/// Creates a folder with a line of each, and a later line of Ana that Ben has not received. Both
/// are away.
fn unstable() -> Place {
    let place = Place::new();
    let (ana, ben) = (place.member("Ana"), place.member("Ben"));
    ana.send("one").unwrap();
    wait_until(&ben, "it arrives", |ben| ben.timeline().len() == 1);
    ben.send("two").unwrap();
    wait_until(&ana, "both are stable", |ana| ana.status().stable.messages == 2);
    ben.close().unwrap();
    ana.send("three").unwrap();
    ana.close().unwrap();
    place
}

#[test]
fn the_log_marks_the_stable_part_and_is_equal_for_all_members() {
    let place = unstable();
    let mark = "-- stable up to here, 2 messages; the rest may still move (waiting for Ben) --\n";
    let log = |member: &str, flags: &[&str]| run(tempo(&place.at(member)).arg("log").args(flags).arg(&place.folder));
    let (ana, err, _) = log("Ana", &[]);
    assert_eq!((ana.lines().count(), err.as_str()), (3, mark));
    let (observer, err, _) = log("nobody", &[]);
    assert_eq!((observer, err.as_str()), (ana, mark));
    assert_eq!(log("Ana", &["--json"]).1, "");

    let (mut reader, writer) = io::pipe().unwrap();
    let mut command = tempo(&place.at("Ana"));
    command.arg("log").arg(&place.folder).stdout(writer.try_clone().unwrap()).stderr(writer);
    let mut child = command.spawn().unwrap();
    drop(command);
    let mut shown = String::new();
    reader.read_to_string(&mut shown).unwrap();
    assert!(child.wait().unwrap().success());
    let ends: Vec<&str> = shown.lines().map(|line| line.rsplit(' ').next().unwrap()).collect();
    assert_eq!(ends, ["one", "two", "--", "three"]);
}

#[test]
fn the_status_reports_the_stable_part_and_whom_the_rest_waits_for() {
    let place = unstable();
    let status = |flags: &[&str]| run(tempo(&place.at("Ana")).arg("status").args(flags).arg(&place.folder)).0;
    let told = || serde_json::from_str::<Value>(&status(&["--json"])).unwrap();
    let stable = || told()["stable"].clone();
    let text = status(&[]);
    let said = "\nstable: 2 of 3 messages; the others may still move until more arrives from Ben (last heard from at \
                20";
    assert!(text.contains(said), "{text}");
    let json = stable();
    let members = told()["members"].clone();
    let ben = members.as_array().unwrap().iter().find(|member| member["name"] == "Ben").unwrap();
    assert_eq!((&json["messages"], &json["waits_for"][0]["author"]), (&2.into(), &ben["author"]));
    assert!(json["until"].as_u64() > Some(0) && json["waits_for"][0]["heard_ms"].as_i64() > Some(0), "{json}");

    let began = Instant::now();
    while stable()["messages"] != 3 {
        assert!(began.elapsed() < STUCK, "{}", stable());
        run(tempo(&place.at("Ben")).arg("log").arg(&place.folder));
    }
    assert!(status(&[]).contains("\nstable: everything\n"));
    assert_eq!(stable()["waits_for"], Value::Array(Vec::new()));
}
