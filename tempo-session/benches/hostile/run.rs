//! One scenario: a member, an honest author, and an attacker that floods the folder.

use std::{
    fs,
    path::Path,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use tempo_fs_transport::{FsTransport, Installation, Options};
use tempo_message::conformance::Script;
use tempo_session::{
    Session,
    components::Components,
    store::{Marks, RedbStore},
};

use crate::{
    memory,
    probe::Probe,
    scans::{Counted, Scans},
    scenario::{Scenario, folder},
};

/// Far more than anything measured here.
const STUCK: Duration = Duration::from_secs(600);
/// The honest author pauses, because a directory of more than a thousand names is listed less
/// often, whichever author filled it.
const PAUSE: Duration = Duration::from_millis(100);
/// The number of the honest author's messages that are awaited after the flood.
const AFTERWARDS: usize = 10;

/// The figures of a scenario.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Outcome {
    pub(crate) memory_mib: f64,
    pub(crate) status_ms: f64,
    pub(crate) timeline_ms: f64,
    pub(crate) poll_ms: f64,
    pub(crate) send_ms: f64,
    pub(crate) sync_ms: f64,
    pub(crate) delay: u64,
    pub(crate) scans: u64,
}

impl Outcome {
    pub(crate) fn to_line(self) -> String {
        let Self { memory_mib, status_ms, timeline_ms, poll_ms, send_ms, sync_ms, delay, scans } = self;
        format!("{memory_mib} {status_ms} {timeline_ms} {poll_ms} {send_ms} {sync_ms} {delay} {scans}")
    }

    pub(crate) fn from_line(line: &str) -> Option<Self> {
        let mut words = line.split_whitespace();
        let mut figure = || words.next()?.parse::<f64>().ok();
        Some(Self {
            memory_mib: figure()?,
            status_ms: figure()?,
            timeline_ms: figure()?,
            poll_ms: figure()?,
            send_ms: figure()?,
            sync_ms: figure()?,
            delay: figure()? as u64,
            scans: figure()? as u64,
        })
    }
}

/// Opens a session, floods its folder, and measures until everything has arrived.
pub(crate) fn run(scenario: Scenario, size: usize, root: &Path) -> Outcome {
    let scans = Arc::new(Scans::default());
    let session = open(root, &scans);
    let mut honest = Honest::new(root, &scans);
    honest.say();
    session.refresh(STUCK).expect("the folder is there");
    let idle = memory::resident_kib();

    let probe = Probe::start(session.clone(), root.join("scratch"));
    let flood = {
        let root = root.to_owned();
        thread::spawn(move || scenario.flood(&root, size))
    };
    let mut delay = 0;
    while !flood.is_finished() {
        delay = delay.max(honest.say());
        thread::sleep(PAUSE); // deadline loop: until the flood has ended
    }
    flood.join().expect("the disk has room");
    for _ in 0..AFTERWARDS {
        delay = delay.max(honest.say());
    }
    let began = Instant::now();
    while session.timeline().len() < honest.said + scenario.messages(size) {
        assert!(began.elapsed() < STUCK, "not everything arrives: {} messages", session.timeline().len());
        session.refresh(STUCK).expect("the folder is there");
    }
    let longest = probe.stop();
    session.refresh(STUCK).expect("the folder is there");
    assert_eq!(session.timeline().len(), honest.said + longest.sent + scenario.messages(size));
    let peak = memory::peak_kib();
    Outcome {
        memory_mib: memory::mib(peak.saturating_sub(idle)),
        status_ms: ms(longest.status),
        timeline_ms: ms(longest.timeline),
        poll_ms: ms(longest.poll),
        send_ms: ms(longest.send),
        sync_ms: ms(longest.sync),
        delay,
        scans: scans.begun(),
    }
}

/// Opens a member as an application does, apart from the counting.
fn open(root: &Path, scans: &Arc<Scans>) -> Session {
    let installation =
        Installation::find_or_create(&root.join("state"), &folder(root), None).expect("a new installation");
    let mut options = Options::default();
    options.staging = Some(installation.staging());
    let inner = FsTransport::open(&folder(root), &options).expect("the folder is there");
    let marks = Marks::new(Some(installation.author));
    let store = RedbStore::make(&installation.store(), installation.author, marks).expect("a new store");
    let components = Components {
        scrub: Some(Duration::from_secs(30)),
        snapshot_after: Some(1024),
        ..Components::new(Box::new(Counted { inner, scans: Arc::clone(scans) }), Box::new(store))
    };
    let (session, driver) = Session::assemble(components).expect("the store is new");
    thread::spawn(move || driver.run());
    session
}

/// An author that writes each message after the previous one has arrived.
struct Honest<'a> {
    root: &'a Path,
    scans: &'a Scans,
    script: Script,
    said: usize,
}

impl<'a> Honest<'a> {
    fn new(root: &'a Path, scans: &'a Scans) -> Self {
        let script = Script::new(1);
        fs::create_dir(folder(root).join(script.author().to_string())).expect("the folder is there");
        scans.watch(script.author());
        Self { root, scans, script, said: 0 }
    }

    /// Sends a message. Returns how many scans began after it was in the folder and before the scan
    /// that brought it.
    fn say(&mut self) -> u64 {
        let frame = self.script.next(b"is anybody there?");
        let staged = self.root.join("staged");
        fs::write(&staged, frame.bytes()).expect("the disk has room");
        fs::rename(&staged, folder(self.root).join(frame.id().to_string())).expect("the folder is there");
        let before = self.scans.begun();
        let arrived = self.scans.wait_for(frame.id(), STUCK).expect("an honest message arrives");
        self.said += 1;
        arrived.saturating_sub(before)
    }
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
