//! A sync service: clients on every machine, and the versions that they agree on.
//!
//! A client uploads local changes since it last agreed with the others, and downloads changes from elsewhere. Two
//! simultaneous changes of one file are a conflict, which the profile resolves.

mod client;
mod files;
mod manners;
mod online;
mod relinking;
mod task;

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::{OsStr, OsString},
    time::Duration,
};

use bytes::Bytes;
use client::Client;
pub use relinking::Filling;
pub(crate) use task::Task;

use crate::{
    Disk, Rng,
    disk::{Change, owner_of},
    profile::{Conflict, Placeholder, Profile},
    rule::{Effect, Rule, Rules, Verdict},
};

/// A file as all clients name it: directory and name.
pub(crate) type Place = (OsString, OsString);

/// An event at the service for the trace of the run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Told {
    Copy(usize, String),
    Partial(usize),
    Doubled(usize),
    Split(usize),
    OnlineOnly(usize),
    /// A process has rewritten a file that had long been online-only.
    Ignored(usize, String),
}

#[derive(Debug)]
pub(crate) struct Service {
    profile: Profile,
    pub(crate) rules: Rules,
    rng: Rng,
    agreed: BTreeMap<Place, Agreed>,
    clients: Vec<Client>,
    disks: Vec<Disk>,
    /// The tasks to be done, each with its delay.
    pub(crate) tasks: Vec<(Duration, Task)>,
    pub(crate) told: Vec<Told>,
    fair: bool,
    now: Duration,
    /// The last content of every file that was removed for all members.
    removed: BTreeMap<Place, Bytes>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Agreed {
    number: u64,
    /// The content, or `None` once the file was removed.
    content: Option<Bytes>,
}

impl Service {
    /// Creates a service between these disks, each with the directory where its machine writes.
    pub(crate) fn new(profile: Profile, machines: Vec<(Disk, OsString)>, rng: Rng) -> Self {
        let (disks, own): (Vec<Disk>, Vec<OsString>) = machines.into_iter().unzip();
        let clients = own.into_iter().map(|own| Client { own: BTreeSet::from([own]), ..Client::default() }).collect();
        Self {
            profile,
            rules: Rules::default(),
            rng,
            agreed: BTreeMap::new(),
            clients,
            disks,
            tasks: Vec::new(),
            told: Vec::new(),
            fair: false,
            now: Duration::ZERO,
            removed: BTreeMap::new(),
        }
    }

    /// Adds a machine whose disk and client are copies of another's.
    pub(crate) fn add_copy(&mut self, of: usize, disk: Disk) {
        let mut client = self.clients.get(of).cloned().unwrap_or_default();
        // A file that was being written on the other machine is not being written here.
        for place in std::mem::take(&mut client.busy).into_keys() {
            client.base.remove(&place);
        }
        // The copied disk has no dataless directories.
        client.evicted.retain(|(_, name), _| !name.is_empty());
        client.waiting.clear();
        client.offline = false;
        self.clients.push(client);
        self.disks.push(disk);
    }

    /// Adds a directory where a machine's processes write from now on.
    pub(crate) fn add_own(&mut self, member: usize, dir: OsString) {
        if let Some(client) = self.clients.get_mut(member) {
            client.own.insert(dir);
        }
    }

    /// Returns the profile.
    pub(crate) fn profile(&self) -> &Profile {
        &self.profile
    }

    /// Handles changes made by a member's processes.
    pub(crate) fn changed(&mut self, member: usize, changes: Vec<Change>) {
        for Change { dir, name } in changes {
            if dir.is_empty() || self.is_ignored(&name) || self.is_placeholder(&name) {
                continue;
            }
            let Some(client) = self.clients.get(member) else { continue };
            let place = client.shared_place(&dir, &name);
            self.judge_placeholder(member, &place, (&dir, &name));
            let delay = self.profile.delay(self.now, &mut self.rng) / 2;
            self.tasks.push((delay, Task::Upload(member, place)));
        }
    }

    /// Removes a machine permanently.
    pub(crate) fn leave(&mut self, member: usize) {
        if let Some(client) = self.clients.get_mut(member) {
            client.is_gone = true;
        }
    }

    pub(crate) fn set_offline(&mut self, member: usize, offline: bool) {
        let Some(client) = self.clients.get_mut(member) else { return };
        client.offline = offline;
        if !offline {
            for task in std::mem::take(&mut client.waiting) {
                let delay = self.profile.delay(self.now, &mut self.rng);
                self.tasks.push((delay, task));
            }
        }
    }

    /// Lets everything arrive whole and without delay from now on.
    pub(crate) fn become_fair(&mut self) {
        self.fair = true;
        self.rules.clear();
        for member in 0..self.clients.len() {
            self.set_offline(member, false);
            if let Some(client) = self.clients.get_mut(member) {
                client.returning.clear();
                client.deselected.clear();
                client.full_until = Duration::ZERO;
            }
            self.hydrate_all(member);
        }
    }

    /// Lets every client compare its whole disk with the agreed versions. Returns whether there was a difference.
    pub(crate) fn compare_all(&mut self) -> bool {
        let differing: Vec<usize> = (0..self.clients.len()).filter(|&member| self.compare(member)).collect();
        !differing.is_empty()
    }

    /// Lets a client compare its whole disk with the agreed versions. Returns whether there was a difference.
    pub(crate) fn compare(&mut self, member: usize) -> bool {
        let (Some(client), Some(disk)) = (self.clients.get(member), self.disks.get(member)) else { return false };
        if client.is_gone {
            return false;
        }
        let mut here: Vec<Place> = Vec::new();
        disk.each_file(|dir, name| here.push(client.shared_place(dir, name)));
        let mut places: Vec<&Place> = here.iter().chain(client.base.keys()).chain(self.agreed.keys()).collect();
        places.sort();
        places.dedup();
        let tasks: Vec<Task> = places.into_iter().filter_map(|place| self.due(member, place)).collect();
        let differs = !tasks.is_empty();
        for task in tasks {
            let delay = if self.fair { Duration::ZERO } else { self.profile.delay(self.now, &mut self.rng) };
            self.tasks.push((delay, task));
        }
        differs
    }

    /// Returns what a client must do about a place, if its disk or its knowledge differs from the agreed version.
    fn due(&self, member: usize, place: &Place) -> Option<Task> {
        self.bring_back_forgotten(member, place);
        let client = self.clients.get(member)?;
        if self.is_ignored(&place.1) || self.is_temporary(&place.1) || self.is_placeholder(&place.1) {
            return None;
        }
        if client.busy.contains_key(place) || client.deselected.contains(&place.0) {
            return None;
        }
        let agreed = self.agreed.get(place).map_or(0, |agreed| agreed.number);
        let base = client.base.get(place);
        if self.local(member, place).as_ref() != base.and_then(|base| base.content.as_ref()) {
            return Some(Task::Upload(member, place.clone()));
        }
        (base.map_or(0, |base| base.number) != agreed).then(|| Task::Download(member, place.clone()))
    }

    /// Performs one task. Returns the member whose disk it changed.
    pub(crate) fn run(&mut self, task: Task, now: Duration) -> Option<usize> {
        self.now = now;
        let client = self.clients.get_mut(task.member()).filter(|client| !client.is_gone)?;
        if client.offline {
            client.waiting.insert(task);
            return None;
        }
        if let Some(at) = client.returns_at(&task, now) {
            self.tasks.push((at.saturating_sub(now), task));
            return None;
        }
        if let Some(until) = self.is_full_until(&task) {
            self.tasks.push((until.saturating_sub(now), task));
            return None;
        }
        if self.is_deselected(&task) {
            return None;
        }
        if let Some(until) = self.is_kept_from(&task) {
            self.tasks.push((until.saturating_sub(now), task));
            return None;
        }
        match task {
            Task::Upload(member, place) => self.upload(member, place),
            Task::Download(member, place) => self.download(member, place),
            Task::Finish(member, place, temporary) => self.finish(member, &place, temporary),
            Task::Evict(member, place) => self.evict(member, place, None),
            Task::Hydrate(member, place) => self.hydrate(member, &place),
        }
    }

    fn upload(&mut self, member: usize, place: Place) -> Option<usize> {
        if self.clients.get(member)?.busy.contains_key(&place) {
            return None;
        }
        let (here, name) = self.clients.get(member)?.local_place(&place);
        self.disks.get(member)?.carry(&here, &name);
        let local = self.local(member, &place);
        let agreed = self.agreed.get(&place).cloned().unwrap_or_default();
        let base = self.base(member, &place);
        if local == agreed.content {
            self.clients.get_mut(member)?.base.insert(place, agreed);
            return None;
        }
        if local == base.content {
            return self.later_download(member, place);
        }
        if base.number == agreed.number || agreed.content.is_none() {
            self.agree(member, &place, local);
            return None;
        }
        match local {
            // Removed here and changed elsewhere: the changed version comes back.
            None => {
                let gone = Agreed { number: base.number, content: None };
                self.clients.get_mut(member)?.base.insert(place.clone(), gone);
                self.later_download(member, place)
            }
            Some(local) => self.resolve(member, place, local, agreed),
        }
    }

    /// Makes this version the agreed one, which the others download.
    fn agree(&mut self, member: usize, place: &Place, content: Option<Bytes>) {
        let agreed = self.agreed.entry(place.clone()).or_default();
        agreed.number += 1;
        if let (Some(removed), None) = (&agreed.content, &content) {
            self.removed.insert(place.clone(), removed.clone());
        }
        agreed.content = content;
        let agreed = agreed.clone();
        self.maybe_evict(member, place);
        if let Some(client) = self.clients.get_mut(member) {
            client.base.insert(place.clone(), agreed);
        }
        for other in (0..self.clients.len()).filter(|&other| other != member) {
            let delay = if self.fair { Duration::ZERO } else { self.profile.delay(self.now, &mut self.rng) };
            self.tasks.push((delay, Task::Download(other, place.clone())));
        }
    }

    /// Resolves a conflict; the version of `member` loses.
    fn resolve(&mut self, member: usize, place: Place, local: Bytes, agreed: Agreed) -> Option<usize> {
        let (dir, name) = place.clone();
        let (here, local_name) = self.clients.get(member)?.local_place(&place);
        let disk = self.disks.get(member)?.clone();
        let loser = self.profile.conflict.loser(&name.to_string_lossy(), &mut self.rng);
        match self.profile.conflict {
            Conflict::Skipped => return None,
            Conflict::Destroyed => {}
            Conflict::After(_) | Conflict::Both(..) => {
                let loser = OsString::from(loser?);
                disk.remove(&here, &local_name);
                disk.put(&here, &loser, local.clone());
                self.told.push(Told::Copy(member, loser.to_string_lossy().into_owned()));
                if self.profile.copies_travel {
                    self.agree(member, &(dir.clone(), loser), Some(local));
                }
            }
        }
        if let (Conflict::Both(winner, _), Some(content)) = (self.profile.conflict, agreed.content) {
            let winner = OsString::from(format!("{}{winner}", name.to_string_lossy()));
            disk.put(&here, &winner, content.clone());
            self.agree(member, &(dir, winner), Some(content));
            self.clients.get_mut(member)?.base.insert(place.clone(), Agreed::default());
            self.agree(member, &place, None);
            return Some(member);
        }
        disk.remove(&here, &local_name);
        self.clients.get_mut(member)?.base.insert(place.clone(), Agreed::default());
        self.later_download(member, place);
        Some(member)
    }

    fn later_download(&mut self, member: usize, place: Place) -> Option<usize> {
        self.tasks.push((Duration::from_millis(1), Task::Download(member, place)));
        None
    }

    fn download(&mut self, member: usize, place: Place) -> Option<usize> {
        let agreed = self.agreed.get(&place).cloned().unwrap_or_default();
        let base = self.base(member, &place);
        let local = self.local(member, &place);
        if base.number == agreed.number || self.clients.get(member)?.busy.contains_key(&place) {
            return None;
        }
        if local == agreed.content {
            self.clients.get_mut(member)?.base.insert(place, agreed);
            return None;
        }
        if local != base.content {
            return self.upload(member, place);
        }
        self.maybe_double(member, owner_of(&place.0).unwrap_or(&place.0));
        self.maybe_rename(member, &place);
        let (here, name) = self.clients.get(member)?.local_place(&place);
        let effect = Effect { to: member, dir: &here, name: &name, content: agreed.content.as_ref(), now: self.now };
        let verdict = if self.fair { Verdict::Pass } else { self.rules.on_effect(&effect, &mut self.rng) };
        let verdict = if verdict == Verdict::Pass { self.manners(&effect) } else { verdict };
        self.apply(member, place, agreed, verdict)
    }

    fn apply(&mut self, member: usize, place: Place, agreed: Agreed, verdict: Verdict) -> Option<usize> {
        let dir = place.0.clone();
        let (here, name) = self.clients.get(member)?.local_place(&place);
        let disk = self.disks.get(member)?.clone();
        if !matches!(verdict, Verdict::Delay(_) | Verdict::Drop) {
            self.forget_placeholder(member, &place);
        }
        match (verdict, &agreed.content) {
            (Verdict::Delay(delay), _) => {
                self.tasks.push((delay.max(Duration::from_millis(1)), Task::Download(member, place)));
                return None;
            }
            (Verdict::Drop, _) => return None,
            (_, None) => {
                disk.remove(&here, &name);
            }
            (Verdict::Partial { bytes, rest_after }, Some(content)) => {
                disk.put_part(&here, &name, content, bytes);
                self.told.push(Told::Partial(member));
                return self.begin(member, place, None, rest_after);
            }
            (Verdict::Absent(delay), Some(_)) => {
                disk.remove(&here, &name);
                return self.begin(member, place, None, delay);
            }
            (Verdict::Copied(other), Some(content)) => {
                disk.put(&here, OsStr::new(&other), content.clone());
                disk.put(&here, &name, content.clone());
                self.told.push(Told::Copy(member, other.clone()));
                if self.profile.copies_travel {
                    self.agree(member, &(dir, OsString::from(other)), Some(content.clone()));
                }
            }
            (Verdict::OnlineOnly(span), Some(content)) => {
                disk.put(&here, &name, content.clone());
                self.clients.get_mut(member)?.base.insert(place.clone(), agreed);
                return self.evict(member, place, Some(span));
            }
            (Verdict::Pass, Some(content)) => {
                if let Some(temporary) = self.temporary(&name) {
                    disk.put(&here, &temporary, content.slice(..content.len() / 2));
                    let rest_after = Duration::from_millis(self.rng.range(1..400));
                    return self.begin(member, place, Some(temporary), rest_after);
                }
                disk.put(&here, &name, content.clone());
            }
        }
        self.clients.get_mut(member)?.base.insert(place.clone(), agreed);
        self.maybe_evict(member, &place);
        Some(member)
    }

    /// Restores everything that was ever removed for all members, on one member's disk.
    pub(crate) fn resurrect(&mut self, member: usize) {
        let Some(disk) = self.disks.get(member).cloned() else { return };
        for (place, content) in std::mem::take(&mut self.removed) {
            let Some(client) = self.clients.get(member) else { return };
            let (here, name) = client.local_place(&place);
            if disk.kind(&here, &name).is_none() && !client.evicted.contains_key(&place) {
                disk.put(&here, &name, content);
                let delay = self.profile.delay(self.now, &mut self.rng);
                self.tasks.push((delay, Task::Upload(member, place)));
            }
        }
    }

    fn begin(&mut self, member: usize, place: Place, temporary: Option<OsString>, rest: Duration) -> Option<usize> {
        let begun = self.local(member, &place);
        self.clients.get_mut(member)?.busy.insert(place.clone(), begun);
        self.tasks.push((rest, Task::Finish(member, place, temporary)));
        Some(member)
    }

    fn finish(&mut self, member: usize, place: &Place, temporary: Option<OsString>) -> Option<usize> {
        let agreed = self.agreed.get(place).cloned().unwrap_or_default();
        let local = self.local(member, place);
        let client = self.clients.get_mut(member)?;
        let begun = client.busy.remove(place)?;
        let ((here, name), disk) = (client.local_place(place), self.disks.get(member)?);
        if let Some(temporary) = temporary {
            disk.remove(&here, &temporary);
        }
        if local != begun {
            // A process has replaced the file meanwhile, and a client overwrites only what it knows.
            return self.upload(member, place.clone());
        }
        client.base.insert(place.clone(), agreed.clone());
        match agreed.content {
            Some(content) => disk.put(&here, &name, content),
            None => {
                disk.remove(&here, &name);
            }
        }
        Some(member)
    }

    fn base(&self, member: usize, place: &Place) -> Agreed {
        self.clients.get(member).and_then(|client| client.base.get(place)).cloned().unwrap_or_default()
    }

    fn local(&self, member: usize, place: &Place) -> Option<Bytes> {
        let client = self.clients.get(member)?;
        let (here, name) = client.local_names(place);
        let there = self.disks.get(member)?.read(&here, name);
        // For the service, a file that a placeholder represents is present.
        let is_placeheld = client.evicted.contains_key(place) && self.profile.placeholder != Placeholder::Marked;
        if there.is_none() && is_placeheld { client.base.get(place)?.content.clone() } else { there }
    }
}

fn around(before: &str, name: &OsStr, after: &str) -> OsString {
    let mut around = OsString::from(before);
    around.push(name);
    around.push(after);
    around
}
