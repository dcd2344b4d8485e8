//! A service's client on one machine: what it knows, and what it names otherwise there.

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::{OsStr, OsString},
    time::Duration,
};

use unicode_normalization::UnicodeNormalization;

use super::{Agreed, Place, Task};

#[derive(Debug, Clone, Default)]
pub(super) struct Client {
    /// The directories in which this machine's own processes write: no other name for one would be the same place.
    pub(super) own: BTreeSet<OsString>,
    pub(super) offline: bool,
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
    fn local_name(&self, dir: &OsStr) -> OsString {
        self.aliases.get(dir).cloned().unwrap_or_else(|| dir.to_owned())
    }

    pub(super) fn local_place(&self, place: &Place) -> Place {
        let name = self.renamed.get(place).cloned().unwrap_or_else(|| place.1.clone());
        (self.local_name(&place.0), name)
    }

    /// What everybody calls what has this name here. Names are compared composed, however the disk keeps them: or a service's
    /// own copies would be other files to it, and be copied for ever.
    pub(super) fn shared_place(&self, here: &OsStr, name: &OsStr) -> Place {
        let (dir, name) = (self.shared_name(&composed(here)), composed(name));
        let renamed = self.renamed.iter().find(|(place, local)| place.0 == dir && **local == name);
        renamed.map_or_else(|| (dir.clone(), name.clone()), |(place, _)| place.clone())
    }

    fn shared_name(&self, here: &OsStr) -> OsString {
        let alias = self.aliases.iter().find(|(_, alias)| alias.as_os_str() == here);
        alias.map_or_else(|| here.to_owned(), |(dir, _)| dir.clone())
    }
}

fn composed(name: &OsStr) -> OsString {
    name.to_str().map_or_else(|| name.to_owned(), |name| name.nfc().collect::<String>().into())
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
