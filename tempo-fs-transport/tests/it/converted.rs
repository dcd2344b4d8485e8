//! Files with converted line ends.

use std::{fs, path::Path};

use tempo_message::{Durability, Head, Lamport, Life, Pack, Published, Transport, conformance::Script};

use crate::support::Session;

/// Converts line ends, as git does with `* text eol=crlf` and FTP does in its ASCII mode.
fn convert(path: &Path) {
    let bytes = fs::read(path).unwrap();
    let converted: Vec<u8> =
        bytes.iter().flat_map(|&byte| if byte == b'\n' { b"\r\n".to_vec() } else { vec![byte] }).collect();
    assert_ne!(bytes, converted);
    fs::write(path, converted).unwrap();
}

#[test]
fn converted_messages_packs_and_heads_are_restored_and_reported() {
    let session = Session::new();
    let mut writer = session.writer();
    let mut script = Script::new(1);
    let author = script.author();
    let frames: Vec<_> = (0..6).map(|number| script.next(format!("line {number}\n").as_bytes())).collect();
    let pack = Pack::of(&frames[2..]).unwrap();
    for frame in &frames[..2] {
        writer.publish(frame, Durability::Lazy).unwrap();
    }
    writer.publish_pack(&pack, Durability::Lazy).unwrap();
    let head = Head {
        author,
        name: Some("Ana\nof two lines".to_owned()),
        place: None,
        counter: 6,
        digest: None,
        lamport: Lamport(6),
        seen: Vec::new(),
        wanted: Vec::new(),
        life: Life::default(),
        unix_ms: 0,
        seal: None,
    };
    writer.leave_head(&head).unwrap();
    let dir = session.path(author.to_string());
    let mut names: Vec<String> =
        fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    assert_eq!(names.len(), 4);
    names.iter().for_each(|name| convert(&dir.join(name)));

    let mut reader = session.reader();
    let (mut met, mut heads) = (Vec::new(), 0);
    let known = reader.known.clone();
    let budget = tempo_message::Budget { frames: 100, bytes: usize::MAX };
    let want = tempo_message::CollectRequest { known: &known, own: None, recheck: &[], full: false, budget };
    let mut take = |arrival| match arrival {
        tempo_message::Arrival::Frame(frame) => {
            met.push(frame);
            tempo_message::Disposition::Known
        }
        tempo_message::Arrival::Head(head) => {
            heads += usize::from(head.counter == 6);
            tempo_message::Disposition::Done
        }
        other => panic!("{other:?}"),
    };
    reader.transport.collect(&want, &mut take).unwrap();
    assert_eq!((met, heads), (frames, 1));
    assert_eq!(reader.report(), []);
    let converted = reader.transport.report().converted;
    let places: Vec<String> = converted.iter().map(|it| it.place.clone()).collect();
    assert_eq!(places, names.iter().map(|name| format!("{author}/{name}")).collect::<Vec<_>>());
    assert_eq!(converted.iter().map(|it| it.counter).collect::<Vec<_>>(), [Some(1), Some(2), Some(3), None]);
}

/// Files that cannot be restored still count as damaged; whole files are not reported.
#[test]
fn a_file_that_cannot_be_restored_is_damaged() {
    let session = Session::new();
    let mut writer = session.writer();
    let mut script = Script::new(1);
    let frames = [script.next(b"one\n"), script.next(&[b'\n', b'x'].repeat(4000))];
    for frame in &frames {
        writer.publish(frame, Durability::Lazy).unwrap();
    }
    let path = session.file(frames[1].id());
    convert(&path);
    let mut bytes = fs::read(&path).unwrap();
    bytes[200] ^= 1;
    fs::write(&path, bytes).unwrap();
    let mut reader = session.reader();
    assert_eq!(reader.collect(), frames[..1]);
    let why = "the content was changed after it was written".to_owned();
    assert_eq!(reader.report(), [(frames[1].id().to_string(), why)]);
    assert_eq!(reader.transport.report().converted, []);
}

/// Readers restore the message; a second file beside it would give it to them twice.
#[test]
fn an_author_treats_its_own_converted_message_as_published() {
    let session = Session::new();
    let mut writer = session.writer();
    let frame = Script::new(1).next(b"one\ntwo\r\nthree\n");
    writer.publish(&frame, Durability::Durable).unwrap();
    let path = session.file(frame.id());
    convert(&path);
    let converted = fs::read(&path).unwrap();
    assert_eq!(writer.publish(&frame, Durability::Durable).unwrap(), Published::Already);
    assert_eq!(fs::read(&path).unwrap(), converted);
    assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
}

/// A message that its author has published again is present, however its line ends are.
#[test]
fn a_relayed_message_is_withdrawn_when_the_original_was_converted() {
    let session = Session::new();
    let (mut author, mut relayer) = (session.writer(), session.writer());
    let frame = Script::new(1).next(b"one\ntwo\n");
    let me = Script::new(2).author();
    relayer.relay(&frame, me).unwrap();
    author.publish(&frame, Durability::Durable).unwrap();
    convert(&session.file(frame.id()));
    assert_eq!(relayer.withdraw(frame.id().author, me).unwrap(), 1);
}
