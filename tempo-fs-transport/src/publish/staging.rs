//! Files on their way into the folder: their names, where they are made, and what an earlier process left of them.

use std::{
    ffi::{OsStr, OsString},
    io,
};

use tempo_message::planted;

use crate::{
    format::name::{STAGED_PREFIX, STAGED_SUFFIX},
    fs::{
        error::is_in_use,
        port::{Fs, names_in},
    },
};

/// Follows the usual beginning in the names of staged parts, which another thread may be writing.
const OF_PART: &str = "part-";

/// Returns a new name for a file that is being published.
pub(crate) fn staged_name<F: Fs>(fs: &F) -> OsString {
    format!("{STAGED_PREFIX}{:016x}{STAGED_SUFFIX}", fs.random()).into()
}

/// Returns a new name for a part that is being published.
pub(crate) fn staged_part_name<F: Fs>(fs: &F) -> OsString {
    format!("{STAGED_PREFIX}{OF_PART}{:016x}{STAGED_SUFFIX}", fs.random()).into()
}

/// Returns whether a staged file has the name of a part.
pub(crate) fn is_of_part(name: &OsStr) -> bool {
    let name = name.as_encoded_bytes();
    name.strip_prefix(STAGED_PREFIX.as_bytes()).is_some_and(|rest| rest.starts_with(OF_PART.as_bytes()))
}

/// Returns whether files that are made in either directory have equal permissions. Compared each
/// time, because the user may share the folder with others at any time.
pub(crate) fn is_alike<F: Fs>(fs: &F, staging: &F::Dir, dir: &F::Dir) -> bool {
    let heritage = |dir: &F::Dir| fs.heritage(dir).ok().flatten();
    planted!(PrivatePermissions) || heritage(dir).is_some_and(|there| heritage(staging) == Some(there))
}

/// Removes the files that are ours; returns false when another program holds some of them.
pub(crate) fn sweep<F: Fs>(fs: &F, dir: &F::Dir, is_ours: impl Fn(&OsStr) -> bool) -> io::Result<bool> {
    let staged = names_in(fs, dir, usize::MAX, |name| is_ours(name).then(|| name.to_owned()))?;
    let mut is_swept = true;
    for name in staged {
        match fs.remove(dir, &name) {
            Err(error) if is_in_use(&error) => is_swept = false,
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(is_swept)
}
