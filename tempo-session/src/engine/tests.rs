//! Sessions that continue from the snapshots of earlier ones, and one that loses its name while it sends.

use std::{
    error::Error,
    sync::{Arc, OnceLock},
    time::Duration,
};

use tempo_clock::AuthorId;
use tempo_message::{Durability, Ed25519, Kind, MemoryMedium, SecretKey, Sign, Transport, Verify};
use uuid::Uuid;

use crate::{
    api::{components::Components, session::Session},
    core::{driving::Input, identity::conflict::IdentityConflict, session_core::SessionCore},
    engine::{driver::Driver, event::Event, identity::IdentitySource, resume::Resumed, turn::Turn},
    store::{contract::Store, marks::Marks, memory::MemoryStore},
};

/// Opens a session on a store.
fn open(medium: &MemoryMedium, store: &MemoryStore) -> (Session, Driver) {
    let components = Components {
        snapshot_after: Some(6),
        ..Components::new(Box::new(medium.transport()), Box::new(store.clone()))
    };
    Session::assemble(components).unwrap()
}

fn drain(driver: &mut Driver) {
    while driver.turn() == Turn::Again {}
}

fn ed25519() -> Arc<dyn Verify> {
    Arc::new(Ed25519)
}

/// Resumes from the log alone.
fn from_log(store: &MemoryStore) -> Resumed {
    let mut resumed = Resumed::nothing(&store.marks().unwrap(), &ed25519(), None);
    resumed.restore(|each| store.restore(0, each)).unwrap();
    resumed
}

/// A snapshot cannot name an own message that waits for another one; the message must not be
/// forgotten.
#[test]
fn a_waiting_own_message_is_looked_after_once_accepted() {
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
        let from_snapshot = Resumed::from(&store, &store.marks().unwrap(), &ed25519(), None).unwrap();
        let waits = from_log(&store).core.held_len() > 0;
        assert_eq!(waits, late.len() > 1);
        assert_eq!(from_snapshot.snapshots.log(), if waits { 0 } else { store.log_end().unwrap() });
    }
    let from_snapshot = Resumed::from(&store, &store.marks().unwrap(), &ed25519(), None).unwrap();
    assert!(from_snapshot.own.len() >= frames.len());
    assert_eq!(from_snapshot.own, from_log(&store).own);
}

/// Each session that is closed leaves a snapshot with all messages, however few it added. The next
/// session opens from it and looks after the same messages as a session that reads the log.
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
        let from_snapshot = Resumed::from(&store, &store.marks().unwrap(), &ed25519(), None).unwrap();
        let Resumed { own, snapshots, .. } = &from_snapshot;
        assert_eq!((snapshots.log(), own.len()), (store.log_end().unwrap(), messages));
        assert_eq!(*own, from_log(&store).own);
    }
}

/// The first author's name turns out to be in use elsewhere while its key is being read.
#[derive(Debug)]
struct Overtaken {
    session: Arc<OnceLock<Session>>,
    authors: u8,
}

impl Overtaken {
    fn key(number: u8) -> SecretKey {
        SecretKey::from_seed(&[number; 32])
    }
}

impl IdentitySource for Overtaken {
    fn author(&mut self) -> Result<AuthorId, Box<dyn Error + Send + Sync>> {
        self.authors += 1;
        Ok(Self::key(self.authors).key().author())
    }

    fn signer(&mut self, author: AuthorId) -> Result<Option<Box<dyn Sign>>, Box<dyn Error + Send + Sync>> {
        if let Some(session) = self.session.get().filter(|_| self.authors == 1) {
            session.shared().lock().core.handle(Input::Conflict(IdentityConflict::Copied));
        }
        let key = (1..=self.authors).map(Self::key).find(|key| key.key().author() == author);
        Ok(key.map(|key| Box::new(key) as Box<dyn Sign>))
    }

    fn nonce(&mut self) -> u64 {
        self.authors.into()
    }
}

#[test]
fn a_conflict_that_is_found_during_a_send_costs_the_name_and_not_the_message() {
    let mut identity = Overtaken { session: Arc::default(), authors: 0 };
    let (former, slot) = (identity.author().unwrap(), Arc::clone(&identity.session));
    let (medium, store) = (MemoryMedium::default(), MemoryStore::new(Some(former)));
    let components =
        Components { identity: Box::new(identity), ..Components::new(Box::new(medium.transport()), Box::new(store)) };
    let (session, mut driver) = Session::assemble(components).unwrap();
    slot.set(session).unwrap();
    let session = slot.get().unwrap();
    let id = session.send("not lost").unwrap();
    drain(&mut driver);
    assert_ne!(id.author, former);
    assert_eq!(session.author(), Some(id.author));
    assert_eq!(session.timeline().map(|entry| entry.unwrap().id).collect::<Vec<_>>(), [id]);
    let mut events = std::iter::from_fn(|| session.poll().unwrap());
    let author = id.author;
    assert!(events.any(|event| event == Event::NewAuthor { former, author, why: IdentityConflict::Copied }));
}
