//! Every state that a power loss may leave. [`Disk::crash`] draws one of them.

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::{OsStr, OsString},
    hash::{Hash, Hasher},
    sync::Arc,
};

use bytes::Bytes;
use tempo_fs_transport::FileName;
use tempo_message::Head;

use super::{
    Disk, DiskOptions, State,
    tree::{Kind, NodeId, Pending, Tree},
};
use crate::Rng;

/// The contents of a disk when the power returns.
///
/// Staged files are only counted. No process reads one, which the disk checks, so their contents and names make no
/// difference. More than [`LEFT`](Self::LEFT) of them count as that many, because each is swept separately.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct DiskImage {
    /// The authors' directories, with the number of staged files in each.
    dirs: Arc<BTreeMap<OsString, usize>>,
    /// Every other file: directory, name, content.
    files: Vec<(Arc<OsStr>, Arc<OsStr>, Bytes)>,
    /// The number of files in the staging directory.
    staged: usize,
}

/// Every state that a power loss at one moment may leave.
#[derive(Debug, Clone, Default)]
pub struct Outcomes {
    /// The images, each once.
    pub images: Vec<DiskImage>,
    /// The number of selections of name steps and of a content class for each file. Many give equal images.
    pub selections: u128,
    /// The number of images left out because there are more than [`BOUND`](Self::BOUND). The others are evenly
    /// spread.
    pub left_out: usize,
}

/// The variants of unsynced content that are tried, besides the durable content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cuts {
    /// No bytes, the first half, zeros of the full length, or everything.
    All,
    /// All variants except no bytes, because the half is truncated too. For a head, only the half or everything.
    Distinct,
}

/// The name of an author's hint file.
const HEAD: &str = "head";

/// A name in a directory, as the disk compares names.
type Place = (NodeId, Arc<OsStr>);

/// A file in an author's directory: directory, name, and node.
type Reached = (Arc<OsStr>, Arc<OsStr>, NodeId);

/// The names of a group in one outcome: the listed name and the node for each.
type Outcome = BTreeMap<Place, (Arc<OsStr>, NodeId)>;

/// Names and their nodes: either the synced names, or the others in one outcome.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Names {
    /// The listed name and the node for each name.
    files: Outcome,
    /// The number of staged files in each directory.
    staged: BTreeMap<NodeId, usize>,
}

/// Steps that belong together because they change common names.
#[derive(Debug, Default)]
struct Group {
    places: BTreeSet<Place>,
    steps: BTreeMap<u64, Vec<Pending>>,
}

impl DiskImage {
    /// The most staged files in one directory that are counted separately.
    pub const LEFT: usize = 2;

    /// Returns the directory, name and content of every file in the authors' directories that is not staged.
    pub fn files(&self) -> impl Iterator<Item = (&OsStr, &OsStr, &Bytes)> {
        self.files.iter().map(|(dir, name, content)| (&**dir, &**name, content))
    }
}

impl Hash for DiskImage {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.dirs.hash(state);
        self.staged.hash(state);
        for (dir, name, content) in &self.files {
            dir.as_encoded_bytes().hash(state);
            name.as_encoded_bytes().hash(state);
            // Every life leaves another head, which makes no difference.
            match Head::decode(content) {
                Ok(head) if &**name == HEAD => (head.author, head.counter).hash(state),
                Err(_) if &**name == HEAD => content.first().hash(state),
                _ => content.hash(state),
            }
        }
    }
}

impl Outcomes {
    /// The most images that are returned.
    pub const BOUND: usize = 100_000;
}

impl Disk {
    /// Returns every state that a power loss could leave now. The disk itself stays unchanged.
    ///
    /// Any selection of the pending name steps may remain, each whole, and so every prefix. Each file with unsynced
    /// content keeps its durable content or one of the `cuts`.
    pub fn states_after_power_loss(&self, cuts: Cuts) -> Outcomes {
        let state = self.lock();
        let (synced, names, steps) = state.names_after_power_loss();
        let mut classes = BTreeMap::new();
        let all: Vec<Vec<Reached>> = names.iter().map(|names| state.reachable([&synced, names])).collect();
        for (_, name, node) in all.iter().flatten() {
            let contents = || state.tree.classes(*node, cuts, &**name == HEAD);
            classes.entry(*node).or_insert_with(contents);
        }
        let contents = |node: &NodeId| classes.get(node).map(Vec::as_slice).unwrap_or_default();
        let count = |files: &[(_, _, NodeId)]| files.iter().map(|(_, _, node)| contents(node).len()).product::<usize>();
        let total: usize = all.iter().map(|files| count(files)).sum();
        let stride = total.div_ceil(Outcomes::BOUND).max(1);

        let mut images = Vec::new();
        let mut number = 0;
        for (names, files) in names.iter().zip(&all) {
            let (dirs, staged) = state.staged([&synced, names]);
            let dirs = Arc::new(dirs);
            for mut selection in 0..count(files) {
                number += 1;
                if number % stride != 0 {
                    continue;
                }
                let chosen = files.iter().filter_map(|(dir, name, node)| {
                    let contents = contents(node);
                    let content = contents.get(selection % contents.len())?.clone();
                    selection /= contents.len();
                    Some((Arc::clone(dir), Arc::clone(name), content))
                });
                images.push(DiskImage { files: chosen.collect(), dirs: Arc::clone(&dirs), staged });
            }
        }
        let unsynced = classes.values().map(|contents| contents.len() as u128).product::<u128>();
        let selections = 1_u128.checked_shl(steps).unwrap_or(u128::MAX).saturating_mul(unsynced);
        Outcomes { left_out: total - images.len(), images, selections }
    }

    /// Creates a disk from an image, with all of it durable.
    pub fn from_image(image: &DiskImage, options: DiskOptions, rng: Rng) -> Self {
        let disk = Self::new(options, rng);
        let staged = |number| OsString::from(format!("~tempo-{number:016x}.tmp"));
        for (dir, &count) in &*image.dirs {
            disk.put_dir(dir);
            (0..count).for_each(|number| disk.put(dir, &staged(number), Bytes::new()));
        }
        for (dir, name, content) in image.files() {
            disk.put(dir, name, content.clone());
        }
        let mut state = disk.lock();
        let (dir, now) = (state.staging, state.stamp());
        for number in 0..image.staged {
            state.tree.put_durable(dir, &staged(number), Bytes::new(), now);
        }
        drop(state);
        disk
    }
}

impl State {
    /// Returns the names that are equal in every outcome, the variants of the others, and the number of pending
    /// steps.
    ///
    /// Groups of steps that share no name are independent. They are combined one after the other, so that outcomes
    /// that differ only in the remaining staged file become one early.
    fn names_after_power_loss(&self) -> (Names, BTreeSet<Names>, u32) {
        let groups = groups(&self.tree);
        let mut synced = Names::default();
        for (number, node) in self.tree.nodes.iter().enumerate() {
            for (key, (name, to)) in &node.durable_names {
                let place = (NodeId(number), Arc::from(key.as_os_str()));
                if !groups.iter().any(|group| group.places.contains(&place)) {
                    self.add(&mut synced, place, Arc::clone(name), *to);
                }
            }
        }
        let mut all = BTreeSet::from([Names::default()]);
        for group in &groups {
            let outcomes: BTreeSet<Names> = group.outcomes(&self.tree).into_iter().map(|one| self.names(one)).collect();
            all = all.iter().flat_map(|names| outcomes.iter().map(|more| names.with(more))).collect();
        }
        let steps = groups.iter().map(|group| group.steps.len()).sum::<usize>();
        (synced, all, u32::try_from(steps).unwrap_or(u32::MAX))
    }

    fn names(&self, outcome: Outcome) -> Names {
        let mut names = Names::default();
        for (place, (name, node)) in outcome {
            self.add(&mut names, place, name, node);
        }
        names
    }

    fn add(&self, names: &mut Names, place: Place, name: Arc<OsStr>, node: NodeId) {
        if place.0 == self.staging || FileName::parse(&name) == FileName::Staged {
            names.stage(place.0, 1);
        } else {
            // If several heads may be left, the latest stands for all: an older one says less, and no member relies
            // on it.
            let latest = self.tree.child(place.0, &name).filter(|_| &*name == HEAD).unwrap_or(node);
            names.files.insert(place, (name, latest));
        }
    }

    /// Returns the files in the authors' directories, by name.
    fn reachable(&self, all: [&Names; 2]) -> Vec<Reached> {
        let mut files = Vec::new();
        for (dir_name, dir) in inside(all, self.folder) {
            let inside = inside(all, dir).filter(|&(_, node)| self.tree.kind(node) == Some(Kind::File));
            files.extend(inside.map(|(name, node)| (Arc::clone(dir_name), Arc::clone(name), node)));
        }
        files.sort_unstable();
        files
    }

    /// Returns the numbers of staged files in each author's directory and in the staging directory.
    fn staged(&self, all: [&Names; 2]) -> (BTreeMap<OsString, usize>, usize) {
        let count = |dir| all.iter().filter_map(|names| names.staged.get(&dir)).sum::<usize>().min(DiskImage::LEFT);
        let dirs = inside(all, self.folder).map(|(name, dir)| (name.to_os_string(), count(dir)));
        (dirs.collect(), count(self.staging))
    }
}

impl Names {
    fn with(&self, more: &Self) -> Self {
        let mut names = self.clone();
        names.files.extend(more.files.iter().map(|(place, (name, node))| (place.clone(), (Arc::clone(name), *node))));
        for (&dir, &count) in &more.staged {
            names.stage(dir, count);
        }
        names
    }

    fn stage(&mut self, dir: NodeId, more: usize) {
        let count = self.staged.entry(dir).or_default();
        *count = (*count + more).min(DiskImage::LEFT);
    }
}

impl Tree {
    /// Returns the possible remains of a file's content.
    fn classes(&self, node: NodeId, cuts: Cuts, is_head: bool) -> Vec<Bytes> {
        let Some(file) = self.nodes.get(node.0) else { return Vec::new() };
        let written = &file.content;
        if file.durable.as_ref() == Some(written) {
            return vec![written.clone()];
        }
        let mut classes = BTreeSet::from([written.slice(..written.len() / 2), written.clone()]);
        classes.extend(file.durable.clone());
        if cuts == Cuts::All || !is_head {
            classes.insert(Bytes::from(vec![0; written.len()]));
        }
        if cuts == Cuts::All {
            classes.insert(Bytes::new());
        }
        classes.into_iter().collect()
    }
}

impl Group {
    /// Returns the names and nodes after each selection of the group's steps. Names without a node are absent.
    fn outcomes(&self, tree: &Tree) -> BTreeSet<Outcome> {
        let mut durable = BTreeMap::new();
        for (dir, key) in &self.places {
            let there = tree.nodes.get(dir.0).and_then(|dir| dir.durable_names.get(&**key));
            if let Some((name, node)) = there {
                durable.insert((*dir, Arc::clone(key)), (Arc::clone(name), *node));
            }
        }
        let mut outcomes = BTreeSet::from([durable]);
        for step in self.steps.values() {
            let with: Vec<_> = outcomes.iter().cloned().map(|outcome| applied(tree, outcome, step)).collect();
            outcomes.extend(with);
        }
        outcomes
    }
}

fn applied(tree: &Tree, mut outcome: Outcome, step: &[Pending]) -> Outcome {
    for change in step {
        let place = place_of(tree, change);
        match change.to {
            Some(node) => outcome.insert(place, (Arc::from(&*tree.naming.kept(&change.name)), node)),
            None => outcome.remove(&place),
        };
    }
    outcome
}

/// Groups the pending steps that change common names.
fn groups(tree: &Tree) -> Vec<Group> {
    let mut steps: BTreeMap<u64, Vec<Pending>> = BTreeMap::new();
    for change in &tree.pending {
        steps.entry(change.step).or_default().push(change.clone());
    }
    let mut groups: Vec<Group> = Vec::new();
    for (step, changes) in steps {
        let places: BTreeSet<Place> = changes.iter().map(|change| place_of(tree, change)).collect();
        let (touched, mut others): (Vec<Group>, Vec<Group>) =
            groups.into_iter().partition(|group| !group.places.is_disjoint(&places));
        let mut group = Group { places, steps: BTreeMap::from([(step, changes)]) };
        for mut earlier in touched {
            group.places.append(&mut earlier.places);
            group.steps.append(&mut earlier.steps);
        }
        others.push(group);
        groups = others;
    }
    groups
}

fn place_of(tree: &Tree, change: &Pending) -> Place {
    (change.dir, Arc::from(&*tree.naming.key(&change.name)))
}

fn inside(all: [&Names; 2], dir: NodeId) -> impl Iterator<Item = (&Arc<OsStr>, NodeId)> {
    let from = (dir, Arc::from(OsStr::new("")));
    all.into_iter().flat_map(move |names| {
        let entries = names.files.range(from.clone()..).take_while(move |((parent, _), _)| *parent == dir);
        entries.map(|(_, (name, node))| (name, *node))
    })
}

#[cfg(test)]
mod tests {
    use tempo_fs_transport::{Fs, Reach};

    use super::*;

    fn left(disk: &Disk) -> Vec<(usize, Vec<Vec<u8>>)> {
        let images = disk.states_after_power_loss(Cuts::All).images;
        let contents = |image: &DiskImage| image.files().map(|(_, _, content)| content.to_vec()).collect();
        images.iter().map(|image| (image.staged, contents(image))).collect()
    }

    #[test]
    fn synced_data_stays_and_the_rest_may_remain_in_every_way() {
        let disk = Disk::new(DiskOptions::default(), Rng::new(1));
        disk.put_dir(OsStr::new("ana"));
        let fs = disk.fs();
        let (staging, folder) =
            (fs.open_root(Disk::STAGING.as_ref()).unwrap(), fs.open_root(Disk::FOLDER.as_ref()).unwrap());
        let dir = fs.open_dir(&folder, OsStr::new("ana")).unwrap();
        assert_eq!(left(&disk), [(0, vec![])]);

        let mut file = fs.create(&staging, OsStr::new("s")).unwrap();
        fs.write(&mut file, b"four").unwrap();
        assert_eq!(left(&disk), [(0, vec![]), (1, vec![])]);

        fs.rename_new(&staging, OsStr::new("s"), &dir, OsStr::new("m")).unwrap();
        let torn = [&b""[..], b"\0\0\0\0", b"fo", b"four"].map(|content| (0, vec![content.to_vec()]));
        assert_eq!(left(&disk), [vec![(0, vec![]), (1, vec![])], torn.to_vec()].concat());
        assert_eq!(disk.states_after_power_loss(Cuts::All).selections, 16);

        fs.sync_file(&file, Reach::Medium).unwrap();
        assert_eq!(left(&disk), [(0, vec![]), (1, vec![]), (0, vec![b"four".to_vec()])]);
        fs.sync_dir(&dir, Reach::Medium).unwrap();
        // The staged name is gone, but not yet durably.
        assert_eq!(left(&disk), [(0, vec![b"four".to_vec()]), (1, vec![b"four".to_vec()])]);
        fs.sync_dir(&staging, Reach::Medium).unwrap();
        assert_eq!(left(&disk), [(0, vec![b"four".to_vec()])]);
    }

    /// Checks that the remains of a random crash are among the states, as long as it cuts content where they do.
    #[test]
    fn a_random_crash_leaves_one_of_the_states() {
        for seed in 0..200 {
            let disk = Disk::new(DiskOptions::default(), Rng::new(seed));
            disk.put_dir(OsStr::new("ana"));
            let fs = disk.fs();
            let (staging, folder) =
                (fs.open_root(Disk::STAGING.as_ref()).unwrap(), fs.open_root(Disk::FOLDER.as_ref()).unwrap());
            let dir = fs.open_dir(&folder, OsStr::new("ana")).unwrap();
            for (number, name) in ["a", "b", "c"].into_iter().enumerate() {
                fs.create(&staging, OsStr::new(name)).unwrap();
                fs.rename_new(&staging, OsStr::new(name), &dir, OsStr::new(name)).unwrap();
                if seed.is_multiple_of(3) && number == 1 {
                    fs.sync_dir(&dir, Reach::Medium).unwrap();
                }
                if seed.is_multiple_of(2) {
                    fs.remove(&dir, OsStr::new(name)).unwrap();
                }
            }
            let images = disk.states_after_power_loss(Cuts::All).images;
            disk.crash();
            let after = disk.states_after_power_loss(Cuts::All).images;
            assert_eq!(after.len(), 1);
            assert!(images.contains(&after[0]), "{after:?}");
            let again = Disk::from_image(&after[0], DiskOptions::default(), Rng::new(0));
            assert_eq!(again.states_after_power_loss(Cuts::All).images, after);
        }
    }
}
