//! Messages of a member that is gone with everything that it wrote: a member that has them puts
//! them back.

use std::{fs, path::PathBuf, time::Duration};

use tempo_fs_transport::{FsTransport, Options};
use tempo_message::{Durability, MemoryMedium, Transport};
use tempo_session::{
    AuthorId, Builder, Packing, Relaying, Session, components::Components, core::SessionCore, doctor::FindingKind,
    error::RelayError, store::MemoryStore,
};

use crate::support::{Place, STUCK, author, remove_dir_all, send, sent, texts, timeline, wait_until};

/// Nothing takes any time, and every condition that does not depend on time holds.
const AT_ONCE: Relaying = Relaying {
    lacking: Duration::ZERO,
    absent: Duration::ZERO,
    silent: Duration::ZERO,
    turn: Duration::ZERO,
    pause: Duration::ZERO,
    back: Duration::ZERO,
    patience: Duration::from_secs(3600),
    times: 3,
};

fn builder(place: &Place, name: &str) -> Builder {
    Session::builder(&place.folder).state_dir(place.at(name)).name(name)
}

/// Returns every file in directories that one member keeps for another.
fn relayed(place: &Place) -> Vec<PathBuf> {
    let is_relay = |file: &PathBuf| file.iter().next().is_some_and(|dir| dir.len() > 72);
    place.files().into_iter().filter(is_relay).collect()
}

fn own_dir(place: &Place, author: AuthorId) -> PathBuf {
    place.folder.join(author.to_string())
}

/// Creates a folder with messages of Ana and Ben to each other, and removes Ben with all his files.
/// Returns Ana's session, Ben's author, and what Ana has.
fn without_ben(place: &Place, of_ben: usize) -> (Session, AuthorId, Vec<String>) {
    let ana = builder(place, "ana").relaying(Some(AT_ONCE)).packing(None).open().unwrap();
    let ben = builder(place, "ben").packing(None).open().unwrap();
    ana.send("hello").unwrap();
    wait_until(&ben, "a greeting", |ben| texts(&timeline(ben)).contains(&"hello".to_owned()));
    ben.send_all((0..of_ben).map(|number| format!("ben {number}"))).unwrap();
    assert_eq!(ben.flush(STUCK), 0);
    let last = format!("ben {}", of_ben - 1);
    wait_until(&ana, "what Ben says", |ana| texts(&timeline(ana)).contains(&last));
    ana.send("an answer").unwrap();
    assert_eq!(ana.flush(STUCK), 0);
    let gone = ben.author().unwrap();
    ben.close().unwrap();
    remove_dir_all(own_dir(place, gone)).unwrap();
    let all = texts(&timeline(&ana));
    (ana, gone, all)
}

#[test]
fn vanished_messages_are_put_back_by_hand_once() {
    let place = Place::new();
    let (ana, ben, all) = without_ben(&place, 20);
    let put = ana.relay(ben, STUCK).unwrap();
    // Ben's name is a message as well.
    assert_eq!((put.author, put.messages), (ben, 21));
    assert_eq!(relayed(&place).len(), 1, "a pack: {:?}", relayed(&place));
    let cleo = builder(&place, "cleo").open().unwrap();
    wait_until(&cleo, "everything", |cleo| texts(&timeline(cleo)) == all);
    let report = cleo.status().report;
    assert_eq!(
        report.relays.iter().map(|it| (it.author, it.relayer)).collect::<Vec<_>>(),
        [(ben, ana.author().unwrap())]
    );
    assert!(report.doubled.is_empty() && report.copies.is_empty() && report.foreign.is_empty(), "{report:?}");
    assert_eq!(ana.relay(ben, STUCK).unwrap().messages, 0, "it is there");
    assert_eq!(cleo.relay(ben, STUCK).unwrap().messages, 0, "regardless of the relayer");

    let findings = builder(&place, "cleo").check_up().unwrap_or_else(|error| panic!("{error}")).findings();
    let kinds: Vec<FindingKind> = findings.iter().map(|finding| finding.kind).collect();
    assert!(kinds.contains(&FindingKind::Relayed) && !kinds.contains(&FindingKind::Vanished), "{findings:#?}");
}

#[test]
fn single_and_damaged_messages_are_put_back() {
    let place = Place::new();
    let ana = builder(&place, "ana").open().unwrap();
    let mut ben = SessionCore::new(Some(author(7)));
    let dir = own_dir(&place, author(7));
    fs::create_dir(&dir).unwrap();
    let mut transport = FsTransport::open(&place.folder, &Options::default()).unwrap();
    let frames: Vec<_> = (0..5).map(|number| send(&mut ben, &format!("ben {number}"), number)).collect();
    // Another installation has written as Ben: there are two messages 3.
    let mut other = SessionCore::new(Some(author(7)));
    for frame in &frames[..2] {
        sent(&mut other, frame);
    }
    let twin = send(&mut other, "not ben", 9);
    for frame in frames.iter().chain([&twin]) {
        transport.publish(frame, Durability::Lazy).unwrap();
    }
    wait_until(&ana, "all six", |ana| ana.timeline().len() == 6);
    let all = texts(&timeline(&ana));
    for name in fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap().path()) {
        let name_of = name.file_name().unwrap().to_string_lossy().into_owned();
        match name_of.as_str() {
            "0000000000000001" => fs::write(&name, vec![0_u8; frames[0].bytes().len()]).unwrap(),
            "0000000000000002" => fs::write(&name, &frames[1].bytes()[..40]).unwrap(),
            "0000000000000005" => {}
            _ => fs::remove_file(&name).unwrap(),
        }
    }
    assert_eq!(ana.relay(author(7), STUCK).unwrap().messages, 5);
    assert!(fs::read(dir.join("0000000000000001")).unwrap().iter().all(|&byte| byte == 0), "only Ben writes there");
    let cleo = Session::observe(&place.folder).unwrap();
    wait_until(&cleo, "all six", |cleo| texts(&timeline(cleo)) == all);
}

#[test]
fn missing_messages_are_relayed_until_their_author_is_back() {
    let place = Place::new();
    let (ana, ben, all) = without_ben(&place, 3);
    let cleo = builder(&place, "cleo").open().unwrap();
    cleo.send("who is here?").unwrap();
    // Ana sees that Cleo lacks something. She puts it back once another sign shows that the folder
    // is not merely away.
    wait_until(&cleo, "everything", |cleo| {
        ana.refresh(STUCK).unwrap();
        cleo.send("is it here?").unwrap();
        all.iter().all(|text| texts(&timeline(cleo)).contains(text))
    });
    assert_eq!(relayed(&place).len(), 1);
    let back = builder(&place, "ben").open().unwrap();
    wait_until(&back, "what Cleo has", |back| back.timeline().len() >= cleo.timeline().len());
    assert_eq!(back.author(), Some(ben), "relayed messages do not change an author");
    assert!(own_dir(&place, ben).is_dir());
    wait_until(&ana, "that it is taken back", |_| relayed(&place).is_empty());
    let dora = Session::observe(&place.folder).unwrap();
    wait_until(&dora, "everything", |dora| texts(&timeline(dora)) == texts(&timeline(&cleo)));
    wait_until(&ana, "a folder without relays", |ana| ana.status().report.relays.is_empty());
}

/// Some services replace a file by another of the same name. What a member counts as seen does not show that it lacks
/// one of two messages of a number.
#[test]
fn one_of_two_messages_of_a_number_is_relayed() {
    let place = Place::new();
    let (mut gone, mut twin) = (SessionCore::new(Some(author(7))), SessionCore::new(Some(author(7))));
    let first = send(&mut gone, "before", 0);
    sent(&mut twin, &first);
    let (one, other) = (send(&mut gone, "one", 1), send(&mut twin, "other", 2));
    let mut transport = FsTransport::open(&place.folder, &Options::default()).unwrap();
    for frame in [&first, &one, &other] {
        transport.publish(frame, Durability::Lazy).unwrap();
    }
    let ana = builder(&place, "ana").relaying(Some(AT_ONCE)).open().unwrap();
    wait_until(&ana, "all three", |ana| ana.timeline().len() == 3);
    ana.send("to both").unwrap();
    let own = own_dir(&place, author(7));
    let files = fs::read_dir(&own).unwrap().map(|entry| entry.unwrap().path());
    let others = files.filter(|path| fs::read(path).unwrap() == *other.bytes()).collect::<Vec<_>>();
    assert_eq!(others.len(), 1);
    fs::remove_file(&others[0]).unwrap();

    let cleo = builder(&place, "cleo").open().unwrap();
    wait_until(&cleo, "what waits", |cleo| cleo.status().held > 0);
    wait_until(&cleo, "everything", |cleo| {
        cleo.send("is it here?").unwrap();
        ana.refresh(STUCK).unwrap();
        texts(&timeline(cleo)).contains(&"to both".to_owned())
    });
    assert_eq!(relayed(&place).len(), 1, "the other one alone: {:?}", relayed(&place));
    assert!(["one", "other"].iter().all(|text| texts(&timeline(&cleo)).contains(&(*text).to_owned())));
    for _ in 0..3 {
        ana.refresh(STUCK).unwrap();
    }
    assert_eq!(relayed(&place).len(), 1, "the author's own files have all numbers, and still not this message");
}

/// After a service was linked again, everything is missing at first.
#[test]
fn nothing_is_relayed_before_something_new_has_come() {
    let place = Place::new();
    let cleo = builder(&place, "cleo").open().unwrap();
    cleo.send("here").unwrap();
    assert_eq!(cleo.flush(STUCK), 0);
    wait_until(&cleo, "its head", |cleo| own_dir(&place, cleo.author().unwrap()).join("head").exists());
    cleo.close().unwrap();
    // Cleo lacks all of this, as its head says.
    let (ana, _, _) = without_ben(&place, 3);
    for _ in 0..5 {
        ana.refresh(STUCK).unwrap();
    }
    assert_eq!(relayed(&place), [] as [PathBuf; 0]);
    let cleo = builder(&place, "cleo").open().unwrap();
    cleo.send("news").unwrap();
    assert_eq!(cleo.flush(STUCK), 0);
    wait_until(&ana, "what is put back", |_| !relayed(&place).is_empty());
}

/// On one machine a service may give directories the names of copies; they are not missing.
#[test]
fn directories_with_names_of_copies_are_not_missing() {
    let place = Place::new();
    let others = ["cleo", "dora"].map(|name| {
        let other = builder(&place, name).open().unwrap();
        other.send(name).unwrap();
        assert_eq!(other.flush(STUCK), 0);
        let author = other.author().unwrap();
        other.close().unwrap();
        author
    });
    let (ana, _, all) = without_ben(&place, 3);
    for other in others {
        fs::rename(own_dir(&place, other), place.folder.join(format!("{other} (1)"))).unwrap();
    }
    let emil = builder(&place, "emil").open().unwrap();
    wait_until(&emil, "everything", |emil| {
        ana.refresh(STUCK).unwrap();
        emil.send("is it here?").unwrap();
        all.iter().all(|text| texts(&timeline(emil)).contains(text))
    });
    assert_eq!(relayed(&place).len(), 1);
}

#[test]
fn repeated_removal_ends_relaying() {
    let place = Place::new();
    let (ana, ben, _) = without_ben(&place, 3);
    let mut cleo = builder(&place, "cleo").open().unwrap();
    let mut times = 0;
    while times < AT_ONCE.times {
        wait_until(&cleo, "what is put back", |cleo| {
            ana.refresh(STUCK).unwrap();
            cleo.send("is it here?").unwrap();
            !relayed(&place).is_empty()
        });
        times += 1;
        // A new member that has none of it.
        cleo.close().unwrap();
        for file in relayed(&place) {
            remove_dir_all(place.folder.join(file.iter().next().unwrap())).unwrap();
        }
        cleo = builder(&place, &format!("cleo {times}")).open().unwrap();
    }
    for _ in 0..20 {
        cleo.send("is it here?").unwrap();
        assert_eq!(cleo.flush(STUCK), 0);
        ana.refresh(STUCK).unwrap();
    }
    assert_eq!(relayed(&place), [] as [PathBuf; 0]);
    assert!(ana.relay(ben, STUCK).unwrap().messages > 0, "relaying by hand still works");
}

#[test]
fn a_long_history_is_in_few_files() {
    let place = Place::new();
    let (ana, ben, _) = without_ben(&place, 4200);
    assert_eq!(ana.relay(ben, STUCK).unwrap().messages, 4201);
    let Packing { few, times, .. } = Packing::default();
    assert_eq!(relayed(&place).len() as u64, 4201_u64.div_ceil(few * times));
}

#[test]
fn a_failed_relay_is_reported() {
    let place = Place::new();
    let (ana, ben, _) = without_ben(&place, 1);
    let looks_on = Session::observe(&place.folder).unwrap();
    assert!(matches!(looks_on.relay(ben, STUCK), Err(RelayError::Observer)));
    assert!(matches!(ana.relay(ana.author().unwrap(), STUCK), Err(RelayError::Own)));
    assert!(matches!(ana.relay(author(9), STUCK), Err(RelayError::Unknown { author: of }) if of == author(9)));
    // It is unknown whether a file whose content is elsewhere is the message.
    fs::create_dir(own_dir(&place, ben)).unwrap();
    fs::write(own_dir(&place, ben).join(".0000000000000001.icloud"), "").unwrap();
    let unclear = ana.relay(ben, STUCK);
    assert!(
        matches!(unclear, Ok(put) if put.messages > 0) || matches!(unclear, Err(RelayError::Unclear { .. })),
        "{unclear:?}"
    );
    ana.clone().close().unwrap();
    assert!(matches!(ana.relay(ben, STUCK), Err(RelayError::Closed)));
}

/// Other transports relay as well.
#[test]
fn members_in_memory_relay() {
    let medium = MemoryMedium::default();
    let mut ben = SessionCore::new(Some(author(2)));
    let frame = send(&mut ben, "hello", 1);
    medium.transport().publish(&frame, Durability::Lazy).unwrap();
    let store = MemoryStore::new(Some(author(1)));
    let (ana, mut driver) = Session::assemble(Components::new(Box::new(medium.transport()), Box::new(store))).unwrap();
    let driving = std::thread::spawn(move || while driver.turn() != tempo_session::components::Turn::Stop {});
    wait_until(&ana, "a message", |ana| ana.timeline().len() == 1);
    assert_eq!(ana.relay(author(2), STUCK).unwrap().messages, 0);
    ana.close().unwrap();
    driving.join().unwrap();
}
