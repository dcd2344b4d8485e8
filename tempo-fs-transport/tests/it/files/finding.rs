//! Finding and reading: copies of every kind, and things that are none.

use std::{
    fs, io,
    sync::{Arc, Mutex},
};

use tempo_fs_transport::FsTransport;
use tempo_message::{Durability, PartRead, Presence, Published, Transport};

use super::{File, Taken, ana, ben, files, look, parts, read};
use crate::{
    hooked::Hooked,
    publish::names,
    support::{Session, link, unwatched},
};

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
