//! One thing that is worth telling.

use std::ops::RangeInclusive;

use tempo_clock::AuthorId;

use crate::doctor::words::People;

/// Something that is wrong, or good to know, in sentences for people.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// What it is, for programs.
    pub kind: FindingKind,
    /// Whether somebody has to do something.
    pub severity: Severity,
    /// Whose messages it is about, if it is about those of one member.
    pub author: Option<AuthorId>,
    /// The name of that member as it wrote it: to be escaped before it is printed, and perhaps also that of others.
    pub who: Option<String>,
    /// The file or directory that it is about, relative to the folder, if it is about exactly one.
    pub place: Option<String>,
    /// What it is.
    pub message: String,
    /// What that means.
    pub meaning: String,
    /// Whether anything is lost.
    pub lost: Loss,
    /// What to do.
    pub advice: String,
    /// The numbers of the author's messages that it is about, as ranges that ascend.
    pub numbers: Vec<RangeInclusive<u64>>,
    /// The files and directories that it is about, relative to the folder, each perhaps with a colon and what is known
    /// of it; all of them.
    pub files: Vec<String>,
}

/// What a [`Finding`] is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum FindingKind {
    /// The folder is away, emptied or another one.
    FolderAway,
    /// The folder is there and cannot be read.
    FolderUnreadable,
    /// Nothing can be written into the folder.
    FolderReadOnly,
    /// There is little or no room left for the folder.
    FolderFull,
    /// The folder holds more files than services like.
    FolderTooLarge,
    /// The system does not tell when something changes in the folder.
    NotWatched,
    /// No service seems to carry the folder to other people.
    NotShared,
    /// The local state as a whole cannot be read or written.
    StateUnusable,
    /// The local store cannot be used.
    StoreUnusable,
    /// The local store was not closed, or is damaged.
    StoreUnclean,
    /// The local store was written by newer software.
    StoreNewer,
    /// Another process has the local store open.
    StoreInUse,
    /// There is no room left for the local store.
    StoreFull,
    /// What arrives cannot be kept.
    StoreFails,
    /// Another device writes under one's own name.
    IdentityInUse,
    /// Own messages are not in the folder yet.
    Unpublished,
    /// Something else lies in the place of an own message.
    Occupied,
    /// Messages of a member are missing although later ones are here, and there is no file for them.
    Gap,
    /// Messages of a member are here and not in the folder any more.
    Vanished,
    /// Messages of a member lie in the folder because another one keeps them there.
    Relayed,
    /// Messages of a member have been written, as it hints, and are not here yet.
    OnTheWay,
    /// Messages wait for others.
    Held,
    /// A member's message exists in two versions.
    Fork,
    /// Messages were refused.
    Refused,
    /// Files whose content is not on this machine.
    OnlineOnly,
    /// Files that are there in part.
    Incomplete,
    /// Files that another program holds open.
    InUse,
    /// Files that cannot be read.
    Unreadable,
    /// Messages of newer software.
    Newer,
    /// Files that look like messages and are damaged.
    Damaged,
    /// Something on the way changes bytes.
    ChangedOnTheWay,
    /// Something else lies in the place of messages, or of a directory.
    InTheWay,
    /// Messages under names that are not read.
    Misplaced,
    /// Hints of a member that are damaged.
    DamagedHead,
    /// Something that does not belong to the session.
    Foreign,
    /// Files of sync services and systems.
    Harmless,
    /// More unusual files than are remembered.
    Unlisted,
    /// Copies in which nothing is new.
    EqualCopy,
    /// Copies of a member's hints.
    HeadCopy,
    /// An author's directory that is there more than once.
    DoubledDirectory,
    /// What is written here is moved away or replaced every time.
    Undone,
    /// Other pieces of the session's folder lie beside it.
    SplitFolder,
    /// Directories beside the session's folder may be pieces of it, and are not read.
    UndecidedFolder,
    /// Copies of the session's folder lie beside it and go on by themselves.
    CopyBeside,
    /// A member's clock is ahead.
    ClockAhead,
    /// A member's clock is behind another one, or was set back.
    ClockBehind,
    /// The folder is a copy of another one that is still there.
    CopiedFolder,
    /// A member goes on as another one.
    Successor,
    /// A member has not received what others have for long.
    Lagging,
    /// A member has not been heard of for long.
    Silent,
}

/// Whether somebody has to do something. What wants attention comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Severity {
    /// Somebody should do something, or know why not.
    Attention,
    /// Harmless, and good to know.
    Info,
}

/// Whether anything is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Loss {
    /// Nothing.
    Nothing,
    /// Nothing, as long as the device that wrote it has it and comes back.
    Elsewhere,
    /// Perhaps, if nobody does anything.
    Possible,
}

impl FindingKind {
    /// The name of the kind in `--json`; it does not change.
    pub const fn name(self) -> &'static str {
        match self {
            Self::FolderAway => "folder-away",
            Self::FolderUnreadable => "folder-unreadable",
            Self::FolderReadOnly => "folder-read-only",
            Self::FolderFull => "folder-full",
            Self::FolderTooLarge => "folder-too-large",
            Self::NotWatched => "not-watched",
            Self::NotShared => "not-shared",
            Self::StateUnusable => "state-unusable",
            Self::StoreUnusable => "store-unusable",
            Self::StoreUnclean => "store-unclean",
            Self::StoreNewer => "store-newer",
            Self::StoreInUse => "store-in-use",
            Self::StoreFull => "store-full",
            Self::StoreFails => "store-fails",
            Self::IdentityInUse => "identity-in-use",
            Self::Unpublished => "unpublished",
            Self::Occupied => "occupied",
            Self::Gap => "gap",
            Self::Vanished => "vanished",
            Self::Relayed => "relayed",
            Self::OnTheWay => "on-the-way",
            Self::Held => "held",
            Self::Fork => "fork",
            Self::Refused => "refused",
            Self::OnlineOnly => "online-only",
            Self::Incomplete => "incomplete",
            Self::InUse => "in-use",
            Self::Unreadable => "unreadable",
            Self::Newer => "newer",
            Self::Damaged => "damaged",
            Self::ChangedOnTheWay => "changed-on-the-way",
            Self::InTheWay => "in-the-way",
            Self::Misplaced => "misplaced",
            Self::DamagedHead => "damaged-head",
            Self::Foreign => "foreign",
            Self::Harmless => "harmless",
            Self::Unlisted => "unlisted",
            Self::EqualCopy => "equal-copy",
            Self::HeadCopy => "head-copy",
            Self::DoubledDirectory => "doubled-directory",
            Self::Undone => "undone",
            Self::SplitFolder => "split-folder",
            Self::UndecidedFolder => "undecided-folder",
            Self::CopyBeside => "copy-beside",
            Self::ClockAhead => "clock-ahead",
            Self::ClockBehind => "clock-behind",
            Self::CopiedFolder => "copied-folder",
            Self::Successor => "successor",
            Self::Lagging => "lagging",
            Self::Silent => "silent",
        }
    }
}

impl Finding {
    /// Something that wants attention, and by which nothing is lost.
    pub(super) fn new(kind: FindingKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            severity: Severity::Attention,
            author: None,
            who: None,
            place: None,
            message: message.into(),
            meaning: String::new(),
            lost: Loss::Nothing,
            advice: String::new(),
            numbers: Vec::new(),
            files: Vec::new(),
        }
    }

    pub(super) fn info(self) -> Self {
        Self { severity: Severity::Info, ..self }
    }

    pub(super) fn of(self, author: AuthorId, people: &People) -> Self {
        Self { author: Some(author), who: people.raw(author), ..self }
    }

    pub(super) fn meaning(self, meaning: impl Into<String>) -> Self {
        Self { meaning: meaning.into(), ..self }
    }

    pub(super) fn lost(self, lost: Loss) -> Self {
        Self { lost, ..self }
    }

    pub(super) fn may_lose(self) -> Self {
        Self { lost: Loss::Possible, ..self }
    }

    pub(super) fn advice(self, advice: impl Into<String>) -> Self {
        Self { advice: advice.into(), ..self }
    }

    pub(super) fn numbers(self, numbers: Vec<RangeInclusive<u64>>) -> Self {
        Self { numbers, ..self }
    }

    /// The files that it is about, each with what is known of it.
    pub(super) fn files(self, files: Vec<(String, Option<String>)>) -> Self {
        let place = match files.as_slice() {
            [(place, _)] => Some(place.clone()),
            _ => None,
        };
        let item = |(place, about): (String, Option<String>)| match about {
            Some(about) => format!("{place}: {about}"),
            None => place,
        };
        Self { place, files: files.into_iter().map(item).collect(), ..self }
    }
}
