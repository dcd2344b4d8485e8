//! A file system between a member and its share, which can stop answering.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use super::share::SESSION;
use crate::failure::Failure;
use crate::process::{self, Running};

/// A mount through which a member sees its share.
#[derive(Debug)]
pub(super) struct Veil {
    mount: Running,
    pub(super) at: PathBuf,
    /// The member that sees its share through it.
    pub(super) who: usize,
}

impl Veil {
    /// Checks that everything is installed that a veil needs.
    pub(super) fn check() -> Result<(), Failure> {
        let is_there = |program: &str| Command::new(program).arg("--version").output().is_ok();
        if is_there("fusermount") && is_there("rclone") {
            return Ok(());
        }
        Err(Failure::Missing {
            tool: "`rclone mount`, for the scenario `evict`,",
            install: &["apt-get install rclone fuse3"],
        })
    }

    /// Mounts a member's share for it through `rclone mount`.
    pub(super) fn over(share: &Path, place: &Path, who: usize) -> Result<Self, String> {
        let at = place.join(format!("seen-{who}"));
        fs::create_dir_all(&at).map_err(|error| format!("{}: {error}", at.display()))?;
        let mut command = Command::new("rclone");
        command.arg("mount").args([share, &at]).args(["--config", "", "--vfs-cache-mode", "off"]);
        command
            .args(["--dir-cache-time", "1s", "--attr-timeout", "1s", "--log-level", "INFO", "--cache-dir"])
            .arg(place.join("cache"));
        let command = process::quietly(&mut command, &place.join("logs/veil"))?;
        let veil = Self { mount: Running::start(command)?, at, who };
        let deadline = Instant::now() + Duration::from_secs(30);
        while !veil.at.join(SESSION).exists() {
            process::pause_until(deadline).map_err(|why| format!("`rclone mount` does not come up: {why}"))?;
        }
        Ok(veil)
    }

    /// Makes every read through the veil wait from here on.
    pub(super) fn freeze(&self) {
        self.mount.signal(Signal::SIGSTOP);
    }

    pub(super) fn thaw(&self) {
        self.mount.signal(Signal::SIGCONT);
    }
}

impl Drop for Veil {
    fn drop(&mut self) {
        self.thaw();
        // A process with an open file must not keep the directory mounted for ever.
        let _ = Command::new("umount").arg("-l").arg(&self.at).status();
    }
}
