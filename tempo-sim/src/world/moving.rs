//! The steps of the world, each followed by its consequences.

use std::{
    cmp::Reverse,
    collections::BTreeSet,
    ffi::{OsStr, OsString},
    time::Duration,
};

use tempo_fs_transport::{DirName, FileName};
use tempo_message::{CounterName, Digest, MessageId};
use tempo_session::{components::Turn, status::FolderState};

use super::{
    Pending, RESTLESS, Simulation, Violation,
    check::{self, Heard, listen},
    copying::goes_on_in,
    member::Member,
};
use crate::{
    disk::Change,
    service::{Task, Told},
    trace::{Sent, Step, What},
};

/// The most calls that are never too many for a turn.
const FEW_CALLS: u64 = 500;
/// The number of calls allowed for each file and directory beyond that. The most expensive is a message whose name
/// another one has.
const CALLS_PER_ENTRY: u64 = 25;

impl Simulation {
    /// Lets everything happen that is due, without new faults.
    pub(super) fn quiesce(&mut self) -> Result<(), Violation> {
        // A round is longer than any pause of a member and any delay of a fair service.
        const ROUND: Duration = Duration::from_secs(40);
        const ROUNDS: usize = 12;
        const LOOKS: u32 = 4;
        // Once the service has nothing left to carry, every member must soon have everything; a head may take a
        // minute and a half.
        const QUIET: usize = 4;
        let mut quiet = 0;
        for _ in 0..ROUNDS {
            for _ in 0..LOOKS {
                self.run_for(ROUND / LOOKS)?;
                if self.is_stable() {
                    break;
                }
            }
            let differs = self.service.compare_all() | self.put_back_stolen();
            self.plan_service();
            quiet = if differs { 0 } else { quiet + 1 };
            if quiet > QUIET {
                return Ok(());
            }
            if !differs && self.is_stable() {
                // The latest arrival may only need to be reported, or may be a reason to become a new author.
                self.run_for((self.served_at + ROUND).saturating_sub(self.now))?;
                if self.is_stable() {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// Restores by hand, as people would, what the service put beside the folder when nothing shows which session it
    /// belongs to: no author there has met one of the folder, or nobody is left in the folder. Returns whether there was
    /// any.
    pub(super) fn reunite(&mut self) -> bool {
        let mut any = false;
        for member in 0..self.members.len() {
            for sibling in self.members.get(member).map(unread_siblings).unwrap_or_default() {
                if self.service.reunite(member, &sibling) {
                    any = true;
                    self.note_fault(member, "put back by hand", &format!("moves the contents of {sibling} back"));
                }
            }
        }
        any
    }

    pub(super) fn end_faults(&mut self) {
        self.torn_restarts = 0;
        self.stop_thief();
        self.bring_back();
        for member in 0..self.members.len() {
            self.set_unmounted(member, false);
            self.allow_writing(member);
            let Some(there) = self.members.get_mut(member) else { continue };
            there.disk.set_capacity(u64::MAX);
            there.store.set_full(false);
            if let Some(attaching) = &mut there.attaching {
                attaching.shelf.set_full(false);
                (attaching.is_undone, attaching.deselected_at) = (false, None);
            }
            there.reads_from = Duration::ZERO;
            if std::mem::take(&mut there.offline) {
                self.tell(member, What::Online);
            }
        }
        self.service.become_fair();
        self.served_at = self.now;
        for member in 0..self.members.len() {
            self.start(member);
        }
    }

    pub(super) fn conclude(&mut self) -> Result<(), Violation> {
        let agreement = self.check_agreement();
        if let Err(violation) = agreement {
            self.fail(violation);
        }
        self.verdict()
    }

    pub(super) fn step(&mut self) -> Result<(), Violation> {
        let Some(Reverse((at, _, pending))) = self.queue.pop() else { return Ok(()) };
        self.set_now(at);
        match pending {
            Pending::Turn(member) => self.turn(member, at),
            Pending::Carry(member) => self.carry(member, at),
            Pending::Start(member) => self.start(member),
            Pending::Undo(member) => self.undo(member),
            Pending::Thieve => self.thieve(),
            Pending::Service(task) => self.serve(task),
        }
        self.verdict()
    }

    pub(super) fn turn(&mut self, member: usize, at: Duration) {
        let Some(there) = self.members.get_mut(member) else { return };
        if there.turn_at != Some(at) {
            return;
        }
        there.turn_at = None;
        let Some(running) = &mut there.running else { return };
        if there.undone.is_some() || (there.is_folder_new && self.service.is_returning(member)) {
            there.seemed_away = at;
        }
        there.disk.read_hints();
        // A turn may remove what it has examined.
        let (calls, entries) = (there.disk.calls(), there.disk.entries());
        let turn = running.driver.turn();
        if there.disk.is_without_power() {
            self.counts.add("crash during a call");
            let back_after = Duration::from_millis(self.rng.range(500..20_000));
            self.look_after(member);
            return self.crash(member, back_after);
        }
        let calls = there.disk.calls() - calls;
        let entries = u64::try_from(entries.max(there.disk.entries())).unwrap_or(u64::MAX);
        if calls > FEW_CALLS && calls > CALLS_PER_ENTRY.saturating_mul(entries) {
            let what = format!("{} made {calls} calls in one turn, with {entries} files and directories", there.name);
            self.fail(Violation::new("I17", what));
            return;
        }
        let is_eager = matches!(turn, Turn::Again | Turn::Wait(Duration::ZERO));
        running.restless = if is_eager { running.restless + 1 } else { 0 };
        if running.restless > RESTLESS {
            let what = format!("{} never comes to rest", there.name);
            self.fail(Violation::new("I16", what));
            return;
        }
        self.hasher.add(&[1, member as u64, u64::from(turn == Turn::Again)]);
        let pause = match turn {
            Turn::Again => Duration::from_micros(20),
            Turn::Wait(longest) => longest.min(self.pause()),
            Turn::Stop => return self.look_after(member),
        };
        self.turn_soon(member, pause);
        self.carry_soon(member, Duration::from_micros(100));
        self.look_after(member);
        if let Some(there) = self.members.get_mut(member)
            && let Err(violation) = check::nothing_is_passed_over(there, &self.registry, self.now)
                .and_then(|()| check::nothing_waits_to_be_published(there, &self.published, self.now))
        {
            self.fail(violation);
        }
    }

    /// Returns how long a member waits without a hint. As in the transport, the wait grows while nothing arrives.
    fn pause(&mut self) -> Duration {
        const LONGEST: Duration = Duration::from_secs(20);
        let quiet = self.now.saturating_sub(self.served_at);
        Duration::from_millis(self.rng.range(2000..9000)).max((quiet / 4).min(LONGEST))
    }

    /// Handles the consequences of a member's activity.
    pub(super) fn look_after(&mut self, member: usize) {
        self.notice_sent(member);
        self.notice_closed(member);
        let Some(there) = self.members.get_mut(member) else { return };
        let (changes, violations) = (there.disk.take_changes(), there.disk.take_violations());
        let heard = if there.reads_from > self.now {
            Ok(Heard::default())
        } else {
            listen(there, &self.registry, &mut self.counts, self.trace.is_some())
        };
        let acts = there.disk.take_part_acts();
        there.disk.take_met().into_iter().for_each(|met| self.counts.add(met));
        for Change { dir, name } in there.disk.take_wanted() {
            self.counts.add("fetched");
            self.service.fetch(member, &dir, &name);
        }
        if let Some(what) = violations.into_iter().next() {
            self.fail(Violation::new("I10", what));
        }
        self.judge_parts(member, acts);
        match heard {
            Ok(heard) => {
                for message in heard.held {
                    self.tell(member, What::Hold(message));
                }
                self.check_stable(member, heard.stable);
                for (message, position) in heard.delivered {
                    self.hasher.add(&[2, member as u64, message as u64, position as u64]);
                    self.tell(member, What::Deliver { message, position });
                }
            }
            Err(violation) => self.fail(violation),
        }
        if !changes.is_empty() {
            self.judge_relays(member, &changes);
            self.judge_undone(member, &changes);
            for change in &changes {
                self.tell_publication(member, &change.dir, &change.name);
                let (first, last) = match FileName::parse(&change.name) {
                    FileName::Message(counter) => (counter, counter),
                    FileName::Pack(first, last) => (first, last),
                    _ => continue,
                };
                self.counts.add(if first == last { "message published" } else { "pack published" });
                for counter in first..=last {
                    let name = OsString::from(CounterName::new(counter).as_str());
                    if !self.published.insert((change.dir.clone(), name)) && first == last {
                        self.counts.add("published again");
                    }
                }
            }
            self.service.changed(member, changes);
        }
        self.plan_service();
    }

    fn tell_publication(&mut self, member: usize, dir: &OsStr, name: &OsStr) {
        let Some(author) = self.members.get(member).map(Member::author) else { return };
        let (first, last) = match FileName::parse(name) {
            FileName::Message(counter) => (counter, counter),
            FileName::Pack(first, last) => (first, last),
            _ => return,
        };
        if DirName::parse(dir) != DirName::Author(author) {
            return;
        }
        for counter in first..=last {
            if let Some(message) = self.registry.number(MessageId { author, counter }) {
                self.tell(member, What::Publish(message));
            }
        }
    }

    pub(super) fn notice_sent(&mut self, member: usize) {
        self.notice_author(member);
        let Some(there) = self.members.get(member) else { return };
        let seen = there.running.as_ref().map(|running| running.app.latest).unwrap_or_default();
        let mut unfit = there.running.as_ref().map(|running| running.app.met_impostors.clone()).unwrap_or_default();
        unfit.extend(there.copied_from);
        let may_fork = there.is_ambiguous;
        for frame in there.store.take_sent() {
            let number = self.registry.in_order.len();
            if unfit.contains(&frame.id().author) {
                let what = format!("{} is written although another store may write under that name", frame.id());
                return self.fail(Violation::new("I9", what));
            }
            if let Err(violation) = self.registry.add(&frame, member, seen, may_fork) {
                return self.fail(violation);
            }
            self.notice_files(&frame);
            let place = (OsString::from(frame.id().author.to_string()), CounterName::new(frame.id().counter));
            if let Some(there) = self.members.get_mut(member) {
                there.sent_at.push_back((self.now, place.0, OsString::from(place.1.as_str())));
            }
            self.hasher.add(&[3, member as u64, frame.message().lamport.0]);
            self.tell(member, What::Send(number));
        }
    }

    pub(super) fn serve(&mut self, task: Task) {
        let arrival = match &task {
            Task::Download(_, place) | Task::Finish(_, place, _) => Some(place.clone()),
            Task::Upload(..) | Task::Evict(..) | Task::Hydrate(..) => None,
        };
        // A machine that is down or has unmounted the folder is not served. Its client resumes when the machine is
        // back.
        let member = task.member();
        let is_down = |there: &Member| there.running.is_none() && !there.is_closed && !there.is_thief;
        if self.members.get(member).is_some_and(|there| is_down(there) || there.disk.is_unmounted()) {
            self.push(Duration::from_secs(2), Pending::Service(task));
            return;
        }
        let was_there = arrival.as_ref().is_some_and(|(dir, name)| self.is_whole_at(member, dir, name));
        if let Some(member) = self.service.run(task, self.now) {
            self.served_at = self.now;
            self.hasher.add(&[4, member as u64]);
            if let Some((dir, name)) = arrival {
                self.note_arrival(member, (&dir, &name), was_there);
            }
            let delay = Duration::from_micros(self.rng.range(100..30_000));
            if self.members.get(member).is_some_and(|there| there.disk.take_hint()) {
                self.turn_soon(member, delay);
            }
        }
        self.plan_service();
    }

    pub(super) fn plan_service(&mut self) {
        for told in std::mem::take(&mut self.service.told) {
            match told {
                Told::Copy(member, name) => {
                    self.counts.add("conflict copy");
                    self.tell(member, What::ConflictCopy(name));
                }
                Told::OnlineOnly(member) => {
                    self.counts.add("online only");
                    self.tell(member, What::Fault("a file is online-only for a while".to_owned()));
                }
                Told::Ignored(member, name) => {
                    let name = format!("{} wrote {name} although a placeholder represents it", self.name_of(member));
                    self.fail(Violation::new("I11", name));
                }
                Told::Partial(_) => self.counts.add("partial file"),
                Told::Doubled(member) => {
                    self.counts.add("doubled directory");
                    self.tell(member, What::Fault("an author's directory arrived under another name".to_owned()));
                }
                Told::Split(member) => {
                    self.counts.add("split folder");
                    self.tell(
                        member,
                        What::Fault("an author's directory arrived in a second session folder".to_owned()),
                    );
                }
            }
        }
        for (delay, task) in std::mem::take(&mut self.service.tasks) {
            self.push(delay, Pending::Service(task));
        }
    }

    pub(super) fn start(&mut self, member: usize) {
        let Some(there) = self.members.get_mut(member) else { return };
        if there.running.is_some() || there.is_gone() {
            return;
        }
        if self.rng.chance(self.torn_restarts) {
            there.disk.cut_power_after(self.rng.range(0..60));
        }
        there.clock.world.get_or_init(|| self.world.clone());
        match there.start(&mut self.counts) {
            Ok(()) => {
                let checked = check::the_head_is_true(there).and_then(|()| check::what_was_stable_stays(there));
                if let Err(violation) = checked {
                    self.violation.get_or_insert(violation);
                }
                let (name, running) = (there.display_name.clone(), there.running.as_ref());
                if let Some(undone) = &mut there.undone {
                    undone.starts += 1;
                }
                // A name that cannot be stored now is announced at the next start.
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
                if there.is_lost {
                    let what = format!("{} does not find its session, because its folder has another name", there.name);
                    return self.fail(Violation::new("I19", what));
                }
                self.tell(member, What::Fault(format!("cannot open: {error}")));
                self.push(Duration::from_secs(1), Pending::Start(member));
            }
        }
    }

    /// Ends the process; the machine continues.
    pub(super) fn stop(&mut self, member: usize) {
        if let Some(there) = self.members.get_mut(member)
            && let Some(running) = there.running.take()
        {
            running.end();
            there.turn_at = None;
            there.disk.forget_processes();
        }
    }

    pub(super) fn turn_soon(&mut self, member: usize, delay: Duration) {
        let at = self.now + delay;
        let Some(there) = self.members.get_mut(member) else { return };
        if there.running.is_some() && there.turn_at.is_none_or(|planned| at < planned) {
            there.turn_at = Some(at);
            self.push(delay, Pending::Turn(member));
        }
    }

    pub(super) fn push(&mut self, delay: Duration, pending: Pending) {
        self.sequence += 1;
        self.queue.push(Reverse((self.now + delay, self.sequence, pending)));
    }

    pub(super) fn set_now(&mut self, now: Duration) {
        self.now = now;
        for member in &self.members {
            member.disk.set_now(now);
            member.clock.set_now(now);
        }
    }

    pub(super) fn tell(&mut self, member: usize, what: What) {
        if let Some(trace) = &mut self.trace {
            trace.steps.push(Step { at: self.now, member, what });
        }
    }

    pub(super) fn story_of(&self, digest: &Digest) -> Option<Sent> {
        let known = self.registry.known(digest)?;
        let causes = known.causes.iter().filter_map(|cause| self.registry.known(cause)).map(|cause| cause.number);
        Some(Sent {
            member: known.member,
            counter: known.id.counter,
            lamport: known.stamp.lamport.0,
            text: String::from_utf8_lossy(&known.payload).into_owned(),
            causes: causes.collect(),
        })
    }

    /// Returns whether the message that has this name is whole under it.
    fn is_whole_at(&self, member: usize, dir: &OsStr, name: &OsStr) -> bool {
        let (DirName::Author(author), FileName::Message(counter)) = (DirName::parse(dir), FileName::parse(name)) else {
            return false;
        };
        let digest = self.registry.only(MessageId { author, counter });
        let known = digest.and_then(|digest| self.registry.known(&digest));
        let there = self.members.get(member).and_then(|there| there.disk.read(dir, name));
        known.is_some_and(|known| there.as_ref() == Some(&known.bytes))
    }

    /// Notes that a file has arrived. Its message must be delivered soon. If it was not there before the arrival, earlier
    /// arrivals do not count any more.
    fn note_arrival(&mut self, member: usize, (dir, name): (&OsStr, &OsStr), was_there: bool) {
        let (DirName::Author(author), FileName::Message(counter)) = (DirName::parse(dir), FileName::parse(name)) else {
            return;
        };
        let id = MessageId { author, counter };
        if let Some(number) = self.registry.number(id) {
            self.tell(member, What::Arrive(number));
        }
        if let (Some(digest), Some(there)) = (self.registry.only(id), self.members.get_mut(member)) {
            if !was_there {
                there.arrived.retain(|(_, other)| *other != digest);
            }
            there.arrived.insert((self.now, digest));
        }
    }

    pub(super) fn name_of(&self, member: usize) -> &str {
        self.members.get(member).map_or("no member", |there| &there.name)
    }

    pub(super) fn fail(&mut self, violation: Violation) {
        self.violation.get_or_insert(violation);
    }

    pub(super) fn verdict(&self) -> Result<(), Violation> {
        self.violation.clone().map_or(Ok(()), Err)
    }
}

/// Returns the directories beside the session folder that the member may have to read and does not.
fn unread_siblings(member: &Member) -> BTreeSet<String> {
    let Some(running) = &member.running else { return BTreeSet::new() };
    let status = running.session.status();
    let mut siblings: BTreeSet<String> = status.report.undecided.iter().cloned().collect();
    if matches!(status.folder, FolderState::Detached { .. }) {
        let files = member.disk.files();
        let beside = files.iter().filter_map(|(dir, ..)| Some(dir.to_str()?.split_once('/')?.0.to_owned()));
        siblings.extend(beside.filter(|name| !goes_on_in(&member.disk, name)));
    }
    siblings
}
