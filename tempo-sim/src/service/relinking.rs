//! A client that is signed out and in forgets what it has, and fetches everything again.

use std::{
    collections::BTreeSet,
    ffi::{OsStr, OsString},
    time::Duration,
};

use super::{Client, Place, Service, Task};
use crate::disk::owner_of;

/// The time that a service takes to fill a folder again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Filling {
    /// The time until the first files come back.
    pub quiet: Duration,
    /// The time from then on until the last one is back.
    pub span: Duration,
}

impl Client {
    /// Returns when a file comes back that this client fetches again, if it is not time yet.
    pub(super) fn returns_at(&mut self, task: &Task, now: Duration) -> Option<Duration> {
        let Task::Download(_, place) = task else { return None };
        let at = self.returning.get(place).copied()?;
        if at <= now {
            self.returning.remove(place);
        }
        (at > now).then_some(at)
    }
}

impl Service {
    /// Takes every file away that a client and the others agree on. Each comes back at its own time. The machine's own
    /// directories stay, except `with_own`.
    pub(crate) fn relink(&mut self, member: usize, filling: Filling, with_own: bool) {
        self.hydrate_all(member);
        let may_return = |place: &&Place| self.may_return(member, place, with_own);
        let places: Vec<Place> = self.agreed.keys().filter(may_return).cloned().collect();
        let mut emptied = BTreeSet::new();
        for place in places {
            let (Some(client), Some(disk)) = (self.clients.get_mut(member), self.disks.get(member)) else { return };
            let (here, name) = client.local_place(&place);
            disk.remove(&here, &name);
            client.base.remove(&place);
            let span = u64::try_from(filling.span.as_millis()).unwrap_or(u64::MAX).max(1);
            let delay = filling.quiet + Duration::from_millis(self.rng.range(0..span));
            client.returning.insert(place.clone(), self.now + delay);
            self.tasks.push((delay, Task::Download(member, place)));
            emptied.insert(here);
        }
        let Some(disk) = self.disks.get(member) else { return };
        let mut filled: BTreeSet<OsString> = disk.specials().into_iter().map(|(dir, _)| dir).collect();
        disk.each_file(|dir, _| {
            filled.extend(emptied.contains(dir).then(|| dir.to_owned()));
            filled.extend(owner_of(dir).map(OsStr::to_owned));
        });
        for dir in emptied.difference(&filled) {
            disk.remove_dir(dir);
        }
    }

    /// Returns whether files are still to come back on a machine.
    pub(crate) fn is_returning(&self, member: usize) -> bool {
        self.clients.get(member).is_some_and(|client| !client.returning.is_empty())
    }

    /// Returns whether the service has all that the machine's own processes wrote.
    pub(crate) fn has_all_of(&self, member: usize) -> bool {
        let (Some(client), Some(disk)) = (self.clients.get(member), self.disks.get(member)) else { return false };
        let mut files = Vec::new();
        disk.each_file(|dir, name| files.extend(client.is_own(dir).then(|| (dir.to_owned(), name.to_owned()))));
        let places = files.iter().map(|(dir, name): &(OsString, OsString)| client.shared_place(dir, name));
        !files.is_empty() && places.into_iter().all(|place| self.is_agreed(member, &place))
    }

    fn may_return(&self, member: usize, place: &Place, with_own: bool) -> bool {
        let Some(client) = self.clients.get(member) else { return false };
        let is_in_session = |dir: &OsStr| !owner_of(dir).unwrap_or(dir).as_encoded_bytes().contains(&b'/');
        is_in_session(&place.0)
            && (with_own || !client.is_own(&place.0))
            && !client.busy.contains_key(place)
            && self.is_agreed(member, place)
    }

    /// Returns whether a file is on a machine as all clients know it.
    fn is_agreed(&self, member: usize, place: &Place) -> bool {
        let Some(agreed) = self.agreed.get(place).filter(|agreed| agreed.content.is_some()) else { return false };
        self.base(member, place) == *agreed && self.local(member, place) == agreed.content
    }
}
