//! Idle polls: scanning a folder without changes.

use std::{fs::File, path::Path, time::Duration};

use tempo_clock::Seen;
use tempo_fs_transport::{FsTransport, Options};
use tempo_message::{Arrival, Budget, CollectRequest, Disposition, Transport};
use tempo_session::{
    Session,
    components::{Components, Driver, Turn},
    store::MemoryStore,
};

use crate::{
    Lab, floor,
    history::write_files,
    join::thousands,
    ours,
    rounds::{Variant, each_of, interleave, rest, time},
    table::{Bound, FLAT, Row, Unit},
};

pub(crate) const KEYS: &[&str] = &["poll"];

/// The number of polls in one round.
const TURNS: u32 = 200;
/// A directory is listed at every scan for this long after a change, because its times may be coarse.
pub(crate) const CALMING: Duration = Duration::from_millis(2600);

/// Returns the rows of a small and a large folder of files.
pub(crate) fn rows(lab: &mut Lab) -> Vec<Row> {
    let (sizes, rounds) = lab.options.pick(([250, 100_000, 250_000], 25), ([250, 5000, 25_000], 7));
    let mut variants = Vec::new();
    for messages in sizes {
        let folder = lab.volume.folder("poll");
        write_files(&folder, messages);
        let mut looker = Looker::new(&folder, messages);
        let mut idle = Idle::new(&folder, messages);
        let directories = ours::directories(&folder);
        let opened: Vec<File> = directories.iter().map(|dir| File::open(dir).expect("it is there")).collect();
        variants.push(Variant::new(format!("turn {messages}"), move || idle.turn()));
        variants.push(Variant::new(format!("collect {messages}"), move || each_of(TURNS, || looker.look())));
        variants.push(Variant::new(format!("fstat {messages}"), move || each_of(TURNS, || floor::stat_each(&opened))));
        variants.push(Variant::new(format!("listing {messages}"), move || {
            let list = |dir| std::fs::read_dir(dir).expect("it is there").count();
            let (took, listed) = time(|| directories.iter().map(list).sum::<usize>());
            assert_eq!(listed, messages);
            took
        }));
    }
    lab.volume.sync();
    rest(CALMING);
    variants.iter_mut().for_each(Variant::warm_up);
    let measured = interleave(rounds, variants);
    let of = |what: &str, messages: usize| measured.of(&format!("{what} {messages}")).clone();
    let [small, middle, large] = sizes;
    let shown = format!("idle poll of {} files", thousands(middle));
    vec![
        Row::new("poll", shown, Unit::Nanoseconds, of("turn", middle))
            .floor(Bound::shown("fstat of four directories", of("fstat", middle)))
            .peer(Bound::shown("listing four directories", of("listing", middle)))
            .also("the transport alone", of("collect", middle))
            .note("a turn of the driver; once in 30 s every directory is listed"),
        Row::flat(
            "poll",
            "idle poll",
            FLAT,
            (&thousands(large), of("turn", large)),
            (&thousands(small), of("turn", small)),
        ),
    ]
}

/// A session that has all messages, and whose driver is turned by hand.
#[derive(Debug)]
pub(crate) struct Idle {
    driver: Driver,
    /// The session ends with its last handle.
    _session: Session,
}

impl Idle {
    /// Observes a folder.
    pub(crate) fn new(folder: &Path, messages: usize) -> Self {
        let components = Components::new(Box::new(looking_on(folder)), Box::new(MemoryStore::new(None)));
        let (session, mut driver) = Session::assemble(components).expect("the store is empty");
        while driver.turn() == Turn::Again || session.timeline().len() < messages {}
        Self { driver, _session: session }
    }

    /// Returns the time of one turn.
    pub(crate) fn turn(&mut self) -> f64 {
        while self.driver.turn() == Turn::Again {}
        each_of(TURNS, || assert!(matches!(self.driver.turn(), Turn::Wait(_))))
    }
}

fn looking_on(folder: &Path) -> FsTransport {
    let mut options = Options::default();
    options.read_only = true;
    FsTransport::open(folder, &options).expect("the folder is there")
}

/// A transport whose user knows all messages.
struct Looker {
    transport: FsTransport,
    known: Seen,
}

impl Looker {
    fn new(folder: &Path, messages: usize) -> Self {
        let mut looker = Self { transport: looking_on(folder), known: Seen::default() };
        let mut taken = 0;
        while taken < messages {
            taken += looker.look();
        }
        looker
    }

    /// Collects; returns the number of messages.
    fn look(&mut self) -> usize {
        let mut met = Vec::new();
        let budget = Budget { frames: 1024, bytes: 8 * 1024 * 1024 };
        let want = CollectRequest { known: &self.known, own: None, recheck: &[], full: false, budget };
        let mut take = |arrival| {
            if let Arrival::Frame(frame) = arrival {
                met.push(frame.id());
            }
            Disposition::Known
        };
        self.transport.collect(&want, &mut take).expect("the folder is there");
        met.iter().filter(|id| self.known.insert(id.author, id.counter)).count()
    }
}
