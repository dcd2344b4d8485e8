//! The file system on which everything is measured.
//!
//! A used file system also measures its unknown history: an ext4 without a journal makes every creation slow
//! for minutes after many deletions. So a new ext4 with a journal is made in a file and mounted, where that
//! is possible.

use std::{
    ffi::OsStr,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    process::Command,
};

use tempfile::TempDir;

/// The first argument of a process that has a mount namespace of its own.
pub(crate) const INSIDE: &str = "--inside";

/// Continues in a new mount namespace, where that is possible. Its mounts disappear with the process, however
/// it ends. Returns where it is not possible, and in the process that already has the namespace.
pub(crate) fn enter_namespace(arguments: &[String]) {
    #[cfg(target_os = "linux")]
    if arguments.first().is_none_or(|first| first != INSIDE) && run("unshare", &["--mount", "true"]).is_ok() {
        use std::os::unix::process::CommandExt;
        let this = std::env::current_exe().expect("this program has a path");
        let mut command = Command::new("unshare");
        command.args(["--mount", "--propagation", "private", "--"]).arg(this).arg(INSIDE).args(arguments);
        // Returns only on failure.
        eprintln!("no namespace: {}", command.exec());
    }
    #[cfg(not(target_os = "linux"))]
    let _ = arguments;
}

/// A file system of our own, or a directory where there can be none. Removed when dropped, also by a panic.
#[derive(Debug)]
pub(crate) struct Volume {
    root: PathBuf,
    is_mounted: bool,
    /// The description of what is measured on.
    pub(crate) about: String,
    number: u32,
    /// Removed after everything else.
    _home: TempDir,
}

impl Volume {
    /// The size of the volume, with room for everything. A sparse file takes only what is written.
    pub(crate) const ROOM: u64 = 20 << 30;

    /// Makes a volume of this size in the temporary directory.
    pub(crate) fn new(bytes: u64) -> io::Result<Self> {
        let home = tempfile::Builder::new().prefix("tempo-bench-").tempdir()?;
        let mounted = mount(home.path(), bytes);
        let (root, is_mounted, about) = match mounted {
            Ok(root) => (root, true, "ext4 with a journal, in a file of its own".to_owned()),
            Err(why) => {
                let root = home.path().join("directory");
                fs::create_dir(&root)?;
                (root, false, format!("the file system of the temporary directory, because {why}"))
            }
        };
        Ok(Self { root, is_mounted, about, number: 0, _home: home })
    }

    /// Creates a directory. It stays until the end: nothing is deleted between rounds.
    pub(crate) fn dir(&mut self, name: &str) -> PathBuf {
        self.number += 1;
        let path = self.root.join(format!("{:04}-{name}", self.number));
        fs::create_dir(&path).expect("the volume has room");
        path
    }

    /// Creates the folder of a session in a new directory.
    pub(crate) fn folder(&mut self, name: &str) -> PathBuf {
        let path = self.dir(name).join("bench.session");
        fs::create_dir(&path).expect("the volume has room");
        path
    }

    /// Writes everything to the disk, so that it does not disturb the next measurement.
    pub(crate) fn sync(&self) {
        let done = File::open(&self.root).and_then(|root| sync_all_of(&root));
        done.expect("the volume can be synced");
    }
}

impl Drop for Volume {
    fn drop(&mut self) {
        if self.is_mounted {
            // A thread that has not ended may keep a file open. The mount then disappears with the process.
            let unmounted =
                run("umount", &[&self.root]).or_else(|_| run("umount", &["-l".as_ref(), self.root.as_os_str()]));
            if let Err(why) = unmounted {
                eprintln!("{} stays mounted: {why}", self.root.display());
            }
        }
    }
}

/// Makes and mounts the file system, or says why it cannot.
fn mount(home: &Path, bytes: u64) -> Result<PathBuf, String> {
    if !cfg!(target_os = "linux") {
        return Err("only Linux mounts a file".to_owned());
    }
    let (image, root) = (home.join("image"), home.join("mounted"));
    let made = File::create(&image).and_then(|file| file.set_len(bytes)).and_then(|()| fs::create_dir(&root));
    made.map_err(|error| format!("there is no image: {error}"))?;
    // Everything is laid out now, and not by the kernel during a measurement.
    let at_once = "lazy_itable_init=0,lazy_journal_init=0";
    run("mkfs.ext4", &["-q".as_ref(), "-F".as_ref(), "-E".as_ref(), at_once.as_ref(), image.as_os_str()])?;
    // Direct I/O avoids a second cache below the measured one.
    let device = run("losetup", &["--find".as_ref(), "--show".as_ref(), "--direct-io=on".as_ref(), image.as_os_str()])?;
    let mounted = run("mount", &[OsStr::new(&device), root.as_os_str()]);
    // From here on only the mount keeps the device.
    run("losetup", &["--detach", &device])?;
    mounted?;
    // The mount keeps the file. Once it is unmounted, the file is gone as well.
    fs::remove_file(&image).map_err(|error| error.to_string())?;
    Ok(root)
}

/// Runs a program and returns what it printed.
fn run(program: &str, arguments: &[impl AsRef<OsStr>]) -> Result<String, String> {
    let output = Command::new(program).args(arguments).output().map_err(|error| format!("{program}: {error}"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned());
    }
    Err(format!("{program} says: {}", String::from_utf8_lossy(&output.stderr).trim()))
}

#[cfg(target_os = "linux")]
fn sync_all_of(root: &File) -> io::Result<()> {
    Ok(rustix::fs::syncfs(root)?)
}

#[cfg(not(target_os = "linux"))]
fn sync_all_of(_: &File) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_left_behind() {
        let mut volume = Volume::new(64 << 20).unwrap();
        let folder = volume.folder("a");
        assert_ne!(folder, volume.folder("a"));
        fs::write(folder.join("file"), b"content").unwrap();
        volume.sync();
        let home = volume._home.path().to_owned();
        drop(volume);
        assert!(!home.exists());
    }
}
