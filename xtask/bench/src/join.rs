//! Joining: the time until everything in a folder is in the timeline.

use std::path::{Path, PathBuf};

use crate::{
    Lab,
    cold::Emptying,
    floor,
    history::{AUTHORS, Authors, History, Manner, path_of, payload, write_files, write_packs},
    ours,
    peers::{
        Peer,
        maildir::Maildir,
        redb::Redb,
        sqlite::{Sqlite, Synchronous},
    },
    rounds::{Measured, Variant, interleave, time},
    table::{Bound, Row, Unit},
};

pub(crate) const KEYS: &[&str] = &["join_files", "join_cold", "join_packed"];

/// The name of the peer that does the work of a member.
const SAME_WORK: &str = "SQLite, packs read, digests checked, inserted into a new database in one transaction";

/// Returns the rows of joining a session of files, and one of packs.
pub(crate) fn rows(lab: &mut Lab) -> Vec<Row> {
    let mut rows = Vec::new();
    if lab.options.wants(&["join_files", "join_cold"]) {
        rows.extend(from_files(lab));
    }
    if lab.options.wants(&["join_packed"]) {
        // The number of messages, and the number of rounds.
        let sizes: &[(usize, usize)] = lab.options.pick(&[(100_000, 7), (1_000_000, 3)], &[(10_000, 3)]);
        rows.extend(sizes.iter().flat_map(|&size| from_packs(lab, size)));
    }
    rows
}

fn from_files(lab: &mut Lab) -> Vec<Row> {
    let messages = lab.options.pick(100_000, 10_000);
    let folder = lab.volume.folder("join-files");
    write_files(&folder, messages);
    let mailbox = lab.volume.dir("join-maildir");
    Maildir::create(&mailbox).fill((0..messages as u64).map(payload));
    lab.volume.sync();
    let mut rows = Vec::new();
    if lab.options.wants(&["join_files"]) {
        let rounds = lab.options.pick(5, 3);
        let measured = warm(rounds, joining_files(lab, &folder, &mailbox, messages, rounds, 2));
        let floor = "two threads read and digest the files";
        rows.extend(file_rows(("join_files", "warm"), (2.5, floor), 0.9, messages, &measured));
    }
    if lab.options.wants(&["join_cold"]) {
        rows.extend(from_cold_files(lab, &folder, &mailbox, messages));
    }
    rows
}

/// Joins with an empty page cache. The floor reads with as many threads as the disk serves at once.
fn from_cold_files(lab: &mut Lab, folder: &Path, mailbox: &Path, messages: usize) -> Vec<Row> {
    let some_message = History::new().next().expect("there is always one more");
    let emptying = match Emptying::possible(&path_of(folder, some_message.id())) {
        Ok(emptying) => emptying,
        Err(why) => return vec![Row::skipped("join_cold", format!("join {}, cold", thousands(messages)), why)],
    };
    let rounds = lab.options.pick(3, 2);
    let threads = 4 * AUTHORS;
    let everything: Vec<PathBuf> = ours::directories(folder).into_iter().chain([mailbox.join("new")]).collect();
    let variants = joining_files(lab, folder, mailbox, messages, rounds, threads);
    let variants = variants.into_iter().map(|variant| variant.after(|| emptying.empty(&everything)));
    let measured = interleave(rounds, variants.collect());
    let floor = format!("{threads} threads read and digest the files");
    let rows = file_rows(("join_cold", "cold"), (1.5, &floor), 0.5, messages, &measured);
    rows.into_iter().map(|row| row.note(emptying.note())).collect()
}

/// Returns the variants: ours, threads that only read, and a maildir.
fn joining_files<'a>(
    lab: &mut Lab,
    folder: &Path,
    mailbox: &Path,
    messages: usize,
    rounds: usize,
    threads: usize,
) -> Vec<Variant<'a>> {
    let mut variants = ours_joining(lab, None, folder, messages, rounds);
    let directories = ours::directories(folder);
    variants.push(Variant::new("floor", move || {
        let (took, read) = time(|| floor::read_and_digest(&directories, threads));
        assert_eq!(read, messages);
        took
    }));
    let maildir = Maildir::open(mailbox);
    variants.push(Variant::new("maildir", move || time(|| maildir.read_all()).0));
    variants
}

/// Returns the rows of a member and of an observer, with the largest allowed multiples of the floor and of a
/// maildir.
fn file_rows(
    (key, cache): (&'static str, &str),
    (most_of_floor, floor): (f64, &str),
    most_of_maildir: f64,
    messages: usize,
    measured: &Measured,
) -> Vec<Row> {
    let row = |who: &str, name: &str| {
        let operation = format!("join {} files, {cache}, as {who}", thousands(messages));
        Row::new(key, operation, Unit::Nanoseconds, measured.of(name).clone())
            .floor(Bound::at_most(most_of_floor, floor, measured.of("floor").clone()))
            .peer(Bound::at_most(most_of_maildir, "maildir, read in order", measured.of("maildir").clone()))
    };
    vec![row("a member", "member"), row("an observer", "observer")]
}

fn from_packs(lab: &mut Lab, (messages, rounds): (usize, usize)) -> Vec<Row> {
    let folder = lab.volume.folder("join-packed");
    write_packs(&folder, &mut History::new(), messages);
    let payloads: Vec<_> = (0..messages as u64).map(payload).collect();
    let (sqlite, redb) = (lab.volume.dir("join-sqlite"), lab.volume.dir("join-redb"));
    Sqlite::create(&sqlite, Synchronous::Normal).put_all(&payloads);
    Redb::create(&redb).put_all(&payloads);
    lab.volume.sync();
    let mut variants = ours_joining(lab, None, &folder, messages, rounds);
    variants.push(reading_packs(Authors::Signed, &folder, messages));
    variants.push(sqlite_joining(lab, &folder, messages, rounds));
    variants.push(Variant::new("sqlite", || time(|| Sqlite::open(&sqlite).read_all()).0));
    variants.push(Variant::new("redb", || time(|| Redb::open(&redb).read_all()).0));
    let measured = warm(rounds, variants);
    let row = |who: &str, name: &str, most: f64| {
        let operation = format!("join {} packed, warm, as {who}", thousands(messages));
        Row::new("join_packed", operation, Unit::Nanoseconds, measured.of(name).clone())
            .floor(Bound::at_most(most, "packs streamed, digested and merged", measured.of("floor").clone()))
            .also("SQLite that has everything, opened and read in order", measured.of("sqlite").clone())
            .also("redb, the same", measured.of("redb").clone())
    };
    // An observer keeps nothing on the disk, so no database does its work.
    let peer = Bound::at_most(0.6, SAME_WORK, measured.of("sqlite joins").clone());
    vec![row("a member", "member", 2.5).peer(peer), row("an observer", "observer", 1.5)]
}

/// Returns the rows of a session of signed authors beside one of plain authors.
pub(crate) fn signed(lab: &mut Lab) -> Vec<Row> {
    let (messages, rounds) = lab.options.pick((100_000, 21), (10_000, 3));
    let mut variants = Vec::new();
    for authors in Authors::BOTH {
        let folder = lab.volume.folder("join-signed");
        write_packs(&folder, &mut History::by(authors, Manner::Turns), messages);
        variants.extend(ours_joining(lab, Some(authors), &folder, messages, rounds));
        variants.push(reading_packs(authors, &folder, messages));
    }
    lab.volume.sync();
    let measured = warm(rounds, variants);
    let both = |name: &str| Authors::BOTH.map(|authors| measured.of(&authors.variant(name)).clone());
    let [floor, plain_floor] = both("floor");
    let row = |who: &str, name: &str| {
        let operation = format!("join {} packed, warm, as {who}", thousands(messages));
        Row::signed(operation, Unit::Nanoseconds, 1.05, both(name))
            .also("packs streamed, digested and merged", floor.clone())
            .also("and those of plain authors", plain_floor.clone())
    };
    vec![row("a member", "member"), row("an observer", "observer")]
}

/// Returns the floor: one thread reads the packs.
fn reading_packs<'a>(authors: Authors, folder: &Path, messages: usize) -> Variant<'a> {
    let directories = ours::directories(folder);
    Variant::new(authors.variant("floor"), move || {
        let (took, read) = time(|| floor::read_packs(&directories));
        assert_eq!(read, messages);
        took
    })
}

/// Returns SQLite with a member's work: it reads the packs and stores each message in a fresh database.
fn sqlite_joining<'a>(lab: &mut Lab, folder: &Path, messages: usize, rounds: usize) -> Variant<'a> {
    // One more directory for the round that warms up.
    let mut states: Vec<PathBuf> = (0..=rounds).map(|_| lab.volume.dir("join-sqlite-state")).collect();
    let directories = ours::directories(folder);
    Variant::new("sqlite joins", move || {
        let state = states.pop().expect("there is one for each round");
        let (took, (inserted, _database)) = time(|| {
            let mut database = Sqlite::create(&state, Synchronous::Full);
            (database.insert_packs(&directories), database)
        });
        assert_eq!(inserted, messages);
        took
    })
}

/// Returns a member that joins for the first time in each round, and an observer. With `begun` the member's local state
/// is made before, and its author is of this kind.
fn ours_joining<'a>(
    lab: &mut Lab,
    begun: Option<Authors>,
    folder: &Path,
    messages: usize,
    rounds: usize,
) -> Vec<Variant<'a>> {
    let trash = lab.volume.dir("trash");
    // One more directory for the round that warms up.
    let mut states: Vec<PathBuf> = (0..=rounds).map(|_| lab.volume.dir("join-state")).collect();
    let (member_folder, observer_folder) = (folder.to_owned(), folder.to_owned());
    let member = move || {
        let state = states.pop().expect("there is one for each round");
        if let Some(authors) = begun {
            ours::begin(authors, &member_folder, &state);
        }
        let (took, session) = time(|| ours::join(&member_folder, &state, messages));
        ours::leave(session, &member_folder, &trash);
        took
    };
    let observer = move || {
        let (took, session) = time(|| ours::observe(&observer_folder, messages));
        session.close().expect("there is no store");
        took
    };
    let authors = begun.unwrap_or(Authors::Signed);
    vec![Variant::new(authors.variant("member"), member), Variant::new(authors.variant("observer"), observer)]
}

/// Measures the variants after one round that does not count.
fn warm(rounds: usize, mut variants: Vec<Variant<'_>>) -> Measured {
    variants.iter_mut().for_each(Variant::warm_up);
    interleave(rounds, variants)
}

/// Formats a number in thousands or millions: 100,000 as 100k.
pub(crate) fn thousands(number: usize) -> String {
    match number {
        1_000_000.. => format!("{}M", number / 1_000_000),
        1000.. => format!("{}k", number / 1000),
        _ => number.to_string(),
    }
}
