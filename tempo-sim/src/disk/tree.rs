//! The directories and files of a disk, each in a visible and a durable version.

use std::{
    borrow::Cow,
    collections::BTreeMap,
    ffi::{OsStr, OsString},
    sync::Arc,
};

use bytes::Bytes;
use unicode_normalization::UnicodeNormalization;

/// The number of a file or directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub(super) usize);

/// The kind of a directory entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link to nowhere.
    Symlink,
    /// A pipe.
    Pipe,
}

#[derive(Debug)]
pub(super) struct Tree {
    pub(super) nodes: Vec<Node>,
    /// Changes of names that are not durable yet, in order.
    pub(super) pending: Vec<Pending>,
    pub(super) naming: Naming,
}

/// The spellings of a name that a disk treats as equal, and the form of the names that it keeps.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Naming {
    /// True if upper and lower case are equal.
    pub folds_case: bool,
    /// True if names are stored decomposed, regardless of their given form, so that a listing may return another
    /// name.
    pub decomposes: bool,
}

#[derive(Debug)]
pub(super) struct Node {
    pub(super) kind: Kind,
    pub(super) content: Bytes,
    /// The last synced content, or `None` if it was never synced.
    pub(super) durable: Option<Bytes>,
    pub(super) names: Names,
    pub(super) durable_names: Names,
    pub(super) modified: i128,
    /// The creation time. No two nodes share one.
    pub(super) made: i128,
    /// True if only the service has the content, or the names in the directory.
    pub(super) online_only: bool,
    /// A version that increases with every change, so that no two versions look alike.
    pub(super) version: i128,
}

/// Names, keyed by the form used in comparisons.
pub(super) type Names = BTreeMap<OsString, (Arc<OsStr>, NodeId)>;

/// A change of a name in a directory. The changes of one step become durable together.
#[derive(Debug, Clone)]
pub(super) struct Pending {
    pub(super) step: u64,
    pub(super) dir: NodeId,
    pub(super) name: OsString,
    pub(super) to: Option<NodeId>,
}

pub(super) const ROOT: NodeId = NodeId(0);

impl Tree {
    pub(super) fn new(naming: Naming) -> Self {
        Self { nodes: vec![Node::new(Kind::Directory, 0)], pending: Vec::new(), naming }
    }

    pub(super) fn make_durable_dir(&mut self, name: &str) -> NodeId {
        self.ensure_durable_dir(ROOT, OsStr::new(name), 0)
    }

    pub(super) fn ensure_durable_dir(&mut self, parent: NodeId, name: &OsStr, now: i128) -> NodeId {
        if let Some(there) = self.child(parent, name) {
            return there;
        }
        let node = self.add(Kind::Directory, now);
        self.set(parent, name, Some(node), now);
        self.set_durable(parent, name, Some(node));
        node
    }

    pub(super) fn put_durable(&mut self, dir: NodeId, name: &OsStr, content: Bytes, now: i128) -> NodeId {
        let node = self.add(Kind::File, now);
        if let Some(file) = self.nodes.get_mut(node.0) {
            file.content = content.clone();
            file.durable = Some(content);
        }
        self.set(dir, name, Some(node), now);
        self.sync_name(dir, name, Some(node));
        node
    }

    /// Gives a file its content if the length matches. Returns false if it does not.
    pub(super) fn fill(&mut self, node: NodeId, content: &Bytes, now: i128) -> bool {
        let Some(file) = self.nodes.get_mut(node.0).filter(|file| file.content.len() == content.len()) else {
            return false;
        };
        (file.content, file.durable, file.modified) = (content.clone(), Some(content.clone()), now);
        true
    }

    pub(super) fn put_special(&mut self, dir: NodeId, name: &OsStr, kind: Kind, now: i128) {
        let node = self.add(kind, now);
        self.set(dir, name, Some(node), now);
        self.sync_name(dir, name, Some(node));
    }

    pub(super) fn remove_durable(&mut self, dir: NodeId, name: &OsStr, now: i128) -> bool {
        let was_there = self.child(dir, name).is_some();
        self.set(dir, name, None, now);
        self.sync_name(dir, name, None);
        was_there
    }

    /// Makes everything durable.
    pub(super) fn sync(&mut self) {
        self.sync_names();
        for node in self.nodes.iter_mut().filter(|node| node.kind == Kind::File) {
            node.durable = Some(node.content.clone());
        }
    }

    /// Makes all names durable.
    pub(super) fn sync_names(&mut self) {
        for change in std::mem::take(&mut self.pending) {
            self.set_durable(change.dir, &change.name, change.to);
        }
    }

    pub(super) fn add(&mut self, kind: Kind, now: i128) -> NodeId {
        let number = self.nodes.len();
        self.nodes.push(Node { made: i128::try_from(number).unwrap_or(i128::MAX), ..Node::new(kind, now) });
        NodeId(number)
    }

    pub(super) fn child(&self, dir: NodeId, name: &OsStr) -> Option<NodeId> {
        let names = &self.nodes.get(dir.0)?.names;
        names.get(&*self.naming.key(name)).map(|&(_, node)| node)
    }

    pub(super) fn children(&self, dir: NodeId) -> impl Iterator<Item = (&OsStr, NodeId)> {
        let names = self.nodes.get(dir.0).map(|node| node.names.values());
        names.into_iter().flatten().map(|(name, node)| (&**name, *node))
    }

    /// Returns the names in a directory, for a caller that does not hold the disk's lock.
    pub(super) fn listed(&self, dir: NodeId) -> Vec<Arc<OsStr>> {
        let names = self.nodes.get(dir.0).map(|node| node.names.values());
        names.into_iter().flatten().map(|(name, _)| Arc::clone(name)).collect()
    }

    pub(super) fn content(&self, node: NodeId) -> Option<Bytes> {
        self.nodes.get(node.0).filter(|node| node.kind == Kind::File).map(|node| node.content.clone())
    }

    pub(super) fn kind(&self, node: NodeId) -> Option<Kind> {
        self.nodes.get(node.0).map(|node| node.kind)
    }

    /// Changes the visible meaning of a name.
    pub(super) fn set(&mut self, dir: NodeId, name: &OsStr, to: Option<NodeId>, now: i128) {
        let (key, name) = (self.naming.key(name), self.naming.kept(name));
        let Some(node) = self.nodes.get_mut(dir.0) else { return };
        match to {
            Some(to) => node.names.insert(key.into_owned(), (Arc::from(&*name), to)),
            None => node.names.remove(&*key),
        };
        node.modified = now;
        node.version += 1;
    }

    /// Changes or removes the meaning of a name as mounting a volume there does, so that no times show it.
    pub(super) fn cover(&mut self, dir: NodeId, name: &OsStr, with: Option<NodeId>) {
        let Some(times) = self.nodes.get(dir.0).map(|node| (node.modified, node.version)) else { return };
        self.set(dir, name, with, times.0);
        self.sync_name(dir, name, with);
        if let Some(node) = self.nodes.get_mut(dir.0) {
            node.version = times.1;
        }
    }

    /// Changes the durable meaning of a name and drops its pending changes.
    fn sync_name(&mut self, dir: NodeId, name: &OsStr, to: Option<NodeId>) {
        let (naming, key) = (self.naming, self.naming.key(name));
        self.pending.retain(|change| change.dir != dir || naming.key(&change.name) != key);
        self.set_durable(dir, name, to);
    }

    /// Changes the durable meaning of a name.
    pub(super) fn set_durable(&mut self, dir: NodeId, name: &OsStr, to: Option<NodeId>) {
        let (key, name) = (self.naming.key(name), self.naming.kept(name));
        let Some(node) = self.nodes.get_mut(dir.0) else { return };
        match to {
            Some(to) => node.durable_names.insert(key.into_owned(), (Arc::from(&*name), to)),
            None => node.durable_names.remove(&*key),
        };
    }

    /// Returns the total size of all named files, in bytes.
    pub(super) fn used(&self) -> u64 {
        let files = self.nodes.iter().flat_map(|node| node.names.values());
        let sizes = files.filter_map(|&(_, node)| self.nodes.get(node.0)).map(|node| node.content.len());
        sizes.map(|len| u64::try_from(len).unwrap_or(u64::MAX)).sum()
    }
}

impl Naming {
    /// Returns the form of a name used in comparisons.
    pub(super) fn key(self, name: &OsStr) -> Cow<'_, OsStr> {
        let kept = self.kept(name);
        if self.folds_case && kept.as_encoded_bytes().iter().any(u8::is_ascii_uppercase) {
            return Cow::Owned(kept.to_ascii_lowercase());
        }
        kept
    }

    /// Returns the form of a name shown in listings.
    pub(super) fn kept(self, name: &OsStr) -> Cow<'_, OsStr> {
        if !self.decomposes || name.is_ascii() {
            return Cow::Borrowed(name);
        }
        name.to_str().map_or(Cow::Borrowed(name), |name| Cow::Owned(name.nfd().collect::<String>().into()))
    }
}

impl Node {
    fn new(kind: Kind, now: i128) -> Self {
        Self {
            kind,
            content: Bytes::new(),
            durable: None,
            names: Names::new(),
            durable_names: Names::new(),
            modified: now,
            made: 0,
            online_only: false,
            version: 0,
        }
    }
}
