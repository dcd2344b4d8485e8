//! Signed frames and heads: what a key vouches for, and nothing else.

use std::{cell::Cell, collections::BTreeSet, env};

use bytes::Bytes;
use proptest::{prelude::*, strategy::ValueTree, test_runner::TestRunner};
use tempo_message::{
    AuthorKey, BadFrame, Decoded, Digest, Ed25519, EncodeError, Frame, Head, Lamport, Life, Message, MessageId,
    Purpose, SecretKey, ShapeError, Sign, Signature, Statement, Verify, is_signed,
};

use crate::strategy::{author_of, message};

/// Returns a message as one by the owner of a key.
fn by(signer: &SecretKey, message: Message) -> Message {
    let key = Some(signer.key()).filter(|_| message.id.counter == 1);
    Message { id: MessageId { author: signer.key().author(), ..message.id }, key, ..message }
}

fn signer(number: u8) -> SecretKey {
    SecretKey::from_seed(&[number; 32])
}

/// Replaces the digest of changed bytes with the right one, as a forger would.
fn seal(mut content: Vec<u8>) -> Bytes {
    let digest = Digest::of(&content);
    content.extend_from_slice(digest.as_bytes());
    content.into()
}

fn content(frame: &Frame) -> Vec<u8> {
    frame.bytes()[..frame.bytes().len() - Digest::LEN].to_vec()
}

/// Returns whether bytes are a frame that the owner of a key has signed.
fn is_accepted(bytes: &Bytes, key: &AuthorKey) -> bool {
    matches!(Frame::decode(bytes), Decoded::Whole(frame)
        if frame.id().author == key.author() && frame.message().key.is_none_or(|own| own == *key)
            && frame.is_signed_by(key, &Ed25519))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    #[test]
    fn a_signed_frame_decodes_to_its_message_and_its_key_holds(message in message(), number in 1_u8..9) {
        let signer = signer(number);
        let message = by(&signer, message);
        let frame = Frame::sign(&message, &signer).unwrap();
        prop_assert_eq!(frame.message(), &message);
        prop_assert_eq!(Frame::decode(frame.bytes()), Decoded::Whole(frame.clone()));
        prop_assert!(is_accepted(frame.bytes(), &signer.key()) && is_signed(frame.id().author));
        prop_assert!(!frame.is_signed_by(&SecretKey::from_seed(&[99; 32]).key(), &Ed25519));
    }
}

/// Returns how many frames are forged: few with every test, and many in the long form,
/// `TEMPO_FORGERIES=long cargo test --release -p tempo-message --test it sign:: -- --nocapture`.
fn few_or_many<T>(few: T, many: T) -> T {
    if env::var("TEMPO_FORGERIES").as_deref() == Ok("long") { many } else { few }
}

/// Every bit, also where the forger repairs the digest.
#[test]
fn no_changed_bit_is_accepted() {
    let frames = few_or_many(8, 200);
    let tried = Cell::new(0_usize);
    let mut runner =
        TestRunner::new(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(frames) });
    let every_bit = |(message, number)| {
        let signer = signer(number);
        let frame = Frame::sign(&by(&signer, message), &signer).unwrap();
        let content = content(&frame);
        for bit in 0..content.len() * 8 {
            let mut forged = content.clone();
            forged[bit / 8] ^= 1 << (bit % 8);
            prop_assert!(!is_accepted(&seal(forged), &signer.key()), "bit {}", bit);
        }
        prop_assert!(is_accepted(&seal(content.clone()), &signer.key()));
        tried.set(tried.get() + content.len() * 8);
        Ok(())
    };
    runner.run(&(message(), any::<u8>()), every_bit).unwrap();
    println!("{} bits of {frames} frames", tried.get());
}

#[test]
fn no_signature_fits_another_message() {
    let frames = signed_frames(few_or_many(40, 1001));
    let mut tried = 0;
    for (at, (frame, owner)) in frames.iter().enumerate() {
        let content = content(frame);
        let signed = content.len() - Signature::LEN;
        for (from, (other, signer)) in frames.iter().enumerate() {
            let mut forged = content.clone();
            forged[signed..].copy_from_slice(other.signature().unwrap().as_bytes());
            let forged = seal(forged);
            assert_eq!(is_accepted(&forged, owner), from == at, "{from} on {at}");
            assert!(signer == owner || !is_accepted(&forged, signer), "{from} on {at}");
            tried += usize::from(from != at);
        }
    }
    assert_eq!(tried, frames.len() * (frames.len() - 1));
    println!("{tried} exchanged signatures");
}

/// Returns different frames with the keys of their authors: some that differ in little, and then any shapes.
fn signed_frames(count: usize) -> Vec<(Frame, AuthorKey)> {
    let similar = |number: u8, counter: u64, text: &'static str| {
        let message = Message {
            id: MessageId { author: author_of(1), counter },
            lamport: Lamport(counter),
            unix_ms: 0,
            previous: (counter > 1).then(|| Digest::of(b"before")),
            parents: Vec::new(),
            key: None,
            kind: tempo_message::Kind::Payload,
            attachments: Vec::new(),
            extensions: Vec::new(),
            payload: Bytes::from_static(text.as_bytes()),
        };
        (number, message)
    };
    let texts = ["a", "b", "as long as", "one longer"];
    let similar = [1, 2].into_iter().flat_map(|number| {
        (1..4).flat_map(move |counter| texts.into_iter().map(move |text| similar(number, counter, text)))
    });
    let mut runner = TestRunner::deterministic();
    let any_shape = (1_u8..33, message());
    let any = std::iter::repeat_with(|| any_shape.new_tree(&mut runner).unwrap().current());
    let sign = |(number, message)| {
        let signer = signer(number);
        (Frame::sign(&by(&signer, message), &signer).unwrap(), signer.key())
    };
    let frames: Vec<(Frame, AuthorKey)> = similar.chain(any).take(count).map(sign).collect();
    let different: BTreeSet<Digest> = frames.iter().map(|(frame, _)| frame.digest()).collect();
    assert_eq!(different.len(), count);
    frames
}

#[test]
fn a_signature_cannot_be_stripped_or_moved_to_another_author() {
    let ana = signer(1);
    let first = Message {
        id: MessageId { author: ana.key().author(), counter: 1 },
        lamport: Lamport(1),
        unix_ms: 0,
        previous: None,
        parents: Vec::new(),
        key: Some(ana.key()),
        kind: tempo_message::Kind::Payload,
        attachments: Vec::new(),
        extensions: Vec::new(),
        payload: Bytes::from_static(b"hello"),
    };
    assert_eq!(Frame::encode(&first), Err(EncodeError::Shape(ShapeError::Signature)));
    let keyless = Message { key: None, ..first.clone() };
    assert_eq!(Frame::sign(&keyless, &ana), Err(EncodeError::Shape(ShapeError::KeyMissing)));
    assert_eq!(Frame::sign(&first, &signer(2)), Err(EncodeError::Shape(ShapeError::ForeignKey)));
    let plain = Message { id: MessageId { author: author_of(1), counter: 1 }, key: None, ..first.clone() };
    assert_eq!(Frame::sign(&plain, &ana), Err(EncodeError::Shape(ShapeError::Signature)));
    assert!(!is_signed(author_of(1)));

    let frame = Frame::sign(&first, &ana).unwrap();
    let mut stripped = content(&frame);
    stripped.truncate(stripped.len() - Signature::LEN);
    stripped[5] = 0;
    stripped[8] -= 64;
    assert!(matches!(Frame::decode(&seal(stripped)), Decoded::Bad(BadFrame::Header | BadFrame::Shape(_))));
    // Another key under the same name, with a signature that holds for it.
    let ben = signer(2);
    let mut stolen = content(&frame);
    let key_at = stolen.windows(32).position(|bytes| bytes == ana.key().as_bytes()).unwrap();
    stolen[key_at..key_at + 32].copy_from_slice(ben.key().as_bytes());
    assert_eq!(Frame::decode(&seal(stolen)), Decoded::Bad(BadFrame::Shape(ShapeError::ForeignKey)));
}

#[test]
fn a_head_is_proven_by_its_author_alone() {
    let ana = signer(1);
    let head = Head {
        author: ana.key().author(),
        name: Some("Ana".to_owned()),
        place: None,
        counter: 3,
        digest: Some(Digest::of(b"third")),
        lamport: Lamport(9),
        seen: vec![(author_of(4), 2)],
        wanted: Vec::new(),
        life: Life { number: 1, nonce: 5 },
        unix_ms: 7,
        seal: None,
    };
    assert!(!Head::decode(&head.encode()).unwrap().is_proven(&Ed25519), "without a signature");
    let signed = head.clone().signed(&ana);
    let decoded = Head::decode(&signed.encode()).unwrap();
    assert_eq!(decoded, signed);
    assert!(decoded.is_proven(&Ed25519));
    let placed = Head { place: Some("jam.session".to_owned()), ..signed.clone() };
    assert!(Head::decode(&placed.encode()).unwrap().is_proven(&Ed25519), "the transport fills in the place");
    assert!(!head.clone().signed(&signer(2)).is_proven(&Ed25519), "the key of another");
    let bytes = signed.encode();
    for bit in 0..(bytes.len() - Digest::LEN) * 8 {
        let mut forged = bytes[..bytes.len() - Digest::LEN].to_vec();
        forged[bit / 8] ^= 1 << (bit % 8);
        let forged = Head::decode(&seal(forged));
        assert!(!forged.is_ok_and(|head| head.is_proven(&Ed25519) && head.author == ana.key().author()), "bit {bit}");
    }
}

#[test]
fn a_purpose_is_part_of_what_is_signed() {
    let ana = signer(1);
    let digest = Digest::of(b"the same");
    let purposes = [Purpose::Frame, Purpose::Head, Purpose::Successor];
    for signed in purposes {
        let signature = ana.sign(&Statement { purpose: signed, digest });
        for claimed in purposes {
            let statement = Statement { purpose: claimed, digest };
            assert_eq!(Ed25519.verify(&ana.key(), &statement, &signature), signed == claimed);
        }
    }
}

#[test]
fn secrets_are_not_printed() {
    let ana = signer(0x5a);
    let printed = format!("{ana:?}");
    assert!(!printed.contains("5a") && !printed.contains("90"), "{printed}");
}

/// Keys and signatures on which implementations disagree. The verdicts are frozen here, because two members with two
/// verdicts would have two histories.
#[test]
fn edge_cases_have_one_verdict() {
    let statement = Statement { purpose: Purpose::Frame, digest: Digest::of(b"edge") };
    // A key of order one, under which a signature of zeros would hold for any message.
    let mut identity = [0; 32];
    identity[0] = 1;
    let mut signature = [0; 64];
    signature[0] = 1;
    assert!(!Ed25519.verify(&AuthorKey::from_bytes(identity), &statement, &Signature::from_bytes(signature)));
    // The other keys of small order.
    for key in [
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0000000000000000000000000000000000000000000000000000000000000080",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    ] {
        let key = AuthorKey::from_bytes(*key.parse::<Digest>().unwrap().as_bytes());
        assert!(!Ed25519.verify(&key, &statement, &Signature::from_bytes(signature)), "{key:?}");
    }
    // The second form of a valid signature: the scalar plus the order of the group.
    let ana = signer(1);
    let good = ana.sign(&statement);
    assert!(Ed25519.verify(&ana.key(), &statement, &good));
    let order = "edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010".parse::<Digest>().unwrap();
    let mut second = *good.as_bytes();
    let mut carry = 0;
    for (byte, add) in second[32..].iter_mut().zip(order.as_bytes()) {
        let sum = u16::from(*byte) + u16::from(*add) + carry;
        (*byte, carry) = (sum.to_le_bytes()[0], sum >> 8);
    }
    assert!(!Ed25519.verify(&ana.key(), &statement, &Signature::from_bytes(second)));
}

/// The first two vectors of RFC 8032, section 7.1, by their keys. What is signed here has a purpose before it, so the
/// signatures themselves are compared by the library.
#[test]
fn keys_are_those_of_rfc_8032() {
    for (seed, key) in [
        (
            "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        ),
        (
            "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        ),
    ] {
        let signer = SecretKey::from_seed(seed.parse::<Digest>().unwrap().as_bytes());
        assert_eq!(signer.key().as_bytes(), key.parse::<Digest>().unwrap().as_bytes());
    }
}
