//! `tempo doctor` on folders with many problems, and on healthy ones.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::{Path, PathBuf},
    process::Stdio,
    time::SystemTime,
};

use bytes::Bytes;
use serde_json::Value;
use tempo_message::{Decoded, Frame, Kind};
use tempo_session::{AuthorId, MessageId, core::SessionCore};

use crate::{
    cli::{run, tempo},
    support::{Place, STUCK, author, receive, sent, wait_until},
};

pub(crate) const HOUR: i64 = 3_600_000;
pub(crate) const DAY: i64 = 24 * HOUR;

pub(crate) fn now() -> i64 {
    i64::try_from(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis()).unwrap()
}

/// A member whose files the test writes.
pub(crate) struct Writer {
    core: SessionCore,
    id: AuthorId,
    unix_ms: i64,
}

impl Writer {
    pub(crate) fn new(number: u8, name: &str, unix_ms: i64) -> (Self, Frame) {
        let mut writer = Self { core: SessionCore::new(Some(author(number))), id: author(number), unix_ms };
        let profile = writer.write(Kind::Profile, name);
        (writer, profile)
    }

    pub(crate) fn say(&mut self, text: &str) -> Frame {
        self.write(Kind::Payload, text)
    }

    pub(crate) fn receive(&mut self, frame: &Frame) {
        receive(&mut self.core, frame);
    }

    /// Returns the head that the member would leave now.
    pub(crate) fn hints(&self) -> Bytes {
        self.core.own_head(self.unix_ms).unwrap().encode()
    }

    fn write(&mut self, kind: Kind, text: &str) -> Frame {
        let payload = Bytes::copy_from_slice(text.as_bytes());
        let frame = self.core.compose([(kind, payload)], self.unix_ms).unwrap().remove(0);
        sent(&mut self.core, &frame);
        frame
    }
}

pub(crate) fn put(place: &Place, frame: &Frame) {
    put_as(place, &frame.id().to_string(), frame.bytes());
}

pub(crate) fn put_as(place: &Place, name: &str, bytes: &[u8]) {
    let path = place.folder.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

/// Returns everything below a directory: names, contents and modification times.
pub(crate) fn tree(dir: &Path) -> Tree {
    let mut all = BTreeMap::new();
    let mut dirs = vec![dir.to_owned()];
    while let Some(dir) = dirs.pop() {
        for path in fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()) {
            let gone = |error: &io::Error| error.kind() == io::ErrorKind::NotFound;
            let about = fs::symlink_metadata(&path);
            let content = if path.is_dir() { Ok(None) } else { fs::read(&path).map(Some) };
            // An open session replaces its head at any time.
            if about.as_ref().is_err_and(gone) || content.as_ref().is_err_and(gone) {
                continue;
            }
            let (changed, content) = (about.unwrap().modified().unwrap(), content.unwrap());
            if content.is_none() {
                dirs.push(path.clone());
            }
            all.insert(path, (content, changed));
        }
    }
    all
}

/// Removes the files that an open session may rewrite at any time.
fn without_heads(mut tree: Tree) -> Tree {
    tree.retain(|path, (content, _)| content.is_some() && !path.ends_with("head"));
    tree
}

pub(crate) fn doctor(place: &Place, member: &str, flags: &[&str]) -> (String, i32) {
    let mut command = tempo(&place.at(member));
    let (out, err, code) = run(command.arg("doctor").args(flags).arg(&place.folder).stdin(Stdio::null()));
    assert_eq!(err, "", "{out}");
    (out, code)
}

/// Creates a folder with every problem at once, as one of its members finds it. Returns that
/// member, Ana.
fn ailing(place: &Place) -> AuthorId {
    let ana = place.member("Ana");
    ana.send_all(["one", "two", "three"]).unwrap();
    assert_eq!(ana.flush(STUCK), 0);
    let me = ana.author().unwrap();
    ana.close().unwrap();
    let own = |counter| place.folder.join(MessageId { author: me, counter }.to_string());
    // An equal copy, a vanished message, and a message whose file was replaced.
    fs::copy(own(2), place.folder.join(format!("{me}/0000000000000002 (1)"))).unwrap();
    crate::support::remove_file(own(3)).unwrap();
    fs::write(own(4), "something else, and longer than what was there before; nobody knows what it is ............")
        .unwrap();

    // A gap, messages that wait behind it, an incomplete file, and a file that is only online.
    let (mut ben, profile) = Writer::new(1, "Ben \u{1b}[31m", now() - 3 * DAY - HOUR);
    let frames: Vec<Frame> = (2..=6).map(|n| ben.say(&format!("Ben says {n}"))).collect();
    for frame in [&profile, &frames[0], &frames[2], &frames[3]] {
        put(place, frame);
    }
    put_as(place, &frames[4].id().to_string(), &frames[4].bytes()[..60]);
    put_as(place, &format!("{}/.0000000000000007.icloud", ben.id), b"stub");

    // Two messages under one number, a second directory, and forty days of silence.
    let long_ago = now() - 40 * DAY - HOUR;
    let (mut cleo, profile) = Writer::new(2, "Cleo", long_ago);
    let (mut clone, _) = Writer::new(2, "Cleo", long_ago);
    put(place, &profile);
    put(place, &cleo.say("Cleo at home"));
    let other = clone.say("Cleo on tour");
    put_as(place, &format!("{}-HOST", other.id()), other.bytes());
    put_as(place, &format!("{} (1)/0000000000000001", cleo.id), profile.bytes());

    // A clock that is ahead, a damaged file, and a message in the wrong directory.
    let (mut dora, profile) = Writer::new(3, "Dora", now() + 2 * DAY + HOUR);
    put(place, &profile);
    put(place, &dora.say("Dora from the future"));
    put_as(place, &format!("{}/0000000000000003", dora.id), b"this was a message once, and then somebody edited it");
    put_as(place, &format!("{}/0000000000000009", dora.id), cleo.say("astray").bytes());

    // Files that do not belong here, and files that services and systems leave behind.
    put_as(place, "about \u{202e}.txt", b"remember the milk");
    for n in 0..5 {
        put_as(place, &format!("notes {n}.txt"), b"");
    }
    put_as(place, ".DS_Store", b"");
    put_as(place, "~$notes.docx", b"");
    me
}

#[test]
fn many_problems_at_once() {
    let place = Place::new();
    let me = ailing(&place);
    let before = (tree(&place.at("Ana")), tree(&place.folder));
    let (out, code) = doctor(&place, "Ana", &[]);
    let [ben, cleo, dora] = [1, 2, 3].map(author);
    let expected = [
        ("{folder}", place.folder.display().to_string()),
        ("{me}", me.to_string()),
        ("{ben}", ben.to_string()),
        ("{cleo}", cleo.to_string()),
        ("{dora}", dora.to_string()),
    ]
    .into_iter()
    .fold(include_str!("ten_ills.txt").to_owned(), |text, (name, value)| text.replace(name, &value));
    for (number, (said, should)) in out.lines().zip(expected.lines()).enumerate() {
        assert_eq!(said, should, "line {} of\n{out}", number + 1);
    }
    assert_eq!((out.lines().count(), code), (expected.lines().count(), 1), "{out}");

    let (json, code) = doctor(&place, "Ana", &["--json"]);
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!((code, &json["healthy"], &json["author"]), (1, &Value::Bool(false), &Value::String(me.to_string())));
    assert_eq!((json["messages"].as_u64(), json["members"].as_u64()), (Some(7), Some(4)));
    let findings = json["findings"].as_array().unwrap();
    let texts = |key: &str| findings.iter().map(|it| it[key].as_str().unwrap_or("-").to_owned()).collect::<Vec<_>>();
    assert_eq!(
        texts("kind"),
        [
            "unpublished",
            "gap",
            "online-only",
            "incomplete",
            "misplaced",
            "damaged",
            "held",
            "fork",
            "foreign",
            "clock-ahead",
            "occupied",
            "harmless",
            "equal-copy",
            "doubled-directory",
            "silent",
        ]
    );
    assert_eq!(texts("severity").iter().filter(|severity| *severity == "attention").count(), 10);
    let lost: Vec<_> = texts("lost").into_iter().zip(texts("kind")).filter(|(lost, _)| lost != "nothing").collect();
    let uncertain =
        [("elsewhere", "gap"), ("elsewhere", "incomplete"), ("possible", "misplaced"), ("elsewhere", "damaged")];
    assert_eq!(lost, uncertain.map(|(lost, kind)| (lost.to_owned(), kind.to_owned())));
    let who = texts("who").join(" ");
    let ben_name = "Ben \u{1b}[31m";
    assert_eq!(who, format!("- {ben_name} {ben_name} {ben_name} Cleo Dora {ben_name} Cleo - Dora - - Ana Cleo Cleo"));
    let gap = &findings[1];
    assert_eq!((&gap["numbers"], &gap["author"]), (&serde_json::json!([[3, 3]]), &Value::String(ben.to_string())));
    assert_eq!(findings[2]["place"], format!("{ben}/.0000000000000007.icloud"));
    let stray = &findings[8];
    assert_eq!((stray["files"].as_array().unwrap().len(), &stray["place"]), (6, &Value::Null));
    assert_eq!(stray["files"][0], "about \\u{202e}.txt");
    assert_eq!(findings[4]["place"], format!("{dora}/0000000000000009"));
    for finding in findings {
        let keys: Vec<&String> = finding.as_object().unwrap().keys().collect();
        let all =
            ["advice", "author", "files", "kind", "lost", "meaning", "message", "numbers", "place", "severity", "who"];
        assert_eq!(keys, all);
        assert!(out.contains(finding["message"].as_str().unwrap().split(". ").next().unwrap()), "{finding}");
    }
    assert_eq!((tree(&place.at("Ana")), tree(&place.folder)), before, "nothing was written");
}

#[test]
fn examining_a_folder_neither_joins_nor_writes() {
    let place = Place::new();
    let me = ailing(&place);
    let before = tree(&place.folder);
    let (out, code) = doctor(&place, "stranger", &["--json"]);
    let json: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &json["author"]), (1, &Value::Null));
    let kinds = kinds(&json);
    // Without Ana's store, her missing messages are an ordinary gap, and a damaged file.
    assert!(!kinds.contains(&"unpublished".to_owned()) && !kinds.contains(&"occupied".to_owned()), "{kinds:?}");
    let damaged = json["findings"].as_array().unwrap().iter().filter(|it| it["kind"] == "damaged");
    let damaged: Vec<_> = damaged.map(|it| it["author"].as_str().unwrap()).collect();
    assert_eq!(
        damaged,
        [author(3).to_string(), me.to_string()].iter().collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>()
    );
    assert!(!place.at("stranger").exists());
    let (_, err, code) = run(tempo(&place.at("stranger")).args(["doctor", "--fix"]).arg(&place.folder));
    assert!(code == 2 && err.contains("not a member of the session") && err.contains("--state"), "{err}");
    assert!(!place.at("stranger").exists());
    assert_eq!(tree(&place.folder), before);
}

#[test]
fn a_healthy_session_is_called_healthy() {
    let place = Place::new();
    for name in ["Ana", "Ben"] {
        let member = place.member(name);
        member.send("hello").unwrap();
        assert_eq!(member.flush(STUCK), 0);
        member.close().unwrap();
    }
    let state = tree(&place.at("Ana"));
    let (out, code) = doctor(&place, "Ana", &[]);
    let first = format!("{}: you are Ana; 2 messages from 2 members", place.folder.display());
    assert_eq!((out.lines().collect::<Vec<_>>(), code), (vec![first.as_str(), "", "Nothing is wrong."], 0));
    let (json, code) = doctor(&place, "Ana", &["--json", "--fix"]);
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!((code, &json["healthy"], &json["looked"]), (0, &Value::Bool(true), &Value::Bool(true)));
    assert_eq!((&json["findings"], &json["removed"]), (&serde_json::json!([]), &serde_json::json!([])));
    assert_eq!(tree(&place.at("Ana")), state);
}

#[test]
fn a_lone_member_learns_that_the_folder_may_not_be_shared() {
    let place = Place::new();
    place.member("Ana").close().unwrap();
    let (out, code) = doctor(&place, "Ana", &[]);
    assert!(code == 1 && out.contains(" 1. The session folder does not seem to be shared."), "{out}");
    fs::create_dir(place.at(".stfolder")).unwrap();
    let (json, code) = doctor(&place, "Ana", &["--json"]);
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!((code, &json["service"]), (0, &Value::String("Syncthing".to_owned())));
}

#[test]
fn an_emptied_folder_is_away_and_nothing_is_called_lost() {
    let place = Place::new();
    let ana = place.member("Ana");
    let ben = place.member("Ben");
    ben.send("hello").unwrap();
    wait_until(&ana, "Ben's message", |ana| ana.timeline().len() == 1);
    ana.close().unwrap();
    ben.close().unwrap();
    for dir in fs::read_dir(&place.folder).unwrap() {
        crate::support::remove_dir_all(dir.unwrap().path()).unwrap();
    }
    let is_away = || {
        let before = tree(&place.folder);
        let (json, code) = doctor(&place, "Ana", &["--json"]);
        assert_eq!((code, kinds(&serde_json::from_str(&json).unwrap())), (2, vec!["folder-away".to_owned()]));
        let (_, err, code) = run(tempo(&place.at("Ana")).args(["doctor", "--fix"]).arg(&place.folder));
        assert!(code == 2 && err.contains("is not the session any more"), "{err}");
        assert_eq!(tree(&place.folder), before);
    };
    is_away();
    // A folder that contains only unknown authors is not the session either.
    let (_, stranger) = Writer::new(7, "Zoe", now());
    put(&place, &stranger);
    is_away();
}

#[cfg(unix)]
#[test]
fn an_unreadable_folder_gives_no_verdict() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::new();
    fs::set_permissions(&place.folder, fs::Permissions::from_mode(0o000)).unwrap();
    if fs::read_dir(&place.folder).is_ok() {
        println!("skipped: permissions do not bind the superuser");
        return;
    }
    let (out, err, code) = run(tempo(&place.at("Ana")).arg("doctor").arg(&place.folder));
    assert!(code == 2 && out.is_empty() && err.contains("permissions"), "{out}{err}");
    fs::set_permissions(&place.folder, fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn fix_removes_equal_copies_of_own_messages_and_nothing_else() {
    let place = Place::new();
    let ana = place.member("Ana");
    ana.send_all((2..=6).map(|n| format!("message {n}"))).unwrap();
    let ben = place.member("Ben");
    ben.send("Ben's").unwrap();
    for member in [&ana, &ben] {
        assert_eq!(member.flush(STUCK), 0);
    }
    let (me, other) = (ana.author().unwrap(), ben.author().unwrap());
    let file = |author: AuthorId, name: &str| place.folder.join(author.to_string()).join(name);
    // While the session is open, no other process removes anything.
    let equal = file(me, "0000000000000002 (1)");
    fs::copy(file(me, "0000000000000002"), &equal).unwrap();
    let (_, err, code) = run(tempo(&place.at("Ana")).args(["doctor", "--fix"]).arg(&place.folder));
    assert!(code == 2 && err.contains("already open") && equal.exists(), "{err}");
    ana.close().unwrap();
    ben.close().unwrap();

    // Other content under the number of an existing message.
    fs::copy(file(me, "0000000000000003"), file(me, "0000000000000004-HOST")).unwrap();
    let (mut forked, _) = Writer::new(1, "Fork", now());
    fs::write(file(me, "0000000000000003 (1)"), forked.say("another text").bytes()).unwrap();
    // A copy in another member's directory, and one in a second directory.
    fs::copy(file(other, "0000000000000002"), file(other, "0000000000000002 (1)")).unwrap();
    put_as(&place, &format!("{me} (1)/0000000000000002"), &fs::read(file(me, "0000000000000002")).unwrap());
    put_as(&place, &format!("{me} (1)/0000000000000002 (1)"), &fs::read(file(me, "0000000000000002")).unwrap());
    // A copy without its message, and a copy of an incomplete message.
    crate::support::rename(file(me, "0000000000000005"), file(me, "0000000000000005 (1)")).unwrap();
    fs::copy(file(me, "0000000000000006"), file(me, "0000000000000006 (1)")).unwrap();
    let whole = fs::read(file(me, "0000000000000006")).unwrap();
    fs::write(file(me, "0000000000000006"), &whole[..whole.len() - 1]).unwrap();
    let (mut kept, state) = (tree(&place.folder), tree(&place.at("Ana")));

    let (out, code) = doctor(&place, "Ana", &["--fix"]);
    let removed: Vec<&str> = out.lines().filter(|line| line.starts_with("removed")).collect();
    let message = format!("removed {me}/0000000000000002 (1), which was equal to the message beside it");
    assert_eq!((removed, code), (vec![message.as_str()], 1), "{out}");
    kept.remove(&equal).unwrap();
    let without_dir_times = |mut tree: Tree| {
        tree.values_mut().filter(|it| it.0.is_none()).for_each(|it| it.1 = SystemTime::UNIX_EPOCH);
        tree
    };
    assert_eq!(without_dir_times(tree(&place.folder)), without_dir_times(kept));
    assert_eq!(tree(&place.at("Ana")), state);
    let (json, _) = doctor(&place, "Ana", &["--fix", "--json"]);
    assert_eq!(serde_json::from_str::<Value>(&json).unwrap()["removed"], serde_json::json!([]));
}

#[test]
fn while_another_process_holds_the_store_only_the_folder_is_examined() {
    let place = Place::new();
    let ana = place.member("Ana");
    let ben = place.member("Ben");
    ana.send("hello").unwrap();
    assert_eq!((ana.flush(STUCK), ben.flush(STUCK)), (0, 0));
    let folder = without_heads(tree(&place.folder));
    let (json, code) = doctor(&place, "Ana", &["--json"]);
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!((code, kinds(&json)), (0, vec!["store-in-use".to_owned()]));
    assert_eq!(json["author"], ana.author().unwrap().to_string(), "the member is known anyway");
    assert_eq!(without_heads(tree(&place.folder)), folder);
    ana.send("it still works").unwrap();
}

#[test]
fn a_store_that_was_not_closed_is_left_as_it_is() {
    let place = Place::new();
    let ben = place.member("Ben");
    let ana = place.member("Ana");
    ana.send("hello").unwrap();
    assert_eq!((ana.flush(STUCK), ben.flush(STUCK)), (0, 0));
    // The remains of an open store after a power loss.
    copy_all(&place.at("Ana"), &place.at("crashed"));
    let before = tree(&place.at("crashed"));
    let (json, code) = doctor(&place, "crashed", &["--json"]);
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!((code, kinds(&json)), (1, vec!["store-unclean".to_owned()]));
    let (_, err, code) = run(tempo(&place.at("crashed")).args(["doctor", "--fix"]).arg(&place.folder));
    assert!(code == 2 && err.contains("was not closed"), "{err}");
    assert_eq!(tree(&place.at("crashed")), before);
}

#[test]
fn disagreeing_clocks_are_reported_while_they_matter() {
    let place = Place::new();
    let ana = place.member("Ana");
    ana.send("what time is it?").unwrap();
    assert_eq!(ana.flush(STUCK), 0);
    let me = ana.author().unwrap();
    ana.close().unwrap();
    // Ben has seen it, and his clock is three hours behind.
    let (mut ben, profile) = Writer::new(1, "Ben", now() - 3 * HOUR - HOUR / 2);
    put(&place, &profile);
    for counter in 1..=2 {
        let bytes = fs::read(place.folder.join(MessageId { author: me, counter }.to_string())).unwrap();
        let Decoded::Whole(frame) = Frame::decode(&Bytes::from(bytes)) else { panic!("no frame") };
        receive(&mut ben.core, &frame);
    }
    put(&place, &ben.say("time for tea"));
    put(&place, &ben.say("and for cake"));
    let (out, code) = doctor(&place, "Ana", &[]);
    let said = " 1. By its time, Ben's latest message is 3 hours older than your message 2, which was there";
    assert!(code == 1 && out.contains("Needs attention (1)") && out.contains(said), "{out}");
    // With the correct clock, the latest message is no longer older than the message that it
    // answers.
    ben.unix_ms = now();
    put(&place, &ben.say("that is better"));
    let (out, code) = doctor(&place, "Ana", &[]);
    assert!(code == 0 && out.ends_with("Nothing is wrong.\n"), "{out}");
}

#[test]
fn a_copied_store_is_noticed() {
    let place = Place::new();
    let ana = place.member("Ana");
    ana.send("one").unwrap();
    ana.close().unwrap();
    copy_all(&place.at("Ana"), &place.at("clone"));
    let ana = place.member("Ana");
    ana.send_all(["two", "three"]).unwrap();
    assert_eq!(ana.flush(STUCK), 0);
    ana.close().unwrap();
    fs::create_dir(place.at(".stfolder")).unwrap();
    let before = tree(&place.at("clone"));
    let (out, code) = doctor(&place, "clone", &[]);
    let first = "Another device writes under your name: 2 messages of yours, numbers 3 to 4, were not written";
    assert!(code == 1 && out.contains("Needs attention (1)") && out.contains(first), "{out}");
    assert_eq!(tree(&place.at("clone")), before);
}

pub(crate) type Tree = BTreeMap<PathBuf, (Option<Vec<u8>>, SystemTime)>;

fn kinds(json: &Value) -> Vec<String> {
    json["findings"].as_array().unwrap().iter().map(|it| it["kind"].as_str().unwrap().to_owned()).collect()
}

pub(crate) fn copy_all(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_all(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}
