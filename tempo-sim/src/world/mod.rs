//! Members, their disks, the service between them, and virtual time.

mod agreement;
mod app;
mod attaching;
mod carrying;
mod check;
mod copying;
mod database;
mod faults;
mod forging;
mod handle;
mod identity;
mod leaving;
mod medium;
mod member;
mod mislaying;
mod moving;
mod registry;
mod relinking;
mod retiring;
mod shelf;
mod signing;
mod store;
mod succeeding;
mod tampering;
mod theft;
mod thief;
mod torn;
mod undoing;
mod waiting;

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, BinaryHeap},
    ffi::OsString,
    sync::{Mutex, Weak},
    time::Duration,
};

use attaching::Files;
use bytes::Bytes;
pub use check::Violation;
pub use handle::{Machine, World};
use member::Member;
pub use member::{Leave, SimClock};
use registry::Registry;
use retiring::Retiring;
use signing::Keys;
pub use signing::Scheme;
pub use store::{Failing, SimStore};
use tempo_clock::AuthorId;
use tempo_message::Digest;
use tempo_session::{Packing, Session, error::SendError};
use thief::Thief;
pub use torn::StoreImage;
pub use undoing::Undoing;

use crate::{
    CALM, Counts, Disk, Hasher, Profile, Rng, Trace,
    disk::{DiskOptions, System},
    disks::count_systems,
    rule::Rule,
    service::{Service, Task},
    trace::What,
};

/// What happens in a [`World`]: its members, the service between them, and the queue of what happens next.
#[derive(Debug)]
pub(crate) struct Simulation {
    /// The world of an application's test, which its sessions let run while they wait.
    world: Weak<Mutex<Simulation>>,
    now: Duration,
    sequence: u64,
    queue: BinaryHeap<Reverse<(Duration, u64, Pending)>>,
    members: Vec<Member>,
    service: Service,
    registry: Registry,
    rng: Rng,
    hasher: Hasher,
    /// The number of times each notable event happened.
    pub(crate) counts: Counts,
    trace: Option<Box<Trace>>,
    /// The author that each new author succeeds, and whether its key was there to prove it.
    successions: BTreeMap<AuthorId, (AuthorId, bool)>,
    /// The longest part of the timeline reported as stable to a member that knew every member.
    stable: Vec<Digest>,
    /// True if the membership has been constant since the start, and no name was in use twice.
    is_membership_fixed: bool,
    retiring: Retiring,
    /// The files that any process has published.
    published: BTreeSet<(OsString, OsString)>,
    /// The departure times of the authors that have left.
    left_at: BTreeMap<AuthorId, Duration>,
    /// True if a member has returned.
    has_returned: bool,
    torn_restarts: u32,
    /// The time at which the service last changed something on a disk.
    served_at: Duration,
    violation: Option<Violation>,
    /// The time since which sessions have waited for anything without a limit, and nothing was asked of the world.
    patient_since: Option<Duration>,
    scheme: Scheme,
    thief: Option<Box<Thief>>,
    files: Option<Box<Files>>,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Pending {
    Turn(usize),
    /// A member's carrier moves parts of files.
    Carry(usize),
    Service(Task),
    Start(usize),
    /// Something undoes what the member has written.
    Undo(usize),
    /// The thief writes something.
    Thieve,
}

/// The contents of a member's folder at some moment.
#[derive(Debug, Clone)]
pub struct Snapshot {
    files: Vec<(OsString, OsString, Bytes)>,
}

/// The most turns in a row that ask for another turn at once. More are an endless loop.
const RESTLESS: u32 = 2000;

impl Simulation {
    /// Creates a world from a seed, with no members yet and an ideal service.
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            world: Weak::new(),
            now: Duration::ZERO,
            sequence: 0,
            queue: BinaryHeap::new(),
            members: Vec::new(),
            service: Service::new(CALM, Vec::new(), Rng::new(seed)),
            registry: Registry::default(),
            rng: Rng::new(seed),
            hasher: Hasher::new(seed),
            counts: Counts::default(),
            trace: None,
            successions: BTreeMap::new(),
            stable: Vec::new(),
            is_membership_fixed: true,
            retiring: Retiring::default(),
            published: BTreeSet::new(),
            left_at: BTreeMap::new(),
            has_returned: false,
            torn_restarts: 0,
            served_at: Duration::ZERO,
            violation: None,
            patient_since: None,
            scheme: Scheme::Plain,
            thief: None,
            files: None,
        }
    }

    /// Replaces the service, before there are members.
    pub(crate) fn set_profile(&mut self, profile: Profile) {
        self.service = Service::new(profile, Vec::new(), Rng::new(0));
    }

    /// Sets how members sign, before there are any.
    pub(crate) fn set_signing(&mut self, scheme: Scheme) {
        self.scheme = scheme;
    }

    /// Adds members with these disks, and starts them.
    pub(crate) fn add_members(&mut self, members: usize, mut options: impl FnMut(&mut Rng) -> DiskOptions) {
        const NAMES: [&str; 8] = ["Ana", "Ben", "Cleo", "Dora", "Emil", "Fay", "Gus", "Hana"];
        let (rng, scheme) = (&mut self.rng, self.scheme);
        let disks: Vec<Disk> = (0..members).map(|_| Disk::new(options(rng), rng.fork())).collect();
        let systems: Vec<System> = disks.iter().map(|disk| disk.options().system).collect();
        count_systems(&systems, &mut self.counts);
        let members: Vec<Member> = disks
            .iter()
            .enumerate()
            .map(|(number, disk)| {
                let keys = Keys::default();
                let author = keys.new_author(scheme, rng);
                let name = NAMES.get(number).map_or_else(|| format!("M{number}"), |name| (*name).to_owned());
                Member::new(author, name, disk.clone(), rng.fork()).signing(scheme, keys)
            })
            .collect();
        let machines = members.iter().map(|member| (member.disk.clone(), OsString::from(member.author.to_string())));
        self.service = Service::new(self.service.profile().clone(), machines.collect(), rng.fork());
        self.members = members;
        for member in 0..self.members.len() {
            self.start(member);
        }
    }

    /// Records the trace of the run from now on, with the command that reproduces it.
    pub(crate) fn record(&mut self, seed: u64, command: String) {
        self.trace = Some(Box::new(Trace {
            seed,
            command,
            profile: self.service.profile().name.to_owned(),
            members: self.members.iter().map(|member| member.name.clone()).collect(),
            ..Trace::default()
        }));
    }

    /// Returns a member's session, or `None` while the member is down or its application has closed the session.
    pub(crate) fn session(&self, member: usize) -> Option<&Session> {
        self.members.get(member)?.session()
    }

    /// Returns a member.
    pub(crate) fn member(&self, member: usize) -> Option<&Member> {
        self.members.get(member)
    }

    /// Returns the number of members.
    pub(crate) fn len(&self) -> usize {
        self.members.len()
    }

    /// Returns the virtual time since the start of the run.
    pub(crate) fn now(&self) -> Duration {
        self.now
    }

    /// Returns a hash of everything that has happened.
    pub(crate) fn hash(&self) -> u64 {
        self.hasher.value()
    }

    /// Adds a fault. Rules are asked in the order of their addition.
    pub(crate) fn rule(&mut self, rule: impl Rule + 'static) {
        self.service.rules.add(rule);
    }

    /// Lets a member send a message, if it is running.
    ///
    /// # Errors
    ///
    /// Fails as [`Session::send`] does.
    pub(crate) fn send(&mut self, member: usize, text: &str) -> Result<(), SendError> {
        let Some(session) = self.session(member) else { return Ok(()) };
        let sent = session.send(text).map(|_| ());
        // A member whose commit failed permanently has crashed, so only a full store can cause an error here.
        if matches!(sent, Err(SendError::StoreFailed)) {
            self.fail(Violation::new("I15", format!("{} never sends again", self.name_of(member))));
        }
        self.notice_sent(member);
        self.turn_soon(member, Duration::from_micros(50));
        self.look_after(member);
        sent
    }

    /// Cuts the power of a member's machine. It restarts after `back_after`.
    pub(crate) fn crash(&mut self, member: usize, back_after: Duration) {
        let Some(there) = self.members.get_mut(member) else { return };
        if there.running.is_none() && !there.is_closed {
            return;
        }
        there.is_closed = false;
        there.turn_at = None;
        // The crash must come before the session is dropped, so that dropping cannot complete anything.
        there.disk.crash();
        there.store.crash(&mut self.rng);
        if let Some(attaching) = &there.attaching {
            attaching.shelf.crash(&mut self.rng);
        }
        if let Some(running) = there.running.take() {
            running.end();
        }
        self.counts.add("crash");
        self.tell(member, What::Crash);
        // The service resumes its work on that machine when it is back; its client then looks at the disk.
        self.push(back_after, Pending::Start(member));
    }

    /// Ends a member's process in an orderly way and restarts it.
    pub(crate) fn restart(&mut self, member: usize) {
        self.look_after(member);
        self.stop(member);
        self.start(member);
    }

    /// Disconnects a member from the service, or reconnects it.
    pub(crate) fn set_offline(&mut self, member: usize, offline: bool) {
        if let Some(there) = self.members.get_mut(member)
            && there.offline != offline
        {
            there.offline = offline;
            self.service.set_offline(member, offline);
            self.counts.add("offline");
            self.tell(member, if offline { What::Offline } else { What::Online });
            self.plan_service();
        }
    }

    /// Unmounts or mounts the folder of a member.
    pub(crate) fn set_unmounted(&mut self, member: usize, unmounted: bool) {
        let Some(there) = self.members.get(member) else { return };
        if there.disk.is_unmounted() == unmounted {
            return;
        }
        if unmounted {
            there.disk.unmount();
            self.counts.add("unmounted");
        } else {
            there.disk.mount();
        }
        self.tell(member, if unmounted { What::Unmounted } else { What::Mounted });
    }

    /// Restarts all sessions so that they compare their own messages with the folder only when they open.
    pub(crate) fn without_scrubbing(&mut self) {
        for member in 0..self.members.len() {
            self.stop(member);
            if let Some(there) = self.members.get_mut(member) {
                there.scrub = None;
            }
            self.start(member);
        }
    }

    /// Restarts all members so that they pack their own messages.
    pub(crate) fn with_packing(&mut self, packing: Packing) {
        for member in 0..self.members.len() {
            self.stop(member);
            if let Some(there) = self.members.get_mut(member) {
                there.packing = Some(packing);
            }
            self.start(member);
        }
    }

    /// Restarts all members with the real database on a simulated medium.
    pub(crate) fn with_databases(&mut self) {
        self.counts.add("real database");
        for member in 0..self.members.len() {
            self.stop(member);
            if let Some(there) = self.members.get_mut(member) {
                there.store = SimStore::new(there.author);
                there.store.use_database();
            }
            self.start(member);
        }
    }

    /// Sets how many in a thousand restarting machines soon lose power again, perhaps before they have recovered.
    pub(crate) fn tear_restarts(&mut self, per_mille: u32) {
        self.torn_restarts = per_mille;
    }

    /// Counts and records a fault that a member suffered from outside.
    pub(crate) fn note_fault(&mut self, member: usize, count: &'static str, what: &str) {
        self.counts.add(count);
        self.tell(member, What::Fault(what.to_owned()));
    }

    /// Lets time pass.
    ///
    /// # Errors
    ///
    /// Returns a [`Violation`] if an invariant is violated. The world does not advance after that.
    pub(crate) fn run_for(&mut self, time: Duration) -> Result<(), Violation> {
        let end = self.now + time;
        self.patient_since = None;
        while let Some(Reverse((at, ..))) = self.queue.peek() {
            if *at > end {
                break;
            }
            self.step()?;
        }
        self.set_now(end);
        self.verdict()
    }

    /// Ends all faults, restarts every member, lets the service carry everything, and checks that all members agree.
    ///
    /// # Errors
    ///
    /// Returns a [`Violation`] if an invariant is violated, or if a member still lacks something in the end.
    pub(crate) fn rest(&mut self) -> Result<(), Violation> {
        self.come_to_rest()?;
        self.rest_again()
    }

    /// Does what [`rest`](Self::rest) does, without restarting the members that run. The checks must hold if nothing
    /// but the service has touched a member's files.
    ///
    /// # Errors
    ///
    /// Fails as [`rest`](Self::rest) does.
    pub(crate) fn rest_running(&mut self) -> Result<(), Violation> {
        self.come_to_rest()?;
        self.conclude()
    }

    /// Restarts every member once all are at rest, because an author repairs its files when it starts.
    pub(crate) fn rest_again(&mut self) -> Result<(), Violation> {
        for member in 0..self.members.len() {
            self.stop(member);
            self.start(member);
        }
        self.quiesce()?;
        self.talk_of_the_thief()?;
        let staged = self.present().find_map(|member| check::nothing_is_staged(member).err());
        if let Some(violation) = staged {
            self.fail(violation);
        }
        self.conclude()
    }

    fn come_to_rest(&mut self) -> Result<(), Violation> {
        self.end_faults();
        if self.has_departed() {
            self.chat()?;
            self.retire_departed();
        }
        self.quiesce()?;
        if self.reunite() {
            self.quiesce()?;
        }
        self.settle_files()?;
        self.talk_of_the_thief()
    }

    /// Returns the trace, if it was recorded.
    pub(crate) fn take_trace(&mut self) -> Option<Trace> {
        let mut trace = *self.trace.take()?;
        trace.messages = self.registry.in_order.iter().filter_map(|digest| self.story_of(digest)).collect();
        let timeline = self.registry.timeline();
        trace.timeline =
            timeline.iter().filter_map(|digest| self.registry.known(digest)).map(|known| known.number).collect();
        trace.failure = self.violation.as_ref().map(ToString::to_string);
        Some(trace)
    }
}
