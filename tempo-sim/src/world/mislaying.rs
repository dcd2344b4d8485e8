//! What happens to files on their way: parts are damaged, deleted, deselected, kept online, or find no room.

use std::{ffi::OsString, time::Duration};

use bytes::Bytes;
use tempo_message::AttachmentId;

use super::{Simulation, carrying::damaged};
use crate::{
    Rng,
    disk::{Change, place_of},
};

impl Simulation {
    /// Lets something happen to the files of a run, as a member sees it.
    pub(crate) fn mislay(&mut self, member: usize, rng: &mut Rng) {
        if self.members.get(member).is_none_or(|there| there.attaching.is_none() || there.disk.is_unmounted()) {
            return;
        }
        let ids = self.attached();
        let id = rng.pick(&ids).copied();
        match (rng.below(15), id) {
            (0..5, _) => self.send_some_file(member, rng),
            (5, Some(id)) => self.fetch_file(member, id),
            (6, Some(id)) => self.export_file(member, id),
            (7, Some(id)) => self.discard_file(member, id),
            (8, Some(id)) => self.release_file(member, id),
            (9, _) => self.take_part(member, rng),
            (10, _) => self.deselect_place(member, rng),
            (11, _) => self.fill_up(member, rng),
            (12, Some(id)) => self.change_original(member, id),
            (13, _) => self.keep_online(member, rng),
            (14, _) => self.undo_parts(member),
            _ => {}
        }
    }

    fn send_some_file(&mut self, member: usize, rng: &mut Rng) {
        // Sometimes the same as somebody else's.
        let length = if rng.chance(200) { 1500 } else { rng.range(1..6000) };
        let fill = if length == 1500 { 7 } else { rng.range(0..256) };
        let content: Vec<u8> = (0..length).map(|at| ((at * 31 + fill + at / 256) % 251) as u8).collect();
        let (original, is_sent) = (rng.chance(300), !rng.chance(100));
        self.send_file(member, Bytes::from(content), original, is_sent);
        if original && rng.chance(300) {
            let outside = self.members.get(member).and_then(|there| there.attaching.as_ref());
            let any = outside.and_then(|it| it.kept_outside.keys().last().copied());
            if let Some(id) = any {
                self.change_original(member, id);
            }
        }
    }

    /// Damages or deletes a part, or a whole place, of anybody.
    fn take_part(&mut self, member: usize, rng: &mut Rng) {
        let Some(disk) = self.members.get(member).map(|there| there.disk.clone()) else { return };
        self.service.hydrate_all(member);
        let parts = disk.parts();
        let Some((dir, name, content)) = rng.pick(&parts).cloned() else { return };
        // Where both names of a part are taken, a person has to remove one.
        let what = if name.as_encoded_bytes().ends_with(b".2") { 2 } else { rng.below(4) };
        let changes = match what {
            0 | 1 => {
                disk.put(&dir, &name, damaged(&content, what == 0));
                vec![Change { dir, name }]
            }
            2 => {
                disk.remove(&dir, &name);
                vec![Change { dir, name }]
            }
            _ => {
                let gone = parts.into_iter().filter(|(at, ..)| *at == dir);
                let gone = gone.map(|(dir, name, _)| Change { dir, name }).collect();
                disk.remove_dir(&dir);
                gone
            }
        };
        disk.disturb();
        let count = if what < 2 { "part damaged" } else { "part deleted" };
        self.note_fault(member, count, count);
        self.service.changed(member, changes);
        self.plan_service();
    }

    /// Takes a place away from one machine, as a person does who deselects it there.
    fn deselect_place(&mut self, member: usize, rng: &mut Rng) {
        let places: Vec<OsString> = self.members.iter().map(|it| place_of(it.author.to_string().as_ref())).collect();
        let own = places.get(member).cloned();
        let any = rng.pick(&places).cloned();
        let Some(place) = (if rng.chance(500) { own.clone() } else { any }) else { return };
        let now = self.now;
        let (Some(files), Some(there)) = (&self.files, self.members.get_mut(member)) else { return };
        let parts: Vec<OsString> =
            there.disk.parts().into_iter().filter(|(dir, ..)| *dir == place).map(|(_, name, _)| name).collect();
        let has_place = !parts.is_empty();
        // A place that no file needs is made again with the next one.
        let is_needed = |name: &OsString| files.part_of(name).is_some_and(|(id, _)| files.is_needed(there.author, id));
        let (is_own, needed) = (Some(&place) == own.as_ref(), parts.iter().any(is_needed));
        if let Some(attaching) = there.attaching.as_mut().filter(|_| is_own && needed) {
            attaching.deselected_at = Some(now);
        }
        if has_place {
            self.service.deselect(member, &place);
            self.note_fault(member, "place deselected", "the place of somebody's parts is deselected");
        }
    }

    /// Leaves no room: on the shelf, or with the service.
    fn fill_up(&mut self, member: usize, rng: &mut Rng) {
        let is_full = rng.chance(500);
        if rng.chance(500) {
            if let Some(attaching) = self.members.get(member).and_then(|there| there.attaching.as_ref()) {
                attaching.shelf.set_full(is_full);
            }
            self.note_fault(member, "shelf full", if is_full { "the shelf is full" } else { "the shelf has room" });
        } else {
            self.service.fill_account(member, Duration::from_secs(rng.range(10..200)));
            self.note_fault(member, "account full", "the service takes no parts for a while");
        }
    }

    /// Changes a file that the application keeps, or takes it away.
    fn change_original(&mut self, member: usize, id: AttachmentId) {
        let attaching = self.members.get_mut(member).and_then(|there| there.attaching.as_mut());
        let Some(attaching) = attaching else { return };
        let Some(name) = attaching.kept_outside.get(&id).cloned() else { return };
        attaching.has_changed.insert(id);
        match attaching.originals.take(&name) {
            Some(content) if content.len().is_multiple_of(2) => {
                attaching.originals.put(&name, damaged(&content, false));
            }
            _ => {}
        }
        self.note_fault(member, "original changed", "changes a file that it has sent");
    }

    /// Takes the content of a part away from a machine for a while.
    fn keep_online(&mut self, member: usize, rng: &mut Rng) {
        let parts = self.members.get(member).map(|there| there.disk.parts()).unwrap_or_default();
        if let Some((dir, name, _)) = rng.pick(&parts).cloned() {
            self.service.keep_online(member, (dir, name), Duration::from_secs(rng.range(1..300)));
            self.note_fault(member, "part online only", "a part is online only for a while");
            self.plan_service();
        }
    }

    /// Lets something take every part away that a member puts, or ends that.
    fn undo_parts(&mut self, member: usize) {
        if let Some(attaching) = self.members.get_mut(member).and_then(|there| there.attaching.as_mut()) {
            attaching.is_undone = !attaching.is_undone;
        }
        self.note_fault(member, "parts undone", "something takes its parts away, or ends that");
    }
}
