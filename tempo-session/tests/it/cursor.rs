//! Events for each reader, exactly once across restarts, and the reported stable part.

use std::sync::{Arc, atomic::Ordering};

use tempo_clock::Seen;
use tempo_message::{Disposition, Durability, MemoryMedium, Transport, conformance::gather};
use tempo_session::{
    Event, Placed, Session,
    components::Driver,
    error::CursorError,
    store::{MemoryStore, Store},
};

use crate::{
    session::{Clock, drain, open, open_at},
    support::{author, texts, timeline},
};

fn text(event: &Event) -> Option<String> {
    match event {
        Event::Message { entry, .. } => Some(String::from_utf8(entry.payload.to_vec()).unwrap()),
        _ => None,
    }
}

/// Returns the messages among the available events, with their positions.
fn taken(events: &mut tempo_session::Events) -> Vec<(usize, String)> {
    let mut taken = Vec::new();
    while let Some(event) = events.poll().unwrap() {
        if let (Event::Message { entry, .. }, Some(text)) = (&event, text(&event)) {
            taken.push((entry.position, text));
        }
    }
    taken
}

struct Two {
    medium: MemoryMedium,
    stores: [MemoryStore; 2],
    open: Vec<(Session, Driver)>,
    clock: Arc<Clock>,
}

impl Two {
    fn new() -> Self {
        let stores = [0, 1].map(|number| MemoryStore::new(Some(author(number))));
        let mut two = Self { medium: MemoryMedium::default(), stores, open: Vec::new(), clock: Arc::default() };
        two.reopen();
        two
    }

    fn reopen(&mut self) {
        self.open.clear();
        let open = |store: &MemoryStore| open_at(&self.medium, store.clone(), &self.clock);
        self.open = self.stores.iter().map(open).collect();
    }

    fn session(&self, member: usize) -> &Session {
        &self.open[member].0
    }

    /// Does what is due a minute later.
    fn turn(&mut self, member: usize) {
        self.clock.0.fetch_add(60_000, Ordering::SeqCst);
        drain(&mut self.open[member].1);
    }
}

#[test]
fn a_cursor_continues_where_it_was_committed() {
    let mut two = Two::new();
    two.session(0).send_all(["a", "b", "c"]).unwrap();
    {
        let mut cursor = two.session(0).cursor("inbox").unwrap();
        assert_eq!(
            cursor.next_within(std::time::Duration::ZERO).unwrap().as_ref().and_then(text).as_deref(),
            Some("a")
        );
        cursor.commit().unwrap();
        // Taken, but not committed.
        assert_eq!(cursor.poll().unwrap().as_ref().and_then(text).as_deref(), Some("b"));
    }
    two.reopen();
    let mut cursor = two.session(0).cursor("inbox").unwrap();
    assert_eq!(taken(&mut cursor), [(1, "b".to_owned()), (2, "c".to_owned())]);
    cursor.commit().unwrap();
    drop(cursor);
    // Another cursor is not affected.
    assert_eq!(taken(&mut two.session(0).cursor("other").unwrap()).len(), 3);
    two.reopen();
    assert_eq!(taken(&mut two.session(0).cursor("inbox").unwrap()), []);
    two.session(0).send("d").unwrap();
    assert_eq!(taken(&mut two.session(0).cursor("inbox").unwrap()), [(3, "d".to_owned())]);
}

/// A message that belongs before the committed ones is delivered once, with its position, and
/// reported as late.
#[test]
fn a_late_message_comes_once() {
    let mut two = Two::new();
    // They have met: nothing is stable that Ben can still insert into.
    two.turn(1);
    two.turn(0);
    two.session(0).send("ana 1").unwrap();
    two.session(1).send("ben, who had seen nothing").unwrap();
    two.session(0).send("ana 2").unwrap();
    two.turn(0);
    let mut cursor = two.session(0).cursor("inbox").unwrap();
    assert_eq!(taken(&mut cursor).len(), 2);
    cursor.commit().unwrap();
    drop(cursor);
    two.turn(1);
    two.turn(0);
    two.reopen();
    for expected in [vec!["ben, who had seen nothing"], vec![]] {
        let mut cursor = two.session(0).cursor("inbox").unwrap();
        let mut late = Vec::new();
        while let Some(event) = cursor.poll().unwrap() {
            if let Event::Message { entry, placed } = &event {
                assert_eq!((entry.position, *placed), (1, Placed::Late));
                late.extend(text(&event));
            }
        }
        assert_eq!(late, expected);
        cursor.commit().unwrap();
    }
    assert_eq!(texts(&timeline(two.session(0))), ["ana 1", "ben, who had seen nothing", "ana 2"]);
}

/// An application with its own database keeps the progress there.
#[test]
fn progress_can_be_kept_elsewhere() {
    let mut two = Two::new();
    two.session(0).send_all(["a", "b"]).unwrap();
    let mut events = two.session(0).events();
    events.poll().unwrap();
    let kept = serde_json::to_vec(&events.progress().unwrap()).unwrap();
    two.reopen();
    let mut events = two.session(0).events_after(serde_json::from_slice(&kept).unwrap());
    assert_eq!(taken(&mut events), [(1, "b".to_owned())]);
    assert!(two.stores[0].progress("inbox").unwrap().is_none(), "the session keeps nothing of it");
}

#[test]
fn a_cursor_is_in_use_once_and_has_a_name() {
    let two = Two::new();
    let cursor = two.session(0).cursor("inbox").unwrap();
    assert!(matches!(two.session(0).cursor("inbox"), Err(CursorError::InUse { .. })));
    drop(cursor);
    assert!(two.session(0).cursor("inbox").is_ok());
    for name in [String::new(), "x".repeat(129)] {
        assert!(matches!(two.session(0).cursor(&name), Err(CursorError::Name { .. })));
    }
}

/// Every reader gets all events. A reader that takes none for very long is told so, and still gets
/// every message.
#[test]
fn a_slow_reader_loses_no_message() {
    let two = Two::new();
    let (mut quick, mut slow) = (two.session(0).events(), two.session(0).events());
    two.session(0).send("first").unwrap();
    assert_eq!(slow.poll().unwrap().map(|event| matches!(event, Event::Joined { .. })), Some(true));
    let mut expected = vec!["first".to_owned()];
    let mut by_quick = Vec::new();
    for batch in 0..6 {
        let more: Vec<String> = (0..1000).map(|number| format!("{batch}.{number}")).collect();
        two.session(0).send_all(&more).unwrap();
        expected.extend(more);
        by_quick.extend(taken(&mut quick).into_iter().map(|(_, text)| text));
    }
    assert_eq!(by_quick, expected);
    let (mut by_slow, mut missed) = (Vec::new(), 0);
    while let Some(event) = slow.poll().unwrap() {
        missed += usize::from(event == Event::Missed);
        by_slow.extend(text(&event));
    }
    assert_eq!(by_slow, expected);
    assert_eq!(missed, 1);
}

/// The stable part grows to the end when every member has reported what it has. A newcomer with an
/// old copy is reported.
#[test]
fn the_order_is_stable_up_to_what_every_member_has() {
    let mut two = Two::new();
    two.session(0).send("one").unwrap();
    two.turn(0);
    two.turn(1);
    two.session(1).send("two").unwrap();
    two.session(0).send("three").unwrap();
    for member in [1, 0, 1, 0] {
        two.turn(member);
    }
    let mut stable = 0;
    let mut events = two.session(0).events();
    while let Some(event) = events.poll().unwrap() {
        if let Event::Stable { messages } = event {
            stable = messages;
        }
    }
    let status = two.session(0).status();
    assert_eq!((stable, status.stable.messages), (3, 3), "{:?}", status.stable);
    assert_eq!(status.stable.waits_for, []);
    // A newcomer that has seen none of it.
    let late = MemoryMedium::default();
    let (cleo, mut driver) = open(&late, MemoryStore::new(Some(author(9))));
    cleo.send("from the past").unwrap();
    drain(&mut driver);
    let frames = gather(&mut late.transport(), &Seen::default(), Disposition::Later);
    let mut copy = two.medium.transport();
    copy.join(author(9)).unwrap();
    for frame in frames {
        copy.publish(&frame, Durability::Lazy).unwrap();
    }
    two.turn(0);
    let placed: Vec<Placed> = std::iter::from_fn(|| events.poll().unwrap())
        .filter_map(|event| match event {
            Event::Message { placed, .. } => Some(placed),
            _ => None,
        })
        .collect();
    assert_eq!(placed, [Placed::BelowStable]);
    let status = two.session(0).status();
    assert_eq!(status.stable.messages, 4, "it never shrinks");
}
