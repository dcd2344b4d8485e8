//! The spellings of directories that processes start with: through a link, and in several forms.

use std::{
    ffi::OsStr,
    path::{Component, Path, PathBuf},
};

use super::{
    Disk, State, System,
    tree::{NodeId, ROOT},
};

impl Disk {
    /// A link to the directory that contains the session folder, if the disk has
    /// [one](super::DiskOptions::is_linked).
    pub const LINK: &str = "/link";

    /// Returns the path of the session folder.
    pub fn folder(&self) -> PathBuf {
        Path::new("/").join(self.lock().options.folder_name())
    }
}

impl State {
    /// Returns the components of a path, without the link if it leads through it.
    fn names_of<'a>(&self, path: &'a Path) -> Vec<&'a OsStr> {
        let is_linked = self.options.is_linked;
        let behind = path.strip_prefix(Disk::LINK).ok().filter(|_| is_linked).unwrap_or(path);
        let names = behind.components().filter_map(|part| match part {
            Component::Normal(name) => Some(name),
            _ => None,
        });
        names.collect()
    }

    /// Resolves a path. Windows returns names as they are stored. macOS does not promise that, and `APFS` keeps each
    /// name in its original Unicode form, so the forms of the folder and of what is beside it differ.
    pub(super) fn resolve(&self, path: &Path) -> PathBuf {
        let parts = self.names_of(path);
        let is_folder =
            matches!(parts.as_slice(), [name] if self.is_folder(name) && self.tree.child(ROOT, name).is_some());
        if is_folder && matches!(self.options.system, System::Windows(_)) {
            return Path::new("/").join(self.options.folder_name());
        }
        Path::new("/").join(parts.iter().collect::<PathBuf>())
    }

    pub(super) fn node_at(&self, path: &Path) -> Option<NodeId> {
        match self.names_of(path).as_slice() {
            [] => Some(ROOT),
            [name] if *name == "staging" => Some(self.staging),
            [name] if self.is_folder(name) => self.tree.child(ROOT, name),
            _ => None,
        }
    }

    /// Returns whether this is the folder's name.
    pub(super) fn is_folder(&self, name: &OsStr) -> bool {
        let (naming, own) = (self.tree.naming, OsStr::new(self.options.folder_name()));
        name == own || naming.key(name) == naming.key(own)
    }
}
