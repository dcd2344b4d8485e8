//! The checks by tools of others, each in one version, installed into `target/tools`.

use std::path::Path;

use crate::call::Call;
use crate::failure::Failure;
use crate::workspace;

/// A package of the registry with its version.
pub(crate) struct Tool(&'static str, &'static str);

/// Corrects spelling; see `typos.toml`.
pub(crate) const TYPOS: Tool = Tool("typos-cli", "1.42.3");
/// Checks which crates are used, from where and under which licenses; see `deny.toml`.
const DENY: Tool = Tool("cargo-deny", "0.20.2");
/// Finds circles of modules.
const CYCLES: Tool = Tool("cargo-cycles", "0.2.0");
/// Builds with each set of features.
const HACK: Tool = Tool("cargo-hack", "0.6.46");

/// Builds the book.
pub(crate) const MDBOOK: Tool = Tool("mdbook", "0.5.4");
/// Finds dependencies that nothing uses.
const MACHETE: Tool = Tool("cargo-machete", "0.9.2");
/// Compares the public items of two versions.
const SEMVER: Tool = Tool("cargo-semver-checks", "0.46.0");
/// Lists what a program consists of.
const CYCLONEDX: Tool = Tool("cargo-cyclonedx", "0.5.9");

/// The roots below which modules import each other in no circle.
const WITHOUT_CIRCLES: &[&str] = &[
    "tempo-clock/src",
    "tempo-message/src",
    "tempo-fs-transport/src",
    "tempo-session/src",
    "tempo-session/src/bin/tempo",
    "tempo-sim/src",
    "tempo-sim/src/bin/tempo-sim",
    "xtask/src",
    "xtask/bench/src",
];

/// Installs a tool unless its version is there. A [`Call`] finds it before programs of the system.
pub(crate) fn install(Tool(package, version): &Tool) -> Result<(), Failure> {
    let root = workspace::tools().to_string_lossy().into_owned();
    let package = format!("{package}@{version}");
    // Not optimized: the tool's input is small, and an optimized build takes longer.
    Call::cargo(&["install", "--quiet", "--debug", "--locked", "--root", &root, &package])
        .environment("CARGO_PROFILE_DEV_DEBUG", "0")
        .run()
}

/// Checks `deny.toml`. The list of advisories is on the network, so it is left out.
pub(crate) fn layers() -> Result<(), Failure> {
    install(&DENY)?;
    // The crates of every platform, which no build here downloads.
    Call::cargo(&["fetch", "--locked", "--quiet"]).run()?;
    Call::cargo(&["deny", "--offline", "check", "bans", "licenses", "sources"]).run()
}

/// Checks that no modules below a root import each other in a circle. An item of the parent is no circle.
pub(crate) fn circles() -> Result<(), Failure> {
    install(&CYCLES)?;
    WITHOUT_CIRCLES.iter().try_for_each(|root| Call::program("cargo-cycles", &["--workspace", root]).run())
}

/// Checks each crate alone, without features and with each of them, so that no other crate enables more.
/// Other steps check all features together.
pub(crate) fn features() -> Result<(), Failure> {
    install(&HACK)?;
    Call::cargo(&["hack", "clippy", "--each-feature", "--exclude-features", "default", "--exclude-all-features"])
        .arguments(&["--ignore-private", "--", "-D", "warnings"])
        .run()
}

/// Checks that every dependency is used.
pub(crate) fn unused() -> Result<(), Failure> {
    install(&MACHETE)?;
    Call::cargo(&["machete"]).run()
}

/// Looks for advisories about dependencies. Returns false where their list, which is on the network, cannot be had.
pub(crate) fn advisories() -> Result<bool, Failure> {
    install(&DENY)?;
    if Call::cargo(&["deny", "fetch", "db"]).run().is_err() {
        return Ok(false);
    }
    Call::cargo(&["deny", "check", "--disable-fetch", "advisories"]).run().map(|()| true)
}

/// Compares the public items with those at a tag.
pub(crate) fn semver(tag: &str) -> Result<(), Failure> {
    install(&SEMVER)?;
    Call::cargo(&["semver-checks", "--workspace", "--baseline-rev", tag]).run()
}

/// Writes the bill of materials of a package's programs beside its manifest, and those of the packages in its workspace.
pub(crate) fn bill_of_materials(manifest: &Path) -> Result<(), Failure> {
    install(&CYCLONEDX)?;
    let manifest = manifest.to_string_lossy();
    Call::cargo(&["cyclonedx", "--format", "json", "--features", "cli", "--manifest-path", &manifest]).run()
}
