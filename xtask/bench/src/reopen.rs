//! Reopening: a member that was here before, with nothing new to read.

use crate::{
    Lab,
    history::{History, payload, write_packs},
    join::thousands,
    ours,
    peers::{Peer, redb::Redb},
    rounds::{Variant, interleave, time},
    table::{Bound, Row, Unit},
};

pub(crate) const KEYS: &[&str] = &["reopen"];

/// The number of messages to read, as an application would show them.
const SHOWN: usize = 50;

/// The size at which redb sets a goal. At larger ones a session reads a larger snapshot, and redb reads no more.
const COMPARED: usize = 10_000;

/// Returns the rows of sessions from small to large.
pub(crate) fn rows(lab: &mut Lab) -> Vec<Row> {
    let (sizes, rounds): (&[usize], _) =
        lab.options.pick((&[1000, 10_000, 100_000, 1_000_000], 7), (&[1000, 10_000, 50_000], 5));
    let mut variants = Vec::new();
    let mut redbs: Vec<_> = sizes.iter().map(|_| lab.volume.dir("reopen-redb")).collect();
    let mut closed = |messages| {
        let (folder, state) = (lab.volume.folder("reopen"), lab.volume.dir("reopen-state"));
        write_packs(&folder, &mut History::new(), messages);
        ours::join(&folder, &state, messages).close().expect("the store works");
        (folder, state)
    };
    for &messages in sizes {
        let (folder, state) = closed(messages);
        let (sent_folder, sent_state) = closed(messages);
        let redb = redbs.pop().expect("there is one for each size");
        Redb::create(&redb).put_all(&(0..messages as u64).map(payload).collect::<Vec<_>>());
        variants.push(Variant::new(format!("ours {messages}"), move || {
            let (took, session) = time(|| {
                let session = ours::open(&folder, &state);
                show_last(&session, messages);
                session
            });
            session.close().expect("the store works");
            took
        }));
        variants.push(Variant::new(format!("send {messages}"), move || {
            let (took, session) = time(|| {
                let session = ours::open(&sent_folder, &sent_state);
                session.send(payload(0)).expect("the store works");
                session
            });
            session.close().expect("the store works");
            took
        }));
        variants.push(Variant::new(format!("redb {messages}"), move || {
            time(|| assert!(Redb::open(&redb).read_last(SHOWN) > 0)).0
        }));
    }
    lab.volume.sync();
    variants.iter_mut().for_each(Variant::warm_up);
    let measured = interleave(rounds, variants);
    let ours = |messages: usize| measured.of(&format!("ours {messages}")).clone();
    let (first, last) = (sizes[0], sizes[sizes.len() - 1]);
    let mut rows: Vec<Row> = sizes
        .iter()
        .map(|&messages| {
            let redb = measured.of(&format!("redb {messages}")).clone();
            let operation = format!("reopen {}", thousands(messages));
            let row = Row::new("reopen", operation, Unit::Nanoseconds, ours(messages));
            let row = match goal(messages) {
                Some(goal) => row.floor(Bound::figure(goal)),
                None => row,
            };
            let name = "redb, opened, the last 50 read";
            row.peer(if messages == COMPARED { Bound::at_most(2.0, name, redb) } else { Bound::shown(name, redb) })
        })
        .collect();
    // Before the measurement, everything is read and the folder is scanned.
    rows.extend([first, last].map(|messages| {
        let sent = measured.of(&format!("send {messages}")).clone();
        Row::new("reopen", format!("reopen {}, and a message is sent", thousands(messages)), Unit::Nanoseconds, sent)
    }));
    rows
}

/// Returns the longest time that reopening this many messages may take, in nanoseconds.
fn goal(messages: usize) -> Option<f64> {
    match messages {
        10_000 => Some(5e6),
        1_000_000 => Some(60e6),
        _ => None,
    }
}

/// Reads the end of the timeline.
pub(crate) fn show_last(session: &tempo_session::Session, messages: usize) {
    let timeline = session.timeline();
    assert_eq!(timeline.len(), messages, "the store has everything");
    let shown = timeline.rev().take(SHOWN).map(|entry| entry.expect("the store works").payload.len()).sum::<usize>();
    assert!(shown > 0);
}
