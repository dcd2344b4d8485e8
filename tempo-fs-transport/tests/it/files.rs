//! Parts of files in real folders: odd copies of them, odd places for them, and what is beside them.

use std::{
    fs,
    io::{self, Read},
    ops::ControlFlow,
    path::PathBuf,
    sync::{Arc, Mutex},
};

use tempo_fs_transport::{FsTransport, Options};
use tempo_message::{
    AuthorId, CollectError, Detachment, Durability, Manifest, ManifestHasher, Part, PartRead, Parts, Presence,
    PublishError, Published, PutError, Receive, Transport, conformance::Script,
};

use crate::{
    hooked::Hooked,
    publish::names,
    support::{Reader, Session, link, put_head, put_messages, unwatched},
};

/// A file of two parts of 64 KiB and a short one.
struct File {
    content: Vec<u8>,
    manifest: Manifest,
}

impl File {
    fn new(seed: u8) -> Self {
        let content: Vec<u8> =
            (0..140_000_u32).map(|at| seed ^ (at / 251).to_le_bytes()[0] ^ at.to_le_bytes()[0]).collect();
        let mut hasher = ManifestHasher::new(16);
        hasher.update(&content).unwrap();
        Self { content, manifest: hasher.finish().unwrap() }
    }

    fn part(&self, number: usize) -> Part {
        self.manifest.part(number).unwrap()
    }

    fn bytes(&self, number: usize) -> &[u8] {
        let part = self.part(number);
        &self.content[part.offset as usize..][..part.length as usize]
    }

    fn put(&self, to: &mut dyn Parts, number: usize) -> Result<Published, PutError> {
        to.put(ana(), &self.part(number), &mut self.bytes(number), Durability::Durable)
    }
}

fn ana() -> AuthorId {
    Script::new(1).author()
}

fn ben() -> AuthorId {
    Script::new(2).author()
}

fn parts(session: &Session) -> Box<dyn Parts> {
    session.writer().parts().unwrap()
}

/// Returns a directory of parts, which is made.
fn files(session: &Session, dir: impl ToString) -> PathBuf {
    let files = session.path(dir.to_string()).join("files");
    fs::create_dir_all(&files).unwrap();
    files
}

#[derive(Default)]
struct Taken {
    bytes: Vec<u8>,
    begun: usize,
}

impl Receive for Taken {
    fn begin(&mut self) {
        self.bytes.clear();
        self.begun += 1;
    }

    fn take(&mut self, bytes: &[u8]) -> ControlFlow<()> {
        assert!(bytes.len() <= 1 << 20, "a piece of {}", bytes.len());
        self.bytes.extend_from_slice(bytes);
        ControlFlow::Continue(())
    }
}

fn read(from: &mut dyn Parts, part: &Part) -> (PartRead, Taken) {
    let mut taken = Taken::default();
    (from.read(part, false, &mut taken).unwrap(), taken)
}

fn look(at: &mut dyn Parts, part: Part) -> Presence {
    at.look(None, &[part]).unwrap()[0]
}

#[test]
fn a_part_is_a_plain_file_in_the_directory_of_its_author() {
    let (session, file) = (Session::new(), File::new(1));
    let staging = session.dir.path().join("staging");
    fs::create_dir(&staging).unwrap();
    let mut options = unwatched();
    options.staging = Some(staging.clone());
    let mut transport = FsTransport::open(&session.folder, &options).unwrap();
    let mut handle = transport.parts().unwrap();
    for durability in [Durability::Durable, Durability::Lazy] {
        let number = usize::from(durability == Durability::Lazy);
        let put = handle.put(ana(), &file.part(number), &mut file.bytes(number), durability);
        assert_eq!(put.unwrap(), Published::New);
    }
    transport.publish(&Script::new(1).next(b"one"), Durability::Lazy).unwrap();
    let [own, dir] = [session.path(ana().to_string()), files(&session, ana())];
    assert_eq!(names(&own), ["0000000000000001", "files"]);
    let prefix = &file.manifest.id().to_string()[..32];
    assert_eq!(names(&dir), [format!("{prefix}-0000"), format!("{prefix}-0001")]);
    assert_eq!(fs::read(dir.join(file.part(1).name())).unwrap(), file.bytes(1));
    assert_eq!(names(&staging), [""; 0]);
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let of =
            |path: &std::path::Path| fs::metadata(path).map(|about| (about.mode(), about.uid(), about.gid())).unwrap();
        assert_eq!(of(&dir.join(file.part(0).name())), of(&own.join("0000000000000001")));
        assert_eq!(of(&dir), of(&own));
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_part_gets_the_permissions_of_the_folder_and_not_those_of_the_staging_directory() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
    let (session, file) = (Session::new(), File::new(1));
    let staging = session.dir.path().join("staging");
    fs::create_dir(&staging).unwrap();
    if chown(&session.folder, None, Some(4711)).is_err() {
        println!("skipped: groups cannot be changed here");
        return;
    }
    fs::set_permissions(&session.folder, fs::Permissions::from_mode(0o2775)).unwrap();
    let mut options = unwatched();
    options.staging = Some(staging);
    let mut transport = FsTransport::open(&session.folder, &options).unwrap();
    let mut handle = transport.parts().unwrap();
    file.put(handle.as_mut(), 0).unwrap();
    assert_eq!(fs::metadata(files(&session, ana()).join(file.part(0).name())).unwrap().gid(), 4711);
}

/// Staging in the folder also works where the staging directory is gone, or is another volume.
#[test]
fn a_part_is_staged_in_the_folder_when_it_cannot_be_outside() {
    let file = File::new(1);
    for elsewhere in ["/dev/shm", "/nowhere at all"] {
        let session = Session::new();
        let staging = tempfile::tempdir_in(elsewhere).map(|dir| dir.keep());
        let mut options = unwatched();
        options.staging = Some(staging.as_ref().map_or_else(|_| elsewhere.into(), Clone::clone));
        let mut handle = FsTransport::open(&session.folder, &options).unwrap().parts().unwrap();
        assert_eq!(file.put(handle.as_mut(), 0).unwrap(), Published::New);
        assert_eq!(names(&files(&session, ana())), [file.part(0).name()]);
        if let Ok(staging) = staging {
            assert_eq!(names(&staging), [""; 0]);
            fs::remove_dir(staging).unwrap();
        }
    }
}

#[test]
fn a_source_that_fails_or_changes_leaves_not_even_a_staged_file() {
    struct Failing;
    impl Read for Failing {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::ErrorKind::UnexpectedEof.into())
        }
    }
    let (session, file) = (Session::new(), File::new(1));
    let staging = session.dir.path().join("staging");
    fs::create_dir(&staging).unwrap();
    for outside in [true, false] {
        let mut options = unwatched();
        options.staging = outside.then(|| staging.clone());
        let mut handle = FsTransport::open(&session.folder, &options).unwrap().parts().unwrap();
        let failed = handle.put(ana(), &file.part(0), &mut file.bytes(0)[..99].chain(Failing), Durability::Lazy);
        assert!(matches!(failed, Err(PutError::Source(_))), "{failed:?}");
        let changed = handle.put(ana(), &file.part(0), &mut file.bytes(1), Durability::Lazy);
        assert!(matches!(changed, Err(PutError::Changed)), "{changed:?}");
        assert_eq!(names(&files(&session, ana())), [""; 0]);
        assert_eq!(names(&staging), [""; 0]);
    }
}

/// What an earlier process left is swept; what is staged by another thread is not.
#[test]
fn staged_files_of_an_earlier_process_are_swept_once() {
    let (session, file) = (Session::new(), File::new(1));
    let dir = files(&session, ana());
    let left = dir.join("~tempo-part-00ff.tmp");
    fs::write(&left, "left").unwrap();
    let mut transport = session.writer();
    let [mut one, mut two] = [transport.parts().unwrap(), transport.parts().unwrap()];
    file.put(one.as_mut(), 0).unwrap();
    assert!(!left.exists());
    fs::write(&left, "of another thread").unwrap();
    file.put(two.as_mut(), 1).unwrap();
    transport.join(ana()).unwrap();
    assert!(left.exists());
}

#[test]
fn an_occupied_name_stays_as_it_is_and_the_part_goes_beside_it() {
    let file = File::new(1);
    let other = File::new(2);
    for taken in [b"short".to_vec(), other.bytes(0).to_vec(), Vec::new()] {
        let session = Session::new();
        let mut handle = parts(&session);
        let name = files(&session, ana()).join(file.part(0).name());
        fs::write(&name, &taken).unwrap();
        for _ in 0..2 {
            assert_eq!(file.put(handle.as_mut(), 0).unwrap(), Published::Displaced);
        }
        assert_eq!(fs::read(&name).unwrap(), taken);
        assert_eq!(names(name.parent().unwrap()).len(), 2);
        let (outcome, taken) = read(handle.as_mut(), &file.part(0));
        assert_eq!((outcome, &taken.bytes[..]), (PartRead::Whole, file.bytes(0)));
        assert_eq!(handle.look(Some(ana()), &[file.part(0)]).unwrap(), [Presence::Here]);
        let beside = name.with_extension("2");
        assert_eq!(fs::read(&beside).unwrap(), file.bytes(0));
        fs::write(&beside, "theirs as well").unwrap();
        let undone = file.put(handle.as_mut(), 0);
        assert!(matches!(undone, Err(PutError::Publish(PublishError::Undone { .. }))), "{undone:?}");
        assert_eq!(fs::read(&beside).unwrap(), b"theirs as well");
    }
}

#[test]
fn only_own_names_of_the_right_length_are_removed() {
    let (session, file) = (Session::new(), File::new(1));
    let mut handle = parts(&session);
    let dir = files(&session, ana());
    let name = file.part(0).name();
    for (tail, bytes) in [("", file.bytes(0)), (".2", file.bytes(0)), (" (1)", file.bytes(0)), (".3", file.bytes(0))] {
        fs::write(dir.join(format!("{name}{tail}")), bytes).unwrap();
    }
    fs::write(dir.join(file.part(1).name()), "another length").unwrap();
    fs::create_dir(dir.join(file.part(2).name())).unwrap();
    assert!(handle.remove(ana(), &file.part(0)).unwrap());
    assert!(!handle.remove(ana(), &file.part(0)).unwrap());
    assert!(!handle.remove(ana(), &file.part(1)).unwrap());
    assert!(!handle.remove(ana(), &file.part(2)).unwrap());
    assert_eq!(names(&dir), [format!("{name} (1)"), format!("{name}.3"), file.part(1).name(), file.part(2).name()]);
    assert!(!handle.remove(ben(), &file.part(0)).unwrap());
}

#[test]
fn something_else_in_place_of_the_directory_is_named_and_kept() {
    let (session, file) = (Session::new(), File::new(1));
    let own = session.path(ana().to_string());
    fs::create_dir(&own).unwrap();
    let mut handle = parts(&session);
    fs::write(own.join("files"), "precious").unwrap();
    let refused = file.put(handle.as_mut(), 0).unwrap_err();
    assert!(
        matches!(&refused, PutError::Publish(PublishError::Failed { place, .. }) if place.ends_with("files")),
        "{refused:?}"
    );
    assert!(handle.stored(ana()).is_err());
    assert_eq!(look(handle.as_mut(), file.part(0)), Presence::Missing);
    let mut reader = session.reader();
    assert_eq!(reader.collect(), []);
    assert_eq!(reader.report(), [(format!("{}/files", ana()), "a file where a directory belongs".to_owned())]);
    assert_eq!(fs::read(own.join("files")).unwrap(), b"precious");
    fs::remove_file(own.join("files")).unwrap();
    fs::create_dir(own.join("files")).unwrap();
    reader.try_collect(&[], true).unwrap();
    assert_eq!(reader.report(), []);
    assert_eq!(file.put(handle.as_mut(), 0).unwrap(), Published::New);
}

/// Where case does not matter, a directory `FILES` would be taken for ours here, and not be found elsewhere.
#[test]
fn a_directory_in_upper_case_is_not_written() {
    let (session, file) = (Session::new(), File::new(1));
    let wrong = session.path(ana().to_string()).join("FILES");
    fs::create_dir_all(&wrong).unwrap();
    let mut handle = parts(&session);
    let refused = file.put(handle.as_mut(), 0).unwrap_err();
    assert!(matches!(refused, PutError::Publish(PublishError::Failed { .. })), "{refused:?}");
    assert_eq!(names(&wrong), [""; 0]);
    let mut reader = session.reader();
    reader.collect();
    assert_eq!(reader.report()[0].0, format!("{}/FILES", ana()));
    fs::rename(&wrong, session.path(ana().to_string()).join("files")).unwrap();
    assert_eq!(file.put(handle.as_mut(), 0).unwrap(), Published::New);
}

#[test]
fn copies_of_every_kind_are_found_and_read() {
    let file = File::new(1);
    let (a, b) = (ana(), ben());
    for dir in [a.to_string(), format!("{a} (1)"), format!("{a}.{b}"), format!("{a}.{b} (1)"), b.to_string()] {
        for tail in ["", " (1)", ".sync-conflict-20261122-101112-ABCDEFG", "-HOST", ".2"] {
            let session = Session::new();
            let mut handle = parts(&session);
            fs::write(files(&session, &dir).join(format!("{}{tail}", file.part(2).name())), file.bytes(2)).unwrap();
            assert_eq!(look(handle.as_mut(), file.part(2)), Presence::Here, "{dir} {tail}");
            assert_eq!(look(handle.as_mut(), file.part(1)), Presence::Missing, "{dir} {tail}");
            let (outcome, taken) = read(handle.as_mut(), &file.part(2));
            assert_eq!((outcome, &taken.bytes[..]), (PartRead::Whole, file.bytes(2)), "{dir} {tail}");
            let mut reader = session.reader();
            reader.collect();
            assert_eq!(reader.report(), [], "{dir}");
        }
    }
}

#[test]
fn a_damaged_copy_is_followed_by_a_good_one() {
    let (session, file) = (Session::new(), File::new(1));
    let mut handle = parts(&session);
    let name = file.part(0).name();
    let mut damaged = file.bytes(0).to_vec();
    damaged[60_000] ^= 1;
    fs::write(files(&session, ana()).join(&name), &damaged).unwrap();
    assert_eq!(look(handle.as_mut(), file.part(0)), Presence::Here);
    assert_eq!(read(handle.as_mut(), &file.part(0)).0, PartRead::Damaged);
    fs::write(files(&session, ben()).join(&name), &damaged[..9]).unwrap();
    fs::write(files(&session, ben()).join(format!("{name} (1)")), &damaged).unwrap();
    fs::write(files(&session, ben()).join(format!("{name} (2)")), file.bytes(0)).unwrap();
    let (outcome, taken) = read(handle.as_mut(), &file.part(0));
    assert_eq!((outcome, &taken.bytes[..], taken.begun), (PartRead::Whole, file.bytes(0), 3));
    fs::remove_file(files(&session, ana()).join(&name)).unwrap();
    fs::remove_file(files(&session, ben()).join(format!("{name} (2)"))).unwrap();
    fs::remove_file(files(&session, ben()).join(format!("{name} (1)"))).unwrap();
    assert_eq!(look(handle.as_mut(), file.part(0)), Presence::Damaged);
    assert_eq!(read(handle.as_mut(), &file.part(0)).0, PartRead::Damaged);
}

/// A copy that comes later under another name is found although the directory was listed before.
#[test]
fn a_copy_that_comes_later_is_found() {
    let (session, file) = (Session::new(), File::new(1));
    let mut handle = parts(&session);
    let dir = files(&session, ana());
    assert_eq!(look(handle.as_mut(), file.part(0)), Presence::Missing);
    fs::write(dir.join(format!("{} (1)", file.part(0).name())), file.bytes(0)).unwrap();
    assert_eq!(look(handle.as_mut(), file.part(0)), Presence::Here);
}

#[test]
fn junk_costs_nothing_and_is_no_part() {
    let (session, file) = (Session::new(), File::new(1));
    let mut handle = parts(&session);
    file.put(handle.as_mut(), 0).unwrap();
    let (dir, name) = (files(&session, ana()), file.part(1).name());
    for junk in
        ["desktop.ini", ".DS_Store", "notes.txt", &format!("._{name}"), &format!("{name}~"), &format!("{name}x")]
    {
        fs::write(dir.join(junk), file.bytes(1)).unwrap();
    }
    for tail in [":Zone.Identifier", ".a1b2c3d4.partial", "@SynoEAStream"] {
        if !cfg!(windows) {
            fs::write(dir.join(format!("{name}{tail}")), file.bytes(1)).unwrap();
        }
    }
    assert_eq!(look(handle.as_mut(), file.part(1)), Presence::Missing);
    assert_eq!(handle.stored(ana()).unwrap().unwrap().len(), 1);
    let mut reader = session.reader();
    reader.collect();
    assert_eq!(reader.report(), []);
}

#[test]
fn placeholders_are_elsewhere_and_nothing_is_published_over_them() {
    let file = File::new(1);
    let name = file.part(0).name();
    for placeholder in [format!(".{name}.icloud"), format!("{name}.nextcloud"), format!("{name}.cloud")] {
        let session = Session::new();
        let mut handle = parts(&session);
        fs::write(files(&session, ana()).join(&placeholder), "").unwrap();
        assert_eq!(look(handle.as_mut(), file.part(0)), Presence::Elsewhere, "{placeholder}");
        for fetch in [false, true] {
            let outcome = handle.read(&file.part(0), fetch, &mut Taken::default()).unwrap();
            assert_eq!(outcome, PartRead::Elsewhere, "{placeholder}");
        }
        assert_eq!(file.put(handle.as_mut(), 0).unwrap(), Published::Already, "{placeholder}");
        assert_eq!(names(&files(&session, ana())), [placeholder]);
        fs::write(files(&session, ben()).join(&name), file.bytes(0)).unwrap();
        assert_eq!(look(handle.as_mut(), file.part(0)), Presence::Here);
    }
}

/// Looking opens no file, whatever is there, and reading opens only what can be the part.
#[test]
fn looking_opens_nothing() {
    let (session, file) = (Session::new(), File::new(1));
    let opened = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&opened);
    let fs_hooked = Hooked::opening(move |name| log.lock().unwrap().push(name.to_owned()));
    let mut handle = FsTransport::open_on(fs_hooked, &session.folder, &unwatched()).unwrap().parts().unwrap();
    let dir = files(&session, ana());
    fs::write(dir.join(file.part(0).name()), file.bytes(0)).unwrap();
    fs::write(dir.join(format!("{}.cloud", file.part(1).name())), "").unwrap();
    fs::write(dir.join(format!("{} (1)", file.part(2).name())), file.bytes(2)).unwrap();
    let all = [0, 1, 2].map(|number| file.part(number));
    assert_eq!(handle.look(None, &all).unwrap(), [Presence::Here, Presence::Elsewhere, Presence::Here]);
    assert_eq!(*opened.lock().unwrap(), [""; 0]);
    read(handle.as_mut(), &file.part(1));
    assert_eq!(*opened.lock().unwrap(), [""; 0]);
    read(handle.as_mut(), &file.part(0));
    assert_eq!(*opened.lock().unwrap(), [file.part(0).name().as_str()]);
}

#[test]
fn a_file_that_is_still_growing_is_not_there_yet() {
    let (session, file) = (Session::new(), File::new(1));
    let name = files(&session, ana()).join(file.part(0).name());
    let (path, rest) = (name.clone(), file.bytes(0)[30_000..].to_vec());
    fs::write(&name, &file.bytes(0)[..30_000]).unwrap();
    let mut handle = parts(&session);
    assert_eq!(look(handle.as_mut(), file.part(0)), Presence::Damaged);
    assert_eq!(read(handle.as_mut(), &file.part(0)).0, PartRead::Damaged);
    let append = move |bytes: &[u8]| {
        io::Write::write_all(&mut fs::File::options().append(true).open(&path).unwrap(), bytes).unwrap();
    };
    append(&rest);
    // It grows on, beyond the part, between the look and the reading.
    let grows = Hooked::opening(move |_| append(b"more"));
    let mut growing = FsTransport::open_on(grows, &session.folder, &unwatched()).unwrap().parts().unwrap();
    assert_eq!(read(growing.as_mut(), &file.part(0)).0, PartRead::Damaged);
}

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

#[test]
fn links_are_not_followed() {
    let (session, file) = (Session::new(), File::new(1));
    let target = session.dir.path().join("target");
    fs::write(&target, file.bytes(0)).unwrap();
    let name = files(&session, ana()).join(file.part(0).name());
    if !link(&target, &name) {
        return;
    }
    let mut handle = parts(&session);
    assert_eq!(look(handle.as_mut(), file.part(0)), Presence::Damaged);
    assert_eq!(read(handle.as_mut(), &file.part(0)).0, PartRead::Damaged);
    assert!(!handle.remove(ana(), &file.part(0)).unwrap());
    assert_eq!(handle.stored(ana()).unwrap().unwrap(), []);
    assert_eq!(file.put(handle.as_mut(), 0).unwrap(), Published::Displaced);
    assert_eq!(fs::read(&target).unwrap(), file.bytes(0));
    // Nor is a directory that is one.
    let outside = session.dir.path().join("outside");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join(file.part(1).name()), file.bytes(1)).unwrap();
    fs::create_dir(session.path(ben().to_string())).unwrap();
    assert!(link(&outside, &session.path(ben().to_string()).join("files")));
    assert_eq!(look(handle.as_mut(), file.part(1)), Presence::Missing);
    let put = handle.put(ben(), &file.part(2), &mut file.bytes(2), Durability::Lazy);
    assert!(put.is_err(), "{put:?}");
    assert_eq!(names(&outside), [file.part(1).name()]);
}

#[cfg(unix)]
#[test]
fn pipes_are_not_opened() {
    let (session, file) = (Session::new(), File::new(1));
    let pipe = files(&session, ana()).join(file.part(0).name());
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.unwrap().success());
    let mut handle = parts(&session);
    assert_eq!(look(handle.as_mut(), file.part(0)), Presence::Damaged);
    assert_eq!(read(handle.as_mut(), &file.part(0)).0, PartRead::Damaged);
    assert_eq!(file.put(handle.as_mut(), 0).unwrap(), Published::Displaced);
}

/// A volume in a file, mounted as long as this is there.
#[cfg(target_os = "linux")]
struct Mounted(PathBuf);

#[cfg(target_os = "linux")]
impl Mounted {
    /// Returns `None` and prints the reason where volumes cannot be mounted.
    fn new(session: &Session) -> Option<Self> {
        let (image, at) = (session.dir.path().join("image"), session.folder.clone());
        fs::File::create(&image).unwrap().set_len(4 << 20).unwrap();
        let run = |program: &str, arguments: &[&std::ffi::OsStr]| {
            let output = std::process::Command::new(program).args(arguments).output();
            let is_done = output.as_ref().is_ok_and(|output| output.status.success());
            if !is_done {
                println!("skipped: no volume can be mounted here: {output:?}");
            }
            is_done
        };
        let make = ["-q", "-F", "-m", "0"].map(std::ffi::OsStr::new);
        let is_made = run("mkfs.ext4", &[&make[..], &[image.as_os_str()]].concat());
        let mounted = is_made && run("mount", &["-o".as_ref(), "loop".as_ref(), image.as_os_str(), at.as_os_str()]);
        mounted.then(|| Self(at))
    }
}

#[cfg(target_os = "linux")]
impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg(&self.0).status();
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_told_and_left_as_it_was() {
    let (session, file) = (Session::new(), File::new(1));
    let Some(_mounted) = Mounted::new(&session) else { return };
    let _ = fs::remove_dir(session.path("lost+found"));
    let mut handle = parts(&session);
    file.put(handle.as_mut(), 1).unwrap();
    let filler = session.dir.path().join("jam.session").join("filler");
    let mut filling = fs::File::create(&filler).unwrap();
    while io::Write::write_all(&mut filling, &[7; 4096]).is_ok() {}
    for durability in [Durability::Durable, Durability::Lazy] {
        let full = handle.put(ana(), &file.part(0), &mut file.bytes(0), durability);
        assert!(matches!(full, Err(PutError::Publish(PublishError::Full { .. }))), "{full:?}");
        assert_eq!(names(&files(&session, ana())), [file.part(1).name()]);
    }
    drop(filling);
    fs::remove_file(filler).unwrap();
    assert_eq!(file.put(handle.as_mut(), 0).unwrap(), Published::New);
}

#[test]
fn where_case_does_not_matter_no_name_is_written_over() {
    let (session, file) = (Session::new(), File::new(1));
    let own = session.path(ana().to_string());
    let [wrong, dir] = ["FILES", "files"].map(|name| own.join(name));
    fs::create_dir_all(&wrong).unwrap();
    let transport = FsTransport::open_on(Hooked::ignoring_case(), &session.folder, &unwatched());
    let mut handle = transport.unwrap().parts().unwrap();
    let refused = file.put(handle.as_mut(), 0).unwrap_err();
    assert!(matches!(refused, PutError::Publish(PublishError::Failed { .. })), "{refused:?}");
    assert_eq!(names(&wrong), [""; 0]);
    fs::rename(&wrong, own.join("other")).unwrap();
    fs::rename(own.join("other"), &dir).unwrap();
    let upper = |number| dir.join(file.part(number).name().to_uppercase());
    fs::write(upper(1), file.bytes(1)).unwrap();
    fs::write(upper(2), "another content").unwrap();
    assert_eq!(file.put(handle.as_mut(), 1).unwrap(), Published::Already);
    assert_eq!(file.put(handle.as_mut(), 2).unwrap(), Published::Displaced);
    assert_eq!(fs::read(upper(2)).unwrap(), b"another content");
    for number in [1, 2] {
        assert_eq!(read(handle.as_mut(), &file.part(number)).0, PartRead::Whole);
    }
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
