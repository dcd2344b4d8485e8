//! A service's client on one machine: what it knows, and what it names otherwise there.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    ffi::{OsStr, OsString},
    path::Path,
    time::Duration,
};

use unicode_normalization::UnicodeNormalization;

use super::{Agreed, Place, Service, Task};

#[derive(Debug, Clone, Default)]
pub(super) struct Client {
    /// The directories in which this machine's own processes write: no other name for one would be the same place.
    pub(super) own: BTreeSet<OsString>,
    pub(super) offline: bool,
    /// It never comes back.
    pub(super) is_gone: bool,
    /// What this client knows to be agreed, and has on its disk.
    pub(super) base: BTreeMap<Place, Agreed>,
    /// Directories that have another name on this disk.
    pub(super) aliases: BTreeMap<OsString, OsString>,
    /// Files that have another name on this disk.
    pub(super) renamed: BTreeMap<Place, OsString>,
    /// Files that are being written.
    pub(super) busy: BTreeSet<Place>,
    /// Files whose content is with the service only, and since when.
    pub(super) evicted: BTreeMap<Place, Duration>,
    /// What could not be done offline.
    pub(super) waiting: BTreeSet<Task>,
}

impl Client {
    /// What a place is called here: directory and name.
    pub(super) fn local_names<'a>(&'a self, place: &'a Place) -> (&'a OsStr, &'a OsStr) {
        let dir = self.aliases.get(&place.0).unwrap_or(&place.0);
        (dir, self.renamed.get(place).unwrap_or(&place.1))
    }

    pub(super) fn local_place(&self, place: &Place) -> Place {
        let (dir, name) = self.local_names(place);
        (dir.to_owned(), name.to_owned())
    }

    /// What everybody calls what has this name here. Names are compared composed, however the disk keeps them: or a service's
    /// own copies would be other files to it, and be copied for ever.
    pub(super) fn shared_place(&self, here: &OsStr, name: &OsStr) -> Place {
        let (here, name) = (composed(here), composed(name));
        let dir = self.shared_name(&here);
        let renamed = self.renamed.iter().find(|(place, local)| place.0 == dir && *local.as_os_str() == *name);
        renamed.map_or_else(|| (dir.to_owned(), name.to_os_string()), |(place, _)| place.clone())
    }

    fn shared_name<'a>(&'a self, here: &'a OsStr) -> &'a OsStr {
        let alias = self.aliases.iter().find(|(_, alias)| alias.as_os_str() == here);
        alias.map_or(here, |(dir, _)| dir)
    }
}

fn composed(name: &OsStr) -> Cow<'_, OsStr> {
    if name.is_ascii() {
        return Cow::Borrowed(name);
    }
    name.to_str().map_or(Cow::Borrowed(name), |name| Cow::Owned(name.nfc().collect::<String>().into()))
}

impl Service {
    /// Somebody moves the directories back into the folder that this service has put into one beside it. Answers whether there
    /// were any.
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
