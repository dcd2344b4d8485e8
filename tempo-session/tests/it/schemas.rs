//! What the commands print with `--json`, against the schemas in `docs/json`.

use std::{
    error::Error,
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::mpsc,
    thread,
};

use jsonschema::{Retrieve, Uri, Validator};
use serde_json::{Value, json};
use tempo_session::Keep;

use crate::{
    cli::{run, tempo},
    doctor::{Writer, now, put, put_as},
    support::{Place, STUCK, wait_until},
};

/// The commands that have `--json`. Each is in a test below.
const COMMANDS: [&str; 8] = ["doctor", "export", "files", "log", "parts", "sessions", "status", "watch"];

fn read(name: &str) -> Value {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/json").join(name);
    serde_json::from_str(&fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())))
        .unwrap()
}

/// Forbids fields that a schema does not describe. Programs must allow them, because later versions add some.
fn strict(schema: &mut Value) {
    match schema {
        Value::Object(object) => {
            object.values_mut().for_each(strict);
            if object.contains_key("properties") && object.get("type").is_some() {
                object.entry("additionalProperties").or_insert(json!(false));
            }
        }
        Value::Array(items) => items.iter_mut().for_each(strict),
        _ => {}
    }
}

/// Finds the schemas that others name, by the last part of their address.
struct Beside;

impl Retrieve for Beside {
    fn retrieve(&self, uri: &Uri<String>) -> Result<Value, Box<dyn Error + Send + Sync>> {
        let mut schema = read(uri.path().as_str().rsplit('/').next().unwrap_or_default());
        strict(&mut schema);
        Ok(schema)
    }
}

struct Schema {
    name: &'static str,
    validator: Validator,
}

impl Schema {
    fn new(name: &'static str) -> Self {
        let address = format!("https://schemas.invalid/{name}.schema.json");
        let schema = json!({ "$ref": address });
        let validator = jsonschema::options().with_retriever(Beside).build(&schema).unwrap();
        Self { name, validator }
    }

    fn faults(&self, value: &Value) -> Vec<String> {
        self.validator.iter_errors(value).map(|error| format!("{}: {error}", error.instance_path())).collect()
    }

    /// Checks lines of JSON, and returns them.
    fn fits(&self, lines: &str) -> Vec<Value> {
        let values: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        for value in &values {
            assert!(self.faults(value).is_empty(), "{}: {:#?}\n{value:#}", self.name, self.faults(value));
        }
        assert!(!values.is_empty(), "{}: nothing was printed", self.name);
        values
    }
}

#[test]
fn what_is_wrong_is_found() {
    let entry = Schema::new("entry");
    let author = "7b0e8e4e-3f53-8c36-9a7e-0d5a4c1b2a3f";
    let whole = json!({
        "position": 0, "id": format!("{author}/0000000000000001"), "author": author, "counter": 1, "lamport": 1,
        "unix_ms": -1, "digest": "0".repeat(64), "name": null, "text": "hello",
    });
    assert_eq!(entry.faults(&whole), [] as [String; 0]);
    for (field, wrong) in [
        ("position", json!(-1)),
        ("id", json!("7b0e")),
        ("digest", Value::Null),
        ("name", json!(1)),
        ("base64", json!("/wA=")),
        ("unknown", json!(1)),
        ("files", json!([{ "id": "0" }])),
    ] {
        let mut changed = whole.clone();
        changed[field] = wrong;
        assert!(!entry.faults(&changed).is_empty(), "{field}");
    }
    let event = |value: Value| Schema::new("event").faults(&value).is_empty();
    assert!(event(json!({ "event": "missed" })) && event(json!({ "event": "stable", "messages": 3 })));
    assert!(!event(json!({ "event": "stable" })) && !event(json!({ "event": "folder", "state": "detached" })));
}

#[test]
fn the_frozen_examples_fit() {
    for (file, name) in
        [("entries", "entry"), ("events", "event"), ("files", "file"), ("findings", "finding"), ("status", "status")]
    {
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("testdata/json").join(format!("{file}.json"));
        let examples: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
        let lines = examples
            .as_array()
            .map_or_else(|| vec![examples.to_string()], |all| all.iter().map(Value::to_string).collect());
        Schema::new(name).fits(&lines.join("\n"));
    }
}

#[test]
fn every_command_with_json_has_a_schema() {
    let help = |arguments: &[&str]| run(Command::new(env!("CARGO_BIN_EXE_tempo")).args(arguments)).0;
    let listed = help(&["--help"]);
    let names = listed.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    // The description of a command may continue on the next line, further to the right.
    let names = names.filter(|line| !line.starts_with("   ")).filter_map(|line| line.split_whitespace().next());
    let mut with_json: Vec<&str> = names.filter(|name| help(&[name, "--help"]).contains("--json")).collect();
    with_json.sort_unstable();
    assert_eq!(with_json, COMMANDS, "{listed}");
}

/// Makes a folder in which many things are unusual, and returns the state of a member of it.
fn folder_with_everything(place: &Place) -> PathBuf {
    let ana = place.member("ana");
    ana.send("hello").unwrap();
    ana.send([0xff, 0]).unwrap();
    fs::write(place.at("take 1.wav"), b"sound").unwrap();
    let file = ana.attach(place.at("take 1.wav"), Keep::Copy).unwrap();
    ana.send_with("listen", &[file]).unwrap();
    assert_eq!((ana.flush(STUCK), ana.flush_files(STUCK)), (0, 0));
    let (mut ben, profile) = Writer::new(7, "Ben", now());
    let (_, second, third) = (ben.say("one"), ben.say("two"), ben.say("three"));
    put(place, &profile);
    put(place, &second); // waits for the first
    put_as(place, &third.id().to_string(), &third.bytes()[..20]);
    put_as(place, &format!("{} (conflicted copy)", profile.id()), profile.bytes());
    put_as(place, "notes.txt", b"mine");
    wait_until(&ana, "the waiting message", |ana| ana.held() == 1);
    ana.close().unwrap();
    place.at("ana")
}

#[test]
fn the_commands_print_what_the_schemas_say() {
    let place = Place::new();
    let state = folder_with_everything(&place);
    let json = |command: &str, state: &Path| run(tempo(state).args([command, "--json"]).arg(&place.folder));

    let (out, err, code) = json("log", &state);
    let entries = Schema::new("entry").fits(&out);
    assert!(code == 0 && entries.len() == 3 && entries[2]["files"][0]["bytes"] == 5, "{out}");
    // The line about the waiting message is for people.
    let notes: Vec<&str> = err.lines().filter(|line| line.starts_with('{')).collect();
    Schema::new("unread").fits(&notes.join("\n"));

    let (out, _, _) = json("status", &state);
    let status = &Schema::new("status").fits(&out)[0];
    for list in ["members", "waiting", "foreign", "copies", "pending"] {
        assert!(!status[list].as_array().unwrap().is_empty(), "{list}: {status:#}");
    }
    assert_eq!(status["files"]["count"], 1);

    let (out, _, _) = json("files", &state);
    assert_eq!(Schema::new("files").fits(&out)[0]["files"][0]["name"], "take 1.wav");

    let (out, _, code) = json("doctor", &state);
    let doctor = &Schema::new("doctor").fits(&out)[0];
    assert!(code == 1 && doctor["findings"].as_array().unwrap().len() > 2, "{doctor:#}");
    let (out, _, code) = run(tempo(&state).args(["doctor", "--json"]).arg(place.at("away.session")));
    assert!(code == 2 && Schema::new("doctor").fits(&out)[0]["looked"] == false);

    fs::create_dir(place.at("jam.session 2")).unwrap();
    let (out, _, _) = json("parts", &state);
    Schema::new("parts").fits(&out);

    let (out, _, _) = run(tempo(&state).args(["sessions", "--json"]));
    assert_eq!(Schema::new("sessions").fits(&out)[0]["sessions"].as_array().unwrap().len(), 1);

    let (out, _, _) = run(tempo(&state).arg("export").arg(&place.folder));
    assert_eq!(Schema::new("history").fits(&out).len(), 5);
    for (text, problems) in [(out.clone(), 0), (out.replace("hello", "hullo"), 1)] {
        fs::write(place.at("jam.jsonl"), text).unwrap();
        let (out, _, _) = run(tempo(&state).args(["export", "--json", "--check"]).arg(place.at("jam.jsonl")));
        let report = &Schema::new("history-report").fits(&out)[0];
        assert_eq!(report["problems"].as_array().unwrap().len(), problems, "{report:#}");
    }
}

#[test]
fn the_events_are_what_the_schema_says() {
    let place = Place::new();
    let state = folder_with_everything(&place);
    let mut command = tempo(&state);
    command.args(["watch", "--json"]).arg(&place.folder).stdin(Stdio::null()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let (told, heard) = mpsc::channel();
    thread::spawn(move || lines.for_each(|line| drop(told.send(line))));
    let schema = Schema::new("event");
    let mut missing = vec!["message", "held", "foreign", "gap-opened", "folder", "joined"];
    while !missing.is_empty() {
        let line = heard.recv_timeout(STUCK).unwrap_or_else(|_| panic!("no event of {missing:?}"));
        let event = schema.fits(&line).remove(0);
        missing.retain(|name| event["event"] != *name);
    }
    child.kill().unwrap();
    child.wait().unwrap();
}
