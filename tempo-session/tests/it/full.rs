//! A full volume of the local store.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::Command,
};

use tempo_session::{
    Session,
    doctor::FindingKind,
    error::{OpenError, SendError},
    store::StoreError,
};

use crate::{
    support::{Place, STUCK, texts, timeline, wait_until},
    volume::{Volume, command},
};

/// A member whose local state is on its own small volume.
struct Small {
    place: Place,
    state: PathBuf,
    volume: Volume,
}

impl Small {
    fn new() -> Option<Self> {
        let place = Place::new();
        let (image, state) = (place.at("image"), place.at("state"));
        fs::create_dir(&state).unwrap();
        File::create(&image).unwrap().set_len(6 << 20).unwrap();
        if let Err(reason) = command(Command::new("mkfs.ext4").args(["-q", "-F", "-m", "0"]).arg(&image)) {
            println!("skipped: no file system can be made here: {reason}");
            return None;
        }
        let volume = Volume::of(&image, &state, "loop")?;
        Some(Self { place, state, volume })
    }

    fn open(&self) -> Session {
        self.try_open().unwrap()
    }

    fn try_open(&self) -> Result<Session, OpenError> {
        Session::builder(&self.place.folder).state_dir(&self.state).name("ana").open()
    }

    /// Fills the volume.
    fn fill(&self) {
        self.volume.fill();
    }

    fn make_room(&self) {
        fs::remove_file(self.state.join(Volume::OTHERS)).unwrap();
    }
}

fn is_full(error: &SendError) -> bool {
    matches!(error, SendError::Store(StoreError::Full { .. }))
}

fn sees(session: &Session, expected: &[&str]) {
    wait_until(session, "the lines", |session| texts(&timeline(session)) == expected);
}

/// Nothing is lost, everything is readable, and the session recovers by itself.
#[test]
fn a_running_session_continues_when_there_is_room_again() {
    let Some(small) = Small::new() else { return };
    let ben = small.place.member("ben");
    let ana = small.open();
    ana.send("one").unwrap();
    sees(&ben, &["one"]);
    small.fill();
    let error = ana.send("no room").unwrap_err();
    assert!(is_full(&error), "{error:?}");
    ben.send("two").unwrap();
    sees(&ana, &["one", "two"]);
    let is_said =
        |ana: &Session| ana.status().store_error.is_some_and(|why| why.contains("the disk of the local store"));
    wait_until(&ana, "the reason", is_said);
    let error = ana.send("still none").unwrap_err();
    assert!(is_full(&error), "{error:?}");
    small.make_room();
    ana.send("three").unwrap();
    sees(&ben, &["one", "two", "three"]);
    wait_until(&ana, "all is kept", |ana| ana.status().store_error.is_none());
    ana.close().unwrap();
    let ana = small.open();
    sees(&ana, &["one", "two", "three"]);
}

#[test]
fn a_full_store_is_readable_and_publishes_its_messages() {
    let Some(small) = Small::new() else { return };
    let ana = small.open();
    ana.send("one").unwrap();
    ana.close().unwrap();
    // The folder is away, so that the message stays in the store.
    let away = small.place.at("away");
    let ana = small.open();
    fs::rename(&small.place.folder, &away).unwrap();
    ana.send("kept").unwrap();
    assert!(ana.close().unwrap().unpublished > 0);
    small.fill();
    fs::rename(&away, &small.place.folder).unwrap();
    let checkup = || Session::builder(&small.place.folder).state_dir(&small.state).check_up().unwrap();
    let full = |findings: Vec<tempo_session::doctor::Finding>| {
        let full = findings.into_iter().find(|finding| finding.kind == FindingKind::StoreFull);
        full.expect("it is said")
    };
    let advice = full(checkup().findings()).advice;
    assert!(advice.starts_with("Make room") && !advice.contains("move its directory"), "{advice}");
    let ana = small.open();
    sees(&ana, &["one", "kept"]);
    assert_eq!(ana.flush(STUCK), 0, "{:?}", ana.status());
    let ben = small.place.member("ben");
    sees(&ben, &["one", "kept"]);
    // What is missing in the folder is put back although nothing can be noted.
    let first = small.place.folder.join(ana.author().unwrap().to_string()).join("0000000000000001");
    fs::remove_file(&first).unwrap();
    wait_until(&ana, "the first message is put back", |_| first.exists());
    drop(ana);
    let kinds: Vec<FindingKind> = checkup().findings().iter().map(|finding| finding.kind).collect();
    assert!(!kinds.contains(&FindingKind::StoreUnclean) && !kinds.contains(&FindingKind::StoreUnusable), "{kinds:?}");
    small.make_room();
    let ana = small.open();
    ana.send("two").unwrap();
    sees(&ben, &["one", "kept", "two"]);
}

#[test]
fn a_new_member_learns_that_there_is_no_room() {
    let Some(small) = Small::new() else { return };
    small.fill();
    let error = small.try_open().unwrap_err();
    assert!(
        std::iter::successors(Some(&error as &dyn std::error::Error), |error| error.source())
            .any(
                |error| error.to_string().contains("No space left") || error.to_string().contains("is full; make room")
            ),
        "{error:?}"
    );
    let left: Vec<_> = fs::read_dir(&small.state).unwrap().collect();
    small.make_room();
    small.open().send("room").unwrap_or_else(|error| panic!("{error:?}, {left:?}"));
    assert!(Path::new(&small.state).is_dir());
}
