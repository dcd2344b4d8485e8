//! The operating system whose file system a disk has, and the behavior of those of Windows and macOS.

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::{OsStr, OsString},
    io,
    time::Duration,
};

use tempo_fs_transport::Reach;

use super::{
    State,
    hints::Hint,
    tree::{Kind, Naming, NodeId},
};
use crate::Rng;

/// The system whose file system a disk has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum System {
    /// Linux: one watch for each directory, and every sync works.
    #[default]
    Linux,
    /// Windows: files can be in use, removed names stay for a while, directories cannot be synced, and case is
    /// ignored.
    Windows(Volume),
    /// macOS: names are decomposed, case is ignored, and directories can be dataless.
    Mac {
        /// True if the volume refuses `F_FULLFSYNC`, as SMB and macFUSE volumes do.
        syncs_to_volume: bool,
    },
}

/// A Windows volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Volume {
    /// NTFS: a directory that is recreated under its name within 15 seconds keeps the former creation time
    /// ("tunneling").
    Ntfs,
    /// `ReFS`: file numbers have 128 bits, but programs see only 64, so two files can have equal numbers.
    Refs,
    /// A network drive: very recent arrivals are not found for some seconds (`FileNotFoundCacheLifetime` of the SMB
    /// client), and the creation time of a directory is that of its last change.
    Share,
}

/// The states that occur only on disks of some systems.
#[derive(Debug, Default)]
pub(super) struct Peculiar {
    /// Removed names that are still there, with the listed name and the time until which they stay.
    dying: BTreeMap<(NodeId, OsString), (OsString, Duration)>,
    /// Directories that are gone, with their creation times and the times at which they disappeared.
    former: BTreeMap<(NodeId, OsString), (i128, Duration)>,
    /// New files that look-ups miss, and the times until which they do.
    unseen: BTreeMap<NodeId, Duration>,
    /// Hints that no process has read yet.
    pub(super) unread: Vec<Hint>,
    /// The time of the last overflow of hints.
    pub(super) overflowed: Duration,
    /// Dataless directories that a process has begun to list.
    filling: BTreeSet<NodeId>,
    /// The system-specific conditions that a process encountered.
    met: Vec<&'static str>,
}

impl System {
    /// Draws a system and its kind of volume.
    pub(crate) fn draw(rng: &mut Rng) -> Self {
        match rng.below(3) {
            0 => Self::Linux,
            1 => Self::Mac { syncs_to_volume: rng.chance(500) },
            _ => match rng.below(4) {
                0 => Self::Windows(Volume::Ntfs),
                1 => Self::Windows(Volume::Refs),
                _ => Self::Windows(Volume::Share),
            },
        }
    }

    /// Returns whether the system is Windows.
    pub fn is_windows(self) -> bool {
        matches!(self, Self::Windows(_))
    }

    /// Returns whether the system is macOS.
    pub fn is_mac(self) -> bool {
        matches!(self, Self::Mac { .. })
    }

    /// Returns whether one watch covers everything in a folder: `ReadDirectoryChangesW` and `FSEvents` do, inotify
    /// does not.
    pub(super) fn covers_directories(self) -> bool {
        self != Self::Linux
    }

    /// Returns whether the creation time of a directory is that of its last change.
    pub(crate) fn moves_creation_times(self) -> bool {
        self == Self::Windows(Volume::Share)
    }

    pub(super) fn naming(self, chosen: Naming) -> Naming {
        match self {
            Self::Linux => chosen,
            Self::Windows(_) => Naming { folds_case: true, decomposes: false },
            Self::Mac { .. } => Naming { folds_case: true, decomposes: true },
        }
    }

    /// Returns the number of a node as programs see it.
    pub(super) fn number(self, node: NodeId) -> u64 {
        const SO_FEW: usize = 5;
        let number = if self == Self::Windows(Volume::Refs) { node.0 % SO_FEW } else { node.0 };
        u64::try_from(number).unwrap_or(u64::MAX)
    }

    /// Returns the error for opening a file that another program has open exclusively.
    pub(super) fn in_use(self) -> io::Error {
        if self.is_windows() { io::ErrorKind::ResourceBusy.into() } else { io::ErrorKind::PermissionDenied.into() }
    }
}

/// The time within which NTFS treats a recreated name as the former one (`MaximumTunnelEntryAgeInSeconds`).
const TUNNEL: Duration = Duration::from_secs(15);

impl State {
    /// Notes that a process has encountered a system-specific condition.
    pub(super) fn meet(&mut self, what: &'static str) {
        self.peculiar.met.push(what);
    }

    pub(super) fn take_met(&mut self) -> Vec<&'static str> {
        std::mem::take(&mut self.peculiar.met)
    }

    /// Returns the time until which another program keeps a removed name, if one does.
    pub(super) fn dies_at(&self, dir: NodeId, name: &OsStr) -> Option<Duration> {
        if self.peculiar.dying.is_empty() {
            return None;
        }
        let until = self.peculiar.dying.get(&(dir, self.tree.naming.key(name).into_owned())).map(|&(_, until)| until);
        until.filter(|&until| self.now < until)
    }

    /// Refuses a removed name that is still there ("delete pending").
    pub(super) fn refuse_dying(&mut self, dir: NodeId, name: &OsStr) -> io::Result<()> {
        match self.dies_at(dir, name) {
            Some(_) => {
                self.meet("delete pending met");
                Err(io::ErrorKind::ResourceBusy.into())
            }
            None => Ok(()),
        }
    }

    /// Returns the names that were removed from a directory and are still listed.
    pub(super) fn dying_in(&self, dir: NodeId) -> impl Iterator<Item = &OsStr> {
        let of_dir =
            self.peculiar.dying.iter().filter(move |((parent, _), (_, until))| *parent == dir && self.now < *until);
        of_dir.map(|(_, (name, _))| name.as_os_str())
    }

    /// Lets another program keep a removed name for a while, at random. Returns the time until which it does.
    pub(super) fn linger(&mut self, dir: NodeId, name: &OsStr) -> Option<Duration> {
        if !self.options.system.is_windows() || !self.rng.chance(150) {
            return None;
        }
        let until = self.now + Duration::from_millis(self.rng.range(1..3000));
        let key = (dir, self.tree.naming.key(name).into_owned());
        self.peculiar.dying.insert(key, (self.tree.naming.kept(name).into_owned(), until));
        self.disturbed = self.disturbed.max(until);
        Some(until)
    }

    /// Frees a name for reuse, because the file that it stood for has been closed.
    pub(super) fn revive(&mut self, dir: NodeId, name: &OsStr) {
        if !self.peculiar.dying.is_empty() {
            self.peculiar.dying.remove(&(dir, self.tree.naming.key(name).into_owned()));
        }
    }

    /// Remembers the creation time of a removed directory, which a directory recreated soon may inherit.
    pub(super) fn bequeath(&mut self, parent: NodeId, name: &OsStr, dir: NodeId) {
        if self.options.system == System::Windows(Volume::Ntfs)
            && let Some(made) = self.tree.nodes.get(dir.0).map(|node| node.made)
        {
            let key = (parent, self.tree.naming.key(name).into_owned());
            self.peculiar.former.insert(key, (made, self.now));
        }
    }

    /// Gives a new directory the creation time of a former one, where it inherits that.
    pub(super) fn inherit(&mut self, parent: NodeId, name: &OsStr, dir: NodeId) {
        let key = (parent, self.tree.naming.key(name).into_owned());
        let former = self.peculiar.former.get(&key).filter(|&&(_, gone)| self.now < gone + TUNNEL);
        if let (Some(&(made, _)), Some(node)) = (former, self.tree.nodes.get_mut(dir.0)) {
            node.made = made;
        }
    }

    /// Returns the creation time of a directory as the system reports it.
    pub(super) fn made_ns(&self, dir: NodeId) -> Option<i128> {
        let node = self.tree.nodes.get(dir.0)?;
        Some(if self.options.system.moves_creation_times() { node.modified } else { node.made })
    }

    /// Handles a file that the service has delivered: its client may still have it open, and look-ups on a network
    /// drive may miss it.
    pub(super) fn bring(&mut self, node: NodeId, is_new: bool) {
        let System::Windows(volume) = self.options.system else { return };
        if self.rng.chance(200) {
            self.hold(node);
        }
        if volume == Volume::Share && is_new && self.rng.chance(800) {
            let until = self.now + Duration::from_millis(self.rng.range(1..5000));
            self.peculiar.unseen.insert(node, until);
        }
    }

    /// Keeps a file open for a moment, as the service's client does to read or write it.
    pub(super) fn hold(&mut self, node: NodeId) {
        let until = self.now + Duration::from_millis(self.rng.range(1..2000));
        let held = self.locked.entry(node).or_default();
        *held = until.max(*held);
    }

    /// Returns whether look-ups still miss a recent arrival.
    pub(super) fn is_unseen(&self, node: NodeId) -> bool {
        self.peculiar.unseen.get(&node).is_some_and(|&until| self.now < until)
    }

    /// Returns an error if a file cannot be synced through this handle or that far.
    pub(super) fn refuse_sync(&mut self, is_writable: bool, reach: Reach) -> io::Result<()> {
        match self.options.system {
            System::Windows(_) if !is_writable => Err(io::ErrorKind::PermissionDenied.into()),
            System::Mac { syncs_to_volume: true } if reach == Reach::Medium => self.unsupported(),
            _ => Ok(()),
        }
    }

    /// Returns an error if the names in a directory cannot be synced that far.
    pub(super) fn refuse_dir_sync(&mut self, reach: Reach) -> io::Result<()> {
        if self.options.system.is_windows() { self.unsupported() } else { self.refuse_sync(true, reach) }
    }

    fn unsupported(&mut self) -> io::Result<()> {
        self.meet("sync refused");
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Returns what decides the permissions of a file created in a directory, where the system shows it.
    pub(super) fn heritage(&mut self, dir: NodeId) -> Option<u8> {
        let is_shared = self.options.is_shared && dir != self.staging;
        if is_shared {
            self.meet("shared by users");
        }
        (self.options.system == System::Linux).then_some(u8::from(is_shared))
    }

    /// Returns whether only the service has the names in a directory.
    pub(super) fn is_dataless(&self, dir: NodeId) -> bool {
        self.tree.nodes.get(dir.0).is_some_and(|node| node.kind == Kind::Directory && node.online_only)
    }

    /// Notes that a process lists a dataless directory, so that the service brings its names. Returns true the first
    /// time.
    pub(super) fn begin_filling(&mut self, dir: NodeId) -> bool {
        self.meet("dataless directory");
        self.peculiar.filling.insert(dir)
    }

    /// Takes the names of a directory away, or brings them back.
    pub(super) fn set_dataless(&mut self, dir: NodeId, is_dataless: bool) {
        self.peculiar.filling.remove(&dir);
        if let Some(node) = self.tree.nodes.get_mut(dir.0) {
            node.online_only = is_dataless && !node.names.is_empty();
        }
    }
}
