//! The packages of a Debian system.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

/// The program that installs packages.
pub(crate) const APT: &str = "/usr/bin/apt-get";
/// The words of an installation that removes no other package.
const INSTALL: &[&str] = &["install", "--yes", "--no-install-recommends", "--no-remove"];

/// Installs packages from a fresh package list. Writes what `apt-get` prints to `apt.log` in a directory.
///
/// # Errors
///
/// The failed command with the reason that `apt-get` gives.
pub(crate) fn install(packages: &[&str], logs: &Path) -> Result<(), String> {
    apt(logs, &["update"])?;
    apt(logs, &[INSTALL, packages].concat())
}

/// Returns whether a package is installed.
pub(crate) fn is_installed(package: &str) -> bool {
    let output = Command::new("dpkg-query").args(["--show", "--showformat=${db:Status-Status}", package]).output();
    output.is_ok_and(|output| output.stdout == b"installed")
}

fn apt(logs: &Path, words: &[&str]) -> Result<(), String> {
    let mut command = Command::new(APT);
    command.args(["--quiet", "--option", "DPkg::Lock::Timeout=300"]).args(words);
    let output = command.env("DEBIAN_FRONTEND", "noninteractive").output();
    let Output { status, stdout, stderr } = output.map_err(|error| format!("{APT}: {error}"))?;
    let log = logs.join("apt.log");
    fs::write(&log, [stdout, stderr.clone()].concat()).map_err(|error| format!("{}: {error}", log.display()))?;
    if status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&stderr).into_owned();
    let why = said.lines().find(|line| line.starts_with("E:")).unwrap_or("it does not say why");
    Err(format!("`apt-get {}` failed: {why}; see {}", words.join(" "), log.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_that_is_not_installed_is_missing() {
        assert!(!is_installed("xtask-no-such-package"));
    }
}
