//! A thief at work: it copies a member's store and keys, and writes into the folder from a machine of its own, at its own
//! pace, while the member continues.

use std::{ffi::OsString, time::Duration};

use bytes::Bytes;
use tempo_fs_transport::{DirName, FileName};
use tempo_message::{AuthorId, CounterName, Digest, Frame, Kind, Lamport, Pack};
use tempo_session::components::Environment;

use super::{
    Member, Pending, Simulation,
    check::Placed,
    leaving::whole_frames,
    thief::{Thief, accepted, span},
};
use crate::{Conflict, disk::Change, trace::What};

/// The most that a thief does.
const ACTS: u32 = 12;

impl Simulation {
    /// Lets a thief copy the disk, the store and the keys of a member, once in a run. The thief's machine is one of the
    /// service's from then on.
    pub(crate) fn rob(&mut self, member: usize) {
        let Some(there) = self.members.get_mut(member) else { return };
        let is_there = there.running.is_some() && !there.disk.is_unmounted();
        let Some(stolen) = there.store.marks_now().author().filter(|_| is_there && self.thief.is_none()) else {
            return;
        };
        if there.keys.signer(stolen).is_none() {
            return;
        }
        let mut rng = self.rng.fork();
        let keys = there.keys.copied();
        let alias = keys.new_author(there.scheme, &mut rng);
        let (disk, frames) = (there.disk.copied(rng.fork()), there.store.frames());
        let name = format!("{}\u{2019}s thief", there.name);
        let mut machine = Member::new(alias, name, disk.clone(), rng.fork()).signing(there.scheme, keys.clone());
        machine.is_thief = true;
        machine.clock.set_now(self.now);
        let old_heads =
            disk.files().into_iter().filter(|(_, name, _)| FileName::parse(name) == FileName::Head).collect();
        let authors: Vec<AuthorId> = frames.iter().map(|frame| frame.id().author).collect();
        let predecessor = if rng.chance(500) { stolen } else { rng.pick(&authors).copied().unwrap_or(stolen) };
        let (retires, machine_at) = (rng.chance(300), self.members.len());
        if let Some(trace) = &mut self.trace {
            trace.members.push(machine.name.clone());
        }
        self.members.push(machine);
        self.service.add_copy(member, disk);
        self.service.add_own(machine_at, OsString::from(alias.to_string()));
        self.service.compare(machine_at);
        self.plan_service();
        self.note_fault(member, "robbed", "somebody copies the store and the keys");
        self.thief = Some(Box::new(Thief {
            rng,
            machine: machine_at,
            victim: member,
            stolen,
            alias,
            predecessor,
            keys,
            frames,
            old_heads,
            left: Vec::new(),
            retires,
            has_flooded: false,
            acts: ACTS,
        }));
        self.push(Duration::from_millis(10), Pending::Thieve);
    }

    /// Returns whether this is no member, but the machine of a thief.
    pub(crate) fn is_thief(&self, member: usize) -> bool {
        self.member(member).is_some_and(|there| there.is_thief)
    }

    /// Lets the thief do something, and plans the next time.
    pub(super) fn thieve(&mut self) {
        let Some(mut thief) = self.thief.take() else { return };
        if let Some(acts) = thief.acts.checked_sub(1) {
            thief.acts = acts;
            self.service.hydrate_all(thief.machine);
            self.put_back(&mut thief);
            self.act(&mut thief);
            let pause = if thief.rng.chance(500) { thief.rng.range(1..2000) } else { thief.rng.range(1..40_000) };
            self.push(Duration::from_millis(pause), Pending::Thieve);
        }
        self.thief = Some(thief);
    }

    /// Ends what the thief does. What it has written stays.
    pub(super) fn stop_thief(&mut self) {
        if let Some(thief) = &mut self.thief {
            thief.acts = 0;
        }
    }

    /// Lets the thief put back what has vanished of its messages. Returns whether anything had.
    pub(super) fn put_back_stolen(&mut self) -> bool {
        let Some(mut thief) = self.thief.take() else { return false };
        self.service.hydrate_all(thief.machine);
        let has_put = self.put_back(&mut thief);
        self.thief = Some(thief);
        has_put
    }

    fn act(&mut self, thief: &mut Thief) {
        let Some(there) = self.members.get(thief.machine) else { return };
        let (verify, now) = (there.scheme.verify(), there.clock.unix_ms());
        // What is beside the folder may be another session, and a program may have put a message of it into this one.
        let in_place = |(dir, _, content): Placed| {
            let author = DirName::parse(&dir).author();
            whole_frames(&content).filter(move |frame| Some(frame.id().author) == author).collect::<Vec<_>>()
        };
        let folder: Vec<Frame> = there.disk.files().into_iter().flat_map(in_place).collect();
        let author = if thief.rng.chance(700) { thief.stolen } else { thief.alias };
        match thief.rng.below(10) {
            0..6 => {
                let written = thief.write(author, &folder, &verify, now).unwrap_or_default();
                self.register(thief, &written);
                self.leave(thief, &written);
            }
            6 => {
                let known = accepted(thief.frames.iter().chain(&folder), &verify);
                let head = thief.head(author, &known, now);
                let content = head.map(|head| head.encode());
                self.leave_head(thief, author, content);
            }
            7 => {
                let Some((dir, _, content)) = thief.rng.pick(&thief.old_heads).cloned() else { return };
                self.put(thief, &[(dir, OsString::from("head (old)"), content)]);
            }
            8 => {
                let known = accepted(thief.frames.iter().chain(&folder), &verify);
                self.replay(thief, &known);
            }
            _ => {
                // What is spoiled is not part of any history.
                let before = thief.frames.len();
                let written = thief.write(author, &folder, &verify, now).unwrap_or_default();
                thief.frames.truncate(before);
                let spoiled = written.first().and_then(|frame| thief.spoiled(frame, &folder));
                self.leave(thief, spoiled.as_slice());
            }
        }
    }

    /// Registers what the thief has written: it is part of the history like any other.
    fn register(&mut self, thief: &Thief, frames: &[Frame]) {
        for frame in frames {
            let number = self.registry.in_order.len();
            if let Err(violation) = self.registry.add(frame, thief.machine, Lamport::ZERO, true) {
                return self.fail(violation);
            }
            self.retiring.has_begun |= frame.message().kind == Kind::Retirement;
            self.hasher.add(&[5, frame.message().lamport.0]);
            self.tell(thief.machine, What::Send(number));
        }
        if !frames.is_empty() {
            self.counts.add("stolen message");
        }
    }

    /// Puts messages of one author into the folder, in one file or in several, some of them only later.
    fn leave(&mut self, thief: &mut Thief, frames: &[Frame]) {
        let Some((first, last)) = span(frames) else { return };
        for frame in frames {
            self.registry.contest(frame.id());
        }
        let is_stolen = first.author == thief.stolen;
        self.is_in_use_twice(thief, first.author);
        let mut dir = OsString::from(first.author.to_string());
        let is_relay = is_stolen && self.reads_relays() && thief.rng.chance(200);
        if is_relay {
            dir.push(format!(".{}", thief.alias));
        }
        // Where such conflicts are left alone, no member would ever see what has a name of the victim's.
        let is_alone = self.service.profile().conflict == Conflict::Skipped;
        let takes_names = !is_stolen || is_relay || (!is_alone && thief.rng.chance(600));
        let pack = Pack::of(frames).ok().filter(|_| frames.len() > 1 && thief.rng.chance(500));
        let mut left: Vec<Placed> = if let Some(pack) = pack {
            let name = format!("{}-{}", CounterName::new(first.counter), CounterName::new(last.counter));
            vec![(dir, name.into(), pack.bytes().clone())]
        } else {
            let name = |frame: &Frame| OsString::from(CounterName::new(frame.id().counter).as_str());
            frames.iter().map(|frame| (dir.clone(), name(frame), frame.bytes().clone())).collect()
        };
        if !takes_names {
            for (_, name, content) in &mut left {
                *name = beside(name, content);
            }
        }
        let now: Vec<Placed> = left.iter().filter(|_| thief.rng.chance(800)).cloned().collect();
        self.put(thief, &now);
        thief.left.extend(left);
    }

    /// Puts files into the thief's folder. Where something else has the name of a message, the file gets another one.
    fn put(&mut self, thief: &Thief, files: &[Placed]) {
        let Some(disk) = self.members.get(thief.machine).map(|there| there.disk.clone()) else { return };
        let mut changes = Vec::new();
        for (dir, name, content) in files {
            let is_message = matches!(FileName::parse(name), FileName::Message(_) | FileName::Pack(..));
            let is_taken = disk.kind(dir, name).is_some() && disk.read(dir, name).as_ref() != Some(content);
            let name = if is_message && is_taken { beside(name, content) } else { name.clone() };
            // The member puts its own message of this number beside it.
            if let (DirName::Author(_), FileName::Message(_)) = (DirName::parse(dir), FileName::parse(&name)) {
                self.published.insert((dir.clone(), name.clone()));
            }
            disk.put(dir, &name, content.clone());
            changes.push(Change { dir: dir.clone(), name });
        }
        self.service.changed(thief.machine, changes);
        self.plan_service();
    }

    /// Puts back what is nowhere in the thief's folder any more. Returns whether there was any.
    fn put_back(&mut self, thief: &mut Thief) -> bool {
        let Some(there) = self.members.get(thief.machine) else { return false };
        // A conflict copy may be on this machine alone.
        let is_there = |(dir, name, content): &Placed| {
            let names = [name.clone(), beside(name, content)];
            names.iter().any(|name| there.disk.read(dir, name).as_ref() == Some(content))
        };
        let gone: Vec<Placed> = thief.left.iter().filter(|&file| !is_there(file)).cloned().collect();
        self.put(thief, &gone);
        !gone.is_empty()
    }

    fn leave_head(&mut self, thief: &mut Thief, author: AuthorId, content: Option<Bytes>) {
        self.is_in_use_twice(thief, author);
        let is_alone = self.service.profile().conflict == Conflict::Skipped;
        let name = if !is_alone && thief.rng.chance(500) { "head" } else { "head (2)" };
        let dir = OsString::from(author.to_string());
        let file = content.map(|content| (dir, OsString::from(name), content));
        self.put(thief, file.as_slice());
        self.counts.add("stolen head");
    }

    /// Puts a message of anybody where it does not belong, or once more where it does.
    fn replay(&mut self, thief: &mut Thief, known: &[Frame]) {
        let Some(frame) = thief.rng.pick(known).cloned() else { return };
        let (author, name) = (frame.id().author, CounterName::new(frame.id().counter));
        let (dir, name) = match thief.rng.below(3) {
            0 => (author.to_string(), format!("{name} (again)")),
            1 if author != thief.alias && self.reads_relays() => {
                (format!("{author}.{}", thief.alias), name.to_string())
            }
            _ => (thief.stolen.to_string(), format!("{name} (again)")),
        };
        self.put(thief, &[(dir.into(), name.into(), frame.bytes().clone())]);
    }

    /// Returns whether relays are read wherever they arrive. A part of a split folder that holds only relays is not.
    fn reads_relays(&self) -> bool {
        self.service.profile().split_folders == 0
    }

    /// Notes that a name is in use by the thief, so that its owner has to part from it.
    fn is_in_use_twice(&mut self, thief: &Thief, author: AuthorId) {
        if author == thief.stolen {
            let owners = self.members.iter_mut().filter(|there| there.is_or_was(author));
            owners.for_each(|owner| owner.is_ambiguous = true);
        }
    }

    /// Returns whether the thief can speak for the member with this number: it is the victim, or the thief itself.
    pub(super) fn is_compromised(&self, member: usize) -> bool {
        self.thief.as_ref().is_some_and(|thief| {
            let has_name = |there: &Member| there.is_thief || there.is_or_was(thief.stolen);
            member == thief.victim || self.members.get(member).is_some_and(has_name)
        })
    }

    /// Returns the messages of a list that the thief cannot have written, and cannot have kept anybody from waiting for.
    pub(super) fn uncompromised(&self, list: impl Iterator<Item = Digest>) -> Vec<Digest> {
        let is_honest = |digest: &Digest| !self.registry.known(digest).is_some_and(|it| self.is_compromised(it.member));
        list.filter(is_honest).collect()
    }

    /// Returns the authors of which the thief may have made messages that wait forever.
    pub(super) fn stolen_authors(&self) -> impl Iterator<Item = AuthorId> + '_ {
        self.thief.iter().flat_map(|thief| [thief.stolen, thief.alias])
    }
}

/// Returns the name of a file beside one whose name is taken.
fn beside(name: &OsString, content: &Bytes) -> OsString {
    format!("{} (copy {:?})", name.to_string_lossy(), Digest::of(content)).into()
}
