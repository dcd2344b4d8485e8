//! The needs of a scene, and the packages that meet them.

use std::env;
use std::fs::File;
use std::path::{Path, PathBuf};

use tempfile::Builder;

use crate::debian;

/// Something without which a scene cannot be played.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Need {
    /// The rights of root, to mount and to act as other users.
    Root,
    /// File systems in user space.
    Fuse,
    /// Files that act as disks.
    Loop,
    /// A program on the search path.
    Tool(&'static str),
}

/// Each program that scenes call, with its Debian package.
const PACKAGES: &[(&str, &str)] = &[
    ("btrfs", "btrfs-progs"),
    ("faketime", "faketime"),
    ("fusefat", "fusefat"),
    ("fusermount3", "fuse3"),
    ("git", "git"),
    ("git-annex", "git-annex"),
    ("gocryptfs", "gocryptfs"),
    ("mergerfs", "mergerfs"),
    ("mkfs.exfat", "exfatprogs"),
    ("mkfs.vfat", "dosfstools"),
    ("mkntfs", "ntfs-3g"),
    ("mount.exfat-fuse", "exfat-fuse"),
    ("rclone", "rclone"),
    ("setfacl", "acl"),
    ("setpriv", "util-linux"),
];

/// Directories of programs for root that the search path of a plain user leaves out.
const MORE_PLACES: [&str; 2] = ["/usr/sbin", "/sbin"];

impl Need {
    /// Returns why the need is not met here, if it is not.
    pub(super) fn lacking(self) -> Option<String> {
        match self {
            Self::Root => (!nix::unistd::geteuid().is_root()).then(|| "only root can do this".to_owned()),
            Self::Fuse => unusable("/dev/fuse"),
            Self::Loop => unusable("/dev/loop-control"),
            Self::Tool(tool) => path_of(tool).is_none().then(|| match package(tool) {
                Some(package) => format!("{tool} is missing; it is in Debian's package {package}"),
                None => format!("{tool} is missing"),
            }),
        }
    }
}

/// Installs the packages of all missing programs, where root and `apt-get` are available. A program that
/// cannot be installed stays missing, and the scenes report it.
pub(super) fn install(tools: impl Iterator<Item = &'static str>) {
    let mut packages: Vec<_> = tools.filter(|tool| path_of(tool).is_none()).filter_map(package).collect();
    packages.sort_unstable();
    packages.dedup();
    if packages.is_empty() || Need::Root.lacking().is_some() || !Path::new(debian::APT).exists() {
        return;
    }
    println!("installing {}", packages.join(", "));
    let logs = Builder::new().prefix("tempo-field-apt-").tempdir().map_err(|error| error.to_string());
    let installed = logs.and_then(|logs| {
        // A package that is unknown here must not prevent the installation of the others.
        let one_by_one = |_| packages.iter().try_for_each(|package| debian::install(&[package], logs.path()));
        debian::install(&packages, logs.path()).or_else(one_by_one)
    });
    if let Err(why) = installed {
        println!("not everything can be installed: {why}");
    }
}

/// Returns the place of a program.
pub(super) fn path_of(tool: &str) -> Option<PathBuf> {
    let places = env::var_os("PATH").unwrap_or_default();
    let places = env::split_paths(&places).chain(MORE_PLACES.map(PathBuf::from));
    places.map(|place| place.join(tool)).find(|path| path.is_file())
}

pub(super) fn package(tool: &str) -> Option<&'static str> {
    PACKAGES.iter().find(|(name, _)| *name == tool).map(|(_, package)| *package)
}

fn unusable(device: &str) -> Option<String> {
    let opened = File::options().read(true).write(true).open(device);
    opened.err().map(|error| format!("{device} cannot be used: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_program_is_named_with_its_package() {
        assert_eq!(Need::Tool("sh").lacking(), None);
        assert_eq!(Need::Tool("no-such-tool").lacking().unwrap(), "no-such-tool is missing");
        assert_eq!(package("mkntfs"), Some("ntfs-3g"));
        assert!(unusable("/dev/no-such-device").unwrap().starts_with("/dev/no-such-device cannot be used: "));
    }
}
