//! A service's client on one machine: what it knows, and the names that differ on its disk.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    ffi::{OsStr, OsString},
    path::Path,
    time::Duration,
};

use bytes::Bytes;
use unicode_normalization::UnicodeNormalization;

use super::{Agreed, Place, Service, Task};
use crate::disk::{owner_of, place_of};

#[derive(Debug, Clone, Default)]
pub(super) struct Client {
    /// The directories where this machine's own processes write. These must keep their names.
    pub(super) own: BTreeSet<OsString>,
    pub(super) offline: bool,
    /// True if the client never returns.
    pub(super) is_gone: bool,
    /// The agreed versions that this client knows and has on its disk.
    pub(super) base: BTreeMap<Place, Agreed>,
    /// Directories that have another name on this disk.
    pub(super) aliases: BTreeMap<OsString, OsString>,
    /// Files that have another name on this disk.
    pub(super) renamed: BTreeMap<Place, OsString>,
    /// Files that are being written, each with what was there when that began.
    pub(super) busy: BTreeMap<Place, Option<Bytes>>,
    /// Online-only files, and the times since when they are.
    pub(super) evicted: BTreeMap<Place, Duration>,
    /// Files that this client fetches again because it was linked anew, and when each is back.
    pub(super) returning: BTreeMap<Place, Duration>,
    /// Directories that a person has deselected on this machine.
    pub(super) deselected: BTreeSet<OsString>,
    /// The time until which this client uploads no parts of files, because there is no room for them.
    pub(super) full_until: Duration,
    /// Tasks that could not be done offline.
    pub(super) waiting: BTreeSet<Task>,
}

impl Client {
    /// Returns whether this machine's own processes write in a directory: an author's own, or one for what that author
    /// relays.
    pub(super) fn is_own(&self, dir: &OsStr) -> bool {
        let dir = owner_of(dir).unwrap_or(dir);
        let relayer = dir.to_str().and_then(|dir| dir.split_once('.')).map(|(_, relayer)| OsStr::new(relayer));
        self.own.contains(dir) || relayer.is_some_and(|relayer| self.own.contains(relayer))
    }

    /// Returns the directory and the name of a place on this disk.
    pub(super) fn local_names<'a>(&'a self, place: &'a Place) -> (Cow<'a, OsStr>, &'a OsStr) {
        let alias = self.aliases.get(owner_of(&place.0).unwrap_or(&place.0));
        let dir = match alias {
            None => Cow::Borrowed(place.0.as_os_str()),
            Some(alias) if owner_of(&place.0).is_some() => Cow::Owned(place_of(alias)),
            Some(alias) => Cow::Borrowed(alias.as_os_str()),
        };
        (dir, self.renamed.get(place).unwrap_or(&place.1))
    }

    pub(super) fn local_place(&self, place: &Place) -> Place {
        let (dir, name) = self.local_names(place);
        (dir.into_owned(), name.to_owned())
    }

    /// Returns the shared place of a name on this disk. Names are compared in composed form, regardless of how
    /// the disk keeps them. Otherwise the service would take its own copies for other files and copy them forever.
    pub(super) fn shared_place(&self, here: &OsStr, name: &OsStr) -> Place {
        let (here, name) = (composed(here), composed(name));
        let dir = self.shared_name(&here);
        let renamed = self.renamed.iter().find(|(place, local)| place.0 == *dir && *local.as_os_str() == *name);
        renamed.map_or_else(|| (dir.clone().into_owned(), name.to_os_string()), |(place, _)| place.clone())
    }

    fn shared_name<'a>(&'a self, here: &'a OsStr) -> Cow<'a, OsStr> {
        let own = owner_of(here).unwrap_or(here);
        match self.aliases.iter().find(|(_, alias)| alias.as_os_str() == own) {
            None => Cow::Borrowed(here),
            Some((dir, _)) if owner_of(here).is_some() => Cow::Owned(place_of(dir)),
            Some((dir, _)) => Cow::Borrowed(dir),
        }
    }
}

fn composed(name: &OsStr) -> Cow<'_, OsStr> {
    if name.is_ascii() {
        return Cow::Borrowed(name);
    }
    name.to_str().map_or(Cow::Borrowed(name), |name| Cow::Owned(name.nfc().collect::<String>().into()))
}

impl Service {
    /// Moves the directories that this service has put into a folder beside the session folder back, as a person
    /// would. Returns whether there were any.
    pub(crate) fn reunite(&mut self, member: usize, sibling: &str) -> bool {
        let (Some(client), Some(disk)) = (self.clients.get_mut(member), self.disks.get(member)) else { return false };
        let sibling = composed(sibling.as_ref());
        let mut moved = Vec::new();
        client.aliases.retain(|dir, alias| {
            let is_in_it = Path::new(alias).parent().is_some_and(|parent| parent.as_os_str() == &*sibling);
            moved.extend(is_in_it.then(|| (dir.clone(), alias.clone())));
            !is_in_it
        });
        for (dir, alias) in &moved {
            for (at, name, content) in disk.files().into_iter().filter(|(at, ..)| composed(at) == *alias) {
                disk.remove(&at, &name);
                disk.put(dir, &name, content);
            }
            let (from, to) = (place_of(alias), place_of(dir));
            for (at, name, content) in disk.parts().into_iter().filter(|(at, ..)| composed(at) == *from) {
                disk.remove(&at, &name);
                disk.put(&to, &name, content);
            }
        }
        !moved.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_compared_composed() {
        let (dir, composed) = (OsString::from("dir"), OsString::from("1 (Zo\u{eb})"));
        let mut client = Client::default();
        assert_eq!(client.shared_place(&dir, "1 (Zoe\u{308})".as_ref()), (dir.clone(), composed.clone()));
        let place = (dir.clone(), OsString::from("1"));
        client.renamed.insert(place.clone(), composed);
        assert_eq!(client.shared_place(&dir, "1 (Zoe\u{308})".as_ref()), place);
    }
}
