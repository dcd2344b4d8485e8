//! The needs of opening a session, and the things that it does not wait for.

use std::{
    sync::{Arc, Mutex, mpsc},
    thread,
    time::Duration,
};

use tempo_message::MemoryMedium;
use tempo_session::{
    Session,
    components::{Components, Environment, Wakeup},
    error::OpenError,
    store::{MemoryStore, StoreError},
};

use crate::{
    guarded_store::{Act, GuardedStore},
    session::{Clock, drain, open},
    support::{Place, STUCK, author, texts, timeline},
};

const MESSAGES: usize = 300;

/// Returns the store of a member that has closed its session.
fn closed() -> (MemoryMedium, MemoryStore) {
    let (medium, store) = (MemoryMedium::default(), MemoryStore::new(Some(author(0))));
    let (ana, mut ana_driver) = open(&medium, store.clone());
    let (ben, mut ben_driver) = open(&medium, MemoryStore::new(Some(author(1))));
    ana.announce_name("Ana").unwrap();
    for number in 0..MESSAGES / 2 {
        ana.send(format!("{number}, says Ana")).unwrap();
        drain(&mut ana_driver);
        drain(&mut ben_driver);
        if number == MESSAGES / 4 {
            ben.announce_name("Ben").unwrap();
        }
        ben.send(format!("{number}, says Ben")).unwrap();
        drain(&mut ben_driver);
    }
    drain(&mut ana_driver);
    ana.close_within(Duration::ZERO).unwrap();
    (medium, store)
}

#[test]
fn a_store_that_cannot_be_read_is_not_opened() {
    let (medium, store) = closed();
    let broken = || StoreError::Damaged { path: "store".into(), what: "the disk is broken" };
    let breaking = GuardedStore::new(store.clone(), move |act| match act {
        Act::ReadSnapshot | Act::ReadLog => Err(broken()),
        _ => Ok(()),
    });
    let opened = Session::assemble(Components::new(Box::new(medium.transport()), Box::new(breaking)));
    assert!(matches!(opened, Err(OpenError::Store(StoreError::Damaged { what: "the disk is broken", .. }))));
    // Nothing was created in its place.
    let (ana, _driver) = open(&medium, store);
    assert_eq!(timeline(&ana).len(), MESSAGES);
}

/// Signals when a thread other than the test's asks for the time.
#[derive(Debug)]
struct Watched {
    clock: Clock,
    test: thread::ThreadId,
    asked: Mutex<mpsc::Sender<()>>,
}

impl Environment for Watched {
    fn now(&self) -> Duration {
        if thread::current().id() != self.test {
            // The test may have ended.
            let _ = self.asked.lock().unwrap().send(());
        }
        self.clock.now()
    }

    fn unix_ms(&self) -> i64 {
        self.clock.unix_ms()
    }

    fn wait(&self, wakeup: &Wakeup<'_>, until: Duration) {
        self.clock.wait(wakeup, until);
    }
}

#[test]
fn sending_waits_for_the_first_look() {
    let medium = MemoryMedium::default();
    let (ben, mut driver) = open(&medium, MemoryStore::new(Some(author(1))));
    ben.send_all(["one", "two", "three"]).unwrap();
    drain(&mut driver);
    let (asked, is_asked) = mpsc::channel();
    let components = Components {
        environment: Arc::new(Watched {
            clock: Clock::default(),
            test: thread::current().id(),
            asked: Mutex::new(asked.clone()),
        }),
        name: Some("Ana".to_owned()),
        first_look: Some(STUCK),
        ..Components::new(Box::new(medium.transport()), Box::new(MemoryStore::new(Some(author(0)))))
    };
    let (ana, mut driver) = Session::assemble(components).unwrap();
    let sender = ana.clone();
    let sending = thread::spawn(move || {
        let sent = sender.send("answer").unwrap();
        // From here on it is too late to wait.
        let _ = asked.send(());
        sent
    });
    is_asked.recv_timeout(STUCK).unwrap();
    drain(&mut driver);
    assert_eq!(sending.join().unwrap().counter, 2, "the name comes first");
    drain(&mut driver);
    let said = timeline(&ana);
    assert_eq!(texts(&said), ["one", "two", "three", "answer"], "the sender knew the earlier messages");
    assert_eq!(said[3].name.as_deref(), Some("Ana"));
}

#[test]
fn a_session_that_closes_at_once_has_announced_its_name() {
    let place = Place::new();
    let ana = place.member("ana");
    let author = ana.author().unwrap();
    assert_eq!(ana.close().unwrap().unpublished, 0);
    let ben = place.member("ben");
    ben.refresh(STUCK).unwrap();
    assert_eq!(ben.status().names().get(author), Some("ana"));
}

/// A snapshot is a cache; the log has everything.
#[test]
fn an_unreadable_snapshot_does_not_prevent_opening() {
    let (medium, store) = closed();
    let unreadable = GuardedStore::new(store, |act| match act {
        Act::ReadSnapshot => Err(StoreError::Damaged { path: "store".into(), what: "the snapshot is broken" }),
        _ => Ok(()),
    });
    let (ana, _driver) = open(&medium, unreadable);
    assert_eq!(timeline(&ana).len(), MESSAGES);
}

#[test]
fn flush_waits_for_the_first_look_within_its_patience() {
    let components = Components {
        first_look: Some(STUCK * 60),
        ..Components::new(Box::new(MemoryMedium::default().transport()), Box::new(MemoryStore::new(Some(author(0)))))
    };
    let (ana, _driver) = Session::assemble(components).unwrap();
    let (done, is_done) = mpsc::channel();
    thread::spawn(move || done.send(ana.flush(Duration::from_millis(1))));
    assert_eq!(is_done.recv_timeout(STUCK), Ok(0));
}

#[test]
fn a_name_is_checked_for_every_way_to_open_a_session() {
    let components = |name: String, author| Components {
        name: Some(name),
        ..Components::new(Box::new(MemoryMedium::default().transport()), Box::new(MemoryStore::new(author)))
    };
    for name in [String::new(), "x".repeat(129)] {
        let refused = Session::assemble(components(name.clone(), Some(author(0))));
        assert!(matches!(refused, Err(OpenError::Name { actual }) if actual == name.len()));
    }
    let (observer, mut driver) = Session::assemble(components("Ana".to_owned(), None)).unwrap();
    drain(&mut driver);
    assert_eq!(observer.status().store_error, None, "an observer has no name");
}
