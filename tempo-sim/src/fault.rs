//! What may go wrong in a run.

/// What may go wrong in a run, besides the manners of the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fault {
    /// Machines lose power, and start again.
    Crash,
    /// Machines lose power in the middle of a file operation.
    TornCall,
    /// A file operation fails.
    FailedCall,
    /// A commit of the store fails; it may have been kept all the same.
    FailedCommit,
    /// Members are offline for a while.
    Offline,
    /// Somebody deletes files or directories of others, or the whole session.
    Deletion,
    /// Somebody writes something else over messages, or under the name of the next one.
    Overwriting,
    /// A folder is put back to what it was.
    Rollback,
    /// A disk is full for a while.
    DiskFull,
    /// Things lie in the folder that are no messages.
    OddFiles,
    /// The folder is unmounted for a while.
    Unmount,
    /// Own messages are compared with the folder at the start only, so that the start alone has to put things right.
    NoScrubbing,
    /// Wall clocks are wrong and jump.
    Clocks,
    /// Hints about changes get lost.
    LostHints,
    /// Disks have coarse times or times that reading moves, show lengths before contents, fold case, decompose names, stage on
    /// another volume, belong to several users, or look before they rename.
    OddDisks,
    /// A machine is cloned, disk and store.
    Cloned,
    /// A store is put back to an earlier state.
    RestoredStore,
    /// A store is lost.
    LostStore,
    /// A second process looks into a folder, or tidies it up.
    SecondProcess,
    /// An application takes no events for a while.
    SlowReader,
    /// Members pack their messages, soon and into small packs.
    Packs,
    /// A file cannot be opened for a while, often while the machine starts again.
    LockedFile,
    /// Members sit at Linux, Windows and macOS.
    Systems,
    /// A member goes, for good or for a while, and everything that it wrote with it; somebody else joins only then.
    Departure,
    /// Something takes messages for text, and converts their line ends on the way to some members.
    LineEnds,
    /// The volume of a store is full for a while.
    StoreFull,
    /// Somebody copies the session folder, and a new song begins in the copy, which the service carries as well.
    CopiedSession,
}

impl Fault {
    /// Every fault.
    pub const ALL: [Self; 27] = [
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
    ];

    /// What only somebody can put right who has the store.
    pub(crate) const NEED_THE_STORE: [Self; 6] =
        [Self::Rollback, Self::Deletion, Self::Overwriting, Self::TornCall, Self::Crash, Self::FailedCommit];

    /// Of a thousand plans so many have it. Some rule others out, so they are not in every second one.
    pub(crate) fn frequency(self) -> u32 {
        match self {
            Self::Cloned
            | Self::RestoredStore
            | Self::LostStore
            | Self::Departure
            | Self::LineEnds
            | Self::StoreFull => 150,
            _ => 500,
        }
    }
}
