//! A single finding.

use std::ops::RangeInclusive;

use serde::{Serialize, Serializer};
use tempo_clock::AuthorId;

use crate::{doctor::words::People, json};

/// Something that is wrong, or good to know, in sentences for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Finding {
    /// The kind, for programs.
    pub kind: FindingKind,
    /// The urgency.
    pub severity: Severity,
    /// The author of the messages in question, if all are of one member.
    pub author: Option<AuthorId>,
    /// The name of that member as the member wrote it. Escape it before printing; other members may
    /// have the same name.
    pub who: Option<String>,
    /// The file or directory in question, relative to the folder, if there is exactly one.
    pub place: Option<String>,
    /// The problem.
    pub message: String,
    /// Its meaning.
    pub meaning: String,
    /// The loss, if any.
    pub lost: Loss,
    /// The next step.
    pub advice: String,
    /// The numbers of the author's messages in question, as ascending ranges.
    #[serde(serialize_with = "json::pairs")]
    pub numbers: Vec<RangeInclusive<u64>>,
    /// All files and directories in question, relative to the folder, each with an optional note
    /// after a colon.
    pub files: Vec<String>,
}

/// The kinds of [`Finding`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum FindingKind {
    /// The folder is away, emptied or another one.
    FolderAway,
    /// The folder is there but cannot be read.
    FolderUnreadable,
    /// The folder cannot be written.
    FolderReadOnly,
    /// There is little or no room left for the folder.
    FolderFull,
    /// The folder holds more files than services handle well.
    FolderTooLarge,
    /// The system does not report changes in the folder.
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
    /// Received messages cannot be stored.
    StoreFails,
    /// Another device writes under this member's name.
    IdentityInUse,
    /// Own messages are not in the folder yet.
    Unpublished,
    /// Something else is in the place of an own message.
    Occupied,
    /// Messages of a member are missing although later ones are here, and there is no file for
    /// them.
    Gap,
    /// Messages of a member are here but no longer in the folder.
    Vanished,
    /// Messages of a member are in the folder because another member keeps them there.
    Relayed,
    /// Messages of a member have been written, according to its hints, but are not here yet.
    OnTheWay,
    /// Messages wait for others.
    Held,
    /// A member's message exists in two versions.
    Fork,
    /// Messages were refused.
    Refused,
    /// Messages are not proven to be by the member that they name.
    Unvouched,
    /// Hints of a member are not signed by it.
    UnsignedHead,
    /// Files whose content is not on this machine.
    OnlineOnly,
    /// Files that are incomplete.
    Incomplete,
    /// Files that another program has open.
    InUse,
    /// Files that cannot be read.
    Unreadable,
    /// Messages of newer software.
    Newer,
    /// Files that look like messages but are damaged.
    Damaged,
    /// Files that were changed on the way.
    ChangedOnTheWay,
    /// Something else is in the place of messages, or of a directory.
    InTheWay,
    /// Messages under names that are not read.
    Misplaced,
    /// Hints of a member that are damaged.
    DamagedHead,
    /// Something that does not belong to the session.
    Foreign,
    /// Files of sync services and systems.
    Harmless,
    /// More unusual files than the session remembers.
    Unlisted,
    /// Copies that contain nothing new.
    EqualCopy,
    /// Copies of a member's hints.
    HeadCopy,
    /// An author's directory that exists more than once.
    DoubledDirectory,
    /// Files that are written here are moved away or replaced every time.
    Undone,
    /// Other parts of the session's folder are beside it.
    SplitFolder,
    /// Directories beside the session's folder may be parts of it, and are not read.
    UndecidedFolder,
    /// Copies of the session's folder are beside it and have continued independently.
    CopyBeside,
    /// A member's clock is ahead.
    ClockAhead,
    /// A member's clock is behind another one, or was set back.
    ClockBehind,
    /// The folder is a copy of another one that is still there.
    CopiedFolder,
    /// A member has continued as a new one.
    Successor,
    /// A member says that it continues another one, and has not proven it.
    SuccessionClaimed,
    /// A member has not received, for a long time, what others have.
    Lagging,
    /// Messages may still move until a member that has not been heard of for a week writes.
    WaitedFor,
    /// A member has been silent for a long time.
    Silent,
    /// Parts of a file that a message names are not in the folder.
    FileMissing,
    /// Something else has the name of a part of a file.
    FileDamaged,
    /// The original of an own file has changed before all of it was in the folder.
    FileChanged,
    /// Somebody has removed parts of an own file again after they were put back.
    FileUnwanted,
    /// The directory of own files is gone.
    FileDeselected,
    /// Files wait because there is too little free space for them.
    FileNoRoom,
    /// Files in the directory of own files belong to no message.
    FileOrphans,
}

/// The urgency of a finding. Findings that need attention come first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Severity {
    /// The user should act, or know why not.
    Attention,
    /// Harmless, and good to know.
    Info,
}

/// The loss that a finding may mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Loss {
    /// No loss.
    Nothing,
    /// No loss, as long as the device that wrote it still has it and comes back.
    Elsewhere,
    /// A possible loss, unless a person acts.
    Possible,
}

impl FindingKind {
    /// Returns the name of the kind in JSON. Names never change.
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
            Self::Unvouched => "unvouched",
            Self::UnsignedHead => "unsigned-head",
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
            Self::SuccessionClaimed => "succession-claimed",
            Self::Lagging => "lagging",
            Self::WaitedFor => "waited-for",
            Self::Silent => "silent",
            Self::FileMissing => "file-missing",
            Self::FileDamaged => "file-damaged",
            Self::FileChanged => "file-changed",
            Self::FileUnwanted => "file-unwanted",
            Self::FileDeselected => "file-deselected",
            Self::FileNoRoom => "file-no-room",
            Self::FileOrphans => "file-orphans",
        }
    }
}

/// As its [name](FindingKind::name).
impl Serialize for FindingKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl Finding {
    /// Creates a finding that needs attention, without any loss.
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

    /// Sets the files in question, each with an optional note.
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
