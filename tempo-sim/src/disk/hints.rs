//! What the system tells processes about changes, and what becomes of it on the way.

use std::{
    ffi::{OsStr, OsString},
    time::Duration,
};

use super::{Disk, State, pieces::split};

/// A directory in which something has changed, and the file.
pub(super) type Hint = (OsString, Option<OsString>);

/// More hints than this between two turns do not fit into the buffer of a watch.
const BUFFER: usize = 5;

impl Disk {
    /// Moves the disk's time.
    pub fn set_now(&self, now: Duration) {
        let mut state = self.lock();
        state.now = now;
        while let Some(at) = state.late_hints.iter().position(|&(due, _)| due <= now) {
            let (_, (dir, name)) = state.late_hints.remove(at);
            state.announce(&dir, name.as_deref());
        }
    }

    /// Whether a process has been told of a change since the last call.
    pub fn take_hint(&self) -> bool {
        std::mem::take(&mut self.lock().hinted)
    }

    /// When hints overflowed last; zero if they never did.
    pub fn overflowed(&self) -> Duration {
        self.lock().peculiar.overflowed
    }

    /// The watch of a process reads its buffer, where the system has one that can overflow: all of it is lost then, and
    /// nothing says so (notify 8 drops that event of Windows).
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
    /// Tells the watchers that something changed in a directory of the folder, unless that gets lost.
    pub(super) fn hint(&mut self, dir: &OsStr, name: Option<&OsStr>) {
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

    /// The same, later.
    pub(super) fn hint_at(&mut self, due: Duration, dir: &OsStr, name: Option<&OsStr>) {
        self.late_hints.push((due, (dir.to_owned(), name.map(OsStr::to_owned))));
    }

    /// Hands a hint to the system.
    fn announce(&mut self, dir: &OsStr, name: Option<&OsStr>) {
        self.hinted = true;
        if self.options.system.is_windows() {
            self.peculiar.unread.push((dir.to_owned(), name.map(OsStr::to_owned)));
        } else {
            self.tell(dir, name);
        }
    }

    /// Tells the watchers, and perhaps more than is true.
    fn tell(&mut self, dir: &OsStr, file: Option<&OsStr>) {
        let oddity = if self.options.lost_hints > 0 { self.rng.below(40) } else { usize::MAX };
        let (piece, name) = split(dir).unwrap_or((OsStr::new(""), dir));
        let about = self.tree.naming.key(piece);
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
