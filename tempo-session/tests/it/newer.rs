//! Messages of later versions: kinds and extensions that this version does not know.

use std::fs;

use bytes::Bytes;
use tempo_message::{Decoded, Digest, Extension, Frame, Frames, Kind, Lamport, Message, MessageId, PendingReason};
use tempo_session::Session;

use crate::support::{Place, STUCK, author, texts, timeline};

/// The number of header bytes before the byte of the kind, for a small counter.
const KIND_AT: usize = 12 + 17 + 1;

fn message(counter: u64, previous: Option<Digest>, text: &'static str) -> Message {
    Message {
        id: MessageId { author: author(7), counter },
        lamport: Lamport(counter),
        unix_ms: 0,
        previous,
        parents: Vec::new(),
        kind: Kind::Payload,
        key: None,
        attachments: Vec::new(),
        extensions: Vec::new(),
        payload: Bytes::from_static(text.as_bytes()),
    }
}

/// Returns the message as later software would write it.
fn changed(frame: &Frame, change: impl FnOnce(&mut Vec<u8>)) -> (Vec<u8>, Digest) {
    let mut bytes = frame.bytes().to_vec();
    bytes.truncate(bytes.len() - Digest::LEN);
    change(&mut bytes);
    let digest = Digest::of(&bytes);
    bytes.extend_from_slice(digest.as_bytes());
    (bytes, digest)
}

/// Puts a message, a changed one and a third one that follows it into a folder, and examines the
/// folder.
fn second_is(change: impl FnOnce(&mut Vec<u8>)) {
    let place = Place::new();
    let first = Frame::encode(&message(1, None, "one")).unwrap();
    let second = Frame::encode(&message(2, Some(first.digest()), "two")).unwrap();
    let (newer, digest) = changed(&second, change);
    let third = Frame::encode(&message(3, Some(digest), "three")).unwrap();
    let dir = place.folder.join(author(7).to_string());
    fs::create_dir(&dir).unwrap();
    for (name, bytes) in [(1, first.bytes().as_ref()), (2, &newer), (3, third.bytes())] {
        fs::write(dir.join(format!("{name:016x}")), bytes).unwrap();
    }
    let look = |session: &Session| {
        session.refresh(STUCK).unwrap();
        assert_eq!(texts(&timeline(session)), ["one"]);
        let status = session.status();
        assert_eq!(status.waiting.iter().map(|it| it.id.counter).collect::<Vec<_>>(), [3], "{status:?}");
        let is_newer = |reason: &PendingReason| matches!(reason, PendingReason::Unsupported(_));
        assert!(matches!(&status.report.pending[..], [it] if is_newer(&it.reason)), "{:?}", status.report);
    };
    let ana = place.member("ana");
    look(&ana);
    ana.close().unwrap();
    look(&place.member("ana"));

    // Packed by its author, it is not treated differently.
    let pack = [first.bytes().as_ref(), &newer, third.bytes()].concat();
    fs::write(dir.join(format!("{:016x}-{:016x}", 1, 3)), pack).unwrap();
    (1..=3).for_each(|name| fs::remove_file(dir.join(format!("{name:016x}"))).unwrap());
    look(&place.member("ben"));
}

#[test]
fn an_unknown_kind_never_enters_the_timeline() {
    second_is(|bytes| bytes[KIND_AT] = u8::MAX);
}

#[test]
fn an_unknown_critical_extension_never_enters_the_timeline() {
    second_is(|bytes| {
        let end = 12 + usize::from(bytes[6]);
        bytes.splice(end..end, [3, 1, 0x5a]);
        bytes[6] += 3;
    });
}

#[test]
fn an_unknown_extension_is_kept_and_relayed() {
    let place = Place::new();
    let extension = |tag| Extension { tag, value: Bytes::from_static(b"later") };
    let extended = Message { extensions: vec![extension(2), extension(0x4000)], ..message(1, None, "one") };
    let first = Frame::encode(&extended).unwrap();
    let second = Frame::encode(&message(2, Some(first.digest()), "two")).unwrap();
    let dir = place.folder.join(author(7).to_string());
    fs::create_dir(&dir).unwrap();
    for frame in [&first, &second] {
        fs::write(dir.join(format!("{:016x}", frame.id().counter)), frame.bytes()).unwrap();
    }
    let ana = place.member("ana");
    ana.refresh(STUCK).unwrap();
    assert_eq!(texts(&timeline(&ana)), ["one", "two"]);

    (1..=2).for_each(|name| fs::remove_file(dir.join(format!("{name:016x}"))).unwrap());
    assert_eq!(ana.relay(author(7), STUCK).unwrap().messages, 2);
    let relay = place.folder.join(format!("{}.{}", author(7), ana.author().unwrap()));
    let pack = fs::read(relay.join(format!("{:016x}-{:016x}", 1, 2))).unwrap();
    let frames: Vec<Decoded> = Frames::new(pack.into()).collect();
    assert_eq!(frames, [Decoded::Whole(first), Decoded::Whole(second)]);
}
