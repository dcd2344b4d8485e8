//! The file system on which everything is measured.
//!
//! A file system whose history nobody knows measures that history: an ext4 without a journal makes every creation slow
//! for minutes after many deletions. So a new ext4 with a journal is made in a file and mounted, where that is possible.

use std::{
    ffi::OsStr,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    process::Command,
};

use tempfile::TempDir;

/// The first argument of a process that has a namespace of mounts for itself.
pub(crate) const INSIDE: &str = "--inside";

/// Goes on in a namespace of mounts of its own, where that is possible: what is mounted there is gone when the process is,
/// however it ends. Returns where it is not possible, and where it has been done.
pub(crate) fn enter_namespace(arguments: &[String]) {
    #[cfg(target_os = "linux")]
    if arguments.first().is_none_or(|first| first != INSIDE) && run("unshare", &["--mount", "true"]).is_ok() {
        use std::os::unix::process::CommandExt;
        let this = std::env::current_exe().expect("this program has a path");
        let mut command = Command::new("unshare");
        command.args(["--mount", "--propagation", "private", "--"]).arg(this).arg(INSIDE).args(arguments);
        // Comes back only when it could not be done.
        eprintln!("no namespace: {}", command.exec());
    }
    #[cfg(not(target_os = "linux"))]
    let _ = arguments;
}

/// A file system of our own, or a directory where there can be none. Gone when dropped, also by a panic.
#[derive(Debug)]
pub(crate) struct Volume {
    root: PathBuf,
    is_mounted: bool,
    /// What is measured on.
    pub(crate) about: String,
    number: u32,
    /// Removed after everything else.
    _home: TempDir,
}

impl Volume {
    /// Room for everything; a sparse file takes only what is written.
    pub(crate) const ROOM: u64 = 20 << 30;

    /// Makes one of so many bytes in the temporary directory.
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

    /// A new directory. It stays until the end: nothing is deleted between rounds.
    pub(crate) fn dir(&mut self, name: &str) -> PathBuf {
        self.number += 1;
        let path = self.root.join(format!("{:04}-{name}", self.number));
        fs::create_dir(&path).expect("the volume has room");
        path
    }

    /// The folder of a session in a new directory.
    pub(crate) fn folder(&mut self, name: &str) -> PathBuf {
        let path = self.dir(name).join("bench.session");
        fs::create_dir(&path).expect("the volume has room");
        path
    }

    /// Has everything written to the disk, so that it does not disturb what is measured next.
    pub(crate) fn sync(&self) {
        let done = File::open(&self.root).and_then(|root| sync_all_of(&root));
        done.expect("the volume can be synced");
    }
}

impl Drop for Volume {
    fn drop(&mut self) {
        if self.is_mounted {
            // A thread that has not ended may hold a file: then it goes away with the process.
            let unmounted =
                run("umount", &[&self.root]).or_else(|_| run("umount", &["-l".as_ref(), self.root.as_os_str()]));
            if let Err(why) = unmounted {
                eprintln!("{} stays mounted: {why}", self.root.display());
            }
        }
    }
}

/// Makes and mounts the file system, or says why not.
fn mount(home: &Path, bytes: u64) -> Result<PathBuf, String> {
    if !cfg!(target_os = "linux") {
        return Err("only Linux mounts a file".to_owned());
    }
    let (image, root) = (home.join("image"), home.join("mounted"));
    let made = File::create(&image).and_then(|file| file.set_len(bytes)).and_then(|()| fs::create_dir(&root));
    made.map_err(|error| format!("there is no image: {error}"))?;
    // Everything is laid out now, and not by the kernel while something is measured.
    let at_once = "lazy_itable_init=0,lazy_journal_init=0";
    run("mkfs.ext4", &["-q".as_ref(), "-F".as_ref(), "-E".as_ref(), at_once.as_ref(), image.as_os_str()])?;
    // Without a second cache below the one that is measured.
    let device = run("losetup", &["--find".as_ref(), "--show".as_ref(), "--direct-io=on".as_ref(), image.as_os_str()])?;
    let mounted = run("mount", &[OsStr::new(&device), root.as_os_str()]);
    // From here on the mount alone keeps the device.
    run("losetup", &["--detach", &device])?;
    mounted?;
    // The mount keeps it; once that is gone, so is everything.
    fs::remove_file(&image).map_err(|error| error.to_string())?;
    Ok(root)
}

/// Runs a program; the answer is what it printed.
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
    fn nothing_stays_behind() {
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
