//! The JSON of what an application shows, frozen. `TEMPO_BLESS=1` rewrites it; fields may be added, and existing ones keep
//! their names and meanings.

use std::{env, fs, path::PathBuf};

use serde::Serialize;
use serde_json::{Value, json};
use tempo_clock::Lamport;
use tempo_message::{Attachment, AttachmentId, Manifest, ManifestHasher, Relay, Report};

use super::*;
use crate::{
    api::{
        files::{FileStatus, Place, Sending},
        status::StablePrefix,
    },
    core::{identity::conflict::IdentityConflict, progress::Progress},
    doctor::finding::FindingKind,
    engine::{
        entry::Entry,
        event::{Event, Placed},
    },
};

/// Compares a value with the stored one, line by line.
fn compare(name: &str, value: &impl Serialize) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("testdata/json").join(format!("{name}.json"));
    let text = serde_json::to_string_pretty(value).unwrap() + "\n";
    if env::var_os("TEMPO_BLESS").is_some() {
        fs::write(&path, &text).unwrap();
    }
    let golden = fs::read_to_string(&path).unwrap_or_default().replace("\r\n", "\n");
    assert_eq!(golden, text, "{}", path.display());
}

fn id(number: u8, counter: u64) -> MessageId {
    MessageId { author: author(number), counter }
}

fn file() -> Attachment {
    let mut hasher = ManifestHasher::new(Manifest::exponent_for(5, 0));
    hasher.update(b"sound").unwrap();
    Attachment { manifest: hasher.finish().unwrap(), name: "take 1.wav".to_owned(), media_type: "audio/wav".to_owned() }
}

fn entry() -> Entry {
    let mut entry = Entry::new(id(1, 3), "a \"beat\"\n");
    entry.position = 7;
    entry.name = Some("Ana".to_owned());
    entry
}

#[test]
fn ids_are_strings_and_are_read_back() {
    let ids = json!({
        "author": author(1),
        "message": id(1, 1000),
        "digest": Digest::of(b"hello"),
        "file": file().manifest.id(),
    });
    compare("ids", &ids);
    assert_eq!(serde_json::from_value::<AuthorId>(ids["author"].clone()).unwrap(), author(1));
    assert_eq!(serde_json::from_value::<MessageId>(ids["message"].clone()).unwrap(), id(1, 1000));
    assert_eq!(serde_json::from_value::<Digest>(ids["digest"].clone()).unwrap(), Digest::of(b"hello"));
    assert_eq!(serde_json::from_value::<AttachmentId>(ids["file"].clone()).unwrap(), file().manifest.id());
    assert!(serde_json::from_value::<AttachmentId>(json!("ff")).is_err());
}

#[test]
fn an_entry_is_one_flat_object() {
    let mut with_file = Entry::new(id(2, 1), vec![0xff, 0]);
    with_file.attachments.push(file());
    compare("entries", &[entry(), with_file]);
}

#[test]
fn events_say_which_they_are() {
    let (author, message) = (author(2), id(2, 4));
    let foreign = Foreign {
        place: "notes.txt".to_owned(),
        item: Item::Other,
        author: None,
        reason: ForeignReason::Temporary { by: "an editor" },
    };
    let (attachment, why) = (file().manifest.id(), "no room".to_owned());
    let clock = Rejection::Clock { claimed: Lamport(9), expected: Lamport(5) };
    compare(
        "events",
        &[
            Event::Message { entry: entry(), placed: Placed::BelowStable },
            Event::Stable { messages: 8 },
            Event::Held { id: message },
            Event::Released { id: message },
            Event::GapOpened { author, missing: 2 },
            Event::GapClosed { author },
            Event::Silent { author },
            Event::Receipt { author },
            Event::Joined { author },
            Event::Renamed { author, name: "Ben".to_owned() },
            Event::Fork { id: message },
            Event::Rejected { id: message, digest: Digest::of(b"x"), why: clock },
            Event::Succeeded { author, former: super::author(3) },
            Event::Retired { author, by: super::author(3) },
            Event::Returned { author },
            Event::FileReleased { author, id: attachment },
            Event::Fetched { id: attachment, length: 5 },
            Event::File { id: attachment },
            Event::NewAuthor { former: super::author(1), author, why: IdentityConflict::Copied },
            Event::Unpublished { why: why.clone() },
            Event::Foreign(foreign),
            Event::Folder(FolderState::Attached),
            Event::Folder(FolderState::Detached { why }),
            Event::Missed,
        ],
    );
}

#[test]
fn a_status_has_all_of_these_fields() {
    let (mut status, _) = healthy();
    let ben = &mut status.members[1];
    ben.gaps = vec![2..=3, 7..=7];
    ben.has_seen = vec![(author(1), 3)];
    ben.forks = vec![5];
    ben.clock_skew = Some(ClockSkew { after: id(1, 2), by_ms: 60_000 });
    ben.retired = Some(author(1));
    status.stable =
        StablePrefix { messages: 4, until: Lamport(3), waits_for: vec![(author(2), Some(NOW)), (author(3), None)] };
    status.waiting = vec![Waiting { id: id(2, 9), unix_ms: NOW, missing: vec![(id(2, 8), Digest::of(b"missing"))] }];
    status.rejected = vec![(id(3, 1), Rejection::Exhausted)];
    status.unvouched = vec![id(3, 2)];
    let pending = Pending {
        place: format!("{}/0000000000000009", author(2)),
        item: Item::Other,
        author: Some(author(2)),
        counter: Some(9),
        reason: PendingReason::Incomplete { missing: 7 },
    };
    let relay = Relay { place: "relays".to_owned(), author: author(3), relayer: author(2) };
    let copy = Duplicate {
        place: "copy".to_owned(),
        item: Item::Other,
        is_temporary: false,
        author: author(2),
        counter: Some(1),
    };
    status.report =
        Arc::new(Report { pending: vec![pending], relays: vec![relay], copies: vec![copy], ..Report::default() });
    compare("status", &status);
}

#[test]
fn findings_are_objects() {
    let findings = found(|status, _| {
        status.members[1].gaps = vec![2..=2];
        status.members[1].forks = vec![3];
    });
    compare("findings", &findings);
    let names = [(FindingKind::OnTheWay, "on-the-way"), (FindingKind::FileOrphans, "file-orphans")];
    assert!(names.into_iter().all(|(kind, name)| json!(kind) == name));
}

#[test]
fn a_file_says_where_it_is() {
    let of = |place, sending| FileStatus {
        id: file().manifest.id(),
        length: 5,
        parts: 1,
        named_by: vec![id(1, 3)],
        released_by: vec![author(1)],
        sending,
        place,
        is_wanted: true,
        error: None,
    };
    let files =
        [of(Place::Missing { have: 1, of: 2 }, Some(Sending::Publishing { done: 1, of: 2 })), of(Place::Here, None)];
    compare("files", &files);
    let read: Vec<FileStatus> = serde_json::from_value(json!(files)).unwrap();
    assert_eq!(read, files);
}

#[test]
fn progress_is_read_back() {
    let frozen = json!({ "given": { "last": { author(1).to_string(): [[3, Digest::of(b"x")]] } }, "stable": 9 });
    let progress: Progress = serde_json::from_value(frozen.clone()).unwrap();
    assert_eq!(serde_json::to_value(&progress).unwrap(), frozen);
    compare("progress", &progress);
    assert_eq!(json!(Progress::default())["given"]["last"], Value::Object(serde_json::Map::new()));
}
