//! Reading one file of frames, without trust.

use std::{ffi::OsStr, io};

use bytes::Bytes;
use tempo_message::{Decoded, FileType, ForeignReason, Frame, PendingReason, Unsupported, planted};

use crate::{Fs, Version, notes::Finding, online::is_not_here_yet};

/// What one look at a file gave.
#[derive(Debug)]
pub(crate) struct Examined {
    /// The version that was read, if there was a file.
    pub(crate) version: Option<Version>,
    pub(crate) end: End,
}

/// How the look ended.
#[derive(Debug)]
pub(crate) enum End {
    /// The file is gone.
    Vanished,
    /// `each` said stop; go on at this offset.
    Stopped(usize),
    /// Every byte is accounted for, as frames and then this.
    Read(Option<Finding>),
}

/// What a file held, or why nothing of it counts.
#[derive(Debug)]
pub(crate) struct FileRead(Result<(Version, Bytes), (Option<Version>, End)>);

impl FileRead {
    /// The content of the file as a whole, with its version.
    pub(crate) fn into_content(self) -> Result<(Version, Bytes), Examined> {
        self.0.map_err(|(version, end)| Examined { version, end })
    }

    /// How many bytes were read.
    pub(crate) fn len(&self) -> usize {
        self.0.as_ref().map_or(0, |(_, bytes)| bytes.len())
    }
}

/// Hands the frames of a file that was read to `each`, from `offset` on, until that says `false`.
///
/// A frame that was handed over is whole whatever the rest of the file is.
pub(crate) fn examine(file: FileRead, offset: usize, each: &mut dyn FnMut(Frame) -> bool) -> Examined {
    let (version, bytes) = match file.0 {
        Ok(read) => read,
        Err((version, end)) => return Examined { version, end },
    };
    let mut at = offset.min(bytes.len());
    let mut newer: Option<Unsupported> = None;
    let end = loop {
        let rest = bytes.slice(at..);
        if rest.is_empty() && !bytes.is_empty() {
            break End::Read(newer.map(|what| Finding::Pending(PendingReason::Unsupported(what))));
        }
        match Frame::decode(&rest) {
            Decoded::Whole(frame) => {
                let len = frame.bytes().len();
                if !each(frame) {
                    break End::Stopped(at);
                }
                at += len;
            }
            Decoded::Unsupported { what, used, .. } => {
                newer = newer.or(Some(what));
                at += used;
            }
            Decoded::Incomplete { missing } => {
                let missing = u64::try_from(missing).unwrap_or(u64::MAX);
                break End::Read(Some(Finding::Pending(PendingReason::Incomplete { missing })));
            }
            Decoded::Bad(bad) => break End::Read(Some(Finding::Foreign(ForeignReason::Bad(bad)))),
            _ => break End::Read(Some(Finding::Foreign(ForeignReason::Name))),
        }
    };
    Examined { version: Some(version), end }
}

/// Reads a whole regular file that holds still.
///
/// Nothing is opened that is not a regular file, nothing is read beyond `limit`, and nothing that changed meanwhile
/// counts; online-only files are opened only when they shall be fetched.
pub(crate) fn read<F: Fs>(fs: &F, dir: &F::Dir, name: &OsStr, limit: u64, fetch: bool) -> FileRead {
    FileRead(read_still(fs, dir, name, limit, fetch))
}

/// The same, as it is.
pub(crate) fn read_still<F: Fs>(
    fs: &F,
    dir: &F::Dir,
    name: &OsStr,
    limit: u64,
    fetch: bool,
) -> Result<(Version, Bytes), (Option<Version>, End)> {
    let found = |version, finding| (version, End::Read(Some(finding)));
    let failed = |version, error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => (version, End::Vanished),
        _ => found(version, Finding::Pending(unreadable(&error))),
    };
    let named = fs.stat(dir, name).map_err(|error| failed(None, error))?;
    let version = Some(named.version());
    let other_type = |found_type| {
        let reason = ForeignReason::Type { expected: FileType::File, found: found_type };
        found(version, Finding::Foreign(reason))
    };
    if named.file_type != FileType::File {
        return Err(other_type(named.file_type));
    }
    if named.online_only && !fetch && !planted!(OpenOnlineOnly) {
        return Err(found(version, Finding::Pending(PendingReason::OnlineOnly)));
    }
    let mut file = fs.open(dir, name).map_err(|error| failed(version, error))?;
    let before = fs.stat_file(&file).map_err(|error| failed(version, error))?;
    if before.file_type != FileType::File {
        return Err(other_type(before.file_type));
    }
    if before.len > limit {
        let reason = ForeignReason::TooLarge { actual: before.len, limit };
        return Err(found(version, Finding::Foreign(reason)));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(before.len).unwrap_or(0) + 1);
    fs.read(&mut file, limit + 1, &mut bytes).map_err(|error| failed(version, error))?;
    let after = fs.stat_file(&file).map_err(|error| failed(version, error))?;
    let held_still = before.version() == after.version() && u64::try_from(bytes.len()) == Ok(before.len);
    if !held_still {
        return Err(found(version, Finding::Pending(PendingReason::Changing)));
    }
    Ok((named.version(), Bytes::from(bytes)))
}

/// Why something cannot be read now.
pub(crate) fn unreadable(error: &io::Error) -> PendingReason {
    let cause = error.to_string();
    if is_not_here_yet(error) { PendingReason::NotHereYet { cause } } else { PendingReason::Unreadable { cause } }
}
