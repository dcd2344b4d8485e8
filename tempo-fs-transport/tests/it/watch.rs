//! The real watcher: an arrival ends a wait, and the transport's own reading does not.

use std::time::{Duration, Instant};

use tempo_fs_transport::{FsTransport, Options};
use tempo_message::{Durability, Transport, conformance::Script};

use crate::support::Session;

/// The time after which the watcher is broken; far beyond the delay of a working one.
const BROKEN: Duration = Duration::from_secs(20);

#[test]
fn a_new_author_and_its_messages_are_noticed() {
    let session = Session::new();
    let mut reader = session.reader();
    reader.transport = FsTransport::open(&session.folder, &Options::default()).unwrap();
    if let Some(reason) = reader.transport.report().without_hints {
        println!("skipped: no watching here: {reason}");
        return;
    }
    let mut writer = session.writer();
    let mut script = Script::new(1);
    for number in 0..5 {
        let frame = script.next(format!("{number}").as_bytes());
        assert_eq!(reader.collect(), []);
        writer.publish(&frame, Durability::Lazy).unwrap();
        let began = Instant::now();
        let mut arrived = reader.collect();
        while arrived.is_empty() && began.elapsed() < BROKEN {
            reader.transport.wait(BROKEN);
            arrived = reader.collect();
        }
        assert_eq!(arrived, [frame]);
    }
}

/// Hints from the watcher while the folder is away must not keep the member busy.
#[test]
fn hints_about_a_folder_that_is_away_do_not_end_every_wait() {
    let session = Session::new();
    let mut reader = session.reader();
    session.writer().publish(&Script::new(1).next(b"one"), Durability::Lazy).unwrap();
    reader.transport = FsTransport::open(&session.folder, &Options::default()).unwrap();
    assert_eq!(reader.collect().len(), 1);
    std::fs::rename(&session.folder, session.dir.path().join("aside")).unwrap();
    let (began, pause) = (Instant::now(), Duration::from_millis(100));
    loop {
        assert!(reader.try_collect(&[], false).is_err());
        let waiting = Instant::now();
        reader.transport.wait(pause);
        if waiting.elapsed() >= pause {
            break;
        }
        assert!(began.elapsed() < BROKEN, "every wait ends at once");
    }
}

/// Some engines build a directory elsewhere and rename it into the folder, so no file in it causes an event.
#[test]
fn a_directory_that_appears_at_once_is_read() {
    for options in [Options::default(), crate::support::unwatched()] {
        let (elsewhere, session) = (Session::new(), Session::new());
        let mut script = Script::new(1);
        let frames: Vec<_> = (0..3).map(|number| script.next(format!("{number}").as_bytes())).collect();
        for frame in &frames {
            elsewhere.writer().publish(frame, Durability::Lazy).unwrap();
        }
        let mut reader = session.reader();
        reader.transport = FsTransport::open(&session.folder, &options).unwrap();
        assert_eq!(reader.collect(), []);
        let author = frames[0].id().author.to_string();
        std::fs::rename(elsewhere.path(&author), session.path(&author)).unwrap();
        let (began, mut arrived) = (Instant::now(), Vec::new());
        while arrived.len() < 3 && began.elapsed() < BROKEN {
            reader.transport.wait(BROKEN);
            arrived.extend(reader.collect());
        }
        assert_eq!(arrived, frames);
    }
}

/// Beyond a number of directories, changes cause no hints; the report says so, and messages still arrive.
#[test]
fn directories_without_a_watch_are_scanned_from_time_to_time() {
    let session = Session::new();
    let mut scripts: Vec<Script> = (1..=255).map(Script::new).collect();
    let mut writer = session.writer();
    for script in &mut scripts {
        writer.publish(&script.next(b"one"), Durability::Lazy).unwrap();
        // The same number of directories again, under the names of copies.
        std::fs::create_dir(session.path(format!("{} (1)", script.author()))).unwrap();
    }
    let mut reader = session.reader();
    reader.transport = FsTransport::open(&session.folder, &Options::default()).unwrap();
    assert_eq!(reader.collect().len(), 255);
    // One watch covers everything on these systems.
    let is_covered = cfg!(any(windows, target_vendor = "apple"));
    let reason = reader.transport.report().without_hints;
    assert_eq!(reason.is_none(), is_covered, "{reason:?}");
    let second: Vec<_> = scripts.iter_mut().map(|script| script.next(b"two")).collect();
    for frame in &second {
        writer.publish(frame, Durability::Lazy).unwrap();
    }
    let (began, mut arrived) = (Instant::now(), Vec::new());
    while arrived.len() < second.len() && began.elapsed() < BROKEN {
        reader.transport.wait(BROKEN);
        arrived.extend(reader.collect());
    }
    assert_eq!(arrived.len(), second.len());
}
