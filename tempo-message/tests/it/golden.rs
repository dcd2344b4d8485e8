//! The frozen bytes of the format. `cargo xtask golden --bless` rewrites them; a change here breaks every
//! existing folder.

use std::{env, fs, path::PathBuf};

use bytes::Bytes;
use tempo_message::{
    Attachment, Decoded, Digest, Extension, Frame, Kind, Lamport, ManifestHasher, Message, MessageId, Parent, Release,
    Retirement, SecretKey, Sign, Unsupported,
};

use crate::strategy::author_of;

#[test]
fn golden_frames_have_exactly_these_bytes() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("testdata");
    let bless = env::var_os("TEMPO_BLESS").is_some();
    let mut digests = String::new();
    let plain = examples().map(|(name, message)| (name, Frame::encode(&message).unwrap()));
    let frames = plain
        .into_iter()
        .chain(signed())
        .map(|(name, frame)| (name, frame.bytes().clone(), frame.digest(), Decoded::Whole(frame)));
    for (name, bytes, digest, decoded) in frames.chain([critical()]) {
        let path = folder.join(name).with_extension("frame");
        if bless {
            fs::write(&path, &bytes).unwrap();
        }
        let golden = Bytes::from(fs::read(&path).unwrap());
        assert_eq!(hex(&bytes), hex(&golden), "{name} is encoded unlike {}", path.display());
        assert_eq!(Frame::decode(&golden), decoded, "{name} is decoded unlike it was made");
        digests += &format!("{digest} {name}\n");
    }
    let path = folder.join("digests");
    if bless {
        fs::write(&path, &digests).unwrap();
    }
    assert_eq!(fs::read_to_string(&path).unwrap(), digests);
}

fn examples() -> [(&'static str, Message); 8] {
    let first = Message {
        id: "7b0e8e4e-3f53-4c36-9a7e-0d5a4c1b2a3f/0000000000000001".parse().unwrap(),
        lamport: Lamport(1),
        unix_ms: 1_763_769_600_000,
        previous: None,
        parents: Vec::new(),
        kind: Kind::Payload,
        key: None,
        attachments: Vec::new(),
        extensions: Vec::new(),
        payload: Bytes::from_static(b"hello"),
    };
    let digest = Frame::encode(&first).unwrap().digest();
    let profile = Message { kind: Kind::Profile, payload: Bytes::from("Zo\u{eb}"), ..reply(&first, digest, 2) };
    let parent = |number: u128, counter| Parent { author: author_of(number), counter, digest: Digest::of(b"golden") };
    let merge = Message {
        lamport: Lamport(u64::MAX),
        unix_ms: i64::MIN,
        parents: vec![parent(1, 1), parent(1, 2), parent(u128::MAX, u64::MAX)],
        payload: (0..=255).collect(),
        ..reply(&first, digest, u64::MAX)
    };
    let empty = Message { payload: Bytes::new(), ..first.clone() };
    let retired = Retirement { author: author_of(7), counter: 9, digest: Digest::of(b"golden") }.to_bytes();
    let retirement = Message {
        kind: Kind::Retirement,
        parents: vec![parent(7, 9)],
        payload: Bytes::copy_from_slice(&retired),
        ..reply(&first, digest, 2)
    };
    let file = |name: &str, media_type: &str, length: u8| {
        let mut hasher = ManifestHasher::new(10);
        (0..length).for_each(|byte| hasher.update(&[byte; 100]).unwrap());
        Attachment { manifest: hasher.finish().unwrap(), name: name.to_owned(), media_type: media_type.to_owned() }
    };
    let attached =
        Message { attachments: vec![file("note", "", 1), file("Zo\u{eb}.wav", "audio/wav", 35)], ..first.clone() };
    let ids = attached.attachments.iter().map(|attachment| attachment.manifest.id());
    let released = Release::new(ids).unwrap().to_bytes();
    let release = Message { kind: Kind::Release, payload: Bytes::from(released), ..reply(&first, digest, 2) };
    [
        ("first", first),
        ("profile", profile),
        ("merge", merge),
        ("empty", empty),
        ("extended", extended()),
        ("retirement", retirement),
        ("attached", attached),
        ("release", release),
    ]
}

/// Returns an author's first three messages: with the key and a signature, without, and with a signature.
fn signed() -> [(&'static str, Frame); 3] {
    let signer = SecretKey::from_seed(&std::array::from_fn(|at| u8::try_from(at).unwrap()));
    let [(_, plain), ..] = examples();
    let id = MessageId { author: signer.key().author(), counter: 1 };
    let first = Frame::sign(&Message { id, key: Some(signer.key()), ..plain }, &signer).unwrap();
    let second = Message { key: None, ..reply(first.message(), first.digest(), 2) };
    let second = Frame::encode(&second).unwrap();
    let third = Message { lamport: Lamport(3), ..reply(second.message(), second.digest(), 3) };
    [("signed", first), ("unsigned", second), ("vouching", Frame::sign(&third, &signer).unwrap())]
}

/// Returns a message with extensions that readers may ignore: one with a value, one without, and one of an
/// application.
fn extended() -> Message {
    let extension = |(tag, value)| Extension { tag, value: Bytes::from_static(value) };
    Message {
        id: "7b0e8e4e-3f53-4c36-9a7e-0d5a4c1b2a3f/0000000000000001".parse().unwrap(),
        lamport: Lamport(1),
        unix_ms: 1_763_769_600_000,
        previous: None,
        parents: Vec::new(),
        kind: Kind::Payload,
        key: None,
        attachments: Vec::new(),
        extensions: [(2_u16, &[0x5a; 64][..]), (4, b""), (0x4000, b"app")].map(extension).to_vec(),
        payload: Bytes::from_static(b"hello"),
    }
}

/// Returns a frame whose last extension is critical instead, as a later version may write it.
fn critical() -> (&'static str, Bytes, Digest, Decoded) {
    let frame = Frame::encode(&extended()).unwrap();
    let mut bytes = frame.bytes().to_vec();
    bytes.truncate(bytes.len() - Digest::LEN);
    let tag_at = bytes.windows(3).rposition(|tag| tag == [0x80, 0x80, 0x01]).unwrap();
    bytes[tag_at] = 0x81;
    let digest = Digest::of(&bytes);
    bytes.extend_from_slice(digest.as_bytes());
    let what = Unsupported::Extension { id: frame.id(), tag: 0x4001 };
    let decoded = Decoded::Unsupported { what, digest, used: bytes.len() };
    ("critical", bytes.into(), digest, decoded)
}

fn reply(first: &Message, digest: Digest, counter: u64) -> Message {
    let mut message = first.clone();
    message.id.counter = counter;
    message.lamport = Lamport(2);
    message.previous = Some(digest);
    message
}

fn hex(bytes: &[u8]) -> String {
    bytes.chunks(16).map(|line| line.iter().map(|byte| format!("{byte:02x}")).collect::<String>() + "\n").collect()
}
