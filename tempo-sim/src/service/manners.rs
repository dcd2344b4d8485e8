//! The peculiarities of a profile.

use std::{
    ffi::{OsStr, OsString},
    time::Duration,
};

use super::{Place, Service, Told, around};
use crate::{
    profile::Temporary,
    rule::{Effect, Verdict},
};

/// The endings that services give a second session folder in place of `.session`, in the languages of their users.
const SECOND: &[&str] = &[
    " (1).session",
    " 2.session",
    " (Konflikt durch selektive Synchronisierung).session",
    ".session (\u{9078}\u{629e}\u{578b}\u{540c}\u{671f}\u{306e}\u{7af6}\u{5408})",
];

impl Service {
    /// Draws one of the profile's own peculiarities.
    pub(super) fn manners(&mut self, effect: &Effect<'_>) -> Verdict {
        let Some(content) = effect.content.filter(|_| !self.fair) else { return Verdict::Pass };
        let rng = &mut self.rng;
        if rng.chance(self.profile.partial) {
            let rest_after = Duration::from_millis(rng.range(1..5000));
            return Verdict::Partial { bytes: rng.below(content.len()), rest_after };
        }
        if rng.chance(self.profile.absent) {
            return Verdict::Absent(Duration::from_millis(rng.range(1..1000)));
        }
        if rng.chance(self.profile.needless_copies)
            && let Some(copy) = self.profile.conflict.loser(&effect.name.to_string_lossy(), rng)
        {
            return Verdict::Copied(copy);
        }
        Verdict::Pass
    }

    /// Draws whether a new directory gets another name here, or appears in a second session folder.
    pub(super) fn maybe_double(&mut self, member: usize, dir: &OsStr) {
        if is_in_another(dir) {
            return;
        }
        let (Some(client), Some(disk)) = (self.clients.get_mut(member), self.disks.get(member)) else { return };
        let is_new =
            !client.is_own(dir) && !client.aliases.contains_key(dir) && !disk.dirs().iter().any(|there| there == dir);
        if is_new && !self.fair && self.rng.chance(self.profile.doubled_directories) {
            let tail = if self.rng.chance(500) { " (1)" } else { " 2" };
            let mut alias = dir.to_owned();
            alias.push(tail);
            client.aliases.insert(dir.to_owned(), alias);
            self.told.push(Told::Doubled(member));
        } else if is_new && !self.fair && self.profile.split_folders > 0 && self.rng.chance(self.profile.split_folders)
        {
            let tail = self.rng.pick(SECOND).copied().unwrap_or(" 2.session");
            let mut alias = OsString::from(disk.options().folder_name().replace(".session", tail));
            alias.push("/");
            alias.push(dir);
            client.aliases.insert(dir.to_owned(), alias);
            self.told.push(Told::Split(member));
        }
    }

    /// Draws whether a new file here permanently gets another name. This is the only copy on this disk.
    pub(super) fn maybe_rename(&mut self, member: usize, place: &Place) {
        let Some(client) = self.clients.get_mut(member) else { return };
        let is_new =
            !client.is_own(&place.0) && !client.base.contains_key(place) && !client.renamed.contains_key(place);
        if is_new
            && !self.fair
            && self.rng.chance(self.profile.renamed)
            && let Some(name) = self.profile.conflict.loser(&place.1.to_string_lossy(), &mut self.rng)
        {
            self.told.push(Told::Copy(member, name.clone()));
            client.renamed.insert(place.clone(), OsString::from(name));
        }
    }

    /// Most services do not sync names that begin with a tilde.
    pub(super) fn is_ignored(&self, name: &OsStr) -> bool {
        let syncs_all = matches!(self.profile.name, "syncthing" | "unison" | "rclone" | "usb");
        !syncs_all && name.as_encoded_bytes().starts_with(b"~")
    }

    pub(super) fn is_temporary(&self, name: &OsStr) -> bool {
        let name = name.as_encoded_bytes();
        match self.profile.temporary {
            Temporary::Around(before, after) => name.starts_with(before.as_bytes()) && name.ends_with(after.as_bytes()),
            Temporary::Unseen => false,
        }
    }

    pub(super) fn temporary(&mut self, name: &OsStr) -> Option<OsString> {
        match self.profile.temporary {
            Temporary::Around(before, after) if !self.fair && self.rng.chance(250) => Some(around(before, name, after)),
            _ => None,
        }
    }
}

/// Returns whether a directory is not in the session folder itself.
fn is_in_another(dir: &OsStr) -> bool {
    dir.as_encoded_bytes().contains(&b'/')
}
