//! Members, their disks, the service between them, and virtual time.

mod agreement;
mod app;
mod check;
mod copying;
mod database;
mod identity;
mod leaving;
mod medium;
mod member;
mod moving;
mod registry;
mod store;
mod torn;

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, BinaryHeap},
    ffi::{OsStr, OsString},
    time::Duration,
};

use bytes::Bytes;
pub use check::Violation;
pub use member::{Leave, Member, SimClock};
use registry::Registry;
pub use store::{Failing, SimStore};
use tempo_clock::AuthorId;
use tempo_message::{CounterName, Digest};
use tempo_session::{Packing, Session, error::SendError};
pub use torn::StoreImage;
use uuid::Uuid;

use crate::{
    CALM, Counts, Disk, Hasher, Profile, Rng, Trace,
    disk::{Change, DiskOptions, System},
    disks::count_systems,
    rule::Rule,
    service::{Service, Task},
    trace::What,
};

/// A simulated session: real sessions and real folder code on simulated disks, in virtual time.
///
/// Everything that happens follows from the seed and from what you do. After every step the invariants are checked;
/// a broken one is an error of the call that let time pass.
///
/// ```
/// use tempo_sim::{DROPBOX, World};
///
/// let mut world = World::new(7).profile(DROPBOX).members(3);
/// world.session(0).unwrap().send("hello").unwrap();
/// world.rest().unwrap();
/// assert_eq!(world.session(2).unwrap().timeline().len(), 1);
/// ```
#[derive(Debug)]
pub struct World {
    now: Duration,
    sequence: u64,
    queue: BinaryHeap<Reverse<(Duration, u64, Pending)>>,
    members: Vec<Member>,
    service: Service,
    registry: Registry,
    rng: Rng,
    hasher: Hasher,
    /// How often interesting things happened.
    pub counts: Counts,
    trace: Option<Box<Trace>>,
    /// Who has taken whose place.
    successions: BTreeMap<AuthorId, AuthorId>,
    /// The longest part of the timeline that somebody who knew everybody was told to be stable.
    stable: Vec<Digest>,
    /// Nobody has joined or left since the beginning, and no name was in use twice.
    is_membership_fixed: bool,
    /// The files that some process has published.
    published: BTreeSet<(OsString, OsString)>,
    /// When each author went that did.
    left_at: BTreeMap<AuthorId, Duration>,
    /// Somebody was gone for a while.
    has_returned: bool,
    torn_restarts: u32,
    /// When the service last changed something on a disk.
    served_at: Duration,
    violation: Option<Violation>,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Pending {
    Turn(usize),
    Service(Task),
    Start(usize),
}

/// What a member's folder held at some moment.
#[derive(Debug, Clone)]
pub struct Snapshot {
    files: Vec<(OsString, OsString, Bytes)>,
}

/// More turns in a row that all want to go on at once are a loop without end.
const RESTLESS: u32 = 2000;

impl World {
    /// A world from a seed, with nobody in it yet and a service as one would wish it.
    pub fn new(seed: u64) -> Self {
        Self {
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
            published: BTreeSet::new(),
            left_at: BTreeMap::new(),
            has_returned: false,
            torn_restarts: 0,
            served_at: Duration::ZERO,
            violation: None,
        }
    }

    /// Over this service instead. Comes before the members.
    #[must_use]
    pub fn profile(mut self, profile: Profile) -> Self {
        self.service = Service::new(profile, Vec::new(), Rng::new(0));
        self
    }

    /// With so many members, all of them running.
    #[must_use]
    pub fn members(self, members: usize) -> Self {
        self.members_with_disks(members, |_| DiskOptions::default())
    }

    /// The same, with a disk of your choice for each member.
    #[must_use]
    pub fn members_with_disks(mut self, members: usize, mut options: impl FnMut(&mut Rng) -> DiskOptions) -> Self {
        const NAMES: [&str; 8] = ["Ana", "Ben", "Cleo", "Dora", "Emil", "Fay", "Gus", "Hana"];
        let rng = &mut self.rng;
        let disks: Vec<Disk> = (0..members).map(|_| Disk::new(options(rng), rng.fork())).collect();
        let systems: Vec<System> = disks.iter().map(|disk| disk.options().system).collect();
        count_systems(&systems, &mut self.counts);
        let members: Vec<Member> = disks
            .iter()
            .enumerate()
            .map(|(number, disk)| {
                let author = AuthorId::new(Uuid::from_u64_pair(rng.next(), rng.next()));
                let name = NAMES.get(number).map_or_else(|| format!("M{number}"), |name| (*name).to_owned());
                Member::new(author, name, disk.clone(), rng.fork())
            })
            .collect();
        let machines = members.iter().map(|member| (member.disk.clone(), OsString::from(member.author.to_string())));
        self.service = Service::new(self.service.profile().clone(), machines.collect(), rng.fork());
        self.members = members;
        for member in 0..self.members.len() {
            self.start(member);
        }
        self
    }

    /// Keeps the story of the run from here on, with the command that repeats it.
    pub fn record(&mut self, seed: u64, command: String) {
        self.trace = Some(Box::new(Trace {
            seed,
            command,
            profile: self.service.profile().name.to_owned(),
            members: self.members.iter().map(|member| member.name.clone()).collect(),
            ..Trace::default()
        }));
    }

    /// A member's session, unchanged from what an application uses; `None` while the member is down.
    ///
    /// Its events are taken by the world, which plays the application; read the timeline.
    pub fn session(&self, member: usize) -> Option<&Session> {
        self.members.get(member)?.session()
    }

    /// A member.
    pub fn member(&self, member: usize) -> Option<&Member> {
        self.members.get(member)
    }

    /// How many members there are.
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether there is nobody.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// Virtual time since the beginning.
    pub fn now(&self) -> Duration {
        self.now
    }

    /// A number that depends on everything that has happened.
    pub fn hash(&self) -> u64 {
        self.hasher.value()
    }

    /// Adds a fault. Rules are asked in the order in which they were added.
    pub fn rule(&mut self, rule: impl Rule + 'static) {
        self.service.rules.add(rule);
    }

    /// Lets a member send a message, if it runs.
    ///
    /// # Errors
    ///
    /// As for [`Session::send`].
    pub fn send(&mut self, member: usize, text: &str) -> Result<(), SendError> {
        let Some(session) = self.session(member) else { return Ok(()) };
        let sent = session.send(text).map(|_| ());
        // Whose commit failed for good has crashed; only a full store is left.
        if matches!(sent, Err(SendError::StoreFailed)) {
            self.fail(Violation::new("I15", format!("{} never sends again", self.name_of(member))));
        }
        self.notice_sent(member);
        self.turn_soon(member, Duration::from_micros(50));
        self.look_after(member);
        sent
    }

    /// The power of a member's machine is lost; it starts again after a while.
    pub fn crash(&mut self, member: usize, back_after: Duration) {
        let Some(there) = self.members.get_mut(member) else { return };
        if there.running.is_none() {
            return;
        }
        there.turn_at = None;
        // Before the session is dropped: what it would still put in order must not happen.
        there.disk.crash();
        there.store.crash(&mut self.rng);
        there.running = None;
        self.counts.add("crash");
        self.tell(member, What::Crash);
        // Whatever the service was doing on that machine goes on once it is back; a client looks at its disk then.
        self.push(back_after, Pending::Start(member));
    }

    /// A member's process ends in an orderly way and starts again.
    pub fn restart(&mut self, member: usize) {
        self.look_after(member);
        self.stop(member);
        self.start(member);
    }

    /// The service does not reach a member, or reaches it again.
    pub fn set_offline(&mut self, member: usize, offline: bool) {
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

    /// The folder of a member is away, or there again.
    pub fn set_unmounted(&mut self, member: usize, unmounted: bool) {
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

    /// Somebody at a member's machine removes a file, or with no name a whole directory, of anybody.
    pub fn delete(&mut self, member: usize, dir: &OsStr, name: Option<&OsStr>) {
        // A placeholder is the file that it stands for.
        self.service.hydrate_all(member);
        let Some(there) = self.members.get(member) else { return };
        let files = there.disk.files();
        let gone: Vec<_> =
            files.into_iter().filter(|(d, n, _)| d == dir && name.is_none_or(|name| n == name)).collect();
        match name {
            Some(name) => drop(there.disk.remove(dir, name)),
            None => drop(there.disk.remove_dir(dir)),
        }
        let changes = gone.into_iter().map(|(dir, name, _)| Change { dir, name }).collect();
        self.service.changed(member, changes);
        self.plan_service();
        self.turn_soon(member, Duration::from_millis(5));
    }

    /// Somebody at a member's machine gives a file of anybody another content, if it is there.
    pub fn overwrite(&mut self, member: usize, dir: &OsStr, name: &OsStr, content: Bytes) {
        // A placeholder is the file that it stands for, and nothing to be written over.
        self.service.hydrate_all(member);
        if self.members.get(member).is_none_or(|there| there.disk.read(dir, name).is_none()) {
            return;
        }
        // In another piece of the folder it has that piece's name before.
        let dir_name = dir.to_string_lossy();
        let dir_name = dir_name.rsplit('/').next().unwrap_or_default();
        for owner in &mut self.members {
            let mut authors = owner.former.iter().chain([&owner.author]);
            owner.is_overwritten |= authors.any(|author| dir_name.starts_with(&author.to_string()));
        }
        let Some(there) = self.members.get(member) else { return };
        there.disk.disturb();
        there.disk.put(dir, name, content);
        self.service.changed(member, vec![Change { dir: dir.to_owned(), name: name.to_owned() }]);
        self.plan_service();
        self.turn_soon(member, Duration::from_millis(5));
    }

    /// Somebody at a member's machine, or its service, puts something under the name of the member's next message.
    pub fn forestall(&mut self, member: usize, content: Bytes) {
        let Some(there) = self.members.get_mut(member) else { return };
        let own = there.store.sent().into_iter().map(|frame| frame.id()).filter(|id| id.author == there.author);
        let last = own.map(|id| id.counter).max().unwrap_or_default();
        let (dir, name) = (there.author.to_string(), CounterName::new(last + 1));
        there.is_overwritten = true;
        // It goes beside that, and is looked for in the end.
        self.published.insert((OsString::from(&dir), OsString::from(name.as_str())));
        let change = Change { dir: OsString::from(dir), name: OsString::from(name.as_str()) };
        there.disk.disturb();
        there.disk.put(&change.dir, &change.name, content);
        self.service.changed(member, vec![change]);
        self.plan_service();
    }

    /// What lies in a member's folder now.
    pub fn snapshot(&self, member: usize) -> Snapshot {
        let files = self.members.get(member).map(|there| there.disk.files()).unwrap_or_default();
        // Placeholders are the service's own.
        Snapshot { files: files.into_iter().filter(|(_, name, _)| !self.service.is_placeholder(name)).collect() }
    }

    /// Somebody puts a member's whole folder back to what it was, with a service's rewind or from a backup.
    pub fn roll_back(&mut self, member: usize, to: &Snapshot) {
        let Some(there) = self.members.get(member) else { return };
        there.disk.disturb();
        let mut changes = Vec::new();
        let files = there.disk.files().into_iter().filter(|(_, name, _)| !self.service.is_placeholder(name));
        for (dir, name, content) in files {
            if !to.files.contains(&(dir.clone(), name.clone(), content)) {
                there.disk.remove(&dir, &name);
                changes.push(Change { dir, name });
            }
        }
        for (dir, name, content) in &to.files {
            if there.disk.read(dir, name).as_ref() != Some(content) {
                there.disk.put(dir, name, content.clone());
                changes.push(Change { dir: dir.clone(), name: name.clone() });
            }
        }
        self.service.changed(member, changes);
        self.plan_service();
        self.turn_soon(member, Duration::from_millis(5));
    }

    /// Everything that was ever removed for everybody comes back, from a member's machine.
    pub fn resurrect(&mut self, member: usize) {
        self.service.resurrect(member);
        self.members.iter().for_each(|there| there.disk.disturb());
        self.plan_service();
        self.turn_soon(member, Duration::from_millis(5));
    }

    /// Lets sessions that start from here on compare their own messages with the folder only when they are opened.
    pub fn without_scrubbing(&mut self) {
        for member in 0..self.members.len() {
            self.stop(member);
            if let Some(there) = self.members.get_mut(member) {
                there.scrub = None;
            }
            self.start(member);
        }
    }

    /// Lets the members that start from here on pack their own messages.
    pub fn with_packing(&mut self, packing: Packing) {
        for member in 0..self.members.len() {
            self.stop(member);
            if let Some(there) = self.members.get_mut(member) {
                there.packing = Some(packing);
            }
            self.start(member);
        }
    }

    /// Gives the members that start from here on the real database, on a simulated medium.
    pub fn with_databases(&mut self) {
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

    /// Of a thousand machines that start again, so many lose power again soon, perhaps before they have recovered.
    pub fn tear_restarts(&mut self, per_mille: u32) {
        self.torn_restarts = per_mille;
    }

    /// Tells the story that something was done to a member from outside.
    pub fn note_fault(&mut self, member: usize, count: &'static str, what: &str) {
        self.counts.add(count);
        self.tell(member, What::Fault(what.to_owned()));
    }

    /// Lets time pass.
    ///
    /// # Errors
    ///
    /// [`Violation`] when an invariant breaks; the world stands still from then on.
    pub fn run_for(&mut self, time: Duration) -> Result<(), Violation> {
        let end = self.now + time;
        while let Some(Reverse((at, ..))) = self.queue.peek() {
            if *at > end {
                break;
            }
            self.step()?;
        }
        self.set_now(end);
        self.verdict()
    }

    /// Ends all faults, starts everybody again, lets the service carry everything, and checks that all agree.
    ///
    /// # Errors
    ///
    /// [`Violation`] when an invariant breaks, or when somebody lacks something in the end.
    pub fn rest(&mut self) -> Result<(), Violation> {
        self.come_to_rest()?;
        self.rest_again()
    }

    /// As [`settle`](Self::rest), without starting anybody again who runs: what must hold when nothing has touched
    /// anybody's files but the service.
    ///
    /// # Errors
    ///
    /// As for [`settle`](Self::rest).
    pub fn rest_running(&mut self) -> Result<(), Violation> {
        self.come_to_rest()?;
        self.conclude()
    }

    /// Starts everybody again after all are at rest: that is when an author puts right what has become of its files.
    pub(crate) fn rest_again(&mut self) -> Result<(), Violation> {
        for member in 0..self.members.len() {
            self.stop(member);
            self.start(member);
        }
        self.quiesce()?;
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
        }
        self.quiesce()?;
        if self.reunite() { self.quiesce() } else { Ok(()) }
    }

    /// The story, when it was recorded.
    pub fn into_trace(mut self) -> Option<Trace> {
        let mut trace = *self.trace.take()?;
        trace.messages = self.registry.in_order.iter().filter_map(|digest| self.story_of(digest)).collect();
        let timeline = self.registry.timeline();
        trace.timeline =
            timeline.iter().filter_map(|digest| self.registry.known(digest)).map(|known| known.number).collect();
        trace.failure = self.violation.map(|violation| violation.to_string());
        Some(trace)
    }
}
