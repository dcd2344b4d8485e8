//! Files that are not messages: each is named once, never delivered, and never in the way of a message.

use std::{
    fs,
    fs::File,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, UNIX_EPOCH},
};

use tempo_message::{Decoded, Durability, Foreign, Frame, Pack, Transport, conformance::Script};

use crate::support::{Reader, Session, link};

/// Returns a session with one author, an ordinary message with counter nine, and a reader.
fn scene() -> (Session, Script, Vec<Frame>, Reader) {
    let session = Session::new();
    let mut script = Script::new(1);
    let frames = script.run(10);
    session.writer().publish(&frames[8], Durability::Lazy).unwrap();
    let reader = session.reader();
    (session, script, frames, reader)
}

#[test]
fn a_growing_file_is_pending_until_it_is_whole() {
    let (session, _, frames, mut reader) = scene();
    let path = session.file(frames[0].id());
    let bytes = frames[0].bytes();
    for cut in [0, 1, 11, 12, bytes.len() - 1] {
        fs::write(&path, &bytes[..cut]).unwrap();
        let arrived = reader.try_collect(&[], true).unwrap();
        assert!(arrived.iter().all(|frame| frame.id().counter == 9), "{arrived:?}");
        let report = reader.transport.report();
        assert_eq!(report.pending.len(), 1, "{report:?}");
        assert_eq!(report.pending[0].counter, Some(1));
        assert!(report.pending[0].reason.to_string().contains("incomplete"), "{report:?}");
    }
    fs::write(&path, bytes).unwrap();
    assert_eq!(reader.try_collect(&[], true).unwrap(), [frames[0].clone()]);
    assert_eq!(reader.report(), []);
}

/// Its author's directory is in order, but this file is not.
#[test]
fn an_incomplete_file_stays_named_when_a_pack_brings_its_message() {
    let (session, _, frames, mut reader) = scene();
    let path = session.file(frames[0].id());
    fs::write(&path, &frames[0].bytes()[..15]).unwrap();
    reader.try_collect(&[], true).unwrap();
    session.writer().publish_pack(&Pack::of(&frames[..3]).unwrap(), Durability::Lazy).unwrap();
    assert_eq!(reader.try_collect(&[], true).unwrap(), frames[..3]);
    for _ in 0..2 {
        assert_eq!(reader.try_collect(&[], true).unwrap(), []);
        let report = reader.transport.report();
        assert_eq!(report.pending.len(), 1, "{report:?}");
        assert_eq!(report.pending[0].counter, Some(1));
    }
    fs::write(&path, frames[0].bytes()).unwrap();
    reader.try_collect(&[], true).unwrap();
    assert_eq!(reader.report(), []);
}

#[test]
fn bad_content_is_reported_once_per_change() {
    let (session, _, frames, mut reader) = scene();
    let path = session.file(frames[0].id());
    let mut damaged = frames[0].bytes().to_vec();
    *damaged.last_mut().unwrap() ^= 1;
    for (round, content) in [b"these are not the bytes of a message at all".to_vec(), damaged].into_iter().enumerate() {
        fs::write(&path, content).unwrap();
        for _ in 0..3 {
            reader.try_collect(&[], true).unwrap();
            assert_eq!(reader.foreign.len(), round + 1, "{:?}", reader.foreign);
        }
        assert!(reader.foreign[round].place.ends_with("/0000000000000001"));
    }
    fs::write(&path, frames[0].bytes()).unwrap();
    assert_eq!(reader.try_collect(&[], true).unwrap(), [frames[0].clone()]);
    assert_eq!((reader.report(), reader.foreign.len()), (vec![], 2));
}

/// With a write cache, the times of a file on a mounted drive change until it is uploaded, even when it is
/// only read.
#[test]
fn a_whole_message_is_read_while_its_times_change() {
    let (session, _, frames, mut reader) = scene();
    let path = session.file(frames[0].id());
    fs::write(&path, frames[0].bytes()).unwrap();
    let (file, is_over) = (File::options().write(true).open(&path).unwrap(), AtomicBool::new(false));
    thread::scope(|scope| {
        scope.spawn(|| {
            for time in (0..).map(Duration::from_secs).take_while(|_| !is_over.load(Ordering::Relaxed)) {
                file.set_modified(UNIX_EPOCH + time).unwrap();
            }
        });
        for round in 0..100 {
            let arrived = reader.try_collect(&[frames[0].id()], true).unwrap();
            assert!(arrived.contains(&frames[0]), "round {round}: {:?}", reader.report());
        }
        is_over.store(true, Ordering::Relaxed);
    });
    assert_eq!(reader.report(), []);
}

#[test]
fn entries_that_are_not_files_are_named_and_not_touched() {
    let (session, script, frames, mut reader) = scene();
    fs::create_dir(session.file(frames[0].id())).unwrap();
    let huge = File::create(session.file(frames[1].id())).unwrap();
    huge.set_len(100 << 20).unwrap();
    let mut expected = vec![(1, "a directory where a file belongs"), (2, "104857600 bytes")];
    let secret = session.dir.path().join("secret");
    fs::write(&secret, frames[2].bytes()).unwrap();
    let linked = session.path(Script::new(7).author().to_string());
    let has_links = link(&secret, &session.file(frames[2].id())) && link(session.dir.path(), &linked);
    if has_links {
        expected.push((3, "a symbolic link"));
    }
    #[cfg(unix)]
    {
        let fifo = session.file(frames[3].id());
        assert!(std::process::Command::new("mkfifo").arg(&fifo).status().unwrap().success());
        std::os::unix::net::UnixListener::bind(session.file(frames[4].id())).unwrap();
        expected.extend([(4, "a pipe, socket"), (5, "a pipe, socket")]);
    }
    let arrived = reader.collect();
    assert_eq!(arrived, [frames[8].clone()]);
    for (counter, text) in expected {
        let place = format!("{}/{counter:016x}", script.author());
        let found: Vec<&Foreign> = reader.foreign.iter().filter(|foreign| foreign.place == place).collect();
        assert_eq!(found.len(), 1, "{place}: {:?}", reader.foreign);
        assert!(found[0].reason.to_string().contains(text), "{place}: {}", found[0].reason);
    }
    let a_link = (Script::new(7).author().to_string(), "a symbolic link where a directory belongs".to_owned());
    assert_eq!(reader.report().contains(&a_link), has_links);
}

/// Messages outside the places where they are read are found at any depth. The report says what was not
/// searched.
#[test]
fn strays_are_found_at_any_depth() {
    let (session, script, frames, mut reader) = scene();
    let author = script.author().to_string();
    let deeper = session.path("jam.session").join("old").join(&author);
    fs::create_dir_all(&deeper).unwrap();
    fs::write(deeper.join("0000000000000001"), frames[0].bytes()).unwrap();
    let sorted = session.path(&author).join("2026");
    fs::create_dir(&sorted).unwrap();
    fs::write(sorted.join("0000000000000002"), frames[1].bytes()).unwrap();
    fs::create_dir(session.path("presets")).unwrap();
    fs::write(session.path("presets").join("bass.fxp"), "not ours").unwrap();
    let is_told_apart = link(session.dir.path(), &session.path("presets").join("link"));
    reader.collect();
    let strays = reader.transport.strays().unwrap();
    let found: Vec<_> = strays.found.iter().map(|it| (it.place.as_str(), it.is_directory, it.messages.len())).collect();
    assert_eq!(found, [("jam.session", true, 1), (&*format!("{author}/2026"), true, 1)], "{is_told_apart}");
    let path = strays.found[0].session.as_ref().unwrap();
    assert!(path.ends_with("jam.session/old"), "{path}");
    assert_eq!(strays.found[1].session, None);
    assert!(strays.unseen.is_empty(), "{strays:?}");
    let deep = (0..20).fold(session.path("presets"), |path, _| path.join("deep"));
    fs::create_dir_all(&deep).unwrap();
    fs::write(deep.join("0000000000000003"), frames[2].bytes()).unwrap();
    let unseen = reader.transport.strays().unwrap().unseen;
    assert_eq!(unseen.into_iter().collect::<Vec<_>>(), ["presets"]);
}

#[test]
fn strange_names_are_foreign_and_printable() {
    let (session, script, frames, mut reader) = scene();
    let own = session.path(script.author().to_string());
    fs::write(own.join("0000000000000001x"), frames[0].bytes()).unwrap();
    fs::write(own.join("000000000000000A"), frames[9].bytes()).unwrap();
    // Windows allows no control characters in names.
    let acts_on_terminals = if cfg!(windows) { "\u{202e}red" } else { "\u{1b}[31mred\n" };
    fs::write(own.join(acts_on_terminals), "").unwrap();
    fs::write(session.path("notes.txt"), "").unwrap();
    fs::create_dir(session.path(script.author().to_string().to_uppercase().replace('0', "A"))).unwrap();
    #[cfg(target_os = "linux")]
    {
        use std::os::unix::ffi::OsStrExt;
        fs::write(own.join(std::ffi::OsStr::from_bytes(b"\xff\xfe")), "").unwrap();
        fs::write(own.join("n".repeat(255)), "").unwrap();
    }
    assert_eq!(reader.collect(), [frames[8].clone()]);
    let report = reader.report();
    assert_eq!(report.len(), reader.foreign.len());
    assert_eq!(report.len(), if cfg!(target_os = "linux") { 7 } else { 5 }, "{report:?}");
    for (place, _) in report {
        assert!(!place.chars().any(|c| c.is_control() || c == '\u{202e}'), "{place:?}");
    }
}

#[test]
fn a_message_in_another_authors_directory_is_not_delivered() {
    let (session, script, frames, mut reader) = scene();
    let stranger = Script::new(2).next(b"not by the owner of this directory");
    fs::write(session.file(frames[0].id()), stranger.bytes()).unwrap();
    assert_eq!(reader.collect(), [frames[8].clone()]);
    assert_eq!(reader.foreign[0].author, Some(script.author()));
    assert!(reader.foreign[0].reason.to_string().contains(&stranger.id().author.to_string()));
}

#[test]
fn a_newer_format_waits_and_does_not_stop_the_rest() {
    let (session, script, frames, mut reader) = scene();
    let mut newer = frames[0].bytes().to_vec();
    let content = newer.len() - 32;
    newer[4] = 2;
    let digest = tempo_message::Digest::of(&newer[..content]);
    newer[content..].copy_from_slice(digest.as_bytes());
    assert!(matches!(Frame::decode(&newer.clone().into()), Decoded::Unsupported { .. }));
    newer.extend_from_slice(frames[1].bytes());
    fs::write(session.path(script.author().to_string()).join("0000000000000001-0000000000000002"), newer).unwrap();
    assert_eq!(reader.collect(), [frames[1].clone(), frames[8].clone()]);
    let report = reader.report();
    assert!(report.len() == 1 && report[0].1.contains("format version 2"), "{report:?}");
}

/// A bad file among others does not affect the others.
#[test]
fn a_bad_file_affects_no_other() {
    let (session, _, frames, mut reader) = scene();
    for (at, frame) in frames[..8].iter().enumerate() {
        let bytes = if at % 2 == 0 { frame.bytes().to_vec() } else { vec![0x55; at] };
        fs::write(session.file(frame.id()), bytes).unwrap();
    }
    let counters: Vec<u64> = reader.collect().iter().map(|frame| frame.id().counter).collect();
    assert_eq!(counters, [1, 3, 5, 7, 9]);
    assert_eq!(reader.report().len(), 4);
}

/// There are more bad files than the transport remembers. Each scan of them ends, and the messages after them
/// are found.
#[test]
fn very_many_bad_files_do_not_hide_what_follows() {
    let (session, script, frames, mut reader) = scene();
    fs::remove_file(session.file(frames[8].id())).unwrap();
    let own = session.path(script.author().to_string());
    for number in 1..=9000_u64 {
        fs::write(own.join(format!("{number:016x}")), "bad").unwrap();
    }
    fs::write(own.join("000000000000ffff"), frames[8].bytes()).unwrap();
    let (mut arrived, mut rounds) = (Vec::new(), 0);
    loop {
        let (frames, more) = reader.collect_some(500);
        arrived.extend(frames);
        rounds += 1;
        assert!(rounds < 100, "a pass over 9,000 files does not end");
        if !more {
            break;
        }
    }
    // While the directory has only just changed, each pass reads again what is not remembered.
    arrived.dedup();
    assert_eq!(arrived, [frames[8].clone()]);
    assert!(reader.transport.report().unlisted > 0);
    assert!(reader.foreign.len() <= 4096);
}

/// Refused messages wait, and cause no work.
#[test]
fn refused_messages_are_not_work() {
    let session = Session::new();
    let mut script = Script::new(1);
    let mut writer = session.writer();
    for frame in script.run(300) {
        writer.publish(&frame, Durability::Lazy).unwrap();
    }
    let mut reader = session.reader();
    let mut is_busy = true;
    for _ in 0..40 {
        is_busy = reader.refuse_some(10);
    }
    assert!(!is_busy, "300 frames that were all refused still count as work");
    assert_eq!(reader.try_collect(&[], true).unwrap().len(), 300, "and all of them come again");
}
