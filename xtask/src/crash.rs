//! `cargo xtask crash`: the real `tempo` command, killed at every system call and refused every one, and what is left.
//!
//! A command is watched once. Then it is run again for each call that it makes and each harm, in a place of its own, and
//! afterwards the unharmed command must find everything that was acknowledged, once and whole, and go on.

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

use std::path::Path;

use crate::call;
use crate::failure::Failure;
use point::Point;
use scene::SCENES;
use tracer::End;
use world::{Scratch, World};

/// The first argument of the call by which this program becomes the one that is traced.
const TRACED: &str = "--traced";
/// So many points are tried with `--quick`.
const QUICK: usize = 240;
/// So many bad points are explained.
const EXPLAINED: usize = 10;

/// Tries all points, some, or one, and prints what is wrong.
pub(crate) fn run(arguments: &[String]) -> Result<(), Failure> {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        [TRACED, program, ..] => {
            let why = tracer::become_traced(program, arguments.get(2..).unwrap_or_default()).to_string();
            Err(Failure::Unanswered { command: (*program).to_owned(), why })
        }
        [] => look(usize::MAX, None),
        ["--quick"] => look(QUICK, None),
        ["--only", point] => match Point::parse(point) {
            Some(point) => look(1, Some(point)),
            None => Err(Failure::usage(format!("`{point}` is no point; one is send:EIO:main:17"))),
        },
        _ => Err(Failure::usage("`crash` takes --quick, --only POINT or nothing")),
    }
}

fn look(most: usize, only: Option<Point>) -> Result<(), Failure> {
    let tempo = call::build_tempo()?;
    let scratch = Scratch::new(only.is_some()).map_err(unanswered)?;
    let points = match only {
        Some(point) => vec![point],
        None => point::some(plan(&tempo, &scratch.path)?, most),
    };
    println!("{} points", points.len());
    let results = attempt::all(&tempo, &scratch.path, &points).map_err(unanswered)?;
    print!("\n{}", report::table(&results));
    if scratch.is_kept {
        println!("what is left: {}", scratch.path.display());
    }
    let bad: Vec<_> = results.iter().filter(|tried| tried.wrong.is_some()).collect();
    for tried in bad.iter().take(EXPLAINED) {
        println!("\n{}", report::explain(tried));
    }
    if bad.is_empty() { Ok(()) } else { Err(Failure::Findings { check: "crash", count: bad.len() }) }
}

/// Watches every command, and lists what can be done to it: one harm after the other, so that a sample has all of them.
fn plan(tempo: &Path, scratch: &Path) -> Result<Vec<Point>, Failure> {
    let mut watched = Vec::new();
    for scene in SCENES {
        let world = World::new(tempo, scratch.join("watched").join(scene.name)).map_err(unanswered)?;
        scene.prepare(&world).map_err(unanswered)?;
        world.restore().map_err(unanswered)?;
        let (ran, said) = world.traced(scene, None).map_err(unanswered)?;
        if ran.made.is_empty() {
            return Err(Failure::Skipped { why: format!("nothing can be traced here: {}", said.err.trim()) });
        }
        if ran.end != End::Code(0) {
            return Err(unanswered(format!("`{}` ended with {:?}: {}", scene.name, ran.end, said.err.trim())));
        }
        println!("{:<8} {:>4} calls: {}", scene.name, ran.made.len(), scene.about);
        watched.push((scene, ran.made));
    }
    let all = |harm| watched.iter().flat_map(move |(scene, made)| point::points(scene, made, harm));
    Ok(point::harms().flat_map(all).collect())
}

#[allow(clippy::needless_pass_by_value, reason = "it is given to `map_err`, which passes values")]
fn unanswered(why: impl ToString) -> Failure {
    Failure::Unanswered { command: "tempo".to_owned(), why: why.to_string() }
}
