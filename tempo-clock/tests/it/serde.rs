//! Every type survives a round trip; deserializing a broken set of counters fails.

use tempo_clock::{AuthorId, Counters, Lamport, Seen, Stamp};
use uuid::Uuid;

#[test]
fn every_type_survives_a_round_trip() {
    let author = AuthorId::new(Uuid::from_u128(7));
    let stamp = Stamp { lamport: Lamport(3), unix_ms: -9, author };
    let mut seen = Seen::default();
    seen.insert(author, 1);
    seen.insert(author, 9);
    let bytes = postcard::to_allocvec(&(stamp, &seen)).unwrap();
    let (stamp_back, seen_back): (Stamp, Seen) = postcard::from_bytes(&bytes).unwrap();
    assert_eq!((stamp_back, seen_back), (stamp, seen));
}

#[test]
fn invalid_runs_are_refused() {
    for runs in [vec![(3_u64, 2_u64)], vec![(1, 2), (3, 4)], vec![(5, 6), (1, 2)], vec![(1, u64::MAX), (2, 3)]] {
        let bytes = postcard::to_allocvec(&runs).unwrap();
        assert!(postcard::from_bytes::<Counters>(&bytes).is_err(), "{runs:?} was taken");
    }
    let sound = postcard::to_allocvec(&vec![(1_u64, 2_u64), (4, 4)]).unwrap();
    assert_eq!(postcard::from_bytes::<Counters>(&sound).unwrap().len(), 3);
}
