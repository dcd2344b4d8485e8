//! `cargo xtask release --dry-run`: everything that publishing needs, up to publishing itself.

mod archives;
mod manifests;
mod programs;

use std::time::Instant;

use crate::call::Call;
use crate::failure::Failure;
use crate::tools;
use manifests::Package;

/// The published packages, each after those that it depends on.
const PACKAGES: &[&str] = &["tempo-clock", "tempo-message", "tempo-fs-transport", "tempo-session", "tempo-session-sim"];

#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Publish nothing. Publishing is left to a person
    #[arg(long, required = true)]
    dry_run: bool,
    /// Package changes that are not committed
    #[arg(long)]
    allow_dirty: bool,
}

/// Checks the manifests, builds each package from its own archive with the newest and the oldest compiler, and builds the
/// command for those who have no compiler. Prints what is left to do.
///
/// # Errors
///
/// `Findings` when something is missing in a manifest or an archive, `Failed` when a program finds something.
pub(crate) fn run(options: &Options) -> Result<(), Failure> {
    let packages = timed("manifests", manifests::read)?;
    let found: Vec<String> = packages.iter().flat_map(Package::findings).chain(manifests::steps(&packages)?).collect();
    let archives = timed("archives", || archives::pack(&packages, options.allow_dirty))?;
    let found: Vec<String> = found.into_iter().chain(archives.findings()).collect();
    for finding in &found {
        println!("release: {finding}");
    }
    if !found.is_empty() {
        return Err(Failure::Findings { check: "release", count: found.len() });
    }
    timed("build from the archives", || archives.build())?;
    timed("oldest compiler", || archives.build_with(&manifests::oldest(&packages)))?;
    timed("unused dependencies", tools::unused)?;
    timed("licenses and sources", tools::layers)?;
    let mut left = vec![semver()?];
    if !timed("advisories", tools::advisories)? {
        left.push("look for advisories, where their list can be had: cargo deny check advisories".to_owned());
    }
    left.extend(timed("command", || programs::build(&packages, &archives.unpacked("tempo-session")))?);
    if packages.iter().any(|package| !package.has_repository) {
        left.push(
            "set `repository` in [workspace.package] of Cargo.toml, and `repository.workspace` in each package".into(),
        );
    }
    println!("\nrelease: everything was built; nothing was published. Left to do:");
    left.into_iter().filter(|it| !it.is_empty()).for_each(|it| println!("  {it}"));
    println!("  cargo publish --workspace --locked");
    Ok(())
}

/// Compares the public items with those of the last release. Returns what is left to do.
fn semver() -> Result<String, Failure> {
    let tag = Call::program("git", &["describe", "--tags", "--abbrev=0", "--match", "v*"]).answer();
    match tag {
        Ok(tag) => {
            let tag = String::from_utf8_lossy(&tag).trim().to_owned();
            timed("semver", || tools::semver(&tag)).map(|()| String::new())
        }
        Err(_) => Ok("tag the release: there is no earlier one to compare with".to_owned()),
    }
}

/// Runs a step and prints how long it took.
fn timed<T>(name: &str, step: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
    let start = Instant::now();
    let done = step()?;
    println!("release: {name}: {:.1} s", start.elapsed().as_secs_f64());
    Ok(done)
}
