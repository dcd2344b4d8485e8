//! Taking back what was relayed: what its author has put there again.

use std::{
    collections::BTreeSet,
    ffi::{OsStr, OsString},
    io,
};

use tempo_message::{AuthorId, Decoded, Frame};

use crate::{
    format::name::{DirName, FileName, limit},
    fs::port::{Fs, sync},
    read::file::{frames_of, read_bare},
};

/// Removes from the directory that a relayer keeps for an author each file of which every message lies whole in the author's own
/// directory, and then the directory, once nothing is left in it; the answer is how many files that were.
///
/// Nothing is removed that cannot be read or is only online.
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
        // What somebody else has put there stays, and so does the directory then.
        let _ = fs.remove_dir(root, &name);
    }
    Ok(removed)
}

/// The files of a directory whose names announce messages.
fn files<F: Fs>(fs: &F, dir: &F::Dir) -> io::Result<Vec<OsString>> {
    let mut files = Vec::new();
    fs.list(dir, &mut |name| {
        if let FileName::Message(_) | FileName::Pack(..) | FileName::Copy(_) = FileName::parse(name) {
            files.push(name.to_owned());
        }
        true
    })?;
    Ok(files)
}

/// The messages of a file that holds nothing else; `None` when that cannot be told.
fn read<F: Fs>(fs: &F, dir: &F::Dir, name: &OsStr) -> Option<Vec<Frame>> {
    let file = read_bare(fs, dir, name, limit(name), false).ok()?;
    let whole = |decoded| match decoded {
        Decoded::Whole(frame) => Some(frame),
        _ => None,
    };
    frames_of(file.bytes).map(whole).collect()
}
