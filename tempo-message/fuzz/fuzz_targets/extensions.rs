//! Any bytes as the extensions of a sound message, so that the fuzzer does not have to find the fields before them.

#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use tempo_message::{Decoded, Digest, Frame, Kind, Lamport, Message, Unsupported};

fuzz_target!(|area: &[u8]| {
    let plain = Message {
        id: "7b0e8e4e-3f53-4c36-9a7e-0d5a4c1b2a3f/0000000000000001".parse().expect("it is an id"),
        lamport: Lamport(1),
        unix_ms: 0,
        previous: None,
        parents: Vec::new(),
        kind: Kind::Payload,
        key: None,
        attachments: Vec::new(),
        extensions: Vec::new(),
        payload: Bytes::new(),
    };
    let frame = Frame::encode(&plain).expect("it is a message");
    let mut bytes = frame.bytes().to_vec();
    bytes.truncate(bytes.len() - Digest::LEN);
    bytes.extend_from_slice(area);
    let Ok(header_len) = u16::try_from(bytes.len() - 12) else { return };
    bytes[6..8].copy_from_slice(&header_len.to_le_bytes());
    let digest = Digest::of(&bytes);
    bytes.extend_from_slice(digest.as_bytes());
    let len = bytes.len();
    match Frame::decode(&Bytes::from(bytes)) {
        Decoded::Whole(frame) => {
            let message = frame.message();
            assert!(message.extensions.iter().all(|extension| !extension.is_critical()));
            assert_eq!(Message { extensions: Vec::new(), ..message.clone() }, plain);
            let again = Frame::encode(message).expect("what was decoded has a sound shape");
            assert_eq!(again.message(), message);
        }
        Decoded::Unsupported { what: Unsupported::Extension { id, tag }, digest: found, used } => {
            assert_eq!((id, tag & 1, found, used), (plain.id, 1, digest, len));
        }
        Decoded::Bad(_) => {}
        other => panic!("a sealed frame is {other:?}"),
    }
});
