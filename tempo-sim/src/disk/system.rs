//! Whose file system a disk has, and how those of Windows and macOS behave.

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
    /// Windows: files can be in use, removed names stay for a while, directories cannot be synced, and case makes no difference.
    Windows(Volume),
    /// macOS: names are kept decomposed, case makes no difference, and directories can be dataless.
    Mac {
        /// The volume refuses `F_FULLFSYNC`, as SMB and macFUSE volumes do.
        syncs_to_volume: bool,
    },
}

/// A volume of Windows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Volume {
    /// A directory that is made again under its name within 15 seconds has the creation time of the former one ("tunneling").
    Ntfs,
    /// The numbers of files have 128 bits, of which programs are told 64: two files can have the same one.
    Refs,
    /// A network drive: what has just come is not found for some seconds (`FileNotFoundCacheLifetime` of the SMB client), and
    /// the creation time of a directory is that of its last change.
    Share,
}

/// The states in which only disks of some systems are.
#[derive(Debug, Default)]
pub(super) struct Peculiar {
    /// Removed names that are still there: how each is listed, and until when.
    dying: BTreeMap<(NodeId, OsString), (OsString, Duration)>,
    /// When directories that are gone had been made, and when they went.
    former: BTreeMap<(NodeId, OsString), (i128, Duration)>,
    /// New files that a look-up does not find, and until when.
    unseen: BTreeMap<NodeId, Duration>,
    /// Hints that no process has read yet.
    pub(super) unread: Vec<Hint>,
    /// When hints overflowed last.
    pub(super) overflowed: Duration,
    /// Dataless directories that a process has begun to list.
    filling: BTreeSet<NodeId>,
    /// What a process met that only some systems have.
    met: Vec<&'static str>,
}

impl System {
    /// A system and a volume of it.
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

    /// Whether it is a Windows.
    pub fn is_windows(self) -> bool {
        matches!(self, Self::Windows(_))
    }

    /// Whether it is a macOS.
    pub fn is_mac(self) -> bool {
        matches!(self, Self::Mac { .. })
    }

    /// Whether one watch covers everything in a folder: `ReadDirectoryChangesW` and `FSEvents` do, inotify does not.
    pub(super) fn covers_directories(self) -> bool {
        self != Self::Linux
    }

    /// Whether the creation time of a directory is that of its last change.
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

    /// The number of a thing as programs are told it.
    pub(super) fn number(self, node: NodeId) -> u64 {
        const SO_FEW: usize = 5;
        let number = if self == Self::Windows(Volume::Refs) { node.0 % SO_FEW } else { node.0 };
        u64::try_from(number).unwrap_or(u64::MAX)
    }

    /// The error of opening what another program has for itself.
    pub(super) fn in_use(self) -> io::Error {
        if self.is_windows() { io::ErrorKind::ResourceBusy.into() } else { io::ErrorKind::PermissionDenied.into() }
    }
}

/// Within this time a name that is made again is the former one for NTFS (`MaximumTunnelEntryAgeInSeconds`).
const TUNNEL: Duration = Duration::from_secs(15);

impl State {
    /// Notes that a process has met something that only some systems have.
    pub(super) fn meet(&mut self, what: &'static str) {
        self.peculiar.met.push(what);
    }

    pub(super) fn take_met(&mut self) -> Vec<&'static str> {
        std::mem::take(&mut self.peculiar.met)
    }

    /// Until when another program keeps a name that was removed, if it does.
    pub(super) fn dies_at(&self, dir: NodeId, name: &OsStr) -> Option<Duration> {
        if self.peculiar.dying.is_empty() {
            return None;
        }
        let until = self.peculiar.dying.get(&(dir, self.tree.naming.key(name).into_owned())).map(|&(_, until)| until);
        until.filter(|&until| self.now < until)
    }

    /// Refuses a name that was removed and is still there ("delete pending").
    pub(super) fn refuse_dying(&mut self, dir: NodeId, name: &OsStr) -> io::Result<()> {
        match self.dies_at(dir, name) {
            Some(_) => {
                self.meet("delete pending met");
                Err(io::ErrorKind::ResourceBusy.into())
            }
            None => Ok(()),
        }
    }

    /// The names that were removed from a directory and are still listed.
    pub(super) fn dying_in(&self, dir: NodeId) -> impl Iterator<Item = &OsStr> {
        let of_dir =
            self.peculiar.dying.iter().filter(move |((parent, _), (_, until))| *parent == dir && self.now < *until);
        of_dir.map(|(_, (name, _))| name.as_os_str())
    }

    /// Somebody has removed a name, which another program may keep for a while; until when.
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

    /// A name is taken again, by whatever closes the file that it stood for.
    pub(super) fn revive(&mut self, dir: NodeId, name: &OsStr) {
        if !self.peculiar.dying.is_empty() {
            self.peculiar.dying.remove(&(dir, self.tree.naming.key(name).into_owned()));
        }
    }

    /// A directory goes: a name that is made again soon may inherit its time.
    pub(super) fn bequeath(&mut self, parent: NodeId, name: &OsStr, dir: NodeId) {
        if self.options.system == System::Windows(Volume::Ntfs)
            && let Some(made) = self.tree.nodes.get(dir.0).map(|node| node.made)
        {
            let key = (parent, self.tree.naming.key(name).into_owned());
            self.peculiar.former.insert(key, (made, self.now));
        }
    }

    /// A directory is made: it may inherit the time of a former one.
    pub(super) fn inherit(&mut self, parent: NodeId, name: &OsStr, dir: NodeId) {
        let key = (parent, self.tree.naming.key(name).into_owned());
        let former = self.peculiar.former.get(&key).filter(|&&(_, gone)| self.now < gone + TUNNEL);
        if let (Some(&(made, _)), Some(node)) = (former, self.tree.nodes.get_mut(dir.0)) {
            node.made = made;
        }
    }

    /// When a directory was made, as the system tells it.
    pub(super) fn made_ns(&self, dir: NodeId) -> Option<i128> {
        let node = self.tree.nodes.get(dir.0)?;
        Some(if self.options.system.moves_creation_times() { node.modified } else { node.made })
    }

    /// The service has brought a file. Its program may still have it open, and look-ups of a network drive may miss it.
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

    /// The service's program has a file open for a moment, to read or write it.
    pub(super) fn hold(&mut self, node: NodeId) {
        let until = self.now + Duration::from_millis(self.rng.range(1..2000));
        let held = self.locked.entry(node).or_default();
        *held = until.max(*held);
    }

    /// Whether a look-up does not find what has come a moment ago.
    pub(super) fn is_unseen(&self, node: NodeId) -> bool {
        self.peculiar.unseen.get(&node).is_some_and(|&until| self.now < until)
    }

    /// Whether a file can be synced by this handle and so far.
    pub(super) fn refuse_sync(&mut self, is_writable: bool, reach: Reach) -> io::Result<()> {
        match self.options.system {
            System::Windows(_) if !is_writable => Err(io::ErrorKind::PermissionDenied.into()),
            System::Mac { syncs_to_volume: true } if reach == Reach::Medium => self.unsupported(),
            _ => Ok(()),
        }
    }

    /// Whether the names of a directory can be synced so far.
    pub(super) fn refuse_dir_sync(&mut self, reach: Reach) -> io::Result<()> {
        if self.options.system.is_windows() { self.unsupported() } else { self.refuse_sync(true, reach) }
    }

    fn unsupported(&mut self) -> io::Result<()> {
        self.meet("sync refused");
        Err(io::ErrorKind::Unsupported.into())
    }

    /// What decides on the permissions of a file that is made in a directory, where the system tells.
    pub(super) fn heritage(&mut self, dir: NodeId) -> Option<u8> {
        let is_shared = self.options.is_shared && dir != self.staging;
        if is_shared {
            self.meet("shared by users");
        }
        (self.options.system == System::Linux).then_some(u8::from(is_shared))
    }

    /// Whether the names of a directory are with the service only.
    pub(super) fn is_dataless(&self, dir: NodeId) -> bool {
        self.tree.nodes.get(dir.0).is_some_and(|node| node.kind == Kind::Directory && node.online_only)
    }

    /// A process begins to list a dataless directory, for which the service brings its names; true the first time.
    pub(super) fn begin_filling(&mut self, dir: NodeId) -> bool {
        self.meet("dataless directory");
        self.peculiar.filling.insert(dir)
    }

    /// The names of a directory are taken away, or there again.
    pub(super) fn set_dataless(&mut self, dir: NodeId, is_dataless: bool) {
        self.peculiar.filling.remove(&dir);
        if let Some(node) = self.tree.nodes.get_mut(dir.0) {
            node.online_only = is_dataless && !node.names.is_empty();
        }
    }
}
