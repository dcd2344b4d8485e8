//! Attachments: a manifest is what `b3sum` and every part alone agree on, and a frame holds nothing else.

use bytes::Bytes;
use proptest::prelude::*;
use tempo_message::{
    Attachment, AttachmentId, BadFrame, BadManifest, Decoded, Digest, EncodeError, Frame, Kind, MAX_ATTACHMENT,
    MAX_ATTACHMENT_NAME, MAX_ATTACHMENTS, MAX_MEDIA_TYPE, MAX_PARTS, Manifest, ManifestHasher, Message, ShapeError,
};

use crate::strategy::message;

proptest! {
    #[test]
    fn parts_prove_themselves_and_sum_to_the_hash_of_the_file(
        content in prop::collection::vec(any::<u8>(), 1..20_000),
        exponent in 10_u8..15,
        pieces in prop::collection::vec(1_usize..3000, 1..20),
        change: prop::sample::Index,
    ) {
        let manifest = described(&content, exponent, &pieces);
        prop_assert_eq!(*manifest.id().as_bytes(), *blake3::hash(&content).as_bytes());
        prop_assert_eq!(manifest.length(), content.len() as u64);
        let mut at = 0;
        let changed = change.index(content.len());
        for part in manifest.parts() {
            prop_assert_eq!(part.offset, at as u64);
            let mut bytes = content[at..at + usize::try_from(part.length).unwrap()].to_vec();
            let holds = |pieces: &[&[u8]]| {
                let mut check = part.check();
                pieces.iter().all(|piece| check.update(piece)) && check.holds()
            };
            let (left, right) = bytes.split_at(bytes.len() / 2);
            prop_assert!(holds(&[left, right]));
            prop_assert!(!holds(&[left]) && !holds(&[left, right, &[0]]));
            if let Some(byte) = changed.checked_sub(at).and_then(|at| bytes.get_mut(at)) {
                *byte ^= 1;
                prop_assert!(!holds(&[&bytes]));
            }
            at += bytes.len();
        }
        prop_assert_eq!(at, content.len());
        let hashes: Vec<_> = manifest.parts().filter(|part| part.count > 1).map(|part| part.hash).collect();
        let again = Manifest::new(manifest.id(), manifest.length(), exponent, hashes.clone());
        prop_assert_eq!(again, Ok(manifest.clone()));
        for at in 0..hashes.len() {
            let mut wrong = hashes.clone();
            wrong[at][0] ^= 1;
            let wrong = Manifest::new(manifest.id(), manifest.length(), exponent, wrong);
            prop_assert_eq!(wrong, Err(BadManifest::Hashes));
        }
    }

    /// The digest is made to hold again, as hostile software would.
    #[test]
    fn a_changed_frame_names_the_same_files_or_sound_other_ones(
        message in message().prop_filter("a file", |message| !message.attachments.is_empty()),
        at: prop::sample::Index,
        change in 1_u8..,
    ) {
        let frame = Frame::encode(&message).unwrap();
        let mut content = frame.bytes()[..frame.bytes().len() - Digest::LEN].to_vec();
        let at = at.index(content.len());
        content[at] ^= change;
        if let Decoded::Whole(other) = Frame::decode(&sealed(content)) {
            prop_assert_eq!(other.message().check_shape(), Ok(()));
            prop_assert_eq!(Frame::encode(other.message()).map(|it| it.message().clone()), Ok(other.message().clone()));
        }
    }
}

/// Describes a file whose bytes come in pieces.
fn described(content: &[u8], exponent: u8, pieces: &[usize]) -> Manifest {
    let (mut hasher, mut rest) = (ManifestHasher::new(exponent), content);
    for &piece in pieces.iter().cycle() {
        let (now, later) = rest.split_at(piece.min(rest.len()));
        hasher.update(now).unwrap();
        rest = later;
        if rest.is_empty() {
            break;
        }
    }
    hasher.finish().unwrap()
}

/// Returns as many attachments with as many parts and as long names as a message may have.
pub(crate) fn largest() -> Vec<Attachment> {
    let parts = MAX_PARTS - MAX_ATTACHMENTS + 1;
    let file = |number: usize| {
        let mut hasher = ManifestHasher::new(10);
        let length = if number == 0 { parts << 10 } else { 1 };
        hasher.update(&vec![u8::try_from(number).unwrap(); length]).unwrap();
        let (name, media_type) = ("n".repeat(MAX_ATTACHMENT_NAME), "m".repeat(MAX_MEDIA_TYPE));
        Attachment { manifest: hasher.finish().unwrap(), name, media_type }
    };
    (0..MAX_ATTACHMENTS).map(file).collect()
}

fn sealed(content: Vec<u8>) -> Bytes {
    let digest = Digest::of(&content);
    [content.as_slice(), digest.as_bytes()].concat().into()
}

fn example(attachments: Vec<Attachment>) -> Message {
    Message {
        id: "00000000-0000-0000-0000-000000000001/0000000000000001".parse().unwrap(),
        lamport: tempo_message::Lamport(1),
        unix_ms: 0,
        previous: None,
        parents: Vec::new(),
        kind: Kind::Payload,
        key: None,
        attachments,
        extensions: Vec::new(),
        payload: Bytes::from_static(b"hello"),
    }
}

fn file(byte: u8) -> Attachment {
    let manifest = described(&[byte; 3000], 10, &[3000]);
    Attachment { manifest, name: "take".to_owned(), media_type: String::new() }
}

#[test]
fn a_file_is_named_by_its_hash_and_the_number_of_its_part() {
    let id = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    let one = Manifest::new(id.parse().unwrap(), 1, 26, Vec::new()).unwrap();
    assert_eq!(one.part(0).unwrap().name(), id[..32]);
    assert_eq!(one.part(1), None);
    let names: Vec<String> = file(1).manifest.parts().map(|part| part.name()).collect();
    let id = file(1).manifest.id().to_string();
    assert_eq!(names, [0, 1, 2].map(|part| format!("{}-000{part}", &id[..32])));
}

#[test]
fn descriptions_of_no_file_are_named() {
    let id = AttachmentId::from_bytes([1; 32]);
    let new = |length, exponent, hashes| Manifest::new(id, length, exponent, vec![[2; 32]; hashes]);
    for length in [0, MAX_ATTACHMENT + 1] {
        assert_eq!(new(length, 30, 0), Err(BadManifest::Length { length }));
    }
    for exponent in [0, 9, 31, 255] {
        assert_eq!(new(1, exponent, 0), Err(BadManifest::PartSize { exponent }));
    }
    for (length, needed, actual) in [(1, 1, 1), (1024, 1, 1), (1025, 2, 0), (1025, 2, 1), (2048, 2, 3)] {
        assert_eq!(new(length, 10, actual), Err(BadManifest::Parts { needed, actual }));
    }
    let needed = MAX_PARTS as u64 + 1;
    assert_eq!(new(needed << 10, 10, MAX_PARTS + 1), Err(BadManifest::Parts { needed, actual: MAX_PARTS + 1 }));
    assert_eq!(new(1025, 10, 2), Err(BadManifest::Hashes));
}

#[test]
fn large_files_have_larger_parts() {
    for (length, exponent) in [(1, 26), (1 << 36, 26), ((1 << 36) + 1, 27), (MAX_ATTACHMENT, 30)] {
        assert_eq!(Manifest::exponent_for(length, Manifest::EXPONENT), exponent, "{length}");
        assert!(length.div_ceil(1 << exponent) <= MAX_PARTS as u64);
    }
}

#[test]
fn attachments_have_limits() {
    let broken = |attachments: Vec<Attachment>| Frame::encode(&example(attachments)).map(drop);
    let mut most = largest();
    assert_eq!(broken(most.clone()), Ok(()));
    most[1].name.push('n');
    assert_eq!(broken(most.clone()), Err(EncodeError::Shape(ShapeError::AttachmentName)));
    most[1].name.clear();
    assert_eq!(broken(most.clone()), Err(EncodeError::Shape(ShapeError::AttachmentName)));
    most[1].name.push('n');
    most[1].media_type.push('m');
    assert_eq!(broken(most.clone()), Err(EncodeError::Shape(ShapeError::AttachmentName)));
    most[1].media_type.clear();
    most[1].manifest = file(1).manifest;
    let parts = MAX_PARTS + 2;
    let too_many = ShapeError::TooManyParts { attachments: MAX_ATTACHMENTS, parts };
    assert_eq!(broken(most), Err(EncodeError::Shape(too_many)));
    assert_eq!(broken(vec![file(1), file(2), file(1)]), Err(EncodeError::Shape(ShapeError::Attachments)));
    let profile = Message { kind: Kind::Profile, ..example(vec![file(1)]) };
    assert_eq!(Frame::encode(&profile), Err(EncodeError::Shape(ShapeError::Attachments)));
}

#[test]
fn what_a_frame_says_of_files_is_all_or_nothing() {
    let frame = Frame::encode(&example(vec![file(1)])).unwrap();
    let content = &frame.bytes()[..frame.bytes().len() - Digest::LEN];
    let names_at = content.windows(4).position(|window| window == b"take").unwrap() - 2;
    assert_eq!(content[names_at], 6, "the length of the names");
    for (at, byte) in [(names_at, 5), (names_at, 7), (names_at, 0xff), (names_at + 1, 3), (names_at + 2, 0xff)] {
        let mut content = content.to_vec();
        content[at] = byte;
        assert_eq!(Frame::decode(&sealed(content)), Decoded::Bad(BadFrame::Header), "{at}: {byte}");
    }
    let id = *file(1).manifest.id().as_bytes();
    let id_at = content.windows(32).position(|window| window == id).unwrap();
    let mut other = content.to_vec();
    other[id_at] ^= 1;
    let hashes = Decoded::Bad(BadFrame::Shape(ShapeError::Manifest(BadManifest::Hashes)));
    assert_eq!(Frame::decode(&sealed(other)), hashes);
    for count in [0, 2, 17, 0xff] {
        let mut other = content.to_vec();
        other[id_at - 1] = count;
        assert_eq!(Frame::decode(&sealed(other)), Decoded::Bad(BadFrame::Header), "{count} files");
    }
}
