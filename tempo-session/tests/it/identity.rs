//! Stores that are copied, restored or lost; files that vanish, are rolled back, or are overwritten.

use std::{collections::BTreeSet, error::Error, fs, path::Path, thread, time::Duration};

use tempo_fs_transport::{FsTransport, Installation, Options};
use tempo_message::{AuthorId, CounterName, Head, Sign};
use tempo_session::{
    Event, Session,
    components::{Components, IdentitySource},
    core::IdentityConflict,
    store::{RedbStore, Store},
};
use uuid::Uuid;

use crate::support::{Place, STUCK, is_told_apart, signer, texts, timeline, wait_until};

/// Opens a state directory as if nothing showed that it is a copy, as in an image of the whole machine.
pub(crate) fn open_image(place: &Place, state: &str) -> Session {
    let installation = Installation::find(&place.at(state), &place.folder).unwrap().unwrap();
    let mut options = Options::default();
    options.staging = Some(installation.staging());
    let transport = FsTransport::open(&place.folder, &options).unwrap();
    let store = RedbStore::open(&installation.store(), installation.author).unwrap();
    let components = Components {
        scrub: Some(Duration::from_secs(1)),
        identity: Box::new(Fresh(installation)),
        ..Components::new(Box::new(transport), Box::new(store))
    };
    let (session, driver) = Session::assemble(components).unwrap();
    thread::spawn(move || driver.run());
    session
}

#[derive(Debug)]
pub(crate) struct Fresh(pub(crate) Installation);

impl IdentitySource for Fresh {
    fn author(&mut self) -> Result<AuthorId, Box<dyn Error + Send + Sync>> {
        Ok(self.0.mint(None)?)
    }

    fn signer(&mut self, author: AuthorId) -> Result<Option<Box<dyn Sign>>, Box<dyn Error + Send + Sync>> {
        signer(&self.0, author)
    }

    fn nonce(&mut self) -> u64 {
        Uuid::new_v4().as_u64_pair().0
    }
}

pub(crate) fn copy_dir(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_dir(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Restores a state directory to an earlier copy without creating new files, as a snapshot of a machine does.
pub(crate) fn put_back(state: &Path, earlier: &Path) {
    for entry in fs::read_dir(earlier).unwrap() {
        let (from, to) = (entry.as_ref().unwrap().path(), state.join(entry.unwrap().file_name()));
        if from.is_dir() { put_back(&to, &from) } else { fs::write(to, fs::read(from).unwrap()).unwrap() }
    }
}

fn dir_of(place: &Place, author: AuthorId) -> std::path::PathBuf {
    place.folder.join(author.to_string())
}

fn all_see(members: &[&Session], expected: &[&str]) {
    let expected: BTreeSet<&str> = expected.iter().copied().collect();
    for member in members {
        let has_all = |member: &Session| {
            let texts = texts(&timeline(member));
            texts.len() == expected.len() && texts.iter().all(|text| expected.contains(text.as_str()))
        };
        wait_until(member, "every line once", has_all);
    }
    for member in members {
        assert_eq!(timeline(member), timeline(members[0]));
    }
}

fn former_of(session: &Session, author: AuthorId) -> Option<AuthorId> {
    session.status().members.iter().find(|member| member.author == author)?.former
}

#[test]
fn a_copied_state_directory_becomes_a_new_author_with_the_same_name() {
    let place = Place::new();
    let ana = place.member("ana");
    ana.send("from the original").unwrap();
    ana.close().unwrap();
    copy_dir(&place.at("ana"), &place.at("copy"));
    let (ana, ben) = (place.member("ana"), place.member("ben"));
    let copy = Session::builder(&place.folder).state_dir(place.at("copy")).open().unwrap();
    let (before, after) = (ana.author().unwrap(), copy.author().unwrap());
    assert_ne!(before, after);
    copy.send("from the copy").unwrap();
    ana.send("still the original").unwrap();
    all_see(&[&ana, &copy, &ben], &["from the original", "from the copy", "still the original"]);
    wait_until(&ben, "whose place it has taken", |ben| former_of(ben, after) == Some(before));
    let names: Vec<_> = timeline(&ben).into_iter().map(|entry| entry.name).collect();
    assert_eq!(names, vec![Some("ana".to_owned()); 3], "one person");
    assert!(ben.status().members.iter().all(|member| member.forks.is_empty()));
    let events: Vec<Event> = std::iter::from_fn(|| copy.poll().unwrap()).collect();
    let told = Event::NewAuthor { former: before, author: after, why: IdentityConflict::Copied };
    assert!(events.contains(&told), "{events:?}");
    // The copy stays the same author.
    copy.close().unwrap();
    let again = Session::builder(&place.folder).state_dir(place.at("copy")).open().unwrap();
    assert_eq!((again.author(), again.status().former), (Some(after), vec![before]));
}

#[test]
fn a_restored_store_never_reuses_a_counter() {
    let place = Place::new();
    let ana = place.member("ana");
    let before = ana.author().unwrap();
    ana.send("kept").unwrap();
    ana.close().unwrap();
    copy_dir(&place.at("ana"), &place.at("backup"));
    let ana = place.member("ana");
    ana.send("later").unwrap();
    ana.close().unwrap();
    let files = fs::read_dir(dir_of(&place, before)).unwrap().count();
    put_back(&place.at("ana"), &place.at("backup"));
    let ana = place.member("ana");
    ana.send("after the restore").unwrap();
    assert_ne!(ana.author(), Some(before));
    let ben = place.member("ben");
    all_see(&[&ana, &ben], &["kept", "later", "after the restore"]);
    assert_eq!(fs::read_dir(dir_of(&place, before)).unwrap().count(), files, "nothing new under the old name");
    assert_eq!(former_of(&ben, ana.author().unwrap()), Some(before));
}

/// The messages that the store has forgotten are not here, but the head is.
#[test]
fn a_head_that_is_ahead_of_the_store_is_enough() {
    let place = Place::new();
    let ana = place.member("ana");
    let before = ana.author().unwrap();
    ana.close().unwrap();
    copy_dir(&place.at("ana"), &place.at("backup"));
    let ana = place.member("ana");
    let lost = ana.send("not synced to this machine").unwrap();
    ana.close().unwrap();
    let head = Head::decode(&fs::read(dir_of(&place, before).join("head")).unwrap()).unwrap();
    assert_eq!(head.counter, lost.counter);
    crate::support::remove_file(place.folder.join(lost.to_string())).unwrap();
    put_back(&place.at("ana"), &place.at("backup"));
    let ana = place.member("ana");
    wait_until(&ana, "a new author", |ana| ana.author() != Some(before));
    ana.send("new").unwrap();
    assert!(!place.folder.join(lost.to_string()).exists(), "the counter is not used for anything else");
}

#[test]
fn a_lost_store_is_followed_by_a_new_author() {
    let place = Place::new();
    let ana = place.member("ana");
    let before = ana.author().unwrap();
    ana.send("before").unwrap();
    ana.close().unwrap();
    crate::support::remove_file(place.at("ana").join(before.to_string()).join("store.redb")).unwrap();
    let ana = place.member("ana");
    assert_ne!(ana.author(), Some(before));
    wait_until(&ana, "what it had written", |ana| texts(&timeline(ana)) == ["before"]);
    ana.send("after").unwrap();
    let ben = place.member("ben");
    all_see(&[&ana, &ben], &["before", "after"]);
    assert_eq!(former_of(&ben, ana.author().unwrap()), Some(before));
    assert_eq!(timeline(&ben)[1].name.as_deref(), Some("ana"));
}

/// With nothing left, the installation must not take any author in the folder for its own.
#[test]
fn a_fresh_installation_takes_no_author_that_is_there() {
    let place = Place::new();
    let ana = place.member("ana");
    ana.send("mine").unwrap();
    ana.close().unwrap();
    crate::support::remove_dir_all(place.at("ana")).unwrap();
    let fresh = place.member("ana");
    wait_until(&fresh, "the old message", |fresh| fresh.timeline().len() == 1);
    assert_ne!(fresh.author(), Some(timeline(&fresh)[0].author()));
    assert_eq!(fresh.status().former, []);
}

/// Two running machines have one store. Both notice it, nothing is lost, and every member has every line once.
#[test]
fn live_clones_part_and_lose_nothing() {
    let place = Place::new();
    let ana = place.member("ana");
    ana.send("common").unwrap();
    let before = ana.author().unwrap();
    ana.close().unwrap();
    copy_dir(&place.at("ana"), &place.at("image"));
    let (left, ben) = (open_image(&place, "ana"), place.member("ben"));
    let right = open_image(&place, "image");
    left.send("left").unwrap();
    right.send("right").unwrap();
    let lines = ["common", "left", "right"];
    all_see(&[&left, &right, &ben], &lines);
    left.send("left again").unwrap();
    right.send("right again").unwrap();
    let lines = ["common", "left", "right", "left again", "right again"];
    all_see(&[&left, &right, &ben], &lines);
    assert_ne!(left.author(), right.author());
    let renamed: Vec<AuthorId> =
        [&left, &right].into_iter().filter_map(Session::author).filter(|it| *it != before).collect();
    assert!(!renamed.is_empty(), "at least one of them has a new author");
    for author in renamed {
        assert_eq!(former_of(&ben, author), Some(before));
    }
    let mut forks = 0;
    while let Some(event) = ben.poll().unwrap() {
        forks += usize::from(matches!(event, Event::Fork { .. }));
    }
    let forked: usize = ben.status().members.iter().map(|member| member.forks.len()).sum();
    assert_eq!(forks, forked, "each fork is reported once");
    // A fourth member joins at the end, and one member restarts: nothing is delivered twice.
    let late = place.member("late");
    left.close().unwrap();
    let left = open_image(&place, "ana");
    all_see(&[&left, &right, &ben, &late], &lines);
}

/// The service keeps only one of two files with one name.
#[test]
fn a_clone_whose_file_was_replaced_sends_it_again() {
    let place = Place::new();
    let ana = place.member("ana");
    let before = ana.author().unwrap();
    ana.close().unwrap();
    copy_dir(&place.at("ana"), &place.at("image"));
    let left = open_image(&place, "ana");
    let mine = left.send("mine").unwrap();
    assert_eq!(left.flush(STUCK), 0);
    left.close().unwrap();
    // On the other machine the name is still free. Its service then replaces this file with that
    // one.
    let kept = fs::read(place.folder.join(mine.to_string())).unwrap();
    crate::support::remove_file(place.folder.join(mine.to_string())).unwrap();
    let right = open_image(&place, "image");
    let theirs = right.send("theirs").unwrap();
    if theirs == mine {
        assert_eq!(right.flush(STUCK), 0);
        assert_ne!(fs::read(place.folder.join(theirs.to_string())).unwrap(), kept);
    }
    let (left, ben) = (open_image(&place, "ana"), place.member("ben"));
    all_see(&[&left, &right, &ben], &["mine", "theirs"]);
    assert!(left.author() != Some(before) || right.author() != Some(before));
}

/// A process ended between becoming a new author and announcing it.
#[test]
fn a_new_author_introduces_itself_first() {
    let place = Place::new();
    let ana = place.member("ana");
    ana.send("before").unwrap();
    let before = ana.author().unwrap();
    ana.close().unwrap();
    let installation = Installation::find(&place.at("ana"), &place.folder).unwrap().unwrap();
    let minted = installation.mint(None).unwrap();
    let store = RedbStore::open(&installation.store(), before).unwrap();
    store.set_marks(&store.marks().unwrap().succeeded_by(minted)).unwrap();
    drop(store);
    let (ana, ben) = (place.member("ana"), place.member("ben"));
    assert_eq!(ana.author(), Some(minted));
    wait_until(&ben, "the introduction", |ben| former_of(ben, minted) == Some(before));
    assert_eq!(ben.status().name(minted), Some("ana"));
}

#[test]
fn a_deleted_directory_comes_back_complete() {
    let place = Place::new();
    let (ana, ben) = (place.member("ana"), place.member("ben"));
    for number in 0..100 {
        ana.send(format!("{number}")).unwrap();
    }
    assert_eq!(ana.flush(STUCK), 0);
    wait_until(&ben, "everything", |ben| ben.timeline().len() == 100);
    // Messages that are restored together are one file.
    let (dir, messages) = (dir_of(&place, ana.author().unwrap()), |dir: &Path| -> BTreeSet<u64> {
        let names = fs::read_dir(dir).into_iter().flatten().map(|entry| entry.unwrap().file_name());
        let counter = |name: &str| CounterName::parse(name.as_bytes());
        let run = |name: std::ffi::OsString| {
            let name = name.into_string().unwrap();
            match name.split_once('-') {
                Some((first, last)) => counter(first).zip(counter(last)),
                None => counter(&name).map(|only| (only, only)),
            }
        };
        names.filter_map(run).flat_map(|(first, last)| first..=last).collect()
    });
    let before = messages(&dir);
    assert_eq!(before, (1..=101).collect());
    remove(&dir);
    ana.close().unwrap();
    let ana = place.member("ana");
    assert_eq!(ana.flush(STUCK), 0);
    wait_until(&ana, "every message", |_| messages(&dir) == before);
    let late = place.member("late");
    wait_until(&late, "everything", |late| late.timeline().len() == 100);
    assert_eq!(timeline(&ben), timeline(&late));
}

/// A service's rewind, or a backup, restores the whole folder to last week.
#[test]
fn a_rewound_folder_heals_and_nothing_comes_twice() {
    let place = Place::new();
    let (ana, ben) = (place.member("ana"), place.member("ben"));
    ana.send("old").unwrap();
    ben.send("old too").unwrap();
    let both = |session: &Session| session.timeline().len() == 2;
    wait_until(&ana, "both", both);
    wait_until(&ben, "both", both);
    copy_dir(&place.folder, &place.at("last week"));
    ana.send("new").unwrap();
    ben.send("new too").unwrap();
    all_see(&[&ana, &ben], &["old", "old too", "new", "new too"]);
    let authors = (ana.author(), ben.author());
    ana.close().unwrap();
    ben.close().unwrap();
    crate::support::remove_dir_all(&place.folder).unwrap();
    copy_dir(&place.at("last week"), &place.folder);
    let (ana, ben) = (place.member("ana"), place.member("ben"));
    assert_eq!((ana.author(), ben.author()), authors, "no member becomes a new author");
    let late = place.member("late");
    all_see(&[&ana, &ben, &late], &["old", "old too", "new", "new too"]);
}

/// Another program overwrites a message. Members that have the original keep it; its author reports
/// this, and puts its own message beside the file.
#[test]
fn an_overwritten_message_is_reported_and_keeps_its_first_content() {
    let place = Place::new();
    let (ana, ben) = (place.member("ana"), place.member("ben"));
    let id = ana.send("genuine").unwrap();
    wait_until(&ben, "the message", |ben| ben.timeline().len() == 1);
    ana.close().unwrap();
    let path = place.folder.join(id.to_string());
    fs::write(&path, "scribbled over").unwrap();
    let ana = place.member("ana");
    wait_until(&ana, "that it was found", |ana| ana.status().occupied == [id.counter]);
    let late = place.member("late");
    all_see(&[&ana, &ben, &late], &["genuine"]);
    assert_eq!(fs::read_to_string(&path).unwrap(), "scribbled over", "foreign content is not overwritten");
}

/// `rm -rf jam.session/*`, while two members are running and a third joins: the session comes back,
/// as one.
#[test]
fn a_session_deleted_in_its_folder_comes_back() {
    let place = Place::new();
    if !is_told_apart(&place.folder) {
        return;
    }
    let open = |name| Session::builder(&place.folder).state_dir(place.at(name)).name(name).open().unwrap();
    let (ana, ben) = (open("ana"), open("ben"));
    ana.send("from ana").unwrap();
    ben.send("from ben").unwrap();
    all_see(&[&ana, &ben], &["from ana", "from ben"]);
    let delete = || {
        for author in fs::read_dir(&place.folder).unwrap() {
            remove(&author.unwrap().path());
        }
    };
    delete();
    let late = open("late");
    late.send("from late").unwrap();
    ana.send("ana again").unwrap();
    all_see(&[&ana, &ben, &late], &["from ana", "from ben", "from late", "ana again"]);
    // Once more while no member is running.
    for member in [ana, ben, late] {
        member.close().unwrap();
    }
    delete();
    let (ana, ben, late) = (open("ana"), open("ben"), open("late"));
    all_see(&[&ana, &ben, &late], &["from ana", "from ben", "from late", "ana again"]);
    let fresh = open("fresh");
    all_see(&[&fresh], &["from ana", "from ben", "from late", "ana again"]);
}

/// The author is running and has very many messages. It must not take half a minute for every few
/// of them.
#[test]
fn a_running_author_puts_everything_back_at_once() {
    let place = Place::new();
    // If the folder had no other member, it could be another folder.
    place.member("ben").close().unwrap();
    let ana = open_quick(&place);
    ana.send_all((0..400).map(|number| format!("{number}"))).unwrap();
    assert_eq!(ana.flush(STUCK), 0);
    let before = place.files();
    remove(&dir_of(&place, ana.author().unwrap()));
    wait_until(&ana, "every file", |_| place.folder.read_dir().unwrap().count() == 2 && place.files() == before);
}

/// Removes a directory that its author may be writing to.
fn remove(dir: &Path) {
    let began = std::time::Instant::now();
    while crate::support::remove_dir_all(dir).is_err_and(|error| error.kind() == std::io::ErrorKind::DirectoryNotEmpty)
    {
        assert!(began.elapsed() < STUCK, "{} cannot be removed", dir.display());
    }
}

/// Opens a member that compares its messages with the folder every second.
fn open_quick(place: &Place) -> Session {
    place.member("ana").close().unwrap();
    open_image(place, "ana")
}

/// The damage does not change the length, and comes long after the audit.
#[test]
fn a_recent_message_that_was_damaged_is_put_right_when_its_author_opens() {
    let place = Place::new();
    let ana = place.member("ana");
    let id = ana.send("whole").unwrap();
    assert_eq!(ana.flush(STUCK), 0);
    ana.close().unwrap();
    place.member("ana").close().unwrap();
    let file = place.folder.join(id.to_string());
    let mut bytes = fs::read(&file).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs::write(&file, bytes).unwrap();
    let ana = place.member("ana");
    let ben = place.member("ben");
    wait_until(&ben, "the message", |ben| ben.timeline().len() == 1);
    assert_eq!(ana.status().occupied, [id.counter], "foreign content stays, and the message is beside it");
}

/// The folder was copied, and both are opened. The directory's identity decides, not the order of
/// the names.
#[test]
fn a_copied_folder_keeps_its_own_author_when_the_original_is_away() {
    for _ in 0..6 {
        let place = Place::new();
        let original = place.member("ana");
        original.send("in the original").unwrap();
        original.close().unwrap();
        let copy = place.at("copy.session");
        copy_dir(&place.folder, &copy);
        let open = || Session::builder(&copy).state_dir(place.at("ana")).name("ana").open().unwrap();
        let first = open();
        let author = first.author();
        first.send("in the copy").unwrap();
        first.close().unwrap();
        crate::support::rename(&place.folder, place.at("unplugged")).unwrap();
        let again = open();
        assert_eq!(again.author(), author);
        again.send("still in the copy").unwrap();
        assert_eq!(again.flush(STUCK), 0);
    }
}

/// A member that has lost everything reads the folder before it announces whose place it takes. So
/// it keeps its name, and the former author is not waited for. This also holds when the same
/// happens again before it has announced anything.
#[test]
fn a_member_that_lost_its_store_replaces_its_former_author() {
    let place = Place::new();
    let ben = place.member("ben");
    let ana = place.member("ana");
    let first = ana.author().unwrap();
    for text in ["one", "two", "three"] {
        ana.send(text).unwrap();
    }
    ben.send("four").unwrap();
    all_see(&[&ana, &ben], &["one", "two", "three", "four"]);
    ana.close().unwrap();
    let store = place.at("ana").join(first.to_string()).join("store.redb");
    let mut expected = vec!["one", "two", "three", "four"];
    let mut before = first;
    for text in ["five", "six"] {
        crate::support::remove_file(&store).unwrap();
        let ana = Session::builder(&place.folder).state_dir(place.at("ana")).open().unwrap();
        let now = ana.author().unwrap();
        ana.send(text).unwrap();
        expected.push(text);
        all_see(&[&ana, &ben], &expected);
        wait_until(&ben, "whose place it has taken", |ben| former_of(ben, now) == Some(before));
        assert_eq!(timeline(&ben).last().unwrap().name.as_deref(), Some("ana"));
        ana.close().unwrap();
        before = now;
    }
    // Ben has the last head of each, and waits for no former author.
    let is_present = |ben: &Session, author| author == before || Some(author) == ben.author();
    wait_until(&ben, "the last head", |ben| ben.status().stable.waits_for.iter().all(|it| is_present(ben, it.0)));
}
