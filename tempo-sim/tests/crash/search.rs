//! The search: runs workloads, collects the wrecks that they can leave, and recovers each.

use std::{
    collections::BTreeSet,
    hash::{DefaultHasher, Hash, Hasher},
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread, vec,
};

use tempo_sim::{
    Disk, Rng, SimStore, StoreImage,
    disk::{Act, DiskImage, Witness},
};

use crate::{
    check,
    counts::Counts,
    machine::{Machine, Promised, Setup, author},
    operation::{Pace, Workload},
};

/// The remains after a power loss, and the messages that must not be lost.
#[derive(Debug, Clone)]
pub(crate) struct Wreck {
    disk: DiskImage,
    store: Arc<StoreImage>,
    promised: Promised,
    /// The number of recoveries that were interrupted on the way here.
    crashes: usize,
    /// The workload, for the reader of a failure.
    story: Arc<str>,
}

/// The search for all wrecks that workloads up to some length can leave.
pub(crate) struct Search {
    setup: Setup,
    longest: usize,
    #[cfg(feature = "bugs")]
    pub(crate) bug: Option<tempo_sim::bugs::Bug>,
    seen: Mutex<BTreeSet<u64>>,
    ends: Mutex<BTreeSet<u64>>,
    todo: Mutex<Todo>,
    /// Signals that there is more to do, or that all work has ended.
    changed: Condvar,
    counts: Mutex<Counts>,
}

/// The remaining work. Wrecks go first, so that few of them wait.
#[derive(Debug, Default)]
struct Todo {
    workloads: vec::IntoIter<Workload>,
    wrecks: Vec<Wreck>,
    /// The number of busy threads, which may add more work.
    busy: usize,
    has_failed: bool,
}

enum Job {
    Work(Workload),
    Recover(Wreck),
}

/// A machine that is being watched.
struct Watched {
    disk: Disk,
    store: SimStore,
    promised: Arc<Mutex<Promised>>,
    story: Arc<str>,
    /// The number of crashes that the process recovers from, if it does.
    crashes: Option<usize>,
    is_idle: AtomicBool,
}

const THREADS: usize = 2;

impl Search {
    pub(crate) fn new(setup: Setup, longest: usize) -> Self {
        Self {
            setup,
            longest,
            #[cfg(feature = "bugs")]
            bug: None,
            seen: Mutex::default(),
            ends: Mutex::default(),
            todo: Mutex::default(),
            changed: Condvar::new(),
            counts: Mutex::default(),
        }
    }

    /// Searches until there is nothing new, or an invariant is violated.
    pub(crate) fn run(self) -> Counts {
        let search = Arc::new(self);
        let workloads = Workload::all(search.longest);
        search.counts.lock().unwrap().workloads = workloads.len();
        search.todo.lock().unwrap().workloads = workloads.into_iter();
        thread::scope(|scope| (0..THREADS).for_each(|_| drop(scope.spawn(|| search.help()))));
        search.counts.lock().unwrap().clone()
    }

    /// Performs one job after another.
    fn help(self: &Arc<Self>) {
        #[cfg(feature = "bugs")]
        let _planted = self.bug.map(tempo_sim::bugs::Bug::plant);
        while let Some(job) = self.next() {
            let done = match job {
                Job::Work(workload) => self.work(&workload).map_err(|what| format!("{workload}: {what}")),
                Job::Recover(wreck) => self.recover(&wreck).map_err(|what| format!("{what}\nafter {wreck:#?}")),
            };
            let mut todo = self.todo.lock().unwrap();
            todo.busy -= 1;
            if let Err(what) = done {
                todo.has_failed = true;
                self.counts.lock().unwrap().failure.get_or_insert(what);
            }
            self.changed.notify_all();
        }
    }

    fn next(&self) -> Option<Job> {
        let mut todo = self.todo.lock().unwrap();
        loop {
            let wreck = todo.wrecks.pop().map(Job::Recover);
            let job = wreck.or_else(|| todo.workloads.next().map(Job::Work));
            if todo.has_failed || job.is_none() && todo.busy == 0 {
                return None;
            }
            if job.is_some() {
                todo.busy += 1;
                return job;
            }
            todo = self.changed.wait(todo).unwrap();
        }
    }

    /// Runs a workload and collects what a crash at any point leaves. A resting workload starts like the workload
    /// without its last operation, so that part is not examined again.
    fn work(self: &Arc<Self>, workload: &Workload) -> Result<(), String> {
        let (disk, store) = Machine::fresh(&self.setup);
        let watched = self.watch(&disk, &store, workload.to_string().into(), None);
        let repeats = workload.pace == Pace::Resting && workload.operations.len() > 1;
        watched.is_idle.store(repeats, Relaxed);
        let mut machine = Machine::open(disk, store, &self.setup)?;
        machine.promised = Arc::clone(&watched.promised);
        machine.rest()?;
        let last = workload.operations.len() - 1;
        for (number, &operation) in workload.operations.iter().enumerate() {
            watched.is_idle.store(repeats && number < last, Relaxed);
            machine.act(operation)?;
            self.look(&watched, Act::Sync);
            if workload.pace == Pace::Resting || number == last {
                machine.rest()?;
                self.look(&watched, Act::Sync);
            }
        }
        watched.end();
        let promised = watched.promised.lock().unwrap().clone();
        check::at_rest(&machine, &promised)
    }

    /// Starts a wreck, collects what a crash meanwhile leaves, and checks the result.
    fn recover(self: &Arc<Self>, wreck: &Wreck) -> Result<(), String> {
        let disk = Disk::from_image(&wreck.disk, self.setup.disk.clone(), Rng::new(3));
        let store = SimStore::from_image(author(), &wreck.store);
        if !self.setup.database {
            check::causes_are_kept(&store)?;
            check::nothing_was_shown_too_early(wreck.disk.files().map(|(_, _, content)| content), &store)?;
        }
        let watched = self.watch(&disk, &store, Arc::clone(&wreck.story), Some(wreck.crashes));
        *watched.promised.lock().unwrap() = Arc::clone(&wreck.promised);
        let mut machine = Machine::open(disk, store, &self.setup)?;
        machine.rest()?;
        self.look(&watched, Act::Sync);
        watched.end();
        check::at_rest(&machine, &wreck.promised)?;
        let is_new = self.ends.lock().unwrap().insert(check::summary(&machine, &wreck.promised));
        if is_new {
            check::goes_on(&mut machine, &wreck.promised)?;
        }
        let mut counts = self.counts.lock().unwrap();
        counts.recoveries += 1;
        counts.ends += usize::from(is_new);
        Ok(())
    }

    fn watch(self: &Arc<Self>, disk: &Disk, store: &SimStore, story: Arc<str>, crashes: Option<usize>) -> Arc<Watched> {
        let watched = Arc::new(Watched {
            disk: disk.clone(),
            store: store.clone(),
            promised: Arc::default(),
            story,
            crashes,
            is_idle: AtomicBool::new(false),
        });
        let (search, looks) = (Arc::clone(self), Arc::clone(&watched));
        let witness = Witness::new(move |act| search.look(&looks, act));
        disk.set_witness(Some(witness.clone()));
        store.set_witness(Some(witness));
        watched
    }

    /// Collects what a power loss would leave now. What a mere change adds is found before the next act that syncs
    /// something: until then nothing that may be left becomes impossible.
    fn look(&self, watched: &Watched, act: Act) {
        let crashes = watched.crashes.map_or(0, |crashes| crashes + 1);
        if watched.is_idle.load(Relaxed) || crashes > self.setup.interrupted {
            return;
        }
        let mut counts = Counts::default();
        *if watched.crashes.is_some() { &mut counts.recovery_points } else { &mut counts.points } += 1;
        let mut new = Vec::new();
        if act == Act::Sync {
            let left = watched.disk.states_after_power_loss(self.setup.cuts);
            let stores: Vec<Arc<StoreImage>> =
                watched.store.states_after_power_loss().into_iter().map(Arc::new).collect();
            (counts.selections, counts.left_out) = (left.selections * stores.len() as u128, left.left_out);
            let promised = watched.promised.lock().unwrap().clone();
            let disks: Vec<(u64, DiskImage)> = left.images.into_iter().map(|disk| (number(&disk), disk)).collect();
            let stores: Vec<(u64, Arc<StoreImage>)> =
                stores.into_iter().map(|store| (number(&*store), store)).collect();
            let promise = number(&promised);
            let pairs = pairs(disks.len(), stores.len(), self.setup.database).into_iter();
            let numbered = pairs.map(|(disk, store)| (number(&(disks[disk].0, stores[store].0, promise)), disk, store));
            let numbered: Vec<_> = numbered.collect();
            let mut seen = self.seen.lock().unwrap();
            for (number, disk, store) in numbered {
                let ((_, disk), (_, store)) = (&disks[disk], &stores[store]);
                if seen.insert(number) {
                    new.push(Wreck {
                        disk: disk.clone(),
                        store: Arc::clone(store),
                        promised: Arc::clone(&promised),
                        crashes,
                        story: Arc::clone(&watched.story),
                    });
                }
            }
        }
        counts.wrecks = vec![0; crashes];
        counts.wrecks.push(new.len());
        self.counts.lock().unwrap().add(&counts);
        self.todo.lock().unwrap().wrecks.append(&mut new);
        self.changed.notify_all();
    }
}

impl Watched {
    /// Stops watching.
    fn end(&self) {
        self.disk.set_witness(None);
        self.store.set_witness(None);
    }
}

/// Returns pairs of disk and store images: all combinations, or each image with some others if there are too many.
fn pairs(disks: usize, stores: usize, some: bool) -> Vec<(usize, usize)> {
    if some {
        return (0..disks.max(stores)).map(|number| (number % disks, number % stores)).collect();
    }
    (0..disks).flat_map(|disk| (0..stores).map(move |store| (disk, store))).collect()
}

fn number(of: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    of.hash(&mut hasher);
    hasher.finish()
}
