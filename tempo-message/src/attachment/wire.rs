//! The attachments in a frame: what identifies them in the header, their names before the payload.

use alloc::{borrow::ToOwned as _, vec::Vec};
use core::str;

use crate::{
    attachment::{
        id::{AttachmentId, MAX_ATTACHMENTS, MAX_PARTS},
        manifest::{BadManifest, Manifest, count},
        named::Attachment,
    },
    codec::fields::{put_number, put_run, take_byte, take_bytes, take_number, take_some},
};

/// The entries of a header. The hashes are compared by [`Manifest::new`] once the shape is judged.
#[derive(Debug)]
pub(crate) struct Entry {
    id: AttachmentId,
    length: u64,
    exponent: u8,
    parts: Vec<[u8; 32]>,
}

/// Bounds the number of bytes that the attachments take in a frame.
pub(crate) fn max_len(attachments: &[Attachment]) -> usize {
    let each = |it: &Attachment| 44 + 32 * it.manifest.hashes().len() + 4 + it.name.len() + it.media_type.len();
    attachments.iter().map(each).sum::<usize>() + 10
}

/// Appends what the header says of attachments.
pub(crate) fn put_entries(to: &mut Vec<u8>, attachments: &[Attachment]) {
    put_number(to, attachments.len() as u64);
    for Attachment { manifest, .. } in attachments {
        to.extend_from_slice(manifest.id().as_bytes());
        put_number(to, manifest.length());
        to.push(manifest.exponent());
        manifest.hashes().iter().for_each(|hash| to.extend_from_slice(hash));
    }
}

/// Reads what a header says of attachments. Nothing is allocated before the announced number is checked.
pub(crate) fn take_entries(from: &mut &[u8]) -> Option<Vec<Entry>> {
    let announced = usize::try_from(take_number(from)?).ok().filter(|number| (1..=MAX_ATTACHMENTS).contains(number))?;
    let mut entries = Vec::with_capacity(announced);
    for _ in 0..announced {
        let (id, length, exponent) = (AttachmentId(*take_bytes(from)?), take_number(from)?, take_byte(from)?);
        let parts = count(length, Some(exponent).filter(|exponent| *exponent < 64)?);
        let parts = usize::try_from(parts).ok().filter(|parts| *parts <= MAX_PARTS)?;
        let parts = (0..if parts > 1 { parts } else { 0 }).map(|_| take_bytes(from).copied());
        entries.push(Entry { id, length, exponent, parts: parts.collect::<Option<_>>()? });
    }
    Some(entries)
}

/// Appends the names of attachments, with the length of all before them.
pub(crate) fn put_names(to: &mut Vec<u8>, attachments: &[Attachment]) {
    let mut names = Vec::new();
    for Attachment { name, media_type, .. } in attachments {
        put_run(&mut names, name.as_bytes());
        put_run(&mut names, media_type.as_bytes());
    }
    put_run(to, &names);
}

/// Reads the names that belong to the entries of a header, and nothing else.
pub(crate) fn take_names(from: &mut &[u8], entries: Vec<Entry>) -> Option<Result<Vec<Attachment>, BadManifest>> {
    let mut names = take_some(from)?;
    let mut attachments = Vec::with_capacity(entries.len());
    for Entry { id, length, exponent, parts } in entries {
        let mut text = || str::from_utf8(take_some(&mut names)?).ok().map(str::to_owned);
        let (name, media_type) = (text()?, text()?);
        match Manifest::new(id, length, exponent, parts) {
            Ok(manifest) => attachments.push(Attachment { manifest, name, media_type }),
            Err(bad) => return Some(Err(bad)),
        }
    }
    names.is_empty().then_some(Ok(attachments))
}
