//! Reading ahead of what is handed up, from one collect to the next.

use std::{
    collections::BTreeMap,
    fs,
    path::PathBuf,
    sync::{Arc, Condvar, Mutex},
    time::{Duration, Instant},
};

use tempo_fs_transport::FsTransport;
use tempo_message::{AuthorId, Frame, MessageId, Transport, conformance::Script};

use crate::{
    hooked::Hooked,
    support::{Reader, Session, put_messages, unwatched},
};

/// Six authors have three packs of 3 MiB each: more than the transport keeps open.
#[test]
fn more_packs_than_stay_open_arrive_once_and_in_order_of_each_author() {
    const AUTHORS: u8 = 6;
    const MESSAGES: u64 = 36;
    let session = Session::new();
    for number in 1..=AUTHORS {
        let mut script = Script::new(number);
        let dir = session.path(script.author().to_string());
        fs::create_dir(&dir).unwrap();
        for first in (1..MESSAGES).step_by(12) {
            let frames: Vec<_> = (0..12).map(|_| script.next(&[number; 256 * 1024])).collect();
            let pack = frames.iter().map(|frame| &frame.bytes()[..]).collect::<Vec<_>>().concat();
            fs::write(dir.join(format!("{first:016x}-{:016x}", first + 11)), pack).unwrap();
        }
    }
    let mut reader = session.reader();
    let mut last: BTreeMap<AuthorId, u64> = BTreeMap::new();
    let mut collects = 0;
    loop {
        let (frames, more) = reader.collect_some(7);
        collects += 1;
        for MessageId { author, counter } in frames.iter().map(Frame::id) {
            let before = last.insert(author, counter).unwrap_or(0);
            assert_eq!(counter, before + 1, "of {author} in collect {collects}");
        }
        if !more {
            break;
        }
        assert!(!frames.is_empty(), "collect {collects} gave nothing although there is more");
    }
    assert_eq!(last.len(), usize::from(AUTHORS));
    assert!(last.values().all(|&last| last == MESSAGES), "{last:?}");
}

/// A request that ignores earlier findings gets the present content, not content that was read a moment
/// before.
#[test]
fn a_full_scan_ignores_what_was_read_ahead() {
    let session = Session::new();
    let (frames, packs) = packed(&session, 1, 10);
    let whole = fs::read(&packs[5]).unwrap();
    fs::write(&packs[5], &whole[..50]).unwrap();
    let mut reader = session.reader();
    assert_eq!(reader.collect_some(10), (frames[..10].to_vec(), true));
    fs::write(&packs[5], whole).unwrap();
    let mut arrived = reader.try_collect(&[], true).unwrap();
    arrived.retain(|frame| frame.id().counter > 10);
    assert_eq!(arrived, frames[10..]);
}

/// When another folder takes the place of the first, files that were read ahead in the first are not handed
/// up. The change shows at once.
#[test]
fn files_read_ahead_in_another_folder_are_not_handed_up() {
    let session = Session::new();
    let (frames, packs) = packed(&session, 1, 10);
    let mut reader = session.reader();
    assert_eq!(reader.collect_some(10), (frames[..10].to_vec(), true));
    let first = fs::read(&packs[0]).unwrap();
    fs::rename(&session.folder, session.dir.path().join("away")).unwrap();
    fs::create_dir_all(packs[0].parent().unwrap()).unwrap();
    fs::write(&packs[0], first).unwrap();
    let (others, _) = packed(&session, 2, 1);
    let began = Instant::now();
    while began.elapsed() < Duration::from_millis(300) {
        assert_eq!(reader.collect_some(0).0, []);
    }
    assert_eq!(all_of(&mut reader), others);
}

/// While there is enough to read, the transport does not look for more. Then it does, however soon that is.
#[test]
fn messages_that_arrive_during_a_long_read_are_found_before_it_ends() {
    let session = Session::new();
    let (frames, _) = packed(&session, 1, 10);
    let mut reader = session.reader();
    assert_eq!(reader.collect_some(10), (frames[..10].to_vec(), true));
    let (others, _) = packed(&session, 2, 1);
    let mut arrived = all_of(&mut reader);
    arrived.sort_by_key(Frame::id);
    assert_eq!(arrived, [&frames[10..], &others[..]].concat());
}

/// While the memory for open files is used up by some authors, the messages of the others would come late.
#[test]
fn no_author_is_read_ahead_of_the_others() {
    let session = Session::new();
    // A call reads one of these packs, and what is open at once is limited to fewer than all of them.
    let written = [1, 2, 3, 4].map(|author| packed_of(&session, author, (6, 1100), &[author; 2048]).0);
    let mut expected = written.concat();
    expected.sort_by_key(|frame| (frame.message().lamport, frame.id().author));
    let arrived = all_of(&mut session.reader());
    let is_other = arrived.iter().zip(&expected).position(|(one, other)| one.id() != other.id());
    assert_eq!((arrived.len(), is_other), (expected.len(), None));
}

/// A name may claim any number of messages.
#[test]
fn packs_that_claim_very_many_messages_disturb_nothing() {
    let session = Session::new();
    let (mut frames, _) = packed(&session, 1, 2);
    for author in [2, 3] {
        let (others, packs) = packed(&session, author, 1);
        fs::rename(&packs[0], packs[0].with_file_name("0000000000000001-ffffffffffffffff")).unwrap();
        frames.extend(others);
    }
    let mut arrived = session.reader().collect();
    arrived.sort_by_key(Frame::id);
    assert_eq!(arrived, frames);
}

/// Two authors write at the same times. Earlier messages come first, whichever file they are in, and none has
/// to wait for that.
#[test]
fn messages_of_several_authors_arrive_in_order_of_time() {
    let session = Session::new();
    let written = [1, 2].map(|author| packed(&session, author, 3).0);
    let mut expected = written.concat();
    expected.sort_by_key(|frame| (frame.message().lamport, frame.id().author));
    assert_eq!(session.reader().collect(), expected);
}

/// A read that does not return delays only its author, and its file arrives once it returns.
#[test]
fn files_that_do_not_answer_delay_no_other_author() {
    let session = Session::new();
    let [mut silent, mut other] = [1, 2].map(Script::new);
    let (late, frames) = (silent.run(3), other.run(3));
    put_messages(&session.folder, &frames);
    fs::create_dir(session.path(silent.author().to_string())).unwrap();
    for frame in &late {
        fs::write(session.path(format!("{} (1)", frame.id())), frame.bytes()).unwrap();
    }
    let gate = Arc::new((Mutex::new(false), Condvar::new()));
    let key = Arc::clone(&gate);
    let hooked = Hooked::opening(move |name| {
        if name.to_string_lossy().ends_with("(1)") {
            let (is_open, opened) = &*gate;
            drop(opened.wait_while(is_open.lock().unwrap(), |is_open| !*is_open));
        }
    });
    let mut options = unwatched();
    options.patience = Duration::from_millis(100);
    let mut reader = Reader::of(FsTransport::open_on(hooked, &session.folder, &options).unwrap());
    assert_eq!(reader.collect(), frames);
    let report = reader.report();
    assert!(!report.is_empty() && report.iter().all(|(_, reason)| reason.contains("no answer")), "{report:?}");
    *key.0.lock().unwrap() = true;
    key.1.notify_all();
    let (began, mut arrived) = (Instant::now(), Vec::new());
    while arrived.len() < late.len() && began.elapsed() < Duration::from_secs(20) {
        reader.transport.wait(Duration::from_millis(100));
        arrived.extend(reader.collect());
    }
    // Each comes when its own read returns.
    arrived.sort_by_key(Frame::id);
    assert_eq!(arrived, late);
}

/// Collects until nothing more arrives, and returns all frames.
fn all_of(reader: &mut Reader) -> Vec<Frame> {
    let mut all = Vec::new();
    loop {
        let (frames, more) = reader.collect_some(1000);
        all.extend(frames);
        if !more {
            return all;
        }
    }
}

/// Writes packs of four messages each for an author. Returns the frames and the files.
fn packed(session: &Session, author: u8, packs: u64) -> (Vec<Frame>, Vec<PathBuf>) {
    packed_of(session, author, (packs, 4), b"content")
}

/// Writes packs of equal messages for an author. Returns the frames and the files.
fn packed_of(session: &Session, author: u8, (packs, of): (u64, u64), payload: &[u8]) -> (Vec<Frame>, Vec<PathBuf>) {
    let mut script = Script::new(author);
    let dir = session.path(script.author().to_string());
    fs::create_dir(&dir).unwrap();
    let (mut all, mut paths) = (Vec::new(), Vec::new());
    for pack in 0..packs {
        let frames: Vec<Frame> = (0..of).map(|_| script.next(payload)).collect();
        let path = dir.join(format!("{:016x}-{:016x}", pack * of + 1, (pack + 1) * of));
        fs::write(&path, frames.iter().map(|frame| &frame.bytes()[..]).collect::<Vec<_>>().concat()).unwrap();
        all.extend(frames);
        paths.push(path);
    }
    (all, paths)
}
