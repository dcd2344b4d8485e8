//! A session's folder in several parts: all are read as one, and only the folder itself is written.

use std::{fs, path::PathBuf, time::Instant};

use tempo_fs_transport::{FsTransport, Options};
use tempo_message::{CollectError, Detachment, Durability, Frame, Report, Transport, conformance::Script};

use crate::support::{Reader, Session, link, put_head, put_messages};

/// A session with one author's message in the folder and three messages of another author in a second part.
struct Split {
    session: Session,
    second: PathBuf,
    here: Vec<Frame>,
    there: Vec<Frame>,
}

impl Split {
    fn new() -> Self {
        let session = Session::new();
        let here = Script::new(1).run(1);
        session.writer().publish(&here[0], Durability::Lazy).unwrap();
        let second = session.dir.path().join("jam 2.session");
        let mut split = Self { session, second, here, there: Script::new(2).run(3) };
        split.put(0..3);
        split
    }

    /// Puts messages into the second part, where the other author has a directory as well.
    fn put(&mut self, which: std::ops::Range<usize>) {
        fs::create_dir_all(self.second.join(self.here[0].id().author.to_string())).unwrap();
        put_head(&self.second, self.there[0].id().author, "jam.session");
        put_messages(&self.second, &self.there[which]);
    }

    /// Returns a path for a directory that is not beside the folder.
    fn aside(&self) -> PathBuf {
        let aside = self.session.dir.path().join("elsewhere");
        fs::create_dir(&aside).unwrap();
        aside.join("aside")
    }

    fn all(&self) -> Vec<Frame> {
        sorted([&self.here[..], &self.there[..]].concat())
    }

    fn collect_all(&self, reader: &mut Reader) -> Vec<Frame> {
        sorted(reader.try_collect(&[], true).unwrap())
    }
}

/// Returns the report of an ordinary folder that is not watched.
fn unremarkable() -> Report {
    Report { without_hints: Some("watching is switched off".to_owned()), ..Report::default() }
}

fn sorted(mut frames: Vec<Frame>) -> Vec<Frame> {
    frames.sort_by_key(Frame::id);
    frames
}

#[test]
fn a_second_part_is_read_and_named() {
    let split = Split::new();
    let mut reader = split.session.reader();
    assert_eq!(sorted(reader.collect()), split.all());
    let report = reader.transport.report();
    assert_eq!(report.parts, ["jam 2.session"]);
    assert_eq!((report.foreign.len(), report.pending.len(), report.doubled.len()), (0, 0, 0));
    assert_eq!(reader.collect(), []);
    // Odd entries in it are named, so that a person finds them.
    let author = split.there[0].id().author;
    fs::write(split.second.join("notes.txt"), "").unwrap();
    fs::write(split.second.join(author.to_string()).join("0000000000000004"), "mess").unwrap();
    reader.try_collect(&[], true).unwrap();
    let places: Vec<String> = reader.report().into_iter().map(|(place, _)| place).collect();
    assert_eq!(places, ["jam 2.session/notes.txt".to_owned(), format!("jam 2.session/{author}/0000000000000004")]);
    let told: Vec<&String> = reader.foreign.iter().map(|foreign| &foreign.place).collect();
    assert_eq!(told, places.iter().collect::<Vec<_>>());
}

#[test]
fn a_part_that_comes_later_is_found() {
    let mut split = Split::new();
    fs::remove_dir_all(&split.second).unwrap();
    let mut reader = split.session.reader();
    assert_eq!(reader.collect(), split.here);
    split.put(0..1);
    let began = Instant::now();
    let mut arrived = Vec::new();
    while arrived.is_empty() && began.elapsed().as_secs() < 30 {
        reader.transport.wait(std::time::Duration::from_secs(1));
        arrived = reader.collect();
    }
    assert_eq!(arrived, split.there[..1]);
    split.put(1..3);
    assert_eq!(split.collect_all(&mut reader), split.there[1..]);
}

#[test]
fn a_part_is_watched() {
    let mut split = Split::new();
    let mut reader = split.session.reader();
    reader.transport = FsTransport::open(&split.session.folder, &Options::default()).unwrap();
    if let Some(reason) = reader.transport.report().without_hints {
        println!("skipped: no watching here: {reason}");
        return;
    }
    assert_eq!(sorted(reader.collect()), split.all());
    split.there.push({
        let mut script = Script::new(2);
        script.run(3);
        script.next(b"later")
    });
    split.put(3..4);
    let began = Instant::now();
    let mut arrived = Vec::new();
    while arrived.is_empty() && began.elapsed().as_secs() < 30 {
        reader.transport.wait(std::time::Duration::from_secs(30));
        arrived = reader.collect();
    }
    assert_eq!(arrived, split.there[3..]);
    assert!(began.elapsed().as_secs() < 20, "nobody told of it");
}

#[test]
fn only_the_folder_itself_is_written() {
    let split = Split::new();
    let mut writer = split.session.reader();
    assert_eq!(writer.collect().len(), 4);
    // This also holds for an author whose directory is only in the second part: that directory is a copy.
    let mut script = Script::new(2);
    for frame in script.run(4) {
        writer.transport.publish(&frame, Durability::Lazy).unwrap();
    }
    let author = script.author();
    assert_eq!(writer.transport.inventory(author).unwrap().len(), 4);
    let names = |path: PathBuf| fs::read_dir(path).unwrap().count();
    assert_eq!(names(split.session.path(author.to_string())), 4);
    assert_eq!((names(split.second.clone()), names(split.second.join(author.to_string()))), (2, 4));
}

/// Names are only hints: services translate their additions, and some use unknown ones.
#[test]
fn a_part_may_have_any_name() {
    let split = Split::new();
    let translated = "jam (\u{9078}\u{629e}\u{578b}\u{540c}\u{671f}\u{306e}\u{7af6}\u{5408}).session";
    let german = "jam.session (Konflikt durch selektive Synchronisierung)";
    for name in [translated, german, "jam copy.session", "JAM 2026.Session", "Old stuff"] {
        let other = split.session.dir.path().join(name);
        fs::rename(&split.second, &other).unwrap();
        let mut reader = split.session.reader();
        assert_eq!(split.collect_all(&mut reader), split.all(), "{name}");
        assert_eq!(reader.transport.report().parts, [name]);
        fs::rename(&other, &split.second).unwrap();
    }
}

#[test]
fn only_directories_of_members_are_parts() {
    let split = Split::new();
    // Without members, a directory with such a name is not a part.
    fs::rename(&split.second, split.session.dir.path().join("jam (1).zip")).unwrap();
    fs::remove_dir_all(split.session.dir.path().join("jam (1).zip")).unwrap();
    fs::create_dir(&split.second).unwrap();
    fs::write(split.second.join("take 1.wav"), "").unwrap();
    fs::write(split.session.dir.path().join("jam (1).session"), "").unwrap();
    let mut reader = split.session.reader();
    assert_eq!(split.collect_all(&mut reader), split.here);
    assert_eq!(reader.transport.report(), unremarkable());
}

#[test]
fn too_many_parts_are_bounded_and_counted() {
    let split = Split::new();
    for number in 3..=22 {
        let other = split.session.dir.path().join(format!("jam {number}.session"));
        fs::create_dir_all(other.join(split.here[0].id().author.to_string())).unwrap();
        let mut script = Script::new(number);
        put_head(&other, script.author(), "jam.session");
        put_messages(&other, &script.run(1));
    }
    let mut reader = split.session.reader();
    reader.try_collect(&[], true).unwrap();
    assert_eq!(reader.transport.report().unlisted, 21 - 16);
}

#[test]
fn a_part_that_disappears_disturbs_nothing() {
    let split = Split::new();
    let mut reader = split.session.reader();
    assert_eq!(reader.collect().len(), 4);
    let aside = split.aside();
    fs::rename(&split.second, &aside).unwrap();
    for full in [false, true] {
        assert_eq!(reader.try_collect(&[], full).unwrap(), []);
        assert_eq!(reader.transport.report().parts, [""; 0]);
    }
    fs::write(&split.second, "a file").unwrap();
    assert_eq!(reader.try_collect(&[], true).unwrap(), []);
    fs::remove_file(&split.second).unwrap();
    fs::rename(&aside, &split.second).unwrap();
    assert_eq!(reader.try_collect(&[], true).unwrap(), []);
    assert_eq!(reader.transport.report().parts, ["jam 2.session"]);
}

#[test]
fn an_emptied_folder_is_detached_even_if_parts_exist() {
    let split = Split::new();
    let mut reader = split.session.reader();
    assert_eq!(reader.collect().len(), 4);
    fs::remove_dir(split.second.join(split.here[0].id().author.to_string())).unwrap();
    fs::rename(&split.session.folder, split.session.dir.path().join("aside")).unwrap();
    fs::create_dir(&split.session.folder).unwrap();
    for full in [false, true] {
        let gone = reader.try_collect(&[], full);
        assert!(matches!(gone, Err(CollectError::Detached { why: Detachment::Emptied, .. })), "{gone:?}");
    }
    let own = Script::new(3).next(b"into the void");
    assert!(reader.transport.publish(&own, Durability::Lazy).is_err(), "published into an emptied folder");
}

/// A full budget is shared: a long backlog in the folder does not delay the parts, nor the parts the folder.
#[test]
fn the_budget_is_shared() {
    let mut split = Split::new();
    let mut script = Script::new(3);
    let mut writer = split.session.writer();
    for frame in script.run(30) {
        writer.publish(&frame, Durability::Lazy).unwrap();
    }
    split.there = Script::new(2).run(30);
    split.put(0..30);
    let mut reader = split.session.reader();
    let (mut here, mut there) = (0, 0);
    for _ in 0..6 {
        let (frames, more) = reader.collect_some(5);
        assert!(more);
        let parts = frames.iter().filter(|frame| frame.id().author == split.there[0].id().author).count();
        (here, there) = (here + frames.len() - parts, there + parts);
    }
    // A head takes the turn of a message.
    assert!(here + there == 30 && here.abs_diff(there) <= 2, "{here} and {there}");
}

mod links {
    use super::*;

    #[test]
    fn a_link_is_not_a_part_and_a_part_that_becomes_a_link_is_not_read() {
        let split = Split::new();
        let aside = split.aside();
        fs::rename(&split.second, &aside).unwrap();
        if !link(&aside, &split.second) {
            return;
        }
        let mut reader = split.session.reader();
        assert_eq!(split.collect_all(&mut reader), split.here);
        assert_eq!(reader.transport.report(), unremarkable());

        let mut split = Split::new();
        let mut reader = split.session.reader();
        assert_eq!(reader.collect().len(), 4);
        let aside = split.aside();
        fs::rename(&split.second, &aside).unwrap();
        assert!(link(&aside, &split.second));
        split.there = Script::new(4).run(1);
        split.put(0..1);
        // Two collects between two full scans, and one with a full scan.
        for full in [false, false, true] {
            assert_eq!(reader.try_collect(&[], full).unwrap(), []);
        }
    }

    #[test]
    fn parts_are_beside_the_folder_and_not_beside_a_link_to_it() {
        let split = Split::new();
        let elsewhere = tempfile::tempdir().unwrap();
        let link = elsewhere.path().join("link.session");
        if !crate::support::link(&split.session.folder, &link) {
            return;
        }
        let mut reader = split.session.reader();
        reader.transport = FsTransport::open(&link, &Options::default()).unwrap();
        assert_eq!(split.collect_all(&mut reader), split.all());
    }

    #[cfg(unix)]
    #[test]
    fn a_directory_that_cannot_be_listed_is_not_an_error() {
        use std::os::unix::fs::PermissionsExt;

        let split = Split::new();
        let mode = |path: &std::path::Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        mode(&split.second, 0o000);
        if fs::read_dir(&split.second).is_ok() {
            println!("skipped: permissions bind nobody here");
            mode(&split.second, 0o755);
            return;
        }
        let mut reader = split.session.reader();
        assert_eq!(split.collect_all(&mut reader), split.here);
        assert!(matches!(&reader.report()[..], [(place, _)] if place == "jam 2.session"), "{:?}", reader.report());
        mode(&split.second, 0o755);
        assert_eq!(split.collect_all(&mut reader).len(), 3);
        assert_eq!(reader.report(), []);

        mode(split.session.dir.path(), 0o311);
        let mut reader = split.session.reader();
        let read = reader.try_collect(&[], true);
        mode(split.session.dir.path(), 0o755);
        assert_eq!(read.unwrap(), split.here);
        assert_eq!(reader.report(), []);
    }
}
