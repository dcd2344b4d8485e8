//! A machine's disk: what processes see, and what would be left after a power loss.

mod crash;
mod fs;
mod hints;
mod judge;
mod line_ends;
mod outside;
mod parts;
mod places;
mod process;
mod spelled;
mod states;
mod system;
mod tree;
mod witness;

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::{OsStr, OsString},
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
pub use fs::{SimDir, SimFile, SimFs};
use hints::Hint;
pub use line_ends::LineEnds;
pub use places::PartAct;
pub(crate) use places::{owner_of, place_of};
use process::{Process, Watched};
pub use states::{Cuts, DiskImage, Outcomes};
use system::Peculiar;
pub use system::{System, Volume};
use tree::Tree;
pub use tree::{Kind, Naming, NodeId};
pub use witness::{Act, Witness};

use crate::Rng;

/// A machine's disk. Cloning returns another handle to this disk.
///
/// Its root has two directories: the session folder, whose contents the sync service sees, and `staging`. Any others
/// are further parts of the session folder. A directory in such a part is named by the part, a slash and its own
/// name.
#[derive(Debug, Clone)]
pub struct Disk {
    state: Arc<Mutex<State>>,
}

/// The differences between a disk and the default one.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "disks differ in ways that have nothing to do with each other")]
pub struct DiskOptions {
    /// The operating system whose file system it has. Windows and macOS decide which names are equal.
    pub system: System,
    /// True if the name of the session folder has an accent.
    pub is_accented: bool,
    /// True if a [link](Disk::LINK) leads to the directory that contains the session folder.
    pub is_linked: bool,
    /// True if the staging directory is on another volume than the session folder.
    pub staging_elsewhere: bool,
    /// True if the session folder belongs to several users. Files created in it then have other permissions than
    /// files created elsewhere.
    pub is_shared: bool,
    /// The rule that decides which names are equal.
    pub naming: Naming,
    /// True if a rename that must not replace anything first looks for the name, and misses very recent arrivals.
    pub looks_before_renaming: bool,
    /// True if nothing shows that a file is online-only until reading it fails.
    pub hides_online_only: bool,
    /// True if processes open online-only files, which makes the service fetch them soon.
    pub fetches: bool,
    /// The granularity of times.
    pub granularity: Duration,
    /// True if a partial file has its full length first, with zeros in place of what is still missing.
    pub length_first: bool,
    /// True if reading a file changes its times, as on an rclone drive whose write cache has not been uploaded.
    pub reading_moves_times: bool,
    /// The conversion of line ends in the files that the service delivers.
    pub line_ends: Option<LineEnds>,
    /// The capacity, in bytes.
    pub capacity: u64,
    /// The number of change notifications in a thousand that are lost. If it is not zero, some others are late,
    /// wrong, or the last ones.
    pub lost_hints: u32,
}

impl Default for DiskOptions {
    fn default() -> Self {
        Self {
            system: System::Linux,
            is_accented: false,
            is_linked: false,
            staging_elsewhere: false,
            is_shared: false,
            naming: Naming::default(),
            looks_before_renaming: false,
            hides_online_only: false,
            fetches: false,
            granularity: Duration::from_nanos(1),
            length_first: false,
            reading_moves_times: false,
            line_ends: None,
            capacity: u64::MAX,
            lost_hints: 0,
        }
    }
}

/// A change that a process made in the session folder, for the sync service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The author's directory, or empty for a change of the session folder itself.
    pub dir: OsString,
    /// The name in the directory.
    pub name: OsString,
}

impl DiskOptions {
    /// Returns the name of the session folder.
    pub fn folder_name(&self) -> &'static str {
        if self.is_accented { "j\u{e4}m.session" } else { "jam.session" }
    }
}

#[derive(Debug)]
struct State {
    tree: Tree,
    folder: NodeId,
    /// The real folder, while an empty directory or nothing is in its place.
    mounted: Option<NodeId>,
    staging: NodeId,
    options: DiskOptions,
    now: Duration,
    rng: Rng,
    changes: Vec<Change>,
    /// Online-only files that a process has opened.
    wanted: Vec<Change>,
    watches: Vec<Watched>,
    processes: Vec<Arc<Process>>,
    peculiar: Peculiar,
    /// The delivered content of files whose line ends were converted.
    originals: BTreeMap<NodeId, Bytes>,
    /// The number of calls that processes have made.
    calls: u64,
    /// The number of the call that fails, and its error.
    failing: Option<(u64, io::ErrorKind)>,
    /// The call before which power is lost.
    power_until: Option<u64>,
    /// True if a hint was given that nothing has looked at yet.
    hinted: bool,
    /// The time of the last outside interference with the processes.
    disturbed: Duration,
    /// Files that were created in the staging directory.
    private: BTreeSet<NodeId>,
    /// Files that have their full length but not all of their content.
    unfilled: BTreeSet<NodeId>,
    /// Files that cannot be opened, and the times until which they are locked.
    locked: BTreeMap<NodeId, Duration>,
    /// Hints that come later, with their times.
    late_hints: Vec<(Duration, Hint)>,
    /// The last file that the service put there, and the time.
    arrived: Option<(NodeId, Duration)>,
    /// Forbidden actions of processes.
    violations: Vec<String>,
    /// What processes did with parts of files.
    part_acts: Vec<PartAct>,
    witness: Option<Witness>,
}

impl Disk {
    /// The path of the session folder if its name has no accent.
    pub const FOLDER: &str = "/jam.session";
    /// The path of the staging directory.
    pub const STAGING: &str = "/staging";

    /// Creates an empty disk.
    pub fn new(mut options: DiskOptions, rng: Rng) -> Self {
        options.naming = options.system.naming(options.naming);
        let mut tree = Tree::new(options.naming);
        let folder = tree.make_durable_dir(options.folder_name());
        let staging = tree.make_durable_dir("staging");
        let state = State {
            tree,
            folder,
            mounted: None,
            staging,
            options,
            now: Duration::ZERO,
            rng,
            changes: Vec::new(),
            wanted: Vec::new(),
            watches: Vec::new(),
            processes: Vec::new(),
            peculiar: Peculiar::default(),
            originals: BTreeMap::new(),
            calls: 0,
            failing: None,
            power_until: None,
            hinted: false,
            disturbed: Duration::ZERO,
            private: BTreeSet::new(),
            unfilled: BTreeSet::new(),
            locked: BTreeMap::new(),
            late_hints: Vec::new(),
            arrived: None,
            violations: Vec::new(),
            part_acts: Vec::new(),
            witness: None,
        };
        Self { state: Arc::new(Mutex::new(state)) }
    }

    /// Returns an independent disk with the current visible contents, all of them durable, as a cloned machine has.
    #[must_use]
    pub fn copied(&self, rng: Rng) -> Self {
        let copy = Self::new(self.options(), rng);
        for (dir, _) in self.lock().dirs() {
            copy.put_dir(&dir);
        }
        for (dir, name, content) in self.files().into_iter().chain(self.parts()) {
            let is_online_only = self.is_online_only(&dir, &name);
            copy.put(&dir, &name, content);
            copy.set_online_only(&dir, &name, is_online_only);
        }
        for (dir, name) in self.specials() {
            if let Some(kind) = self.kind(&dir, &name) {
                copy.put_special(&dir, &name, kind);
            }
        }
        copy.set_now(self.lock().now);
        copy
    }

    /// Makes everything durable.
    pub fn sync(&self) {
        self.lock().tree.sync();
    }

    /// Returns whether only the service has the content of a file.
    pub fn is_online_only(&self, dir: &OsStr, name: &OsStr) -> bool {
        let state = self.lock();
        state.node(dir, name).is_some_and(|node| state.is_online_only(node))
    }

    /// Returns whether processes cannot find a file yet because it has just arrived.
    pub(crate) fn is_unseen(&self, dir: &OsStr, name: &OsStr) -> bool {
        let state = self.lock();
        state.node(dir, name).is_some_and(|node| state.is_unseen(node))
    }

    /// Returns the disk's options.
    pub fn options(&self) -> DiskOptions {
        self.lock().options.clone()
    }

    /// Returns the file system as a new process sees it.
    pub fn fs(&self) -> SimFs {
        let process = Arc::<Process>::default();
        self.lock().processes.push(Arc::clone(&process));
        SimFs::new(self.clone(), process)
    }

    /// Returns the changes that processes made in the session folder since the last call.
    pub fn take_changes(&self) -> Vec<Change> {
        std::mem::take(&mut self.lock().changes)
    }

    /// Returns the online-only files that processes have opened since the last call.
    pub fn take_wanted(&self) -> Vec<Change> {
        std::mem::take(&mut self.lock().wanted)
    }

    /// Returns the forbidden actions of processes since the last call.
    pub fn take_violations(&self) -> Vec<String> {
        std::mem::take(&mut self.lock().violations)
    }

    /// Returns the system-specific conditions that processes encountered since the last call.
    pub fn take_met(&self) -> Vec<&'static str> {
        self.lock().take_met()
    }

    /// Returns the time of the last interference: a failed call, an absent folder, or files that came back.
    pub fn disturbed(&self) -> Duration {
        self.lock().disturbed
    }

    /// Notes an interference now.
    pub fn disturb(&self) {
        let mut state = self.lock();
        state.disturbed = state.now;
    }

    /// Returns the number of files and directories in the session folder.
    pub fn entries(&self) -> usize {
        let state = self.lock();
        state.dirs().map(|(_, dir)| 1 + state.tree.children(dir).count()).sum()
    }

    /// Returns the number of calls that processes have made.
    pub fn calls(&self) -> u64 {
        self.lock().calls
    }

    /// Lets one call fail, after `calls` more calls.
    pub fn fail_after(&self, calls: u64, error: io::ErrorKind) {
        let mut state = self.lock();
        state.failing = Some((state.calls + calls, error));
    }

    /// Cuts the power after `calls` more calls: every later call fails and does nothing.
    pub fn cut_power_after(&self, calls: u64) {
        let mut state = self.lock();
        state.power_until = Some(state.calls + calls);
    }

    /// Returns whether the power was cut while a process was running.
    pub fn is_without_power(&self) -> bool {
        let state = self.lock();
        state.power_until.is_some_and(|last| state.calls > last)
    }

    /// Sets the capacity, in bytes.
    pub fn set_capacity(&self, capacity: u64) {
        let mut state = self.lock();
        state.options.capacity = capacity;
        state.disturbed = state.now;
    }

    /// Returns whether the capacity is limited.
    pub fn is_full(&self) -> bool {
        self.lock().options.capacity != u64::MAX
    }

    /// Returns the content of a file in the session folder, if there is one.
    pub fn read(&self, dir: &OsStr, name: &OsStr) -> Option<Bytes> {
        let state = self.lock();
        state.original(state.node(dir, name)?)
    }

    /// Returns the kind of an entry in an author's directory.
    pub fn kind(&self, dir: &OsStr, name: &OsStr) -> Option<Kind> {
        let state = self.lock();
        state.tree.kind(state.node(dir, name)?)
    }

    /// Returns the directory and name of every entry in the authors' directories that is neither a regular file nor the
    /// place of parts.
    pub fn specials(&self) -> Vec<(OsString, OsString)> {
        let state = self.lock();
        let mut specials = Vec::new();
        for (dir_name, dir) in state.dirs() {
            let place = state.tree.child(dir, OsStr::new(places::FILES));
            let place = place.filter(|&node| state.tree.kind(node) == Some(Kind::Directory));
            let is_odd = |node| state.tree.kind(node) != Some(Kind::File) && Some(node) != place;
            let inside = state.tree.children(dir).filter(|&(_, node)| is_odd(node));
            specials.extend(inside.map(|(name, _)| (dir_name.to_os_string(), name.to_owned())));
        }
        specials
    }

    /// Returns the directory, name and content of every file in the session folder that is not a part of an attached
    /// one.
    pub fn files(&self) -> Vec<(OsString, OsString, Bytes)> {
        let state = self.lock();
        state.contents(state.dirs().map(|(name, dir)| (name.into_owned(), dir)))
    }

    /// Calls `each` with the directory and the name of every file in the session folder, the parts of attached files
    /// among them.
    pub(crate) fn each_file(&self, mut each: impl FnMut(&OsStr, &OsStr)) {
        let state = self.lock();
        for (dir_name, dir) in state.dirs() {
            let files = state.tree.children(dir).filter(|&(_, node)| state.tree.kind(node) == Some(Kind::File));
            files.for_each(|(name, _)| each(&dir_name, name));
        }
        for (place, dir) in state.places() {
            let parts = state.tree.children(dir).filter(|&(_, node)| state.tree.kind(node) == Some(Kind::File));
            parts.for_each(|(name, _)| each(&place, name));
        }
    }

    /// Returns the names in the session folder itself.
    pub fn dirs(&self) -> Vec<OsString> {
        let state = self.lock();
        state.tree.children(state.folder).map(|(name, _)| name.to_owned()).collect()
    }

    /// Returns the names in the staging directory.
    pub fn staged(&self) -> Vec<OsString> {
        let state = self.lock();
        state.tree.children(state.staging).map(|(name, _)| name.to_owned()).collect()
    }

    /// Cuts the power and restores it. Any legal part of unsynced data remains. All processes end.
    pub fn crash(&self) {
        let mut state = self.lock();
        let mut rng = state.rng.fork();
        let in_order = state.options.system.is_windows();
        state.tree.crash(&mut rng, in_order);
        state.power_until = None;
        state.failing = None;
        state.changes.clear();
        state.watches.clear();
        state.processes.clear();
        state.late_hints.clear();
        state.peculiar.unread.clear();
        state.part_acts.clear();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Returns the directory, name and content of every file in some directories.
    fn contents(&self, dirs: impl Iterator<Item = (OsString, NodeId)>) -> Vec<(OsString, OsString, Bytes)> {
        let mut files = Vec::new();
        for (dir_name, dir) in dirs {
            for (name, node) in self.tree.children(dir) {
                files.extend(self.original(node).map(|content| (dir_name.clone(), name.to_owned(), content)));
            }
        }
        files
    }

    fn stamp(&self) -> i128 {
        let granularity = self.options.granularity.as_nanos().max(1);
        i128::try_from(self.now.as_nanos() / granularity * granularity).unwrap_or(i128::MAX)
    }
}
