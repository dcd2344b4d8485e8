//! Resolving a path, also when there is nothing at its end, or the system cannot tell.

use std::{
    collections::VecDeque,
    ffi::OsString,
    fs, io,
    path::{self, Component, Path, PathBuf},
};

/// Returns the path with its links followed; missing names stay as they are.
pub(super) fn resolve(path: &Path) -> io::Result<PathBuf> {
    resolve_by(path, |path| fs::canonicalize(path))
}

fn resolve_by(path: &Path, canonicalize: impl Fn(&Path) -> io::Result<PathBuf>) -> io::Result<PathBuf> {
    match canonicalize(path) {
        Ok(resolved) => Ok(dunce::simplified(&resolved).to_owned()),
        // Windows cannot name a volume that its mount manager does not know, such as an encrypted vault or a disk of a program.
        Err(_) if fs::metadata(path).is_ok() => path::absolute(path),
        Err(_) => Ok(follow(&path::absolute(path)?)),
    }
}

/// Links may lead to links; a circle ends here.
const LINKS: usize = 40;

/// Follows the links of an absolute path one by one. The last ones may lead to a volume that is away.
fn follow(path: &Path) -> PathBuf {
    let mut followed = PathBuf::new();
    let mut left: VecDeque<OsString> = path.components().map(|part| part.as_os_str().to_owned()).collect();
    let mut links = 0;
    while let Some(part) = left.pop_front() {
        if part == Component::ParentDir.as_os_str() {
            followed.pop();
            continue;
        }
        let here = followed.join(&part);
        match fs::read_link(&here) {
            Ok(target) if links < LINKS => {
                links += 1;
                let parts = target.components().filter(|part| *part != Component::CurDir);
                parts.rev().for_each(|part| left.push_front(part.as_os_str().to_owned()));
            }
            _ => followed = here,
        }
    }
    dunce::simplified(&followed).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_volume_that_the_system_cannot_name_keeps_its_path() {
        let dir = tempfile::tempdir().unwrap();
        let there = dir.path().join("jam.session");
        let refuse = |_: &Path| Err(io::Error::other("the volume has no name"));
        fs::create_dir(&there).unwrap();
        assert_eq!(resolve_by(&there, refuse).unwrap(), path::absolute(&there).unwrap());
    }

    #[test]
    fn what_is_not_there_keeps_its_name() {
        let dir = tempfile::tempdir().unwrap();
        let real = resolve(dir.path()).unwrap();
        assert_eq!(
            resolve(&dir.path().join("away").join("jam.session")).unwrap(),
            real.join("away").join("jam.session")
        );
    }

    #[cfg(unix)]
    #[test]
    fn links_are_followed_to_where_a_volume_is_away() {
        use std::os::unix::fs::symlink;
        let dir = tempfile::tempdir().unwrap();
        let real = resolve(dir.path()).unwrap();
        symlink("volume/Dropbox", real.join("Dropbox")).unwrap();
        symlink(real.join("Dropbox"), real.join("mine")).unwrap();
        symlink("../mine", real.join("up")).unwrap();
        let inside = real.join("volume").join("Dropbox").join("jam.session");
        for way in ["Dropbox", "mine", "./mine"] {
            assert_eq!(resolve(&dir.path().join(way).join("jam.session")).unwrap(), inside, "{way}");
        }
        symlink("circle", real.join("circle")).unwrap();
        assert!(resolve(&real.join("circle").join("jam.session")).is_ok());
    }
}
