//! Deleting, overwriting and rewinding files, as other programs and services do.

use bytes::Bytes;
use tempo_fs_transport::FileName;

use super::Run;
use crate::{
    Disk,
    disk::{System, Volume},
    world::Simulation,
};

impl Run<'_> {
    pub(super) fn delete(&mut self, member: usize, disk: &Disk) {
        if self.rng.chance(200) {
            self.world.resurrect(member);
            return self.world.note_fault(member, "resurrection", "everything that was deleted comes back");
        }
        let files = disk.files();
        let Some((dir, name, _)) = self.rng.pick(&files).cloned() else { return };
        // A member that cannot tell when its folder was created never restores it.
        let is_certain = !disk.options().system.moves_creation_times();
        if self.rng.chance(250) && is_certain {
            for dir in disk.dirs() {
                self.world.delete(member, &dir, None);
            }
            return self.world.note_fault(member, "session deleted", "another program deletes everything here");
        }
        let whole = self.rng.chance(200);
        self.world.delete(member, &dir, if whole { None } else { Some(&name) });
        self.world.note_fault(member, "deletion by another", "another program deletes files here");
    }

    /// Overwrites a file with bytes of equal or lesser length, or with another file's content.
    pub(super) fn overwrite(&mut self, member: usize, disk: &Disk) {
        let files = disk.files();
        if self.rng.chance(200) {
            return self.forestall(member, disk);
        }
        let Some((dir, name, content)) = self.rng.pick(&files).cloned() else { return };
        let other = self.rng.pick(&files).map_or_else(Bytes::new, |(.., content)| content.clone());
        let by = match self.rng.below(3) {
            0 => vec![0x5a; content.len()].into(),
            1 => content.slice(..self.rng.below(content.len() + 1)),
            _ => other,
        };
        self.world.overwrite(member, &dir, &name, by);
        self.world.note_fault(member, "overwritten", "another program overwrites a file here");
    }

    /// Puts another message under the name of a member's next one, which the member sends at once.
    fn forestall(&mut self, member: usize, disk: &Disk) {
        let mut files = disk.files();
        files.retain(|(_, name, _)| matches!(FileName::parse(name), FileName::Message(_)));
        let is_running = self.world.session(member).is_some() && !disk.is_unmounted();
        let Some((.., content)) = self.rng.pick(&files).filter(|_| is_running) else { return };
        self.world.forestall(member, content.clone());
        let _ = self.world.send(member, "a message whose name is taken");
        self.world.note_fault(member, "forestalled", "another program takes the name of the next message");
    }

    /// Forestalls the next message of a member with a network drive, or of this member if there is none.
    pub(super) fn forestall_on_a_share(&mut self, member: usize, disk: &Disk) {
        let disk_of = |world: &Simulation, member| world.member(member).map(|there| there.disk().clone());
        let has_share = |disk: &Disk| disk.options().system == System::Windows(Volume::Share);
        let at_a_share = (0..self.world.len()).find(|&at| disk_of(&self.world, at).as_ref().is_some_and(has_share));
        match at_a_share.and_then(|at| Some((at, disk_of(&self.world, at)?))) {
            Some((member, disk)) => self.forestall(member, &disk),
            None => self.forestall(member, disk),
        }
    }

    pub(super) fn roll_back(&mut self, member: usize) {
        let at = self.snapshots.iter().position(|(of, _)| *of == member);
        match at.map(|at| self.snapshots.remove(at)) {
            Some((_, snapshot)) => {
                self.world.roll_back(member, &snapshot);
                self.world.note_fault(member, "rollback", "the folder is put back to what it was");
            }
            None => self.snapshots.push((member, self.world.snapshot(member))),
        }
    }
}
