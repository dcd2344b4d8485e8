//! `cargo xtask crash`: kills the real `tempo` command at every system call, fails each call, and checks what
//! is left.
//!
//! A command is watched once. Then it runs again for each call that it makes and each harm, in a place of its
//! own. Afterwards the unharmed command must find every acknowledged message, once and whole, and continue to
//! work.

mod attempt;
mod calls;
mod judge;
mod log;
mod point;
mod report;
mod scene;
mod tracer;
mod watchdog;
mod world;

use std::io;
use std::path::Path;

use tempfile::{Builder, TempDir};

use crate::call;
use crate::failure::Failure;
use point::Point;
use scene::SCENES;
use tracer::End;
use world::World;

/// The number of points that `--quick` tries.
const QUICK: usize = 240;
/// The number of bad points that are explained.
const EXPLAINED: usize = 10;

/// The arguments of `crash`.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Try a sample of the points
    #[arg(long)]
    quick: bool,
    /// Try one point, such as send:EIO:main:17, and keep its files
    #[arg(long, value_name = "POINT", value_parser = Point::parse, conflicts_with = "quick")]
    only: Option<Point>,
}

/// Becomes the program that these words call, for the parent process to trace.
pub(crate) fn become_traced(words: &[String]) -> Result<(), Failure> {
    let (program, arguments) = words.split_first().ok_or_else(|| "there is nothing to trace".to_owned())?;
    let why = tracer::become_traced(program, arguments).to_string();
    Err(Failure::Unanswered { command: program.clone(), why })
}

/// Tries all points, some, or one, and prints what is wrong.
pub(crate) fn run(options: &Options) -> Result<(), Failure> {
    let tempo = call::build_tempo()?;
    let scratch = scratch(options.only.is_some())?;
    let points = match &options.only {
        Some(point) => vec![point.clone()],
        None => point::some(plan(&tempo, scratch.path())?, if options.quick { QUICK } else { usize::MAX }),
    };
    println!("{} points", points.len());
    let results = attempt::all(&tempo, scratch.path(), &points)?;
    print!("\n{}", report::table(&results));
    if options.only.is_some() {
        println!("what is left: {}", scratch.path().display());
    }
    let bad: Vec<_> = results.iter().filter(|tried| tried.wrong.is_some()).collect();
    for tried in bad.iter().take(EXPLAINED) {
        println!("\n{}", report::explain(tried));
    }
    if bad.is_empty() { Ok(()) } else { Err(Failure::Findings { check: "crash", count: bad.len() }) }
}

/// Creates a directory for everything, in memory where possible: nothing here needs a disk.
fn scratch(is_kept: bool) -> io::Result<TempDir> {
    let mut builder = Builder::new();
    builder.prefix("tempo-crash-").disable_cleanup(is_kept);
    builder.tempdir_in("/dev/shm").or_else(|_| builder.tempdir())
}

/// Watches every command, and lists the harms that can be done to it. They are ordered by harm, so that a
/// sample has all of them.
fn plan(tempo: &Path, scratch: &Path) -> Result<Vec<Point>, Failure> {
    let mut watched = Vec::new();
    for scene in SCENES {
        let world = World::new(tempo, scratch.join("watched").join(scene.name))?;
        scene.prepare(&world)?;
        world.restore()?;
        let (ran, said) = world.traced((scene.member, scene.words), None)?;
        if ran.made.is_empty() {
            return Err(Failure::Skipped { why: format!("nothing can be traced here: {}", said.err.trim()) });
        }
        if ran.end != End::Code(0) {
            return Err(format!("`{}` ended with {:?}: {}", scene.name, ran.end, said.err.trim()).into());
        }
        println!("{:<8} {:>4} calls: {}", scene.name, ran.made.len(), scene.about);
        watched.push((scene, ran.made));
    }
    let all = |harm| watched.iter().flat_map(move |(scene, made)| point::points(scene, made, harm));
    Ok(point::harms().flat_map(all).collect())
}
