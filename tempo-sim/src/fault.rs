//! The faults that a run can contain.

/// A kind of fault in a run, in addition to the behavior of the service itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fault {
    /// Machines lose power and restart.
    Crash,
    /// Machines lose power in the middle of a file operation.
    TornCall,
    /// A file operation fails.
    FailedCall,
    /// A commit to the store fails, although the store may have kept it.
    FailedCommit,
    /// Members are offline for a while.
    Offline,
    /// Another program deletes files or directories of other members, or the whole session.
    Deletion,
    /// Another program overwrites messages, or takes the name of the next one.
    Overwriting,
    /// A folder reverts to an earlier state.
    Rollback,
    /// A disk is full for a while.
    DiskFull,
    /// The folder contains things that are not messages.
    OddFiles,
    /// The folder is unmounted for a while.
    Unmount,
    /// Members compare their own messages with the folder only when they start, so that the start alone must repair
    /// everything.
    NoScrubbing,
    /// Wall clocks are wrong and jump.
    Clocks,
    /// Notifications of changes get lost.
    LostHints,
    /// Disks keep coarse times or times that reading changes, show lengths before contents, fold case, decompose
    /// names, stage on another volume, belong to several users, or look before they rename.
    OddDisks,
    /// A machine is cloned, with its disk and store.
    Cloned,
    /// A store is restored to an earlier state.
    RestoredStore,
    /// A store is lost.
    LostStore,
    /// A second process looks into a folder, or cleans it up.
    SecondProcess,
    /// An application takes no events for a while.
    SlowReader,
    /// Members pack their messages early, into small packs.
    Packs,
    /// A file cannot be opened for a while, often while the machine restarts.
    LockedFile,
    /// Members run on Linux, Windows and macOS.
    Systems,
    /// A member leaves, for good or for a while, and everything that it wrote disappears with it. Another member
    /// joins only afterwards.
    Departure,
    /// Something treats messages as text and converts their line ends on the way to some members.
    LineEnds,
    /// The volume of a store is full for a while.
    StoreFull,
    /// A person copies the session folder and continues with a new song in the copy, which the service also carries.
    CopiedSession,
    /// Something undoes what a member writes: it moves files or the directory away, or replaces the files.
    Undone,
    /// A service is signed out and in: a folder is empty at first and fills again file by file, over minutes.
    Relinked,
    /// Members retire each other, or leave by their own word. Some write again.
    Retirement,
    /// The members sign, and somebody who can write the folder writes messages and heads as others.
    Forger,
    /// The members sign, and somebody who has copied a member's store and keys writes with them.
    Thief,
    /// Members send files with messages, whose parts are damaged, deleted, deselected, kept online or find no room.
    Files,
}

impl Fault {
    /// Every fault.
    pub const ALL: [Self; 33] = [
        Self::Crash,
        Self::TornCall,
        Self::FailedCall,
        Self::FailedCommit,
        Self::Offline,
        Self::Deletion,
        Self::Overwriting,
        Self::Rollback,
        Self::DiskFull,
        Self::OddFiles,
        Self::Unmount,
        Self::NoScrubbing,
        Self::Clocks,
        Self::LostHints,
        Self::OddDisks,
        Self::Cloned,
        Self::RestoredStore,
        Self::LostStore,
        Self::SecondProcess,
        Self::SlowReader,
        Self::Packs,
        Self::LockedFile,
        Self::Systems,
        Self::Departure,
        Self::CopiedSession,
        Self::LineEnds,
        Self::StoreFull,
        // At the end, so that seeds without them draw what they drew before.
        Self::Undone,
        Self::Relinked,
        Self::Forger,
        Self::Retirement,
        Self::Thief,
        Self::Files,
    ];

    /// Faults that only a member with its store can repair.
    pub(crate) const NEED_THE_STORE: [Self; 7] = [
        Self::Rollback,
        Self::Deletion,
        Self::Overwriting,
        Self::TornCall,
        Self::Crash,
        Self::FailedCommit,
        Self::Undone,
    ];

    /// Returns how many plans in a thousand contain the fault. Faults that rule out others are rarer.
    pub(crate) fn frequency(self) -> u32 {
        match self {
            Self::Cloned
            | Self::RestoredStore
            | Self::LostStore
            | Self::Departure
            | Self::LineEnds
            | Self::StoreFull
            | Self::Undone
            | Self::Relinked => 150,
            Self::Retirement => 300,
            Self::Files => 200,
            Self::Forger => 700,
            Self::Thief => 560,
            _ => 500,
        }
    }
}
