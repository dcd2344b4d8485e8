//! Sessions on a transport in memory, driven by hand: no threads, no files, no time.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
    time::Duration,
};

use tempo_message::{Durability, MemoryMedium, Transport};
use tempo_session::{
    AuthorId, Event, MAX_PAYLOAD, Session,
    components::{Components, Driver, Environment, Turn, Wakeup},
    error::{ReadError, SendError},
    store::{MemoryStore, Store, StoreError},
};

use crate::{
    guarded_store::{Act, GuardedStore},
    support::{author, replay, texts, timeline},
};

#[derive(Debug, Default)]
pub(crate) struct Clock(pub(crate) AtomicI64);

impl Environment for Clock {
    fn now(&self) -> Duration {
        Duration::from_millis(self.0.load(Ordering::SeqCst).unsigned_abs())
    }

    fn unix_ms(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }

    /// Waits for another thread that turns the driver. Nothing moves this clock meanwhile.
    fn wait(&self, wakeup: &Wakeup<'_>, until: Duration) {
        wakeup.wait(until.saturating_sub(self.now()));
    }
}

pub(crate) fn open(medium: &MemoryMedium, store: impl Store + 'static) -> (Session, Driver) {
    open_at(medium, store, &Arc::default())
}

pub(crate) fn open_at(medium: &MemoryMedium, store: impl Store + 'static, clock: &Arc<Clock>) -> (Session, Driver) {
    let components = Components {
        environment: Arc::clone(clock) as Arc<dyn Environment>,
        snapshot_after: Some(4),
        ..Components::new(Box::new(medium.transport()), Box::new(store))
    };
    Session::assemble(components).unwrap()
}

pub(crate) fn drain(driver: &mut Driver) {
    while driver.turn() == Turn::Again {}
}

#[test]
fn sent_messages_reach_the_other_member() {
    let medium = MemoryMedium::default();
    let (ana, mut ana_driver) = open(&medium, MemoryStore::new(Some(author(0))));
    let (ben, mut ben_driver) = open(&medium, MemoryStore::new(Some(author(1))));
    ana.announce_name("Ana").unwrap();
    ana.announce_name("Ana").unwrap();
    let id = ana.send("hello").unwrap();
    assert_eq!(id.counter, 2, "the name is announced once");
    let mut list = Vec::new();
    for driver in [&mut ana_driver, &mut ben_driver] {
        drain(driver);
    }
    let others = replay(&ben, &mut list);
    assert_eq!(texts(&list), ["hello"]);
    assert_eq!((list[0].id, list[0].name.as_deref()), (id, Some("Ana")));
    assert!(others.contains(&Event::Renamed { author: author(0), name: "Ana".to_owned() }), "{others:?}");
    let answers = ben.send_all(["one", "two"]).unwrap();
    assert_eq!(answers.iter().map(|id| id.counter).collect::<Vec<_>>(), [1, 2]);
    for driver in [&mut ben_driver, &mut ana_driver] {
        drain(driver);
    }
    assert_eq!(texts(&timeline(&ana)), ["hello", "one", "two"]);
    assert_eq!(timeline(&ana), timeline(&ben));
    replay(&ben, &mut list);
    assert_eq!(list, timeline(&ben));
}

#[test]
fn events_from_now_leave_out_what_is_there() {
    let medium = MemoryMedium::default();
    let (ana, mut ana_driver) = open(&medium, MemoryStore::new(Some(author(0))));
    let (ben, mut ben_driver) = open(&medium, MemoryStore::new(Some(author(1))));
    ana.announce_name("Ana").unwrap();
    ana.send_all(["one", "two"]).unwrap();
    drain(&mut ana_driver);
    drain(&mut ben_driver);
    let mut events = ben.events_from_now();
    assert_eq!(events.poll().unwrap(), None, "neither messages, nor names, nor what is stable");
    ana.send("three").unwrap();
    drain(&mut ana_driver);
    drain(&mut ben_driver);
    let mut news = Vec::new();
    while let Some(event) = events.poll().unwrap() {
        news.push(event);
    }
    let told = news.iter().filter_map(|event| match event {
        Event::Message { entry, .. } => Some((entry.position, entry.payload.as_ref())),
        _ => None,
    });
    assert_eq!(told.collect::<Vec<_>>(), [(2, &b"three"[..])]);
    // Its position counts what was left out.
    let mut after = ben.events_after(events.progress().unwrap());
    assert_eq!(after.poll().unwrap(), None);
}

#[test]
fn a_timeline_is_read_from_either_end_and_holds_still() {
    let (ana, _driver) = open(&MemoryMedium::default(), MemoryStore::new(Some(author(0))));
    ana.send_all((0..10).map(|n| n.to_string())).unwrap();
    let mut view = ana.timeline();
    ana.send("later").unwrap();
    assert_eq!(view.len(), 10);
    let text = |entry: Option<Result<tempo_session::Entry, ReadError>>| entry.map(|entry| entry.unwrap().payload);
    assert_eq!(text(view.next_back()).as_deref(), Some(&b"9"[..]));
    assert_eq!(text(view.next()).as_deref(), Some(&b"0"[..]));
    assert_eq!(text(view.nth(3)).as_deref(), Some(&b"4"[..]));
    assert_eq!(view.len(), 4);
    assert_eq!(text(ana.timeline().get(10).transpose()).as_deref(), Some(&b"later"[..]));
    assert_eq!(ana.timeline().get(11).unwrap(), None);
}

#[test]
fn a_reopened_session_publishes_the_remaining_messages() {
    let medium = MemoryMedium::default();
    let store = MemoryStore::new(Some(author(0)));
    let (ana, driver) = open(&medium, store.clone());
    ana.send_all(["one", "two"]).unwrap();
    drop((ana, driver));
    let (ana, mut driver) = open(&medium, store.clone());
    assert_eq!(texts(&timeline(&ana)), ["one", "two"], "before anybody has looked at the folder");
    assert_eq!(ana.send("three").unwrap().counter, 3);
    drain(&mut driver);
    assert_eq!(medium.transport().inventory(author(0)).unwrap().len(), 3);
    let mut list = Vec::new();
    replay(&ana, &mut list);
    assert_eq!(texts(&list), ["one", "two", "three"], "events begin with the history");

    let lost = MemoryMedium::default();
    lost.transport().join(author(0)).unwrap();
    drop((ana, driver));
    let (_ana, mut driver) = open(&lost, store);
    drain(&mut driver);
    let counters: Vec<u64> = lost.transport().inventory(author(0)).unwrap().iter().map(|part| part.first).collect();
    assert_eq!(counters, [1, 2, 3], "vanished messages are published again");
}

#[test]
fn oversized_messages_and_observers_are_refused() {
    let medium = MemoryMedium::default();
    let (ana, _driver) = open(&medium, MemoryStore::new(Some(author(0))));
    let refused = ana.send_all([&b"fits"[..], &vec![0; MAX_PAYLOAD + 1]]);
    assert!(matches!(refused, Err(SendError::TooLarge { actual }) if actual == MAX_PAYLOAD + 1), "{refused:?}");
    assert_eq!(timeline(&ana), [], "all or none");
    let (observer, _driver) = open(&medium, MemoryStore::new(None));
    assert!(matches!(observer.send("hello"), Err(SendError::Observer)));
    assert_eq!(ana.send(vec![7; MAX_PAYLOAD]).unwrap().counter, 1);
}

#[test]
fn closing_ends_the_session_for_every_handle() {
    let medium = MemoryMedium::default();
    let (ana, mut driver) = open(&medium, MemoryStore::new(Some(author(0))));
    let other = ana.clone();
    ana.send("unpublished").unwrap();
    let closed = ana.close_within(Duration::ZERO).unwrap();
    assert_eq!(closed.unpublished, 1);
    assert!(matches!(other.send("late"), Err(SendError::Closed)));
    assert!(other.events().next().is_none());
    assert_eq!(driver.turn(), Turn::Stop);
}

#[test]
fn typed_values_travel() {
    #[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize)]
    struct Cue {
        bar: u32,
        label: String,
    }
    let medium = MemoryMedium::default();
    let (ana, mut driver) = open(&medium, MemoryStore::new(Some(author(0))));
    let (ben, mut ben_driver) = open(&medium, MemoryStore::new(Some(author(1))));
    let cues = ana.typed::<Cue>();
    let cue = |bar| Cue { bar, label: "verse".to_owned() };
    cues.send(&cue(4)).unwrap();
    cues.clone().send_all(&[cue(8), cue(12)]).unwrap();
    ana.send("no cue").unwrap();
    drain(&mut driver);
    drain(&mut ben_driver);
    let read: Vec<_> = timeline(&ben).iter().map(|entry| ben.typed::<Cue>().read(entry).ok()).collect();
    assert_eq!(read, [Some(cue(4)), Some(cue(8)), Some(cue(12)), None]);
}

#[test]
fn sending_continues_while_the_folder_is_away() {
    #[derive(Debug)]
    struct Away(tempo_message::MemoryTransport, Arc<AtomicBool>);
    impl Transport for Away {
        fn join(&mut self, author: AuthorId) -> Result<(), tempo_message::PublishError> {
            self.0.join(author)
        }
        fn publish(
            &mut self,
            frame: &tempo_message::Frame,
            durability: Durability,
        ) -> Result<tempo_message::Published, tempo_message::PublishError> {
            self.0.publish(frame, durability)
        }
        fn leave_head(&mut self, head: &tempo_message::Head) -> Result<(), tempo_message::PublishError> {
            self.0.leave_head(head)
        }
        fn inventory(
            &mut self,
            author: AuthorId,
        ) -> Result<Vec<tempo_message::StoredRun>, tempo_message::CollectError> {
            self.0.inventory(author)
        }
        fn collect(
            &mut self,
            want: &tempo_message::CollectRequest<'_>,
            take: &mut dyn FnMut(tempo_message::Arrival) -> tempo_message::Disposition,
        ) -> Result<tempo_message::Collected, tempo_message::CollectError> {
            if self.1.load(Ordering::SeqCst) {
                let why = tempo_message::Detachment::Missing;
                return Err(tempo_message::CollectError::Detached { place: "the stick".to_owned(), why });
            }
            self.0.collect(want, take)
        }
        fn wait(&mut self, timeout: Duration) {
            self.0.wait(timeout);
        }
        fn waker(&self) -> std::task::Waker {
            self.0.waker()
        }
        fn report(&self) -> tempo_message::Report {
            self.0.report()
        }
    }
    let medium = MemoryMedium::default();
    let away = Arc::new(AtomicBool::new(true));
    let components = Components {
        environment: Arc::new(Clock::default()),
        ..Components::new(
            Box::new(Away(medium.transport(), Arc::clone(&away))),
            Box::new(MemoryStore::new(Some(author(0)))),
        )
    };
    let (ana, mut driver) = Session::assemble(components).unwrap();
    ana.send("into the void").unwrap();
    drain(&mut driver);
    let status = ana.status();
    assert!(format!("{:?}", status.folder).contains("the stick"), "{status:?}");
    assert_eq!((status.unpublished, medium.transport().inventory(author(0)).unwrap().len()), (1, 0));
    away.store(false, Ordering::SeqCst);
    drain(&mut driver);
    assert_eq!((ana.status().unpublished, medium.transport().inventory(author(0)).unwrap().len()), (0, 1));
}

/// Returns a store whose disk is full for a while.
fn full(store: MemoryStore, full: &Arc<AtomicBool>) -> GuardedStore {
    let full = Arc::clone(full);
    GuardedStore::new(store, move |act| match act {
        Act::Messages if full.load(Ordering::SeqCst) => {
            Err(StoreError::Damaged { path: "store".into(), what: "the disk is full" })
        }
        _ => Ok(()),
    })
}

#[test]
fn a_failed_store_sends_no_more_and_reuses_no_counter() {
    let (medium, is_full) = (MemoryMedium::default(), Arc::new(AtomicBool::new(false)));
    let (ana, mut driver) = open(&medium, full(MemoryStore::new(Some(author(0))), &is_full));
    ana.send("kept").unwrap();
    is_full.store(true, Ordering::SeqCst);
    assert!(matches!(ana.send("not kept"), Err(SendError::Store(_))));
    is_full.store(false, Ordering::SeqCst);
    assert!(matches!(ana.send("whether it was kept is unknown"), Err(SendError::StoreFailed)));
    drain(&mut driver);
    assert_eq!(medium.transport().inventory(author(0)).unwrap().len(), 1, "stored messages are still published");
}

#[test]
fn messages_that_arrive_while_the_disk_is_full_are_stored_later() {
    let (medium, is_full) = (MemoryMedium::default(), Arc::new(AtomicBool::new(true)));
    let (ana, mut ana_driver) = open(&medium, MemoryStore::new(Some(author(0))));
    let store = MemoryStore::new(Some(author(1)));
    let (ben, mut ben_driver) = open(&medium, full(store.clone(), &is_full));
    ana.send("hello").unwrap();
    drain(&mut ana_driver);
    drain(&mut ben_driver);
    assert_eq!(texts(&timeline(&ben)), ["hello"]);
    assert!(ben.status().store_error.is_some());
    is_full.store(false, Ordering::SeqCst);
    drain(&mut ben_driver);
    assert_eq!(ben.status().store_error, None);
    drop((ben, ben_driver));
    let (ben, _driver) = open(&medium, store);
    assert_eq!(texts(&timeline(&ben)), ["hello"]);
}
