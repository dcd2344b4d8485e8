//! Sending: the time until a message cannot be lost any more.

use bytes::Bytes;
use tempo_message::Signature;
use tempo_session::Session;

use crate::{
    Lab,
    floor::Staged,
    history::{Authors, payload},
    ours,
    peers::{
        Peer,
        maildir::Maildir,
        redb::Redb,
        sqlite::{Sqlite, Synchronous},
    },
    rounds::{Measured, Variant, interleave, median_of, time},
    table::{Bound, Row, Unit},
};

pub(crate) const KEYS: &[&str] = &["send", "send_all"];

const BATCH: usize = 100;

/// Returns the rows of sending one message at a time, and a hundred.
pub(crate) fn rows(lab: &mut Lab) -> Vec<Row> {
    let mut rows = Vec::new();
    if lab.options.wants(&["send"]) {
        rows.extend(one_by_one(lab));
    }
    if lab.options.wants(&["send_all"]) {
        rows.extend(batches(lab));
    }
    rows
}

fn one_by_one(lab: &mut Lab) -> Vec<Row> {
    let (rounds, times) = lab.options.pick((25, 40), (5, 20));
    let measured = measure(lab, rounds, |each: &mut dyn FnMut()| median_of(times, each), 1);
    let of = |name: &str| measured.of(name).clone();
    let commit_and_file = of("redb").plus(&of("unsynced file"));
    let ours = of("send");
    let rounds_each = format!("{rounds} rounds of {times} messages");
    vec![
        Row::new("send", "durable send", Unit::Nanoseconds, ours.clone())
            .floor(Bound::at_most(1.25, "a commit of redb and an unsynced file", commit_and_file))
            .peer(Bound::at_most(0.5, "SQLite, WAL, FULL", of("sqlite full")))
            .also("SQLite, WAL, NORMAL", of("sqlite normal"))
            .also("redb", of("redb"))
            .also("maildir", of("maildir"))
            .also("unsynced file", of("unsynced file"))
            .also("until it is in the folder", of("send and flush"))
            .note(rounds_each),
        Row::new("send", "durable send, against a file", Unit::Nanoseconds, ours).floor(Bound::at_most(
            0.4,
            "a durable file: two syncs",
            of("durable file"),
        )),
    ]
}

/// Returns the row of a signed member beside a plain one.
pub(crate) fn signed(lab: &mut Lab) -> Row {
    let (rounds, times) = lab.options.pick((51, 40), (7, 20));
    let sessions = Authors::BOTH.map(|authors| {
        let (folder, state) = (lab.volume.folder("send"), lab.volume.dir("send-state"));
        ours::begin(authors, &folder, &state);
        (authors, ours::open(&folder, &state))
    });
    let payloads = [payload(0)];
    let figure = |each: &mut dyn FnMut()| median_of(times, each);
    let variants = sessions.iter().map(|(authors, session)| sending(*authors, session, &payloads, &figure));
    let mut variants: Vec<Variant<'_>> = variants.collect();
    lab.volume.sync();
    variants.iter_mut().for_each(Variant::warm_up);
    let measured = interleave(rounds, variants);
    let figures = Authors::BOTH.map(|authors| measured.of(&authors.variant("send")).clone());
    for (_, session) in sessions {
        session.close().expect("the store works");
    }
    Row::signed("durable send", Unit::Nanoseconds, 1.1, figures).note(format!("{rounds} rounds of {times} messages"))
}

/// Returns the variant of sending, after which the session rests.
fn sending<'a>(
    authors: Authors,
    session: &'a Session,
    payloads: &'a [Bytes],
    figure: &'a impl Fn(&mut dyn FnMut()) -> f64,
) -> Variant<'a> {
    Variant::new(authors.variant("send"), move || {
        let sent = figure(&mut || drop(session.send_all(payloads).expect("the store works")));
        ours::calm(session);
        sent
    })
}

fn batches(lab: &mut Lab) -> Vec<Row> {
    let (rounds, times) = lab.options.pick((25, 10), (5, 5));
    let per_message = |each: &mut dyn FnMut()| median_of(times, each) / BATCH as f64;
    let measured = measure(lab, rounds, per_message, BATCH);
    let of = |name: &str| measured.of(name).clone();
    let commit_and_file = of("redb").plus(&of("unsynced file"));
    vec![
        Row::new("send_all", "send_all of 100, each", Unit::Nanoseconds, of("send"))
            .floor(Bound::at_most(1.25, "a commit of redb and an unsynced file of 100", commit_and_file))
            .peer(Bound::at_most(1.5, "redb, 100 a transaction", of("redb")))
            .also("SQLite, WAL, FULL, 100 a transaction", of("sqlite full"))
            .also("SQLite, WAL, NORMAL", of("sqlite normal"))
            .also("one durable file of 100", of("durable file"))
            .also("until it is in the folder", of("send and flush")),
    ]
}

/// Measures every variant with this many messages at once; `figure` makes one figure from repeated calls.
fn measure(lab: &mut Lab, rounds: usize, figure: impl Fn(&mut dyn FnMut()) -> f64, batch: usize) -> Measured {
    let payloads: Vec<Bytes> = (0..batch as u64).map(payload).collect();
    // The file is as long as the frames that ours writes: of many that are sent together, few are signed.
    let beside = 110 + if batch == 1 { Signature::LEN } else { 1 };
    let frame = |payload: &Bytes| payload.iter().copied().chain(vec![0; beside]).collect::<Vec<u8>>();
    let file: Vec<u8> = payloads.iter().flat_map(frame).collect();
    let volume = &mut lab.volume;
    let session = ours::open(&volume.folder("send"), &volume.dir("send-state"));
    let mut durable = Staged::new(&volume.dir("durable"));
    let mut unsynced = Staged::new(&volume.dir("unsynced"));
    let mut redb = Redb::create(&volume.dir("redb"));
    let mut full = Sqlite::create(&volume.dir("sqlite-full"), Synchronous::Full);
    let mut normal = Sqlite::create(&volume.dir("sqlite-normal"), Synchronous::Normal);
    let mut maildir = Maildir::create(&volume.dir("maildir"));
    volume.sync();
    let mut variants = vec![
        sending(Authors::Signed, &session, &payloads, &figure),
        Variant::new("send and flush", || {
            let times = 10;
            let all = time(|| {
                (0..times).for_each(|_| drop(session.send_all(&payloads).expect("the store works")));
                session.flush(ours::STUCK)
            });
            ours::calm(&session);
            all.0 / (times * batch) as f64
        }),
        Variant::new("durable file", || figure(&mut || durable.durable(&file).expect("the volume has room"))),
        Variant::new("unsynced file", || figure(&mut || unsynced.unsynced(&file).expect("the volume has room"))),
        Variant::new("redb", || figure(&mut || redb.put_all(&payloads))),
        Variant::new("sqlite full", || figure(&mut || full.put_all(&payloads))),
        Variant::new("sqlite normal", || figure(&mut || normal.put_all(&payloads))),
    ];
    if batch == 1 {
        variants.push(Variant::new("maildir", || figure(&mut || maildir.put_all(&payloads))));
    }
    let measured = interleave(rounds, variants);
    session.close().expect("the store works");
    measured
}
