//! Own messages in packs: few files, and every message still there for every member.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    task::Waker,
    thread,
    time::Duration,
};

use tempo_fs_transport::{FsTransport, Options};
use tempo_message::{
    Arrival, AuthorId, CollectError, CollectRequest, Collected, Disposition, Durability, Frame, Head, Pack,
    PublishError, Published, Report, StoredRun, Transport,
};
use tempo_session::{Packing, Session, components::Components, store::MemoryStore};

use crate::support::{Place, STUCK, author, texts, timeline, wait_until};

/// Small packs, so that tests need few messages.
fn small(grace: Duration) -> Packing {
    Packing { few: 4, times: 3, at_once: usize::MAX, grace, ..Packing::default() }
}

fn member(place: &Place, name: &str, packing: Packing) -> Session {
    Session::builder(&place.folder).state_dir(place.at(name)).packing(Some(packing)).open().unwrap()
}

/// Returns the names of messages and packs in an author's directory.
fn files(place: &Place, session: &Session) -> Vec<String> {
    let dir = own_dir(place, session);
    let names = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.filter(|name| name != "head").collect();
    names.sort();
    names
}

fn own_dir(place: &Place, session: &Session) -> PathBuf {
    place.folder.join(session.author().unwrap().to_string())
}

fn run(first: u64, last: u64) -> String {
    if first == last { format!("{first:016x}") } else { format!("{first:016x}-{last:016x}") }
}

fn say(session: &Session, numbers: std::ops::RangeInclusive<usize>) {
    for number in numbers {
        session.send(format!("message {number}")).unwrap();
    }
    assert_eq!(session.flush(STUCK), 0);
}

fn everybody_has(place: &Place, messages: usize) {
    let reader = Session::observe(&place.folder).unwrap();
    reader.refresh(STUCK).unwrap();
    let expected: Vec<String> = (1..=messages).map(|number| format!("message {number}")).collect();
    assert_eq!(texts(&timeline(&reader)), expected);
    // A file may be repaired while it is read.
    wait_until(&reader, "a report that names nothing", |reader| {
        let report = reader.status().report;
        report.foreign.is_empty() && report.pending.is_empty()
    });
}

#[test]
fn packing_by_hand_leaves_one_file_for_many() {
    let place = Place::new();
    let ana = member(&place, "ana", small(Duration::from_secs(3600)));
    say(&ana, 1..=30);
    let pack_stats = ana.pack(STUCK).unwrap();
    // Two packs of twelve, one of four, and the rest; the single files are kept for a while.
    assert_eq!((pack_stats.packs, pack_stats.alone, pack_stats.kept), (4, 0, 30), "{:?}", files(&place, &ana));
    everybody_has(&place, 30);
    let pack_stats = ana.pack_at_once(STUCK).unwrap();
    assert_eq!((pack_stats.packs, pack_stats.alone, pack_stats.kept), (4, 0, 0));
    assert_eq!(files(&place, &ana), [run(1, 12), run(13, 24), run(25, 28), run(29, 30)]);
    everybody_has(&place, 30);
    // A second call finds nothing to do, and later calls continue from there.
    assert_eq!(ana.pack_at_once(STUCK).unwrap(), pack_stats);
    say(&ana, 31..=36);
    ana.pack_at_once(STUCK).unwrap();
    assert_eq!(files(&place, &ana), [run(1, 12), run(13, 24), run(25, 36)]);
    everybody_has(&place, 36);
}

/// A folder that notes how many files each removal may take.
#[derive(Debug)]
struct Noted<T>(T, Arc<Mutex<Vec<usize>>>);

impl<T: Transport> Transport for Noted<T> {
    fn join(&mut self, author: AuthorId) -> Result<(), PublishError> {
        self.0.join(author)
    }

    fn publish(&mut self, frame: &Frame, durability: Durability) -> Result<Published, PublishError> {
        self.0.publish(frame, durability)
    }

    fn has_packs(&self) -> bool {
        self.0.has_packs()
    }

    fn publish_pack(&mut self, pack: &Pack, durability: Durability) -> Result<Published, PublishError> {
        self.0.publish_pack(pack, durability)
    }

    fn thin_out(&mut self, pack: &Pack, most: usize) -> Result<Vec<(u64, u64)>, PublishError> {
        self.1.lock().unwrap().push(most);
        self.0.thin_out(pack, most)
    }

    fn leave_head(&mut self, head: &Head) -> Result<(), PublishError> {
        self.0.leave_head(head)
    }

    fn inventory(&mut self, author: AuthorId) -> Result<Vec<StoredRun>, CollectError> {
        self.0.inventory(author)
    }

    fn collect(
        &mut self,
        want: &CollectRequest<'_>,
        take: &mut dyn FnMut(Arrival) -> Disposition,
    ) -> Result<Collected, CollectError> {
        self.0.collect(want, take)
    }

    fn wait(&mut self, timeout: Duration) {
        self.0.wait(timeout);
    }

    fn waker(&self) -> Waker {
        self.0.waker()
    }

    fn report(&self) -> Report {
        self.0.report()
    }
}

/// A folder gives up a call after some seconds, and on a slow drive each file takes long.
#[test]
fn few_files_are_removed_at_a_time_and_all_in_the_end() {
    let place = Place::new();
    let removals = Arc::default();
    let folder = FsTransport::open(&place.folder, &Options::default()).unwrap();
    let components = Components {
        packing: Some(Packing { few: 4, times: 40, at_once: usize::MAX, ..Packing::default() }),
        ..Components::new(Box::new(Noted(folder, Arc::clone(&removals))), Box::new(MemoryStore::new(Some(author(0)))))
    };
    let (ana, driver) = Session::assemble(components).unwrap();
    let driving = thread::spawn(move || driver.run());
    say(&ana, 1..=132);
    let pack_stats = ana.pack_at_once(STUCK).unwrap();
    assert_eq!((pack_stats.alone, pack_stats.kept), (0, 0), "{:?}", files(&place, &ana));
    assert!(files(&place, &ana).len() == pack_stats.packs, "{:?}", files(&place, &ana));
    let removals = removals.lock().unwrap().clone();
    assert!(removals.len() > 132 / 16 && removals.iter().all(|&most| most <= 16), "{removals:?}");
    everybody_has(&place, 132);
    ana.close().unwrap();
    driving.join().unwrap();
}

/// Messages that are sent together are one file from the beginning, so that a service has little to
/// carry.
#[test]
fn messages_sent_together_are_one_file() {
    let place = Place::new();
    let ana = Session::builder(&place.folder).state_dir(place.at("ana")).open().unwrap();
    let texts: Vec<String> = (1..=500).map(|number| format!("message {number}")).collect();
    ana.send_all(&texts).unwrap();
    assert_eq!(ana.flush(STUCK), 0);
    assert_eq!(files(&place, &ana), [run(1, 500)]);
    everybody_has(&place, 500);
}

/// Packs that vanish, are cut short or are overwritten are repaired like all other files.
#[test]
fn a_pack_is_looked_after() {
    let place = Place::new();
    let packing = small(Duration::ZERO);
    let ana = member(&place, "ana", packing);
    say(&ana, 1..=25);
    ana.pack_at_once(STUCK).unwrap();
    let (before, dir) = (files(&place, &ana), own_dir(&place, &ana));
    ana.close().unwrap();
    let spoil: [&dyn Fn(&Path); 4] = [
        &|path| crate::support::remove_file(path).unwrap(),
        &|path| fs::OpenOptions::new().write(true).open(path).unwrap().set_len(100).unwrap(),
        &|path| fs::write(path, b"").unwrap(),
        &|path| fs::write(path, vec![0; usize::try_from(fs::metadata(path).unwrap().len()).unwrap()]).unwrap(),
    ];
    for spoil in spoil {
        for name in &before {
            spoil(&dir.join(name));
        }
        let ana = member(&place, "ana", packing);
        ana.refresh(STUCK).unwrap();
        assert_eq!(ana.flush(STUCK), 0);
        // If the length is right, only reading finds the damage, in passing.
        wait_until(&ana, "mending", |ana| files(&place, ana).iter().all(|name| is_sound(&dir.join(name))));
        everybody_has(&place, 25);
        ana.pack_at_once(STUCK).unwrap();
        assert_eq!(files(&place, &ana), before);
        everybody_has(&place, 25);
        ana.close().unwrap();
    }
}

fn is_sound(path: &Path) -> bool {
    fs::read(path)
        .is_ok_and(|bytes| matches!(tempo_message::Frame::decode(&bytes.into()), tempo_message::Decoded::Whole(_)))
}

#[test]
fn packs_are_made_automatically() {
    let place = Place::new();
    let ana = member(&place, "ana", small(Duration::ZERO));
    ana.send_all((1..=20).map(|number| format!("message {number}"))).unwrap();
    // There is no other member, and no time to wait; the latest messages stay as they are.
    let packed = [run(1, 12), run(13, 16), run(17, 17), run(18, 18), run(19, 19), run(20, 20)];
    wait_until(&ana, "packing", |ana| files(&place, ana) == packed);
    everybody_has(&place, 20);
}
