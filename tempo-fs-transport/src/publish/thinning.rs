//! Removing what a pack has made redundant: the files of which it was made.

use std::{
    ffi::{OsStr, OsString},
    io,
};

use tempo_message::{Pack, planted};

use crate::{
    format::name::{FileName, limit},
    fs::port::{Fs, sync},
    read::file::read_bare,
};

/// Removes files in an author's own directory that hold messages of this pack, byte for byte, and nothing else; `most` at
/// most. The pack itself must lie there durably. The answer is what was removed, by first and last counter.
///
/// Nothing is removed that cannot be read, that is only online, or that has the name of a copy.
pub(crate) fn thin_out<F: Fs>(fs: &F, dir: &F::Dir, pack: &Pack, most: usize) -> io::Result<Vec<(u64, u64)>> {
    let mut spare = Vec::new();
    fs.list(dir, &mut |name| {
        spare.extend(run(name).and_then(|run| Some((name.to_owned(), run, pack.part(run.0, run.1)?))));
        true
    })?;
    spare.retain(|(.., part)| part.len() < pack.bytes().len());
    // Smaller ones first: what is in them is also in the larger ones, as long as those are there.
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

/// The messages that a file has by its name.
fn run(name: &OsStr) -> Option<(u64, u64)> {
    match FileName::parse(name) {
        FileName::Message(counter) => Some((counter, counter)),
        FileName::Pack(first, last) => Some((first, last)),
        _ => None,
    }
}

/// Whether a file holds these bytes, and still does.
fn is_equal<F: Fs>(fs: &F, dir: &F::Dir, name: &OsString, part: &[u8]) -> bool {
    let Ok(file) = read_bare(fs, dir, name, limit(name), false) else { return false };
    file.bytes == part && fs.stat(dir, name).is_ok_and(|stat| stat.version() == file.version)
}
