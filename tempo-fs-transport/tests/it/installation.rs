//! The local state that belongs to a folder.

use std::{fs, path::Path};

use tempfile::TempDir;
use tempo_fs_transport::{Belonging, Fingerprint, Fs, Installation, InstallationError, RealFs};
use tempo_message::Digest;

struct Machine {
    dir: TempDir,
}

impl Machine {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("jam.session")).unwrap();
        Self { dir }
    }

    fn at(&self, name: &str) -> std::path::PathBuf {
        self.dir.path().join(name)
    }

    fn create(&self, folder: &Path) -> Installation {
        Installation::find_or_create(&self.at("state"), folder, None).unwrap()
    }

    fn find(&self, folder: &Path) -> Option<Installation> {
        Installation::find(&self.at("state"), folder).unwrap()
    }
}

#[test]
fn looking_creates_nothing() {
    let machine = Machine::new();
    assert_eq!(machine.find(&machine.at("jam.session")), None);
    assert!(!machine.at("state").exists());
    let missing = Installation::find_or_create(&machine.at("state"), &machine.at("none.session"), None);
    assert!(matches!(missing, Err(InstallationError::Folder(_))), "{missing:?}");
    assert!(!machine.at("state").exists());
}

#[test]
fn a_folder_finds_its_installation_again() {
    let machine = Machine::new();
    let folder = machine.at("jam.session");
    let first = machine.create(&folder);
    assert_eq!(machine.create(&folder), first, "before the author's directory exists");
    fs::create_dir(folder.join(first.author.to_string())).unwrap();
    assert_eq!(machine.find(&folder), Some(first.clone()));
    assert!(first.staging().is_dir());
    first.set_holder("somebody").unwrap();
    assert_eq!(first.holder().unwrap().as_deref(), Some("somebody"));
}

#[test]
fn a_moved_folder_keeps_its_author_and_a_copy_does_not() {
    let machine = Machine::new();
    let (folder, moved, copy) = (machine.at("jam.session"), machine.at("song.session"), machine.at("copy.session"));
    let first = machine.create(&folder);
    let own = first.author.to_string();
    fs::create_dir(folder.join(&own)).unwrap();

    fs::rename(&folder, &moved).unwrap();
    assert_eq!(machine.create(&moved), first);

    fs::create_dir_all(copy.join(&own)).unwrap();
    assert_eq!(machine.find(&copy), None);
    let second = machine.create(&copy);
    assert_ne!(second.author, first.author);
    assert_eq!((machine.create(&copy), machine.create(&moved)), (second, first.clone()));

    fs::remove_dir_all(&moved).unwrap();
    fs::create_dir(&moved).unwrap();
    assert_eq!(machine.find(&moved), Some(first), "an emptied folder at the remembered path is still the session");
}

/// A copy of a copy needs a third author, and keeps it.
#[test]
fn a_copy_knows_its_original() {
    let machine = Machine::new();
    let (folder, copy, third) = (machine.at("jam.session"), machine.at("copy.session"), machine.at("third.session"));
    let first = machine.create(&folder);
    fs::create_dir_all(copy.join(first.author.to_string())).unwrap();
    fs::create_dir(folder.join(first.author.to_string())).unwrap();
    assert_eq!(first.original().unwrap(), None);
    let second = machine.create(&copy);
    let original = second.original().unwrap().unwrap();
    assert_eq!(original.folder, RealFs::default().resolve(&folder).unwrap());
    assert_eq!(original.authors, [first.author]);
    assert!(original.is_beside(&copy) && !original.is_beside(&folder));
    fs::create_dir(copy.join(second.author.to_string())).unwrap();

    for author in [first.author, second.author] {
        fs::create_dir_all(third.join(author.to_string())).unwrap();
    }
    let Belonging::CopyOf(original) = Installation::belonging(&machine.at("state"), &third).unwrap() else {
        panic!("it is a copy of both");
    };
    assert_eq!(original.folder, RealFs::default().resolve(&copy).unwrap());
    assert_eq!(original.authors, [first.author, second.author]);

    fs::remove_dir_all(&folder).unwrap();
    assert!(!second.original().unwrap().unwrap().is_beside(&copy));
    fs::rename(&copy, &folder).unwrap();
    assert_eq!(machine.find(&folder), Some(second), "whose directory is there");
}

#[test]
fn two_folders_have_two_installations() {
    let machine = Machine::new();
    fs::create_dir(machine.at("other.session")).unwrap();
    let (jam, other) = (machine.create(&machine.at("jam.session")), machine.create(&machine.at("other.session")));
    assert_ne!(jam.author, other.author);
    fs::create_dir(machine.at("other.session").join(jam.author.to_string())).unwrap();
    fs::create_dir(machine.at("other.session").join(other.author.to_string())).unwrap();
    assert_eq!(machine.find(&machine.at("jam.session")).unwrap().author, jam.author);
}

#[test]
fn a_broken_entry_disturbs_no_other() {
    let machine = Machine::new();
    let broken = machine.at("state").join("7b0e8e4e-3f53-4c36-9a7e-0d5a4c1b2a3f");
    fs::create_dir_all(broken.join("folder")).unwrap();
    let folder = machine.at("jam.session");
    assert_eq!(machine.find(&folder), None);
    let first = machine.create(&folder);
    assert_eq!(machine.find(&folder), Some(first));
}

#[test]
fn a_new_author_leads_back_to_the_installation() {
    let machine = Machine::new();
    let folder = machine.at("jam.session");
    let first = machine.create(&folder);
    let second = first.mint(None).unwrap();
    let third = first.mint(None).unwrap();
    assert!(second != first.author && third != second);
    let moved = machine.at("song.session");
    fs::rename(&folder, &moved).unwrap();
    assert_eq!(machine.find(&moved), None);
    // Only the directory of a later author remains, and the folder was moved.
    fs::create_dir(moved.join(third.to_string())).unwrap();
    assert_eq!(machine.find(&moved), Some(first));
}

#[test]
fn a_copy_has_another_fingerprint() {
    let machine = Machine::new();
    let installation = machine.create(&machine.at("jam.session"));
    assert!(installation.fingerprint().is_err(), "without a store");
    fs::write(installation.store(), "a store").unwrap();
    let before = installation.fingerprint().unwrap();
    if before.made_ns.is_none() {
        return println!("skipped: this file system does not keep when a file was made");
    }
    fs::write(installation.store(), "more of it").unwrap();
    assert!(!installation.fingerprint().unwrap().is_of_another_than(&before), "changed");
    let elsewhere = machine.at("store");
    fs::rename(installation.store(), &elsewhere).unwrap();
    fs::rename(&elsewhere, installation.store()).unwrap();
    assert!(!installation.fingerprint().unwrap().is_of_another_than(&before), "moved");
    fs::copy(installation.store(), &elsewhere).unwrap();
    fs::rename(&elsewhere, installation.store()).unwrap();
    let copied = installation.fingerprint().unwrap();
    assert!(copied.is_of_another_than(&before) && before.is_of_another_than(&copied), "{before:?} {copied:?}");
    let nothing = Fingerprint::default();
    assert!(!nothing.is_of_another_than(&before) && !before.is_of_another_than(&nothing), "what is not known");
}

/// Several machines see one file on a network drive; a copy on another machine is another file.
#[test]
fn another_machine_alone_does_not_mean_a_copy() {
    let on =
        |machine: &str, made_ns, number| Fingerprint { machine: Some(Digest::of(machine.as_bytes())), made_ns, number };
    let here = on("desk", Some(1), Some(2));
    for (there, is_copy) in [
        (on("laptop", Some(1), Some(2)), false),
        (on("laptop", None, Some(2)), false),
        (on("laptop", Some(1), Some(3)), true),
        (on("laptop", Some(2), Some(2)), true),
        (on("laptop", Some(1), None), true),
        (on("desk", Some(1), Some(3)), false),
        (on("desk", Some(2), Some(2)), false),
        (on("desk", Some(2), Some(3)), true),
    ] {
        assert_eq!(there.is_of_another_than(&here), is_copy, "{there:?}");
        assert_eq!(here.is_of_another_than(&there), is_copy, "{there:?}");
    }
}

/// An installation that cannot be read may be ours, so no new author is created beside it. Other sessions are
/// not affected.
#[test]
fn an_installation_that_cannot_be_read_is_not_forgotten() {
    let machine = Machine::new();
    let (folder, other) = (machine.at("jam.session"), machine.at("song.session"));
    let first = machine.create(&folder);
    fs::create_dir(folder.join(first.author.to_string())).unwrap();
    let record = machine.at("state").join(first.author.to_string()).join("folder");
    let content = fs::read(&record).unwrap();
    fs::remove_file(&record).unwrap();
    fs::create_dir(&record).unwrap();
    for found in [
        Installation::find(&machine.at("state"), &folder).map(drop),
        Installation::find_or_create(&machine.at("state"), &folder, None).map(drop),
    ] {
        let Err(InstallationError::Failed { path, .. }) = found else { panic!("{found:?}") };
        assert_eq!(path.file_name(), Some("folder".as_ref()));
    }
    fs::create_dir(&other).unwrap();
    assert_ne!(machine.create(&other).author, first.author);
    fs::remove_dir(&record).unwrap();
    fs::write(&record, content).unwrap();
    assert_eq!(machine.create(&folder), first);
}
