//! The packages of the distribution that a cross build needs.

use std::path::Path;
use std::process::Command;

use fs_err as fs;

use super::{RUSTC, skipped, step};
use crate::debian::{self, APT, is_installed};
use crate::failure::Failure;
use crate::workspace;

/// Installs the missing packages, upgrades a compiler that is too old, and returns the compiler's version.
///
/// # Errors
///
/// `Skipped` when a package is missing and cannot be installed.
pub(super) fn install(packages: &[&'static str], home: &Path) -> Result<String, Failure> {
    let oldest = oldest_compiler()?;
    if !Path::new(APT).exists() {
        return Err(skipped("the packages are Debian's, and there is no apt-get here"));
    }
    let missing: Vec<_> = packages.iter().copied().filter(|package| !is_installed(package)).collect();
    let too_old = || compiler().is_none_or(|version| version_in(&version) < oldest);
    if !missing.is_empty() || too_old() {
        let what = if missing.is_empty() { "a newer compiler".to_owned() } else { missing.join(" ") };
        if !nix::unistd::geteuid().is_root() {
            let install = format!("apt-get install {}", packages.join(" "));
            return Err(skipped(format!("only root can install {what}; as root: {install}")));
        }
        // The package list comes first: an old one can name an older compiler.
        step(&what, || debian::install(packages, home).map_err(skipped))?;
    }
    match compiler() {
        Some(version) if version_in(&version) >= oldest => Ok(version),
        version => {
            let (major, minor) = oldest;
            let version = version.unwrap_or_else(|| "none".to_owned());
            Err(skipped(format!("the workspace needs Rust {major}.{minor}, and the packaged compiler is {version}")))
        }
    }
}

/// Returns the version line of the packaged compiler, if there is one.
fn compiler() -> Option<String> {
    let output = Command::new(RUSTC).arg("--version").env_remove("LD_LIBRARY_PATH").output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Returns the oldest compiler that the workspace supports.
fn oldest_compiler() -> Result<(u32, u32), Failure> {
    let manifest = fs::read_to_string(workspace::root().join("Cargo.toml"))?;
    let line = manifest.lines().find(|line| line.starts_with("rust-version"));
    Ok(version_in(line.unwrap_or_default()))
}

/// Returns the first two numbers of a text such as `rustc 1.96.0 (…)`.
fn version_in(text: &str) -> (u32, u32) {
    let mut numbers = text.split(|c: char| !c.is_ascii_digit()).filter_map(|word| word.parse().ok());
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_as_numbers() {
        assert_eq!(version_in("rustc 1.96.0 (ac68faa20 2026-05-25)"), (1, 96));
        assert_eq!(version_in("rust-version = \"1.90\""), (1, 90));
        assert!(version_in("rustc 1.9.0") < version_in("rustc 1.90.0"));
    }

    #[test]
    fn the_workspace_names_its_oldest_compiler() {
        assert!(oldest_compiler().unwrap() >= (1, 90));
    }
}
