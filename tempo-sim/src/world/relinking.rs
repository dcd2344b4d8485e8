//! Services that are signed out and in: a folder is empty at first and fills again.

use std::{collections::BTreeSet, ffi::OsString, time::Duration};

use tempo_fs_transport::DirName;
use tempo_message::AuthorId;

use super::{Member, Simulation};
use crate::Filling;

impl Simulation {
    /// Signs a member's client out and in. Everything that others wrote is gone from the folder and comes back file by
    /// file.
    ///
    /// With `is_anew`, the folder itself is made again, and the member's own files are gone as well. That only happens
    /// once the service has all of them.
    pub(crate) fn relink(&mut self, member: usize, filling: Filling, is_anew: bool) {
        self.look_after(member);
        let is_anew = is_anew && self.service.has_all_of(member);
        let Some(there) = self.members.get_mut(member) else { return };
        if there.disk.is_unmounted() || self.service.is_returning(member) {
            return;
        }
        self.service.relink(member, filling, is_anew);
        if is_anew {
            there.disk.replace_folder();
            there.is_folder_new = true;
        }
        there.disk.disturb();
        let what = if is_anew { "its service makes the folder again" } else { "its service is signed out and in" };
        self.note_fault(member, "linked anew", what);
        self.plan_service();
        self.turn_soon(member, Duration::from_millis(5));
    }
}

/// Returns whether the directories of more than half of the members are missing, of those that this one has messages
/// of.
pub(super) fn misses_most(member: &Member) -> bool {
    let Some(running) = &member.running else { return false };
    let dirs = member.disk.files().into_iter().map(|(dir, ..)| dir).chain(member.disk.dirs());
    let there: BTreeSet<AuthorId> = dirs.filter_map(|dir| author_of(&dir)).collect();
    let members = running.session.status().members.into_iter().filter(|it| it.latest.is_some()).map(|it| it.author);
    let others: Vec<AuthorId> =
        members.filter(|author| *author != member.author && !member.former.contains(author)).collect();
    let missing = others.iter().filter(|author| !there.contains(author)).count();
    missing * 2 > others.len() + 1
}

/// Returns the author whose directory this is, perhaps under a name that a service gave it.
fn author_of(dir: &OsString) -> Option<AuthorId> {
    let dir = dir.to_string_lossy();
    match DirName::parse(dir.rsplit('/').next().unwrap_or_default().as_ref()) {
        DirName::Author(author) | DirName::Copy(author) => Some(author),
        _ => None,
    }
}
