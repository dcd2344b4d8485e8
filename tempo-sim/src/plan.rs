//! Schedules from seeds: which member sends when, and what goes wrong meanwhile.

mod lasting;
mod odd;
mod storing;
mod tampering;

use std::{collections::BTreeSet, ffi::OsString, io, time::Duration};

use tempo_fs_transport::FileName;
use tempo_session::{Fetch, Packing, Relaying};

use crate::{
    Conflict, Counts, Disk, Fault, Leave, Profile, Rng, Scheme, SimStore, Snapshot, Trace, Violation, disks::Disks,
    world::Simulation,
};

/// A reproducible run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The seed, which determines everything random.
    pub seed: u64,
    /// The service.
    pub profile: &'static Profile,
    /// The number of members.
    pub members: usize,
    /// The number of messages in total.
    pub messages: usize,
    /// The faults that happen.
    pub faults: BTreeSet<Fault>,
}

/// The result of a run.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// A hash of everything that happened.
    pub hash: u64,
    /// The number of times each notable event happened.
    pub counts: Counts,
    /// The violated invariant, if any.
    pub failure: Option<Violation>,
    /// The trace, if it was requested.
    pub trace: Option<Trace>,
}

impl Plan {
    /// Creates the plan for a seed, with about half of all faults.
    pub fn from_seed(seed: u64, profile: &'static Profile, members: usize, messages: usize) -> Self {
        let mut rng = Rng::new(seed ^ 0x5eed);
        let mut faults: BTreeSet<Fault> =
            Fault::ALL.into_iter().filter(|fault| rng.chance(fault.frequency())).collect();
        if faults.contains(&Fault::NoScrubbing) {
            // If a service brings back a damaged file of the right length later, only comparing finds it.
            faults.remove(&Fault::Rollback);
            faults.remove(&Fault::Deletion);
            faults.remove(&Fault::Overwriting);
        }
        if faults.contains(&Fault::RestoredStore) || faults.contains(&Fault::LostStore) {
            // Nothing repairs messages that the store no longer knows.
            for fault in Fault::NEED_THE_STORE {
                faults.remove(&fault);
            }
        }
        if faults.contains(&Fault::Departure) {
            // A member that has left repairs nothing, and one that comes back finds by comparing what is missing. Its
            // identity must be certain.
            for fault in [
                Fault::NoScrubbing,
                Fault::Cloned,
                Fault::RestoredStore,
                Fault::LostStore,
                Fault::Rollback,
                Fault::Deletion,
                Fault::Overwriting,
                Fault::Undone,
                Fault::Relinked,
                Fault::Thief,
            ] {
                faults.remove(&fault);
            }
        }
        if faults.contains(&Fault::Files) {
            // Parts are not text. What undoes every message, and a thief, would do nothing else to parts.
            for fault in [Fault::LineEnds, Fault::Undone, Fault::Thief] {
                faults.remove(&fault);
            }
        }
        let is_in_use_twice = faults.contains(&Fault::Cloned) || faults.contains(&Fault::Thief);
        if faults.contains(&Fault::NoScrubbing) || is_in_use_twice {
            // Only comparing finds what was undone, and a clone or a thief publishes the same names.
            faults.remove(&Fault::Undone);
        }
        if profile.conflict == Conflict::Skipped {
            // Neither side ever sees what the other has under the same name.
            faults.remove(&Fault::Cloned);
            faults.remove(&Fault::Overwriting);
            faults.remove(&Fault::Undone);
        }
        if matches!(profile.conflict, Conflict::Both(..)) && is_in_use_twice {
            // When both sides get another name, an overwritten file looks like a placeholder of the message, over which
            // nothing is published.
            faults.remove(&Fault::Overwriting);
        }
        if profile.online_only > 0 || is_in_use_twice {
            // Likewise for a damaged file that was online-only during the audit, or that a clone or a thief replaced.
            faults.remove(&Fault::NoScrubbing);
        }
        Self { seed, profile, members, messages, faults }
    }

    /// Returns the command that reproduces the run.
    pub fn command(&self) -> String {
        let faults: Vec<String> = self.faults.iter().map(|fault| format!("{fault:?}").to_lowercase()).collect();
        let faults = if faults.is_empty() { "none".to_owned() } else { faults.join(",") };
        let Self { seed, profile, members, messages, .. } = self;
        let profile = profile.name;
        format!(
            "cargo sim run --seed {seed} --profile {profile} --members {members} --messages {messages} --faults {faults}"
        )
    }

    /// Executes the run. With `record`, the outcome contains the trace.
    pub fn execute(&self, record: bool) -> Outcome {
        let mut rng = Rng::new(self.seed);
        let have_systems = self.faults.contains(&Fault::Systems);
        let disks = Disks {
            are_odd: self.faults.contains(&Fault::OddDisks),
            lose_hints: self.faults.contains(&Fault::LostHints),
            convert: self.faults.contains(&Fault::LineEnds),
            have_systems,
            are_accented: have_systems && rng.chance(500),
        };
        let mut profile = self.profile.clone();
        if self.faults.contains(&Fault::Departure) || self.faults.contains(&Fault::Relinked) {
            // A part of a split folder cannot be attributed if its member left before its head arrived, and is not
            // read if all of it was relayed.
            profile.split_folders = 0;
        }
        let scheme = match self.faults.contains(&Fault::Forger) || self.faults.contains(&Fault::Thief) {
            true if self.seed.is_multiple_of(SIGNED_FOR_REAL) => Scheme::Ed25519,
            true => Scheme::Toy,
            false => Scheme::Plain,
        };
        let mut world = Simulation::new(rng.next());
        world.set_profile(profile);
        world.set_signing(scheme);
        world.add_members(self.members, |rng| disks.draw(rng));
        let mut run = Run {
            world,
            rng,
            plan: self,
            snapshots: Vec::new(),
            stores: Vec::new(),
            strange: BTreeSet::new(),
            sent: 0,
            full: Vec::new(),
            full_stores: Vec::new(),
            has_departed: false,
            lasting: Vec::new(),
            undone: None,
        };
        if record {
            run.world.record(self.seed, self.command());
        }
        let failure = run.execute().err();
        let Run { mut world, .. } = run;
        Outcome { hash: world.hash(), counts: world.counts.clone(), failure, trace: world.take_trace() }
    }
}

/// The interval between seeds in which members sign for real.
const SIGNED_FOR_REAL: u64 = 16;
/// The interval between seeds whose stores use the real database.
const DATABASES: u64 = 32;

struct Run<'a> {
    world: Simulation,
    rng: Rng,
    plan: &'a Plan,
    snapshots: Vec<(usize, Snapshot)>,
    stores: Vec<(usize, SimStore)>,
    /// Members whose store was tampered with; once per member is enough.
    strange: BTreeSet<usize>,
    sent: usize,
    full: Vec<usize>,
    full_stores: Vec<usize>,
    /// True if a member has left.
    has_departed: bool,
    /// The lasting faults that have not struck yet, each with the number of messages after which it does.
    lasting: Vec<(usize, Fault)>,
    /// The member whose files are undone.
    undone: Option<usize>,
}

impl Run<'_> {
    fn execute(&mut self) -> Result<(), Violation> {
        // The real database is a hundred times slower than the store in memory, so only some seeds use it.
        if self.plan.seed.is_multiple_of(DATABASES) {
            self.world.with_databases();
        }
        if self.plan.faults.contains(&Fault::NoScrubbing) {
            self.world.without_scrubbing();
        }
        if self.plan.faults.contains(&Fault::Packs) {
            let packing = Packing {
                few: self.rng.range(2..5),
                times: self.rng.range(2..4),
                bytes: 1 << 20,
                at_once: 3,
                grace: Duration::from_secs(self.rng.range(0..60)),
                patience: Duration::from_secs(self.rng.range(60..300)),
            };
            self.world.with_packing(packing);
        }
        if self.plan.faults.contains(&Fault::Departure) || self.plan.faults.contains(&Fault::Relinked) {
            let mut seconds = |range| Duration::from_secs(self.rng.range(range));
            let relaying = Relaying {
                lacking: seconds(5..20),
                absent: seconds(20..40),
                silent: seconds(40..90),
                turn: seconds(10..30),
                pause: seconds(1..5),
                back: seconds(20..60),
                ..Relaying::default()
            };
            self.world.with_relaying(relaying);
            if self.plan.faults.contains(&Fault::Departure) && self.rng.chance(500) {
                self.world.hold_back(self.plan.members - 1);
            }
        } else if self.plan.faults.contains(&Fault::Thief) {
            // A service may replace a member's message by the thief's of the same number. Only a relay brings it back.
            let [lacking, absent, silent, turn, pause, back] = [10, 30, 60, 20, 2, 40].map(Duration::from_secs);
            self.world.with_relaying(Relaying { lacking, absent, silent, turn, pause, back, ..Relaying::default() });
        }
        if self.plan.faults.contains(&Fault::Retirement) {
            self.world.will_retire_departed();
        }
        if self.plan.faults.contains(&Fault::Files) {
            let fetch = if self.rng.chance(500) { Fetch::All } else { Fetch::UpTo(1500) };
            let rng = &mut self.rng;
            self.world.with_files(|_| if rng.chance(500) { fetch } else { Fetch::OnDemand });
        }
        self.draw_lasting();
        if self.plan.faults.contains(&Fault::TornCall) {
            self.world.tear_restarts(300);
        }
        if self.plan.faults.contains(&Fault::FailedCall) {
            for member in 0..self.plan.members {
                if self.rng.chance(500) {
                    self.fail_call(member);
                }
            }
        }
        while self.sent < self.plan.messages {
            let pause = if self.rng.chance(700) { self.rng.range(0..400) } else { self.rng.range(0..15_000) };
            self.world.run_for(Duration::from_millis(pause))?;
            if self.rng.chance(250)
                && let Some(&fault) = self.rng.pick(&self.plan.faults.iter().copied().collect::<Vec<_>>())
            {
                self.strike(fault);
            }
            self.strike_lasting();
            if self.plan.faults.contains(&Fault::Files) && self.rng.chance(600) {
                // Otherwise too little would happen to files.
                self.strike(Fault::Files);
            }
            self.send();
        }
        let is_long = Self::LASTING.iter().any(|fault| self.plan.faults.contains(fault));
        let calm = if self.rng.chance(200) { 120 } else { 30 } + if is_long { 240 } else { 0 };
        self.world.run_for(Duration::from_secs(calm))?;
        if !Fault::NEED_THE_STORE.iter().any(|fault| self.plan.faults.contains(fault)) {
            self.world.rest_running()?;
            return self.world.rest_again();
        }
        self.world.rest()
    }

    /// Returns any member. What happens to a thief's machine is of no interest.
    fn any_member(&mut self) -> usize {
        let member = self.rng.below(self.world.len());
        if self.world.is_thief(member) { self.rng.below(self.plan.members) } else { member }
    }

    fn send(&mut self) {
        let member = self.any_member();
        let burst = if self.rng.chance(100) { 1 + self.rng.below(5) } else { 1 };
        for _ in 0..burst.min(self.plan.messages - self.sent) {
            self.sent += 1;
            // A member that is down or has lost its store sends nothing; that is not a failure.
            let _ = self.world.send(member, &format!("message {}", self.sent));
        }
        if self.plan.faults.contains(&Fault::Crash) && self.rng.chance(40) {
            let back_after = Duration::from_millis(self.rng.range(100..20_000));
            self.world.crash(member, back_after);
        }
    }

    fn strike(&mut self, fault: Fault) {
        let member = self.any_member();
        let Some(disk) = self.world.member(member).map(|there| there.disk().clone()) else { return };
        // No program reaches the files of an unmounted folder.
        let needs_files = [
            Fault::Deletion,
            Fault::Overwriting,
            Fault::Rollback,
            Fault::OddFiles,
            Fault::Cloned,
            Fault::RestoredStore,
            Fault::LostStore,
            Fault::Undone,
            Fault::Relinked,
        ];
        if needs_files.contains(&fault) && disk.is_unmounted() {
            return;
        }
        match fault {
            Fault::Crash => {
                let back_after = Duration::from_millis(self.rng.range(100..60_000));
                self.world.crash(member, back_after);
            }
            Fault::TornCall => {
                disk.cut_power_after(self.rng.range(0..30));
                self.world.note_fault(member, "torn call planned", "the power will be cut");
            }
            Fault::FailedCall => {
                self.fail_call(member);
            }
            Fault::FailedCommit => self.fail_commit(member),
            Fault::Offline => {
                let is_offline = self.rng.chance(500);
                self.world.set_offline(member, is_offline);
            }
            Fault::Deletion => self.delete(member, &disk),
            Fault::Overwriting => self.overwrite(member, &disk),
            Fault::Rollback => self.roll_back(member),
            Fault::DiskFull => {
                if let Some(freed) = self.full.pop() {
                    if let Some(there) = self.world.member(freed) {
                        there.disk().set_capacity(u64::MAX);
                    }
                } else {
                    disk.set_capacity(self.rng.range(0..2000));
                    self.full.push(member);
                    self.world.note_fault(member, "disk full", "the disk is full");
                }
            }
            Fault::Unmount => self.unmount(member, &disk),
            Fault::OddFiles => self.put_odd_file(member, &disk),
            Fault::Clocks => self.set_clock(member),
            Fault::Cloned => {
                if !self.strange.contains(&member)
                    && let Some(clone) = self.world.clone_member(member)
                {
                    self.strange.extend([member, clone]);
                }
            }
            Fault::RestoredStore => self.restore_store(member),
            Fault::LostStore => {
                if self.world.is_at_rest(member) && self.strange.insert(member) {
                    self.world.lose_store(member);
                }
            }
            Fault::Departure => self.depart(member),
            Fault::LockedFile => self.lock_file(member, &disk),
            Fault::SecondProcess if self.rng.chance(300) => self.tidy(member, &disk),
            Fault::SecondProcess => self.world.look_with_second_process(member),
            Fault::CopiedSession => {
                let number = self.rng.range(0..u64::MAX);
                self.world.copy_session(member, number);
            }
            Fault::SlowReader => {
                let span = Duration::from_millis(self.rng.range(1..60_000));
                self.world.stop_reading(member, span);
            }
            // A rename on a share shows whether it replaces a file when look-ups miss files that have just arrived.
            Fault::Systems if self.plan.faults.contains(&Fault::Overwriting) => {
                self.forestall_on_a_share(member, &disk);
            }
            Fault::StoreFull => self.fill_store(member),
            Fault::Undone => self.undo(member),
            Fault::Relinked => self.relink(member),
            Fault::Retirement => self.retire(member),
            Fault::Forger => {
                // A relay that is damaged is no message of its author, and nobody is told of it.
                let with_relays = !self.plan.faults.contains(&Fault::Overwriting);
                self.world.forge(member, &mut self.rng, with_relays);
            }
            Fault::Thief => self.world.rob(member),
            Fault::Files => self.world.mislay(member, &mut self.rng),
            Fault::NoScrubbing
            | Fault::LostHints
            | Fault::LineEnds
            | Fault::OddDisks
            | Fault::Packs
            | Fault::Systems => {}
        }
    }

    fn set_clock(&mut self, member: usize) {
        let skews = [-1_000_000_000_000, -3_600_000, -5, 0, 7, 86_400_000, i64::MAX / 2];
        let skew = self.rng.pick(&skews).copied().unwrap_or(0);
        if let Some(there) = self.world.member(member) {
            there.clock().set_skew_ms(skew);
        }
        self.world.note_fault(member, "clock jump", &format!("the wall clock is {skew} ms off"));
    }

    /// Takes a folder away, or brings it back. A member that has never seen the folder's content cannot distinguish it
    /// from an empty folder.
    fn unmount(&mut self, member: usize, disk: &Disk) {
        let has_joined = self.world.member(member).is_some_and(|there| there.store().marks_now().has_joined());
        if has_joined || disk.is_unmounted() {
            self.world.set_unmounted(member, !disk.is_unmounted());
            // A person often discovers this by restarting the program.
            if disk.is_unmounted() && self.rng.chance(300) {
                self.world.restart(member);
            }
        }
    }

    /// Lets a member leave, once per run. The others have all or most of what it wrote.
    fn depart(&mut self, member: usize) {
        let leave = if self.rng.chance(600) { Leave::ForGood } else { Leave::ForNow };
        let is_there = |world: &Simulation, member: usize| {
            world.session(member).is_some() && world.member(member).is_some_and(|there| !there.disk().is_unmounted())
        };
        let at = (0..self.plan.members).find(|&at| at != member && is_there(&self.world, at));
        let Some(at) = at.filter(|_| is_there(&self.world, member) && !self.has_departed) else { return };
        self.has_departed = true;
        self.world.depart(member, leave, at);
    }

    /// Lets a member retire any member, and quite often itself.
    fn retire(&mut self, member: usize) {
        let whom = if self.rng.chance(200) { member } else { self.rng.below(self.world.len()) };
        self.world.retire(member, whom);
    }

    /// Lets a file operation fail soon.
    fn fail_call(&mut self, member: usize) {
        let kinds = [
            io::ErrorKind::PermissionDenied,
            io::ErrorKind::StorageFull,
            io::ErrorKind::ReadOnlyFilesystem,
            io::ErrorKind::Interrupted,
            io::ErrorKind::NotFound,
            io::ErrorKind::Other,
        ];
        let kind = self.rng.pick(&kinds).copied().unwrap_or(io::ErrorKind::Other);
        let after = self.rng.range(0..20);
        if let Some(there) = self.world.member(member) {
            there.disk().fail_after(after, kind);
        }
        self.world.note_fault(member, "failed call", &format!("a file operation fails: {kind}"));
    }

    /// Locks a message file, as another program would. Often it is the last message of an author that then restarts
    /// after a power loss and must check whether the file is whole. (If the file were online-only by the time it can
    /// be opened again, its remains would look like a file that another program put there.)
    fn lock_file(&mut self, member: usize, disk: &Disk) {
        let is_message = |name: &OsString| matches!(FileName::parse(name), FileName::Message(_));
        let mut files: Vec<_> = disk.files().into_iter().filter(|(_, name, _)| is_message(name)).collect();
        let author = self.world.member(member).and_then(|there| there.store().marks_now().author());
        let may_crash = self.plan.faults.contains(&Fault::Crash) && self.plan.profile.online_only == 0;
        let is_own = may_crash && self.rng.chance(700);
        let own = OsString::from(author.map(|author| author.to_string()).unwrap_or_default());
        files.retain(|(dir, ..)| (*dir == own) == is_own);
        if is_own {
            files.sort();
            files.drain(..files.len().saturating_sub(1));
        }
        let Some((dir, name, _)) = self.rng.pick(&files) else { return };
        disk.lock_file(dir, name, Duration::from_secs(self.rng.clone().range(10..180)));
        self.world.note_fault(member, "locked file", "a file cannot be opened");
        if is_own {
            let back_after = Duration::from_millis(self.rng.range(10..2000));
            self.world.crash(member, back_after);
        }
    }
}
