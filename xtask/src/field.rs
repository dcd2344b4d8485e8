//! `cargo xtask field`: the `tempo` command in situations that people report of synced folders.
//!
//! Each scene rebuilds one reported situation with real parts: disks, users, mounts, tools and clocks. It names the
//! public report, and it checks what a user would call right. See `docs/FIELD.md`.

mod checkup;
mod log;
mod member;
mod mounted;
mod needs;
mod options;
mod report;
mod runner;
mod scene;
mod stage;
mod stop;
mod tree;
mod volume;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Instant;

use tempfile::Builder;

use crate::call;
use crate::failure::Failure;
use crate::process;
use options::Options;

/// Plays the chosen scenes and prints a table of the results.
///
/// # Errors
///
/// `Findings` when a scene fails.
pub(crate) fn run(arguments: &[String]) -> Result<(), Failure> {
    let options = Options::parse(arguments)?;
    if options.list {
        print!("{}", report::list(&options.scenes));
        return Ok(());
    }
    let failed = |source| Failure::Unreadable { path: std::env::temp_dir(), source };
    process::heed_interruptions().map_err(unanswered)?;
    needs::install(&options.scenes);
    let built = call::build_tempo()?;
    // A copy, because another build may replace the program meanwhile. Other users of the system run it as well.
    let programs = Builder::new().prefix("tempo-field-program-").tempdir().map_err(failed)?;
    fs::set_permissions(programs.path(), fs::Permissions::from_mode(0o755)).map_err(failed)?;
    let tempo = programs.path().join("tempo");
    fs::copy(built, &tempo).map_err(failed)?;
    let begun = Instant::now();
    let played = runner::play(&options.scenes, &tempo);
    process::check_interruption().map_err(unanswered)?;
    print!("\n{}", report::table(&played, begun.elapsed()));
    match played.iter().filter(|played| played.has_failed()).count() {
        0 => Ok(()),
        count => Err(Failure::Findings { check: "field", count }),
    }
}

fn unanswered(why: String) -> Failure {
    Failure::Unanswered { command: "field".to_owned(), why }
}
