//! Removing redundant copies: those of own messages that are equal to the message beside them.

use std::{
    ffi::{OsStr, OsString},
    io,
};

use bytes::Bytes;
use tempo_message::{AuthorId, CollectError, CounterName, Decoded, Frame, MAX_FRAME, MessageId, PublishError, planted};

use crate::{
    error::{collect_error, publish_error},
    format::name::FileName,
    fs::{
        calls::About,
        port::{Fs, Version, names_in, sync},
    },
    publish::writer::Writer,
    read::file::read_bare,
    scan::{folder::Folder, report::inside},
};

/// Removes from an author's own directory every copy of a message that is equal, byte for byte, to the message beside it;
/// returns what was removed. Before a scan has found that directory, nothing is removed.
pub(crate) fn remove<F: Fs>(
    folder: &mut Folder<F>,
    writer: &Writer<F>,
    author: AuthorId,
) -> Result<Vec<String>, PublishError> {
    let own = OsString::from(author.to_string());
    let place = folder.path.join(&own).display().to_string();
    let failed = |error| publish_error(place.clone(), error);
    let fs = folder.calls.fs.clone();
    // Also makes sure that this is still the folder that was scanned.
    let root = writer.root(folder)?;
    if !folder.author_dirs.contains_key(&*own) {
        return Ok(Vec::new());
    }
    let dir = fs.open_dir(&root.dir, &own).map_err(failed)?;
    let mut removed = Vec::new();
    for (counter, copy) in copies_in(&fs, &dir).map_err(failed)? {
        if is_redundant(&fs, &dir, MessageId { author, counter }, &copy) {
            fs.remove(&dir, &copy).map_err(failed)?;
            removed.push(inside(&own, &copy));
        }
    }
    if !removed.is_empty() {
        sync(|reach| fs.sync_dir(&dir, reach)).map_err(failed)?;
    }
    Ok(removed)
}

/// Returns what [`remove`] would remove now.
pub(crate) fn find<F: Fs>(folder: &mut Folder<F>, author: AuthorId) -> Result<Vec<String>, CollectError> {
    let own = OsString::from(author.to_string());
    let root = folder.attach()?;
    if !folder.author_dirs.contains_key(&*own) {
        return Ok(Vec::new());
    }
    let place = folder.path.join(&own).display().to_string();
    let found = folder.calls.run(About::Directory(own.clone()), move |fs| {
        let dir = fs.open_dir(&root.dir, &own)?;
        let mut copies = copies_in(fs, &dir)?;
        copies.retain(|(counter, copy)| is_redundant(fs, &dir, MessageId { author, counter: *counter }, copy));
        io::Result::Ok(copies.iter().map(|(_, copy)| inside(&own, copy)).collect())
    });
    found.flatten().map_err(|error| collect_error(place, error))
}

/// Returns the names of conflict copies in a directory, in the order of their counters.
fn copies_in<F: Fs>(fs: &F, dir: &F::Dir) -> io::Result<Vec<(u64, OsString)>> {
    let mut copies = names_in(fs, dir, usize::MAX, |name| match FileName::parse(name) {
        FileName::Copy(counter) => Some((counter, name.to_owned())),
        _ => None,
    })?;
    copies.sort();
    Ok(copies)
}

/// Returns whether the message is there whole and the copy holds the same bytes. A file that cannot
/// be read is not redundant.
fn is_redundant<F: Fs>(fs: &F, dir: &F::Dir, id: MessageId, copy: &OsStr) -> bool {
    let original = OsString::from(CounterName::new(id.counter).as_str());
    let whole = |name: &OsStr| read_bare(fs, dir, name, MAX_FRAME as u64, false).ok();
    let (Some(there), Some(copied)) = (whole(&original), whole(copy)) else { return false };
    let is_still = |name: &OsStr, version: Version| fs.stat(dir, name).is_ok_and(|stat| stat.version() == version);
    is_message(&there.bytes, id)
        && (there.bytes == copied.bytes || planted!(AnyCopyIsRedundant))
        // Two names of one file: removing one may remove the other.
        && !there.version.is_same_thing(&copied.version)
        && is_still(&original, there.version)
        && is_still(copy, copied.version)
}

/// Returns whether the bytes are exactly one valid message with this id.
fn is_message(bytes: &Bytes, id: MessageId) -> bool {
    match Frame::decode(bytes) {
        Decoded::Whole(frame) => frame.id() == id && frame.bytes().len() == bytes.len(),
        _ => false,
    }
}
