//! State computed from the timeline: always the result of a fold over it, even if messages come
//! late.

use std::{
    cell::Cell,
    panic::{AssertUnwindSafe, catch_unwind},
};

use proptest::prelude::*;
use tempo_message::{Durability, Frame, MemoryMedium, Transport, conformance::Script};
use tempo_session::{
    Entry, Session,
    components::Driver,
    replica::{Change, Reducer, Replica, Snapshot},
    store::MemoryStore,
};

use crate::{
    session::{drain, open},
    support::{author, texts, timeline},
};

/// Keeps every text, and counts its calls.
#[derive(Debug, Default)]
struct Texts {
    applied: Cell<usize>,
    /// The text at which it panics.
    refuses: Option<&'static str>,
}

impl Reducer for Texts {
    type State = Vec<String>;

    fn initial(&self) -> Vec<String> {
        Vec::new()
    }

    fn apply(&self, state: &mut Vec<String>, entry: &Entry) {
        assert_eq!(entry.position, state.len());
        self.applied.set(self.applied.get() + 1);
        let text = String::from_utf8(entry.payload.to_vec()).unwrap();
        state.push(text.clone());
        assert_ne!(Some(text.as_str()), self.refuses, "the reducer does not like it");
    }
}

/// Creates messages of several authors that do not know each other, so that they may arrive in any
/// order.
fn frames(authors: u8, each: usize) -> Vec<Vec<Frame>> {
    let frames = |number: u8| {
        let mut script = Script::new(number);
        (0..each).map(|at| script.next(format!("{number}.{at}").as_bytes())).collect()
    };
    (1..=authors).map(frames).collect()
}

struct Stage {
    medium: MemoryMedium,
    store: MemoryStore,
    open: Option<(Session, Driver)>,
}

impl Stage {
    fn new() -> Self {
        let mut stage = Self { medium: MemoryMedium::default(), store: MemoryStore::new(Some(author(0))), open: None };
        stage.reopen();
        stage
    }

    fn reopen(&mut self) {
        self.open = None;
        self.open = Some(open(&self.medium, self.store.clone()));
    }

    fn session(&self) -> &Session {
        &self.open.as_ref().unwrap().0
    }

    fn arrive<'a>(&mut self, frames: impl IntoIterator<Item = &'a Frame>) {
        for frame in frames {
            self.medium.transport().publish(frame, Durability::Lazy).unwrap();
        }
        drain(&mut self.open.as_mut().unwrap().1);
    }
}

fn changes(replica: &mut Replica<Texts>) -> Vec<Change> {
    std::iter::from_fn(|| replica.update().unwrap()).collect()
}

proptest! {
    /// Messages arrive in any order, and the application looks, restarts or resumes from a snapshot
    /// at any time. Its state is always that of the timeline, and what was reported as unchanged
    /// has not changed.
    #[test]
    fn the_state_follows_the_timeline(
        order in Just((0..160).collect::<Vec<usize>>()).prop_shuffle(),
        looks in prop::collection::vec((1..40_usize, 0..5_u8), 1..30),
    ) {
        let all: Vec<Frame> = frames(8, 20).into_iter().flatten().collect();
        let mut stage = Stage::new();
        let mut replica = stage.session().replica(Texts::default());
        let mut snapshot: Option<Snapshot<Vec<String>>> = None;
        let mut order = order.iter();
        let mut looks = looks.into_iter().chain(std::iter::repeat((1000, 0)));
        while order.len() > 0 {
            let (count, action) = looks.next().unwrap();
            let some: Vec<&Frame> = order.by_ref().take(count).map(|&at| &all[at]).collect();
            stage.arrive(some);
            let before = replica.state().clone();
            let from = changes(&mut replica).iter().map(|change| change.from).min().unwrap_or(before.len());
            prop_assert_eq!(replica.state(), &texts(&timeline(stage.session())));
            prop_assert_eq!(&replica.state()[..from], &before[..from]);
            match action {
                1 => snapshot = Some(replica.snapshot().unwrap()),
                2 => {
                    stage.reopen();
                    replica = match snapshot.clone() {
                        Some(snapshot) => stage.session().replica_after(Texts::default(), snapshot),
                        None => stage.session().replica(Texts::default()),
                    };
                    changes(&mut replica);
                    prop_assert_eq!(replica.state(), &texts(&timeline(stage.session())));
                }
                _ => {}
            }
        }
        prop_assert_eq!(replica.messages(), timeline(stage.session()).len());
    }
}

/// A message in order is applied once; the cost of a late message is proportional to its lateness.
#[test]
fn the_cost_of_a_late_message_depends_on_its_lateness() {
    let mut stage = Stage::new();
    let [early, late] = <[Vec<Frame>; 2]>::try_from(frames(2, 4000)).unwrap();
    let mut replica = stage.session().replica(Texts::default());
    for some in early.chunks(100) {
        stage.arrive(some);
        changes(&mut replica);
    }
    assert_eq!(replica.reducer().applied.get(), 4000, "once each");
    // All messages of the second author up to there have the same times, so each comes behind the
    // first author's message of that time.
    for (some, distance) in [(0..3900, 4000), (3900..3990, 100), (3990..3999, 10), (3999..4000, 1)] {
        let before = replica.reducer().applied.get();
        stage.arrive(&late[some.clone()]);
        let from = changes(&mut replica).iter().map(|change| change.from).min().unwrap();
        let applied = replica.reducer().applied.get() - before;
        assert!(from >= 4000 - distance, "{from}");
        let bound = 2 * distance + 3 * 64 + some.len();
        assert!(applied <= bound, "{applied} applications for {} messages {distance} back", some.len());
    }
    assert_eq!(replica.state(), &texts(&timeline(stage.session())));
}

/// A kept state is the starting point: only new messages are applied.
#[test]
fn a_snapshot_saves_applying_everything_again() {
    let mut stage = Stage::new();
    let [mine, others] = <[Vec<Frame>; 2]>::try_from(frames(2, 300)).unwrap();
    stage.arrive(&mine);
    let mut replica = stage.session().replica(Texts::default());
    changes(&mut replica);
    let snapshot = replica.snapshot().unwrap();
    // It can be kept anywhere.
    let kept = serde_json::to_string(&snapshot).unwrap();
    let kept = || serde_json::from_str(&kept).unwrap();
    stage.reopen();
    let mut replica = stage.session().replica_after(Texts::default(), kept());
    assert_eq!((changes(&mut replica), replica.messages()), (Vec::new(), 300));
    stage.session().send("new").unwrap();
    changes(&mut replica);
    assert_eq!(replica.reducer().applied.get(), 1);
    // Messages that belong before it are still inserted.
    stage.arrive(&others);
    changes(&mut replica);
    assert_eq!(replica.state(), &texts(&timeline(stage.session())));
    // The cost is proportional to the lateness, even after a snapshot.
    let before = replica.reducer().applied.get();
    let kept_now = serde_json::to_string(&replica.snapshot().unwrap()).unwrap();
    stage.reopen();
    let mut replica = stage.session().replica_after(Texts::default(), serde_json::from_str(&kept_now).unwrap());
    let mut late = Script::new(3);
    let late: Vec<Frame> = (0..300).map(|_| late.next(b"late")).collect();
    stage.arrive(&late[..290]);
    changes(&mut replica);
    let snapshot = replica.snapshot().unwrap();
    assert!(before > 0 && snapshot.state().len() == 891);
    let mut replica = stage.session().replica_after(Texts::default(), snapshot);
    stage.arrive(&late[290..291]);
    changes(&mut replica);
    assert_eq!(replica.state(), &texts(&timeline(stage.session())));
    assert!(replica.reducer().applied.get() < 200, "{} applications", replica.reducer().applied.get());
    // A store that does not know these messages.
    let other = Stage::new();
    let mut replica = other.session().replica_after(Texts::default(), kept());
    assert_eq!((changes(&mut replica), replica.state().len()), (Vec::new(), 0));
}

/// A reducer that panics does not leave a half-applied message.
#[test]
fn a_panic_leaves_a_state_of_the_past() {
    let mut stage = Stage::new();
    let mut one = frames(1, 1000).remove(0);
    let bad = one.pop().unwrap();
    stage.arrive(&one);
    let refuses = Some("1.999");
    let mut replica = stage.session().replica(Texts { refuses, ..Texts::default() });
    changes(&mut replica);
    let expected = texts(&timeline(stage.session()));
    stage.arrive([&bad]);
    for _ in 0..2 {
        let updated = catch_unwind(AssertUnwindSafe(|| replica.update()));
        assert!(updated.is_err());
        let made = replica.messages();
        assert!((900..1000).contains(&made), "{made}");
        assert_eq!(replica.state(), &expected[..made]);
    }
}
