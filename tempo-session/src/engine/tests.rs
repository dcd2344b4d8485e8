//! Sessions that go on from the snapshots of earlier ones.

use std::time::Duration;

use tempo_clock::AuthorId;
use tempo_message::{Durability, Kind, MemoryMedium, Transport};
use uuid::Uuid;

use crate::{
    api::{parts::Parts, session::Session},
    core::session_core::SessionCore,
    engine::{
        driver::{Driver, Turn},
        resume::Resumed,
    },
    store::{contract::Store, marks::Marks, memory::MemoryStore},
};

/// A session on this store.
fn open(medium: &MemoryMedium, store: &MemoryStore) -> (Session, Driver) {
    let parts = Parts { snapshot_after: Some(6), ..Parts::new(Box::new(medium.transport()), Box::new(store.clone())) };
    Session::assemble(parts).unwrap()
}

fn drain(driver: &mut Driver) {
    while driver.turn() == Turn::Again {}
}

/// What the log says alone.
fn from_log(store: &MemoryStore) -> Resumed {
    let mut resumed = Resumed::nothing(&store.marks().unwrap(), None);
    resumed.restore(|each| store.restore(0, each)).unwrap();
    resumed
}

/// An own message that waits for another one is not forgotten by a snapshot that cannot name it.
#[test]
fn what_waits_is_looked_after_when_it_is_accepted() {
    let [former, author] = [1, 2].map(|number| AuthorId::new(Uuid::from_u128(number)));
    let frames = SessionCore::new(Some(former)).compose((0..9).map(|n| (Kind::Payload, vec![n].into())), 5).unwrap();
    let (medium, store) = (MemoryMedium::default(), MemoryStore::new(Some(former)));
    store.set_marks(&Marks::new(Some(former)).succeeded_by(author)).unwrap();
    let mut transport = medium.transport();
    transport.join(former).unwrap();
    for late in [&frames[1..], &frames[..1]] {
        for frame in late {
            transport.publish(frame, Durability::Durable).unwrap();
        }
        let (session, mut driver) = open(&medium, &store);
        drain(&mut driver);
        session.close_within(Duration::ZERO).unwrap();
        let from_snapshot = Resumed::from(&store, &store.marks().unwrap(), None).unwrap();
        let waits = from_log(&store).core.held_len() > 0;
        assert_eq!(waits, late.len() > 1);
        assert_eq!(from_snapshot.snapshots.log(), if waits { 0 } else { store.log_end().unwrap() });
    }
    let from_snapshot = Resumed::from(&store, &store.marks().unwrap(), None).unwrap();
    assert!(from_snapshot.own.len() >= frames.len());
    assert_eq!(from_snapshot.own, from_log(&store).own);
}

/// However few messages a session adds before it is closed, the next one opens from a snapshot that has all of them, and
/// looks after the same messages as one that reads the log.
#[test]
fn every_session_leaves_a_snapshot_when_it_is_closed() {
    let author = AuthorId::new(Uuid::from_u128(1));
    let (medium, store) = (MemoryMedium::default(), MemoryStore::new(Some(author)));
    let mut messages = 0;
    for sent in [1, 0, 2, 3, 7, 1, 16, 4, 5] {
        let (session, mut driver) = open(&medium, &store);
        for number in 0..sent {
            session.send(format!("message {number}")).unwrap();
            drain(&mut driver);
        }
        session.close_within(Duration::ZERO).unwrap();
        messages += sent;
        let from_snapshot = Resumed::from(&store, &store.marks().unwrap(), None).unwrap();
        let Resumed { own, snapshots, .. } = &from_snapshot;
        assert_eq!((snapshots.log(), own.len()), (store.log_end().unwrap(), messages));
        assert_eq!(*own, from_log(&store).own);
    }
}
