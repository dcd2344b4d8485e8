//! Every store fulfills the contract; the store on disk also reports what is wrong with a file.

use std::path::Path;

use proptest::prelude::*;
use tempo_message::{Digest, Durability, Frame, Kind};
use tempo_session::{
    AuthorId,
    core::{Input, Intake, SessionCore},
    store::{Marks, MemoryStore, Origin, Record, RedbStore, Restored, Store, StoreError},
};

use crate::support::{author, receive, send, sent};

fn frames() -> Vec<Frame> {
    let mut core = SessionCore::new(Some(author(0)));
    let profile = core.compose([(Kind::Profile, "Ana".into())], 1).unwrap().remove(0);
    sent(&mut core, &profile);
    let others = (0..99).map(|_| send(&mut core, "payload", -5));
    std::iter::once(profile).chain(others).collect()
}

fn records<'a>(frames: impl IntoIterator<Item = &'a Frame>, origin: Origin) -> Vec<Record> {
    frames.into_iter().map(|frame| Record { frame: frame.clone(), origin }).collect()
}

type Kept = (Digest, Origin, u64, Vec<u8>);

fn restored(store: &dyn Store) -> Vec<Kept> {
    let mut all = Vec::new();
    store.restore(0, &mut |it| all.push((it.digest, it.origin, it.frame_len, it.message.payload.to_vec()))).unwrap();
    all
}

/// Asserts that the restored records are those of these commits, one commit after the other, in any
/// order within a commit.
fn assert_restored(store: &dyn Store, commits: &[Vec<Kept>]) {
    let all = restored(store);
    let mut rest = &all[..];
    for commit in commits {
        let (kept, behind) = rest.split_at_checked(commit.len()).expect("not everything is there");
        let [mut kept, mut commit] = [kept.to_vec(), commit.clone()];
        kept.sort_unstable_by_key(|kept| kept.0);
        commit.sort_unstable_by_key(|kept| kept.0);
        assert_eq!(kept, commit);
        rest = behind;
    }
    assert!(rest.is_empty(), "existing messages stay unchanged");
}

fn keeps_its_contract(mut store: Box<dyn Store>, reopen: impl Fn(Box<dyn Store>) -> Box<dyn Store>) {
    assert_eq!(restored(store.as_ref()).len(), 0);
    assert_eq!(store.marks().unwrap(), Marks::new(Some(author(0))));
    let mut marks = Marks::new(Some(author(0))).succeeded_by(author(1)).reborn(5);
    (marks.own[0].joined, marks.own[0].audited) = (true, 7);
    store.set_marks(&marks).unwrap();
    let frames = frames();
    let (later, first) = frames.split_at(50);
    // They may come in any order.
    store.commit(&records(first.iter().rev(), Origin::Received), Durability::Lazy).unwrap();
    store.commit(&records(later, Origin::Sent), Durability::Lazy).unwrap();
    let read = |store: &dyn Store, frame: &Frame| store.frame(frame.id(), frame.digest()).unwrap();
    for frame in &frames {
        assert_eq!(read(store.as_ref(), frame).as_ref(), Some(frame.bytes()), "before it is durable");
    }
    store.commit(&[], Durability::Durable).unwrap();
    store = reopen(store);
    assert_eq!(store.marks().unwrap(), marks);
    let describe = |frame: &Frame, origin| {
        // Only a name is restored with its payload.
        let name = if frame.id().counter == 1 { b"Ana".to_vec() } else { Vec::new() };
        (frame.digest(), origin, frame.bytes().len() as u64, name)
    };
    let kept = |frames: &[Frame], origin| frames.iter().map(|frame| describe(frame, origin)).collect::<Vec<_>>();
    let mut commits = vec![kept(first, Origin::Received), kept(later, Origin::Sent)];
    assert_restored(store.as_ref(), &commits);

    store.commit(&records(&frames, Origin::Received), Durability::Durable).unwrap();
    let own = send(&mut SessionCore::new(Some(author(1))), "again", 0);
    store.commit(&records([&own, &frames[0], &own], Origin::Sent), Durability::Durable).unwrap();
    store = reopen(store);
    commits.push(vec![(own.digest(), Origin::Sent, own.bytes().len() as u64, Vec::new())]);
    assert_restored(store.as_ref(), &commits);
    let (end, next) = (store.log_end().unwrap(), send(&mut SessionCore::new(Some(author(2))), "next", 0));
    store.commit(&records([&frames[1], &next], Origin::Received), Durability::Durable).unwrap();
    let mut behind = Vec::new();
    store.restore(end, &mut |it| behind.push(it.digest)).unwrap();
    assert_eq!(behind, [next.digest()], "from a place on");

    assert_eq!(store.snapshot().unwrap(), None);
    for snapshot in [vec![7; 3_000_000], b"a shorter one".to_vec()] {
        store.keep_snapshot(&snapshot).unwrap();
        store.commit(&[], Durability::Durable).unwrap();
        store = reopen(store);
        assert!(store.snapshot().unwrap() == Some(snapshot), "byte for byte");
    }
    let stranger = Digest::of(b"never committed");
    assert_eq!(store.frame(frames[1].id(), stranger).unwrap(), None);
    assert_eq!((store.marks().unwrap().author(), store.marks().unwrap().former()), (Some(author(1)), vec![author(0)]));
}

#[test]
fn memory_fulfills_the_contract() {
    keeps_its_contract(Box::new(MemoryStore::new(Some(author(0)))), |store| store);
}

#[test]
fn redb_fulfills_the_contract() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store.redb");
    drop(RedbStore::make(&path, author(0), Marks::new(Some(author(0)))).unwrap());
    let open = || Box::new(RedbStore::open(&path, author(0)).unwrap());
    keeps_its_contract(open(), |store| {
        drop(store);
        open()
    });
}

/// Creates three lines of messages, short and long: two of one author that was in use twice, and
/// one of another.
fn lines() -> [Vec<Frame>; 3] {
    let mut ana = SessionCore::new(Some(author(0)));
    let mut again = SessionCore::new(Some(author(0)));
    let mut ben = SessionCore::new(Some(author(1)));
    let text = |number: usize| "la".repeat(if number % 150 == 7 { 9000 } else { number * 37 % 90 });
    let first: Vec<Frame> = (0..200).map(|number| send(&mut ana, &text(number), 0)).collect();
    for frame in &first[..60] {
        sent(&mut again, frame);
    }
    let second = (0..150).map(|number| send(&mut again, &text(number), 1)).collect();
    [first, second, (0..200).map(|number| send(&mut ben, &text(number), 2)).collect()]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// However messages are committed together, in any order and any number of times, each is there
    /// once and unchanged.
    #[test]
    fn redb_keeps_what_memory_keeps(
        commits in prop::collection::vec(prop::collection::vec((0..3_usize, 0..200_usize, 1..150_usize), 1..4), 1..6),
        by_turns in any::<bool>(),
    ) {
        let lines = lines();
        let dir = tempfile::tempdir().unwrap();
        let begun = Marks::new(Some(author(0)));
        let redb = RedbStore::make(&dir.path().join("store.redb"), author(0), begun).unwrap();
        let memory = MemoryStore::new(Some(author(0)));
        let mut kept = Vec::new();
        for runs in commits {
            let runs = runs.into_iter().map(|(line, first, count)| lines[line].iter().skip(first).take(count));
            let mut frames: Vec<(usize, &Frame)> = runs.flat_map(Iterator::enumerate).collect();
            if by_turns {
                frames.sort_by_key(|&(number, _)| number);
            }
            let origin = |frame: &Frame| if frame.id().counter % 90 < 20 { Origin::Sent } else { Origin::Received };
            let record = |(_, frame): (_, &Frame)| Record { frame: frame.clone(), origin: origin(frame) };
            let records: Vec<_> = frames.into_iter().map(record).collect();
            redb.commit(&records, Durability::Lazy).unwrap();
            memory.commit(&records, Durability::Lazy).unwrap();
            let before = kept.iter().map(Vec::len).sum();
            kept.push(restored(&memory).split_off(before));
        }
        assert_restored(&redb, &kept);
        for frame in lines.iter().flatten() {
            let read = |store: &dyn Store| store.frame(frame.id(), frame.digest()).unwrap();
            prop_assert_eq!(read(&redb), read(&memory));
        }
    }
}

#[test]
fn a_store_is_open_once_and_belongs_to_its_author() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store.redb");
    let open = |author: AuthorId| RedbStore::open(&path, author);
    assert!(matches!(open(author(0)), Err(StoreError::Failed { .. })), "there is none to be opened");
    let first = RedbStore::make(&path, author(0), Marks::new(Some(author(0)))).unwrap();
    assert!(matches!(open(author(0)), Err(StoreError::InUse { .. })));
    drop(first);
    let error = open(author(1)).unwrap_err();
    assert!(matches!(&error, StoreError::Author { found, .. } if *found == author(0)), "{error:?}");
    assert!(error.to_string().contains("store.redb"), "{error}");
}

#[test]
fn a_newer_store_and_a_broken_one_say_so() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store.redb");
    drop(RedbStore::make(&path, author(0), Marks::new(Some(author(0)))).unwrap());
    set_format(&path, 9);
    let error = RedbStore::open(&path, author(0)).unwrap_err();
    assert!(matches!(error, StoreError::Newer { found: 9, supported: 8, .. }), "{error:?}");
    std::fs::write(&path, "this is not a database, although it is long enough to look like one at first").unwrap();
    let error = RedbStore::open(&path, author(0)).unwrap_err();
    assert!(matches!(error, StoreError::Failed { .. }), "{error:?}");
    // An empty file was once a store: its counters must not be used again.
    std::fs::write(&path, "").unwrap();
    assert!(RedbStore::open(&path, author(0)).is_err());
    assert_eq!(std::fs::read(&path).unwrap(), b"", "and nothing is created in it");
}

/// Two authors answer each other, and their messages are committed together in any order. When they
/// are restored, each message comes after its causes, so that none has to wait.
#[test]
fn a_batch_is_restored_with_causes_first() {
    let dir = tempfile::tempdir().unwrap();
    let store = RedbStore::make(&dir.path().join("store.redb"), author(0), Marks::new(Some(author(0)))).unwrap();
    let mut cores = [0, 1].map(|number| SessionCore::new(Some(author(number))));
    let mut frames = Vec::new();
    for number in 0..100 {
        let frame = send(&mut cores[number % 2], "an answer", 0);
        receive(&mut cores[1 - number % 2], &frame);
        frames.push(frame);
    }
    store.commit(&records(frames.iter().rev(), Origin::Received), Durability::Durable).unwrap();
    let mut core = SessionCore::new(None);
    let mut take = |it: Restored| {
        assert_eq!(core.handle(Input::Stored { message: &it.message, digest: it.digest }), Intake::Accepted)
    };
    store.restore(0, &mut take).unwrap();
    assert_eq!(core.timeline().len(), frames.len());
}

/// If messages are missing or damaged, this is reported, and all others are handed up.
#[test]
fn unreadable_messages_of_the_log_are_reported() {
    const FRAMES: redb::TableDefinition<&[u8; 56], &[u8]> = redb::TableDefinition::new("frames");
    for is_gone in [true, false] {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("store.redb");
        let store = RedbStore::make(&path, author(0), Marks::new(Some(author(0)))).unwrap();
        let frames = frames();
        for part in frames.chunks(10) {
            store.commit(&records(part, Origin::Received), Durability::Durable).unwrap();
        }
        drop(store);
        let database = redb::Database::open(&path).unwrap();
        let transaction = database.begin_write().unwrap();
        let mut table = transaction.open_table(FRAMES).unwrap();
        let first = redb::ReadableTable::first(&table).unwrap();
        let (key, row) = first.map(|(key, row)| (*key.value(), row.value().to_vec())).unwrap();
        if is_gone {
            table.remove(&key).unwrap();
        } else {
            table.insert(&key, &row[1..]).unwrap();
        }
        drop(table);
        transaction.commit().unwrap();
        drop(database);
        let store = RedbStore::open(&path, author(0)).unwrap();
        let mut read = Vec::new();
        let error = store.restore(0, &mut |it| read.push(it.message.id.counter)).unwrap_err();
        assert!(matches!(error, StoreError::Damaged { .. }), "{error:?}");
        assert!(read.into_iter().eq(11..=100));
    }
}

pub(crate) fn set_format(path: &Path, format: u32) {
    let database = redb::Database::open(path).unwrap();
    let transaction = database.begin_write().unwrap();
    let meta: redb::TableDefinition<&str, &[u8]> = redb::TableDefinition::new("meta");
    transaction.open_table(meta).unwrap().insert("format", format.to_be_bytes().as_slice()).unwrap();
    transaction.commit().unwrap();
}
