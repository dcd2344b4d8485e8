//! Several frames in a row: each decodes as it does alone, whether it was checked ahead or not.

use bytes::Bytes;
use proptest::prelude::*;
use tempo_message::{Decoded, Frame, Frames};

use crate::strategy::message;

proptest! {
    #[test]
    fn frames_are_read_one_after_the_other(messages in prop::collection::vec(message(), 1..6), ahead in 0_usize..6) {
        let frames: Vec<Frame> = messages.iter().map(|message| Frame::encode(message).unwrap()).collect();
        let mut all = Frames::new(concatenated(&frames));
        for (number, frame) in frames.iter().enumerate() {
            if number == ahead {
                all.check_ahead();
            }
            prop_assert_eq!(all.next(), Some(Decoded::Whole(frame.clone())));
        }
        prop_assert_eq!(all.next(), None);
    }

    /// For any bytes and any number of frames checked ahead, each position decodes as it does alone.
    #[test]
    fn checking_ahead_changes_nothing(
        messages in prop::collection::vec(message(), 0..6),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..3),
        cut in any::<prop::sample::Index>(),
        (is_cut, ahead) in (any::<bool>(), 0_usize..6),
    ) {
        let frames: Vec<Frame> = messages.iter().map(|message| Frame::encode(message).unwrap()).collect();
        let mut bytes = concatenated(&frames).to_vec();
        for (at, byte) in changes.into_iter().filter(|_| !frames.is_empty()) {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if is_cut && !bytes.is_empty() {
            bytes.truncate(cut.index(bytes.len()));
        }
        let mut all = Frames::new(bytes.into());
        let mut rest = all.bytes().clone();
        let mut number = 0;
        loop {
            if number == ahead {
                all.check_ahead();
            }
            let Some(decoded) = all.next() else { break };
            prop_assert_eq!(&decoded, &Frame::decode(&rest));
            number += 1;
            let used = match decoded {
                Decoded::Whole(frame) => frame.bytes().len(),
                Decoded::Unsupported { used, .. } => used,
                _ => {
                    prop_assert_eq!(all.next(), None);
                    break;
                }
            };
            rest = rest.slice(used..);
        }
    }
}

#[test]
fn an_empty_input_is_not_a_frame() {
    let mut none = Frames::new(Bytes::new());
    none.check_ahead();
    assert!(matches!(none.next(), Some(Decoded::Incomplete { .. })));
    assert_eq!(none.next(), None);
}

fn concatenated(frames: &[Frame]) -> Bytes {
    frames.iter().flat_map(|frame| frame.bytes().to_vec()).collect::<Vec<_>>().into()
}
