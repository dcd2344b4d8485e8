//! A disk of one machine: what processes see, and what would be left of it after a loss of power.

mod crash;
mod fs;
mod hints;
mod judge;
mod line_ends;
mod outside;
mod pieces;
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
use process::{Process, Watched};
pub use states::{Cuts, DiskImage, Outcomes};
use system::Peculiar;
pub use system::{System, Volume};
use tree::Tree;
pub use tree::{Kind, Naming, NodeId};
pub use witness::{Act, Witness};

use crate::Rng;

/// A machine's disk. Cloning gives another handle to the same disk.
///
/// It has two directories at its root: the session folder, whose parts the sync service sees, and `staging`. Others are
/// further pieces of the session folder; a directory in one is named by the piece, a slash, and its own name.
#[derive(Debug, Clone)]
pub struct Disk {
    state: Arc<Mutex<State>>,
}

/// How a disk differs from the usual one.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "disks differ in ways that have nothing to do with each other")]
pub struct DiskOptions {
    /// The system whose file system it has. Windows and macOS decide which names are the same.
    pub system: System,
    /// The name of the session folder has an accent.
    pub is_accented: bool,
    /// A [link](Disk::LINK) leads to the directory that holds the session folder.
    pub is_linked: bool,
    /// The staging directory is on another volume than the session folder.
    pub staging_elsewhere: bool,
    /// The session folder belongs to several users: what is made in it has other permissions than what is made elsewhere.
    pub is_shared: bool,
    /// Which names are the same.
    pub naming: Naming,
    /// A rename that must not replace anything looks for the name first, and misses what has come in the last moment.
    pub looks_before_renaming: bool,
    /// Nothing shows that a file is online only, before reading it fails.
    pub hides_online_only: bool,
    /// Processes open online-only files, which makes the service fetch them soon.
    pub fetches: bool,
    /// The granularity of times.
    pub granularity: Duration,
    /// A file that comes bit by bit has its full length first, with zeros for what is still to come.
    pub length_first: bool,
    /// Reading a file moves its times, as on a drive of rclone whose write cache has not been uploaded.
    pub reading_moves_times: bool,
    /// Something converts line ends in the files that the service brings.
    pub line_ends: Option<LineEnds>,
    /// How many bytes fit.
    pub capacity: u64,
    /// How many of a thousand hints about changes are lost; some of the others are late, wrong, or the last ones, then.
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

/// Something in the session folder that changed by a process's doing, for the sync service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The author's directory; for a change of the session folder itself, empty.
    pub dir: OsString,
    /// The name in it.
    pub name: OsString,
}

impl DiskOptions {
    /// The name of the session folder.
    pub fn folder_name(&self) -> &'static str {
        if self.is_accented { "j\u{e4}m.session" } else { "jam.session" }
    }
}

#[derive(Debug)]
struct State {
    tree: Tree,
    folder: NodeId,
    /// The folder, while an empty directory or nothing is in its place.
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
    /// What the service has brought, of files in which line ends were converted.
    originals: BTreeMap<NodeId, Bytes>,
    /// How many calls a process has made.
    calls: u64,
    /// The call that fails, and how.
    failing: Option<(u64, io::ErrorKind)>,
    /// The call before which the power is lost.
    power_until: Option<u64>,
    /// A hint was given and not looked at yet.
    hinted: bool,
    /// When somebody or something last got in the way of the processes.
    disturbed: Duration,
    /// Files that were made in the staging directory.
    private: BTreeSet<NodeId>,
    /// Files that have their full length and not all of their content.
    unfilled: BTreeSet<NodeId>,
    /// Files that cannot be opened, and until when.
    locked: BTreeMap<NodeId, Duration>,
    /// Hints that come later, with the time.
    late_hints: Vec<(Duration, Hint)>,
    /// The file that the service put there last, and when.
    arrived: Option<(NodeId, Duration)>,
    /// What processes did that they must not do.
    violations: Vec<String>,
    witness: Option<Witness>,
}

impl Disk {
    /// The path of the session folder where its name has no accent.
    pub const FOLDER: &str = "/jam.session";
    /// The path of the staging directory.
    pub const STAGING: &str = "/staging";

    /// An empty disk.
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
            witness: None,
        };
        Self { state: Arc::new(Mutex::new(state)) }
    }

    /// A disk of its own with what this one shows now, as a cloned machine has it: all of it durable.
    #[must_use]
    pub fn copied(&self, rng: Rng) -> Self {
        let copy = Self::new(self.options(), rng);
        for (dir, _) in self.lock().dirs() {
            copy.put_dir(&dir);
        }
        for (dir, name, content) in self.files() {
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

    /// Everything is on the medium now.
    pub fn sync(&self) {
        self.lock().tree.sync();
    }

    /// Whether the content of a file is with the service only.
    pub fn is_online_only(&self, dir: &OsStr, name: &OsStr) -> bool {
        let state = self.lock();
        state.node(dir, name).is_some_and(|node| state.is_online_only(node))
    }

    /// Whether a process does not find a file yet, because it has just come.
    pub(crate) fn is_unseen(&self, dir: &OsStr, name: &OsStr) -> bool {
        let state = self.lock();
        state.node(dir, name).is_some_and(|node| state.is_unseen(node))
    }

    /// How it differs from the usual one.
    pub fn options(&self) -> DiskOptions {
        self.lock().options.clone()
    }

    /// The file system as a process sees it.
    pub fn fs(&self) -> SimFs {
        let process = Arc::<Process>::default();
        self.lock().processes.push(Arc::clone(&process));
        SimFs::new(self.clone(), process)
    }

    /// What processes changed in the session folder since the last call.
    pub fn take_changes(&self) -> Vec<Change> {
        std::mem::take(&mut self.lock().changes)
    }

    /// The online-only files that processes have opened since the last call.
    pub fn take_wanted(&self) -> Vec<Change> {
        std::mem::take(&mut self.lock().wanted)
    }

    /// What processes did that they must not do, since the last call.
    pub fn take_violations(&self) -> Vec<String> {
        std::mem::take(&mut self.lock().violations)
    }

    /// What processes met since the last call that only disks of some systems have.
    pub fn take_met(&self) -> Vec<&'static str> {
        self.lock().take_met()
    }

    /// When something last got in the way: a failing call, the folder away, files that came back.
    pub fn disturbed(&self) -> Duration {
        self.lock().disturbed
    }

    /// Notes that something gets in the way now.
    pub fn disturb(&self) {
        let mut state = self.lock();
        state.disturbed = state.now;
    }

    /// How many files and directories the session folder has.
    pub fn entries(&self) -> usize {
        let state = self.lock();
        state.dirs().map(|(_, dir)| 1 + state.tree.children(dir).count()).sum()
    }

    /// How many calls processes have made.
    pub fn calls(&self) -> u64 {
        self.lock().calls
    }

    /// Lets the call after so many more calls fail.
    pub fn fail_after(&self, calls: u64, error: io::ErrorKind) {
        let mut state = self.lock();
        state.failing = Some((state.calls + calls, error));
    }

    /// Cuts the power after so many more calls: every later call fails and does nothing.
    pub fn cut_power_after(&self, calls: u64) {
        let mut state = self.lock();
        state.power_until = Some(state.calls + calls);
    }

    /// Whether the power was cut while a process was at work.
    pub fn is_without_power(&self) -> bool {
        let state = self.lock();
        state.power_until.is_some_and(|last| state.calls > last)
    }

    /// Changes how many bytes fit.
    pub fn set_capacity(&self, capacity: u64) {
        let mut state = self.lock();
        state.options.capacity = capacity;
        state.disturbed = state.now;
    }

    /// Whether not everything fits.
    pub fn is_full(&self) -> bool {
        self.lock().options.capacity != u64::MAX
    }

    /// The content of a file of the session folder, if there is one.
    pub fn read(&self, dir: &OsStr, name: &OsStr) -> Option<Bytes> {
        let state = self.lock();
        state.original(state.node(dir, name)?)
    }

    /// What a name in an author's directory stands for.
    pub fn kind(&self, dir: &OsStr, name: &OsStr) -> Option<Kind> {
        let state = self.lock();
        state.tree.kind(state.node(dir, name)?)
    }

    /// Everything in the authors' directories that is no file: directory, name.
    pub fn specials(&self) -> Vec<(OsString, OsString)> {
        let state = self.lock();
        let mut specials = Vec::new();
        for (dir_name, dir) in state.dirs() {
            let inside = state.tree.children(dir).filter(|&(_, node)| state.tree.kind(node) != Some(Kind::File));
            specials.extend(inside.map(|(name, _)| (dir_name.to_os_string(), name.to_owned())));
        }
        specials
    }

    /// Every file of the session folder: directory, name, content.
    pub fn files(&self) -> Vec<(OsString, OsString, Bytes)> {
        let state = self.lock();
        let mut files = Vec::new();
        for (dir_name, dir) in state.dirs() {
            for (name, node) in state.tree.children(dir) {
                if let Some(content) = state.original(node) {
                    files.push((dir_name.to_os_string(), name.to_owned(), content));
                }
            }
        }
        files
    }

    /// Shows the directory and the name of every file of the session folder.
    pub(crate) fn each_file(&self, mut each: impl FnMut(&OsStr, &OsStr)) {
        let state = self.lock();
        for (dir_name, dir) in state.dirs() {
            let files = state.tree.children(dir).filter(|&(_, node)| state.tree.kind(node) == Some(Kind::File));
            files.for_each(|(name, _)| each(&dir_name, name));
        }
    }

    /// The names in the session folder itself.
    pub fn dirs(&self) -> Vec<OsString> {
        let state = self.lock();
        state.tree.children(state.folder).map(|(name, _)| name.to_owned()).collect()
    }

    /// The names in the staging directory.
    pub fn staged(&self) -> Vec<OsString> {
        let state = self.lock();
        state.tree.children(state.staging).map(|(name, _)| name.to_owned()).collect()
    }

    /// The power is lost and comes back: of what was not synced, any legal part is left. Processes are gone.
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
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn stamp(&self) -> i128 {
        let granularity = self.options.granularity.as_nanos().max(1);
        i128::try_from(self.now.as_nanos() / granularity * granularity).unwrap_or(i128::MAX)
    }
}
