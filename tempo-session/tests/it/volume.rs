//! A separate small file system in place of a session folder, like a USB stick or a network drive.

use std::{
    fs::{self, File},
    io::{ErrorKind, Write},
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use crate::support::{Place, STUCK};

/// An ext4 file system in a file. It is unmounted however the test ends.
#[derive(Debug)]
pub(crate) struct Volume {
    image: PathBuf,
    at: PathBuf,
    /// A second path to the same files.
    other: PathBuf,
    /// The mount options.
    options: &'static str,
}

impl Volume {
    const BYTES: u64 = 4 << 20;
    /// The name of the file that [fills](Self::fill) the file system.
    pub(crate) const OTHERS: &str = "other people's things";

    /// Mounts a new file system over the place's session folder. Prints a notice and returns `None`
    /// where the system does not allow this.
    pub(crate) fn over(place: &Place) -> Option<Self> {
        let volume =
            Self { image: place.at("image"), at: place.folder.clone(), other: place.at("other"), options: "loop" };
        fs::create_dir(&volume.other).unwrap();
        File::create(&volume.image).unwrap().set_len(Self::BYTES).unwrap();
        let made = command(Command::new("mkfs.ext4").args(["-q", "-F", "-m", "0"]).arg(&volume.image));
        volume.or_skip(made)
    }

    /// Mounts the file system in a file, with these options. Prints a notice and returns `None`
    /// where the system does not allow this.
    pub(crate) fn of(image: &Path, at: &Path, options: &'static str) -> Option<Self> {
        let volume = Self { image: image.to_owned(), at: at.to_owned(), other: at.to_owned(), options };
        volume.or_skip(Ok(()))
    }

    fn or_skip(self, made: Result<(), String>) -> Option<Self> {
        match made.and_then(|()| self.try_mount()) {
            Ok(()) => Some(self),
            Err(reason) => {
                println!("skipped: no file system can be mounted here: {reason}");
                None
            }
        }
    }

    pub(crate) fn mount(&self) {
        self.try_mount().unwrap();
    }

    fn try_mount(&self) -> Result<(), String> {
        command(Command::new("mount").args(["-o", self.options]).args([&self.image, &self.at]))
    }

    /// Unmounts as a person does before removing a stick: not while it is in use.
    pub(crate) fn unmount(&self) {
        persist(|| command(Command::new("umount").arg(&self.at)));
    }

    /// Unmounts as if the stick were pulled: it is gone from the path even while in use.
    pub(crate) fn pull(&self) {
        command(Command::new("umount").arg("-l").arg(&self.at)).unwrap();
    }

    /// Makes the session's path read-only. The returned other path is still writable.
    pub(crate) fn make_path_read_only(&self) -> &Path {
        command(Command::new("mount").arg("--bind").args([&self.at, &self.other])).unwrap();
        self.remount("remount,bind,ro");
        &self.other
    }

    pub(crate) fn make_path_writable(&self) {
        self.remount("remount,bind,rw");
    }

    /// Makes the file system itself read-only.
    pub(crate) fn make_read_only(&self) {
        self.remount("remount,ro");
    }

    pub(crate) fn make_writable(&self) {
        self.remount("remount,rw");
    }

    fn remount(&self, options: &str) {
        // The system refuses while a file is open for writing.
        persist(|| command(Command::new("mount").args(["-o", options]).arg(&self.at)));
    }

    /// Fills the file system to the last block; returns the file, which can be removed again.
    pub(crate) fn fill(&self) -> PathBuf {
        let path = self.at.join(Self::OTHERS);
        let mut file = File::create(&path).unwrap();
        let mut chunk = vec![0x5a; 1 << 16];
        while !chunk.is_empty() {
            match file.write_all(&chunk) {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::StorageFull => chunk.truncate(chunk.len() / 2),
                Err(error) => panic!("{error}"),
            }
        }
        // Before the sync, the system may only have promised the space.
        let _ = file.sync_all();
        path
    }
}

impl Drop for Volume {
    fn drop(&mut self) {
        for path in [&self.other, &self.at] {
            // Unmount lazily, so that open files do not prevent it, until nothing is mounted there.
            while command(Command::new("umount").args(["-q", "-l"]).arg(path)).is_ok() {}
        }
    }
}

/// Retries until it works.
fn persist(mut attempt: impl FnMut() -> Result<(), String>) {
    let began = Instant::now();
    while let Err(reason) = attempt() {
        assert!(began.elapsed() < STUCK, "{reason}");
        // deadline loop: the driver has to close its files.
        std::thread::sleep(Duration::from_millis(20));
    }
}

pub(crate) fn command(command: &mut Command) -> Result<(), String> {
    let output = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    if output.status.success() { Ok(()) } else { Err(format!("{command:?}: {}", said.trim())) }
}
