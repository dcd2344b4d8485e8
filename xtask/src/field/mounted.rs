//! A mounted file system that is unmounted again, also after a failure.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use super::needs::Need;
use crate::play::stop::{Outcome, Stop};
use crate::process::{self, Running};

/// A mount with the process or device behind it.
#[derive(Debug)]
pub(super) struct Mounted {
    point: PathBuf,
    /// The loop device that was made for it.
    device: Option<String>,
    /// The process that serves it. It ends after the unmounting.
    _server: Option<Running>,
}

/// The time limit for a mount to appear, and for a busy one to become free.
const PATIENCE: Duration = Duration::from_secs(15);

impl Mounted {
    /// Takes charge of a mount once it is there.
    pub(super) fn wait(point: &Path, device: Option<String>, server: Option<Running>) -> Outcome<Self> {
        let mounted = Self { point: point.to_owned(), device, _server: server };
        match process::wait_until(PATIENCE, || is_mounted(point)) {
            Ok(()) => Ok(mounted),
            Err(why) => Err(Stop::Skip(format!("nothing is mounted: {why}"))),
        }
    }

    pub(super) fn point(&self) -> &Path {
        &self.point
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let words: &[&str] = if Need::Root.lacking().is_none() { &["umount"] } else { &["fusermount3", "-u"] };
        // A program that has just ended may keep the mount busy for a moment.
        let gone = process::wait_until(PATIENCE, || {
            let _ = quiet(words, &self.point);
            !is_mounted(&self.point)
        });
        if gone.is_err() {
            let lazily: &[&str] = if words == ["umount"] { &["umount", "-l"] } else { &["fusermount3", "-uz"] };
            let _ = quiet(lazily, &self.point);
        }
        if let Some(device) = &self.device {
            let _ = quiet(&["losetup", "--detach"], Path::new(device));
        }
    }
}

/// Runs a program in silence, with a path as its last word.
fn quiet(words: &[&str], path: &Path) -> std::io::Result<()> {
    let Some((program, rest)) = words.split_first() else { return Ok(()) };
    Command::new(program).args(rest).arg(path).stdout(Stdio::null()).stderr(Stdio::null()).status().map(drop)
}

fn is_mounted(point: &Path) -> bool {
    fs::read_to_string("/proc/self/mounts").is_ok_and(|mounts| lists(&mounts, point))
}

fn lists(mounts: &str, point: &Path) -> bool {
    mounts.lines().any(|line| line.split(' ').nth(1).is_some_and(|mounted| Path::new(mounted) == point))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_word_of_a_line_is_the_mount_point() {
        let mounts = "tmpfs /run tmpfs rw 0 0\n/dev/loop0 /t/disk fuseblk rw 0 0\n";
        assert!(lists(mounts, Path::new("/t/disk")) && lists(mounts, Path::new("/run")));
        assert!(!lists(mounts, Path::new("/dev/loop0")) && !lists(mounts, Path::new("/t")));
        assert!(is_mounted(Path::new("/proc")));
    }
}
