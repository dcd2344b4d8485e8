//! `cargo xtask windows`: the crates built for Windows, their tests and the `tempo` command run under Wine.
//!
//! Wine shows that the code runs and gives the right answers. It cannot show that a Windows disk keeps its
//! data through a loss of power; the simulator covers that.

mod build;
mod counts;
mod options;
mod runner;
mod scene;
mod skips;
mod suite;
mod wine;

use std::time::Instant;

use crate::call;
use crate::cross::{self, Cross, Target};
use crate::failure::Failure;
use crate::process;
pub(crate) use options::Options;
use options::Part;
use wine::Wine;

/// The linker for Windows, and Wine.
const PACKAGES: &[&str] = &["gcc-mingw-w64-x86-64-posix", "wine", "wine64"];

/// Sets up, builds and runs the chosen parts, and prints their results.
///
/// # Errors
///
/// `Skipped` where Wine or the compiler cannot be set up, `Findings` when a test or a scene fails.
pub(crate) fn run(options: &Options) -> Result<(), Failure> {
    let skips = skips::read()?;
    let cross = Cross::set_up(Target::Windows, PACKAGES)?;
    let base = wine::set_up(&cross::home()?)?;
    process::heed_interruptions()?;
    if options.wants(Part::Lint) {
        timed("lint", || cross.lint())?;
    }
    if !options.wants(Part::Suites) && !options.wants(Part::Scenes) {
        return Ok(());
    }
    let built = timed("build", || build::build(&cross, options))?;
    let wine = timed("Wine", || Ok(Wine::start(&base)?))?;
    let mut bad = 0;
    if options.wants(Part::Suites) {
        bad += timed("tests", || suite::run(&wine, &built.tests, &skips, options))?;
    }
    if let Some(programs) = &built.programs {
        let native = call::build_tempo()?;
        bad += timed("scenes", || scene::run(&wine, programs, &native, options))?;
    }
    if bad == 0 { Ok(()) } else { Err(Failure::Findings { check: "windows", count: bad }) }
}

/// Runs a part and prints how long it took.
fn timed<T>(name: &str, part: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
    let start = Instant::now();
    let done = part();
    println!("windows: {name}: {:.1} s", start.elapsed().as_secs_f64());
    done
}
