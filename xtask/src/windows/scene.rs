//! The scenes: real processes of the `tempo` command, some under Wine, in folders of their own.

mod alone;
mod away;
mod held;
mod mixed;

use std::ffi::OsString;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use fastrand::Rng;
use fs_err as fs;
use tempfile::Builder;

use super::build::Programs;
use super::options::Options;
use super::wine::{self, Wine};
use crate::failure::Failure;
use crate::play::log::Log;
use crate::play::member::{Member, System};
use crate::play::stage::PATIENCE;
use crate::play::stop::Outcome;
use crate::play::{self, Played};
use crate::process;

/// One scene with its check.
struct Scene {
    name: &'static str,
    about: &'static str,
    play: fn(&Stage) -> Outcome,
}

const SCENES: &[Scene] = &[
    Scene { name: "demo", about: "the demonstration", play: alone::demo },
    Scene { name: "commands", about: "send, log, status, doctor and pack, with exit codes", play: alone::commands },
    Scene { name: "chats", about: "two chats hear each other", play: alone::chats },
    Scene { name: "mixed", about: "Linux and Windows in one folder, 500 messages each", play: mixed::together },
    Scene { name: "killed", about: "the Windows member is killed while both send", play: mixed::killed },
    Scene {
        name: "away",
        about: "the disk is away, and named through a link and in another case",
        play: away::spelled,
    },
    Scene { name: "held message", about: "another program holds a message file", play: held::message },
    Scene { name: "held store", about: "another program holds files of the local store", play: held::store },
];

/// The place of a scene with the programs for Windows.
struct Stage<'a> {
    play: &'a play::stage::Stage,
    wine: &'a Wine,
    /// The command for Windows.
    tempo: &'a Path,
    /// A program for Windows that keeps a file to itself.
    hold: &'a Path,
    seed: u64,
}

/// Wine as the system of a member.
struct Windows<'a> {
    wine: &'a Wine,
    tempo: &'a Path,
}

impl System for Windows<'_> {
    fn tempo(&self) -> Command {
        self.wine.command(self.tempo)
    }

    fn path(&self, file: &Path) -> OsString {
        wine::path(file).into()
    }
}

impl<'a> Stage<'a> {
    /// Returns a member whose command runs under Wine.
    fn windows(&self, name: &'static str) -> Member<'a> {
        self.linux(name).on(Arc::new(Windows { wine: self.wine, tempo: self.tempo }))
    }

    /// Returns a member whose command runs on this system.
    fn linux(&self, name: &'static str) -> Member<'a> {
        self.play.member(name)
    }

    /// Returns the random numbers of one member.
    fn rng(&self, member: u64) -> Rng {
        Rng::with_seed(self.seed.wrapping_add(member))
    }
}

/// Plays the chosen scenes and returns how many failed.
pub(super) fn run(wine: &Wine, built: &Programs, native: &Path, options: &Options) -> Result<usize, Failure> {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let seed = options.seed.unwrap_or_else(|| since.subsec_nanos().into());
    println!("scenes with --seed {seed}");
    // Copies, because another build may replace the programs while they are in use.
    let programs = Builder::new().prefix("tempo-programs-").tempdir()?;
    let copy = |from: &Path, name: &str| fs::copy(from, programs.path().join(name)).map(|_| programs.path().join(name));
    let native = copy(native, "tempo")?;
    let tempo = copy(&built.tempo, "tempo.exe")?;
    let hold = copy(&built.hold, "hold.exe")?;
    let mut wrong = 0;
    for scene in SCENES.iter().filter(|scene| scene.name.contains(&options.only)) {
        let in_place = |play: &_| (scene.play)(&Stage { play, wine, tempo: &tempo, hold: &hold, seed });
        let mut start = 1;
        let Played { took, outcome, story, .. } = loop {
            let played = play::play("tempo-windows-", &native, in_place);
            process::check_interruption()?;
            match &played.outcome {
                Err(why) if start < wine::STARTS && wine::has_failed(&why.to_string()) => {
                    wine::report_failure(scene.name, why, start);
                    start += 1;
                }
                _ => break played,
            }
        };
        let verdict = if outcome.is_ok() { "ok" } else { "FAILED" };
        println!("scene {:<12} {verdict:<6} {:6.1} s  {}", scene.name, took.as_secs_f64(), scene.about);
        if let Err(why) = outcome {
            wrong += 1;
            println!("  {why}\n    | {}", story.join("\n    | "));
        }
    }
    Ok(wrong)
}

/// Waits until all members print the same timeline of this length, and returns it.
fn same_log(members: &[&Member], length: usize) -> Outcome<Log> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let logs = members.iter().map(|member| member.log()).collect::<Outcome<Vec<_>>>()?;
        let lengths: Vec<_> = logs.iter().map(|log| log.lines.len()).collect();
        let is_same = logs.iter().zip(logs.iter().skip(1)).all(|(one, next)| one.json == next.json);
        match logs.into_iter().next() {
            Some(first) if is_same && first.lines.len() == length => return Ok(first),
            _ => process::pause_until(deadline)
                .map_err(|why| format!("the logs have {lengths:?} messages instead of {length}, or differ: {why}"))?,
        }
    }
}
