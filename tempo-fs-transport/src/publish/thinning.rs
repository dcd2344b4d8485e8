//! Removing the files that a pack has made redundant.

use std::{
    ffi::{OsStr, OsString},
    io,
};

use tempo_message::{Pack, planted};

use crate::{
    format::name::{FileName, limit},
    fs::port::{Fs, names_in, sync},
    read::file::read_bare,
};

/// Removes at most `most` files of an author's own directory that hold messages of this pack, byte
/// for byte, and nothing else. The pack itself must be there durably. Returns the first and last
/// counters of the removed files.
///
/// Files that cannot be read, are online-only, or have the name of a copy stay.
pub(crate) fn thin_out<F: Fs>(fs: &F, dir: &F::Dir, pack: &Pack, most: usize) -> io::Result<Vec<(u64, u64)>> {
    let spare_of = |name: &OsStr| run(name).and_then(|run| Some((name.to_owned(), run, pack.part(run.0, run.1)?)));
    let mut spare = names_in(fs, dir, usize::MAX, spare_of)?;
    spare.retain(|(.., part)| part.len() < pack.bytes().len());
    // Smaller ones first: their messages are also in the larger ones while those are there.
    spare.sort_by_key(|&(_, (first, last), _)| (last - first, first));
    let mut removed = Vec::new();
    for (name, run, part) in spare {
        if removed.len() == most {
            break;
        }
        if planted!(PackedUnread) || is_equal(fs, dir, &name, &part) {
            fs.remove(dir, &name)?;
            removed.push(run);
        }
    }
    if !removed.is_empty() {
        sync(|reach| fs.sync_dir(dir, reach))?;
    }
    Ok(removed)
}

/// Returns the first and last message of a file, by its name.
fn run(name: &OsStr) -> Option<(u64, u64)> {
    match FileName::parse(name) {
        FileName::Message(counter) => Some((counter, counter)),
        FileName::Pack(first, last) => Some((first, last)),
        _ => None,
    }
}

/// Returns whether a file holds these bytes, now and still after it was read.
fn is_equal<F: Fs>(fs: &F, dir: &F::Dir, name: &OsString, part: &[u8]) -> bool {
    let Ok(file) = read_bare(fs, dir, name, limit(name), false) else { return false };
    file.bytes == part && fs.stat(dir, name).is_ok_and(|stat| stat.version() == file.version)
}
