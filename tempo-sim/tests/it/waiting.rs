//! Calls of a session that wait: inside a world they end, and take no real time.

use std::{
    future::poll_fn,
    panic::{AssertUnwindSafe, catch_unwind},
    time::Duration,
};

use tempo_session::{
    Entry, Event, Packing, Session,
    error::{RefreshError, RelayError},
    replica::Reducer,
};
use tempo_sim::{DROPBOX, Effect, Rng, Verdict, World};

/// The patience of an application. Everything here comes sooner.
const PATIENCE: Duration = Duration::from_secs(120);

struct Texts;

impl Reducer for Texts {
    type State = Vec<String>;

    fn initial(&self) -> Vec<String> {
        Vec::new()
    }

    fn apply(&self, texts: &mut Vec<String>, entry: &Entry) {
        texts.push(text(entry));
    }
}

fn text(entry: &Entry) -> String {
    String::from_utf8_lossy(&entry.payload).into_owned()
}

fn two() -> (World, Session, Session) {
    let world = World::new(11).profile(DROPBOX).members(2);
    let (ana, ben) = (world.session(0).unwrap(), world.session(1).unwrap());
    (world, ana, ben)
}

/// Returns the text of a message, and `None` for other events.
fn message(event: Event) -> Option<String> {
    if let Event::Message { entry, .. } = event { Some(text(&entry)) } else { None }
}

#[test]
fn refresh_looks_at_the_folder() {
    let (world, ana, ben) = two();
    ana.send("hello").unwrap();
    assert_eq!(ana.flush(PATIENCE), 0);
    let before = world.now();
    while ben.timeline().len() == 0 {
        ben.refresh(PATIENCE).unwrap();
        assert!(world.now() < before + PATIENCE);
    }
    assert!(world.now() > before, "it takes virtual time");
    ben.close().unwrap();
}

#[test]
fn refresh_times_out_in_virtual_time() {
    let (mut world, ana, _) = two();
    world.run_for(Duration::from_secs(10)).unwrap();
    world.set_unmounted(0, true);
    let before = world.now();
    assert!(matches!(ana.refresh(PATIENCE), Err(RefreshError::Away(_) | RefreshError::TimedOut { .. })));
    assert!(world.now() <= before + PATIENCE + Duration::from_micros(1));
    let took = world.now();
    world.crash(0, Duration::from_secs(3600));
    assert!(matches!(ana.refresh(PATIENCE), Err(RefreshError::Closed)), "the process is gone");
    assert_eq!(world.now(), took);
}

#[test]
fn flush_publishes_and_gives_up() {
    let (mut world, ana, _) = two();
    ana.send("hello").unwrap();
    assert_eq!(ana.flush(PATIENCE), 0);
    world.member(0).unwrap().disk().set_capacity(0);
    ana.send("no room").unwrap();
    let before = world.now();
    assert_eq!(ana.flush(Duration::from_secs(30)), 1);
    assert!(world.now() <= before + Duration::from_secs(31));
    world.rest().unwrap();
}

#[test]
fn close_publishes_everything_and_the_member_comes_back() {
    let (mut world, ana, ben) = two();
    ana.send("last words").unwrap();
    let clone = ana.clone();
    assert_eq!(ana.close().unwrap().unpublished, 0);
    assert!(!clone.is_open() && world.session(0).is_none());
    let mut events = ben.events();
    let mut come = std::iter::from_fn(|| events.next_within(PATIENCE).unwrap()).filter_map(message);
    assert_eq!(come.next().as_deref(), Some("last words"));
    world.restart(0);
    assert_eq!(world.session(0).unwrap().timeline().len(), 1);
    ben.close_within(Duration::from_secs(1)).unwrap();
    world.rest().unwrap();
    assert_eq!(world.session(1).unwrap().timeline().len(), 1);
}

#[test]
fn events_wait_for_the_next_one() {
    let (mut world, ana, ben) = two();
    let mut events = ben.events();
    while events.next_within(Duration::from_secs(200)).unwrap().is_some() {}
    let before = world.now();
    assert!(events.next_within(Duration::from_millis(1500)).unwrap().is_none());
    assert_eq!(world.now(), before + Duration::from_millis(1500));
    // A patience that no clock counts.
    assert!(events.next_within(Duration::from_nanos(7)).unwrap().is_none());
    ana.send("hello").unwrap();
    assert_eq!(events.by_ref().find_map(|event| message(event.unwrap())).as_deref(), Some("hello"));
    world.rest().unwrap();
    assert!(events.next().is_none(), "the process has ended");
}

#[test]
fn cursors_wait_and_continue() {
    let (mut world, ana, ben) = two();
    let mut cursor = ben.cursor("inbox").unwrap();
    ana.send("one").unwrap();
    assert_eq!(cursor.by_ref().find_map(|event| message(event.unwrap())).as_deref(), Some("one"));
    cursor.commit().unwrap();
    ana.send("two").unwrap();
    assert_eq!(ana.flush(PATIENCE), 0);
    world.rest().unwrap();
    let mut cursor = world.session(1).unwrap().cursor("inbox").unwrap();
    let come = std::iter::from_fn(|| cursor.next_within(PATIENCE).unwrap()).find_map(message);
    assert_eq!(come.as_deref(), Some("two"));
}

#[test]
fn replicas_wait_for_the_next_change() {
    let (world, ana, ben) = two();
    let mut replica = ben.replica(Texts);
    let before = world.now();
    assert_eq!(replica.update_within(Duration::from_secs(5)).unwrap(), None);
    assert_eq!(world.now(), before + Duration::from_secs(5));
    ana.send("hello").unwrap();
    assert!(replica.update_within(PATIENCE).unwrap().is_some());
    assert_eq!(replica.state(), &["hello"]);
}

#[test]
fn packing_by_hand_ends() {
    let (mut world, ana, _) = two();
    for number in 0..10 {
        ana.send(format!("message {number}")).unwrap();
    }
    let packing = Packing { few: 4, ..Packing::default() };
    assert_eq!(ana.flush(PATIENCE), 0);
    world.with_packing(packing);
    let ana = world.session(0).unwrap();
    assert!(ana.pack(PATIENCE).unwrap().packs > 0);
    ana.send("one more").unwrap();
    ana.pack_at_once(PATIENCE).unwrap();
    world.rest().unwrap();
}

#[test]
fn relaying_by_hand_ends() {
    let (mut world, ana, ben) = two();
    ana.send("hello").unwrap();
    world.run_for(PATIENCE).unwrap();
    let author = ana.author().unwrap();
    let relayed = ben.relay(author, PATIENCE);
    assert!(!matches!(relayed, Err(RelayError::TimedOut { .. } | RelayError::Closed)), "{relayed:?}");
}

#[test]
fn futures_wait_as_well() {
    let (mut world, ana, ben) = two();
    ana.send("hello").unwrap();
    let mut events = ben.events();
    let text = world.block_on(async {
        loop {
            let event = poll_fn(|context| events.poll_next(context)).await.unwrap().unwrap();
            if let Some(text) = message(event) {
                return text;
            }
        }
    });
    assert_eq!(text, "hello");
    ana.close().unwrap();
    world.rest().unwrap();
}

/// What one seed gives, with an application that waits in every way.
fn run(seed: u64) -> (u64, Duration) {
    let mut world = World::new(seed).profile(DROPBOX).members(3);
    world.rule(|_: &Effect<'_>, rng: &mut Rng| match rng.below(4) {
        0 => Verdict::Delay(Duration::from_secs(rng.range(1..30))),
        _ => Verdict::Pass,
    });
    let sessions = [0, 1, 2].map(|member| world.session(member).unwrap());
    let mut replica = sessions[2].replica(Texts);
    for number in 0..5 {
        let [ana, ben, _] = &sessions;
        ana.send(format!("ana {number}")).unwrap();
        ana.flush(PATIENCE);
        let _ = ben.refresh(Duration::from_secs(3));
        ben.send(format!("ben {number}")).unwrap();
        replica.update_within(Duration::from_secs(20)).unwrap();
    }
    world.rest().unwrap();
    (world.hash(), world.now())
}

#[test]
fn a_seed_gives_the_same_run_whoever_waits() {
    for seed in 0..4 {
        assert_eq!(run(seed), run(seed), "seed {seed}");
    }
    assert_ne!(run(0), run(1));
}

#[test]
fn a_wait_for_nothing_ends_the_test() {
    let (world, ana, _) = two();
    let panic = catch_unwind(AssertUnwindSafe(|| ana.events().find(|_| false).is_none())).unwrap_err();
    let text = panic.downcast_ref::<String>().unwrap();
    assert_eq!(text, "while a session waited: waiting: nothing came within a day of virtual time");
    drop(world);
    let panic = catch_unwind(AssertUnwindSafe(|| ana.refresh(PATIENCE))).unwrap_err();
    assert_eq!(panic.downcast_ref::<&str>(), Some(&"the world is gone, so virtual time stands still"));
}
