//! Defects that are put in on purpose, one at a time, to see whether the simulator finds them.
//!
//! Only with the feature `planted`, which no product enables; without it `planted!` is `false` and leaves no trace.

use std::{cell::Cell, fmt};

macro_rules! bugs {
    ($($bug:ident: $about:literal,)*) => {
        /// A defect of the kind that people really write.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[allow(missing_docs, reason = "`about` says it")]
        pub enum Bug {
            $($bug,)*
        }

        impl Bug {
            /// Every defect.
            pub const ALL: &[Self] = &[$(Self::$bug,)*];

            /// What the defect is.
            pub const fn about(self) -> &'static str {
                match self {
                    $(Self::$bug => $about,)*
                }
            }
        }
    };
}

bugs! {
    SignatureUnchecked: "the signature of a message is not verified",
    BadSignatureRejects: "a message with a bad signature counts as known, so that the real one is passed over",
    FirstOfRunVerified: "of messages that arrive together, only the first one is verified",
    HeadUnsigned: "heads of signed authors count without a signature",
    KeyNotedLate: "the key of a new author is kept only after the author was noted and has written",
    SuccessorUnproven: "a new author does not prove whose place it takes",
    SuccessorUnverified: "a new author's proof of whose place it takes is not verified",
    PartUnverified: "a damaged part of a file counts as fetched",
    PartsBeforeStore: "a file counts as attached before its copy is durable",
    MessageWaitsForParts: "messages wait until all parts of files are in the folder",
    ReleaseForgotten: "the parts of a released file are never removed",
    RemovedAtOnce: "the parts of a released file are removed as soon as everybody has the release",
    DeselectedIsDeleted: "a place for parts that was deselected is made and filled again",
    PutBackForEver: "a part is put back however often it is removed",
    OriginalUnchecked: "an original is sent although it has changed",
    ContentBeforeRecord: "content is discarded before its record says so",
    RetiredForEver: "a retired author that writes again is still not waited for",
    RetiredIsWaitedFor: "a retired author keeps messages from becoming stable",
    RetireByArrival: "a message that a retired author wrote before it knew undoes the retirement",
    UuidUnchecked: "an author's key need not give its uuid",
    NoRelay: "messages of others that have vanished are not put back",
    RelayAtOnce: "messages of others that have vanished are put back without waiting for anybody",
    RelinkedIsGone: "messages of others are put back although most of the folder has vanished",
    RelayNeverRemoved: "what was put back for others is never taken back",
    NoFsync: "a durable publication is not synced",
    StrangeIsBad: "a small file of an unknown service counts as a damaged message",
    InPlace: "messages are written under their final name",
    NoMend: "what a loss of power left is taken for somebody else's message",
    TakenIsPublished: "a name that is taken counts as published, whatever it holds",
    UndoneIsRepeated: "a directory that is moved aside each time is made again without end",
    NamesWithoutEnd: "a message whose file is replaced each time is given one more name without end",
    NoSweep: "staged files of an earlier process are left",
    NoFallback: "staging on another volume fails for ever",
    TrustHints: "a directory is listed only when the watcher says so",
    TrustTimes: "a directory is listed only when its times change",
    IgnoreCopies: "conflict copies are not read",
    IgnoreCopiedDirs: "duplicated directories are not read",
    IgnoreParts: "the second part of a session's folder is not read",
    PartByTable: "the second part of a session's folder is known by an English name alone",
    CopyIsPart: "a copy of a session that goes on by itself is read as a part of it",
    CopiesAreKnown: "a conflict copy of a counter that is known is not read",
    GapsAreKnown: "every counter up to the greatest is taken for known",
    PartialIsFinal: "a file that was incomplete once is never read again",
    EverRarer: "a file that is not whole is looked at ever more rarely",
    UnreadableIsFinal: "a file that could not be read once is never read again",
    OpenOnlineOnly: "files whose content is not here are opened",
    PlaceholderIsMissing: "an own message that is online only counts as deleted",
    BadStopsDirectory: "a bad file ends the reading of its directory",
    EmptiedIsFine: "an emptied folder is taken for the session",
    DeletedIsAway: "a session that was deleted is taken for unmounted for ever",
    SilentForeign: "files that are not ours are not reported",
    DigestUnchecked: "the digest of a frame is not compared",
    AnyAuthorsFile: "a message in another author's directory is taken for that author's affair",
    NoDedupe: "a message that arrives again is taken again",
    NoHold: "a message is accepted without its parents",
    UnverifiedClock: "any logical time is believed",
    ClockByArrival: "a message is refused when its wall clock is far from the last one's",
    ReleaseOne: "of several messages that wait for one, only the first is released",
    OrderByArrival: "the timeline is in the order of arrival",
    OrderByWallClock: "the timeline is in the order of wall clocks",
    OrderByAuthor: "the timeline is in the order of authors",
    PositionOffByOne: "the position of a late message is told one too high",
    NoParents: "a message does not name what its author has seen of others",
    AllParents: "a message names parents that others imply",
    TimeOfOwnLast: "a message's time is one more than that of the own previous message",
    CounterFromStoreMinusOne: "after a restart the last counter is used again",
    LazySend: "send returns before the message is durable",
    SendWithoutStore: "send goes on when the store fails",
    ReceivedNotKept: "what was received is not put into the store",
    DropOnError: "a message whose publication fails is forgotten",
    RetryNever: "after a failed publication there is no second attempt",
    DetachedForEver: "a folder that was away once is never looked at again",
    OneBlocksAll: "a message that cannot be published keeps the later ones waiting",
    NoAudit: "what was sent earlier is not looked for in the folder",
    NoScrub: "own messages are compared with the folder at the start only",
    AuditByLength: "a file of the right length is taken for whole",
    AuditedTooEarly: "the audit is noted as done before it is",
    NeverAtRest: "the driver asks for another turn as long as anything waits",
    WriteOn: "an author goes on writing while another installation writes under its name",
    NoSuccessor: "a new author does not say whose place it takes",
    FormerIsForgotten: "what was written as a former author is not looked after",
    CopyGoesOn: "a copied store goes on under the author of the original",
    HeadClaimsTooMuch: "a head claims what is not durable yet",
    LifeForgotten: "the life that a head tells of is not noted in the store",
    ForkUntold: "a fork is not reported",
    AnyCopyIsRedundant: "tidying removes copies without comparing them",
    PackUnsynced: "a pack is not synced before the files of which it was made are removed",
    PackUnread: "files beside a pack are removed without a look into the pack",
    PackedUnread: "files beside a pack are removed without a look into them",
    PackKnownByFirst: "a pack is taken for known when its first message is",
    PackNotMended: "a pack that is not whole any more is left as it is",
    EventTwice: "a message that was held is announced twice",
    NeverRolledBack: "a late message is applied to the latest state",
    CursorForgotten: "a cursor begins anew after a restart",
    HeadStabilizesTooMuch: "a head makes the order stable although messages of its author are missing",
    SnapshotSkipsOne: "behind the snapshot of a store the next row of its log is not read",
    NumberByHandle: "a file has another number when it is open",
    SyncToRead: "a file is synced by a handle that can only read",
    OneSpelling: "a folder that is away is known by the path alone to which it once led",
    RenameReplaces: "a message replaces what has taken its name a moment ago",
    PrivatePermissions: "a file keeps the permissions of the private place where it was staged",
    TimesOutrankContent: "a file whose times move while it is read is never taken for whole",
    LooksAreFinal: "a file that was damaged once is not read again as long as it looks the same",
    ConvertedIsBad: "a file whose line ends were converted counts as damaged",
    FullIsBroken: "a store that had no room once is not written to again",
    InUseIsBad: "a file that another program has open is taken for damaged",
    WatchEach: "each directory is watched although the folder's watch covers it",
    WatchLeaks: "the watch before is not ended when the folder is watched again",
    FullSyncOnly: "a volume that syncs only to itself gets nothing published",
    FolderSpelled: "a folder's name in another Unicode form is another name",
    DatalessListed: "a directory that is not on this machine is listed while everything waits",
    StableForgotten: "what is stable is not noted in the store",
}

thread_local! {
    static PLANTED: Cell<Option<Bug>> = const { Cell::new(None) };
}

impl Bug {
    /// Puts the defect into this thread until the answer is dropped.
    #[must_use]
    pub fn plant(self) -> Planted {
        PLANTED.set(Some(self));
        Planted { _private: () }
    }

    /// Whether this defect is in this thread now.
    pub fn is_planted(self) -> bool {
        PLANTED.get() == Some(self)
    }
}

impl fmt::Display for Bug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// A planted defect. Dropping it takes the defect out.
#[derive(Debug)]
pub struct Planted {
    _private: (),
}

impl Drop for Planted {
    fn drop(&mut self) {
        PLANTED.set(None);
    }
}
