//! Folders that are spelled in several ways.

use std::path::{self, Path, PathBuf};

use tempo_message::planted;

use crate::{format::spelling::folded, fs::port::Fs};

/// The path of a folder as it was given, and as it was resolved.
///
/// A folder that is away cannot be examined. It is recognized by its path: the one that was given before, perhaps through a
/// link or a mapped drive, or the path that this resolved to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spelling {
    /// The path as it was given, made absolute.
    pub given: PathBuf,
    /// The path with all links followed, as far as they lead.
    pub resolved: PathBuf,
}

impl Spelling {
    /// Returns the spelling of a folder that may be away.
    pub fn of<F: Fs>(fs: &F, folder: &Path) -> Self {
        let given = path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
        let given = dunce::simplified(&given).to_owned();
        let resolved = fs.resolve(&given).unwrap_or_else(|_| given.clone());
        Self { given, resolved }
    }

    /// Returns whether both name one folder: a path of one is a path of the other.
    pub fn is(&self, other: &Self) -> bool {
        if planted!(OneSpelling) {
            return self.given == other.resolved;
        }
        self.any(other, |mine, theirs| mine == theirs)
    }

    /// Returns whether both name one folder on a system that ignores case and Unicode form in names.
    pub fn is_like(&self, other: &Self) -> bool {
        !planted!(OneSpelling) && self.any(other, |mine, theirs| folded(mine) == folded(theirs))
    }

    fn any(&self, other: &Self, same: impl Fn(&Path, &Path) -> bool) -> bool {
        [&self.given, &self.resolved].iter().any(|mine| same(mine, &other.given) || same(mine, &other.resolved))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spelling(given: &str, resolved: &str) -> Spelling {
        Spelling { given: given.into(), resolved: resolved.into() }
    }

    #[test]
    fn any_path_of_both_makes_them_one() {
        let before = spelling("/people/ana/Dropbox/jam.session", "/mnt/disk/Dropbox/jam.session");
        for (given, resolved) in [
            ("/people/ana/Dropbox/jam.session", "/mnt/disk/Dropbox/jam.session"),
            ("/people/ana/Dropbox/jam.session", "/people/ana/Dropbox/jam.session"),
            ("/mnt/disk/Dropbox/jam.session", "/mnt/disk/Dropbox/jam.session"),
            ("/other/link/jam.session", "/mnt/disk/Dropbox/jam.session"),
        ] {
            assert!(spelling(given, resolved).is(&before), "{given}, {resolved}");
        }
        let other = spelling("/people/ana/Dropbox/song.session", "/mnt/disk/Dropbox/song.session");
        assert!(!other.is(&before) && !other.is_like(&before));
    }

    #[test]
    fn case_and_unicode_form_are_alike_and_not_the_same() {
        let before = spelling("/People/zoe/Caf\u{e9}.session", "/People/zoe/Caf\u{e9}.session");
        let now = spelling("/people/ZOE/Cafe\u{301}.SESSION", "/people/ZOE/Cafe\u{301}.SESSION");
        assert!(now.is_like(&before) && !now.is(&before));
    }

    #[cfg(windows)]
    #[test]
    fn literal_paths_are_the_same() {
        let fs = crate::fs::real::RealFs::default();
        let plain = Spelling::of(&fs, Path::new(r"E:\away\jam.session"));
        for path in [r"\\?\E:\away\jam.session", r"E:/away/jam.session", r"E:\away\.\jam.session"] {
            assert!(Spelling::of(&fs, Path::new(path)).is(&plain), "{path}");
        }
        assert!(Spelling::of(&fs, Path::new(r"e:\AWAY\Jam.session")).is_like(&plain));
    }
}
