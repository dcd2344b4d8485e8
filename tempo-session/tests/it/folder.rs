//! Sessions on real folders, with real threads and the real watcher.

use std::{collections::BTreeSet, fs, sync::mpsc, thread, time::Duration};

use proptest::test_runner::{RngAlgorithm, TestRng};
use tempo_message::{Decoded, Frame};
use tempo_session::{Entry, MessageId, Session, error::OpenError, status::FolderState, store::RedbReader};

use crate::{
    identity::open_image,
    support::{Place, STUCK, by_itself, copy_file, id_of, replay, texts, timeline, wait_until},
};

#[test]
fn members_agree_after_all_have_sent_at_once() {
    let place = Place::new();
    let members: Vec<Session> = ["ana", "ben", "cleo"].map(|name| place.member(name)).into();
    thread::scope(|scope| {
        for (number, member) in members.iter().enumerate() {
            for half in 0..2 {
                let member = member.clone();
                scope.spawn(move || {
                    for n in 0..25 {
                        member.send(format!("{number}/{half}/{n}")).unwrap();
                    }
                });
            }
        }
    });
    for member in &members {
        wait_until(member, "150 messages", |member| member.timeline().len() == 150);
        assert_eq!(timeline(member), timeline(&members[0]));
    }
    let observer = Session::observe(&place.folder).unwrap();
    observer.refresh(STUCK).unwrap();
    assert_eq!(timeline(&observer), timeline(&members[0]));
    let before = place.files();
    observer.close().unwrap();
    assert_eq!(place.files(), before, "an observer leaves no trace");
    assert_eq!(fs::read_dir(&place.folder).unwrap().count(), 3);
}

/// The files arrive one by one in random order. The reader follows, and has the same timeline in
/// the end.
#[test]
fn any_order_of_files_gives_the_same_timeline() {
    let place = Place::new();
    let (ana, ben) = (place.member("ana"), place.member("ben"));
    for round in 0..15 {
        ana.send(format!("question {round}")).unwrap();
        wait_until(&ben, "the question", |ben| ben.timeline().len() == 2 * round + 1);
        ben.send(format!("answer {round}")).unwrap();
        wait_until(&ana, "the answer", |ana| ana.timeline().len() == 2 * round + 2);
    }
    assert_eq!((ana.flush(STUCK), ben.flush(STUCK)), (0, 0));
    let mut files = place.files();
    shuffle(&mut files, 7);

    let copy = place.at("copy.session");
    fs::create_dir(&copy).unwrap();
    let reader = Session::observe(&copy).unwrap();
    let (mut list, mut held, mut named) = (Vec::new(), 0, BTreeSet::new());
    for file in &files {
        copy_file(&place.folder, &copy, file);
        reader.refresh(STUCK).unwrap();
        replay(&reader, &mut list);
        assert_eq!(list, timeline(&reader));
        let status = reader.status();
        held = held.max(status.waiting.len());
        named.extend(status.waiting.iter().flat_map(|waiting| waiting.missing.iter().map(|(id, _)| *id)));
    }
    assert!(held > 0 && !named.is_empty(), "the order of arrival was too kind");
    assert_eq!(list, timeline(&ana));
    assert_eq!(reader.status().waiting, []);
    let known: BTreeSet<MessageId> = files.iter().map(|file| id_of(file)).collect();
    assert!(named.is_subset(&known));
}

#[test]
fn a_second_process_learns_which_process_is_first() {
    let place = Place::new();
    let ana = place.member("ana");
    let second = Session::builder(&place.folder).state_dir(place.at("ana")).open();
    match second {
        Err(OpenError::AlreadyOpen { holder, .. }) => assert_eq!(holder, format!("process {}", std::process::id())),
        other => panic!("{other:?}"),
    }
    drop(ana);
    place.member("ana").send("the lock ended with the handle").unwrap();
}

/// As `tempo status` and the doctor do.
#[test]
fn reading_the_store_does_not_prevent_opening() {
    let place = Place::new();
    let author = place.member("ana").author().unwrap();
    let store = place.at("ana").join(author.to_string()).join("store.redb");
    let looking = RedbReader::open(&store, author).unwrap();
    let (opened, waiting) = mpsc::channel();
    thread::scope(|scope| {
        scope.spawn(|| opened.send(place.member("ana").send("after all").map(|id| id.counter)).unwrap());
        assert!(waiting.recv_timeout(Duration::from_millis(100)).is_err(), "the store is being read");
        drop(looking);
        assert_eq!(waiting.recv_timeout(STUCK).unwrap().ok(), Some(2));
    });
}

#[test]
fn a_session_survives_its_folder_moving_and_closing() {
    let place = Place::new();
    let ana = place.member("ana");
    let author = ana.author();
    ana.send("one").unwrap();
    ana.close().unwrap();
    let moved = place.at("moved.session");
    crate::support::rename(&place.folder, &moved).unwrap();
    let ana = Session::builder(&moved).state_dir(place.at("ana")).open().unwrap();
    assert_eq!((ana.author(), texts(&timeline(&ana))), (author, vec!["one".to_owned()]));
    assert_eq!(ana.send("two").unwrap().counter, 3, "after the name and one message");
}

#[test]
fn a_vanished_or_short_file_is_published_again_at_the_next_opening() {
    let place = Place::new();
    let ana = place.member("ana");
    let ids = ana.send_all(["one", "two", "three"]).unwrap();
    ana.close().unwrap();
    let file = |id: &MessageId| place.folder.join(id.to_string());
    let original: Vec<Vec<u8>> = ids.iter().map(|id| fs::read(file(id)).unwrap()).collect();
    crate::support::remove_file(file(&ids[0])).unwrap();
    fs::write(file(&ids[1]), &original[1][..20]).unwrap();
    // The right length, but zeros, as some file systems leave a file that was not synced.
    fs::write(file(&ids[2]), vec![0; original[2].len()]).unwrap();
    let ana = place.member("ana");
    wait_until(&ana, "the audit", |_| {
        ids.iter().zip(&original).all(|(id, bytes)| fs::read(file(id)).is_ok_and(|b| b == *bytes))
    });
    assert_eq!(texts(&timeline(&ana)), ["one", "two", "three"]);
}

/// A message that cannot be published keeps no other one from being looked after.
#[test]
fn a_vanished_file_comes_back_although_another_message_cannot_be_published() {
    let place = Place::new();
    let ana = place.member("ana");
    let [taken, other] = ["taken", "other"].map(|text| place.folder.join(ana.send(text).unwrap().to_string()));
    assert_eq!(ana.flush(STUCK), 0);
    ana.close().unwrap();
    let original = fs::read(&other).unwrap();
    let Decoded::Whole(frame) = Frame::decode(&fs::read(&taken).unwrap().into()) else { panic!("not whole") };
    // Directories have all names that the message may get.
    fs::remove_file(&taken).unwrap();
    let beside = format!(".{}", &frame.digest().to_string()[..16]);
    for tail in [String::new(), beside.clone(), format!("{beside}.2")] {
        fs::create_dir(format!("{}{tail}", taken.display())).unwrap();
    }
    let ana = open_image(&place, "ana");
    by_itself(&ana, "the failure", |ana| ana.status().publish_error.is_some());
    assert_eq!(fs::read(&other).unwrap(), original);
    crate::support::remove_file(&other).unwrap();
    by_itself(&ana, "the other message", |_| fs::read(&other).is_ok_and(|bytes| bytes == original));
    assert_eq!(ana.status().unpublished, 1);
    ana.close().unwrap();
}

#[test]
fn an_emptied_folder_is_detached_and_nothing_is_undelivered() {
    let place = Place::new();
    let (ana, ben) = (place.member("ana"), place.member("ben"));
    ana.send("hello").unwrap();
    wait_until(&ben, "hello", |ben| ben.timeline().len() == 1);
    let aside = place.at("aside");
    crate::support::rename(&place.folder, &aside).unwrap();
    fs::create_dir(&place.folder).unwrap();
    assert!(ben.refresh(STUCK).is_err());
    assert!(matches!(ben.status().folder, FolderState::Detached { .. }), "{:?}", ben.status());
    ben.send("no one hears me yet").unwrap();
    assert_eq!((ben.timeline().len(), ben.flush(Duration::from_millis(50))), (2, 1));
    assert_eq!(fs::read_dir(&place.folder).unwrap().count(), 0, "nothing is written where the session was");
    crate::support::remove_dir(&place.folder).unwrap();
    crate::support::rename(&aside, &place.folder).unwrap();
    wait_until(&ana, "what was said meanwhile", |ana| ana.timeline().len() == 2);
    assert_eq!(timeline(&ana), timeline(&ben));
}

/// A member whose disk is unplugged can open its session. Its new messages are published when the
/// folder is back.
#[test]
fn a_member_opens_while_the_folder_is_away() {
    let place = Place::new();
    let ana = place.member("ana");
    ana.send("before").unwrap();
    ana.close().unwrap();
    let aside = place.at("unplugged");
    crate::support::rename(&place.folder, &aside).unwrap();
    let ana = place.member("ana");
    assert!(ana.refresh(STUCK).is_err());
    assert_eq!(texts(&timeline(&ana)), ["before"]);
    ana.send("meanwhile").unwrap();
    assert!(!place.folder.exists(), "a folder is never made");
    let stranger = Session::builder(&place.folder).state_dir(place.at("stranger")).open();
    assert!(matches!(stranger, Err(OpenError::Installation(_))), "{stranger:?}");
    crate::support::rename(&aside, &place.folder).unwrap();
    wait_until_back(&ana);
    assert_eq!(ana.flush(STUCK), 0);
    let ben = place.member("ben");
    ben.refresh(STUCK).unwrap();
    assert_eq!(texts(&timeline(&ben)), ["before", "meanwhile"]);
}

fn wait_until_back(session: &Session) {
    let began = std::time::Instant::now();
    while session.refresh(STUCK).is_err() {
        assert!(began.elapsed() < STUCK, "it is not back: {:?}", session.status());
    }
}

#[test]
fn a_new_member_may_write_before_others_join() {
    let place = Place::new();
    let ana = place.member("ana");
    ana.send("first").unwrap();
    assert_eq!(ana.flush(STUCK), 0);
    assert_eq!(place.files().len(), 2);
}

#[test]
fn events_wait_for_what_arrives() {
    let place = Place::new();
    let (ana, ben) = (place.member("ana"), place.member("ben"));
    let listener = thread::spawn(move || {
        let entries = ben.events().filter_map(|event| match event.unwrap() {
            tempo_session::Event::Message { entry, .. } => Some(entry),
            _ => None,
        });
        entries.take(3).collect::<Vec<Entry>>()
    });
    ana.send("one").unwrap();
    ana.send_all(["two", "three"]).unwrap();
    assert_eq!(texts(&listener.join().unwrap()), ["one", "two", "three"]);
}

fn shuffle<T>(items: &mut [T], seed: u8) {
    use proptest::prelude::Rng;
    println!("seed {seed}");
    let mut rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[seed; 32]);
    for last in (1..items.len()).rev() {
        let other = usize::try_from(rng.next_u64() % (last as u64 + 1)).unwrap();
        items.swap(last, other);
    }
}
