//! Files that are online-only for a while.

use std::{
    ffi::{OsStr, OsString},
    time::Duration,
};

use bytes::Bytes;

use super::{Place, Service, Task, Told, around};
use crate::profile::Placeholder;

/// The time after which every member that receives hints has seen a placeholder.
const LONG: Duration = Duration::from_secs(15);

impl Service {
    /// Draws whether a file becomes online-only after a while.
    pub(super) fn maybe_evict(&mut self, member: usize, place: &Place) {
        if !self.fair && self.rng.chance(self.profile.online_only) {
            let delay = Duration::from_millis(self.rng.range(1..20_000));
            self.tasks.push((delay, Task::Evict(member, place.clone())));
        }
        let is_mac = self.disks.get(member).is_some_and(|disk| disk.options().system.is_mac());
        let is_own = self.clients.get(member).is_some_and(|client| client.is_own(&place.0));
        // Directories in use on this machine keep their names.
        if !self.fair && is_mac && !is_own && self.rng.chance(self.profile.online_only) {
            let delay = Duration::from_millis(self.rng.range(1..20_000));
            self.tasks.push((delay, Task::Evict(member, (place.0.clone(), OsString::new()))));
        }
    }

    /// Returns the time until which a removed name keeps the service from doing this task.
    pub(super) fn is_kept_from(&self, task: &Task) -> Option<Duration> {
        let (Task::Download(member, place) | Task::Finish(member, place, _) | Task::Hydrate(member, place)) = task
        else {
            return None;
        };
        let (here, name) = self.clients.get(*member)?.local_names(place);
        self.disks.get(*member)?.dying_until(&here, name)
    }

    /// Takes the names of a directory away. Returns the member whose disk this changed.
    fn evict_dir(&mut self, member: usize, place: Place) -> Option<usize> {
        let client = self.clients.get_mut(member)?;
        if self.fair || client.evicted.contains_key(&place) {
            return None;
        }
        let ((here, _), disk) = (client.local_place(&place), self.disks.get(member)?);
        client.evicted.insert(place.clone(), self.now);
        disk.set_dir_online_only(&here, true);
        let span = Duration::from_millis(self.rng.range(1..200_000));
        self.tasks.push((span, Task::Hydrate(member, place)));
        Some(member)
    }

    /// Takes the content of a file away if it is the agreed one, for `span` or until a process needs it.
    pub(super) fn evict(&mut self, member: usize, place: Place, span: Option<Duration>) -> Option<usize> {
        if place.1.is_empty() {
            return self.evict_dir(member, place);
        }
        let base = self.base(member, &place);
        let content = base.content.clone()?;
        let client = self.clients.get_mut(member)?;
        if self.fair || client.busy.contains_key(&place) || client.evicted.contains_key(&place) {
            return None;
        }
        let ((here, name), disk) = (client.local_place(&place), self.disks.get(member)?);
        if disk.read(&here, &name).as_ref() != Some(&content) {
            return None;
        }
        client.evicted.insert(place.clone(), self.now);
        match self.profile.placeholder {
            Placeholder::Marked => disk.set_online_only(&here, &name, true),
            Placeholder::Named(before, after) => {
                disk.remove(&here, &name);
                disk.put(&here, &around(before, &name, after), Bytes::from_static(b"?"));
            }
        }
        self.told.push(Told::OnlineOnly(member));
        let span = span.unwrap_or_else(|| Duration::from_millis(self.rng.range(1..200_000)));
        self.tasks.push((span, Task::Hydrate(member, place)));
        Some(member)
    }

    /// Brings the content of a file back.
    pub(super) fn hydrate(&mut self, member: usize, place: &Place) -> Option<usize> {
        if !self.clients.get(member)?.evicted.contains_key(place) {
            return None;
        }
        if place.1.is_empty() {
            let client = self.clients.get_mut(member)?;
            client.evicted.remove(place);
            let (here, _) = client.local_place(place);
            self.disks.get(member)?.set_dir_online_only(&here, false);
            return Some(member);
        }
        let content = self.base(member, place).content;
        self.forget_placeholder(member, place);
        let ((here, name), disk) = (self.clients.get(member)?.local_place(place), self.disks.get(member)?);
        match (self.profile.placeholder, content) {
            (Placeholder::Marked, _) => disk.set_online_only(&here, &name, false),
            // A process may have put a file of that name there.
            (Placeholder::Named(..), Some(content)) if disk.kind(&here, &name).is_none() => {
                // The file is there from now on, and must be read within two scans.
                disk.disturb();
                disk.put(&here, &name, content);
            }
            (Placeholder::Named(..), _) => {}
        }
        Some(member)
    }

    /// Brings the content of an online-only file soon, because a process has opened it.
    pub(crate) fn fetch(&mut self, member: usize, dir: &OsStr, name: &OsStr) {
        let Some(client) = self.clients.get(member) else { return };
        let place = client.shared_place(dir, name);
        let delay = Duration::from_millis(self.rng.range(100..5000));
        self.tasks.push((delay, Task::Hydrate(member, place)));
    }

    /// Brings a file back that a crash made online-only again without the client's knowledge, by undoing its
    /// replacement.
    pub(super) fn bring_back_forgotten(&self, member: usize, place: &Place) {
        let (Some(client), Some(disk)) = (self.clients.get(member), self.disks.get(member)) else { return };
        let (here, name) = client.local_names(place);
        if disk.is_online_only(&here, name) && !client.evicted.contains_key(place) {
            disk.set_online_only(&here, name, false);
        }
    }

    /// Brings the content of every file back.
    pub(crate) fn hydrate_all(&mut self, member: usize) {
        let evicted = self.clients.get(member).map(|client| client.evicted.clone()).unwrap_or_default();
        for place in evicted.into_keys() {
            self.hydrate(member, &place);
        }
    }

    /// Notes that a file is no longer online-only.
    pub(super) fn forget_placeholder(&mut self, member: usize, place: &Place) {
        let (Some(client), Some(disk)) = (self.clients.get_mut(member), self.disks.get(member)) else { return };
        if client.evicted.remove(place).is_some()
            && let Placeholder::Named(before, after) = self.profile.placeholder
        {
            let (here, name) = client.local_place(place);
            disk.remove(&here, &around(before, &name, after));
        }
    }

    /// Judges a change by a process where a placeholder may represent the file: the process must see the placeholder.
    pub(super) fn judge_placeholder(&mut self, member: usize, place: &Place, (dir, name): (&OsStr, &OsStr)) {
        let (Some(client), Some(disk)) = (self.clients.get(member), self.disks.get(member)) else { return };
        let Placeholder::Named(before, after) = self.profile.placeholder else { return };
        let Some(&evicted) = client.evicted.get(place).filter(|_| disk.kind(dir, name).is_some()) else { return };
        // A power loss may have removed the whole directory, if its name was never durable.
        let stands = disk.kind(dir, &around(before, name, after)).is_some();
        let sees = disk.options().lost_hints == 0 && disk.overflowed() < evicted;
        if stands && sees && evicted.max(disk.disturbed()) + LONG < self.now {
            self.told.push(Told::Ignored(member, name.to_string_lossy().into_owned()));
        }
        // The file itself is there again, so no placeholder represents it any more.
        self.forget_placeholder(member, place);
    }

    /// Returns whether a name is that of a placeholder.
    pub(crate) fn is_placeholder(&self, name: &OsStr) -> bool {
        match self.profile.placeholder {
            Placeholder::Named(before, after) => {
                let name = name.as_encoded_bytes();
                name.starts_with(before.as_bytes()) && name.ends_with(after.as_bytes())
            }
            Placeholder::Marked => false,
        }
    }
}
