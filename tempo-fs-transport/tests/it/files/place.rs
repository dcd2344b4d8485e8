//! The folder as a whole: away, in pieces, only read, watched, and left alone.

use std::fs;
#[cfg(target_os = "linux")]
use std::path::PathBuf;

use tempo_fs_transport::{FsTransport, Options};
use tempo_message::{
    CollectError, Detachment, Durability, PartRead, Presence, PublishError, Published, PutError, Transport,
    conformance::Script,
};

use super::{File, Taken, ana, ben, files, look, parts, read};
use crate::{
    publish::names,
    support::{Reader, Session, put_head, put_messages, unwatched},
};

#[test]
fn a_member_without_the_directory_has_no_parts() {
    let (session, file) = (Session::new(), File::new(1));
    let mut handle = parts(&session);
    file.put(handle.as_mut(), 0).unwrap();
    fs::remove_dir_all(files(&session, ana())).unwrap();
    assert_eq!(handle.stored(ana()).unwrap(), None);
    assert_eq!(handle.look(Some(ana()), &[file.part(0)]).unwrap(), [Presence::Missing]);
    assert_eq!(look(handle.as_mut(), file.part(0)), Presence::Missing);
    assert!(!handle.remove(ana(), &file.part(0)).unwrap());
    assert_eq!(names(&session.path(ana().to_string())), [""; 0], "nothing was made to look");
    assert_eq!(file.put(handle.as_mut(), 0).unwrap(), Published::New);
}

fn is_detached<T: std::fmt::Debug>(outcome: Result<T, CollectError>, expected: Detachment) {
    match outcome {
        Err(CollectError::Detached { why, .. }) => assert_eq!(why, expected),
        other => panic!("{other:?}"),
    }
}

/// The handle sees by itself that the folder is away, even if the transport does not look.
#[test]
fn nothing_is_missing_in_a_folder_that_is_away() {
    let (session, file) = (Session::new(), File::new(1));
    let mut handle = parts(&session);
    file.put(handle.as_mut(), 0).unwrap();
    let aside = session.dir.path().join("aside");
    let mut expect = |why: Detachment| {
        is_detached(handle.look(None, &[file.part(0)]), why);
        is_detached(handle.look(Some(ana()), &[file.part(0)]), why);
        is_detached(handle.read(&file.part(0), false, &mut Taken::default()), why);
        is_detached(handle.stored(ana()), why);
        let put = file.put(handle.as_mut(), 1);
        assert!(matches!(put, Err(PutError::Publish(PublishError::Detached { .. }))), "{put:?}");
        assert!(matches!(handle.remove(ana(), &file.part(0)), Err(PublishError::Detached { .. })));
    };
    fs::rename(&session.folder, &aside).unwrap();
    expect(Detachment::Missing);
    fs::create_dir(&session.folder).unwrap();
    expect(Detachment::Emptied);
    fs::remove_dir(&session.folder).unwrap();
    fs::write(&session.folder, "").unwrap();
    expect(Detachment::NotAFolder);
    fs::remove_file(&session.folder).unwrap();
    fs::rename(&aside, &session.folder).unwrap();
    fs::rename(session.path(ana().to_string()), session.dir.path().join("moved")).unwrap();
    expect(Detachment::Emptied);
    assert_eq!(names(&session.folder), [""; 0]);
    fs::rename(session.dir.path().join("moved"), session.path(ana().to_string())).unwrap();
    assert_eq!(look(handle.as_mut(), file.part(0)), Presence::Here);
}

/// An open directory would keep its volume from being unmounted, and under Windows the folder from being removed.
#[test]
fn a_handle_keeps_nothing_open() {
    let (session, file) = (Session::new(), File::new(1));
    let mut handle = parts(&session);
    file.put(handle.as_mut(), 0).unwrap();
    look(handle.as_mut(), file.part(1));
    read(handle.as_mut(), &file.part(0));
    #[cfg(target_os = "linux")]
    {
        let folder = fs::canonicalize(&session.folder).unwrap();
        let open = fs::read_dir("/proc/self/fd").unwrap().filter_map(|fd| fs::read_link(fd.unwrap().path()).ok());
        assert_eq!(open.filter(|path| path.starts_with(&folder)).collect::<Vec<_>>(), Vec::<PathBuf>::new());
    }
    fs::remove_dir_all(&session.folder).unwrap();
}

#[test]
fn a_transport_that_only_reads_puts_and_removes_nothing() {
    let (session, file) = (Session::new(), File::new(1));
    file.put(parts(&session).as_mut(), 0).unwrap();
    let mut options = unwatched();
    options.read_only = true;
    let mut handle = FsTransport::open(&session.folder, &options).unwrap().parts().unwrap();
    let put = file.put(handle.as_mut(), 1);
    assert!(matches!(put, Err(PutError::Publish(PublishError::ReadOnly { .. }))), "{put:?}");
    assert!(matches!(handle.remove(ana(), &file.part(0)), Err(PublishError::ReadOnly { .. })));
    assert_eq!(read(handle.as_mut(), &file.part(0)).0, PartRead::Whole);
}

#[test]
fn parts_in_other_pieces_of_the_folder_are_read() {
    let (session, file) = (Session::new(), File::new(1));
    session.writer().publish(&Script::new(1).next(b"one"), Durability::Lazy).unwrap();
    let second = session.dir.path().join("jam 2.session");
    fs::create_dir_all(second.join(ana().to_string())).unwrap();
    put_head(&second, ben(), "jam.session");
    put_messages(&second, &Script::new(2).run(1));
    let files = second.join(ben().to_string()).join("files");
    fs::create_dir_all(&files).unwrap();
    fs::write(files.join(file.part(0).name()), file.bytes(0)).unwrap();
    let mut reader = session.reader();
    let mut handle = reader.transport.parts().unwrap();
    assert_eq!(look(handle.as_mut(), file.part(0)), Presence::Missing, "nobody knows of the piece yet");
    assert_eq!(reader.try_collect(&[], true).unwrap().len(), 2);
    assert_eq!(reader.report(), []);
    assert_eq!(look(handle.as_mut(), file.part(0)), Presence::Here);
    assert_eq!(read(handle.as_mut(), &file.part(0)).0, PartRead::Whole);
    // Only the folder itself is written, and only there an author has its place.
    assert_eq!(handle.stored(ben()).unwrap(), None);
    fs::remove_dir_all(&second).unwrap();
    assert_eq!(look(handle.as_mut(), file.part(0)), Presence::Missing);
}

/// The driver is not woken by what happens among parts.
#[test]
fn writing_parts_wakes_nobody() {
    use std::time::{Duration, Instant};
    let (session, file) = (Session::new(), File::new(1));
    session.writer().publish(&Script::new(1).next(b"one"), Durability::Lazy).unwrap();
    let mut reader = Reader::of(FsTransport::open(&session.folder, &Options::default()).unwrap());
    if let Some(reason) = reader.transport.report().without_hints {
        println!("skipped: no watching here: {reason}");
        return;
    }
    assert_eq!(reader.collect().len(), 1);
    let mut handle = parts(&session);
    file.put(handle.as_mut(), 0).unwrap();
    // What making the directory has caused is over after some collects.
    let (pause, began) = (Duration::from_millis(200), Instant::now());
    let mut is_quiet = || loop {
        reader.collect();
        let waiting = Instant::now();
        reader.transport.wait(pause);
        if waiting.elapsed() >= pause {
            return true;
        }
        assert!(began.elapsed() < Duration::from_secs(20), "every wait ends at once");
    };
    assert!(is_quiet());
    file.put(handle.as_mut(), 1).unwrap();
    handle.remove(ana(), &file.part(0)).unwrap();
    reader.transport.wait(pause);
    let waiting = Instant::now();
    reader.transport.wait(pause);
    assert!(waiting.elapsed() >= pause, "a part ended a wait");
}
