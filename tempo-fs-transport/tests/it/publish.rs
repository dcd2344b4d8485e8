//! Publishing: what it leaves in the folder, and how it treats files that are there already.

use std::{fs, path::Path};

use tempo_fs_transport::{FsTransport, Options};
use tempo_message::{Detachment, Durability, PublishError, Published, Transport, conformance::Script};

use crate::support::{Session, unwatched};

#[test]
fn a_message_is_one_file_named_by_its_counter() {
    let session = Session::new();
    let mut writer = session.writer();
    let mut script = Script::new(1);
    let frames = script.run(17);
    for frame in &frames {
        writer.publish(frame, Durability::Lazy).unwrap();
    }
    let names = names(&session.path(script.author().to_string()));
    assert_eq!(names.first().unwrap(), "0000000000000001");
    assert_eq!(names.last().unwrap(), "0000000000000011");
    assert_eq!(names.len(), 17, "nothing but the messages: {names:?}");
    assert_eq!(fs::read(session.file(frames[4].id())).unwrap(), *frames[4].bytes());
}

#[test]
fn staging_outside_is_left_empty_and_swept() {
    let session = Session::new();
    let staging = session.dir.path().join("staging");
    fs::create_dir(&staging).unwrap();
    fs::write(staging.join("~tempo-left-over.tmp"), "half a message").unwrap();
    let mut options = unwatched();
    options.staging = Some(staging.clone());
    let mut writer = FsTransport::open(&session.folder, &options).unwrap();
    writer.publish(&Script::new(1).next(b"hello"), Durability::Durable).unwrap();
    assert_eq!(names(&staging), Vec::<String>::new());
}

/// Whenever staging outside the folder fails, the message is staged in the folder.
#[test]
fn a_message_is_staged_in_the_folder_when_staging_outside_fails() {
    let session = Session::new();
    let (staging, elsewhere) = (session.dir.path().join("staging"), session.dir.path().join("elsewhere"));
    fs::create_dir(&staging).unwrap();
    let mut options = unwatched();
    options.staging = Some(staging.clone());
    let mut script = Script::new(1);
    let mut writer = FsTransport::open(&session.folder, &options).unwrap();
    writer.join(script.author()).unwrap();
    if cfg!(unix) {
        // The directory is open, and nothing can be created in it any more.
        fs::remove_dir(&staging).unwrap();
    }
    let frame = script.next(b"hello");
    assert_eq!(writer.publish(&frame, Durability::Durable).unwrap(), Published::New);
    assert_eq!(names(&session.path(script.author().to_string())), ["0000000000000001"]);
    options.staging = Some(elsewhere);
    let mut writer = FsTransport::open(&session.folder, &options).unwrap();
    assert_eq!(writer.publish(&script.next(b"again"), Durability::Durable).unwrap(), Published::New);
}

/// Sync engines wait longer the more events a directory has, and longest after a removal.
#[cfg(target_os = "linux")]
#[test]
fn a_message_causes_one_event() {
    use notify::{EventKind, RecursiveMode, Watcher};
    const BROKEN: std::time::Duration = std::time::Duration::from_secs(20);

    let session = Session::new();
    let staging = session.dir.path().join("staging");
    fs::create_dir(&staging).unwrap();
    let mut options = unwatched();
    options.staging = Some(staging);
    let mut writer = FsTransport::open(&session.folder, &options).unwrap();
    let mut script = Script::new(1);
    writer.join(script.author()).unwrap();
    let dir = session.path(script.author().to_string());
    let (heard, events) = std::sync::mpsc::channel();
    let mut watcher = notify::recommended_watcher(heard).unwrap();
    watcher.watch(&session.folder, RecursiveMode::Recursive).unwrap();
    let frames = script.run(20);
    for frame in &frames {
        writer.publish(frame, Durability::Durable).unwrap();
    }
    let end = dir.join("the end");
    fs::write(&end, "").unwrap();
    let events = std::iter::from_fn(|| events.recv_timeout(BROKEN).ok()).map(Result::unwrap);
    let changes = events.filter(|event| !matches!(event.kind, EventKind::Access(_)));
    let changed: Vec<_> = changes.flat_map(|event| event.paths).take_while(|path| *path != end).collect();
    let files: Vec<_> = frames.iter().map(|frame| session.file(frame.id())).collect();
    assert_eq!(changed, files);
}

/// The memory file system is another volume if temporary directories are on a disk.
#[test]
fn staging_on_another_volume_falls_back_to_the_folder() {
    let shm = Path::new("/dev/shm");
    let session = Session::new();
    let Ok(staging) = tempfile::tempdir_in(shm) else {
        println!("skipped: there is no {}", shm.display());
        return;
    };
    let mut options = unwatched();
    options.staging = Some(staging.path().to_owned());
    let mut writer = FsTransport::open(&session.folder, &options).unwrap();
    let mut script = Script::new(1);
    for frame in script.run(3) {
        assert_eq!(writer.publish(&frame, Durability::Durable).unwrap(), Published::New);
    }
    assert_eq!(names(staging.path()), Vec::<String>::new());
    assert_eq!(names(&session.path(script.author().to_string())).len(), 3);
}

/// A renamed file keeps the permissions that it got where it was created.
#[cfg(target_os = "linux")]
#[test]
fn a_published_file_has_the_permissions_of_one_created_in_its_place() {
    use rustix::fs::{XattrFlags, getxattr, setxattr};
    use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};

    const ANYBODY: u32 = u32::MAX;
    let entry = |tag: u16, rights: u16, id: u32| {
        [&tag.to_le_bytes()[..], &rights.to_le_bytes()[..], &id.to_le_bytes()[..]].concat()
    };
    // The owner, another user, no group, everything as the mask, no others.
    let list =
        [entry(1, 7, ANYBODY), entry(2, 7, 61_002), entry(4, 0, ANYBODY), entry(16, 7, ANYBODY), entry(32, 0, ANYBODY)];
    let list = [2_u32.to_le_bytes().to_vec(), list.concat()].concat();

    let session = Session::new();
    let staging = session.dir.path().join("staging");
    fs::create_dir(&staging).unwrap();
    if let Err(error) = setxattr(&session.folder, "system.posix_acl_default", &list, XattrFlags::empty()) {
        println!("skipped: this file system has no access control lists: {error}");
        return;
    }
    let mut options = unwatched();
    options.staging = Some(staging.clone());
    let mut writer = FsTransport::open(&session.folder, &options).unwrap();
    let (mut script, pack) = (Script::new(1), Script::new(1).run(9));
    let dir = session.path(script.author().to_string());
    let permissions = |name: &str| {
        let about = fs::metadata(dir.join(name)).unwrap();
        let mut acl = [0; 1024];
        let len = getxattr(dir.join(name), "system.posix_acl_access", &mut acl).unwrap_or(0);
        (about.uid(), about.gid(), about.mode(), acl[..len].to_vec())
    };
    writer.publish(&script.next(b"one"), Durability::Durable).unwrap();
    writer.publish_pack(&tempo_message::Pack::of(&pack[2..]).unwrap(), Durability::Durable).unwrap();
    fs::write(dir.join("probe"), "").unwrap();
    assert!(permissions("probe").3.len() > 4, "a list is inherited");
    assert_eq!(permissions("0000000000000001"), permissions("probe"));
    assert_eq!(permissions("0000000000000003-0000000000000009"), permissions("probe"));

    // The directory becomes shared with others while it is in use.
    fs::set_permissions(&dir, fs::Permissions::from_mode(0o2775)).unwrap();
    if let Err(error) = chown(&dir, None, Some(61_234)) {
        println!("without another group: {error}");
    }
    writer.publish(&script.next(b"two"), Durability::Durable).unwrap();
    fs::write(dir.join("probe again"), "").unwrap();
    assert_eq!(permissions("0000000000000002"), permissions("probe again"));
    assert!(names(&staging).is_empty() && names(&dir).iter().all(|name| !name.starts_with('~')));
}

#[test]
fn joining_sweeps_staged_files_of_the_own_directory_only() {
    let session = Session::new();
    let (own, other) = (Script::new(1).author(), Script::new(2).author());
    for author in [own, other] {
        fs::create_dir(session.path(author.to_string())).unwrap();
        fs::write(session.path(author.to_string()).join("~tempo-0123456789abcdef.tmp"), "half").unwrap();
        fs::write(session.path(author.to_string()).join("notes"), "not ours").unwrap();
    }
    session.writer().join(own).unwrap();
    assert_eq!(names(&session.path(own.to_string())), ["notes"]);
    assert_eq!(names(&session.path(other.to_string())), ["notes", "~tempo-0123456789abcdef.tmp"]);
}

#[test]
fn damage_from_a_power_loss_is_repaired() {
    let frame = Script::new(1).next(b"a message of some length, so that there is something to cut");
    let whole = frame.bytes().to_vec();
    let mut zeroed = whole.clone();
    zeroed[20..].fill(0);
    for remains in [&b""[..], &whole[..1], &whole[..whole.len() - 1], &zeroed, &vec![0; whole.len()]] {
        let session = Session::new();
        let mut writer = session.writer();
        writer.join(frame.id().author).unwrap();
        fs::write(session.file(frame.id()), remains).unwrap();
        assert_eq!(writer.publish(&frame, Durability::Durable).unwrap(), Published::Mended);
        assert_eq!(fs::read(session.file(frame.id())).unwrap(), whole);
        assert_eq!(names(&session.path(frame.id().author.to_string())).len(), 1, "nothing staged is left");
    }
}

#[test]
fn a_file_of_another_program_is_never_overwritten() {
    let frame = Script::new(1).next(b"mine");
    let mut longer = frame.bytes().to_vec();
    longer.push(b'!');
    let mut changed = frame.bytes().to_vec();
    changed[15] ^= 1;
    for other in [b"something else entirely".to_vec(), longer, changed, Script::new(1).next(b"yours").bytes().to_vec()]
    {
        let session = Session::new();
        let mut writer = session.writer();
        writer.join(frame.id().author).unwrap();
        fs::write(session.file(frame.id()), &other).unwrap();
        for _ in 0..2 {
            assert_eq!(writer.publish(&frame, Durability::Durable).unwrap(), Published::Displaced);
        }
        assert_eq!(fs::read(session.file(frame.id())).unwrap(), other);
        let beside = format!("0000000000000001.{}", &frame.digest().to_string()[..16]);
        assert_eq!(names(&session.path(frame.id().author.to_string())), ["0000000000000001", &beside]);
        assert!(session.reader().collect().contains(&frame), "and the message is collected all the same");
    }
}

#[test]
fn a_directory_in_the_way_does_not_stop_a_message() {
    let session = Session::new();
    let mut writer = session.writer();
    let frame = Script::new(1).next(b"mine");
    fs::create_dir_all(session.file(frame.id())).unwrap();
    assert_eq!(writer.publish(&frame, Durability::Lazy).unwrap(), Published::Displaced);
    assert_eq!(session.reader().collect(), [frame]);
}

#[test]
fn a_reader_writes_nothing() {
    let session = Session::new();
    let mut options = Options::default();
    options.read_only = true;
    let mut reader = FsTransport::open(&session.folder, &options).unwrap();
    let frame = Script::new(1).next(b"hello");
    assert!(matches!(reader.join(frame.id().author), Err(PublishError::ReadOnly { .. })));
    assert!(matches!(reader.publish(&frame, Durability::Lazy), Err(PublishError::ReadOnly { .. })));
    assert_eq!(names(&session.folder), Vec::<String>::new());
}

#[test]
fn nothing_is_published_at_the_old_path_of_the_folder() {
    let session = Session::new();
    let mut writer = session.writer();
    let mut script = Script::new(1);
    writer.publish(&script.next(b"one"), Durability::Lazy).unwrap();
    let elsewhere = session.dir.path().join("moved.session");
    fs::rename(&session.folder, &elsewhere).unwrap();
    let two = script.next(b"two");
    let refused = writer.publish(&two, Durability::Lazy);
    assert!(matches!(refused, Err(PublishError::Detached { why: Detachment::Missing, .. })), "{refused:?}");
    fs::rename(&elsewhere, &session.folder).unwrap();
    assert_eq!(writer.publish(&two, Durability::Lazy).unwrap(), Published::New);
}

pub(crate) fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// The file beside the name may be replaced as well. A whole message is never replaced, under any name.
#[test]
fn a_displaced_message_replaces_no_other_message() {
    let session = Session::new();
    let mut writer = session.writer();
    let [theirs, ours, third] = [&b"theirs"[..], b"ours", b"third"].map(|text| Script::new(1).next(text));
    let author = ours.id().author.to_string();
    writer.publish(&theirs, Durability::Lazy).unwrap();
    assert_eq!(writer.publish(&ours, Durability::Lazy).unwrap(), Published::Displaced);
    let dir = session.path(author);
    let beside = fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap().path());
    let beside = beside.max_by_key(|path| path.as_os_str().len()).unwrap();
    fs::write(&beside, third.bytes()).unwrap();
    for _ in 0..2 {
        assert_eq!(writer.publish(&ours, Durability::Durable).unwrap(), Published::Displaced);
    }
    let files = fs::read_dir(&dir).unwrap().map(|entry| fs::read(entry.unwrap().path()).unwrap());
    let files: std::collections::BTreeSet<Vec<u8>> = files.collect();
    assert_eq!(files, [&theirs, &ours, &third].map(|frame| frame.bytes().to_vec()).into());
}
