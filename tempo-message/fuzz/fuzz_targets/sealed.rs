//! Any bytes behind a sound prelude and before the right digest, so that the fuzzer gets past both.

#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use tempo_message::{Decoded, Digest, Frame, MAX_EXTENSIONS, MAX_PARENTS};

fuzz_target!(|data: &[u8]| {
    let Some((&[split, flavor], body)) = data.split_first_chunk::<2>() else { return };
    let header_len = body.len() * usize::from(split) / 255;
    let Ok(short) = u16::try_from(header_len) else { return };
    let flags = match flavor % 250 {
        249 => 1,
        odd if odd % 2 == 1 => 2,
        _ => 0,
    };
    let mut bytes = vec![0xf7, b'T', b'M', b'P', 1 + flavor / 250, flags];
    bytes.extend_from_slice(&short.to_le_bytes());
    bytes.extend_from_slice(&u32::try_from(body.len() - header_len).expect("inputs are small").to_le_bytes());
    bytes.extend_from_slice(body);
    let digest = Digest::of(&bytes);
    bytes.extend_from_slice(digest.as_bytes());
    let len = bytes.len();
    match Frame::decode(&Bytes::from(bytes)) {
        Decoded::Whole(frame) => {
            assert_eq!(frame.digest(), digest);
            assert_eq!(frame.bytes().len(), len);
            assert!(frame.message().parents.len() <= MAX_PARENTS);
            assert!(frame.message().extensions.len() <= MAX_EXTENSIONS);
            assert_eq!(frame.message().check_shape(), Ok(()));
        }
        Decoded::Unsupported { digest: found, used, .. } => assert_eq!((found, used), (digest, len)),
        Decoded::Bad(_) => {}
        other => panic!("a sealed frame is {other:?}"),
    }
});
