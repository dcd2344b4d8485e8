//! `cargo xtask desktop`: the desktop example in real windows.
//!
//! The example is a workspace of its own, so its format, its warnings and its tests are checked here as well.

mod driver;
mod http;
mod needs;
mod scene;
mod screen;
mod sound;
mod window;

use std::env;
use std::path::{Path, PathBuf};

use tempfile::Builder;

use crate::call::{self, Call};
use crate::failure::Failure;
use crate::process;
use scene::Scene;
use screen::Screen;

/// The arguments of `desktop`.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Keep pictures of the windows in this directory
    #[arg(long, value_name = "DIR")]
    pictures: Option<PathBuf>,
    /// Print the Debian packages that this needs, and do nothing else
    #[arg(long, conflicts_with = "pictures")]
    packages: bool,
}

/// The manifest of the example.
const MANIFEST: &str = "--manifest-path=examples/desktop/Cargo.toml";

/// Checks and builds the example, opens its windows on a screen of their own, and uses them as people would.
pub(crate) fn run(options: &Options) -> Result<(), Failure> {
    if options.packages {
        println!("{}", needs::PACKAGES.join(" "));
        return Ok(());
    }
    let scratch = Builder::new().prefix("tempo-desktop-").tempdir()?;
    needs::install(scratch.path())?;
    process::heed_interruptions()?;
    let program = build()?;
    let screen = Screen::start(scratch.path())?;
    let pictures = options.pictures.as_ref().map(|to| env::current_dir().unwrap_or_default().join(to));
    let scene = Scene { program: &program, screen: &screen, place: scratch.path(), pictures: pictures.as_deref() };
    let checks = scene.play().map_err(|why| failed(&why, scratch.path()))?;
    println!("desktop: three members in three windows, {checks} checks");
    Ok(())
}

/// Checks format, warnings and tests of the example, builds it, and returns its program.
fn build() -> Result<PathBuf, Failure> {
    let cargo = |words: &[&str]| target(Call::cargo(words));
    cargo(&["fmt", MANIFEST, "--check"]).run()?;
    cargo(&["clippy", "--locked", MANIFEST, "--all-targets", "--", "-D", "warnings"]).run()?;
    cargo(&["test", "--locked", "--quiet", MANIFEST]).run()?;
    let build = cargo(&["build", "--locked", "--quiet", MANIFEST]);
    build.run()?;
    let build = build.argument("--message-format=json");
    let missing = || Failure::Unanswered { command: build.line(), why: "it names no executable".to_owned() };
    call::executables(&build.answer()?).pop().map(|built| built.path).ok_or_else(missing)
}

/// Builds beside everything else: the libraries of a desktop application take some minutes.
fn target(call: Call) -> Call {
    let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| "target".into(), PathBuf::from);
    call.environment("CARGO_TARGET_DIR", target.join("desktop").to_string_lossy())
}

/// Says what was on the pages, and what the programs have written.
fn failed(why: &str, place: &Path) -> Failure {
    let said = screen::logs(place);
    let said = if said.is_empty() { said } else { format!("\n\nwhat the programs have written:\n{said}") };
    println!("{why}{said}");
    Failure::Findings { check: "desktop", count: 1 }
}
