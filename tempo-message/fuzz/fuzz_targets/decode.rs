//! Any bytes as a file of frames: every answer is consistent, nothing panics, nothing loops.

#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use tempo_message::{Decoded, Frame};

fuzz_target!(|data: &[u8]| {
    let mut rest = Bytes::copy_from_slice(data);
    loop {
        let used = match Frame::decode(&rest) {
            Decoded::Whole(frame) => {
                // A header may spell a number longer than needed, so only the meaning has to come back. Nobody here can
                // make the signature again.
                if frame.signature().is_none() {
                    let again = Frame::encode(frame.message()).expect("what was decoded has a sound shape");
                    assert_eq!(again.message(), frame.message());
                }
                frame.bytes().len()
            }
            Decoded::Unsupported { used, .. } => used,
            Decoded::Incomplete { missing } => {
                assert!(missing > 0);
                break;
            }
            Decoded::Bad(_) => break,
            _ => break,
        };
        assert!(used >= 44 && used <= rest.len());
        rest = rest.slice(used..);
    }
});
