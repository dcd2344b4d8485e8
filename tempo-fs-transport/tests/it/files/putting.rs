//! Putting and removing: what a directory of parts holds afterwards, and what stays as it was.

#[cfg(target_os = "linux")]
use std::path::PathBuf;
use std::{
    fs,
    io::{self, Read},
};

use tempo_fs_transport::FsTransport;
use tempo_message::{
    Durability, PartRead, Presence, PublishError, Published, PutError, Transport, conformance::Script,
};

use super::{File, ana, ben, files, look, parts, read};
use crate::{
    hooked::Hooked,
    publish::names,
    support::{Session, unwatched},
};

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

/// What is staged outside already is used: the source is read once.
#[cfg(target_os = "linux")]
#[test]
fn a_part_that_cannot_be_renamed_into_the_folder_is_copied() {
    let (session, file) = (Session::new(), File::new(1));
    let staging = session.dir.path().join("staging");
    fs::create_dir(&staging).unwrap();
    let mut options = unwatched();
    options.staging = Some(staging.clone());
    let transport = FsTransport::open_on(Hooked::crossing(), &session.folder, &options);
    let mut handle = transport.unwrap().parts().unwrap();
    for number in 0..3 {
        assert_eq!(file.put(handle.as_mut(), number).unwrap(), Published::New);
        assert_eq!(fs::read(files(&session, ana()).join(file.part(number).name())).unwrap(), file.bytes(number));
    }
    assert_eq!((names(&staging).len(), names(&files(&session, ana())).len()), (0, 3));
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
    // Some systems leave a name that differs in case alone as it is.
    let between = session.path("between");
    fs::rename(&wrong, &between).unwrap();
    fs::rename(&between, session.path(ana().to_string()).join("files")).unwrap();
    assert_eq!(file.put(handle.as_mut(), 0).unwrap(), Published::New);
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
