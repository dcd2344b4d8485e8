//! Session folders that are copied, reached by two paths, or opened from several computers in turn.

use std::{
    error::Error,
    fs,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use tempo_fs_transport::{Fingerprint, Fs, FsTransport, Installation, Options, RealFs};
use tempo_message::{Digest, Sign};
use tempo_session::{
    AuthorId, Event, Membership, Session,
    components::{Components, IdentitySource},
    core::IdentityConflict,
    store::RedbStore,
};
use uuid::Uuid;

use crate::{
    identity::{copy_dir, put_back},
    support::{Place, STUCK, rename, signer, texts, timeline, wait_until},
};

fn open(place: &Place, folder: &Path) -> Session {
    Session::builder(folder).state_dir(place.at("ana")).open().unwrap()
}

fn membership(place: &Place, folder: &Path) -> Membership {
    Session::builder(folder).state_dir(place.at("ana")).membership().unwrap()
}

/// Sends one message in a folder; returns its author.
fn write(place: &Place, folder: &Path, text: &str) -> tempo_session::AuthorId {
    let session = open(place, folder);
    let author = session.send(text).unwrap().author;
    session.close().unwrap();
    author
}

/// Creates a folder with a message of Ana, and a copy of it.
fn copied() -> (Place, PathBuf) {
    let place = Place::new();
    let ana = place.member("ana");
    ana.send("before").unwrap();
    ana.close().unwrap();
    fs::create_dir(place.at("new")).unwrap();
    let copy = place.at("new").join("jam.session");
    copy_dir(&place.folder, &copy);
    (place, copy)
}

#[test]
fn in_a_copied_folder_a_member_becomes_a_new_one_with_the_same_name() {
    let (place, copy) = copied();
    let before = write(&place, &place.folder, "old");
    let original = RealFs::default().resolve(&place.folder).unwrap();
    assert_eq!(membership(&place, &copy), Membership::CopiedFolder { original: original.clone() });
    let ana = open(&place, &copy);
    let after = ana.send("new").unwrap().author;
    assert_ne!(before, after);
    wait_until(&ana, "the message in the copy", |ana| texts(&timeline(ana)) == ["before", "new"]);
    let names: Vec<_> = timeline(&ana).into_iter().map(|entry| entry.name).collect();
    assert_eq!(names, vec![Some("ana".to_owned()); 2], "one person");
    assert_eq!(ana.status().former, [before]);
    let told = Event::NewAuthor { former: before, author: after, why: IdentityConflict::CopiedFolder };
    let events: Vec<Event> = std::iter::from_fn(|| ana.poll().unwrap()).collect();
    assert!(events.contains(&told), "{events:?}");
    ana.close().unwrap();
    let ana = open(&place, &copy);
    ana.refresh(STUCK).unwrap();
    let events: Vec<Event> = std::iter::from_fn(|| ana.poll().unwrap()).collect();
    assert!(!events.contains(&told), "told once");
    ana.close().unwrap();
    // Both continue, independently.
    assert_eq!(write(&place, &copy, "new again"), after);
    assert_eq!(write(&place, &place.folder, "old again"), before);
    assert_eq!(membership(&place, &copy), Membership::Member);
    // The original is removed, and the copy takes its place.
    crate::support::remove_dir_all(&place.folder).unwrap();
    assert_eq!(write(&place, &copy, "without the original"), after);
    rename(&copy, &place.folder).unwrap();
    assert_eq!(write(&place, &place.folder, "in its place"), after);
}

#[test]
fn a_folder_whose_original_is_gone_was_moved() {
    let (place, copy) = copied();
    let before = write(&place, &place.folder, "old");
    crate::support::remove_dir_all(&place.folder).unwrap();
    assert_eq!(membership(&place, &copy), Membership::Member);
    assert_eq!(write(&place, &copy, "new"), before);
}

/// A bind mount has its own path, which no link leads to.
#[cfg(target_os = "linux")]
#[test]
fn a_second_path_to_a_folder_is_not_a_copy() {
    use crate::volume::command;

    struct Bound(PathBuf);

    impl Drop for Bound {
        fn drop(&mut self) {
            let _ = command(std::process::Command::new("umount").args(["-q", "-l"]).arg(&self.0));
        }
    }

    let place = Place::new();
    let before = write(&place, &place.folder, "here");
    let other = place.at("other").join("jam.session");
    fs::create_dir_all(&other).unwrap();
    let mut mount = std::process::Command::new("mount");
    if let Err(reason) = command(mount.arg("--bind").args([&place.folder, &other])) {
        return println!("skipped: nothing can be mounted here: {reason}");
    }
    let bound = Bound(other.clone());
    assert_eq!(membership(&place, &other), Membership::Member);
    assert_eq!(write(&place, &other, "there"), before);
    assert_eq!(write(&place, &place.folder, "here again"), before);
    drop(bound);
}

/// An installation as a machine of this name sees it.
#[derive(Debug)]
struct OnMachine {
    machine: Option<Digest>,
    installation: Installation,
}

impl OnMachine {
    fn fingerprint(&self) -> Fingerprint {
        Fingerprint { machine: self.machine, ..self.installation.fingerprint().unwrap() }
    }
}

impl IdentitySource for OnMachine {
    fn author(&mut self) -> Result<AuthorId, Box<dyn Error + Send + Sync>> {
        Ok(self.installation.mint(None)?)
    }

    fn signer(&mut self, author: AuthorId) -> Result<Option<Box<dyn Sign>>, Box<dyn Error + Send + Sync>> {
        signer(&self.installation, author)
    }

    fn nonce(&mut self) -> u64 {
        Uuid::new_v4().as_u64_pair().0
    }

    fn place(&self) -> Option<Vec<u8>> {
        Some(self.fingerprint().to_bytes())
    }

    fn is_copy(&self, written_in: &[u8]) -> bool {
        self.fingerprint().is_of_another_than(&Fingerprint::from_bytes(written_in).unwrap())
    }
}

/// Opens Ana's state as another computer does that has it on a network drive.
fn open_from(place: &Place, machine: &str) -> Session {
    let installation = Installation::find(&place.at("ana"), &place.folder).unwrap().unwrap();
    let mut options = Options::default();
    options.staging = Some(installation.staging());
    let transport = FsTransport::open(&place.folder, &options).unwrap();
    let store = RedbStore::open(&installation.store(), installation.author).unwrap();
    let components = Components {
        identity: Box::new(OnMachine { machine: Some(Digest::of(machine.as_bytes())), installation }),
        first_look: Some(Duration::from_secs(3)),
        ..Components::new(Box::new(transport), Box::new(store))
    };
    let (session, driver) = Session::assemble(components).unwrap();
    thread::spawn(move || driver.run());
    session
}

#[test]
fn one_store_on_several_computers_in_turn_is_one_member() {
    let place = Place::new();
    if !keeps_creation_times(&place) {
        println!("skipped: this file system gives the time of the last change for that of creation");
        return;
    }
    let before = write(&place, &place.folder, "here");
    for machine in ["desk", "laptop", "desk"] {
        let ana = open_from(&place, machine);
        assert_eq!(ana.send(machine).unwrap().author, before);
        ana.close().unwrap();
    }
    assert_eq!(write(&place, &place.folder, "here again"), before);
}

/// An image of a disk looks like that disk in another computer, but the head in the folder records
/// a start that this store has not made.
#[test]
fn an_older_image_of_a_store_on_another_computer_is_a_new_member() {
    let place = Place::new();
    write(&place, &place.folder, "in the image");
    copy_dir(&place.at("ana"), &place.at("image"));
    let before = write(&place, &place.folder, "later");
    put_back(&place.at("ana"), &place.at("image"));
    let ana = open_from(&place, "laptop");
    assert_ne!(ana.send("from the image").unwrap().author, before);
    ana.close().unwrap();
}

/// Returns whether a rewritten file keeps its creation time, and so its identity.
fn keeps_creation_times(place: &Place) -> bool {
    let (probe, began) = (place.at("probe"), Instant::now());
    let write = || {
        fs::write(&probe, "something").unwrap();
        let about = fs::metadata(&probe).unwrap();
        (about.created().ok(), about.modified().unwrap())
    };
    let (made, changed) = write();
    let mut again = write();
    while again.1 == changed && began.elapsed() < STUCK {
        again = write();
    }
    made.is_some() && again.0 == made
}
