//! Which files the checks look at.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::Path;
use std::process::Command;

use super::source::SourceFile;
use crate::failure::Failure;

/// Every text file that git tracks, or would track if one added it.
///
/// A copy of the sources without git is walked instead, so that the tests run there too.
pub(super) fn of(root: &Path) -> Result<Vec<SourceFile>, Failure> {
    let mut paths = match from_git(root) {
        Some(paths) => paths,
        None => from_walk(root)?,
    };
    // In the middle of a merge, git lists a path once per side.
    paths.sort();
    paths.dedup();
    let mut files = Vec::new();
    for path in paths.into_iter().filter(|path| is_ours(path)) {
        if let Some(text) = text_of(&root.join(&path))? {
            files.push(SourceFile::new(path, text));
        }
    }
    Ok(files)
}

/// Not the texts of others, what a tool writes, or bytes that are evidence.
fn is_ours(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let is_testdata = path.split('/').any(|part| part == "testdata");
    !(name.starts_with("LICENSE-") || name == "Cargo.lock" || is_testdata)
}

/// None where git is missing or does not know the directory.
fn from_git(root: &Path) -> Option<Vec<String>> {
    // A checkout of another user is safe to list; git refuses it because it could do more.
    let output = git(root)
        .args(["-c", "safe.directory=*", "ls-files", "-z"])
        .args(["--cached", "--others", "--exclude-standard"])
        .output()
        .ok()?;
    let list = String::from_utf8_lossy(&output.stdout);
    let paths = list.split('\0').filter(|path| !path.is_empty());
    output.status.success().then(|| paths.map(str::to_owned).collect())
}

/// Git for this directory, also where a hook has set the variables that point it to another.
fn git(root: &Path) -> Command {
    let mut git = Command::new("git");
    for name in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"] {
        git.env_remove(name);
    }
    git.current_dir(root);
    git
}

fn from_walk(root: &Path) -> Result<Vec<String>, Failure> {
    let mut paths = Vec::new();
    let mut directories = vec![String::new()];
    while let Some(directory) = directories.pop() {
        let absolute = root.join(&directory);
        let unreadable = |source| Failure::Unreadable { path: absolute.clone(), source };
        for entry in fs::read_dir(&absolute).map_err(unreadable)? {
            let entry = entry.map_err(unreadable)?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let path = format!("{directory}{name}");
            if !entry.file_type().map_err(unreadable)?.is_dir() {
                paths.push(path);
            } else if name != "target" && name != ".git" {
                directories.push(format!("{path}/"));
            }
        }
    }
    Ok(paths)
}

/// The content, or none when it is not text, not a file, or deleted but still known to git.
fn text_of(path: &Path) -> Result<Option<String>, Failure> {
    match bytes_of(path) {
        Ok(bytes) => {
            let without_nul = bytes.filter(|bytes| !bytes.contains(&0));
            Ok(without_nul.and_then(|bytes| String::from_utf8(bytes).ok()))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(source) => Err(Failure::Unreadable { path: path.to_owned(), source }),
    }
}

/// The content, or none when it is not a file; a link is looked at where it leads to.
fn bytes_of(path: &Path) -> io::Result<Option<Vec<u8>>> {
    if !fs::symlink_metadata(path)?.is_file() {
        return Ok(None);
    }
    fs::read(path).map(Some)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    /// A directory that goes with the test.
    struct Tree(PathBuf);

    impl Tree {
        fn new(name: &str, files: &[(&str, &[u8])]) -> Self {
            let root = std::env::temp_dir().join(format!("xtask-{}-{name}", std::process::id()));
            for (path, bytes) in files {
                let path = root.join(path);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, bytes).unwrap();
            }
            Self(root)
        }

        fn git(&self, arguments: &[&str]) {
            let status = git(&self.0).args(arguments).status();
            assert!(status.unwrap().success(), "git {arguments:?}");
        }

        fn listed(&self) -> Vec<String> {
            let files = of(&self.0).unwrap();
            files.into_iter().map(|file| file.path).collect()
        }
    }

    impl Drop for Tree {
        fn drop(&mut self) {
            // A directory that stays behind in the temporary directory harms nobody.
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    const FILES: &[(&str, &[u8])] = &[
        ("README.md", b"text\n"),
        ("tempo-clock/src/lib.rs", b"text\n"),
        ("target/debug/build.rs", b"text\n"),
        (".gitignore", b"/target\n"),
        ("LICENSE-MIT", b"text\n"),
        ("Cargo.lock", b"text\n"),
        ("tempo-message/testdata/one.txt", b"text\n"),
        ("logo.png", b"\x89PNG\0"),
        ("latin", b"\xff\xfe text\n"),
        ("deleted.md", b"text\n"),
    ];

    const OURS: &[&str] = &[".gitignore", "README.md", "tempo-clock/src/lib.rs"];

    #[test]
    fn git_says_which_files_there_are() {
        let tree = Tree::new("git", FILES);
        tree.git(&["init", "--quiet"]);
        tree.git(&["add", "README.md", "deleted.md"]);
        fs::remove_file(tree.0.join("deleted.md")).unwrap();
        assert_eq!(tree.listed(), OURS);
    }

    #[test]
    fn without_git_the_tree_is_walked() {
        let tree = Tree::new("walk", FILES);
        fs::remove_file(tree.0.join("deleted.md")).unwrap();
        let paths = from_walk(&tree.0).unwrap();
        assert!(paths.contains(&"tempo-clock/src/lib.rs".to_owned()), "{paths:?}");
        assert!(!paths.iter().any(|path| path.starts_with("target")), "{paths:?}");
        assert_eq!(tree.listed(), OURS);
    }
}
