//! The names of directories that processes begin with: through a link, and in several spellings.

use std::{
    ffi::OsStr,
    path::{Component, Path, PathBuf},
};

use super::{
    Disk, State, System,
    tree::{NodeId, ROOT},
};

impl Disk {
    /// A link to the directory that holds the session folder, if the disk has [one](super::DiskOptions::is_linked).
    pub const LINK: &str = "/link";

    /// The path of the session folder.
    pub fn folder(&self) -> PathBuf {
        Path::new("/").join(self.lock().options.folder_name())
    }
}

impl State {
    /// The parts of a path behind the link, if it leads through that.
    fn parts<'a>(&self, path: &'a Path) -> Vec<&'a OsStr> {
        let is_linked = self.options.is_linked;
        let behind = path.strip_prefix(Disk::LINK).ok().filter(|_| is_linked).unwrap_or(path);
        let names = behind.components().filter_map(|part| match part {
            Component::Normal(name) => Some(name),
            _ => None,
        });
        names.collect()
    }

    /// Where a path leads. Windows tells the names as they are; of macOS nobody promises that, and `APFS` keeps each in the
    /// Unicode form in which it was made, so that the folder and what is beside it differ.
    pub(super) fn resolve(&self, path: &Path) -> PathBuf {
        let parts = self.parts(path);
        let is_folder =
            matches!(parts.as_slice(), [name] if self.is_folder(name) && self.tree.child(ROOT, name).is_some());
        if is_folder && matches!(self.options.system, System::Windows(_)) {
            return Path::new("/").join(self.options.folder_name());
        }
        Path::new("/").join(parts.iter().collect::<PathBuf>())
    }

    pub(super) fn node_at(&self, path: &Path) -> Option<NodeId> {
        match self.parts(path).as_slice() {
            [] => Some(ROOT),
            [name] if *name == "staging" => Some(self.staging),
            [name] if self.is_folder(name) => self.tree.child(ROOT, name),
            _ => None,
        }
    }

    /// Whether this is the folder's name.
    pub(super) fn is_folder(&self, name: &OsStr) -> bool {
        let (naming, own) = (self.tree.naming, OsStr::new(self.options.folder_name()));
        name == own || naming.key(name) == naming.key(own)
    }
}
