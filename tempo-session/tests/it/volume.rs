//! A small file system of its own in the place of a session folder, as a stick or a network drive is one.

use std::{
    fs::{self, File},
    io::{ErrorKind, Write},
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use crate::support::{Place, STUCK};

/// An ext4 file system in a file. However the test ends, what it has mounted is unmounted.
#[derive(Debug)]
pub(crate) struct Volume {
    image: PathBuf,
    at: PathBuf,
    /// A second way to the same files.
    other: PathBuf,
    /// With which it is mounted.
    options: &'static str,
}

impl Volume {
    const BYTES: u64 = 4 << 20;
    /// By what it is [filled](Self::fill).
    pub(crate) const OTHERS: &str = "other people's things";

    /// Mounts a new file system over the place's session folder; says so and gives `None` where that cannot be done.
    pub(crate) fn over(place: &Place) -> Option<Self> {
        let volume =
            Self { image: place.at("image"), at: place.folder.clone(), other: place.at("other"), options: "loop" };
        fs::create_dir(&volume.other).unwrap();
        File::create(&volume.image).unwrap().set_len(Self::BYTES).unwrap();
        let made = command(Command::new("mkfs.ext4").args(["-q", "-F", "-m", "0"]).arg(&volume.image));
        volume.or_skip(made)
    }

    /// Mounts what is in a file, with these options; says so and gives `None` where that cannot be done.
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

    /// Unmounts as a person does who wants to take the stick away: not while somebody uses it.
    pub(crate) fn unmount(&self) {
        persist(|| command(Command::new("umount").arg(&self.at)));
    }

    /// What happens to a stick that is pulled: it is gone from the path, whoever uses it.
    pub(crate) fn pull(&self) {
        command(Command::new("umount").arg("-l").arg(&self.at)).unwrap();
    }

    /// Nothing can be written by the session's path any more; it still can by the other one, whose path this answers.
    pub(crate) fn make_path_read_only(&self) -> &Path {
        command(Command::new("mount").arg("--bind").args([&self.at, &self.other])).unwrap();
        self.remount("remount,bind,ro");
        &self.other
    }

    pub(crate) fn make_path_writable(&self) {
        self.remount("remount,bind,rw");
    }

    /// The file system itself takes nothing any more.
    pub(crate) fn make_read_only(&self) {
        self.remount("remount,ro");
    }

    pub(crate) fn make_writable(&self) {
        self.remount("remount,rw");
    }

    fn remount(&self, options: &str) {
        // Refused while a file is open for writing.
        persist(|| command(Command::new("mount").args(["-o", options]).arg(&self.at)));
    }

    /// Fills the file system to the last block; the file to be removed again.
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
        // Until then the system may only have promised the room.
        let _ = file.sync_all();
        path
    }
}

impl Drop for Volume {
    fn drop(&mut self) {
        for path in [&self.other, &self.at] {
            // Lazily, so that nothing that is still open keeps it; until the answer is that nothing is mounted there.
            while command(Command::new("umount").args(["-q", "-l"]).arg(path)).is_ok() {}
        }
    }
}

/// Tries until it works.
fn persist(mut attempt: impl FnMut() -> Result<(), String>) {
    let began = Instant::now();
    while let Err(reason) = attempt() {
        assert!(began.elapsed() < STUCK, "{reason}");
        // deadline loop: until the driver has put down what it holds.
        std::thread::sleep(Duration::from_millis(20));
    }
}

pub(crate) fn command(command: &mut Command) -> Result<(), String> {
    let output = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    if output.status.success() { Ok(()) } else { Err(format!("{command:?}: {}", said.trim())) }
}
