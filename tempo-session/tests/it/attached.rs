//! Files with messages: members in memory whose parts are moved one by one.

use std::{
    fs,
    io::Read as _,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use tempo_message::{Attachment, AttachmentId, Digest, Manifest, MemoryMedium, Message, Transport as _};
use tempo_session::{
    Event, Fetch, Keep, MessageId, Session,
    components::{Carrier, Components, Driver, Environment, Turn},
    core::SessionCore,
    error::{AttachError, ExportError, FetchError, SendError},
    status::{FileStatus, Place, Sending},
    store::{MemoryShelf, MemoryStore, Shelf as _},
};

use crate::{
    session::{Clock, drain},
    support::{author, send},
};

/// A member with parts of 1 KiB.
pub(crate) struct Member {
    pub(crate) session: Session,
    pub(crate) driver: Driver,
    pub(crate) carrier: Carrier,
}

/// The local state of a member.
#[derive(Clone)]
pub(crate) struct State {
    store: MemoryStore,
    pub(crate) shelf: MemoryShelf,
}

impl State {
    fn new(number: u8) -> Self {
        Self { store: MemoryStore::new(Some(author(number))), shelf: MemoryShelf::default() }
    }

    pub(crate) fn open(&self, medium: &MemoryMedium, clock: &Arc<Clock>) -> Member {
        self.open_with(medium, clock, |_| {})
    }

    fn open_with(&self, medium: &MemoryMedium, clock: &Arc<Clock>, set: impl Fn(&mut Components)) -> Member {
        let mut components = Components {
            environment: Arc::clone(clock) as Arc<dyn Environment>,
            snapshot_after: Some(2),
            shelf: Some(Arc::new(self.shelf.clone())),
            part_exponent: 10,
            ..Components::new(Box::new(medium.transport()), Box::new(self.store.clone()))
        };
        set(&mut components);
        let (session, mut driver) = Session::assemble(components).unwrap();
        let carrier = driver.carrier().unwrap();
        Member { session, driver, carrier }
    }
}

impl Member {
    /// Moves messages, then parts, until nothing is left.
    pub(crate) fn drain(&mut self) {
        drain(&mut self.driver);
        while self.carrier.turn() == Turn::Again {}
        drain(&mut self.driver);
    }

    pub(crate) fn file(&self, id: AttachmentId) -> FileStatus {
        self.session.file(id).unwrap().unwrap()
    }

    pub(crate) fn sending(&self, id: AttachmentId) -> Sending {
        self.file(id).sending.unwrap()
    }

    fn events(&self) -> Vec<Event> {
        std::iter::from_fn(|| self.session.poll().unwrap()).collect()
    }

    pub(crate) fn exported(&self, id: AttachmentId) -> Result<Vec<u8>, ExportError> {
        let dir = tempfile::tempdir().unwrap();
        let exported = self.session.export(id, dir.path().join("out"));
        let left: Vec<_> = fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left.len(), usize::from(exported.is_ok()), "{left:?}");
        exported.map(|()| fs::read(dir.path().join("out")).unwrap())
    }
}

pub(crate) fn pass(clock: &Clock, time: Duration) {
    clock.0.fetch_add(i64::try_from(time.as_millis()).unwrap(), Ordering::SeqCst);
}

pub(crate) const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The content of a file of five parts.
pub(crate) fn take(seed: u8) -> Vec<u8> {
    (0..5000_u16).map(|at| at.to_le_bytes()[0].wrapping_mul(seed) ^ at.to_le_bytes()[1]).collect()
}

fn attach(member: &Member, content: &[u8]) -> Attachment {
    member.session.attach_bytes(&mut &*content, "take.wav").unwrap()
}

pub(crate) struct Pair {
    pub(crate) medium: MemoryMedium,
    pub(crate) clock: Arc<Clock>,
    pub(crate) states: [State; 2],
    pub(crate) ana: Member,
    pub(crate) ben: Member,
}

impl Pair {
    pub(crate) fn new() -> Self {
        let (medium, clock) = (MemoryMedium::default(), Arc::new(Clock::default()));
        let states = [0, 1].map(State::new);
        let [ana, ben] = [&states[0], &states[1]].map(|state| state.open(&medium, &clock));
        Self { medium, clock, states, ana, ben }
    }

    /// Sends a file, and moves everything to every member.
    pub(crate) fn sent(&mut self, content: &[u8]) -> (AttachmentId, MessageId) {
        let file = attach(&self.ana, content);
        let message = self.ana.session.send_with("listen", std::slice::from_ref(&file)).unwrap();
        self.ana.drain();
        self.ben.drain();
        (file.manifest.id(), message)
    }
}

#[test]
fn a_file_follows_its_message_part_by_part() {
    let Pair { mut ana, mut ben, .. } = Pair::new();
    let content = take(3);
    let mut file = attach(&ana, &content);
    file.media_type = "audio/wav".to_owned();
    let id = file.manifest.id();
    assert_eq!(id.as_bytes(), Digest::of(&content).as_bytes());
    assert_eq!((ana.sending(id), ana.session.attachment(id).unwrap()), (Sending::Attached, None));
    let message = ana.session.send_with("listen", std::slice::from_ref(&file)).unwrap();
    assert_eq!(ana.session.flush_files(Duration::ZERO), 5);
    drain(&mut ana.driver);
    drain(&mut ben.driver);
    let entry = ben.session.timeline().next().unwrap().unwrap();
    assert_eq!((entry.id, entry.payload.as_ref(), &entry.attachments), (message, &b"listen"[..], &vec![file.clone()]));
    assert_eq!(ben.session.attachment(id).unwrap(), Some(file));
    assert_eq!(ben.file(id).place, Place::Missing { have: 0, of: 5 });
    assert_eq!(ben.file(id).named_by, [message]);
    for done in 1..=5 {
        assert_eq!(ana.carrier.turn(), Turn::Again);
        assert_eq!(ana.sending(id), if done < 5 { Sending::Publishing { done, of: 5 } } else { Sending::Published });
        let place = if done < 5 { Place::Missing { have: done, of: 5 } } else { Place::Here };
        assert_eq!(ben.file(id).place, place);
        if done < 5 {
            let error = ben.exported(id).unwrap_err();
            assert!(matches!(error, ExportError::Incomplete { have, of: 5, .. } if have == done), "{error}");
        }
    }
    assert!(matches!(ana.carrier.turn(), Turn::Wait(_)));
    assert_eq!(ana.session.flush_files(Duration::ZERO), 0);
    assert_eq!(ben.exported(id).unwrap(), content);
    assert_eq!(ben.file(id).place, Place::Here, "nothing is kept unasked");
    ben.session.fetch(id).unwrap();
    ben.drain();
    assert_eq!(ben.file(id).place, Place::Kept);
    assert!(ben.events().contains(&Event::Fetched { id, length: 5000 }));
    assert_eq!(ben.exported(id).unwrap(), content);
    ben.session.discard(id).unwrap();
    assert_eq!((ben.file(id).place, ben.file(id).is_wanted), (Place::Here, false));
}

#[test]
fn messages_go_before_parts() {
    let Pair { mut ana, .. } = Pair::new();
    let file = attach(&ana, &take(3));
    ana.session.send_with("listen", std::slice::from_ref(&file)).unwrap();
    drain(&mut ana.driver);
    assert_eq!(ana.carrier.turn(), Turn::Again);
    ana.session.send("and this").unwrap();
    assert!(matches!(ana.carrier.turn(), Turn::Wait(_)));
    assert_eq!(ana.sending(file.manifest.id()), Sending::Publishing { done: 1, of: 5 });
    ana.drain();
    assert_eq!(ana.sending(file.manifest.id()), Sending::Published);
}

#[test]
fn sending_and_fetching_survive_the_end_of_the_process() {
    let Pair { medium, clock, states, mut ana, mut ben } = Pair::new();
    let content = take(5);
    let file = attach(&ana, &content);
    let id = file.manifest.id();
    ana.session.send_with("listen", &[file]).unwrap();
    drain(&mut ana.driver);
    for _ in 0..2 {
        ana.carrier.turn();
    }
    drop(ana);
    let mut ana = states[0].open(&medium, &clock);
    assert_eq!(ana.sending(id), Sending::Publishing { done: 2, of: 5 });
    ana.drain();
    assert_eq!(ana.sending(id), Sending::Published);
    drain(&mut ben.driver);
    ben.session.fetch(id).unwrap();
    for _ in 0..3 {
        ben.carrier.turn();
    }
    drop(ben);
    let mut ben = states[1].open(&medium, &clock);
    assert!(ben.file(id).is_wanted);
    ben.drain();
    assert_eq!(ben.file(id).place, Place::Kept);
    assert_eq!(ben.exported(id).unwrap(), content);
}

#[test]
fn only_what_is_attached_here_is_sent() {
    let Pair { mut ana, mut ben, .. } = Pair::new();
    let file = attach(&ana, &take(3));
    let id = file.manifest.id();
    let refused = ben.session.send_with("no", std::slice::from_ref(&file));
    assert!(matches!(refused, Err(SendError::NotAttached { id: other }) if other == id), "{refused:?}");
    let refused = ana.session.send_with("twice", &[file.clone(), file.clone()]);
    assert!(matches!(refused, Err(SendError::Attachments(_))), "{refused:?}");
    let nameless = Attachment { name: String::new(), ..file.clone() };
    assert!(matches!(ana.session.send_with("no name", &[nameless]), Err(SendError::Attachments(_))));
    assert!(matches!(ben.session.fetch(id), Err(FetchError::Unknown { .. })));
    assert_eq!(ben.session.file(id).unwrap(), None);
    ana.session.send_with("once", &[file]).unwrap();
    ana.drain();
    ben.drain();
    assert_eq!(ben.session.timeline().count(), 1);
}

#[test]
fn an_original_that_changes_is_not_sent() {
    let Pair { mut ana, mut ben, .. } = Pair::new();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("take 1.wav");
    fs::write(&path, take(3)).unwrap();
    let file = ana.session.attach(&path, Keep::Original).unwrap();
    assert_eq!(file.name, "take 1.wav");
    let id = file.manifest.id();
    ana.session.send_with("listen", &[file]).unwrap();
    drain(&mut ana.driver);
    ana.carrier.turn();
    fs::write(&path, take(4)).unwrap();
    ana.drain();
    ben.drain();
    assert_eq!(ana.sending(id), Sending::Changed);
    assert_eq!(ben.file(id).place, Place::Missing { have: 1, of: 5 });
    // Whoever attaches the content again sends the rest.
    ana.session.attach_bytes(&mut &*take(3), "again").unwrap();
    ana.session.put_back(id).unwrap();
    ana.drain();
    assert_eq!(ana.sending(id), Sending::Published);
    assert_eq!(ben.exported(id).unwrap(), take(3));
}

#[test]
fn a_copy_outlives_the_original() {
    let Pair { mut ana, mut ben, .. } = Pair::new();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("take.wav");
    fs::write(&path, take(3)).unwrap();
    let file = ana.session.attach(&path, Keep::Copy).unwrap();
    fs::remove_file(&path).unwrap();
    ana.session.send_with("listen", std::slice::from_ref(&file)).unwrap();
    ana.drain();
    ben.drain();
    assert_eq!(ben.exported(file.manifest.id()).unwrap(), take(3));
}

#[test]
fn bad_input_is_named_and_keeps_nothing() {
    let Pair { ana, .. } = Pair::new();
    let dir = tempfile::tempdir().unwrap();
    let (missing, empty) = (dir.path().join("missing"), dir.path().join("empty"));
    fs::write(&empty, "").unwrap();
    for keep in [Keep::Copy, Keep::Original] {
        assert!(matches!(ana.session.attach(&missing, keep), Err(AttachError::Read { path, .. }) if path == missing));
        assert!(matches!(ana.session.attach(dir.path(), keep), Err(AttachError::NotAFile { .. })));
        assert!(matches!(ana.session.attach(&empty, keep), Err(AttachError::Size(_))));
    }
    assert_eq!(ana.session.files().unwrap(), []);
    let observed = Components::new(Box::new(MemoryMedium::default().transport()), Box::new(MemoryStore::new(None)));
    let (observer, _driver) = Session::assemble(observed).unwrap();
    assert!(matches!(observer.attach_bytes(&mut &b"x"[..], "x"), Err(AttachError::Unsupported)));
}

#[test]
fn a_quota_bounds_what_is_not_released() {
    let (medium, clock) = (MemoryMedium::default(), Arc::new(Clock::default()));
    let ana = State::new(0).open_with(&medium, &clock, |components| components.files_quota = Some(8000));
    attach(&ana, &take(3));
    attach(&ana, &take(3));
    let refused = ana.session.attach_bytes(&mut &*take(4), "more");
    assert!(matches!(refused, Err(AttachError::Quota { needed: 10_000, quota: 8000 })), "{refused:?}");
    assert_eq!(ana.session.files().unwrap().len(), 1);
}

#[test]
fn an_existing_target_is_not_overwritten() {
    let mut pair = Pair::new();
    let (id, _) = pair.sent(&take(3));
    let dir = tempfile::tempdir().unwrap();
    let target = dir.path().join("mine");
    fs::write(&target, "mine").unwrap();
    assert!(matches!(pair.ben.session.export(id, &target), Err(ExportError::Exists { .. })));
    assert_eq!(fs::read(&target).unwrap(), b"mine");
    let unknown = AttachmentId::from_bytes([9; 32]);
    assert!(matches!(pair.ben.exported(unknown), Err(ExportError::Unknown { .. })));
}

#[test]
fn small_files_are_fetched_unasked_if_so_set() {
    let Pair { medium, clock, states, mut ana, ben } = Pair::new();
    drop(ben);
    let mut ben = states[1].open_with(&medium, &clock, |components| components.fetch = Fetch::UpTo(5000));
    let (small, large) = (attach(&ana, &take(3)), attach(&ana, &[take(4), vec![0]].concat()));
    ana.session.send_with("two", &[small.clone(), large.clone()]).unwrap();
    ana.drain();
    ben.drain();
    assert_eq!(ben.file(small.manifest.id()).place, Place::Kept);
    assert_eq!(ben.file(large.manifest.id()).place, Place::Here);
    ben.session.discard(small.manifest.id()).unwrap();
    ben.drain();
    assert_eq!(ben.file(small.manifest.id()).place, Place::Here, "what was discarded is not fetched again");
}

#[test]
fn what_vanishes_is_put_back_once_and_then_on_request() {
    let mut pair = Pair::new();
    let (id, _) = pair.sent(&take(3));
    let Pair { medium, clock, mut ana, .. } = pair;
    let part = ana.session.timeline().next().unwrap().unwrap().attachments[0].manifest.part(2).unwrap();
    let mut parts = medium.transport().parts().unwrap();
    let mut vanish = |ana: &mut Member| {
        assert!(parts.remove(author(0), &part).unwrap());
        pass(&clock, Duration::from_secs(601));
        ana.drain();
        ana.drain();
        parts.look(None, &[part]).unwrap()[0]
    };
    assert_eq!(vanish(&mut ana), tempo_message::Presence::Here);
    assert_eq!(vanish(&mut ana), tempo_message::Presence::Missing);
    assert_eq!(ana.sending(id), Sending::Unwanted { parts: 1 });
    ana.session.put_back(id).unwrap();
    ana.drain();
    assert_eq!(ana.sending(id), Sending::Published);
    pass(&clock, DAY);
    ana.drain();
    assert_eq!(vanish(&mut ana), tempo_message::Presence::Here);
}

#[test]
fn a_released_file_stays_until_everybody_has_known_that_for_a_week() {
    let mut pair = Pair::new();
    let (id, _) = pair.sent(&take(3));
    let Pair { clock, mut ana, mut ben, .. } = pair;
    assert!(matches!(ben.session.release(&[id]), Err(SendError::NotAttached { .. })), "not one of hers");
    ben.session.send("I have it").unwrap();
    ben.drain();
    ana.drain();
    ana.session.release(&[id]).unwrap();
    ana.drain();
    assert_eq!(ana.sending(id), Sending::Released);
    pass(&clock, 8 * DAY);
    ana.drain();
    assert_eq!(ben.file(id).place, Place::Here, "Ben has not heard of it");
    ben.drain();
    assert!(ben.events().contains(&Event::FileReleased { author: author(0), id }));
    assert_eq!(ben.file(id).released_by, [author(0)]);
    ben.session.send("heard").unwrap();
    ben.drain();
    pass(&clock, Duration::from_secs(601));
    ana.drain();
    pass(&clock, 6 * DAY);
    ana.drain();
    assert_eq!(ben.file(id).place, Place::Here);
    pass(&clock, 2 * DAY);
    ana.drain();
    assert_eq!(ben.file(id).place, Place::Missing { have: 0, of: 5 });
    assert_eq!(ana.file(id).sending, None, "nothing is kept of it");
    assert!(matches!(ben.exported(id), Err(ExportError::Incomplete { .. })));
}

#[test]
fn a_message_after_the_release_keeps_the_file() {
    let mut pair = Pair::new();
    let (id, _) = pair.sent(&take(3));
    let Pair { clock, mut ana, mut ben, .. } = pair;
    ana.session.release(&[id]).unwrap();
    let again = ana.session.timeline().next().unwrap().unwrap().attachments;
    ana.session.send_with("no, keep it", &again).unwrap();
    ana.drain();
    ben.drain();
    ben.session.send("heard").unwrap();
    ben.drain();
    for _ in 0..6 {
        ana.drain();
        pass(&clock, 10 * DAY);
    }
    assert_eq!((ana.sending(id), ben.file(id).place), (Sending::Published, Place::Here));
    assert_eq!(ben.file(id).released_by, []);
}

#[test]
fn a_file_that_cannot_be_sent_keeps_no_other_from_it() {
    let Pair { states, clock, mut ana, .. } = Pair::new();
    let [lost, sound] = [take(3), take(4)].map(|content| attach(&ana, &content));
    states[0].shelf.remove(lost.manifest.id()).unwrap();
    ana.session.send_with("lost", std::slice::from_ref(&lost)).unwrap();
    ana.drain();
    assert!(ana.session.is_stuck() && ana.file(lost.manifest.id()).error.is_some());
    ana.session.send_with("sound", std::slice::from_ref(&sound)).unwrap();
    assert!(!ana.session.is_stuck(), "the second one has not been tried");
    for _ in 0..9 {
        ana.drain();
        pass(&clock, Duration::from_secs(601));
    }
    assert_eq!(ana.sending(sound.manifest.id()), Sending::Published);
    assert!(ana.session.is_stuck());
}

#[test]
fn what_is_discarded_while_it_is_fetched_is_fetched_anew() {
    let mut pair = Pair::new();
    let (id, _) = pair.sent(&take(3));
    let mut ben = pair.ben;
    ben.session.fetch(id).unwrap();
    for _ in 0..3 {
        ben.carrier.turn();
    }
    ben.session.discard(id).unwrap();
    ben.session.fetch(id).unwrap();
    ben.drain();
    assert_eq!(ben.file(id).place, Place::Kept);
    let mut kept = Vec::new();
    pair.states[1].shelf.open(id).unwrap().read_to_end(&mut kept).unwrap();
    assert_eq!(kept, take(3));
}

/// Between the two releases a message needed the file again, so the week begins again.
#[test]
fn a_second_release_waits_as_the_first_one_did() {
    let mut pair = Pair::new();
    let (id, _) = pair.sent(&take(3));
    let Pair { clock, mut ana, mut ben, .. } = pair;
    let heard = |ana: &mut Member, ben: &mut Member| {
        ana.drain();
        ben.drain();
        ben.session.send("heard").unwrap();
        ben.drain();
        pass(&clock, Duration::from_secs(601));
        ana.drain();
    };
    ana.session.release(&[id]).unwrap();
    heard(&mut ana, &mut ben);
    let again = ana.session.timeline().next().unwrap().unwrap().attachments;
    ana.session.send_with("no, keep it", &again).unwrap();
    heard(&mut ana, &mut ben);
    pass(&clock, 20 * DAY);
    ana.drain();
    ana.session.release(&[id]).unwrap();
    heard(&mut ana, &mut ben);
    pass(&clock, Duration::from_secs(601));
    ana.drain();
    assert_eq!(ben.file(id).place, Place::Here);
    pass(&clock, 8 * DAY);
    ana.drain();
    assert_eq!(ben.file(id).place, Place::Missing { have: 0, of: 5 });
}

/// A message of another author describes the file by other parts, of which none exists.
#[test]
fn a_liar_keeps_nobody_from_a_file() {
    let mut pair = Pair::new();
    let content = take(3);
    let mut liar = SessionCore::new(Some(author(7)));
    let plain = send(&mut liar, "mine", 0);
    let manifest = Manifest::new(AttachmentId::from_bytes(*Digest::of(&content).as_bytes()), 77, 10, Vec::new());
    let attachment = Attachment { manifest: manifest.unwrap(), name: "take".to_owned(), media_type: String::new() };
    let lie = Message { attachments: vec![attachment], ..plain.message().clone() };
    let lie = tempo_message::Frame::encode(&lie).unwrap();
    pair.medium.transport().publish(&lie, tempo_message::Durability::Durable).unwrap();
    pair.ben.drain();
    let (id, _) = pair.sent(&content);
    assert_eq!(pair.ben.file(id).named_by.len(), 2);
    assert_eq!(pair.ben.exported(id).unwrap(), content);
    pair.ben.session.fetch(id).unwrap();
    pair.ben.drain();
    assert_eq!(pair.ben.file(id).place, Place::Kept);
}
