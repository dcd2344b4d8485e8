//! The scenes: real processes of the `tempo` command, some under Wine, in folders of their own.

mod alone;
mod away;
mod held;
mod mixed;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Instant, SystemTime};

use fastrand::Rng;
use tempfile::Builder;

use super::build::Programs;
use super::member::{Member, System};
use super::options::Options;
use super::wine::Wine;
use crate::failure::Failure;
use crate::process;

/// One scene with its check.
struct Scene {
    name: &'static str,
    about: &'static str,
    play: fn(&Stage) -> Result<(), String>,
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

/// The programs, the place and the seed of a scene.
#[derive(Debug)]
struct Stage<'a> {
    wine: &'a Wine,
    /// The command for Windows.
    tempo: &'a Path,
    /// The command for this system.
    native: &'a Path,
    /// A program for Windows that keeps a file to itself.
    hold: &'a Path,
    place: PathBuf,
    seed: u64,
}

impl<'a> Stage<'a> {
    /// Returns a member whose command runs under Wine.
    fn windows(&self, name: &'static str) -> Member<'a> {
        Member::new(name, System::Windows(self.wine), self.tempo, &self.place)
    }

    /// Returns a member whose command runs on this system.
    fn linux(&self, name: &'static str) -> Member<'a> {
        Member::new(name, System::Linux, self.native, &self.place)
    }

    /// Returns the random numbers of one member.
    fn rng(&self, member: u64) -> Rng {
        Rng::with_seed(self.seed.wrapping_add(member))
    }
}

/// Plays the chosen scenes and returns how many failed. Keeps the files of a failed scene.
pub(super) fn run(wine: &Wine, built: &Programs, native: &Path, options: &Options) -> Result<usize, Failure> {
    let failed = |source| Failure::Unreadable { path: std::env::temp_dir(), source };
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let seed = options.seed.unwrap_or_else(|| since.subsec_nanos().into());
    println!("scenes with --seed {seed}");
    // Copies, because another build may replace the programs while they are in use.
    let programs = Builder::new().prefix("tempo-programs-").tempdir().map_err(failed)?;
    let copy = |from: &Path, name: &str| fs::copy(from, programs.path().join(name)).map(|_| programs.path().join(name));
    let native = copy(native, "tempo").map_err(failed)?;
    let tempo = copy(&built.tempo, "tempo.exe").map_err(failed)?;
    let hold = copy(&built.hold, "hold.exe").map_err(failed)?;
    let mut wrong = 0;
    for scene in SCENES.iter().filter(|scene| scene.name.contains(&options.only)) {
        let prefix = format!("tempo-windows-{}-", scene.name.replace(' ', "-"));
        let mut place = Builder::new().prefix(&prefix).tempdir().map_err(failed)?;
        let path = place.path().to_owned();
        let stage = Stage { wine, tempo: &tempo, native: &native, hold: &hold, place: path.clone(), seed };
        let begun = Instant::now();
        let played = ["jam.session", "logs"].into_iter().try_for_each(|dir| fs::create_dir(path.join(dir)));
        let played = played.map_err(|error| error.to_string()).and_then(|()| (scene.play)(&stage));
        process::check_interruption().map_err(super::unanswered)?;
        let verdict = if played.is_ok() { "ok" } else { "FAILED" };
        println!("scene {:<12} {verdict:<6} {:6.1} s  {}", scene.name, begun.elapsed().as_secs_f64(), scene.about);
        if let Err(why) = played {
            wrong += 1;
            place.disable_cleanup(true);
            println!("  {why}\n  what is left: {}", path.display());
        }
    }
    Ok(wrong)
}

/// Returns an error unless a condition holds.
fn check(is_so: bool, otherwise: impl FnOnce() -> String) -> Result<(), String> {
    if is_so { Ok(()) } else { Err(otherwise()) }
}
