//! Power failures: folder and stores on a real file system, on a disk that loses what was not
//! flushed.
//!
//! The disk is a loop device whose file records every write and every flush. Members talk on it.
//! Afterwards the power fails at random moments of the recording, the file system recovers with its
//! journal, and the members continue there. So every cut is a state that the disk can really have
//! been in; a copy of a file that is being written would not be one.
//!
//! This shows that with the real file system, the real store and the real folder, a power loss
//! keeps every message that `send` has confirmed with Ok, and every message that a reader could
//! have seen in the folder. It does not cover disks that ignore flushes, or writes of less than
//! 4096 bytes that tear.

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    fs::File,
    path::{Path, PathBuf},
    process::Command,
    time::SystemTime,
};

use tempo_session::{MessageId, Session};

use crate::{
    disk::{Disk, Keeps},
    support::{Place, STUCK, texts, timeline, wait_until},
    volume::{Volume, command},
};

/// The number of power failures.
const CUTS: usize = 12;
/// The number of turns with messages.
const TURNS: usize = 40;

struct Kind {
    name: &'static str,
    make: &'static [&'static str],
    bytes: u64,
    /// The mount options.
    options: &'static str,
}

const EXT4: Kind = Kind {
    name: "ext4",
    make: &["mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0,lazy_journal_init=0"],
    bytes: 16 << 20,
    options: "loop",
};
/// The previous file system has the same uuid, and the system may still be releasing it.
const XFS: Kind = Kind { name: "xfs", make: &["mkfs.xfs", "-q"], bytes: 300 << 20, options: "loop,nouuid" };
const BTRFS: Kind = Kind { name: "btrfs", make: &["mkfs.btrfs", "-q"], bytes: 128 << 20, options: "loop" };

#[test]
fn a_loss_of_power_loses_nothing_on_ext4() {
    lose_power(&EXT4);
}

#[test]
fn a_loss_of_power_loses_nothing_on_xfs() {
    lose_power(&XFS);
}

#[test]
fn a_loss_of_power_loses_nothing_on_btrfs() {
    lose_power(&BTRFS);
}

/// The messages that were sent, and the step of the disk since which each must not be lost.
#[derive(Default)]
struct Said {
    texts: BTreeMap<MessageId, String>,
    must: Vec<(usize, MessageId)>,
}

fn lose_power(kind: &Kind) {
    let place = Place::new();
    let base = place.at("base");
    File::create(&base).unwrap().set_len(kind.bytes).unwrap();
    if let Err(reason) = command(Command::new(kind.make[0]).args(&kind.make[1..]).arg(&base)) {
        println!("skipped: there is no {}: {reason}", kind.name);
        return;
    }
    let Some(disk) = Disk::new(&base) else { return };
    let at = place.at("volume");
    fs::create_dir(&at).unwrap();
    let Some(volume) = Volume::of(&disk.image(), &at, kind.options) else { return };
    let world = World { folder: at.join("jam.session"), at };
    let said = world.talk(&disk);
    volume.unmount();
    drop(volume);

    let mut chance = Chance::new();
    for cut in 0..CUTS {
        let (first, end) = (said.must[0].0, disk.steps());
        // Anywhere, or right after a promise.
        let steps =
            if chance.bool() { chance.between(first, end) } else { said.must[chance.between(0, said.must.len())].0 };
        let keeps = [Keeps::All, Keeps::Nothing, Keeps::Some][cut % 3];
        println!("{}: after {steps} of {end} steps the disk keeps {keeps:?} of the unflushed writes", kind.name);
        let image = place.at("cut");
        disk.cut(steps, keeps, || chance.bool(), &image);
        if kind.name == "btrfs" {
            // Otherwise the system uses what it remembers of another disk with the same name.
            let _ = command(Command::new("btrfs").args(["device", "scan", "--forget"]));
        }
        let volume = Volume::of(&image, &world.at, kind.options).expect("the file system recovers");
        let must: BTreeSet<_> = said.must.iter().filter(|(since, _)| *since <= steps).map(|(_, id)| *id).collect();
        world.check(&said, &must);
        volume.unmount();
        drop(volume);
        fs::remove_file(image).unwrap();
    }
}

struct World {
    folder: PathBuf,
    at: PathBuf,
}

impl World {
    fn member(&self, name: &str) -> Session {
        Session::builder(&self.folder).state_dir(self.at.join(name)).open().unwrap()
    }

    /// Lets two members talk; one of them restarts in between. Records what each has sent, and what
    /// is in the folder.
    fn talk(&self, disk: &Disk) -> Said {
        fs::create_dir(&self.folder).unwrap();
        let mut said = Said::default();
        let (mut ana, ben) = (self.member("ana"), self.member("ben"));
        for turn in 0..TURNS {
            if turn == TURNS / 2 {
                ana.close().unwrap();
                ana = self.member("ana");
            }
            let (who, name) = if turn % 3 == 0 { (&ben, "ben") } else { (&ana, "ana") };
            let texts: Vec<_> =
                (0..turn % 4 + 1).map(|part| format!("{name} {turn} {part} {}", "~".repeat(turn * 400))).collect();
            let ids = who.send_all(&texts).unwrap();
            let since = disk.steps();
            said.must.extend(ids.iter().map(|id| (since, *id)));
            said.texts.extend(ids.into_iter().zip(texts));
            let visible = messages_in(&self.folder);
            let since = disk.steps();
            // Visible messages have been committed, even if `send` has not returned.
            said.must.extend(
                said.texts
                    .keys()
                    .filter(|id| visible.contains(&id.to_string()))
                    .map(|id| (since, *id))
                    .collect::<Vec<_>>(),
            );
        }
        for member in [ana, ben] {
            assert_eq!(member.flush(STUCK), 0);
            member.close().unwrap();
        }
        said
    }

    /// Checks that every required message is there once and unchanged, that no message has two
    /// versions, and that the session continues.
    fn check(&self, said: &Said, must: &BTreeSet<MessageId>) {
        let (ana, ben) = (self.member("ana"), self.member("ben"));
        let after = [ana.send("ana goes on").unwrap(), ben.send("ben goes on").unwrap()];
        for member in [&ana, &ben] {
            assert_eq!(member.flush(STUCK), 0);
        }
        for member in [&ana, &ben] {
            wait_until(member, "the other's message", |member| {
                after.iter().all(|id| timeline(member).iter().any(|entry| entry.id == *id))
            });
        }
        let entries = timeline(&ana);
        let observer = Session::observe(&self.folder).unwrap();
        observer.refresh(STUCK).unwrap();
        assert_eq!(texts(&entries), texts(&timeline(&ben)));
        assert_eq!(texts(&entries), texts(&timeline(&observer)));
        let there: BTreeMap<_, _> = entries.iter().map(|entry| entry.id).zip(texts(&entries)).collect();
        assert_eq!(there.len(), entries.len(), "one id, one message");
        for id in must {
            assert_eq!(there.get(id), said.texts.get(id), "{id} was promised");
        }
        assert!(after.iter().all(|id| !must.contains(id)), "an id is used again");
        for (id, text) in there.iter().filter(|(id, _)| !after.contains(id)) {
            assert_eq!(said.texts.get(id), Some(text), "{id} has another content");
        }
        // Heads are not flushed. The power failure may have left an empty one, which its author's
        // next head replaces.
        wait_until(&observer, "heads that are whole", |observer| observer.status().report.pending.is_empty());
        let status = observer.status();
        assert!(status.members.iter().all(|member| member.forks.is_empty() && member.gaps.is_empty()), "{status:#?}");
        assert_eq!((status.report.foreign.len(), status.held), (0, 0), "{status:#?}");
        for member in [ana, ben] {
            member.close().unwrap();
        }
        observer.close().unwrap();
    }
}

/// Returns everything in the authors' directories, by id.
fn messages_in(folder: &Path) -> BTreeSet<String> {
    let names = |dir: &Path| fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect::<Vec<_>>();
    let files = names(folder).into_iter().flat_map(|dir| names(&dir));
    files.map(|file| file.strip_prefix(folder).unwrap().to_str().unwrap().to_owned()).collect()
}

/// Random numbers; `CUTOFF_SEED` repeats those of an earlier run.
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn new() -> Self {
        let time = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
        let seed = env::var("CUTOFF_SEED").map_or(u64::from(time.subsec_nanos()), |seed| seed.parse().unwrap());
        println!("CUTOFF_SEED={seed}");
        Self(seed)
    }

    /// `SplitMix64`.
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn bool(&mut self) -> bool {
        self.next().is_multiple_of(2)
    }

    pub(crate) fn between(&mut self, first: usize, end: usize) -> usize {
        first + usize::try_from(self.next()).unwrap() % (end - first)
    }
}
