//! Reading one file of frames, without trust.

use std::{ffi::OsStr, io, time::Duration};

use bytes::Bytes;
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
    read::buffer::{Buffers, Room},
    scan::findings::{Finding, Span},
};

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
    /// Every byte is accounted for, as frames and then this.
    Read(Option<Finding>),
}

/// What a file held, or why nothing of it counts.
#[derive(Debug)]
pub(crate) struct FileRead {
    pub(crate) span: Span,
    came: Result<(Version, Read), (Option<Version>, End)>,
}

/// The frames of a file, the first of them decoded.
#[derive(Debug)]
struct Read {
    frames: Frames,
    ahead: Room,
    held_still: bool,
    /// Its line ends had been converted.
    is_restored: bool,
}

/// The bytes of a file.
#[derive(Debug)]
pub(crate) struct Bare {
    /// The version that the file had after it was read.
    pub(crate) version: Version,
    pub(crate) bytes: Bytes,
    /// Neither times nor length have changed meanwhile. Some services move the times of a file that is only read, so this says
    /// nothing about bytes that verify.
    held_still: bool,
}

impl Bare {
    /// What is wrong with bytes that do not verify: when the file has changed meanwhile, that is all that is known.
    pub(crate) fn unless_changing(&self, finding: Finding) -> Finding {
        if self.held_still { finding } else { Finding::Pending(PendingReason::Changing) }
    }
}

impl FileRead {
    /// Nothing was read, because the way to the file could not be gone.
    pub(crate) fn failed(error: &io::Error, now: Duration) -> Self {
        let span = Span { began: now, ended: now };
        Self { span, came: Err((None, End::Read(Some(Finding::Pending(unreadable(error)))))) }
    }

    /// The content of the file as a whole.
    pub(crate) fn into_content(self) -> Result<Bare, Examined> {
        let content = self.came.map(|(version, read)| {
            let Read { frames, held_still, .. } = read;
            Bare { version, bytes: frames.bytes().clone(), held_still }
        });
        content.map_err(|(version, end)| Examined { version, end })
    }

    /// So much memory it takes, in bytes.
    pub(crate) fn weight(&self) -> usize {
        self.came.as_ref().map_or(0, |(_, read)| read.frames.bytes().len() + read.ahead.weight())
    }
}

/// The frames of a file that was read, one after the other. One that was given is whole whatever the rest of the file is.
#[derive(Debug)]
pub(crate) struct Content {
    version: Option<Version>,
    is_read: bool,
    read: Read,
    newer: Option<Unsupported>,
    /// Nothing comes any more.
    end: Option<End>,
}

impl Content {
    pub(crate) fn of(file: FileRead) -> Self {
        let is_read = file.came.is_ok();
        let (version, read, end) = match file.came {
            Ok((version, read)) => (Some(version), read, None),
            Err((version, end)) => {
                let nothing = Read {
                    frames: Frames::new(Bytes::new()),
                    ahead: Room::default(),
                    held_still: true,
                    is_restored: false,
                };
                (version, nothing, Some(end))
            }
        };
        Self { version, is_read, read, newer: None, end }
    }

    /// All that is in the file, if it could be read.
    pub(crate) fn bytes(&self) -> Option<&Bytes> {
        self.is_read.then(|| self.read.frames.bytes())
    }

    /// What became of the file, of which no frame is left.
    pub(crate) fn into_examined(self) -> Examined {
        Examined { version: self.version, end: self.end.unwrap_or(End::Read(None)) }
    }

    /// The next frame, which stays the next one.
    pub(crate) fn peek(&mut self) -> Option<&Frame> {
        while self.end.is_none() && !matches!(self.read.peek(), Some(Decoded::Whole(_))) {
            self.pass();
        }
        match self.read.ahead.first() {
            Some(Decoded::Whole(frame)) if self.end.is_none() => Some(frame),
            _ => None,
        }
    }

    /// Goes on behind what is no frame.
    fn pass(&mut self) {
        let finding = match self.read.next() {
            Some(Decoded::Unsupported { what, .. }) => {
                self.newer = self.newer.or(Some(what));
                return;
            }
            Some(_) if !self.read.held_still => Some(Finding::Pending(PendingReason::Changing)),
            Some(Decoded::Incomplete { missing }) => {
                let missing = u64::try_from(missing).unwrap_or(u64::MAX);
                Some(Finding::Pending(PendingReason::Incomplete { missing }))
            }
            Some(Decoded::Bad(bad)) => Some(Finding::Foreign(ForeignReason::Bad(bad))),
            Some(_) => Some(Finding::Foreign(ForeignReason::Name)),
            None if self.newer.is_none() && self.read.is_restored => Some(Finding::Converted),
            None => self.newer.map(|what| Finding::Pending(PendingReason::Unsupported(what))),
        };
        self.end = Some(End::Read(finding));
    }
}

impl Iterator for Content {
    type Item = Frame;

    fn next(&mut self) -> Option<Frame> {
        self.peek()?;
        match self.read.next() {
            Some(Decoded::Whole(frame)) => Some(frame),
            _ => None,
        }
    }
}

/// So many frames of a file are decoded where it is read; of those behind them only the digests are checked.
const AHEAD: usize = 4096;

impl Read {
    /// Does what there is to do that depends on nothing but the file.
    fn read_ahead(&mut self) {
        if let Some(Decoded::Whole(first)) = self.peek() {
            // As many as there are if all are as long as this one.
            let like_this = first.bytes().len();
            self.ahead.reserve((self.frames.bytes().len() / like_this).min(AHEAD));
        }
        self.ahead.fill(self.frames.by_ref().take(AHEAD - 1));
        self.frames.check_ahead();
    }

    /// As it was before something converted its line ends, if it is not whole as it is and that shows.
    fn restored(self, buffers: &Buffers) -> Self {
        if self.frames.are_checked() || planted!(ConvertedIsBad) {
            return self;
        }
        let Some(bytes) = restored_frames(self.frames.bytes()) else { return self };
        let mut read = Self { frames: Frames::new(bytes), ahead: buffers.room(), is_restored: true, ..self };
        read.read_ahead();
        read
    }

    fn peek(&mut self) -> Option<&Decoded> {
        if self.ahead.first().is_none() {
            self.ahead.fill(self.frames.next());
        }
        self.ahead.first()
    }
}

impl Iterator for Read {
    type Item = Decoded;

    fn next(&mut self) -> Option<Decoded> {
        self.peek()?;
        self.ahead.take()
    }
}

/// Reads a whole regular file and its frames.
///
/// Nothing is opened that is not a regular file, and nothing is read beyond what its name allows; online-only files are opened
/// only when they shall be fetched. Frames whose digest holds count whatever happens to the file meanwhile. Of one that changed
/// nothing else does.
pub(crate) fn read<F: Fs>(fs: &F, (dir, name): (&F::Dir, &OsStr), fetch: bool, buffers: &Buffers) -> FileRead {
    let began = fs.now();
    let bare = read_into(fs, (dir, name), limit(name), fetch, buffers);
    let span = Span { began, ended: fs.now() };
    let came = bare.map(|Bare { version, bytes, held_still }| {
        let mut read = Read { frames: Frames::new(bytes), ahead: buffers.room(), held_still, is_restored: false };
        read.read_ahead();
        (version, read.restored(buffers))
    });
    FileRead { span, came }
}

/// Returns the frames in the bytes of a file, as they were before something converted their line ends.
pub(crate) fn frames_of(bytes: Bytes) -> Frames {
    let mut frames = Frames::new(bytes);
    frames.check_ahead();
    let restored = if frames.are_checked() { None } else { restored_frames(frames.bytes()) };
    restored.map_or(frames, Frames::new)
}

/// Reads the bytes of such a file, which are for the caller to verify.
pub(crate) fn read_bare<F: Fs>(
    fs: &F,
    dir: &F::Dir,
    name: &OsStr,
    limit: u64,
    fetch: bool,
) -> Result<Bare, (Option<Version>, End)> {
    read_into(fs, (dir, name), limit, fetch, &Buffers::default())
}

/// The head that a file holds, if it can be read now.
pub(crate) fn read_head<F: Fs>(fs: &F, dir: &F::Dir, name: &OsStr) -> Option<Head> {
    let bare = read_bare(fs, dir, name, MAX_HEAD as u64, false).ok()?;
    Head::decode(&bare.bytes).or_else(|_| restored_head(&bare.bytes)).ok()
}

fn read_into<F: Fs>(
    fs: &F,
    (dir, name): (&F::Dir, &OsStr),
    limit: u64,
    fetch: bool,
    buffers: &Buffers,
) -> Result<Bare, (Option<Version>, End)> {
    let found = |version, finding| (version, End::Read(Some(finding)));
    let failed = |version, error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => (version, End::Vanished),
        _ if is_in_use(&error) && planted!(InUseIsBad) => {
            found(version, Finding::Foreign(ForeignReason::Bad(BadFrame::Digest)))
        }
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
    let mut buffer = buffers.buffer(usize::try_from(named.len).unwrap_or(0) + 1);
    let read = fs.read(&mut file, buffer.as_mut()).map_err(|error| failed(version, error))?;
    let after = fs.stat_file(&file).map_err(|error| failed(version, error))?.version();
    let held_still = named.version() == after && u64::try_from(read) == Ok(named.len);
    // What was opened has to be what had the name.
    if !named.version().is_same_thing(&after) || (!held_still && planted!(TimesOutrankContent)) {
        return Err(found(version, Finding::Pending(PendingReason::Changing)));
    }
    Ok(Bare { version: after, bytes: buffer.into_bytes(read), held_still })
}
