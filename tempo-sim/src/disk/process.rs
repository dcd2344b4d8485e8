//! Directories, files and watches that processes have open on a disk.

use std::{
    collections::BTreeSet,
    ffi::{OsStr, OsString},
    io,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use tempo_fs_transport::{Signal, Watch};

use super::{Disk, State, System, tree::NodeId};

/// The open handles of one process.
#[derive(Debug, Default)]
pub(super) struct Process {
    inside: AtomicUsize,
    outside: AtomicUsize,
    watches: AtomicUsize,
}

/// The location of an open handle.
#[derive(Debug, Clone, Copy)]
pub(super) enum Place {
    /// The session folder, a part of it, or something in them.
    Folder,
    /// The staging directory, or the directory that contains the folder.
    Elsewhere,
    /// A watch.
    Watch,
}

/// An open handle of a process. Dropping it closes the handle.
#[derive(Debug)]
pub(super) struct Handle {
    process: Arc<Process>,
    place: Place,
}

/// A watch as the disk knows it.
#[derive(Debug)]
pub(super) struct Watched {
    number: u64,
    process: Arc<Process>,
    /// The part of the folder that it covers, as the disk compares names. Empty for the folder itself.
    pub(super) about: OsString,
    pub(super) signal: Arc<Signal>,
    /// The directories that are watched one by one.
    dirs: BTreeSet<OsString>,
}

/// A watch as its process has it.
#[derive(Debug)]
pub(super) struct SimWatch {
    disk: Disk,
    number: u64,
    _handle: Handle,
}

impl Process {
    fn count(&self, place: Place) -> &AtomicUsize {
        match place {
            Place::Folder => &self.inside,
            Place::Elsewhere => &self.outside,
            Place::Watch => &self.watches,
        }
    }

    fn open(&self) -> usize {
        [Place::Folder, Place::Elsewhere, Place::Watch]
            .map(|place| self.count(place).load(Ordering::Relaxed))
            .iter()
            .sum()
    }
}

impl Handle {
    pub(super) fn new(process: &Arc<Process>, place: Place) -> Self {
        process.count(place).fetch_add(1, Ordering::Relaxed);
        Self { process: Arc::clone(process), place }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.process.count(self.place).fetch_sub(1, Ordering::Relaxed);
    }
}

impl Disk {
    /// Notes that the processes ended in an orderly way while the machine continues. A handle that is still open is a
    /// violation: it would prevent a volume from being unmounted, and on Windows a folder from being moved or
    /// removed.
    pub fn forget_processes(&self) {
        let mut state = self.lock();
        state.power_until = None;
        state.failing = None;
        state.watches.clear();
        let open: usize = std::mem::take(&mut state.processes).iter().map(|process| process.open()).sum();
        if open > 0 {
            state.violations.push(format!("{open} handles are open after the session was closed"));
        }
    }
}

impl State {
    /// Begins a watch.
    pub(super) fn begin_watch(
        &mut self,
        disk: Disk,
        process: &Arc<Process>,
        about: OsString,
        signal: Arc<Signal>,
    ) -> SimWatch {
        if self.watches.iter().any(|watch| watch.about == about && Arc::ptr_eq(&watch.process, process)) {
            self.violations.push("a process watches one folder twice".to_owned());
        }
        let (number, process) = (self.calls, Arc::clone(process));
        let handle = Handle::new(&process, Place::Watch);
        self.watches.push(Watched { number, process, about, signal, dirs: BTreeSet::new() });
        SimWatch { disk, number, _handle: handle }
    }

    /// Checks that no handle of a process prevents the folder from being moved. On Windows a watch of the folder
    /// itself does not.
    pub(super) fn judge_moving(&mut self) {
        if let Some(dir) = self.watches.iter().find_map(|watch| watch.dirs.first()) {
            self.violations.push(format!("the folder cannot be moved because {} is watched", dir.to_string_lossy()));
        }
        if self.processes.iter().any(|process| process.inside.load(Ordering::Relaxed) > 0) {
            self.violations.push("the folder cannot be moved because something in it is open".to_owned());
        }
    }

    /// Returns the location of a directory.
    pub(super) fn place_of(&self, dir: NodeId) -> Place {
        if dir == self.staging || dir == super::tree::ROOT { Place::Elsewhere } else { Place::Folder }
    }
}

impl Watch for SimWatch {
    fn covers_directories(&self) -> bool {
        self.disk.lock().options.system.covers_directories()
    }

    fn add(&mut self, dir: &OsStr) -> io::Result<()> {
        let mut state = self.disk.lock();
        match state.options.system {
            System::Linux => return Ok(()),
            System::Windows(_) => {}
            System::Mac { .. } => {
                state.late_hints.clear();
                state.violations.push("the event stream was restarted".to_owned());
            }
        }
        if let Some(watch) = state.watches.iter_mut().find(|watch| watch.number == self.number) {
            watch.dirs.insert(dir.to_owned());
        }
        Ok(())
    }
}

impl Drop for SimWatch {
    fn drop(&mut self) {
        self.disk.lock().watches.retain(|watch| watch.number != self.number);
    }
}
