//! A session is open before everything is read and looked at.

use std::{
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use tempo_message::MemoryMedium;
use tempo_session::{
    Environment, OpenError, Parts, ReadError, SendError, Session,
    store::{MemoryStore, Page, StoreError},
};

use crate::{
    guarded_store::{Act, GuardedStore},
    session::{Clock, drain, open},
    support::{Place, STUCK, author, replay, texts, timeline},
};

const MESSAGES: usize = 300;

/// The store of one who was there, and has closed the session.
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

/// What is not read before it may be.
#[derive(Debug, Default)]
struct Gate {
    is_open: Mutex<bool>,
    changed: Condvar,
}

impl Gate {
    fn pass(&self) {
        let is_open = self.is_open.lock().unwrap();
        let (is_open, _) = self.changed.wait_timeout_while(is_open, STUCK, |is_open| !*is_open).unwrap();
        assert!(*is_open, "somebody has waited for it");
    }

    fn open(&self) {
        *self.is_open.lock().unwrap() = true;
        self.changed.notify_all();
    }
}

#[test]
fn the_end_of_the_timeline_is_there_before_everything_is_read() {
    let (medium, store) = closed();
    let expected = {
        let (ana, _driver) = open(&medium, store.clone());
        assert_eq!(ana.status().members.len(), 2);
        timeline(&ana)
    };
    assert_eq!((expected.len(), expected[MESSAGES - 1].name.as_deref()), (MESSAGES, Some("Ben")));
    let gate = Arc::new(Gate::default());
    let gated = {
        let gate = Arc::clone(&gate);
        GuardedStore::new(store, move |act| {
            if act == Act::ReadPage(Page::Summary) {
                gate.pass();
            }
            Ok(())
        })
    };
    let (ana, driver) = open(&medium, gated);
    let driving = thread::spawn(move || driver.run());
    // Nothing of this waits; if it did, it would wait for ever.
    let (early, mut events) = (ana.timeline(), ana.events());
    assert_eq!((ana.author(), early.len()), (Some(author(0)), MESSAGES));
    assert!(early.get(MESSAGES).unwrap().is_none() && early.clone().nth(MESSAGES).is_none());
    let shown: Vec<_> = early.clone().rev().take(100).map(Result::unwrap).collect();
    assert!(shown.iter().eq(expected.iter().rev().take(100)));
    // What is further back comes when it is read.
    let (began, begun) = mpsc::channel();
    let reading = thread::spawn(move || {
        began.send(()).unwrap();
        early.collect::<Result<Vec<_>, _>>()
    });
    begun.recv().unwrap();
    gate.open();
    assert_eq!(reading.join().unwrap().unwrap(), expected);
    assert_eq!(timeline(&ana), expected);
    let mut list = Vec::new();
    replay(&ana, &mut list);
    assert_eq!(list, expected);
    let first = events.next_within(STUCK).unwrap();
    assert!(matches!(first, Some(tempo_session::Event::Message { entry, .. }) if entry == expected[0]));
    ana.send("one more").unwrap();
    assert_eq!(texts(&timeline(&ana)).last().map(String::as_str), Some("one more"));
    ana.close().unwrap();
    driving.join().unwrap();
}

#[test]
fn a_store_that_cannot_be_read_after_all_ends_the_session() {
    let (medium, store) = closed();
    let broken = || StoreError::Damaged { path: "store".into(), what: "the disk is broken" };
    let is_broken = Arc::new(AtomicBool::new(false));
    let breaking = {
        let is_broken = Arc::clone(&is_broken);
        GuardedStore::new(store.clone(), move |act| match act {
            Act::ReadPage(Page::Summary) | Act::ReadLog if is_broken.load(Ordering::SeqCst) => Err(broken()),
            _ => Ok(()),
        })
    };
    let (ana, driver) = open(&medium, breaking);
    let early = ana.timeline();
    is_broken.store(true, Ordering::SeqCst);
    driver.run();
    assert!(matches!(ana.send("lost?"), Err(SendError::Closed)));
    assert!(early.clone().next_back().unwrap().is_ok() && matches!(early.get(0), Err(ReadError::Closed)));
    assert!(!ana.is_open() && ana.events().next().is_none());
    let why = ana.status().store_error.unwrap();
    assert!(why.contains("the disk is broken"), "{why}");
    drop(ana);
    // Nothing was made of it.
    let (ana, _driver) = open(&medium, store);
    assert_eq!(timeline(&ana).len(), MESSAGES);
}

/// When somebody asks for the time on another thread than the test's, this tells.
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
}

#[test]
fn who_sends_waits_for_the_first_look() {
    let medium = MemoryMedium::default();
    let (ben, mut driver) = open(&medium, MemoryStore::new(Some(author(1))));
    ben.send_all(["one", "two", "three"]).unwrap();
    drain(&mut driver);
    let (asked, is_asked) = mpsc::channel();
    let parts = Parts {
        environment: Arc::new(Watched {
            clock: Clock::default(),
            test: thread::current().id(),
            asked: Mutex::new(asked.clone()),
        }),
        name: Some("Ana".to_owned()),
        first_look: Some(STUCK),
        ..Parts::new(Box::new(medium.transport()), Box::new(MemoryStore::new(Some(author(0)))))
    };
    let (ana, mut driver) = Session::assemble(parts).unwrap();
    let sender = ana.clone();
    let sending = thread::spawn(move || {
        let sent = sender.send("answer").unwrap();
        // Now it is too late to wait.
        let _ = asked.send(());
        sent
    });
    is_asked.recv_timeout(STUCK).unwrap();
    drain(&mut driver);
    assert_eq!(sending.join().unwrap().counter, 2, "the name comes first");
    drain(&mut driver);
    let said = timeline(&ana);
    assert_eq!(texts(&said), ["one", "two", "three", "answer"], "it was sent by one who knew what was there");
    assert_eq!(said[3].name.as_deref(), Some("Ana"));
}

#[test]
fn who_closes_at_once_has_said_its_name() {
    let place = Place::new();
    let ana = place.member("ana");
    let author = ana.author().unwrap();
    assert_eq!(ana.close().unwrap().unpublished, 0);
    let ben = place.member("ben");
    ben.refresh(STUCK).unwrap();
    assert_eq!(ben.status().names().get(author), Some("ana"));
}

/// They are a cache; everything is in the log.
#[test]
fn pages_that_cannot_be_read_keep_nobody_out() {
    let (medium, store) = closed();
    let unreadable = GuardedStore::new(store, |act| match act {
        Act::ReadPage(_) => Err(StoreError::Damaged { path: "store".into(), what: "the pages are broken" }),
        _ => Ok(()),
    });
    let (ana, _driver) = open(&medium, unreadable);
    assert_eq!(timeline(&ana).len(), MESSAGES);
}

#[test]
fn who_flushes_waits_for_the_first_look_no_longer_than_it_wants_to() {
    let parts = Parts {
        first_look: Some(STUCK * 60),
        ..Parts::new(Box::new(MemoryMedium::default().transport()), Box::new(MemoryStore::new(Some(author(0)))))
    };
    let (ana, _driver) = Session::assemble(parts).unwrap();
    let (done, is_done) = mpsc::channel();
    thread::spawn(move || done.send(ana.flush(Duration::from_millis(1))));
    assert_eq!(is_done.recv_timeout(STUCK), Ok(0));
}

#[test]
fn a_name_is_checked_whoever_puts_the_session_together() {
    let parts = |name: String, author| Parts {
        name: Some(name),
        ..Parts::new(Box::new(MemoryMedium::default().transport()), Box::new(MemoryStore::new(author)))
    };
    for name in [String::new(), "x".repeat(129)] {
        let refused = Session::assemble(parts(name.clone(), Some(author(0))));
        assert!(matches!(refused, Err(OpenError::Name { actual }) if actual == name.len()));
    }
    let (observer, mut driver) = Session::assemble(parts("Ana".to_owned(), None)).unwrap();
    drain(&mut driver);
    assert_eq!(observer.status().store_error, None, "it is called nothing");
}
