//! Programs and services that undo what a member writes: the member may only view the folder, or something moves every
//! new file away or turns it into a link.

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::{OsStr, OsString},
    time::Duration,
};

use bytes::Bytes;
use tempo_fs_transport::{DirName, FileName};

use super::{Member, Pending, Simulation, Violation, check::counters};
use crate::disk::{Change, Disk, Kind};

/// The way in which a member's files are undone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Undoing {
    /// Each file is moved out of the folder.
    MovedOut,
    /// Each file is replaced by a link.
    Linked,
    /// Each file is replaced by another file.
    Replaced,
    /// The member's directory is removed.
    Removed,
    /// The member's directory gets a name of the service's own, as for a member that may only view.
    MovedAside,
}

/// A member whose files are undone.
#[derive(Debug)]
pub(crate) struct Undone {
    by: Undoing,
    /// True if the files come back once writing is allowed.
    returns: bool,
    since: Duration,
    /// The time at which something was last taken away.
    last: Duration,
    is_planned: bool,
    /// The number of process starts since then. Each process compares everything with the folder.
    pub(super) starts: u32,
    taken: BTreeMap<(OsString, OsString), Bytes>,
    /// What the member has published: directory, first and last counter.
    published: BTreeMap<(OsString, u64, u64), Published>,
    /// The number of times that a directory was moved aside.
    asides: usize,
}

/// The publications of one file.
#[derive(Debug, Default)]
struct Published {
    times: u64,
    names: BTreeSet<OsString>,
}

/// The content of a file that has replaced another.
const INSTEAD: &[u8] = b"/annex/objects/SHA256E-s120\n";
/// The most names of one file, or copies of one directory, that undoing may leave.
const MOST_LEFT: usize = 6;
/// The publications of a file that are allowed in addition to those of each comparison with the folder.
const SPARE: u64 = 4;
/// The lengths of the names of a pack and of a message.
const PACK_STEM: usize = 33;
const MESSAGE_STEM: usize = 16;
/// The time after which a member must have noticed that its files were undone.
const NOTICED: Duration = Duration::from_secs(100);

impl Undoing {
    /// Every way.
    pub const ALL: [Self; 5] = [Self::MovedOut, Self::Linked, Self::Replaced, Self::Removed, Self::MovedAside];
}

impl Simulation {
    /// Lets something undo everything that a member writes, soon after each change. With `returns`, files that were
    /// moved out or replaced come back in the end.
    pub(crate) fn undo_writing(&mut self, member: usize, by: Undoing, returns: bool) {
        let now = self.now;
        let Some(there) = self.members.get_mut(member).filter(|there| there.undone.is_none()) else { return };
        there.is_overwritten |= matches!(by, Undoing::Linked | Undoing::Replaced);
        there.undone = Some(Undone {
            by,
            returns,
            since: now,
            last: now,
            is_planned: true,
            starts: 0,
            taken: BTreeMap::new(),
            published: BTreeMap::new(),
            asides: 0,
        });
        self.note_fault(member, "undoing begins", &format!("everything that it writes is undone: {by:?}"));
        self.push(Duration::from_millis(1), Pending::Undo(member));
    }

    /// Lets a member write again, and clears what undoing has left, as the doctor advises.
    pub(crate) fn allow_writing(&mut self, member: usize) {
        self.judge_silence(member);
        let Some(there) = self.members.get_mut(member) else { return };
        let Some(undone) = there.undone.take() else { return };
        let (disk, mut changes) = (there.disk.clone(), Vec::new());
        let returns = undone.returns && undone.by != Undoing::Removed;
        for ((dir, name), content) in undone.taken.into_iter().filter(|_| undone.by != Undoing::MovedAside) {
            if is_instead(&disk, &dir, &name) {
                disk.remove(&dir, &name);
            } else if disk.kind(&dir, &name).is_some() {
                continue;
            }
            if returns {
                disk.put(&dir, &name, content);
            }
            changes.push(Change { dir, name });
        }
        if undone.by == Undoing::MovedAside {
            let is_aside = |dir: &OsStr| copied_author(there, dir) && is_aside(dir);
            for (dir, name, _) in disk.files().into_iter().filter(|(dir, ..)| is_aside(dir)) {
                changes.push(Change { dir, name });
            }
            for dir in disk.dirs().into_iter().filter(|dir| is_aside(dir)) {
                disk.remove_dir(&dir);
            }
        }
        disk.disturb();
        self.note_fault(member, "writing is allowed", "nothing undoes any more what it writes");
        self.service.changed(member, changes);
        self.plan_service();
        self.turn_soon(member, Duration::from_millis(5));
    }

    /// Undoes what a member has written since the last time.
    pub(super) fn undo(&mut self, member: usize) {
        let now = self.now;
        let Some(there) = self.members.get(member).filter(|there| there.undone.is_some()) else { return };
        if there.disk.is_unmounted() {
            return self.push(Duration::from_secs(2), Pending::Undo(member));
        }
        // A placeholder is treated as the file that it represents.
        self.service.hydrate_all(member);
        let Some(there) = self.members.get_mut(member) else { return };
        let (disk, own) = (there.disk.clone(), own_dirs(there));
        let Some(undone) = &mut there.undone else { return };
        undone.is_planned = false;
        let mut files = disk.files();
        files.retain(|(dir, name, content)| own.contains(dir) && is_written(name) && content != INSTEAD);
        if files.is_empty() {
            return;
        }
        undone.last = now;
        undone.asides += usize::from(undone.by == Undoing::MovedAside);
        let mut changes = Vec::new();
        let mut asides: BTreeMap<OsString, OsString> = BTreeMap::new();
        for (dir, name, content) in files {
            match undone.by {
                Undoing::MovedOut => drop(disk.remove(&dir, &name)),
                Undoing::Linked => {
                    disk.remove(&dir, &name);
                    disk.put_special(&dir, &name, Kind::Symlink);
                }
                Undoing::Replaced => disk.put(&dir, &name, Bytes::from_static(INSTEAD)),
                Undoing::Removed => {}
                Undoing::MovedAside => {
                    let aside = asides.entry(dir.clone()).or_insert_with(|| name_aside(&disk.dirs(), &dir));
                    disk.put(aside, &name, content.clone());
                    changes.push(Change { dir: aside.clone(), name: name.clone() });
                }
            }
            undone.taken.insert((dir.clone(), name.clone()), content);
            changes.push(Change { dir, name });
        }
        if matches!(undone.by, Undoing::Removed | Undoing::MovedAside) {
            for dir in &own {
                disk.remove_dir(dir);
            }
        }
        disk.disturb();
        self.note_fault(member, "undone", "what it has written is undone");
        self.service.changed(member, changes);
        self.plan_service();
        self.turn_soon(member, Duration::from_millis(5));
    }

    /// Checks I21 for what a member has just written, and plans to undo it.
    pub(super) fn judge_undone(&mut self, member: usize, changes: &[Change]) {
        let now = self.now;
        let Some(there) = self.members.get_mut(member).filter(|there| there.undone.is_some()) else { return };
        let (own, scrub) = (own_dirs(there), there.scrub.unwrap_or(Duration::MAX));
        let Some(undone) = &mut there.undone else { return };
        let rounds =
            u64::try_from(now.saturating_sub(undone.since).as_millis() / scrub.as_millis()).unwrap_or(u64::MAX);
        let most = SPARE + 2 * rounds + 3 * u64::from(undone.starts);
        let left = |count: usize| format!("leaves {count} copies of what is undone each time");
        let mut violation = (undone.asides > MOST_LEFT).then(|| left(undone.asides));
        let is_there = |change: &&Change| there.disk.kind(&change.dir, &change.name).is_some();
        let mut is_due = false;
        for Change { dir, name } in changes.iter().filter(|it| own.contains(&it.dir)).filter(is_there) {
            is_due |= is_written(name);
            let Some((first, last)) = counters_of(name) else { continue };
            let published = undone.published.entry((dir.clone(), first, last)).or_default();
            // A round that a full disk cuts short is repeated with each attempt.
            published.times += u64::from(!there.disk.is_full());
            published.names.insert(name.clone());
            if published.names.len() > MOST_LEFT {
                violation = Some(left(published.names.len()));
            }
            if published.times > most {
                violation = Some(format!("publishes {} {} times while it is undone", name.display(), published.times));
            }
        }
        let plans = is_due && !undone.is_planned;
        undone.is_planned |= is_due;
        if let Some(what) = violation {
            let what = format!("{} {what}", there.name);
            return self.fail(Violation::new("I21", what));
        }
        if plans {
            let delay = if self.rng.chance(500) { self.rng.range(1..50) } else { self.rng.range(50..3000) };
            self.push(Duration::from_millis(delay), Pending::Undo(member));
        }
    }

    /// Checks that a member that no longer writes because everything is undone says so.
    fn judge_silence(&mut self, member: usize) {
        let Some(there) = self.members.get(member) else { return };
        let (Some(undone), Some(running)) = (&there.undone, &there.running) else { return };
        let status = running.session.status();
        if status.publish_error.is_some() {
            self.counts.add("undone given up");
        }
        let settled = undone.last.max(running.since).max(there.disk.disturbed()) + NOTICED < self.now;
        let is_hindered = there.disk.is_unmounted() || there.disk.is_full();
        if !settled || is_hindered {
            return;
        }
        let (dirs, own) = (there.disk.dirs(), OsString::from(there.author.to_string()));
        let copies = dirs.iter().filter(|dir| copied_author(there, dir)).count();
        let is_moved = undone.by == Undoing::MovedAside && copies > 2 && !dirs.contains(&own);
        let report = &status.report;
        let foreign = report.foreign.iter().map(|foreign| &foreign.place);
        let pending = report.pending.iter().map(|pending| &pending.place);
        let named: BTreeSet<&String> = foreign.chain(pending).collect();
        let is_named = |(dir, name): &&(OsString, OsString)| {
            named.contains(&format!("{}/{}", dir.to_string_lossy(), name.to_string_lossy()))
        };
        // A head is optional: while it is online only, nothing is missing, and nobody can tell what it holds.
        let is_read = |(dir, name): &&(OsString, OsString)| name != "head" || !there.disk.is_online_only(dir, name);
        let replaced = undone.taken.keys().filter(|(dir, name)| is_instead(&there.disk, dir, name));
        let unnamed = replaced.filter(is_read).find(|it| !is_named(it));
        let verdict = if is_moved && status.publish_error.is_none() {
            Err(Violation::new("I21", format!("{} does not say that its directory is moved aside", there.name)))
        } else if let Some((dir, name)) = unnamed {
            let place = format!("{}/{}", dir.to_string_lossy(), name.to_string_lossy());
            Err(Violation::new("I21", format!("{} silently ignores {place}, which was replaced", there.name)))
        } else {
            Ok(())
        };
        if let Err(violation) = verdict {
            self.fail(violation);
        }
    }
}

fn own_dirs(member: &Member) -> BTreeSet<OsString> {
    member.former.iter().chain([&member.author]).map(|author| OsString::from(author.to_string())).collect()
}

/// Returns whether a directory is a copy of one of the member's own.
fn copied_author(member: &Member, dir: &OsStr) -> bool {
    matches!(DirName::parse(dir), DirName::Copy(author) if author == member.author || member.former.contains(&author))
}

/// Returns whether a file is one that has replaced another.
fn is_instead(disk: &Disk, dir: &OsStr, name: &OsStr) -> bool {
    disk.kind(dir, name) == Some(Kind::Symlink) || disk.read(dir, name).is_some_and(|there| there == INSTEAD)
}

fn is_written(name: &OsStr) -> bool {
    name == "head" || counters_of(name).is_some()
}

/// Returns the first and last counter of an own file, also of one beside its name.
fn counters_of(name: &OsStr) -> Option<(u64, u64)> {
    let exactly = |name: &str| counters(OsStr::new(name));
    let is_copy = matches!(FileName::parse(name), FileName::Copy(_));
    let name = name.to_str()?;
    exactly(name).or_else(|| {
        let mut stems = [PACK_STEM, MESSAGE_STEM].into_iter().filter_map(|length| name.get(..length));
        stems.find_map(exactly).filter(|_| is_copy)
    })
}

/// Returns a new name for a directory that is moved aside.
fn name_aside(dirs: &[OsString], dir: &OsStr) -> OsString {
    let dir = dir.to_string_lossy();
    let mut names = (1..).map(|number| match number {
        1 => OsString::from(format!("{dir}{ASIDE}")),
        _ => OsString::from(format!("{dir}{ASIDE} ({number})")),
    });
    names.find(|name| !dirs.contains(name)).unwrap_or_default()
}

/// The tail of a directory that was moved aside.
const ASIDE: &str = " (view only conflicts)";

fn is_aside(dir: &OsStr) -> bool {
    dir.to_string_lossy().contains(ASIDE)
}
