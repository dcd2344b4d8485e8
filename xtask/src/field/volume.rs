//! Volumes: sticks, encrypted volumes, pooled volumes, and cloud drives.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::mounted::Mounted;
use super::needs::{Need, path_of};
use crate::play::stage::Stage;
use crate::play::stop::{Outcome, Stop};
use crate::play::tree;
use crate::process::Running;

/// A kind of volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    ExFat,
    Ntfs,
    Fat32,
    Btrfs,
    /// An encrypted directory.
    Gocryptfs,
    /// Two disks that look like one.
    Mergerfs,
    /// A remote store, mounted by rclone with its write cache.
    Rclone,
    /// Memory, with its size in MiB.
    Memory(u32),
}

/// A volume that can be mounted more than once.
#[derive(Debug)]
pub(super) struct Volume<'a> {
    stage: &'a Stage,
    kind: Kind,
    /// The image, or the directory behind the volume.
    pub(super) behind: PathBuf,
    point: PathBuf,
}

/// The size of an image. It is sparse, and large enough that the doctor does not call it full.
const SIZE: u64 = 4 << 30;

impl Kind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::ExFat => "exFAT",
            Self::Ntfs => "NTFS",
            Self::Fat32 => "FAT32",
            Self::Btrfs => "btrfs",
            Self::Gocryptfs => "gocryptfs",
            Self::Mergerfs => "mergerfs",
            Self::Rclone => "rclone mount",
            Self::Memory(_) => "tmpfs",
        }
    }

    fn needs(self) -> &'static [Need] {
        match self {
            Self::ExFat => &[Need::Root, Need::Loop, Need::Tool("mkfs.exfat")],
            Self::Ntfs => &[Need::Root, Need::Fuse, Need::Tool("mkntfs")],
            Self::Fat32 => &[Need::Root, Need::Loop, Need::Tool("mkfs.vfat")],
            Self::Btrfs => &[Need::Root, Need::Loop, Need::Tool("btrfs")],
            Self::Gocryptfs => &[Need::Fuse, Need::Tool("gocryptfs")],
            Self::Mergerfs => &[Need::Root, Need::Fuse, Need::Tool("mergerfs")],
            Self::Rclone => &[Need::Fuse, Need::Tool("rclone"), Need::Tool("fusermount3")],
            Self::Memory(_) => &[Need::Root],
        }
    }
}

impl<'a> Volume<'a> {
    /// Makes an empty volume in the stage's place.
    pub(super) fn make(stage: &'a Stage, kind: Kind) -> Outcome<Self> {
        if let Some(why) = kind.needs().iter().find_map(|need| need.lacking()) {
            return Err(Stop::Skip(why));
        }
        let volume = Self { stage, kind, behind: stage.at("behind"), point: stage.at("volume") };
        tree::make_dir(&volume.point)?;
        match kind {
            Kind::ExFat => volume.format("mkfs.exfat", &[])?,
            Kind::Ntfs => volume.format("mkntfs", &["--force", "--quick"])?,
            Kind::Fat32 => volume.format("mkfs.vfat", &["-F", "32"])?,
            Kind::Btrfs => volume.format("mkfs.btrfs", &["--quiet"])?,
            Kind::Gocryptfs => {
                tree::make_dir(&volume.behind)?;
                tree::write(&stage.at("password"), "field\n")?;
                stage.must(volume.gocryptfs().arg("-init").arg(&volume.behind))?;
            }
            Kind::Mergerfs => {
                tree::make_dir(&volume.behind.join("one"))?;
                tree::make_dir(&volume.behind.join("two"))?;
            }
            Kind::Rclone => tree::make_dir(&volume.behind)?,
            Kind::Memory(_) => {}
        }
        Ok(volume)
    }

    /// Mounts the volume. A machine that cannot is a reason to skip.
    pub(super) fn mount(&self) -> Outcome<Mounted> {
        let (mut device, mut server) = (None, None);
        match self.kind {
            Kind::ExFat => {
                if !self.by_kernel("exfat")? {
                    let found =
                        self.stage.must(Command::new("losetup").args(["--find", "--show"]).arg(&self.behind))?;
                    let found = device.insert(found.trim().to_owned());
                    let mounted = self.try_mount("mount.exfat-fuse", &[found.as_ref(), self.point.as_os_str()]);
                    if let Err(stop) = mounted {
                        self.stage.must(Command::new("losetup").arg("--detach").arg(&*found))?;
                        return Err(stop);
                    }
                }
            }
            Kind::Fat32 => {
                if !self.by_kernel("vfat")? {
                    let words = ["-o".as_ref(), "rw+".as_ref(), self.behind.as_os_str(), self.point.as_os_str()];
                    self.try_mount("fusefat", &words)?;
                }
            }
            Kind::Ntfs => self.try_mount("ntfs-3g", &[self.behind.as_os_str(), self.point.as_os_str()])?,
            Kind::Btrfs => {
                if !self.by_kernel("btrfs")? {
                    return Err(Stop::Skip("this kernel has no btrfs".to_owned()));
                }
            }
            Kind::Gocryptfs => {
                let mut command = self.gocryptfs();
                server = Some(serve(command.arg("-fg").arg(&self.behind).arg(&self.point))?);
            }
            Kind::Mergerfs => {
                let both = format!("{0}/one:{0}/two", self.behind.display());
                let words = ["-o".as_ref(), "category.create=rand".as_ref(), both.as_ref(), self.point.as_os_str()];
                self.try_mount("mergerfs", &words)?;
            }
            Kind::Rclone => server = Some(self.rclone()?),
            Kind::Memory(size) => {
                let size = format!("size={size}m");
                let words = [
                    "-t".as_ref(),
                    "tmpfs".as_ref(),
                    "-o".as_ref(),
                    size.as_ref(),
                    "tmpfs".as_ref(),
                    self.point.as_os_str(),
                ];
                self.try_mount("mount", &words)?;
            }
        }
        Mounted::wait(&self.point, device, server)
    }

    fn format(&self, program: &str, words: &[&str]) -> Outcome {
        let image = File::create(&self.behind).and_then(|image| image.set_len(SIZE));
        image.map_err(|error| format!("{}: {error}", self.behind.display()))?;
        let program = path_of(program).ok_or_else(|| format!("{program} is missing"))?;
        self.stage.must(Command::new(program).args(words).arg(&self.behind)).map(drop)
    }

    /// Mounts the image by the kernel, and returns whether the kernel knows the file system.
    fn by_kernel(&self, file_system: &str) -> Outcome<bool> {
        let mut command = Command::new("mount");
        command.args(["-t", file_system, "-o", "loop"]).arg(&self.behind).arg(&self.point);
        Ok(self.stage.run(&mut command)?.status.success())
    }

    fn try_mount(&self, program: &str, words: &[&std::ffi::OsStr]) -> Outcome {
        let path = path_of(program).ok_or_else(|| Stop::Skip(format!("{program} is missing")))?;
        // The server runs in a session of its own, because it continues in the background after the command
        // ends.
        let said = self.stage.run(Command::new("setsid").arg("--wait").arg(path).args(words))?;
        if said.status.success() {
            return Ok(());
        }
        Err(Stop::Skip(format!("{program} does not mount: {}", said.err.lines().last().unwrap_or_default())))
    }

    fn gocryptfs(&self) -> Command {
        let mut command = Command::new("gocryptfs");
        command.args(["-quiet", "-passfile"]).arg(self.stage.at("password"));
        command
    }

    fn rclone(&self) -> Outcome<Running> {
        let mut command = Command::new("rclone");
        command.args(["mount", "--config", "/dev/null", "--vfs-cache-mode", "writes", "--cache-dir"]);
        command.arg(self.stage.at("cache")).arg(&self.behind).arg(&self.point);
        serve(&mut command)
    }
}

/// Starts a program that serves a mount for as long as it runs.
fn serve(command: &mut Command) -> Outcome<Running> {
    Ok(Running::start(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()))?)
}

/// Mounts a new volume with an empty session folder on it, and plays there.
pub(super) fn on(stage: &Stage, kind: Kind, play: impl FnOnce(&Volume, &Path) -> Outcome) -> Outcome {
    let volume = Volume::make(stage, kind)?;
    let mounted = volume.mount()?;
    let folder = mounted.point().join("jam.session");
    tree::make_dir(&folder)?;
    play(&volume, &folder)
}
