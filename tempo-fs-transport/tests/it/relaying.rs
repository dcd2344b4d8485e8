//! Relayed messages: where they are kept, and which are withdrawn.

use std::{ffi::OsString, fs, path::Path};

use tempo_message::{Durability, Frame, MessageId, Pack, Published, Relay, Transport, conformance::Script};

use crate::support::Session;

fn names(dir: &Path) -> Vec<OsString> {
    let mut names: Vec<OsString> = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    names
}

#[test]
fn a_relay_is_a_separate_directory_and_not_a_copy() {
    let session = Session::new();
    let (mut gone, relayer) = (Script::new(1), Script::new(2).author());
    let frames = gone.run(4);
    let mut writer = session.writer();
    let place = format!("{}.{relayer}", gone.author());
    let dir = session.path(&place);
    fs::create_dir(&dir).unwrap();
    fs::write(dir.join("~tempo-00ff.tmp"), "an earlier process was killed").unwrap();
    // A foreign file has taken the name.
    fs::write(dir.join("0000000000000004"), "something else").unwrap();
    assert_eq!(writer.relay_pack(&Pack::of(&frames[..3]).unwrap(), relayer).unwrap(), Published::New);
    assert_eq!(writer.relay(&frames[3], relayer).unwrap(), Published::Displaced);
    let beside = format!("0000000000000004.{}", &frames[3].digest().to_string()[..16]);
    assert_eq!(names(&dir), ["0000000000000001-0000000000000003", "0000000000000004", &beside]);

    let mut reader = session.reader();
    let mut read = reader.collect();
    read.sort_by_key(Frame::id);
    assert_eq!(read, frames);
    let report = reader.transport.report();
    assert_eq!(report.relays, [Relay { place, author: gone.author(), relayer }]);
    assert!(report.doubled.is_empty(), "{report:?}");
    // Its messages are known by their names and need not be read again.
    assert_eq!(reader.collect(), [] as [Frame; 0]);
}

#[test]
fn only_messages_that_their_author_has_whole_are_withdrawn() {
    let session = Session::new();
    let (mut gone, relayer) = (Script::new(1), Script::new(2).author());
    let frames = gone.run(5);
    let mut writer = session.writer();
    for frame in &frames {
        writer.relay(frame, relayer).unwrap();
    }
    let dir = session.path(format!("{}.{relayer}", gone.author()));
    let file = |counter| session.file(MessageId { author: gone.author(), counter });
    // In the author's own directory, one message is cut short, one damaged, one replaced by another, and one
    // missing.
    for frame in &frames[..4] {
        writer.publish(frame, Durability::Lazy).unwrap();
    }
    fs::write(file(1), &frames[0].bytes()[..20]).unwrap();
    let mut damaged = frames[1].bytes().to_vec();
    damaged[30] ^= 1;
    fs::write(file(2), damaged).unwrap();
    fs::write(file(3), Script::new(1).next(b"another").bytes()).unwrap();
    fs::write(dir.join("notes.txt"), "not ours").unwrap();
    assert_eq!(writer.withdraw(gone.author(), relayer).unwrap(), 1);
    let left = ["0000000000000001", "0000000000000002", "0000000000000003", "0000000000000005", "notes.txt"];
    assert_eq!(names(&dir), left);

    // A message in a pack is present as well.
    fs::remove_file(file(3)).unwrap();
    writer.publish_pack(&Pack::of(&frames).unwrap(), Durability::Lazy).unwrap();
    assert_eq!(writer.withdraw(gone.author(), relayer).unwrap(), 4);
    assert_eq!(names(&dir), ["notes.txt"], "what somebody has put there stays, and with it the directory");
    fs::remove_file(dir.join("notes.txt")).unwrap();
    assert_eq!(writer.withdraw(gone.author(), relayer).unwrap(), 0);
    assert!(!dir.exists());
    assert_eq!(writer.withdraw(gone.author(), relayer).unwrap(), 0, "there is nothing");
}
