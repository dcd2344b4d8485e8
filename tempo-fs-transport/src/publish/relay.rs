//! Withdrawing relayed messages that their author has published again.

use std::{
    collections::BTreeSet,
    ffi::{OsStr, OsString},
    io,
};

use tempo_message::{AuthorId, Decoded, Frame};

use crate::{
    format::name::{DirName, FileName, limit},
    fs::port::{Fs, names_in, sync},
    read::file::{frames_of, read_bare},
};

/// Removes from a relayer's directory each file whose messages are all in the author's own
/// directory, and then the directory, once it is empty. Returns the number of files.
///
/// Files that cannot be read or are online-only stay.
pub(crate) fn withdraw<F: Fs>(fs: &F, root: &F::Dir, author: AuthorId, relayer: AuthorId) -> io::Result<usize> {
    let (own, name) = (DirName::of(author, None), DirName::of(author, Some(relayer)));
    let (own, relay) = match (fs.open_dir(root, &own), fs.open_dir(root, &name)) {
        (Ok(own), Ok(relay)) => (own, relay),
        (Err(error), _) | (_, Err(error)) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        (Err(error), _) | (_, Err(error)) => return Err(error),
    };
    let mut there = BTreeSet::new();
    for file in files(fs, &own)? {
        there.extend(read(fs, &own, &file).unwrap_or_default().iter().map(Frame::digest));
    }
    let (mut removed, mut left) = (0, 0);
    for file in files(fs, &relay)? {
        let frames = read(fs, &relay, &file);
        if frames.is_some_and(|frames| frames.iter().all(|frame| there.contains(&frame.digest()))) {
            fs.remove(&relay, &file)?;
            removed += 1;
        } else {
            left += 1;
        }
    }
    if removed > 0 {
        sync(|reach| fs.sync_dir(&relay, reach))?;
    }
    drop(relay);
    if left == 0 {
        // Foreign files stay, and with them the directory.
        let _ = fs.remove_dir(root, &name);
    }
    Ok(removed)
}

/// Returns the names of files with messages.
fn files<F: Fs>(fs: &F, dir: &F::Dir) -> io::Result<Vec<OsString>> {
    names_in(fs, dir, usize::MAX, |name| match FileName::parse(name) {
        FileName::Message(_) | FileName::Pack(..) | FileName::Copy(_) => Some(name.to_owned()),
        _ => None,
    })
}

/// Returns the messages of a file that holds nothing else; `None` when that is not known.
fn read<F: Fs>(fs: &F, dir: &F::Dir, name: &OsStr) -> Option<Vec<Frame>> {
    let file = read_bare(fs, dir, name, limit(name), false).ok()?;
    let whole = |decoded| match decoded {
        Decoded::Whole(frame) => Some(frame),
        _ => None,
    };
    frames_of(file.bytes).map(whole).collect()
}
