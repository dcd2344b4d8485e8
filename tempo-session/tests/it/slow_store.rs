//! A store whose commits take as long as the test wants, or fail. No reader waits for them.

use std::{
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use tempo_message::{MemoryMedium, MessageId};
use tempo_session::{
    Session,
    components::Turn,
    store::{MemoryStore, StoreError},
};

use crate::{
    guarded_store::{Act, GuardedStore},
    session::{Clock, open, open_at},
    support::{STUCK, author, texts, timeline},
};

/// Holds commits up while it is shut, and signals when a commit waits.
#[derive(Debug, Default)]
struct Gate {
    state: Mutex<(bool, usize)>,
    changed: Condvar,
    refuses_marks: AtomicBool,
}

impl Gate {
    fn set_shut(&self, shut: bool) {
        self.state.lock().unwrap().0 = shut;
        self.changed.notify_all();
    }

    fn pass(&self) {
        let mut state = self.state.lock().unwrap();
        state.1 += 1;
        self.changed.notify_all();
        while state.0 {
            state = self.changed.wait(state).unwrap();
        }
        state.1 -= 1;
    }

    fn wait_for_somebody(&self) {
        let state = self.state.lock().unwrap();
        let (state, timeout) = self.changed.wait_timeout_while(state, STUCK, |state| state.1 == 0).unwrap();
        assert!(!timeout.timed_out() && state.1 > 0, "no thread commits");
    }
}

/// Returns a store whose commits wait for the gate.
fn slow(store: MemoryStore, gate: &Arc<Gate>) -> GuardedStore {
    let gate = Arc::clone(gate);
    GuardedStore::new(store, move |act| {
        if matches!(act, Act::ReadSnapshot | Act::ReadLog) {
            return Ok(());
        }
        gate.pass();
        match act {
            Act::Marks if gate.refuses_marks.load(Ordering::SeqCst) => {
                Err(StoreError::Author { path: "store".into(), found: author(7), expected: author(8) })
            }
            _ => Ok(()),
        }
    })
}

/// Runs `work` on its own thread, so that a hanging call fails the test instead of hanging it.
fn answers<T: Send + 'static>(what: &str, work: impl FnOnce() -> T + Send + 'static) -> T {
    let (done, finished) = mpsc::channel();
    // The test may have given up already.
    thread::spawn(move || done.send(work()).unwrap_or_default());
    finished.recv_timeout(STUCK).unwrap_or_else(|_| panic!("{what} waits for a commit"))
}

fn everything_answers(session: &Session, expected: &'static [&'static str]) {
    let it = session.clone();
    answers("status", move || it.status());
    let it = session.clone();
    answers("held", move || it.held());
    let it = session.clone();
    answers("author", move || it.author());
    let it = session.clone();
    assert_eq!(answers("the timeline", move || texts(&timeline(&it))), expected);
    let it = session.clone();
    answers("poll", move || while it.poll().unwrap().is_some() {});
}

#[test]
fn no_reader_waits_for_a_commit_of_received_messages() {
    let (medium, gate) = (MemoryMedium::default(), Arc::new(Gate::default()));
    let (ana, mut ana_driver) = open(&medium, MemoryStore::new(Some(author(0))));
    let (ben, mut ben_driver) = open(&medium, slow(MemoryStore::new(Some(author(1))), &gate));
    while ben_driver.turn() == Turn::Again {}
    ana.send("hello").unwrap();
    while ana_driver.turn() == Turn::Again {}
    gate.set_shut(true);
    let driving = thread::spawn(move || {
        while ben_driver.turn() == Turn::Again {}
        ben_driver
    });
    gate.wait_for_somebody();
    // The message is readable, although the store does not have it.
    everything_answers(&ben, &["hello"]);
    gate.set_shut(false);
    driving.join().unwrap();
    everything_answers(&ben, &["hello"]);
}

#[test]
fn no_reader_waits_for_a_send() {
    let (medium, gate) = (MemoryMedium::default(), Arc::new(Gate::default()));
    let (ana, mut driver) = open(&medium, slow(MemoryStore::new(Some(author(0))), &gate));
    ana.send("first").unwrap();
    while driver.turn() == Turn::Again {}
    gate.set_shut(true);
    let sending: Vec<_> = ["second", "third"]
        .map(|text| {
            let ana = ana.clone();
            thread::spawn(move || ana.send(text).unwrap())
        })
        .into();
    gate.wait_for_somebody();
    everything_answers(&ana, &["first"]);
    gate.set_shut(false);
    let ids: Vec<MessageId> = sending.into_iter().map(|sending| sending.join().unwrap()).collect();
    assert_ne!(ids[0], ids[1], "two that send at once take different numbers");
    assert_eq!(ana.timeline().len(), 3);
}

/// Stability is reported once it is stored, and stored as soon as the store allows it.
#[test]
fn storing_stability_is_retried() {
    let (medium, gate) = (MemoryMedium::default(), Arc::new(Gate::default()));
    let clock = Arc::new(Clock::default());
    let store = slow(MemoryStore::new(Some(author(0))), &gate);
    let (ana, mut driver) = open_at(&medium, store, &clock);
    let mut drive = || {
        clock.0.fetch_add(2_000, Ordering::SeqCst);
        loop {
            match driver.turn() {
                Turn::Again => {}
                Turn::Wait(longest) => return longest,
                Turn::Stop => panic!("the session is still open"),
            }
        }
    };
    drive();
    gate.refuses_marks.store(true, Ordering::SeqCst);
    ana.send("first").unwrap();
    let pause = drive();
    assert!(pause <= Duration::from_secs(1), "{pause:?}");
    let status = ana.status();
    assert_eq!(status.stable.messages, 0);
    assert!(status.store_error.is_some(), "{status:?}");
    gate.refuses_marks.store(false, Ordering::SeqCst);
    drive();
    let status = ana.status();
    assert_eq!((status.stable.messages, status.store_error), (1, None));
}

/// More messages arrive than one collect hands up, while every second commit fails. All are kept,
/// and in the end the status shows no error.
#[test]
fn messages_that_arrive_while_commits_fail_are_kept() {
    check_kept(|commit| match commit % 2 {
        1 => Err(StoreError::Author { path: "store".into(), found: author(7), expected: author(8) }),
        _ => Ok(()),
    });
}

/// The store panics once, in any thread.
#[test]
fn messages_that_arrive_while_a_commit_panics_are_kept() {
    check_kept(|commit| {
        assert!(commit != 2, "the store dies, as the test wants it");
        Ok(())
    });
}

/// Runs a member that receives very much; `becomes` decides the result of each commit.
fn check_kept(becomes: impl Fn(usize) -> Result<(), StoreError> + Send + Sync + 'static) {
    // As much as many collects hand up.
    const MESSAGES: usize = 8000;
    let text = "one of many, ".repeat(600);
    let medium = MemoryMedium::default();
    let (ana, mut driver) = open(&medium, MemoryStore::new(Some(author(0))));
    for _ in 0..MESSAGES / 1000 {
        ana.send_all((0..1000).map(|_| &*text)).unwrap();
        while driver.turn() == Turn::Again {}
    }
    let commits = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&commits);
    let store = GuardedStore::new(MemoryStore::new(Some(author(1))), move |act| match act {
        Act::Messages => becomes(counted.fetch_add(1, Ordering::SeqCst) + 1),
        _ => Ok(()),
    });
    let (ben, driver) = open(&medium, store);
    let driving = thread::spawn(move || driver.run());
    let it = ben.clone();
    answers("a refresh", move || it.refresh(STUCK).unwrap());
    assert_eq!(ben.timeline().len(), MESSAGES);
    assert!(commits.load(Ordering::SeqCst) > 4, "there was hardly a commit");
    // Everything is read from the store.
    assert!(ben.timeline().all(|entry| entry.is_ok_and(|entry| entry.payload == text)));
    assert_eq!(ben.status().store_error, None);
    ben.close().unwrap();
    driving.join().unwrap();
}
