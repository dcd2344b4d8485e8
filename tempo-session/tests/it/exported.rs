//! The history as lines of JSON, its check, and what `tempo watch` prints.

use std::{
    fs,
    io::{BufRead, BufReader},
    process::Stdio,
    sync::mpsc,
    thread,
};

use serde_json::Value;
use tempo_session::{Session, history};

use crate::{
    cli::{run, tempo},
    support::{Place, STUCK},
};

const TEXTS: [&str; 3] = ["one \u{202e}\u{1b}[31m", "two \"quoted\"", "three"];

fn lines(session: &Session) -> Vec<String> {
    session.history().collect::<Result<_, _>>().unwrap()
}

fn problems(lines: &[String]) -> Vec<(u64, &'static str)> {
    let report = history::check(lines.join("\n").as_bytes()).unwrap();
    report.problems.iter().map(|it| (it.line, it.problem)).collect()
}

#[test]
fn a_history_is_read_back_into_a_report() {
    let place = Place::new();
    let ana = place.member("Ana");
    ana.send_all(TEXTS).unwrap();
    ana.send([0xff, 0]).unwrap();
    let lines = lines(&ana);
    assert!(lines.iter().all(|line| line.bytes().all(|byte| (0x20..0x7f).contains(&byte))), "{lines:#?}");
    let values: Vec<Value> = lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(values[0], serde_json::json!({ "history": "tempo", "format": 1, "messages": 4 }));
    for (position, text) in TEXTS.iter().enumerate() {
        let value = &values[position + 1];
        assert_eq!(
            (&value["position"], &value["text"], &value["name"]),
            (&position.into(), &(*text).into(), &"Ana".into())
        );
    }
    assert_eq!((&values[4]["base64"], &values[5]["end"]), (&"/wA=".into(), &true.into()));

    // Another system's line ends, and none after the last line.
    let report = history::check(lines.join("\r\n").as_bytes()).unwrap();
    assert_eq!((report.messages, report.problems.as_slice()), (4, [].as_slice()));
    let author = &report.authors[0];
    assert_eq!((Some(author.author), author.name.as_deref(), author.messages), (ana.author(), Some("Ana"), 4));
    assert!(report.first_ms > Some(1_600_000_000_000) && report.first_ms <= report.last_ms);
    let empty = self::lines(&Place::new().member("Ben"));
    assert_eq!((empty.len(), problems(&empty)), (2, Vec::new()));
}

#[test]
fn whatever_was_changed_in_a_history_is_noticed() {
    let place = Place::new();
    let ana = place.member("Ana");
    ana.send_all(TEXTS).unwrap();
    let whole = lines(&ana);
    assert_eq!(problems(&whole), []);

    let of = |change: &dyn Fn(&mut Vec<String>)| {
        let mut lines = whole.clone();
        change(&mut lines);
        problems(&lines)
    };
    let digest = "a line before this one was changed, removed or added";
    assert_eq!(of(&|lines| lines[3] = lines[3].replace("three", "four")), [(5, digest)]);
    assert_eq!(of(&|lines| drop(lines.pop())), [(5, "the end is missing")]);
    assert_eq!(of(&|lines| lines.push("{}".to_owned())), [(6, "a line after the end")]);
    let few = "there are not as many messages as this line says";
    assert_eq!(
        of(&|lines| drop(lines.remove(2))),
        [(3, "the position does not follow that of the line before"), (4, digest), (1, few)]
    );
    let swapped = of(&|lines| lines.swap(2, 3));
    assert!(swapped.contains(&(4, "the message belongs before that of the line before")), "{swapped:?}");
    assert!(of(&|lines| lines[2] = "no".to_owned()).contains(&(3, "this is not a message")));
    assert!(of(&|lines| lines[0] = lines[0].replace("\"format\":1", "\"format\":2"))[0].1.contains("newer"));
    assert_eq!(problems(&["hello".to_owned()])[0], (1, "this is not the first line of a history"));
    assert_eq!(problems(&[]), [(1, "the end is missing")]);
}

#[test]
fn the_command_exports_and_checks() {
    let place = Place::new();
    place.member("Ana").send_all(TEXTS).unwrap();
    let (out, err, code) = run(tempo(&place.at("Ana")).arg("export").arg(&place.folder));
    assert_eq!((code, err.as_str(), out.lines().count()), (0, "", 5), "{out}");
    let file = place.at("jam.jsonl");
    fs::write(&file, &out).unwrap();
    let check = |flags: &[&str]| run(tempo(&place.at("Ana")).args(["export", "--check"]).arg(&file).args(flags));
    let (text, err, code) = check(&[]);
    assert_eq!((code, err.as_str()), (0, ""));
    assert!(text.contains(": 3 messages by 1 author\n") && text.ends_with("It is whole.\n"), "{text}");
    let report: Value = serde_json::from_str(&check(&["--json"]).0).unwrap();
    assert_eq!((&report["messages"], &report["authors"][0]["name"]), (&3.into(), &"Ana".into()));

    fs::write(&file, out.replace("three", "four")).unwrap();
    let (text, _, code) = check(&[]);
    assert_eq!(code, 1);
    assert!(text.contains("\nline 5: a line before") && text.ends_with("or was changed.\n"), "{text}");
    let (_, err, code) = run(tempo(&place.at("Ana")).args(["export", "--check"]).arg(place.at("nowhere")));
    assert!(code == 2 && err.starts_with("tempo: "), "{code} {err}");
}

#[test]
fn watching_prints_what_happens() {
    let place = Place::new();
    let ana = place.member("Ana");
    ana.send("before").unwrap();
    let watch = |flags: &[&str]| {
        let mut command = tempo(&place.at("Ana"));
        command.arg("watch").args(flags).arg(&place.folder).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let (told, heard) = mpsc::channel();
        thread::spawn(move || lines.for_each(|line| drop(told.send(line))));
        (child, std::iter::from_fn(move || heard.recv_timeout(STUCK).ok()))
    };
    let ((mut people, mut text), (mut programs, mut json)) = (watch(&[]), watch(&["--json"]));
    let texts = |event: &Value| (event["event"].clone(), event["entry"]["text"].clone());
    let mut next = |wanted: &str| {
        let line = text.find(|line| line.contains(wanted)).unwrap();
        let event = json.by_ref().map(|line| serde_json::from_str::<Value>(&line).unwrap());
        (line, event.map(|event| texts(&event)).find(|(event, _)| event == "message").unwrap().1)
    };
    let (line, event) = next("before");
    assert!(line.contains("Ana") && event == "before", "{line} {event}");
    ana.send("after").unwrap();
    let (line, event) = next("after");
    assert!(line.ends_with("after") && event == "after", "{line} {event}");
    ana.leave().unwrap();
    assert!(text.any(|line| line == "* Ana has left"));
    let retired = json.map(|line| serde_json::from_str::<Value>(&line).unwrap()).find(|it| it["event"] == "retired");
    assert_eq!(retired.unwrap()["author"], ana.author().unwrap().to_string());
    people.kill().unwrap();
    programs.kill().unwrap();
    people.wait().unwrap();
    programs.wait().unwrap();
}
