//! The packages that the desktop example needs to be built and shown.

use std::env;
use std::path::Path;

use crate::debian::{self, APT};
use crate::failure::Failure;

/// Webkit with its driver, a screen in memory, a player for sound, and a font.
pub(super) const PACKAGES: &[&str] = &[
    "libwebkit2gtk-4.1-dev",
    "webkit2gtk-driver",
    "xvfb",
    "gstreamer1.0-plugins-base",
    "gstreamer1.0-plugins-good",
    "fonts-inter",
];

/// Installs the packages that are missing, where root and `apt-get` are available.
///
/// # Errors
///
/// `Skipped` when a package is missing and cannot be installed; another failure on a CI machine, which must look.
pub(super) fn install(logs: &Path) -> Result<(), Failure> {
    let missing: Vec<_> = PACKAGES.iter().copied().filter(|package| !debian::is_installed(package)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let why = if !Path::new(APT).exists() {
        "the packages are Debian's, and there is no apt-get here".to_owned()
    } else if !nix::unistd::geteuid().is_root() {
        format!("only root can install them: apt-get install {}", missing.join(" "))
    } else {
        println!("installing {}", missing.join(", "));
        match debian::install(&missing, logs) {
            Ok(()) => return Ok(()),
            Err(why) => why,
        }
    };
    Err(lacking(&missing, &why, env::var("CI").as_deref() == Ok("true")))
}

fn lacking(missing: &[&str], why: &str, must_look: bool) -> Failure {
    let why = format!("the desktop example needs {}, and {why}", missing.join(", "));
    if must_look { why.into() } else { Failure::Skipped { why } }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_ci_machine_must_look() {
        assert_eq!(lacking(&["xvfb"], "there is no apt-get here", false).exit_code(), 0);
        let failure = lacking(&["xvfb"], "there is no apt-get here", true);
        assert_eq!(failure.exit_code(), 2);
        assert!(failure.to_string().contains("needs xvfb"), "{failure}");
    }
}
