//! Files and directories, with their paths in every error.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::stop::Outcome;

/// The first bytes of every message and of every pack.
const MAGIC: &[u8] = b"\xf7TMP";
/// The number of hexadecimal digits in the name of a message.
const DIGITS: usize = 16;

pub(crate) fn make_dir(path: &Path) -> Outcome {
    at(path, fs::create_dir_all(path))
}

pub(crate) fn read(path: &Path) -> Outcome<Vec<u8>> {
    at(path, fs::read(path))
}

pub(crate) fn write(path: &Path, bytes: impl AsRef<[u8]>) -> Outcome {
    at(path, fs::write(path, bytes))
}

pub(crate) fn rename(from: &Path, to: &Path) -> Outcome {
    at(from, fs::rename(from, to))
}

/// Removes a file, or a directory with everything in it.
pub(crate) fn remove(path: &Path) -> Outcome {
    let is_dir = status(path)?.is_dir();
    at(path, if is_dir { fs::remove_dir_all(path) } else { fs::remove_file(path) })
}

pub(crate) fn status(path: &Path) -> Outcome<fs::Metadata> {
    at(path, fs::symlink_metadata(path))
}

/// Returns the permissions and the group of a file.
pub(crate) fn access(path: &Path) -> Outcome<(u32, u32)> {
    let status = status(path)?;
    Ok((status.mode() & 0o777, status.gid()))
}

/// Returns the path of a message by its number.
pub(crate) fn message(folder: &Path, author: &str, number: u64) -> PathBuf {
    folder.join(author).join(format!("{number:016x}"))
}

/// Returns everything that is not a directory, at any depth, in the order of the paths. Links are not
/// followed.
pub(crate) fn files(dir: &Path) -> Outcome<Vec<PathBuf>> {
    let (mut files, mut dirs) = (Vec::new(), vec![dir.to_owned()]);
    while let Some(dir) = dirs.pop() {
        for entry in at(&dir, fs::read_dir(&dir))? {
            let entry = at(&dir, entry)?;
            let is_dir = at(&entry.path(), entry.file_type())?.is_dir();
            if is_dir { dirs.push(entry.path()) } else { files.push(entry.path()) }
        }
    }
    files.sort();
    Ok(files)
}

/// Copies every file that the other directory lacks.
pub(crate) fn fill(from: &Path, to: &Path) -> Outcome {
    for file in files(from)? {
        let inside = file.strip_prefix(from).map_err(|error| error.to_string())?;
        let target = to.join(inside);
        if !target.exists() {
            target.parent().map_or(Ok(()), make_dir)?;
            at(&file, fs::copy(&file, &target))?;
        }
    }
    Ok(())
}

/// Returns the files whose names begin like a message's.
pub(crate) fn messages(dir: &Path) -> Outcome<Vec<PathBuf>> {
    let is_message = |path: &PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        name.get(..DIGITS).is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
    };
    Ok(files(dir)?.into_iter().filter(is_message).collect())
}

/// Returns whether a file, or any file in a directory, contains a message. A link is not a file.
pub(crate) fn holds_message(path: &Path) -> bool {
    let begins = |path: &PathBuf| !path.is_symlink() && fs::read(path).is_ok_and(|bytes| bytes.starts_with(MAGIC));
    if path.is_dir() { files(path).is_ok_and(|files| files.iter().any(begins)) } else { begins(&path.to_owned()) }
}

fn at<T>(path: &Path, result: io::Result<T>) -> Outcome<T> {
    Ok(result.map_err(|error| format!("{}: {error}", path.display()))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_found_by_name_and_by_content() {
        let dir = tempfile::tempdir().unwrap();
        let deep = dir.path().join("author");
        make_dir(&deep).unwrap();
        write(&deep.join("0000000000000001"), b"\xf7TMP and more").unwrap();
        write(&deep.join("0000000000000002 (1)"), "text").unwrap();
        write(&deep.join("head"), b"\xf7TMH").unwrap();
        assert_eq!(messages(dir.path()).unwrap().len(), 2);
        assert_eq!(files(dir.path()).unwrap().len(), 3);
        assert!(holds_message(dir.path()) && holds_message(&message(dir.path(), "author", 1)));
        assert!(!holds_message(&deep.join("head")) && !holds_message(&deep.join("gone")));
        assert!(read(&deep.join("gone")).unwrap_err().to_string().contains("gone"));
    }
}
