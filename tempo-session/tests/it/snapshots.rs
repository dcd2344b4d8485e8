//! Opening from a snapshot equals opening from the log.

use std::time::Duration;

use tempo_message::{Durability, MemoryMedium};
use tempo_session::{
    Session,
    core::SessionCore,
    store::{MemoryStore, Origin, Record, Store},
};

use crate::{
    session::{drain, open},
    support::{Place, author, send, texts, timeline, wait_until},
};

/// Returns the store of a member that has talked with another one for a while.
fn talked() -> (MemoryMedium, MemoryStore, Vec<String>) {
    let (medium, store) = (MemoryMedium::default(), MemoryStore::new(Some(author(0))));
    let (ana, mut ana_driver) = open(&medium, store.clone());
    let (ben, mut ben_driver) = open(&medium, MemoryStore::new(Some(author(1))));
    ana.announce_name("Ana").unwrap();
    for number in 0..20 {
        ana.send(format!("{number}, says Ana")).unwrap();
        drain(&mut ana_driver);
        drain(&mut ben_driver);
        ben.send(format!("{number}, says Ben")).unwrap();
        drain(&mut ben_driver);
    }
    drain(&mut ana_driver);
    let said = texts(&timeline(&ana));
    assert_eq!(said.len(), 40);
    (medium, store, said)
}

#[test]
fn a_session_continues_from_its_snapshot() {
    let (medium, store, said) = talked();
    let snapshot = store.snapshot().unwrap().unwrap();
    // The log must not be read where a snapshot covers it: it may say something else.
    let other = MemoryStore::new(Some(author(0)));
    let mut stranger = SessionCore::new(Some(author(9)));
    let records = (0..99).map(|_| Record { frame: send(&mut stranger, "", 0), origin: Origin::Received });
    other.commit(&records.collect::<Vec<_>>(), Durability::Durable).unwrap();
    other.keep_snapshot(&snapshot).unwrap();
    let (ana, _driver) = open(&medium, other);
    assert!((30..=40).contains(&ana.timeline().len()), "the last few are in no snapshot yet");

    let (ana, mut driver) = open(&medium, store.clone());
    assert_eq!(texts(&timeline(&ana)), said);
    assert_eq!((ana.timeline().len(), ana.status().unpublished), (40, 21), "everything is compared with the folder");
    drain(&mut driver);
    assert_eq!(ana.status().unpublished, 0);
    assert_eq!(ana.send("and goes on").unwrap().counter, 22);
    drain(&mut driver);
    drop((ana, driver));
    let (ana, _driver) = open(&medium, store);
    assert_eq!(texts(&timeline(&ana)).last().map(String::as_str), Some("and goes on"));
}

#[test]
fn an_unusable_snapshot_is_ignored() {
    let (medium, store, said) = talked();
    let whole = store.snapshot().unwrap().unwrap();
    let with = |at: usize, byte: u8| {
        let mut bytes = whole.clone();
        bytes[at] = byte;
        bytes
    };
    let newer = with(8, 0xff);
    let half = whole[..whole.len() / 2].to_vec();
    let damaged = with(whole.len() - 1, !whole[whole.len() - 1]);
    for bytes in [Vec::new(), b"TEMPOSNP".to_vec(), b"\xff\xff\xff not a snapshot".to_vec(), newer, half, damaged] {
        store.keep_snapshot(&bytes).unwrap();
        let (ana, _driver) = open(&medium, store.clone());
        assert_eq!(texts(&timeline(&ana)), said, "{bytes:?}");
        assert_eq!(ana.status().unpublished, 21, "{bytes:?}");
    }
    // The next session that closes leaves a sound snapshot.
    let (ana, mut driver) = open(&medium, store.clone());
    drain(&mut driver);
    ana.close_within(Duration::ZERO).unwrap();
    assert!(store.snapshot().unwrap().unwrap().len() >= whole.len(), "it has everything");
}

/// On a real folder, with the default settings.
#[test]
fn old_messages_are_looked_after() {
    let place = Place::new();
    // If the folder had no other member, it could be another folder.
    place.member("Ben").close().unwrap();
    let ana = place.member("Ana");
    ana.send_all((0..1500).map(|number| format!("message {number}"))).unwrap();
    wait_until(&ana, "everything is in the folder", |ana| ana.status().unpublished == 0);
    let own = ana.author().unwrap().to_string();
    ana.close().unwrap();
    crate::support::remove_dir_all(place.folder.join(&own)).unwrap();
    let ana = place.member("Ana");
    assert_eq!(ana.timeline().len(), 1500);
    let ben = Session::builder(&place.folder).observe().unwrap();
    wait_until(&ben, "everything is there again", |ben| ben.timeline().len() == 1500);
    ana.close().unwrap();
}
