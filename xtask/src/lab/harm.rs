//! The harms to the members, their folders and the engine. Each harm is over when it returns.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs::{self, DirEntry, File};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::group::Group;
use super::member::Member;
use super::share;
use crate::process;

/// The time limit for a conflict to appear.
const PATIENCE: Duration = Duration::from_secs(120);
const AN_HOUR: Duration = Duration::from_secs(3600);

/// Something that happens to the group while it talks, for about this long.
pub(super) type Harm = fn(&mut Group, Duration) -> Result<(), String>;

/// The harms that may happen at random, any number of times, with their weights. Harms that make the engine
/// carry everything again are rare.
pub(super) const HARMS: &[(u32, &str, Harm)] = &[
    (6, "cut off", cut_off),
    (6, "engine killed", kill_engine),
    (6, "tempo killed", kill_tempo),
    (4, "burst", |group, span| burst(group, 100, span)),
    (4, "names taken", take_names),
    (4, "packed", pack),
    (1, "directory removed", remove_directory),
    (1, "session removed", remove_session),
    (1, "folder put back", roll_back),
];

/// The harms that add a member, with their weights.
pub(super) const JOINS: &[(u32, &str, Harm)] = &[(1, "joined late", join_late), (1, "store cloned", clone_store)];

/// Chooses one at random by the weights.
pub(super) fn any(harms: &[(u32, &'static str, Harm)], rng: &mut fastrand::Rng) -> Option<(&'static str, Harm)> {
    let all: u32 = harms.iter().map(|(weight, ..)| weight).sum();
    let mut left = rng.u32(..all);
    let chosen = harms.iter().find(|(weight, ..)| {
        let is_it = left < *weight;
        left = left.saturating_sub(*weight);
        is_it
    });
    chosen.map(|&(_, name, harm)| (name, harm))
}

/// Takes a member offline for a while.
pub(super) fn cut_off(group: &mut Group, span: Duration) -> Result<(), String> {
    let who = group.anybody();
    cut_off_member(group, who, span)
}

pub(super) fn cut_off_member(group: &mut Group, who: usize, span: Duration) -> Result<(), String> {
    group.engine.set_online(who, false)?;
    group.did(&format!("machine {who} cut off"));
    group.talk(span)?;
    group.engine.set_online(who, true)?;
    group.tell(&format!("machine {who} connected"));
    Ok(())
}

/// Kills the engine of a machine, and starts it again.
pub(super) fn kill_engine(group: &mut Group, span: Duration) -> Result<(), String> {
    let who = group.anybody();
    group.talk(span / 3)?;
    if group.engine.kill(who)? {
        group.did(&format!("engine of machine {who} killed"));
    }
    group.talk(span / 3)?;
    group.engine.start(who)?;
    group.talk(span / 3)
}

/// Kills a member's process, and starts it again.
pub(super) fn kill_tempo(group: &mut Group, span: Duration) -> Result<(), String> {
    let who = group.anybody();
    group.talk(span / 3)?;
    group.member(who)?.kill();
    group.did(&format!("tempo of member {who} killed"));
    group.talk(span / 3)?;
    group.start_again(who)?;
    group.talk(span / 3)
}

/// Makes every member send many messages at once.
pub(super) fn burst(group: &mut Group, count: u64, span: Duration) -> Result<(), String> {
    group.members.iter_mut().try_for_each(|member| member.type_lines(count))?;
    group.did(&format!("{count} lines from everybody"));
    group.talk(span)
}

/// Makes a member remove another member's directory.
pub(super) fn remove_directory(group: &mut Group, span: Duration) -> Result<(), String> {
    let who = group.anybody();
    let member = group.member(who)?;
    let (folder, state) = (member.folder.clone(), member.state.clone());
    let entries = fs::read_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let names = entries.filter_map(Result::ok).map(|entry| entry.file_name());
    // Stores have the names of their authors.
    let others: Vec<_> = names.filter(|name| !state.join(name).exists()).collect();
    if let Some(victim) = group.rng.choice(&others) {
        let dir = folder.join(victim);
        let files = share::count(&dir);
        // Some files may come back at once.
        let _ = share::empty(&dir).and_then(|()| fs::remove_dir(&dir));
        if files > 0 {
            group.did(&format!("member {who} has removed {files} files of {}", victim.display()));
        }
    }
    group.talk(span)
}

/// Makes a member remove everything in the session's folder.
pub(super) fn remove_session(group: &mut Group, span: Duration) -> Result<(), String> {
    let who = group.anybody();
    let folder = group.member(who)?.folder.clone();
    let files = share::count(&folder);
    share::empty(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    if files > 0 {
        group.did(&format!("member {who} has removed all {files} files"));
    }
    group.talk(span)
}

/// Restores a member's folder to an earlier state.
pub(super) fn roll_back(group: &mut Group, span: Duration) -> Result<(), String> {
    let who = group.anybody();
    let (folder, earlier) = (group.member(who)?.folder.clone(), group.place.join("earlier"));
    let failed = |error| format!("{}: {error}", folder.display());
    let _ = fs::remove_dir_all(&earlier);
    share::copy(&folder, &earlier).map_err(failed)?;
    group.talk(span / 2)?;
    let files = share::count(&folder).saturating_sub(share::count(&earlier));
    share::empty(&folder).and_then(|()| share::copy(&earlier, &folder)).map_err(failed)?;
    if files > 0 {
        group.did(&format!("the folder of member {who} put back, {files} files less"));
    }
    group.talk(span / 2)
}

/// Cuts two members off from each other, and takes the names of one's next messages on the other's side.
pub(super) fn take_names(group: &mut Group, span: Duration) -> Result<(), String> {
    let (victim, other) = (0, 1);
    group.member(victim)?.close()?;
    group.start_again(victim)?;
    let last = group.member(victim)?.last_id.clone().ok_or("nobody has sent anything")?;
    let (author, counter) = last.split_once('/').ok_or("an id has no counter")?;
    let counter = u64::from_str_radix(counter, 16).map_err(|error| format!("{last}: {error}"))?;
    group.engine.set_online(victim, false)?;
    let dir = group.member(other)?.folder.join(author);
    for number in counter + 1..counter + 5 {
        let path = dir.join(format!("{number:016x}"));
        let written = fs::create_dir_all(&dir).and_then(|()| fs::write(&path, "not a message"));
        // Services usually give the name to the newer file.
        let is_newer = number % 2 == 0;
        let dated = || File::options().write(true).open(&path)?.set_modified(SystemTime::now() + AN_HOUR);
        let written = written.and_then(|()| if is_newer { dated() } else { Ok(()) });
        written.map_err(|error| format!("{}: {error}", path.display()))?;
    }
    group.did(&format!("names of {author} from {:016x} on taken", counter + 1));
    group.talk(span / 2)?;
    group.engine.set_online(victim, true)?;
    group.talk(span / 2)
}

/// Makes a member pack its messages.
pub(super) fn pack(group: &mut Group, span: Duration) -> Result<(), String> {
    let who = group.anybody();
    pack_member(group, who)?;
    group.talk(span)
}

pub(super) fn pack_member(group: &mut Group, who: usize) -> Result<(), String> {
    let member = group.member(who)?;
    member.close()?;
    let before = packs_of(member);
    let said = member.ask(&["pack", "--at-once"])?;
    if packs_of(member) == before {
        group.tell(&format!("member {who} has nothing to pack"));
    } else {
        group.did(&format!("member {who} packs: {}", said.out.trim()));
    }
    group.start_again(who)
}

/// Returns the packs of a member's own messages.
fn packs_of(member: &Member) -> BTreeSet<OsString> {
    let dirs = member.authors().map(|author| member.folder.join(author));
    let names = dirs.flat_map(|dir| entries(&dir).map(|file| file.file_name()).collect::<Vec<_>>());
    names.filter(|name| name.to_str().is_some_and(is_pack)).collect()
}

/// Adds a member that has an earlier copy of the folder.
pub(super) fn join_late(group: &mut Group, span: Duration) -> Result<(), String> {
    let newcomer = group.members.len();
    let (from, to) = (group.member(0)?.folder.clone(), group.engine.share(newcomer).join(share::SESSION));
    share::copy(&from, &to).map_err(|error| format!("{}: {error}", to.display()))?;
    group.talk(span / 2)?;
    group.join()?;
    group.did("one more has joined");
    group.talk(span / 2)
}

/// Adds a member on a machine with a copy of another member's store.
pub(super) fn clone_store(group: &mut Group, span: Duration) -> Result<(), String> {
    let original = group.member(0)?;
    original.close()?;
    let from = original.state.clone();
    group.join_with(|copy| {
        share::copy(&from, &copy.state)?;
        // On a cloned machine, the path of the session's folder would be the same.
        copy.authors().try_for_each(|author| fs::write(copy.state.join(author).join("folder"), copy.path_of_folder()?))
    })?;
    group.did("one more has joined, with a copy of the first one's store");
    group.talk(span)?;
    match group.members.last().map(Member::has_become_another) {
        Some(true) => Ok(()),
        _ => Err("the copy of the store was not opened, or not known for one".to_owned()),
    }
}

/// Creates the same names on two sides, until both versions of one exist somewhere.
pub(super) fn make_conflict(group: &mut Group, span: Duration) -> Result<(), String> {
    take_names(group, span)?;
    let folders: Vec<PathBuf> = group.members.iter().map(|member| member.folder.clone()).collect();
    let is_there = || folders.iter().any(|folder| has_versions(folder));
    process::wait_until(PATIENCE, is_there).map_err(|why| format!("no conflict has come of it: {why}"))
}

/// Returns whether another file has the name of a message with something appended.
fn has_versions(folder: &Path) -> bool {
    let is_version = |name: &str| {
        let (message, rest) = name.split_at_checked(16).unwrap_or_default();
        message.bytes().all(|byte| byte.is_ascii_hexdigit()) && !rest.is_empty() && !is_pack(name)
    };
    let files = entries(folder).flat_map(|author| entries(&author.path()).collect::<Vec<_>>());
    files.into_iter().any(|file| file.file_name().to_str().is_some_and(is_version))
}

/// Returns whether a file has the name of a pack: its first number, a dash, its last number.
fn is_pack(name: &str) -> bool {
    name.len() == 33 && name.as_bytes().get(16) == Some(&b'-')
}

fn entries(dir: &Path) -> impl Iterator<Item = DirEntry> {
    fs::read_dir(dir).into_iter().flatten().filter_map(Result::ok)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_harm_comes_as_often_as_it_should() {
        let (mut rng, mut came) = (fastrand::Rng::with_seed(1), std::collections::BTreeMap::new());
        (0..33_000).for_each(|_| *came.entry(any(HARMS, &mut rng).unwrap().0).or_insert(0_u32) += 1);
        for (weight, name, _) in HARMS {
            let thousands = f64::from(came[name]) / 1000.0;
            assert!((thousands - f64::from(*weight)).abs() < 0.3, "{name} came {thousands} thousand times");
        }
    }
}
