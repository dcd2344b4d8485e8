//! Heads: their bytes, the effect of damage, and merging.

use proptest::{collection, prelude::*};
use tempo_message::{BadHead, Digest, Head, Lamport, Life, MAX_HEAD, MessageId};

use crate::strategy::author_of;

fn named(((author, counter), digest): ((u128, u64), [u8; 32])) -> (MessageId, Digest) {
    (MessageId { author: author_of(author), counter }, Digest::from_bytes(digest))
}

fn head() -> impl Strategy<Value = Head> {
    let name = proptest::option::of("[a-z]{1,20}");
    let seen = collection::btree_map((1_u128..9).prop_map(author_of), any::<u64>(), 0..6);
    let life = (0_u64..9, any::<u64>()).prop_map(|(number, nonce)| Life { number, nonce });
    let wanted = collection::btree_map((1_u128..9, any::<u64>()), any::<[u8; 32]>(), 0..4);
    (name, any::<u64>(), any::<Option<[u8; 32]>>(), any::<u64>(), seen, wanted, life, any::<i64>()).prop_map(
        |(name, counter, digest, lamport, seen, wanted, life, unix_ms)| Head {
            author: author_of(0),
            place: name.as_ref().map(|name| format!("{name}.session")),
            name,
            counter,
            digest: digest.map(Digest::from_bytes),
            lamport: Lamport(lamport),
            seen: seen.into_iter().collect(),
            wanted: wanted.into_iter().map(named).collect(),
            life,
            unix_ms,
            seal: None,
        },
    )
}

proptest! {
    #[test]
    fn a_head_survives_a_round_trip(head in head()) {
        prop_assert_eq!(Head::decode(&head.encode()), Ok(head));
    }

    #[test]
    fn a_prefix_is_incomplete_and_a_changed_byte_shows(head in head(), at in any::<prop::sample::Index>(), bit in 0_u8..8) {
        let bytes = head.encode();
        let at = at.index(bytes.len());
        prop_assert_eq!(Head::decode(&bytes[..at]), Err(BadHead::Incomplete));
        let mut changed = bytes.to_vec();
        changed[at] ^= 1 << bit;
        prop_assert!(Head::decode(&changed).is_err());
    }

    #[test]
    fn arbitrary_bytes_do_not_panic(bytes in collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(Head::decode(&bytes).is_err());
    }

    #[test]
    fn merging_does_not_depend_on_the_order(heads in collection::vec(head(), 1..5)) {
        let merged = |order: Vec<&Head>| {
            let mut merged = order[0].clone();
            order.iter().for_each(|head| merged.merge(head));
            merged.name = None;
            merged.wanted.clear();
            merged
        };
        let forwards = merged(heads.iter().collect());
        prop_assert_eq!(&forwards, &merged(heads.iter().rev().collect()));
        for head in &heads {
            prop_assert!(forwards.counter >= head.counter && forwards.lamport >= head.lamport && forwards.life >= head.life);
            for &(author, counter) in &head.seen {
                prop_assert!(forwards.seen.iter().any(|&(other, seen)| other == author && seen >= counter));
            }
        }
    }
}

#[test]
fn a_head_with_every_author_stays_within_its_limit() {
    let seen = (0..5000).map(|number| (author_of(u128::MAX - number), u64::MAX)).collect();
    let head = Head {
        author: author_of(0),
        name: Some("n".repeat(1000)),
        place: None,
        counter: u64::MAX,
        digest: Some(Digest::of(b"last")),
        lamport: Lamport(u64::MAX),
        seen,
        wanted: (0..1000).map(|number| named(((u128::MAX - number, u64::MAX), [7; 32]))).collect(),
        life: Life { number: u64::MAX, nonce: u64::MAX },
        unix_ms: i64::MIN,
        seal: None,
    };
    let bytes = head.encode();
    assert!(bytes.len() <= MAX_HEAD, "{} bytes", bytes.len());
    let decoded = Head::decode(&bytes).unwrap();
    assert_eq!((decoded.seen.len(), decoded.name), (Head::MAX_SEEN, None));
    assert_eq!(decoded.wanted.len(), Head::MAX_WANTED);
}
