//! Frames: what was encoded is decoded, anything cut or changed is told apart, and lies about lengths cost nothing.

use bytes::Bytes;
use proptest::prelude::*;
use tempo_message::{
    AuthorId, BadFrame, Decoded, Digest, EncodeError, Frame, Lamport, MAX_FRAME, MAX_PARENTS, MAX_PAYLOAD, Message,
    Parent, ShapeError, Unsupported,
};

use crate::strategy::{author_of, message};

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
    fn every_proper_beginning_is_incomplete(message in message(), cut: prop::sample::Index) {
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
    fn no_changed_byte_passes(message in message(), at: prop::sample::Index, change in 1_u8..) {
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
    fn a_header_is_what_postcard_makes_of_its_fields(message in message()) {
        let frame = Frame::encode(&message).unwrap();
        prop_assert_eq!(header_of(&frame), postcard::to_allocvec(&fields_of(&message)).unwrap());
    }

    #[test]
    fn a_header_is_read_as_postcard_reads_it(
        message in message(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), prop_oneof![Just(None), any::<u8>().prop_map(Some)]), 0..4),
        after in prop::collection::vec(any::<u8>(), 0..2),
    ) {
        let mut header = header_of(&Frame::encode(&message).unwrap());
        for (at, change) in changes {
            let at = at.index(header.len());
            let longer = [header[at] | 0x80, 0];
            match &change {
                Some(byte) => header[at] = *byte,
                // A number is the same with a zero at its end.
                None => drop(header.splice(at..=at, longer)),
            }
        }
        header.extend(after);
        let expected = match postcard::take_from_bytes::<Fields>(&header) {
            Ok((fields, [])) => Some(fields),
            _ => None,
        };
        match (Frame::decode(&with_header(&header)), expected) {
            (Decoded::Whole(frame), Some(fields)) => prop_assert_eq!(fields_of(frame.message()), fields),
            (Decoded::Bad(BadFrame::Shape(_)) | Decoded::Unsupported { what: Unsupported::Kind { .. }, .. }, Some(_)) => {}
            (Decoded::Bad(BadFrame::Header), None) => {}
            (decoded, expected) => prop_assert!(false, "{decoded:?} where postcard reads {expected:?}"),
        }
    }

    #[test]
    fn any_bytes_get_an_answer(bytes in prop::collection::vec(any::<u8>(), 0..200), sealed: bool) {
        let bytes = if sealed { seal(bytes) } else { bytes };
        let _ = Frame::decode(&Bytes::from(bytes));
    }
}

#[test]
fn lengths_that_lie_are_refused_before_anything_is_read() {
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
fn what_is_newer_is_whole_and_not_bad() {
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
fn limits_hold_and_what_is_at_the_limit_fits() {
    let mut message = example();
    message.payload = Bytes::from(vec![1; MAX_PAYLOAD]);
    message.parents = (0..MAX_PARENTS as u128).map(|n| parent(1000 + n)).collect();
    let frame = Frame::encode(&message).unwrap();
    assert!(frame.bytes().len() <= MAX_FRAME);
    assert_eq!(Frame::decode(frame.bytes()), Decoded::Whole(frame));

    message.payload = Bytes::from(vec![1; MAX_PAYLOAD + 1]);
    assert_eq!(Frame::encode(&message), Err(EncodeError::PayloadTooLarge { actual: MAX_PAYLOAD + 1 }));
    message.payload = Bytes::new();
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
    assert_eq!(broken(|_| {}), Ok(()));
}

/// The fields of a header, as `docs/FORMAT.md` lists them.
type Fields = (AuthorId, u64, u8, Lamport, i64, Option<Digest>, Vec<Parent>);

fn fields_of(message: &Message) -> Fields {
    let Message { id, lamport, unix_ms, previous, ref parents, kind, .. } = *message;
    (id.author, id.counter, kind.code(), lamport, unix_ms, previous, parents.clone())
}

fn header_of(frame: &Frame) -> Vec<u8> {
    let len = usize::from(u16::from_le_bytes([frame.bytes()[6], frame.bytes()[7]]));
    frame.bytes()[12..12 + len].to_vec()
}

/// A frame without a payload whose header is these bytes.
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
        payload: Bytes::from_static(b"hello"),
    }
}

fn parent(author: u128) -> Parent {
    Parent { author: author_of(author), counter: 1, digest: Digest::of(b"parent") }
}

/// Puts the right digest after any content.
fn seal(mut content: Vec<u8>) -> Vec<u8> {
    let digest = Digest::of(&content);
    content.extend_from_slice(digest.as_bytes());
    content
}
