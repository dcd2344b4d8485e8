//! What happens to the parts of files at a service: places that a person deselects, and a full account.

use std::{ffi::OsStr, time::Duration};

use super::{Place, Service, Task};
use crate::disk::owner_of;

impl Service {
    /// Takes a directory away from one machine, as a person does who deselects it. The others keep it. It comes back when
    /// it is selected again.
    pub(crate) fn deselect(&mut self, member: usize, dir: &OsStr) {
        let (Some(client), Some(disk)) = (self.clients.get_mut(member), self.disks.get(member)) else { return };
        let here = client.local_place(&(dir.to_owned(), "".into())).0;
        client.deselected.insert(dir.to_owned());
        client.base.retain(|place, _| place.0 != *dir);
        client.busy.retain(|place, _| place.0 != *dir);
        client.evicted.retain(|place, _| place.0 != *dir);
        disk.remove_dir(&here);
    }

    /// Lets a client's account be full for a time: no part of a file is uploaded.
    pub(crate) fn fill_account(&mut self, member: usize, span: Duration) {
        if let Some(client) = self.clients.get_mut(member) {
            client.full_until = self.now + span;
        }
    }

    /// Takes the content of a file away from a machine, for a time or until a process needs it.
    pub(crate) fn keep_online(&mut self, member: usize, place: Place, span: Duration) {
        self.evict(member, place, Some(span));
    }

    /// Returns the time until which a full account keeps the client from doing this.
    pub(super) fn is_full_until(&self, task: &Task) -> Option<Duration> {
        let Task::Upload(member, place) = task else { return None };
        owner_of(&place.0)?;
        self.clients.get(*member).map(|client| client.full_until).filter(|until| *until > self.now)
    }

    /// Returns whether a task is about a place that a person has deselected.
    pub(super) fn is_deselected(&self, task: &Task) -> bool {
        self.clients.get(task.member()).is_some_and(|client| client.deselected.contains(&task.place().0))
    }
}
