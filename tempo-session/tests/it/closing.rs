//! A session that is closed while its driver is working.

use std::error::Error;
use std::sync::{Arc, Mutex, atomic::Ordering};
use std::task::Waker;
use std::time::Duration;

use tempo_clock::Seen;
use tempo_message::{
    Arrival, Budget, CollectError, CollectRequest, Collected, Disposition, Durability, Frame, Head, MemoryMedium,
    PublishError, Published, Report, StoredRun, Transport,
};
use tempo_session::{
    AuthorId, Session,
    components::{Components, IdentitySource, Turn},
    store::{MemoryStore, Store},
};

use crate::{
    session::{Clock, open_at},
    support::author,
};

/// Closes a session in the middle of a collect.
#[derive(Debug)]
struct Interrupted<T> {
    inner: T,
    session: Arc<Mutex<Option<Session>>>,
    heads: Arc<Mutex<Vec<Head>>>,
}

impl<T: Transport> Transport for Interrupted<T> {
    fn join(&mut self, author: AuthorId) -> Result<(), PublishError> {
        self.inner.join(author)
    }
    fn publish(&mut self, frame: &Frame, durability: Durability) -> Result<Published, PublishError> {
        self.inner.publish(frame, durability)
    }
    fn leave_head(&mut self, head: &Head) -> Result<(), PublishError> {
        self.heads.lock().unwrap().push(head.clone());
        self.inner.leave_head(head)
    }
    fn inventory(&mut self, author: AuthorId) -> Result<Vec<StoredRun>, CollectError> {
        self.inner.inventory(author)
    }
    fn collect(
        &mut self,
        want: &CollectRequest<'_>,
        take: &mut dyn FnMut(Arrival) -> Disposition,
    ) -> Result<Collected, CollectError> {
        let collected = self.inner.collect(want, take);
        if let Some(session) = self.session.lock().unwrap().take() {
            session.close_within(Duration::ZERO).unwrap();
        }
        collected
    }
    fn wait(&mut self, timeout: Duration) {
        self.inner.wait(timeout);
    }
    fn waker(&self) -> Waker {
        self.inner.waker()
    }
    fn report(&self) -> Report {
        self.inner.report()
    }
}

#[derive(Debug)]
struct Lives(std::sync::atomic::AtomicU64);

impl IdentitySource for Lives {
    fn author(&mut self) -> Result<AuthorId, Box<dyn Error + Send + Sync>> {
        Err("none is needed".into())
    }
    fn nonce(&mut self) -> u64 {
        self.0.fetch_add(1, Ordering::SeqCst)
    }
}

/// A head may record a life only once the store knows that life. Otherwise the next start would
/// attribute it to another installation.
#[test]
fn no_head_records_a_life_that_the_store_does_not_know() {
    for turns in 1..6 {
        let (medium, store) = (MemoryMedium::default(), MemoryStore::new(Some(author(0))));
        let (slot, heads) = (Arc::new(Mutex::new(None)), Arc::<Mutex<Vec<Head>>>::default());
        let transport =
            Interrupted { inner: medium.transport(), session: Arc::clone(&slot), heads: Arc::clone(&heads) };
        let components = Components {
            identity: Box::new(Lives(7.into())),
            ..Components::new(Box::new(transport), Box::new(store.clone()))
        };
        let (session, mut driver) = Session::assemble(components).unwrap();
        session.send("hello").unwrap();
        for turn in 1..8 {
            if turn == turns {
                *slot.lock().unwrap() = Some(session.clone());
            }
            if driver.turn() == Turn::Stop {
                break;
            }
        }
        let known = store.marks().unwrap().lives;
        for head in heads.lock().unwrap().iter() {
            assert!(known.contains(&head.life), "closed in turn {turns}: {head:?} and {known:?}");
        }
    }
}

/// A member that leaves reports what it has, even if it has left many heads recently.
#[test]
fn the_last_head_is_left_whatever_was_left_before() {
    let (medium, clock) = (MemoryMedium::default(), Arc::new(Clock::default()));
    let (ana, mut driver) = open_at(&medium, MemoryStore::new(Some(author(0))), &clock);
    let mut other = medium.transport();
    let mut said = || {
        let (known, mut counter) = (Seen::default(), 0);
        let budget = Budget { frames: usize::MAX, bytes: usize::MAX };
        let want = CollectRequest { known: &known, own: None, recheck: &[], full: true, budget };
        let mut take = |arrival| {
            if let Arrival::Head(head) = arrival {
                counter = head.counter;
            }
            Disposition::Done
        };
        other.collect(&want, &mut take).unwrap();
        counter
    };
    for _ in 0..10 {
        ana.send("and another thing").unwrap();
        while driver.turn() == Turn::Again {}
    }
    assert!(said() < 10, "not a head for each");
    let leaving = std::thread::spawn(move || ana.close().unwrap());
    while driver.turn() != Turn::Stop {
        std::thread::yield_now();
    }
    leaving.join().unwrap();
    assert_eq!(said(), 10);
}
