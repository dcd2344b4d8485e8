//! Members, their disks, the service between them, and virtual time.

mod check;
mod member;
mod registry;
mod store;

use std::{
    cmp::Reverse,
    collections::{BTreeSet, BinaryHeap},
    ffi::{OsStr, OsString},
    time::Duration,
};

use bytes::Bytes;
pub use check::Violation;
use check::{Heard, listen};
pub use member::{Member, SimClock};
use registry::Registry;
pub use store::{Failing, SimStore};
use tempo_clock::AuthorId;
use tempo_fs_transport::{DirName, FileName};
use tempo_message::{Digest, MessageId};
use tempo_session::{SendError, Session, Turn};
use uuid::Uuid;

use crate::{
    Counts, Disk, Hasher, Profile, Rng, Trace,
    disk::{Change, DiskOptions},
    rule::Rule,
    service::{Service, Task, Told},
    trace::{Sent, Step, What},
};

/// A simulated session: real sessions and real folder code on simulated disks, in virtual time.
///
/// Everything that happens follows from the seed and from what you do. After every step the invariants are checked;
/// a broken one is an error of the call that let time pass.
///
/// ```
/// use tempo_sim::{Profile, World};
///
/// let mut world = World::new(7, Profile::named("dropbox").unwrap(), 3);
/// world.session(0).unwrap().send("hello").unwrap();
/// world.settle().unwrap();
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
    /// The files that some process has published.
    published: BTreeSet<(OsString, OsString)>,
    torn_restarts: u32,
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
    /// A session with so many members, all of them running, over a service.
    pub fn new(seed: u64, profile: &Profile, members: usize) -> Self {
        Self::with_disks(seed, profile, members, |_| DiskOptions::default())
    }

    /// The same, with a disk of your choice for each member.
    pub fn with_disks(
        seed: u64,
        profile: &Profile,
        members: usize,
        mut options: impl FnMut(&mut Rng) -> DiskOptions,
    ) -> Self {
        const NAMES: [&str; 8] = ["Ana", "Ben", "Cleo", "Dora", "Emil", "Fay", "Gus", "Hana"];
        let mut rng = Rng::new(seed);
        let disks: Vec<Disk> = (0..members).map(|_| Disk::new(options(&mut rng), rng.fork())).collect();
        let members: Vec<Member> = disks
            .iter()
            .enumerate()
            .map(|(number, disk)| {
                let author = AuthorId::new(Uuid::from_u64_pair(rng.next(), rng.next()));
                let name = NAMES.get(number).map_or_else(|| format!("M{number}"), |name| (*name).to_owned());
                Member::new(author, name, disk.clone())
            })
            .collect();
        let service = Service::new(profile.clone(), disks, rng.fork());
        let mut world = Self {
            now: Duration::ZERO,
            sequence: 0,
            queue: BinaryHeap::new(),
            members,
            service,
            registry: Registry::default(),
            rng,
            hasher: Hasher::new(seed),
            counts: Counts::default(),
            trace: None,
            published: BTreeSet::new(),
            torn_restarts: 0,
            violation: None,
        };
        for member in 0..world.members.len() {
            world.start(member);
        }
        world
    }

    /// Keeps the story of the run from here on.
    pub fn record(&mut self, seed: u64) {
        self.trace = Some(Box::new(Trace {
            seed,
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

    /// Somebody at a member's machine removes a file, or with no name a whole directory, of anybody.
    pub fn delete(&mut self, member: usize, dir: &OsStr, name: Option<&OsStr>) {
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

    /// What lies in a member's folder now.
    pub fn snapshot(&self, member: usize) -> Snapshot {
        Snapshot { files: self.members.get(member).map(|there| there.disk.files()).unwrap_or_default() }
    }

    /// Somebody puts a member's whole folder back to what it was, with a service's rewind or from a backup.
    pub fn roll_back(&mut self, member: usize, to: &Snapshot) {
        let Some(there) = self.members.get(member) else { return };
        let mut changes = Vec::new();
        for (dir, name, content) in there.disk.files() {
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
    pub fn settle(&mut self) -> Result<(), Violation> {
        self.end_faults();
        self.quiesce()?;
        // Starting again is when an author puts right what has become of its files.
        for member in 0..self.members.len() {
            self.stop(member);
            self.start(member);
        }
        self.quiesce()?;
        if let Some(violation) = self.members.iter().find_map(|member| check::nothing_is_staged(member).err()) {
            self.fail(violation);
        }
        self.conclude()
    }

    /// As [`settle`](Self::settle), without starting anybody again who runs: what must hold when nothing has touched
    /// anybody's files but the service.
    ///
    /// # Errors
    ///
    /// As for [`settle`](Self::settle).
    pub fn settle_running(&mut self) -> Result<(), Violation> {
        self.end_faults();
        self.quiesce()?;
        self.conclude()
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

/// How the world moves.
impl World {
    /// Lets everything happen that is going to happen, without new faults.
    fn quiesce(&mut self) -> Result<(), Violation> {
        // Every round is longer than any delay of anybody.
        const ROUND: Duration = Duration::from_secs(40);
        const ROUNDS: usize = 12;
        for _ in 0..ROUNDS {
            self.run_for(ROUND)?;
            let differs = self.service.compare_all();
            self.plan_service();
            if !differs && self.agree() {
                return Ok(());
            }
        }
        Ok(())
    }

    fn end_faults(&mut self) {
        self.torn_restarts = 0;
        self.service.become_fair();
        for member in &mut self.members {
            member.offline = false;
            member.disk.set_capacity(u64::MAX);
            member.disk.mount();
        }
        for member in 0..self.members.len() {
            self.start(member);
        }
    }

    fn conclude(&mut self) -> Result<(), Violation> {
        let agreement = self.check_agreement();
        if let Err(violation) = agreement {
            self.fail(violation);
        }
        self.verdict()
    }

    fn step(&mut self) -> Result<(), Violation> {
        let Some(Reverse((at, _, pending))) = self.queue.pop() else { return Ok(()) };
        self.set_now(at);
        match pending {
            Pending::Turn(member) => self.turn(member, at),
            Pending::Start(member) => self.start(member),
            Pending::Service(task) => self.serve(task),
        }
        self.verdict()
    }

    fn turn(&mut self, member: usize, at: Duration) {
        let Some(there) = self.members.get_mut(member) else { return };
        if there.turn_at != Some(at) {
            return;
        }
        there.turn_at = None;
        let Some(running) = &mut there.running else { return };
        let turn = running.driver.turn();
        if there.disk.is_without_power() {
            self.counts.add("crash during a call");
            let back_after = Duration::from_millis(self.rng.range(500..20_000));
            self.look_after(member);
            return self.crash(member, back_after);
        }
        running.restless = if turn == Turn::Again { running.restless + 1 } else { 0 };
        if running.restless > RESTLESS {
            let what = format!("{} never comes to rest", there.name);
            self.fail(Violation::new("I16", what));
            return;
        }
        self.hasher.add(&[1, member as u64, u64::from(turn == Turn::Again)]);
        let pause = match turn {
            Turn::Again => Duration::from_micros(20),
            // As often as the transport looks by itself when nobody gives it a hint.
            Turn::Wait(longest) => longest.min(Duration::from_millis(self.rng.range(2000..9000))),
            Turn::Stop => return,
        };
        self.turn_soon(member, pause);
        self.look_after(member);
    }

    /// What follows from a member having done something.
    fn look_after(&mut self, member: usize) {
        self.notice_sent(member);
        let Some(there) = self.members.get_mut(member) else { return };
        let (changes, violations) = (there.disk.take_changes(), there.disk.take_violations());
        let heard = match &mut there.running {
            Some(running) => listen(running, &self.registry, &mut self.counts, self.trace.is_some()),
            None => Ok(Heard::default()),
        };
        if let Some(what) = violations.into_iter().next() {
            self.fail(Violation::new("I10", what));
        }
        match heard {
            Ok(heard) => {
                for message in heard.held {
                    self.tell(member, What::Hold(message));
                }
                for (message, position) in heard.delivered {
                    self.hasher.add(&[2, member as u64, message as u64, position as u64]);
                    self.tell(member, What::Deliver { message, position });
                }
            }
            Err(violation) => self.fail(violation),
        }
        if !changes.is_empty() {
            for change in &changes {
                let place = (change.dir.clone(), change.name.clone());
                if matches!(FileName::parse(&place.1), FileName::Message(_)) && !self.published.insert(place) {
                    self.counts.add("published again");
                }
            }
            self.service.changed(member, changes);
            self.plan_service();
        }
    }

    fn notice_sent(&mut self, member: usize) {
        let Some(there) = self.members.get(member) else { return };
        let seen = there.running.as_ref().map(|running| running.latest).unwrap_or_default();
        for frame in there.store.take_sent() {
            let number = self.registry.in_order.len();
            if let Err(violation) = self.registry.add(&frame, seen) {
                return self.fail(violation);
            }
            self.hasher.add(&[3, member as u64, frame.message().lamport.0]);
            self.tell(member, What::Send(number));
        }
    }

    fn serve(&mut self, task: Task) {
        let arrival = match &task {
            Task::Download(_, place) | Task::Finish(_, place, _) => Some(place.clone()),
            Task::Upload(..) => None,
        };
        // A machine that is down, or has unmounted the folder, is not served; its client goes on when it is back.
        let (Task::Upload(member, _) | Task::Download(member, _) | Task::Finish(member, ..)) = task;
        if self.members.get(member).is_some_and(|there| there.running.is_none() || there.disk.is_unmounted()) {
            self.push(Duration::from_secs(2), Pending::Service(task));
            return;
        }
        if let Some(member) = self.service.run(task, self.now) {
            self.hasher.add(&[4, member as u64]);
            if let Some((dir, name)) = arrival {
                self.tell_arrival(member, &dir, &name);
            }
            let delay = Duration::from_micros(self.rng.range(100..30_000));
            if self.members.get(member).is_some_and(|there| there.disk.take_hint()) {
                self.turn_soon(member, delay);
            }
        }
        self.plan_service();
    }

    fn plan_service(&mut self) {
        for told in std::mem::take(&mut self.service.told) {
            match told {
                Told::Copy(member, name) => {
                    self.counts.add("conflict copy");
                    self.tell(member, What::ConflictCopy(name));
                }
                Told::Partial(_) => self.counts.add("partial file"),
                Told::Doubled(member) => {
                    self.counts.add("doubled directory");
                    self.tell(member, What::Fault("an author's directory came under another name".to_owned()));
                }
            }
        }
        for (delay, task) in std::mem::take(&mut self.service.tasks) {
            self.push(delay, Pending::Service(task));
        }
    }

    fn start(&mut self, member: usize) {
        let Some(there) = self.members.get_mut(member) else { return };
        if there.running.is_some() {
            return;
        }
        if self.rng.chance(self.torn_restarts) {
            there.disk.cut_power_after(self.rng.range(0..60));
        }
        match there.start() {
            Ok(()) => {
                let (name, running) = (there.name.clone(), there.running.as_ref());
                // A name that cannot be kept now is said at the next start.
                let _ = running.map(|running| running.session.announce_name(&name));
                if self.now > Duration::ZERO {
                    self.tell(member, What::Restart);
                    self.service.compare(member);
                    self.plan_service();
                }
                self.turn_soon(member, Duration::from_micros(100));
                self.look_after(member);
            }
            Err(error) => {
                there.disk.forget_processes();
                self.tell(member, What::Fault(format!("cannot open: {error}")));
                self.push(Duration::from_secs(1), Pending::Start(member));
            }
        }
    }

    /// The process ends; the machine goes on.
    fn stop(&mut self, member: usize) {
        if let Some(there) = self.members.get_mut(member)
            && there.running.take().is_some()
        {
            there.turn_at = None;
            there.disk.forget_processes();
        }
    }

    fn turn_soon(&mut self, member: usize, delay: Duration) {
        let at = self.now + delay;
        let Some(there) = self.members.get_mut(member) else { return };
        if there.running.is_some() && there.turn_at.is_none_or(|planned| at < planned) {
            there.turn_at = Some(at);
            self.push(delay, Pending::Turn(member));
        }
    }

    fn push(&mut self, delay: Duration, pending: Pending) {
        self.sequence += 1;
        self.queue.push(Reverse((self.now + delay, self.sequence, pending)));
    }

    fn set_now(&mut self, now: Duration) {
        self.now = now;
        for member in &self.members {
            member.disk.set_now(now);
            member.clock.set_now(now);
        }
    }

    fn tell(&mut self, member: usize, what: What) {
        if let Some(trace) = &mut self.trace {
            trace.steps.push(Step { at: self.now, member, what });
        }
    }

    fn story_of(&self, digest: &Digest) -> Option<Sent> {
        let known = self.registry.known(digest)?;
        let causes = known.causes.iter().filter_map(|cause| self.registry.known(cause)).map(|cause| cause.number);
        Some(Sent {
            member: self.members.iter().position(|member| member.author == known.id.author)?,
            counter: known.id.counter,
            lamport: known.stamp.lamport.0,
            text: String::from_utf8_lossy(&known.payload).into_owned(),
            causes: causes.collect(),
        })
    }

    fn tell_arrival(&mut self, member: usize, dir: &OsStr, name: &OsStr) {
        if self.trace.is_none() {
            return;
        }
        let (DirName::Author(author), FileName::Message(counter)) = (DirName::parse(dir), FileName::parse(name)) else {
            return;
        };
        if let Some(message) = self.registry.number(MessageId { author, counter }) {
            self.tell(member, What::Arrive(message));
        }
    }

    fn agree(&self) -> bool {
        let timeline = self.registry.timeline();
        self.members.iter().all(|member| {
            let is_like_it = |running: &member::Running| {
                let status = running.session.status();
                let list = running.list.iter().map(|entry| entry.digest);
                list.eq(timeline.iter().copied()) && status.unpublished == 0 && status.waiting.is_empty()
            };
            member.running.as_ref().is_some_and(is_like_it)
        })
    }

    fn check_agreement(&self) -> Result<(), Violation> {
        let timeline = self.registry.timeline();
        for member in &self.members {
            check::final_state(member, &timeline, &self.registry)?;
        }
        Ok(())
    }

    fn fail(&mut self, violation: Violation) {
        self.violation.get_or_insert(violation);
    }

    fn verdict(&self) -> Result<(), Violation> {
        self.violation.clone().map_or(Ok(()), Err)
    }
}
