//! What an application's test can do to the members of a world.

use std::{ffi::OsStr, time::Duration};

use bytes::Bytes;
use tempo_session::{Packing, Relaying};

use super::{Leave, SimStore, Snapshot, Undoing, World};
use crate::service::Filling;

impl World {
    /// Cuts the power of a member's machine. It restarts after `back_after`.
    pub fn crash(&mut self, member: usize, back_after: Duration) {
        self.simulation().crash(member, back_after);
    }

    /// Ends a member's process in an orderly way and restarts it.
    pub fn restart(&mut self, member: usize) {
        self.simulation().restart(member);
    }

    /// Disconnects a member from the service, or reconnects it.
    pub fn set_offline(&mut self, member: usize, offline: bool) {
        self.simulation().set_offline(member, offline);
    }

    /// Unmounts or mounts the folder of a member.
    pub fn set_unmounted(&mut self, member: usize, unmounted: bool) {
        self.simulation().set_unmounted(member, unmounted);
    }

    /// Restarts all sessions so that they compare their own messages with the folder only when they open.
    pub fn without_scrubbing(&mut self) {
        self.simulation().without_scrubbing();
    }

    /// Restarts all members so that they pack their own messages.
    pub fn with_packing(&mut self, packing: Packing) {
        self.simulation().with_packing(packing);
    }

    /// Restarts all members with these delays for relaying messages that have vanished.
    pub fn with_relaying(&mut self, relaying: Relaying) {
        self.simulation().with_relaying(relaying);
    }

    /// Restarts all members with the real database on a simulated medium.
    pub fn with_databases(&mut self) {
        self.simulation().with_databases();
    }

    /// Sets how many in a thousand restarting machines soon lose power again, perhaps before they have recovered.
    pub fn tear_restarts(&mut self, per_mille: u32) {
        self.simulation().tear_restarts(per_mille);
    }

    /// Stops a member's application from taking events for a while.
    pub fn stop_reading(&mut self, member: usize, span: Duration) {
        self.simulation().stop_reading(member, span);
    }

    /// Keeps a member away until all faults are over.
    pub fn hold_back(&mut self, member: usize) {
        self.simulation().hold_back(member);
    }

    /// Lets a member leave. The service removes its directories at member `at`, and so at every member.
    pub fn depart(&mut self, member: usize, leave: Leave, at: usize) {
        self.simulation().depart(member, leave, at);
    }

    /// Lets a member say that another one, or itself, will not come back.
    pub fn retire(&mut self, member: usize, whom: usize) {
        self.simulation().retire(member, whom);
    }

    /// Clones a member's machine, disk and store, so that two installations write under one name from now on. Returns
    /// the number of the new member, or `None` while the machine is down.
    pub fn clone_member(&mut self, member: usize) -> Option<usize> {
        self.simulation().clone_member(member)
    }

    /// Returns a copy of a member's store, for [`restore_store`](Self::restore_store).
    pub fn copy_store(&self, member: usize) -> Option<SimStore> {
        self.simulation().copy_store(member)
    }

    /// Restores a member's store to an earlier state and restarts its process.
    ///
    /// Messages that are not in the folder by then are lost with the store; see [`Session::flush`](tempo_session::Session::flush).
    pub fn restore_store(&mut self, member: usize, earlier: SimStore) {
        self.simulation().restore_store(member, earlier);
    }

    /// Loses a member's store. The member returns as a new author.
    pub fn lose_store(&mut self, member: usize) {
        self.simulation().lose_store(member);
    }

    /// Stops a member's process, lets another process remove the redundant files from its directory, and restarts the
    /// member.
    pub fn tidy(&mut self, member: usize) {
        self.simulation().tidy(member);
    }

    /// Removes any file, or a whole directory if `name` is `None`, as another program at the member's machine would.
    pub fn delete(&mut self, member: usize, dir: &OsStr, name: Option<&OsStr>) {
        self.simulation().delete(member, dir, name);
    }

    /// Replaces the content of any file, if it exists, as another program at the member's machine would.
    pub fn overwrite(&mut self, member: usize, dir: &OsStr, name: &OsStr, content: Bytes) {
        self.simulation().overwrite(member, dir, name, content);
    }

    /// Returns the current contents of a member's folder.
    pub fn snapshot(&self, member: usize) -> Snapshot {
        self.simulation().snapshot(member)
    }

    /// Reverts a member's whole folder to a snapshot, as a service's rewind or a backup would.
    pub fn roll_back(&mut self, member: usize, to: &Snapshot) {
        self.simulation().roll_back(member, to);
    }

    /// Brings back everything that was ever removed for every member, from one member's machine.
    pub fn resurrect(&mut self, member: usize) {
        self.simulation().resurrect(member);
    }

    /// Copies the session folder at a member's machine as it is there, and lets a new author continue in the copy.
    pub fn copy_session(&mut self, member: usize, number: u64) {
        self.simulation().copy_session(member, number);
    }

    /// Signs a member's client out and in. Everything that others wrote is gone from the folder and comes back file by
    /// file.
    ///
    /// With `is_anew`, the folder itself is made again, and the member's own files are gone as well. That only happens
    /// once the service has all of them.
    pub fn relink(&mut self, member: usize, filling: Filling, is_anew: bool) {
        self.simulation().relink(member, filling, is_anew);
    }

    /// Lets something undo everything that a member writes, soon after each change. With `returns`, files that were
    /// moved out or replaced come back in the end.
    pub fn undo_writing(&mut self, member: usize, by: Undoing, returns: bool) {
        self.simulation().undo_writing(member, by, returns);
    }

    /// Lets a member write again, and clears what undoing has left, as the doctor advises.
    pub fn allow_writing(&mut self, member: usize) {
        self.simulation().allow_writing(member);
    }
}
