//! `cargo xtask field`: the `tempo` command in situations that people report of synced folders.
//!
//! Each scene rebuilds one reported situation with real parts: disks, users, mounts, tools and clocks. It names the
//! public report, and it checks what a user would call right. See `docs/FIELD.md`.

mod mounted;
mod needs;
mod report;
mod runner;
mod scene;
mod volume;

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::time::Instant;

use fs_err as fs;
use tempfile::Builder;

use crate::call;
use crate::failure::Failure;
use crate::play::stop::Stop;
use crate::process;
use scene::Scene;

/// The arguments of `field`.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// List the scenes with their sources, and play none
    #[arg(long)]
    list: bool,
    /// Play these scenes instead of all
    #[arg(value_name = "NAME", value_parser = scene::named)]
    scenes: Vec<&'static Scene>,
}

/// Plays the chosen scenes and prints a table of the results.
///
/// # Errors
///
/// `Findings` when a scene fails.
pub(crate) fn run(options: &Options) -> Result<(), Failure> {
    let scenes = if options.scenes.is_empty() { scene::all().collect() } else { options.scenes.clone() };
    if options.list {
        print!("{}", report::list(&scenes));
        return Ok(());
    }
    process::heed_interruptions()?;
    needs::install(scenes.iter().flat_map(|scene| scene.tools()));
    let built = call::build_tempo()?;
    // A copy, because another build may replace the program meanwhile. Other users of the system run it as well.
    let programs = Builder::new().prefix("tempo-field-program-").tempdir()?;
    fs::set_permissions(programs.path(), Permissions::from_mode(0o755))?;
    let tempo = programs.path().join("tempo");
    fs::copy(built, &tempo)?;
    let begun = Instant::now();
    let played = runner::play_all(&scenes, &tempo);
    process::check_interruption()?;
    print!("\n{}", report::table(&played, begun.elapsed()));
    match played.iter().filter(|(_, played)| matches!(played.outcome, Err(Stop::Wrong(_)))).count() {
        0 => Ok(()),
        count => Err(Failure::Findings { check: "field", count }),
    }
}
