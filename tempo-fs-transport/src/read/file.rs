//! Reading one untrusted file.

use std::{collections::VecDeque, ffi::OsStr, io, time::Duration};

use bytes::Bytes;
use memmap2::{MmapMut, MmapOptions};
use tempo_message::{
    BadFrame, Decoded, FileType, ForeignReason, Frame, Frames, Head, MAX_HEAD, PendingReason, Unsupported, planted,
    restored_frames, restored_head,
};

use crate::{
    format::name::limit,
    fs::{
        error::{is_in_use, unreadable},
        port::{Fs, Version},
    },
    scan::findings::{Finding, Span},
};

/// The outcome of reading a file.
#[derive(Debug)]
pub(crate) struct FileRead {
    pub(crate) span: Span,
    pub(crate) content: Result<Content, Unread>,
}

/// The reason why nothing of a file counts.
#[derive(Debug)]
pub(crate) enum Unread {
    /// The file is gone.
    Vanished,
    /// This was found, in this version if there is one.
    Found(Option<Version>, Finding),
}

/// The frames of a file, one after the other. A frame that was returned is valid, no matter what follows.
#[derive(Debug)]
pub(crate) struct Content {
    pub(crate) version: Version,
    frames: Frames,
    /// The next ones, decoded.
    ahead: VecDeque<Decoded>,
    held_still: bool,
    /// Its line ends had been converted.
    is_restored: bool,
    newer: Option<Unsupported>,
    /// There are no more frames.
    is_over: bool,
    /// The finding about what follows them.
    finding: Option<Finding>,
}

/// The bytes of a file.
#[derive(Debug)]
pub(crate) struct Bare {
    /// The version of the file after it was read.
    pub(crate) version: Version,
    pub(crate) bytes: Bytes,
    /// Neither times nor length have changed meanwhile. Some services change the times of a file
    /// that is only read, so this says nothing about bytes that verify.
    held_still: bool,
}

impl FileRead {
    /// Returns the outcome for a file whose directory could not be opened.
    pub(crate) fn failed(error: &io::Error, now: Duration) -> Self {
        let unread = Unread::Found(None, Finding::Pending(unreadable(error)));
        Self { span: Span { began: now, ended: now }, content: Err(unread) }
    }

    /// Returns the memory that it takes, in bytes.
    pub(crate) fn weight(&self) -> usize {
        self.content.as_ref().map_or(0, Content::weight)
    }
}

/// The most frames of a file that are decoded where it is read; of further ones only the digests are checked.
const AHEAD: usize = 4096;

impl Content {
    /// Does the work that depends on nothing but the file.
    fn new(Bare { version, bytes, held_still }: Bare) -> Self {
        let (frames, ahead) = decode_ahead(bytes);
        let restored = restored(&frames).map(decode_ahead);
        let is_restored = restored.is_some();
        let (frames, ahead) = restored.unwrap_or((frames, ahead));
        Self { version, frames, ahead, held_still, is_restored, newer: None, is_over: false, finding: None }
    }

    /// Returns all bytes of the file.
    pub(crate) fn bytes(&self) -> &Bytes {
        self.frames.bytes()
    }

    /// Returns the memory that it takes, in bytes.
    pub(crate) fn weight(&self) -> usize {
        self.bytes().len() + self.ahead.len() * size_of::<Decoded>()
    }

    /// Returns the finding about bytes that do not verify: of a file that has changed meanwhile,
    /// nothing else is known.
    pub(crate) fn unless_changing(&self, finding: Finding) -> Finding {
        if self.held_still { finding } else { Finding::Pending(PendingReason::Changing) }
    }

    /// Returns what follows the frames, once none is left.
    pub(crate) fn into_finding(self) -> Option<Finding> {
        self.finding
    }

    /// Returns the next frame and keeps it.
    pub(crate) fn peek(&mut self) -> Option<&Frame> {
        while !self.is_over {
            if self.ahead.is_empty() {
                self.ahead.extend(self.frames.next());
            }
            self.finding = match self.ahead.front() {
                Some(Decoded::Whole(_)) => break,
                Some(Decoded::Unsupported { what, .. }) => {
                    self.newer = self.newer.or(Some(*what));
                    self.ahead.pop_front();
                    continue;
                }
                Some(other) => Some(self.unless_changing(finding_of(other))),
                None if self.newer.is_none() && self.is_restored => Some(Finding::Converted),
                None => self.newer.map(|what| Finding::Pending(PendingReason::Unsupported(what))),
            };
            self.is_over = true;
        }
        match self.ahead.front() {
            Some(Decoded::Whole(frame)) if !self.is_over => Some(frame),
            _ => None,
        }
    }
}

impl Iterator for Content {
    type Item = Frame;

    fn next(&mut self) -> Option<Frame> {
        self.peek()?;
        match self.ahead.pop_front() {
            Some(Decoded::Whole(frame)) => Some(frame),
            _ => None,
        }
    }
}

/// Returns the finding about bytes that are no frame.
fn finding_of(decoded: &Decoded) -> Finding {
    match decoded {
        Decoded::Incomplete { missing } => {
            let missing = u64::try_from(*missing).unwrap_or(u64::MAX);
            Finding::Pending(PendingReason::Incomplete { missing })
        }
        Decoded::Bad(bad) => Finding::Foreign(ForeignReason::Bad(*bad)),
        _ => Finding::Foreign(ForeignReason::Name),
    }
}

/// Reads a whole regular file and its frames.
///
/// Only regular files are opened, and at most the size that the name allows is read; online-only
/// files are opened only when they are to be fetched. Frames with a valid digest count even if the
/// file changes meanwhile; nothing else of such a file does.
pub(crate) fn read<F: Fs>(fs: &F, (dir, name): (&F::Dir, &OsStr), fetch: bool) -> FileRead {
    let began = fs.now();
    let content = read_bare(fs, dir, name, limit(name), fetch).map(Content::new);
    FileRead { span: Span { began, ended: fs.now() }, content }
}

fn decode_ahead(bytes: Bytes) -> (Frames, VecDeque<Decoded>) {
    let mut frames = Frames::new(bytes);
    let first = frames.next();
    let mut ahead = match &first {
        // The number of frames if all are as long as this one.
        Some(Decoded::Whole(frame)) => VecDeque::with_capacity((frames.bytes().len() / frame.bytes().len()).min(AHEAD)),
        _ => VecDeque::new(),
    };
    ahead.extend(first);
    ahead.extend(frames.by_ref().take(AHEAD - 1));
    frames.check_ahead();
    (frames, ahead)
}

/// Returns the bytes of frames as they were before something converted their line ends, unless they are whole as they are.
fn restored(frames: &Frames) -> Option<Bytes> {
    let is_whole = frames.are_checked() || planted!(ConvertedIsBad);
    if is_whole { None } else { restored_frames(frames.bytes()) }
}

/// Returns the frames in the bytes of a file, as they were before something converted their line ends.
pub(crate) fn frames_of(bytes: Bytes) -> Frames {
    let mut frames = Frames::new(bytes);
    frames.check_ahead();
    restored(&frames).map_or(frames, Frames::new)
}

/// Reads the bytes of such a file, which the caller verifies.
pub(crate) fn read_bare<F: Fs>(fs: &F, dir: &F::Dir, name: &OsStr, limit: u64, fetch: bool) -> Result<Bare, Unread> {
    let failed = |version, error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => Unread::Vanished,
        _ if is_in_use(&error) && planted!(InUseIsBad) => {
            Unread::Found(version, Finding::Foreign(ForeignReason::Bad(BadFrame::Digest)))
        }
        _ => Unread::Found(version, Finding::Pending(unreadable(&error))),
    };
    let named = fs.stat(dir, name).map_err(|error| failed(None, error))?;
    let version = Some(named.version());
    if named.file_type != FileType::File {
        let reason = ForeignReason::Type { expected: FileType::File, found: named.file_type };
        return Err(Unread::Found(version, Finding::Foreign(reason)));
    }
    if named.len > limit {
        let reason = ForeignReason::TooLarge { actual: named.len, limit };
        return Err(Unread::Found(version, Finding::Foreign(reason)));
    }
    if named.online_only && !fetch && !planted!(OpenOnlineOnly) {
        return Err(Unread::Found(version, Finding::Pending(PendingReason::OnlineOnly)));
    }
    let mut file = fs.open(dir, name).map_err(|error| failed(version, error))?;
    // One byte more, which shows when it has grown.
    let mut buffer = Buffer::new(usize::try_from(named.len).unwrap_or(0) + 1);
    let read = fs.read(&mut file, buffer.as_mut()).map_err(|error| failed(version, error))?;
    let after = fs.stat_file(&file).map_err(|error| failed(version, error))?.version();
    let held_still = named.version() == after && u64::try_from(read) == Ok(named.len);
    // The opened file must be the one that had the name.
    if !named.version().is_same_thing(&after) || (!held_still && planted!(TimesOutrankContent)) {
        return Err(Unread::Found(version, Finding::Pending(PendingReason::Changing)));
    }
    Ok(Bare { version: after, bytes: buffer.into_bytes(read), held_still })
}

/// Returns the head in a file, if it can be read now.
pub(crate) fn read_head<F: Fs>(fs: &F, dir: &F::Dir, name: &OsStr) -> Option<Head> {
    let bare = read_bare(fs, dir, name, MAX_HEAD as u64, false).ok()?;
    Head::decode(&bare.bytes).or_else(|_| restored_head(&bare.bytes)).ok()
}

/// Memory for the content of a file.
#[derive(Debug)]
pub(crate) enum Buffer {
    Small(Vec<u8>),
    /// Allocated by the system and returned to it: an allocator would keep fragments of large
    /// buffers.
    Large(MmapMut),
}

impl Buffer {
    pub(crate) fn new(len: usize) -> Self {
        /// The smallest large buffer, in bytes.
        const LARGE: usize = 128 * 1024;
        let map = if len < LARGE { None } else { MmapOptions::new().len(len).populate().map_anon().ok() };
        map.map_or_else(|| Self::Small(vec![0; len]), Self::Large)
    }

    /// Returns the first bytes.
    pub(crate) fn into_bytes(self, len: usize) -> Bytes {
        let mut bytes = match self {
            Self::Small(bytes) => Bytes::from(bytes),
            Self::Large(map) => Bytes::from_owner(map),
        };
        bytes.truncate(len);
        bytes
    }
}

impl AsMut<[u8]> for Buffer {
    fn as_mut(&mut self) -> &mut [u8] {
        match self {
            Self::Small(bytes) => bytes,
            Self::Large(map) => map,
        }
    }
}
