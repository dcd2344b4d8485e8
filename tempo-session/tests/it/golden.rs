//! The bytes that a store keeps, frozen. `TEMPO_BLESS=1` rewrites them; a change here requires
//! another format number.

use std::{env, fs, path::PathBuf, time::Duration};

use tempo_message::{Life, MemoryMedium};
use tempo_session::store::{Absent, Marks, MemoryStore, OwnAuthor, Packed, Store};

use crate::{
    session::{drain, open},
    support::author,
};

fn compare(name: &str, bytes: &[u8]) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("testdata").join(name);
    if env::var_os("TEMPO_BLESS").is_some() {
        fs::write(&path, bytes).unwrap();
    }
    let golden = fs::read(&path).unwrap();
    assert!(golden == bytes, "{name} is written unlike {}:\n{bytes:02x?}\n{golden:02x?}", path.display());
}

/// A conversation with a name, an answer, and a message that waits.
#[test]
fn a_snapshot_has_exactly_these_bytes() {
    let (medium, store) = (MemoryMedium::default(), MemoryStore::new(Some(author(0))));
    let (ana, mut ana_driver) = open(&medium, store.clone());
    let (ben, mut ben_driver) = open(&medium, MemoryStore::new(Some(author(1))));
    ana.announce_name("Ana").unwrap();
    ana.send("hello").unwrap();
    drain(&mut ana_driver);
    drain(&mut ben_driver);
    ben.send("hello Ana").unwrap();
    drain(&mut ben_driver);
    drain(&mut ana_driver);
    ana.close_within(Duration::ZERO).unwrap();
    let snapshot = store.snapshot().unwrap().unwrap();
    compare("snapshot", &snapshot);

    let (again, _driver) = open(&medium, store);
    assert_eq!((again.timeline().len(), again.status().unpublished), (2, 2));
}

#[test]
fn marks_have_exactly_these_bytes() {
    let own = |number, joined, audited| OwnAuthor { author: author(number), joined, audited };
    let marks = Marks {
        own: vec![own(0, true, 7), own(1, false, 0)],
        lives: vec![Life { number: 1, nonce: u64::MAX }, Life { number: 2, nonce: 3 }],
        place: Some(b"here".to_vec()),
        stable: tempo_session::Lamport(9),
        packs: vec![Packed { author: author(0), first: 1, last: 64, since_ms: -1 }],
        absent: vec![Absent { author: author(2), since_ms: Some(5), relayed: 1 }],
        back: vec![(author(3), 6)],
        stable_by: vec![author(1)],
    };
    let bytes = postcard::to_allocvec(&marks).unwrap();
    compare("marks", &bytes);
    assert_eq!(postcard::from_bytes::<Marks>(&bytes).unwrap(), marks);
}
