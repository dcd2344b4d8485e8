//! Users of one machine or NAS, and directories that belong to others.

use std::os::unix::fs::chown;
use std::path::Path;
use std::process::Command;

use super::Scene;
use crate::field::needs::Need;
use crate::field::volume::{Kind, Volume};
use crate::play::member::{Member, all_read};
use crate::play::stage::Stage;
use crate::play::stop::{Outcome, Stop, check};
use crate::play::tree;

pub(super) const SCENES: &[Scene] = &[
    Scene {
        name: "users-of-one-machine",
        source: "NousResearch/hermes-agent#47962, spyder-ide/spyder#26315, aseprite/aseprite#5782",
        about: "Users of one machine share a folder by a group or an ACL. Each one's own files are private by default.",
        right: "everybody reads everything: a message has the permissions of a file made in the folder",
        needs: &[Need::Root, Need::Tool("setpriv")],
        wants: &["setfacl"],
        play: users_of_one_machine,
    },
    Scene {
        name: "owned-by-the-service",
        source: "joeybaker/docker-syncthing#1, linuxserver/docker-syncthing#67",
        about: "The service runs as another user and takes Ana's directory, or makes it read-only.",
        right: "sending keeps the message and says that it is not in the folder; the doctor names permissions; once \
                they are repaired, everything arrives",
        needs: &[Need::Root, Need::Tool("setpriv")],
        wants: &[],
        play: owned_by_the_service,
    },
];

const ANA: u32 = 61_001;
const BEN: u32 = 61_002;
const CLEO: u32 = 61_003;
const BAND: u32 = 61_234;

/// The means of sharing a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sharing {
    /// A directory whose group is inherited.
    Group,
    /// A default ACL that names the users.
    Acl,
}

struct Row {
    name: &'static str,
    sharing: Sharing,
    umask: &'static str,
    /// Whether the local state is on another volume than the folder.
    is_apart: bool,
}

const ROWS: &[Row] = &[
    Row { name: "group, umask 027", sharing: Sharing::Group, umask: "027", is_apart: false },
    Row { name: "group, umask 002", sharing: Sharing::Group, umask: "002", is_apart: false },
    Row { name: "group, state on another volume", sharing: Sharing::Group, umask: "027", is_apart: true },
    Row { name: "ACL, umask 077", sharing: Sharing::Acl, umask: "077", is_apart: false },
    Row { name: "ACL, state on another volume", sharing: Sharing::Acl, umask: "077", is_apart: true },
];

fn users_of_one_machine(stage: &Stage) -> Outcome {
    stage.each(
        ROWS,
        |row| row.name.to_owned(),
        |row, stage| {
            let volume = if row.is_apart { Some(Volume::make(stage, Kind::Memory(64))?) } else { None };
            let mounted = volume.as_ref().map(Volume::mount).transpose()?;
            let homes = mounted.as_ref().map_or(stage.place.as_path(), |mounted| mounted.point());
            share(stage, row.sharing)?;
            let user = |name, id| user(stage, name, id, row.umask, homes);
            let (ana, ben, cleo) = (user("Ana", ANA)?, user("Ben", BEN)?, user("Cleo", CLEO)?);

            ana.send(&["from Ana"])?;
            ben.send(&["from Ben"])?;
            all_read(&[&ana, &ben], &["from Ana", "from Ben"])?;
            for (member, id) in [(&ana, ANA), (&ben, BEN)] {
                like_a_file_made_in_place(stage, member, id, row.umask)?;
            }
            ana.send(&["to be packed", "as well"])?;
            ana.ask(&["pack", "--at-once"])?;
            let texts = ["from Ana", "from Ben", "to be packed", "as well"];
            all_read(&[&ben, &cleo, &ana], &texts)?;
            like_a_file_made_in_place(stage, &ana, ANA, row.umask)?;
            [&ana, &ben, &cleo].into_iter().try_for_each(Member::is_well)
        },
    )
}

/// Checks that a member's files and directories have the permissions and the group of those that the same
/// user creates beside them.
fn like_a_file_made_in_place(stage: &Stage, member: &Member, id: u32, umask: &str) -> Outcome {
    let own = member.folder.join(member.author()?);
    let (file, dir) = (own.join("probe"), member.folder.join("probe-dir"));
    let (program, rest) = as_user(id, umask);
    let script = "touch \"$0\" && mkdir \"$1\"";
    stage.must(Command::new(program).args(rest).args(["sh", "-c", script]).args([&file, &dir]))?;
    let (like_file, like_dir) = (tree::access(&file)?, tree::access(&dir)?);
    tree::remove(&file)?;
    tree::remove(&dir)?;
    let mut expected: Vec<_> = tree::files(&own)?.into_iter().map(|file| (file, like_file)).collect();
    expected.push((own, like_dir));
    for (path, (mode, group)) in expected {
        let (has_mode, has_group) = tree::access(&path)?;
        check((has_mode, has_group) == (mode, group), || {
            format!("{} has {has_mode:o} and group {has_group} instead of {mode:o} and {group}", path.display())
        })?;
    }
    Ok(())
}

fn share(stage: &Stage, sharing: Sharing) -> Outcome {
    let folder = stage.at("jam.session");
    match sharing {
        Sharing::Group => {
            own(&folder, None, Some(BAND))?;
            stage.must(Command::new("chmod").arg("2770").arg(&folder)).map(drop)
        }
        Sharing::Acl => {
            let users = [ANA, BEN, CLEO].map(|id| format!("u:{id}:rwx,d:u:{id}:rwx")).join(",");
            let acl = format!("{users},g::---,o::---,d:g::---,d:o::---");
            let lacking = Need::Tool("setfacl").lacking();
            lacking.map_or(Ok(()), |why| Err(Stop::Skip(why)))?;
            stage.must(Command::new("setfacl").arg("--modify").arg(acl).arg(&folder)).map(drop)
        }
    }
}

/// Returns a member that runs as another user of the system, with a private home.
fn user<'a>(stage: &'a Stage, name: &'static str, id: u32, umask: &str, homes: &Path) -> Outcome<Member<'a>> {
    let home = homes.join(format!("home-{name}"));
    tree::make_dir(&home)?;
    own(&home, Some(id), Some(id))?;
    stage.must(Command::new("chmod").arg("700").arg(&home))?;
    let (program, rest) = as_user(id, umask);
    let words: Vec<&str> = [program].into_iter().chain(rest.iter().map(String::as_str)).collect();
    Ok(stage.member(name).with_state(&home.join("state")).under(&words))
}

/// Returns the words that run a program as a user of the band.
fn as_user(id: u32, umask: &str) -> (&'static str, Vec<String>) {
    let words = [
        format!("--reuid={id}"),
        format!("--regid={id}"),
        format!("--groups={BAND}"),
        "--inh-caps=-all".to_owned(),
        "sh".to_owned(),
        "-c".to_owned(),
        format!("umask {umask}; exec \"$0\" \"$@\""),
    ];
    ("setpriv", words.to_vec())
}

fn own(path: &Path, user: Option<u32>, group: Option<u32>) -> Outcome {
    Ok(chown(path, user, group).map_err(|error| format!("{}: {error}", path.display()))?)
}

/// The changes that make a directory unwritable for Ana, and their repairs.
const TAKEN: &[(&str, &[&str], &[&str])] = &[
    ("given to root", &["chown", "-R", "0:0"], &["chown", "-R", "61001:61001"]),
    ("read-only", &["chmod", "555"], &["chmod", "755"]),
];

fn owned_by_the_service(stage: &Stage) -> Outcome {
    stage.each(
        TAKEN,
        |(name, ..)| (*name).to_owned(),
        |(_, take, give), stage| {
            let folder = stage.at("jam.session");
            own(&folder, Some(ANA), Some(BAND))?;
            stage.must(Command::new("chmod").arg("2775").arg(&folder))?;
            let ana = user(stage, "Ana", ANA, "022", &stage.place)?;
            let ben = user(stage, "Ben", BEN, "022", &stage.place)?;
            ana.send(&["before"])?;
            ben.send(&["hello"])?;
            let directory = folder.join(ana.author()?);
            let change = |words: &[&str]| {
                let (program, rest) = words.split_first().map_or(("true", &[][..]), |(first, rest)| (*first, rest));
                stage.must(Command::new(program).args(rest).arg(&directory)).map(drop)
            };

            change(take)?;
            let said = ana.send(&["while it is taken"])?;
            check(said.contains("not in the folder yet"), || format!("sending does not say it: `{said}`"))?;
            let checkup = ana.doctor()?;
            let names =
                |text: &str| ["permission", "not allowed"].iter().any(|word| text.to_lowercase().contains(word));
            check(checkup.code == Some(1) && names(&checkup.text()), || {
                format!("the doctor does not name permissions:{}", checkup.text())
            })?;
            all_read(&[&ben], &["before", "hello"])?;

            change(give)?;
            ana.open()?;
            all_read(&[&ana, &ben], &["before", "hello", "while it is taken"])?;
            ana.is_well()
        },
    )
}
