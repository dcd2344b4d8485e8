//! Payload codecs: a value survives a round trip, and other bytes are not mistaken for a value.

use proptest::prelude::*;
use serde::{Deserialize, Serialize};
use tempo_message::{Codec, CodecError, Postcard};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Note {
    Text { body: String, bold: bool },
    Tempo(u16),
}

fn note() -> impl Strategy<Value = Note> {
    prop_oneof![
        (any::<String>(), any::<bool>()).prop_map(|(body, bold)| Note::Text { body, bold }),
        any::<u16>().prop_map(Note::Tempo),
    ]
}

fn round_trip<C: Codec>(note: &Note) {
    let bytes = C::encode(note).unwrap();
    assert_eq!(&C::decode::<Note>(&bytes).unwrap(), note);
    let mut longer = bytes.clone();
    longer.push(b'0');
    assert!(C::decode::<Note>(&longer).is_err(), "bytes after the value were ignored");
    assert!(C::decode::<Note>(&bytes[..bytes.len() - 1]).is_err(), "a value cut short was read");
}

proptest! {
    #[test]
    fn postcard_keeps_values(note in note()) {
        round_trip::<Postcard>(&note);
    }

    #[cfg(feature = "json")]
    #[test]
    fn json_keeps_values(note in note()) {
        round_trip::<tempo_message::Json>(&note);
    }
}

#[test]
fn bytes_after_a_value_are_counted() {
    let error = Postcard::decode::<u8>(&[7, 8, 9]).unwrap_err();
    assert!(matches!(error, CodecError::Trailing { left: 2 }), "{error:?}");
}
