//! Names of messages have exactly one spelling.

use proptest::prelude::*;
use tempo_message::{CounterName, Digest, MessageId};

use crate::strategy::author_of;

proptest! {
    #[test]
    fn an_id_can_be_parsed_from_its_display(author: u128, counter in 1_u64..) {
        let id = MessageId { author: author_of(author), counter };
        prop_assert_eq!(id.to_string().parse(), Ok(id));
        prop_assert_eq!(id.to_string().len(), 36 + 1 + 16);
        let upper = id.to_string().to_uppercase();
        prop_assert_eq!(upper.parse::<MessageId>().is_ok(), upper == id.to_string());
    }

    #[test]
    fn a_counter_name_is_the_counter_in_hex(counter in 1_u64..) {
        let name = CounterName::new(counter);
        prop_assert_eq!(name.as_str(), &format!("{counter:016x}"));
        prop_assert_eq!(CounterName::parse(name.as_str().as_bytes()), Some(counter));
    }

    #[test]
    fn nothing_else_is_a_counter(bytes in prop::collection::vec(any::<u8>(), 0..20)) {
        if let Some(counter) = CounterName::parse(&bytes) {
            let name = CounterName::new(counter);
            prop_assert_eq!(name.as_str().as_bytes(), &bytes[..]);
        }
    }

    #[test]
    fn a_digest_can_be_parsed_from_its_display(bytes: [u8; 32]) {
        let digest = Digest::from_bytes(bytes);
        prop_assert_eq!(digest.to_string().parse(), Ok(digest));
    }
}

#[test]
fn zero_signs_and_other_lengths_are_not_counters() {
    for name in ["0000000000000000", "+000000000000001", "000000000000001", "00000000000000001", "000000000000000A", ""]
    {
        assert_eq!(CounterName::parse(name.as_bytes()), None, "{name:?}");
    }
    assert!("0A".repeat(32).parse::<Digest>().is_err());
}
