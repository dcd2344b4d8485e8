//! Frames: decoding reverses encoding, cut or changed bytes are detected, and false lengths cost nothing.

use bytes::Bytes;
use proptest::prelude::*;
use tempo_message::{
    Attachment, AuthorId, BadFrame, Decoded, Digest, EncodeError, Extension, Frame, Lamport, MAX_EXTENSION_BYTES,
    MAX_EXTENSIONS, MAX_FRAME, MAX_PARENTS, MAX_PAYLOAD, Message, Parent, ShapeError, Unsupported,
};

use crate::{
    attachment::largest,
    strategy::{author_of, message},
};

proptest! {
    #[test]
    fn a_frame_decodes_to_its_message(message in message(), after in prop::collection::vec(any::<u8>(), 0..40)) {
        let frame = Frame::encode(&message).unwrap();
        prop_assert_eq!(frame.message(), &message);
        let mut stream = frame.bytes().to_vec();
        stream.extend_from_slice(&after);
        prop_assert_eq!(Frame::decode(&Bytes::from(stream)), Decoded::Whole(frame));
    }

    #[test]
    fn every_proper_prefix_is_incomplete(message in message(), cut: prop::sample::Index) {
        let bytes = Frame::encode(&message).unwrap().bytes().clone();
        let at = cut.index(bytes.len());
        match Frame::decode(&bytes.slice(..at)) {
            Decoded::Incomplete { missing } => {
                prop_assert!(missing > 0 && at + missing <= bytes.len());
                if at >= 12 {
                    prop_assert_eq!(at + missing, bytes.len());
                }
            }
            other => prop_assert!(false, "{:?} after {} of {} bytes", other, at, bytes.len()),
        }
    }

    #[test]
    fn every_changed_byte_is_detected(message in message(), at: prop::sample::Index, change in 1_u8..) {
        let frame = Frame::encode(&message).unwrap();
        let mut bytes = frame.bytes().to_vec();
        let at = at.index(bytes.len());
        bytes[at] ^= change;
        match Frame::decode(&Bytes::from(bytes)) {
            Decoded::Bad(_) | Decoded::Incomplete { .. } => {}
            other => prop_assert!(false, "{:?} with byte {} changed", other, at),
        }
    }

    #[test]
    fn a_header_is_its_fields_as_postcard_encodes_them(message in message()) {
        let frame = Frame::encode(&message).unwrap();
        prop_assert_eq!(header_of(&frame), [postcard::to_allocvec(&fields_of(&message)).unwrap(), entries_of(&message), area_of(&message)].concat());
    }

    #[test]
    fn a_header_is_read_as_postcard_reads_it(
        message in message(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), prop_oneof![Just(None), any::<u8>().prop_map(Some)]), 0..4),
        after in prop::collection::vec(any::<u8>(), 0..4),
    ) {
        let message = Message { attachments: Vec::new(), ..message };
        let mut header = header_of(&Frame::encode(&message).unwrap());
        for (at, change) in changes {
            let at = at.index(header.len());
            let longer = [header[at] | 0x80, 0];
            match &change {
                Some(byte) => header[at] = *byte,
                // A number with a zero byte appended is the same number.
                None => drop(header.splice(at..=at, longer)),
            }
        }
        header.extend(after);
        let expected = match postcard::take_from_bytes::<Fields>(&header) {
            Ok((fields, area)) => extensions_in(area).map(|extensions| (fields, extensions)),
            Err(_) => None,
        };
        match (Frame::decode(&with_header(&header)), expected) {
            (Decoded::Whole(frame), Some((fields, extensions))) => {
                prop_assert_eq!(fields_of(frame.message()), fields);
                prop_assert_eq!(&frame.message().extensions, &extensions);
            }
            (Decoded::Unsupported { what: Unsupported::Extension { tag, .. }, .. }, Some((_, extensions))) => {
                prop_assert_eq!(extensions.iter().map(|it| it.tag).find(|tag| tag % 2 == 1), Some(tag));
            }
            (Decoded::Bad(BadFrame::Shape(_)) | Decoded::Unsupported { what: Unsupported::Kind { .. }, .. }, Some(_)) => {}
            (Decoded::Bad(BadFrame::Header), None) => {}
            (decoded, expected) => prop_assert!(false, "{decoded:?} where postcard reads {expected:?}"),
        }
    }

    #[test]
    fn any_bytes_can_be_decoded_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200), sealed: bool) {
        let bytes = if sealed { seal(bytes) } else { bytes };
        let _ = Frame::decode(&Bytes::from(bytes));
    }
}

#[test]
fn false_lengths_are_refused_before_anything_is_read() {
    let mut bytes = Frame::encode(&example()).unwrap().bytes().to_vec();
    bytes[8..12].copy_from_slice(&u32::MAX.to_le_bytes());
    let actual = 12 + u64::from(u16::from_le_bytes([bytes[6], bytes[7]])) + u64::from(u32::MAX) + 32;
    assert_eq!(Frame::decode(&Bytes::from(bytes)), Decoded::Bad(BadFrame::TooLarge { actual }));
}

#[test]
fn announced_parents_are_counted_before_they_are_read() {
    let frame = Frame::encode(&example()).unwrap();
    let parents_at = 12 + usize::from(frame.bytes()[6]) - 1;
    let mut content = frame.bytes()[..frame.bytes().len() - 32].to_vec();
    assert_eq!(content[parents_at], 0, "the example has no parents");
    for announced in [&[0x7f][..], &[0x81, 0x02], &[0xff, 0xff, 0xff, 0xff, 0x0f]] {
        let mut lying = content.clone();
        lying.splice(parents_at..=parents_at, announced.iter().copied());
        lying[6] += u8::try_from(announced.len() - 1).unwrap();
        assert_eq!(Frame::decode(&Bytes::from(seal(lying))), Decoded::Bad(BadFrame::Header));
    }
    content[6] -= 1;
    content[8] += 1;
    assert_eq!(Frame::decode(&Bytes::from(seal(content))), Decoded::Bad(BadFrame::Header), "a header cut short");
}

#[test]
fn numbers_have_at_most_64_bits() {
    let mut message = example();
    message.lamport = Lamport(u64::MAX);
    let header = header_of(&Frame::encode(&message).unwrap());
    let last_at = 17 + 1 + 1 + 9;
    assert_eq!(header[last_at], 1, "the last byte of the logical time");
    for wrong in [&[2][..], &[0x81, 0], &[0x7f]] {
        let mut header = header.clone();
        header.splice(last_at..=last_at, wrong.iter().copied());
        assert_eq!(Frame::decode(&with_header(&header)), Decoded::Bad(BadFrame::Header), "{wrong:?}");
    }
}

#[test]
fn a_newer_frame_is_whole_and_not_bad() {
    let frame = Frame::encode(&example()).unwrap();
    let changed = |at: usize, value: u8| {
        let mut content = frame.bytes()[..frame.bytes().len() - 32].to_vec();
        content[at] = value;
        let bytes = seal(content);
        let digest = Digest::from_bytes(*bytes.last_chunk().unwrap());
        (Frame::decode(&Bytes::from(bytes.clone())), digest, bytes.len())
    };
    let kind_at = 12 + 17 + 1;
    let id = frame.id();
    for (at, value, what) in [
        (4, 9, Unsupported::Version(9)),
        (5, 0x80, Unsupported::Flags(0x80)),
        (kind_at, 77, Unsupported::Kind { id, kind: 77 }),
    ] {
        let (decoded, digest, used) = changed(at, value);
        assert_eq!(decoded, Decoded::Unsupported { what, digest, used });
    }
}

#[test]
fn a_critical_extension_makes_a_frame_newer_and_others_do_not() {
    let with = |tags: &[u8]| {
        let area: Vec<u8> = tags.iter().flat_map(|&tag| [tag, 2, 7, 7]).collect();
        Frame::decode(&with_header(&[header_of(&Frame::encode(&example()).unwrap()), area].concat()))
    };
    let Decoded::Whole(frame) = with(&[2, 4]) else { panic!("an unknown extension is kept") };
    assert_eq!(frame.message().extensions, [extension(2, 2), extension(4, 2)]);
    for tags in [&[3][..], &[2, 3], &[3, 4, 5]] {
        let decoded = with(tags);
        let what = Unsupported::Extension { id: example().id, tag: 3 };
        assert!(matches!(decoded, Decoded::Unsupported { what: found, .. } if found == what), "{tags:?}: {decoded:?}");
    }
    let written = Frame::encode(&Message { extensions: vec![extension(2, 0), extension(5, 0)], ..example() });
    assert_eq!(written, Err(EncodeError::Critical { tag: 5 }));
}

#[test]
fn the_extension_area_has_one_order_and_ends_with_the_header() {
    let plain = header_of(&Frame::encode(&example()).unwrap());
    let with = |area: &[u8]| Frame::decode(&with_header(&[&plain, area].concat()));
    for unordered in [&[4, 0, 2, 0][..], &[2, 0, 2, 0], &[3, 0, 2, 0]] {
        assert_eq!(with(unordered), Decoded::Bad(BadFrame::Shape(ShapeError::ExtensionsUnordered)), "{unordered:?}");
    }
    let numbered = |count: u8| (0..count).flat_map(|number| [2 * number, 0]).collect::<Vec<u8>>();
    let most = u8::try_from(MAX_EXTENSIONS).unwrap();
    assert!(matches!(with(&numbered(most)), Decoded::Whole(_)));
    for wrong in [&[2][..], &[2, 1], &[2, 0, 4], &[0x80, 0x80, 4, 0], &numbered(most + 1)] {
        assert_eq!(with(wrong), Decoded::Bad(BadFrame::Header), "{wrong:?}");
    }
}

#[test]
fn limits_hold_and_include_their_value() {
    let mut message = example();
    message.payload = Bytes::from(vec![1; MAX_PAYLOAD]);
    message.id.counter = u64::MAX;
    message.previous = Some(Digest::of(b""));
    (message.lamport, message.unix_ms) = (Lamport(u64::MAX), i64::MIN);
    let latest = |n| Parent { counter: u64::MAX, ..parent(1000 + n) };
    message.parents = (0..MAX_PARENTS as u128).map(latest).collect();
    message.attachments = largest();
    let last = u16::MAX - 1;
    message.extensions =
        (1..MAX_EXTENSIONS as u16).rev().map(|n| extension(last - 2 * n, MAX_EXTENSION_BYTES / 64)).collect();
    message.extensions.push(extension(last, MAX_EXTENSION_BYTES - MAX_EXTENSION_BYTES / 64 * (MAX_EXTENSIONS - 1)));
    let frame = Frame::encode(&message).unwrap();
    assert!(frame.bytes().len() <= MAX_FRAME);
    assert_eq!(Frame::decode(frame.bytes()), Decoded::Whole(frame));

    message.payload = Bytes::from(vec![1; MAX_PAYLOAD + 1]);
    assert_eq!(Frame::encode(&message), Err(EncodeError::PayloadTooLarge { actual: MAX_PAYLOAD + 1 }));
    message.payload = Bytes::new();
    let largest = message.extensions.pop().unwrap();
    message.extensions.push(extension(largest.tag, largest.value.len() + 1));
    let too_large = ShapeError::ExtensionsTooLarge { actual: MAX_EXTENSION_BYTES + 1 };
    assert_eq!(Frame::encode(&message), Err(EncodeError::Shape(too_large)));
    message.extensions.push(extension(largest.tag, 0));
    let too_many = ShapeError::TooManyExtensions { actual: MAX_EXTENSIONS + 1 };
    assert_eq!(Frame::encode(&message), Err(EncodeError::Shape(too_many)));
    message.parents.push(parent(9999));
    let actual = MAX_PARENTS + 1;
    assert_eq!(Frame::encode(&message), Err(EncodeError::Shape(ShapeError::TooManyParents { actual })));
}

#[test]
fn impossible_messages_are_named() {
    let broken = |change: fn(&mut Message)| {
        let mut message = example();
        change(&mut message);
        message.check_shape()
    };
    assert_eq!(broken(|m| m.id.counter = 0), Err(ShapeError::CounterZero));
    assert_eq!(broken(|m| m.previous = Some(Digest::of(b""))), Err(ShapeError::Previous { counter: 1 }));
    assert_eq!(broken(|m| m.id.counter = 2), Err(ShapeError::Previous { counter: 2 }));
    assert_eq!(broken(|m| m.parents = vec![parent(5), parent(4)]), Err(ShapeError::ParentsUnordered));
    assert_eq!(broken(|m| m.parents = vec![parent(5), parent(5)]), Err(ShapeError::ParentsUnordered));
    assert_eq!(broken(|m| m.parents = vec![Parent { counter: 0, ..parent(5) }]), Err(ShapeError::ParentsUnordered));
    assert_eq!(broken(|m| m.parents = vec![parent(1)]), Err(ShapeError::OwnParent));
    assert_eq!(broken(|m| m.extensions = vec![extension(4, 0), extension(2, 0)]), Err(ShapeError::ExtensionsUnordered));
    assert_eq!(broken(|m| m.extensions = vec![extension(2, 1), extension(2, 0)]), Err(ShapeError::ExtensionsUnordered));
    assert_eq!(broken(|_| {}), Ok(()));
}

fn extension(tag: u16, len: usize) -> Extension {
    Extension { tag, value: Bytes::from(vec![7; len]) }
}

/// The fields of a header before the extensions, as `docs/FORMAT.md` lists them.
type Fields = (AuthorId, u64, u8, Lamport, i64, Option<Digest>, Vec<Parent>);

fn fields_of(message: &Message) -> Fields {
    let Message { id, lamport, unix_ms, previous, ref parents, kind, .. } = *message;
    (id.author, id.counter, kind.code(), lamport, unix_ms, previous, parents.clone())
}

/// Encodes what the header says of attachments as postcard would.
fn entries_of(message: &Message) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (at, Attachment { manifest, .. }) in message.attachments.iter().enumerate() {
        if at == 0 {
            bytes = postcard::to_allocvec(&message.attachments.len()).unwrap();
        }
        bytes.extend(manifest.id().as_bytes());
        bytes.extend(postcard::to_allocvec(&(manifest.length(), manifest.exponent())).unwrap());
        bytes.extend(manifest.parts().filter(|part| part.count > 1).flat_map(|part| part.hash));
    }
    bytes
}

/// Encodes the extensions as postcard would.
fn area_of(message: &Message) -> Vec<u8> {
    let fields = message.extensions.iter().map(|it| postcard::to_allocvec(&(it.tag, it.value.as_ref())).unwrap());
    fields.flatten().collect()
}

/// Reads the extensions as postcard would, and no more than a message may have.
fn extensions_in(mut area: &[u8]) -> Option<Vec<Extension>> {
    let mut extensions = Vec::new();
    while !area.is_empty() {
        let ((tag, value), rest) = postcard::take_from_bytes::<(u64, Vec<u8>)>(area).ok()?;
        extensions.push(Extension { tag: u16::try_from(tag).ok()?, value: value.into() });
        area = rest;
    }
    (extensions.len() <= MAX_EXTENSIONS).then_some(extensions)
}

fn header_of(frame: &Frame) -> Vec<u8> {
    let len = usize::from(u16::from_le_bytes([frame.bytes()[6], frame.bytes()[7]]));
    frame.bytes()[12..12 + len].to_vec()
}

/// Returns a frame without a payload and with these bytes as its header.
fn with_header(header: &[u8]) -> Bytes {
    let [low, high] = u16::try_from(header.len()).unwrap().to_le_bytes();
    let prelude = [0xf7, b'T', b'M', b'P', 1, 0, low, high, 0, 0, 0, 0];
    Bytes::from(seal([&prelude, header].concat()))
}

fn example() -> Message {
    Message {
        id: "00000000-0000-0000-0000-000000000001/0000000000000001".parse().unwrap(),
        lamport: Lamport(1),
        unix_ms: 0,
        previous: None,
        parents: Vec::new(),
        kind: tempo_message::Kind::Payload,
        key: None,
        attachments: Vec::new(),
        extensions: Vec::new(),
        payload: Bytes::from_static(b"hello"),
    }
}

fn parent(author: u128) -> Parent {
    Parent { author: author_of(author), counter: 1, digest: Digest::of(b"parent") }
}

/// Appends the correct digest to any content.
fn seal(mut content: Vec<u8>) -> Vec<u8> {
    let digest = Digest::of(&content);
    content.extend_from_slice(digest.as_bytes());
    content
}
