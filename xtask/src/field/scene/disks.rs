//! Sticks and other volumes, whose file systems have peculiarities.

use std::fs::{File, FileTimes};
use std::io::{ErrorKind, Write};
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use super::Scene;
use crate::field::needs::Need;
use crate::field::volume::{self, Kind, Volume};
use crate::play::member::{Member, all_read};
use crate::play::stage::{PATIENCE, Stage};
use crate::play::stop::{Outcome, Stop, check};
use crate::play::tree;
use crate::process;

pub(super) const SCENES: &[Scene] = &[
    Scene {
        name: "sticks",
        source: "owncloud/client#3103, Infomaniak/desktop-kDrive#961, syncthing/syncthing#9227, macos-fuse-t/fuse-t",
        about: "The session is on exFAT, NTFS, FAT32, an encrypted or a pooled volume. All times shift by an hour, and \
                the stick is pulled and plugged in again.",
        right: "everybody has the same log, nothing wants attention, and everybody stays the same member",
        needs: &[],
        wants: &[
            "mkfs.exfat",
            "mount.exfat-fuse",
            "mkntfs",
            "mkfs.vfat",
            "fusefat",
            "gocryptfs",
            "mergerfs",
            "fusermount3",
        ],
        play: sticks,
    },
    Scene {
        name: "length-before-content",
        source: "Snowtrack/SnowFS#176, bitwize-music/spruceOS#8, jamie8johnson/cqs#1225",
        about: "On a volume with coarse times a file gets its full length first, and its content within the same tick. \
                A chat is open.",
        right: "the chat shows it within a minute, and what follows as well",
        needs: &[],
        wants: &["mkfs.exfat", "mount.exfat-fuse", "mkfs.vfat", "fusefat"],
        play: length_before_content,
    },
    Scene {
        name: "full-volume",
        source: "owncloud/client#2939, syncthing/syncthing#8106",
        about: "The volume of the folder has no room left, and later it has again.",
        right: "sending keeps every message and says that it is not in the folder; with room, everything arrives",
        needs: &[Need::Root],
        wants: &[],
        play: full_volume,
    },
];

const STICKS: [Kind; 5] = [Kind::ExFat, Kind::Ntfs, Kind::Fat32, Kind::Gocryptfs, Kind::Mergerfs];

fn sticks(stage: &Stage) -> Outcome {
    stage.each(
        &STICKS,
        |kind| kind.name().to_owned(),
        |kind, stage| {
            let volume = Volume::make(stage, *kind)?;
            let mounted = volume.mount()?;
            let folder = mounted.point().join("jam.session");
            tree::make_dir(&folder)?;
            let [ana, ben, cleo] = ["Ana", "Ben", "Cleo"].map(|name| stage.member(name).opening(&folder));
            let mut texts: Vec<String> = ["one", "two", "three", "four", "five"].map(str::to_owned).to_vec();
            ana.send(&["one", "two", "three"])?;
            ben.send(&["four", "five"])?;
            let many: Vec<String> = (0..30).map(|number| format!("line {number}")).collect();
            ana.send_slowly(&many)?;
            texts.extend(many);

            let hour = Duration::from_secs(3600);
            for file in tree::files(&folder)? {
                shift(&file, hour)?;
            }
            ana.ask(&["pack"])?;
            all_read(&[&ana, &ben], &texts)?;
            let before = [ana.author()?, ben.author()?];

            drop(mounted);
            let said = ana.send(&["while it is away"])?;
            check(said.contains("not in the folder yet"), || format!("sending does not say it: `{said}`"))?;
            let _mounted = volume.mount()?;
            ana.open()?;
            ben.send(&["back again"])?;
            texts.extend(["while it is away", "back again"].map(str::to_owned));
            all_read(&[&ana, &ben, &cleo], &texts)?;
            check(before == [ana.author()?, ben.author()?], || "somebody is another member now".to_owned())?;
            [&ana, &ben, &cleo].into_iter().try_for_each(Member::is_well)
        },
    )
}

/// Moves the time of a file back.
fn shift(file: &Path, span: Duration) -> Outcome {
    let shifted = || -> std::io::Result<()> {
        let file = File::options().write(true).open(file)?;
        let then = file.metadata()?.modified()?.checked_sub(span).unwrap_or(SystemTime::UNIX_EPOCH);
        file.set_times(FileTimes::new().set_modified(then))
    };
    Ok(shifted().map_err(|error| format!("{}: {error}", file.display()))?)
}

fn length_before_content(stage: &Stage) -> Outcome {
    stage.each(
        &[Kind::ExFat, Kind::Fat32],
        |kind| kind.name().to_owned(),
        |kind, stage| {
            volume::on(stage, *kind, |_, folder| {
                let [ana, ben, cleo] = ["Ana", "Ben", "Cleo"].map(|name| stage.member(name).opening(folder));
                ben.send(&["one", "two", "three"])?;
                let third = tree::message(folder, &ben.author()?, 3);
                let bytes = tree::read(&third)?;
                tree::remove(&third)?;

                let mut chat = ana.chat()?;
                chat.expect("two")?;
                let deadline = Instant::now() + PATIENCE;
                while !within_one_tick(&third, &bytes)? {
                    process::pause_until(deadline)?;
                    tree::remove(&third)?;
                }
                let begun = Instant::now();
                chat.expect("three")?;
                let took = begun.elapsed();
                check(took < Duration::from_secs(60), || format!("the chat shows it after {} s", took.as_secs()))?;
                ben.send(&["four"])?;
                chat.expect("four")?;
                chat.say(&["five"])?;
                chat.end(PATIENCE)?;
                all_read(&[&ana, &ben, &cleo], &["one", "two", "three", "four", "five"])
            })
        },
    )
}

/// Creates a file with its length first and its content a little later. Returns whether its time is the same
/// after both.
fn within_one_tick(path: &Path, bytes: &[u8]) -> Outcome<bool> {
    let made = || -> std::io::Result<bool> {
        let mut file = File::create(path)?;
        file.set_len(bytes.len() as u64)?;
        file.flush()?;
        let before = path.metadata()?.modified()?;
        // Long enough for a member to look in between.
        let end = Instant::now() + Duration::from_millis(300);
        while process::pause_until(end).is_ok() {}
        file.write_all(bytes)?;
        file.sync_all()?;
        Ok(path.metadata()?.modified()? == before)
    };
    made().map_err(|error| match error.kind() {
        ErrorKind::PermissionDenied => Stop::Skip("this driver cannot set the length of a file".to_owned()),
        _ => Stop::Wrong(format!("{}: {error}", path.display())),
    })
}

fn full_volume(stage: &Stage) -> Outcome {
    volume::on(stage, Kind::Memory(4), |_, folder| {
        let [ana, ben] = ["Ana", "Ben"].map(|name| stage.member(name).opening(folder));
        ana.send(&["one"])?;
        ben.send(&["two"])?;
        let ballast = folder.with_file_name("ballast");
        fill_up(&ballast)?;
        let long = "x".repeat(20_000);
        let said = ana.send(&[&long, "short"])?;
        check(said.contains("not in the folder yet"), || format!("sending does not say it: `{said}`"))?;
        let checkup = ana.doctor()?;
        checkup.must("folder-full")?;
        checkup.must("unpublished")?;
        all_read(&[&ben], &["one", "two"])?;

        tree::remove(&ballast)?;
        ana.open()?;
        all_read(&[&ana, &ben], &["one", "two", &long, "short"])
    })
}

/// Writes until there is no room.
fn fill_up(path: &Path) -> Outcome {
    let mut file = File::create(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let block = [0; 4096];
    loop {
        match file.write_all(&block) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::StorageFull => return Ok(()),
            Err(error) => return Err(Stop::Wrong(format!("{}: {error}", path.display()))),
        }
    }
}
