//! Hostile entries: links to follow, devices to open, files to wait for. The transport reads and writes
//! nothing outside the folder.

use std::{
    fs::{self, File},
    io::Write,
    os::unix::{ffi::OsStrExt, fs::symlink},
    process::Command,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use tempo_message::{Durability, Frame, Published, Transport, conformance::Script};

use crate::support::{Reader, Session};

/// The time after which a test is stuck; far longer than a working machine needs.
const STUCK: Duration = Duration::from_secs(30);
/// The length of a sparse file, which takes no room on the disk.
const SPARSE: u64 = 15 << 40;

/// Sets a flag when dropped, also when a test fails, so that the other thread ends.
struct Ends<'a>(&'a AtomicBool);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn publish(session: &Session, frames: &[Frame]) {
    let mut writer = session.writer();
    for frame in frames {
        writer.publish(frame, Durability::Lazy).unwrap();
    }
}

/// Returns the only reason that the report gives for a place.
fn reason(reader: &Reader, place: &str) -> String {
    let report = reader.report();
    let reasons: Vec<&str> = report.iter().filter(|(at, _)| at == place).map(|(_, reason)| reason.as_str()).collect();
    assert_eq!(reasons.len(), 1, "{place}: {report:?}");
    reasons[0].to_owned()
}

#[test]
fn only_the_session_folder_itself_may_be_a_link() {
    let session = Session::new();
    let (mut script, mut other) = (Script::new(1), Script::new(2));
    let frames = script.run(4);
    publish(&session, &frames[..1]);
    let link = session.dir.path().join("link.session");
    symlink(&session.folder, &link).unwrap();
    let outside = session.dir.path().join("outside");
    fs::create_dir(&outside).unwrap();
    for frame in other.run(3).iter().chain(&frames) {
        fs::write(outside.join(format!("{:016x}", frame.id().counter)), frame.bytes()).unwrap();
    }
    symlink(&outside, session.path(other.author().to_string())).unwrap();
    symlink(outside.join("0000000000000002"), session.file(frames[1].id())).unwrap();
    symlink("/dev/zero", session.file(frames[2].id())).unwrap();
    symlink("0000000000000004", session.file(frames[3].id())).unwrap();
    symlink(&session.folder, session.path(Script::new(3).author().to_string())).unwrap();

    let mut reader = session.reader();
    reader.transport = tempo_fs_transport::FsTransport::open(&link, &crate::support::unwatched()).unwrap();
    assert_eq!(reader.collect(), frames[..1]);
    assert_eq!(reader.try_collect(&[frames[1].id()], true).unwrap(), []);
    for author in [other.author(), Script::new(3).author()] {
        assert_eq!(reason(&reader, &author.to_string()), "a symbolic link where a directory belongs");
    }
    for frame in &frames[1..] {
        assert_eq!(reason(&reader, &frame.id().to_string()), "a symbolic link where a file belongs");
    }
}

/// Publishing into a linked directory, or over a hard-linked file, does not change the target.
#[test]
fn nothing_is_written_through_a_link() {
    let session = Session::new();
    let mut script = Script::new(1);
    let frames = script.run(2);
    let outside = session.dir.path().join("outside");
    fs::create_dir(&outside).unwrap();
    let own = session.path(script.author().to_string());
    symlink(&outside, &own).unwrap();
    let mut member = session.writer();
    assert!(member.join(script.author()).is_err());
    for durability in [Durability::Lazy, Durability::Durable] {
        assert!(member.publish(&frames[0], durability).is_err(), "published through a link");
    }
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 0);

    fs::remove_file(&own).unwrap();
    member.join(script.author()).unwrap();
    // These look like the remains of an interrupted publication. Publishing replaces the name, not the
    // content.
    let (linked, link) = (outside.join("linked"), session.file(frames[0].id()));
    fs::write(&linked, &frames[0].bytes()[..7]).unwrap();
    fs::hard_link(&linked, &link).unwrap();
    assert_eq!(member.publish(&frames[0], Durability::Lazy).unwrap(), Published::Mended);
    let dangling = session.dir.path().join("nowhere");
    symlink(&dangling, session.file(frames[1].id())).unwrap();
    assert_eq!(member.publish(&frames[1], Durability::Lazy).unwrap(), Published::Displaced);
    assert_eq!(fs::read(&linked).unwrap(), &frames[0].bytes()[..7]);
    assert!(!dangling.exists());
    assert_eq!(session.reader().collect(), frames);
}

#[test]
fn devices_and_sparse_files_are_named_and_not_read() {
    let session = Session::new();
    let mut script = Script::new(1);
    let frames = script.run(9);
    publish(&session, &frames[8..]);
    let mut expected = vec![(1, format!("{SPARSE} bytes, at most")), (2, format!("{SPARSE} bytes, at most"))];
    File::create(session.file(frames[0].id())).unwrap().set_len(SPARSE).unwrap();
    let pack = session.path(script.author().to_string()).join("0000000000000002-0000000000000009");
    File::create(&pack).unwrap().set_len(SPARSE).unwrap();
    for (frame, kind) in frames[2..].iter().zip([["c", "1", "5"], ["c", "5", "0"], ["b", "7", "0"]]) {
        let made = Command::new("mknod").arg(session.file(frame.id())).args(kind).output();
        if !made.as_ref().is_ok_and(|output| output.status.success()) {
            println!("skipped: devices cannot be made here: {made:?}");
            break;
        }
        expected.push((frame.id().counter, "a pipe, socket or device where a file belongs".to_owned()));
    }
    let mut reader = session.reader();
    assert_eq!(reader.collect(), frames[8..]);
    for (counter, text) in expected {
        let name = if counter == 2 {
            pack.file_name().unwrap().to_str().unwrap().to_owned()
        } else {
            format!("{counter:016x}")
        };
        let found = reason(&reader, &format!("{}/{name}", script.author()));
        assert!(found.starts_with(&text), "{name}: {found}");
    }
}

/// A file with two names is one message. In another author's directory it is foreign, wherever the link
/// points.
#[test]
fn hard_links_are_judged_by_their_content() {
    let session = Session::new();
    let (mut script, mut other) = (Script::new(1), Script::new(2));
    let (frames, others) = (script.run(3), other.run(1));
    publish(&session, &frames[..1]);
    publish(&session, &others);
    fs::hard_link(session.file(frames[0].id()), session.file(frames[1].id())).unwrap();
    fs::hard_link(session.file(others[0].id()), session.file(frames[2].id())).unwrap();
    let mut reader = session.reader();
    let arrived = reader.collect();
    assert!(arrived.iter().all(|frame| *frame == frames[0] || *frame == others[0]), "{arrived:?}");
    assert_eq!(reader.known.iter().count(), 2);
    assert!(reason(&reader, &frames[2].id().to_string()).contains("another author's place"));
}

#[test]
fn strange_names_are_printable_and_disturb_nothing() {
    let session = Session::new();
    let mut script = Script::new(1);
    let frames = script.run(2);
    publish(&session, &frames[..1]);
    let author = script.author().to_string();
    let own = session.path(&author);
    let hostile: [&[u8]; 6] = [
        &[b'n'; 255],
        b"\x1b]0;title\x07\x1b[2J",
        b"line\nbreak\rreturn\ttab\x7f",
        b"\xff\xfe\x80",
        "\u{9b}31m\u{202e}txt.exe\u{2066}".as_bytes(),
        b"\\x1b[2J",
    ];
    for name in hostile {
        for dir in [&session.folder, &own] {
            fs::write(dir.join(std::ffi::OsStr::from_bytes(name)), "").unwrap();
        }
    }
    // A copy of the author's directory, going by its name, and in it a copy of a message.
    let copy = session.folder.join(std::ffi::OsStr::from_bytes(&[author.as_bytes(), b"\xff\x1b[2J"].concat()));
    fs::create_dir(&copy).unwrap();
    let name = [b"0000000000000002\x1b[2J".as_slice(), &[b'n'; 255 - 20]].concat();
    fs::write(copy.join(std::ffi::OsStr::from_bytes(&name)), frames[1].bytes()).unwrap();
    fs::write(copy.join(std::ffi::OsStr::from_bytes(b"\x1b[2J")), "").unwrap();

    let mut reader = session.reader();
    assert_eq!(reader.collect(), frames);
    let report = reader.report();
    assert_eq!((report.len(), reader.foreign.len()), (13, 13), "{report:?}");
    let mut places: Vec<&str> = report.iter().map(|(place, _)| place.as_str()).collect();
    for place in &places {
        assert!(place.chars().all(|c| !c.is_control() && !"\u{202e}\u{2066}".contains(c)), "{place:?}");
    }
    places.sort_unstable();
    places.dedup();
    assert_eq!(places.len(), 13, "different names look alike");
}

/// A program rewrites a file in place again and again. A part of it is never mistaken for the whole.
#[test]
fn a_file_that_grows_and_shrinks_while_it_is_read_is_delivered_whole() {
    let session = Session::new();
    let mut script = Script::new(1);
    let frame = script.next(&[0x5a; 100_000]);
    fs::create_dir(session.path(script.author().to_string())).unwrap();
    let (path, is_over) = (session.file(frame.id()), AtomicBool::new(false));
    thread::scope(|scope| {
        scope.spawn(|| {
            for round in 0_usize.. {
                // Cut to nothing or to a valid part, and then extended in a few steps.
                let cut = round % 3 * 1000;
                File::options()
                    .write(true)
                    .create(true)
                    .truncate(false)
                    .open(&path)
                    .unwrap()
                    .set_len(cut as u64)
                    .unwrap();
                let rest = frame.bytes().get(cut..).unwrap();
                for part in rest.chunks(1 + rest.len() / (1 + round % 7)) {
                    File::options().append(true).open(&path).unwrap().write_all(part).unwrap();
                }
                let is_whole = fs::read(&path).unwrap() == *frame.bytes();
                if is_over.load(Ordering::Relaxed) && is_whole {
                    break;
                }
                if !is_whole {
                    fs::write(&path, "").unwrap();
                }
            }
        });
        let ends = Ends(&is_over);
        let (mut asking, mut waiting) = (session.reader(), session.reader());
        for _ in 0..500 {
            for arrived in asking.try_collect(&[frame.id()], true).unwrap().iter().chain(&waiting.collect()) {
                assert_eq!(*arrived, frame);
            }
        }
        drop(ends);
        let began = Instant::now();
        while !waiting.known.contains(frame.id().author, 1) {
            assert!(began.elapsed() < STUCK, "{:?}", waiting.report());
            waiting.transport.wait(STUCK);
            waiting.collect();
        }
    });
}

/// An author's directory is alternately a directory and a link.
#[test]
fn a_directory_that_is_swapped_for_a_link_leads_nowhere() {
    let session = Session::new();
    let (mut script, mut own) = (Script::new(1), Script::new(2));
    let frames = script.run(2);
    publish(&session, &frames[..1]);
    publish(&session, &own.run(1));
    let (outside, aside) = (session.dir.path().join("outside"), session.dir.path().join("aside"));
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("0000000000000002"), frames[1].bytes()).unwrap();
    let swapped = [script.author(), own.author()].map(|author| session.path(author.to_string()));
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                for path in &swapped {
                    fs::rename(path, &aside).unwrap();
                    // While the directory is away, its author may create it again.
                    if symlink(&outside, path).is_ok() {
                        thread::yield_now();
                        fs::remove_file(path).unwrap();
                    }
                    while fs::rename(&aside, path).is_err() {
                        // This fails while a file is being written into the directory.
                        let _ = fs::remove_dir_all(path);
                    }
                }
            }
        });
        let _ends = Ends(&is_over);
        let (mut reader, mut member) = (session.reader(), session.writer());
        for _ in 0..1000 {
            // Either call may fail: the directory is missing, or it is a link.
            let arrived = reader.try_collect(&[frames[0].id()], true).unwrap_or_default();
            assert!(!arrived.contains(&frames[1]), "read through a link");
            let _ = member.publish(&own.next(b"mine"), Durability::Lazy);
        }
    });
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 1, "written through a link");
    assert!(session.reader().collect().contains(&frames[0]));
}
