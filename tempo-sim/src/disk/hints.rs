//! Notifications of changes from the system to processes, and their loss and delay on the way.

use std::{
    ffi::{OsStr, OsString},
    time::Duration,
};

use super::{Disk, State, System, parts::split, places::notified};

/// A changed directory, and the changed file in it.
pub(super) type Hint = (OsString, Option<OsString>);

/// The most hints between two turns that fit into the buffer of a watch.
const BUFFER: usize = 5;

impl Disk {
    /// Sets the disk's time.
    pub fn set_now(&self, now: Duration) {
        let mut state = self.lock();
        state.now = now;
        while let Some(at) = state.late_hints.iter().position(|&(due, _)| due <= now) {
            let (_, (dir, name)) = state.late_hints.remove(at);
            state.announce(&dir, name.as_deref());
        }
    }

    /// Returns whether a process has been notified of a change since the last call.
    pub fn take_hint(&self) -> bool {
        std::mem::take(&mut self.lock().hinted)
    }

    /// Returns when hints last overflowed, or zero if they never did.
    pub fn overflowed(&self) -> Duration {
        self.lock().peculiar.overflowed
    }

    /// Lets a process's watch read its buffer, on systems where the buffer can overflow. An overflow loses all its
    /// hints without notice (notify 8 drops that event of Windows).
    pub fn read_hints(&self) {
        let mut state = self.lock();
        let unread = std::mem::take(&mut state.peculiar.unread);
        if unread.len() > BUFFER {
            state.meet("hints overflowed");
            state.peculiar.overflowed = state.now;
            return;
        }
        for (dir, name) in unread {
            state.tell(&dir, name.as_deref());
        }
    }
}

impl State {
    /// Notifies the watchers of a change in a directory of the folder, unless the hint gets lost.
    pub(super) fn hint(&mut self, dir: &OsStr, name: Option<&OsStr>) {
        let is_deep = self.options.system != System::Linux;
        let Some(dir) = notified(dir, is_deep) else { return };
        let dir = &*dir;
        if self.watches.is_empty() || self.rng.chance(self.options.lost_hints) {
            return;
        }
        if self.options.lost_hints > 0 && self.rng.chance(200) {
            let due = self.now + Duration::from_millis(self.rng.range(1..20_000));
            self.hint_at(due, dir, name);
            return;
        }
        self.announce(dir, name);
    }

    /// Schedules such a hint for later.
    pub(super) fn hint_at(&mut self, due: Duration, dir: &OsStr, name: Option<&OsStr>) {
        self.late_hints.push((due, (dir.to_owned(), name.map(OsStr::to_owned))));
    }

    /// Passes a hint to the system.
    fn announce(&mut self, dir: &OsStr, name: Option<&OsStr>) {
        self.hinted = true;
        if self.options.system.is_windows() {
            self.peculiar.unread.push((dir.to_owned(), name.map(OsStr::to_owned)));
        } else {
            self.tell(dir, name);
        }
    }

    /// Notifies the watchers, perhaps of more than what happened.
    fn tell(&mut self, dir: &OsStr, file: Option<&OsStr>) {
        let oddity = if self.options.lost_hints > 0 { self.rng.below(40) } else { usize::MAX };
        let (part, name) = split(dir).unwrap_or((OsStr::new(""), dir));
        let about = self.tree.naming.key(part);
        for watch in &self.watches {
            let signal = &watch.signal;
            match oddity {
                0 => signal.hint_everywhere(),
                1 => signal.fail("the watcher has ended".to_owned()),
                2 => signal.hint_dir(OsStr::new("nowhere")),
                _ => {}
            }
            match file {
                _ if watch.about != about => {}
                Some(file) => signal.hint_file(name, file),
                None => signal.hint_dir(name),
            }
        }
    }
}
