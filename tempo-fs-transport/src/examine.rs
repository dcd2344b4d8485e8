//! Reading one file of frames, without trust.

use std::{ffi::OsStr, io};

use bytes::Bytes;
use tempo_message::{Decoded, FileType, ForeignReason, Frame, PendingReason, Unsupported, planted};

use crate::{Fs, Version, buffer::Buffer, notes::Finding, online::is_not_here_yet};

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
    /// Nobody wanted more; go on at this offset.
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

/// The frames of a file that was read, one after the other. One that was given is whole whatever the rest of the file is.
#[derive(Debug)]
pub(crate) struct Frames {
    version: Option<Version>,
    bytes: Bytes,
    at: usize,
    newer: Option<Unsupported>,
    /// Nothing comes any more.
    end: Option<End>,
}

impl Frames {
    /// Those from `offset` on.
    pub(crate) fn of(file: FileRead, offset: usize) -> Self {
        let (version, bytes, end) = match file.0 {
            Ok((version, bytes)) => (Some(version), bytes, None),
            Err((version, end)) => (version, Bytes::new(), Some(end)),
        };
        Self { version, at: offset.min(bytes.len()), bytes, newer: None, end }
    }

    /// How many bytes were read.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// What became of the file, as far as it was read.
    pub(crate) fn into_examined(self) -> Examined {
        Examined { version: self.version, end: self.end.unwrap_or(End::Stopped(self.at)) }
    }
}

impl Iterator for Frames {
    type Item = Frame;

    fn next(&mut self) -> Option<Frame> {
        while self.end.is_none() {
            let rest = self.bytes.slice(self.at..);
            if rest.is_empty() && !self.bytes.is_empty() {
                self.end = Some(End::Read(self.newer.map(|what| Finding::Pending(PendingReason::Unsupported(what)))));
                break;
            }
            let finding = match Frame::decode(&rest) {
                Decoded::Whole(frame) => {
                    self.at += frame.bytes().len();
                    return Some(frame);
                }
                Decoded::Unsupported { what, used, .. } => {
                    self.newer = self.newer.or(Some(what));
                    self.at += used;
                    continue;
                }
                Decoded::Incomplete { missing } => {
                    let missing = u64::try_from(missing).unwrap_or(u64::MAX);
                    Finding::Pending(PendingReason::Incomplete { missing })
                }
                Decoded::Bad(bad) => Finding::Foreign(ForeignReason::Bad(bad)),
                _ => Finding::Foreign(ForeignReason::Name),
            };
            self.end = Some(End::Read(Some(finding)));
        }
        None
    }
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
    if named.file_type != FileType::File {
        let reason = ForeignReason::Type { expected: FileType::File, found: named.file_type };
        return Err(found(version, Finding::Foreign(reason)));
    }
    if named.len > limit {
        let reason = ForeignReason::TooLarge { actual: named.len, limit };
        return Err(found(version, Finding::Foreign(reason)));
    }
    if named.online_only && !fetch && !planted!(OpenOnlineOnly) {
        return Err(found(version, Finding::Pending(PendingReason::OnlineOnly)));
    }
    let mut file = fs.open(dir, name).map_err(|error| failed(version, error))?;
    // One more, which shows when it has grown.
    let mut buffer = Buffer::new(usize::try_from(named.len).unwrap_or(0) + 1);
    let read = fs.read(&mut file, buffer.as_mut()).map_err(|error| failed(version, error))?;
    // What was opened is what had the name, and has not changed since.
    let after = fs.stat_file(&file).map_err(|error| failed(version, error))?;
    let held_still = named.version() == after.version() && u64::try_from(read) == Ok(named.len);
    if !held_still {
        return Err(found(version, Finding::Pending(PendingReason::Changing)));
    }
    Ok((named.version(), buffer.into_bytes(read)))
}

/// Why something cannot be read now.
pub(crate) fn unreadable(error: &io::Error) -> PendingReason {
    let cause = error.to_string();
    if is_not_here_yet(error) { PendingReason::NotHereYet { cause } } else { PendingReason::Unreadable { cause } }
}
