//! Deletions, overwriting and rewinds by people, other programs and the service.

use std::{
    ffi::{OsStr, OsString},
    time::Duration,
};

use bytes::Bytes;
use tempo_message::CounterName;

use super::{Simulation, Snapshot};
use crate::disk::Change;

impl Simulation {
    /// Removes any file, or a whole directory if `name` is `None`, as another program at the member's machine would.
    pub(crate) fn delete(&mut self, member: usize, dir: &OsStr, name: Option<&OsStr>) {
        // A placeholder is treated as the file that it represents.
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

    /// Replaces the content of any file, if it exists, as another program at the member's machine would.
    pub(crate) fn overwrite(&mut self, member: usize, dir: &OsStr, name: &OsStr, content: Bytes) {
        // A placeholder is treated as the file that it represents and is not overwritten itself.
        self.service.hydrate_all(member);
        if self.members.get(member).is_none_or(|there| there.disk.read(dir, name).is_none()) {
            return;
        }
        // In another part of a split folder, the part's name precedes it.
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

    /// Puts content under the name of the member's next message, as another program or the service would.
    pub(crate) fn forestall(&mut self, member: usize, content: Bytes) {
        let Some(there) = self.members.get_mut(member) else { return };
        let own = there.store.sent().into_iter().map(|frame| frame.id()).filter(|id| id.author == there.author);
        let last = own.map(|id| id.counter).max().unwrap_or_default();
        let (dir, name) = (there.author.to_string(), CounterName::new(last + 1));
        there.is_overwritten = true;
        // The message goes beside that file, and the final check looks for it there.
        self.published.insert((OsString::from(&dir), OsString::from(name.as_str())));
        let change = Change { dir: OsString::from(dir), name: OsString::from(name.as_str()) };
        there.disk.disturb();
        there.disk.put(&change.dir, &change.name, content);
        self.service.changed(member, vec![change]);
        self.plan_service();
    }

    /// Returns the current contents of a member's folder.
    pub(crate) fn snapshot(&self, member: usize) -> Snapshot {
        let files = self.members.get(member).map(|there| there.disk.files()).unwrap_or_default();
        // Placeholders belong to the service.
        Snapshot { files: files.into_iter().filter(|(_, name, _)| !self.service.is_placeholder(name)).collect() }
    }

    /// Reverts a member's whole folder to a snapshot, as a service's rewind or a backup would.
    pub(crate) fn roll_back(&mut self, member: usize, to: &Snapshot) {
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

    /// Brings back everything that was ever removed for every member, from one member's machine.
    pub(crate) fn resurrect(&mut self, member: usize) {
        self.service.resurrect(member);
        self.members.iter().for_each(|there| there.disk.disturb());
        self.plan_service();
        self.turn_soon(member, Duration::from_millis(5));
    }
}
