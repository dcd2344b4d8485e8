//! The folder as a whole: opened, moved, emptied, swapped, or copied by a service.

use std::fs;

use tempo_fs_transport::{FsTransport, OpenError, Options};
use tempo_message::{
    CollectError, Detachment, Durability, Frame, PublishError, Published, Transport, conformance::Script,
};

use crate::{
    hooked::Hooked,
    support::{Reader, Session, is_told_apart, unwatched},
};

#[test]
fn an_unusable_folder_is_refused_with_its_path() {
    let session = Session::new();
    let open = |name: &str| FsTransport::open(&session.dir.path().join(name), &Options::default()).unwrap_err();
    fs::write(session.dir.path().join("file.session"), "").unwrap();
    fs::create_dir(session.dir.path().join("jam")).unwrap();
    for (name, is_right) in [
        ("nowhere.session", (|e| matches!(e, OpenError::NotFound { .. })) as fn(&OpenError) -> bool),
        ("file.session", |e| matches!(e, OpenError::NotAFolder { .. })),
        ("jam", |e| matches!(e, OpenError::NotASession { .. })),
    ] {
        let error = open(name);
        assert!(is_right(&error), "{error:?}");
        assert!(error.to_string().contains(name), "{error}");
    }
}

#[test]
fn an_emptied_folder_is_detached_and_comes_back() {
    let session = Session::new();
    let mut script = Script::new(1);
    let frames = script.run(3);
    let mut writer = session.writer();
    for frame in &frames[..2] {
        writer.publish(frame, Durability::Lazy).unwrap();
    }
    let mut reader = session.reader();
    assert_eq!(reader.collect().len(), 2);

    let aside = session.dir.path().join("aside");
    fs::rename(&session.folder, &aside).unwrap();
    fs::create_dir(&session.folder).unwrap();
    for full in [false, true] {
        let gone = reader.try_collect(&[], full);
        assert!(matches!(gone, Err(CollectError::Detached { why: Detachment::Emptied, .. })), "{gone:?}");
    }
    let own = Script::new(2).next(b"into the void");
    assert!(reader.transport.publish(&own, Durability::Lazy).is_err(), "published into an emptied folder");

    fs::remove_dir(&session.folder).unwrap();
    fs::rename(&aside, &session.folder).unwrap();
    writer.publish(&frames[2], Durability::Lazy).unwrap();
    assert_eq!(reader.collect(), frames[2..]);
    assert_eq!(reader.transport.publish(&own, Durability::Lazy).unwrap(), Published::New);
}

/// The directory that held the session stays: its content was deleted, and its members restore it.
#[test]
fn a_session_that_was_deleted_in_its_folder_is_put_back() {
    let session = Session::new();
    if !is_told_apart(&session.folder) {
        return;
    }
    let frames = Script::new(1).run(2);
    let mut writer = session.writer();
    writer.publish(&frames[0], Durability::Lazy).unwrap();
    let mut reader = session.reader();
    assert_eq!(reader.collect().len(), 1);
    fs::remove_dir_all(session.path(frames[0].id().author.to_string())).unwrap();
    assert_eq!(reader.try_collect(&[], true).unwrap(), []);
    assert_eq!(writer.publish(&frames[0], Durability::Lazy).unwrap(), Published::New);
    assert_eq!(writer.publish(&frames[1], Durability::Lazy).unwrap(), Published::New);
    assert_eq!(reader.collect(), frames[1..]);
}

/// Where numbers repeat, the mount point of a folder may have the folder's own. No directory shows the difference once
/// everything was deleted.
#[test]
fn nothing_is_published_into_the_mount_point_of_a_folder_that_was_emptied() {
    let session = Session::new();
    if !is_told_apart(&session.folder) {
        return;
    }
    let frames = Script::new(1).run(2);
    let transport = FsTransport::open_on(Hooked::numbered_alike(), &session.folder, &unwatched()).unwrap();
    let mut ana = Reader::of(transport);
    ana.transport.publish(&frames[0], Durability::Lazy).unwrap();
    assert_eq!(ana.collect().len(), 1);
    fs::remove_dir_all(session.path(frames[0].id().author.to_string())).unwrap();
    assert_eq!(ana.collect(), []);

    let aside = session.dir.path().join("aside");
    fs::rename(&session.folder, &aside).unwrap();
    fs::create_dir(&session.folder).unwrap();
    assert!(is_told_apart(&session.folder));
    let published = ana.transport.publish(&frames[1], Durability::Lazy);
    assert!(matches!(published, Err(PublishError::Detached { .. })), "{published:?}");
    let gone = ana.try_collect(&[], false);
    assert!(matches!(gone, Err(CollectError::Detached { why: Detachment::Emptied, .. })), "{gone:?}");
    assert_eq!(fs::read_dir(&session.folder).unwrap().count(), 0);

    fs::remove_dir(&session.folder).unwrap();
    fs::rename(&aside, &session.folder).unwrap();
    assert_eq!(ana.collect(), []);
    for frame in &frames {
        assert_eq!(ana.transport.publish(frame, Durability::Lazy).unwrap(), Published::New);
    }
}

/// A member that is alone in an empty folder takes another empty folder for its own, once it has looked.
#[test]
fn a_new_member_writes_into_an_empty_folder_that_was_made_again() {
    let session = Session::new();
    if !is_told_apart(&session.folder) {
        return;
    }
    let transport = FsTransport::open_on(Hooked::numbered_alike(), &session.folder, &unwatched()).unwrap();
    let mut ana = Reader::of(transport);
    assert_eq!(ana.collect(), []);
    fs::rename(&session.folder, session.dir.path().join("aside")).unwrap();
    fs::create_dir(&session.folder).unwrap();
    assert!(is_told_apart(&session.folder));
    let frame = Script::new(1).next(b"first");
    assert!(ana.transport.publish(&frame, Durability::Lazy).is_err(), "published before a look");
    assert_eq!(ana.collect(), []);
    assert_eq!(ana.transport.publish(&frame, Durability::Lazy).unwrap(), Published::New);
}

#[test]
fn a_replaced_folder_is_opened_again() {
    let session = Session::new();
    let mut script = Script::new(1);
    let frames = script.run(2);
    session.writer().publish(&frames[0], Durability::Lazy).unwrap();
    let mut reader = session.reader();
    assert_eq!(reader.collect().len(), 1);
    let aside = session.dir.path().join("aside");
    fs::rename(&session.folder, &aside).unwrap();
    let gone = reader.try_collect(&[], false);
    assert!(matches!(gone, Err(CollectError::Detached { why: Detachment::Missing, .. })), "{gone:?}");
    fs::create_dir(&session.folder).unwrap();
    let swapped = reader.try_collect(&[], false);
    assert!(matches!(swapped, Err(CollectError::Detached { why: Detachment::Emptied, .. })), "{swapped:?}");
    fs::remove_dir(&session.folder).unwrap();
    fs::rename(&aside, &session.folder).unwrap();
    session.writer().publish(&frames[1], Durability::Lazy).unwrap();
    assert_eq!(reader.collect(), frames[1..]);
}

#[test]
fn packs_copies_and_copied_directories_are_read_together() {
    let session = Session::new();
    let mut script = Script::new(1);
    let frames = script.run(8);
    let author = script.author().to_string();
    let (own, copied) = (session.path(&author), session.path(format!("{author} (1)")));
    fs::create_dir(&own).unwrap();
    fs::create_dir(&copied).unwrap();
    let bytes = |range: std::ops::Range<usize>| range.flat_map(|at| frames[at].bytes().to_vec()).collect::<Vec<_>>();
    fs::write(own.join("0000000000000001-0000000000000003"), bytes(0..3)).unwrap();
    fs::write(own.join("0000000000000003"), bytes(2..3)).unwrap();
    fs::write(own.join("0000000000000004.conflict1"), bytes(3..4)).unwrap();
    fs::write(copied.join("0000000000000005"), bytes(4..5)).unwrap();
    fs::write(copied.join("0000000000000006-0000000000000008 (1)"), bytes(5..8)).unwrap();
    let mut reader = session.reader();
    let mut counters: Vec<u64> = reader.collect().iter().map(|frame| frame.id().counter).collect();
    counters.dedup();
    assert_eq!(counters, (1..=8).collect::<Vec<_>>());
    assert_eq!(reader.report(), []);
    assert_eq!(reader.collect(), [], "what is settled is not read again");
}

#[test]
fn another_message_under_a_known_id_is_found_on_request() {
    let session = Session::new();
    let (frame, other) = (Script::new(1).next(b"first"), Script::new(1).next(b"second thoughts"));
    session.writer().publish(&frame, Durability::Lazy).unwrap();
    let mut reader = session.reader();
    assert_eq!(reader.collect(), std::slice::from_ref(&frame));
    fs::write(session.file(frame.id()), other.bytes()).unwrap();
    assert_eq!(reader.try_collect(&[frame.id()], false).unwrap(), std::slice::from_ref(&other));

    let copy = session.file(frame.id()).with_file_name("0000000000000001 (1)");
    fs::write(copy, frame.bytes()).unwrap();
    assert_eq!(reader.collect(), std::slice::from_ref(&frame), "a copy is read although its counter is known");
    assert_eq!(reader.try_collect(&[frame.id()], false).unwrap(), [other, frame]);
}

#[test]
fn the_inventory_names_packs_and_short_files() {
    let session = Session::new();
    let mut script = Script::new(1);
    let frames = script.run(3);
    let mut transport = FsTransport::open(&session.folder, &unwatched()).unwrap();
    transport.publish(&frames[0], Durability::Lazy).unwrap();
    fs::write(session.file(frames[1].id()), "short").unwrap();
    fs::write(session.path(script.author().to_string()).join("0000000000000003-0000000000000009"), "pack").unwrap();
    let parts = transport.inventory(script.author()).unwrap();
    let lengths: Vec<_> = parts.iter().map(|part| (part.first, part.last, part.bytes)).collect();
    assert_eq!(lengths, [(1, 1, size(&frames[0])), (2, 2, 5), (3, 9, 4)]);
}

#[test]
fn nothing_is_written_into_another_folder_at_the_same_path() {
    let session = Session::new();
    let mut script = Script::new(1);
    let mut member = session.reader();
    member.transport.publish(&script.next(b"one"), Durability::Lazy).unwrap();
    member.collect();
    let aside = session.dir.path().join("aside");
    fs::rename(&session.folder, &aside).unwrap();
    fs::create_dir(&session.folder).unwrap();
    let two = script.next(b"two");
    assert!(member.transport.publish(&two, Durability::Lazy).is_err(), "before anybody has looked at it");
    assert_eq!(fs::read_dir(&session.folder).unwrap().count(), 0);
    fs::remove_dir(&session.folder).unwrap();
    fs::rename(&aside, &session.folder).unwrap();
    assert_eq!(member.collect().len(), 0);
    assert_eq!(member.transport.publish(&two, Durability::Lazy).unwrap(), Published::New);
}

/// A file that is read again from time to time must not keep a member busy while its folder is away.
#[test]
fn an_overdue_retry_does_not_end_a_wait() {
    let session = Session::new();
    let mut script = Script::new(1);
    session.writer().publish(&script.next(b"one"), Durability::Lazy).unwrap();
    fs::write(session.file(script.next(b"two").id()), "").unwrap();
    let mut reader = session.reader();
    reader.collect();
    let (aside, pause) = (session.dir.path().join("aside"), std::time::Duration::from_millis(120));
    reader.transport.wait(pause * 4);
    fs::rename(&session.folder, aside).unwrap();
    assert!(reader.try_collect(&[], false).is_err());
    let began = std::time::Instant::now();
    reader.transport.wait(pause);
    assert!(began.elapsed() >= pause);
}

/// A caller without room does not collect. An overdue scan must not wake it again and again.
#[test]
fn an_overdue_scan_does_not_end_a_wait() {
    let session = Session::new();
    session.writer().publish(&Script::new(1).next(b"one"), Durability::Lazy).unwrap();
    let mut reader = session.reader();
    reader.collect();
    let pause = std::time::Duration::from_millis(120);
    // Waits until the next scan is due, and longer.
    reader.transport.wait(pause * 4);
    let began = std::time::Instant::now();
    reader.transport.wait(pause);
    assert!(began.elapsed() >= pause);
}

fn size(frame: &Frame) -> u64 {
    frame.bytes().len() as u64
}
