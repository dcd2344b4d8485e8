//! The folder as a whole, its service, its volume, and the local store.

use std::{collections::BTreeSet, path::PathBuf};

use tempo_clock::AuthorId;
use tempo_fs_transport::{Stray, Survey};
use tempo_message::printable_text;

use super::finding::FindingKind::{
    FolderAway, FolderFull, FolderReadOnly, FolderTooLarge, FolderUnreadable, NotShared, NotWatched, StateUnusable,
    StoreFails, StoreFull, StoreInUse, StoreNewer, StoreUnclean, StoreUnusable,
};
use crate::doctor::{
    compare::{Lag, Vanished},
    files::FilesFound,
    finding::Finding,
    words::{People, counted},
};
use crate::{api::status::Status, engine::event::FolderState, store::error::StoreError};

/// The facts about a session beside its status. Unknown facts are not diagnosed.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Surroundings {
    /// The wall clock of this machine, in milliseconds since 1970.
    pub unix_ms: Option<i64>,
    /// The extent of the folder.
    pub survey: Option<Survey>,
    /// The sync service that the folder seems to belong to. Meaningful only if there is a survey.
    pub service: Option<&'static str>,
    /// The author of this installation in this folder, even if its store could not be read.
    pub me: Option<AuthorId>,
    /// The state of the local store.
    pub store: LocalStore,
    /// The reason why the local state cannot be written, if so.
    pub state_error: Option<String>,
    /// Messages of other members that are here but no longer in the folder.
    pub vanished: Vec<Vanished>,
    /// Files and directories that are not read and contain messages that the folder has nowhere
    /// else.
    pub strays: Vec<Stray>,
    /// Places that were not examined and may contain messages, named as in the report.
    pub unseen: BTreeSet<String>,
    /// The copies that [`remove_redundant`](crate::Builder::remove_redundant) would remove.
    pub redundant: BTreeSet<String>,
    /// The files that messages name.
    pub files: FilesFound,
    /// Members that have not received what others have.
    pub lagging: Vec<Lag>,
    /// The path of the local store, if its disk is full.
    pub full_store: Option<PathBuf>,
    /// The folder that this one was copied from, if that is still in its place.
    pub original: Option<PathBuf>,
}

/// The result of reading the local store.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum LocalStore {
    /// There is none for this folder, or it is in order.
    #[default]
    Fine,
    /// Another process has it open.
    InUse {
        /// The process that has it open.
        holder: String,
    },
    /// It was not closed, or is damaged. Opening it for writing repairs it if possible.
    Unclean {
        /// The path of the store.
        path: PathBuf,
    },
    /// It was written by newer software.
    Newer,
    /// Permissions forbid reading it.
    Denied {
        /// The error that the system reported.
        why: String,
    },
    /// It cannot be read.
    Unusable {
        /// The path of the store.
        path: PathBuf,
        /// The error that the system reported.
        why: String,
    },
}

impl LocalStore {
    /// Returns whether the store says what has been sent and received here.
    pub fn is_known(&self) -> bool {
        *self == Self::Fine
    }
}

/// The number of files above which the folder counts as too large. OneDrive recommends at most
/// 300,000 items in everything that it syncs; this is a third of that.
const MANY: u64 = 100_000;
/// The free space, in bytes, below which the disk counts as full. A message has up to 16 MiB.
const LITTLE_ROOM: u64 = 64 * 1024 * 1024;

pub(super) fn folder(status: &Status, around: &Surroundings, findings: &mut Vec<Finding>) {
    match &status.folder {
        FolderState::Detached { .. } if !around.strays.is_empty() => findings.push(
            Finding::new(
                FolderAway,
                "The session folder holds messages, but no member's directory is where it belongs.",
            )
            .meaning(
                "Directories were moved or renamed there. Nothing counts as deleted. What you write is kept on this \
                 computer until they are back.",
            )
            .advice("Move the directories back to their places and names. The findings below say where they are now."),
        ),
        FolderState::Detached { why } => findings.push(
            Finding::new(FolderAway, format!("The session folder is away: {}.", printable_text(why)))
                .meaning(
                    "It was moved, emptied, unmounted or replaced by another one. Nothing in it counts as deleted. \
                     What you write is kept on this computer until the folder is back.",
                )
                .advice("Plug in the disk, start the sync service, or bring the folder back to its place."),
        ),
        FolderState::Unreadable { why } => findings.push(
            Finding::new(FolderUnreadable, format!("The session folder cannot be read: {}.", printable_text(why)))
                .meaning("Nothing arrives and nothing leaves until it can be read. What you write is kept here.")
                .advice("Check the permissions of the folder, and whether its disk and its service work."),
        ),
        FolderState::Unknown | FolderState::Attached => {}
    }
    if let Some(why) = &status.report.without_hints {
        findings.push(
            Finding::new(
                NotWatched,
                format!("The system does not report changes in the folder: {}.", printable_text(why)),
            )
            .info()
            .meaning("The folder is checked from time to time instead. Messages appear a few seconds later.")
            .advice("Nothing. On Linux, a higher limit of inotify watches may help."),
        );
    }
}

pub(super) fn store(status: &Status, around: &Surroundings, findings: &mut Vec<Finding>) {
    if let Some(why) = &status.store_error {
        findings.push(
            Finding::new(
                StoreFails,
                format!("Received messages cannot be stored on this computer: {}.", printable_text(why)),
            )
            .meaning("You see the messages, and they stay in the folder. They are read again the next time.")
            .advice("Make room on the disk of this computer, and check the permissions of the local store."),
        );
    }
    let denied = match &around.store {
        LocalStore::Denied { why } => Some(why),
        _ => around.state_error.as_ref(),
    };
    if let Some(why) = denied {
        findings.push(
            Finding::new(StateUnusable, format!("The local state cannot be used: {}.", printable_text(why)))
                .meaning(
                    "What you write has to be kept on this computer before it goes into the folder, so you cannot \
                     write now. Everything in the folder is safe.",
                )
                .advice("Check the permissions and the disk, or choose another directory with --state."),
        );
    }
    if let Some(path) = &around.full_store {
        findings.push(
            Finding::new(
                StoreFull,
                format!(
                    "There is no room left on the disk of the local store, {}.",
                    printable_text(&path.display().to_string())
                ),
            )
            .meaning(
                "What you write has to be kept there before it goes into the folder, so you cannot write now. Nothing \
                 of what you wrote before is lost, and what others write is read from the folder.",
            )
            .advice(
                "Make room on this disk, and everything continues automatically. Do not move any of the local state.",
            ),
        );
    }
    let unseen = "It may hold messages of yours that are nowhere else; this cannot be determined now. ";
    findings.push(match &around.store {
        LocalStore::Fine | LocalStore::Denied { .. } => return,
        LocalStore::InUse { holder } => {
            Finding::new(StoreInUse, format!("The session is open at the moment, in {}.", printable_text(holder)))
                .info()
                .meaning(
                    "This is what the folder alone shows. Meanwhile it is unknown whether everything that you wrote is \
                     in the folder.",
                )
                .advice("End the session there, and check again to see more.")
        }
        LocalStore::Unclean { path } => Finding::new(
            StoreUnclean,
            "The local store was not closed the last time, or is damaged.",
        )
        .may_lose()
        .meaning(format!(
            "Usually the program or the computer was stopped while the session was open, and nothing is lost. \
             {unseen}This is what the folder alone shows."
        ))
        .advice(format!(
            "Open the session, for instance with `tempo status`: that repairs the store if possible. If it cannot be \
             opened: {}",
            StoreError::beginning_anew(path)
        )),
        LocalStore::Newer => Finding::new(
            StoreNewer,
            "The local store was written by a newer version of this software.",
        )
        .meaning(format!(
            "This version cannot read it, and changes nothing in it. {unseen}This is what the folder alone shows."
        ))
        .advice("Update this software."),
        // The full disk is the cause, and has its own finding.
        LocalStore::Unusable { .. } if around.full_store.is_some() => return,
        LocalStore::Unusable { path, why } => {
            Finding::new(StoreUnusable, format!("The local store cannot be read: {}.", printable_text(why)))
                .may_lose()
                .meaning(format!("{unseen}Everything in the folder is safe. This is what the folder alone shows."))
                .advice(StoreError::beginning_anew(path))
        }
    });
}

pub(super) fn volume(around: &Surroundings, people: &People, findings: &mut Vec<Finding>) {
    let Some(survey) = &around.survey else { return };
    let is_mine = |author: &AuthorId| people.is_me(*author);
    if let Some(me) = survey.unwritable.iter().find(|author| is_mine(author)).filter(|_| !survey.volume.read_only) {
        findings.push(
            Finding::new(FolderReadOnly, "Your directory in the session folder cannot be written: permission denied.")
                .meaning(
                    "It belongs to another user of this computer, or its permissions were changed, often by a sync \
                     service that runs as another user. What you write is kept on this computer and reaches no other \
                     member.",
                )
                .advice("Give yourself permission to write to this directory and to everything in it.")
                .files(vec![(me.to_string(), None)]),
        );
    }
    if survey.volume.read_only && people.me.is_some() {
        findings.push(
            Finding::new(FolderReadOnly, "Nothing can be written into the session folder.")
                .meaning(
                    "You see what others write. What you write is kept on this computer and reaches no other member.",
                )
                .advice("Check the permissions of the folder, and whether it was shared with you as read-only."),
        );
    }
    if let Some(free) = survey.volume.free_bytes.filter(|free| *free < LITTLE_ROOM) {
        let room = if free == 0 { "no room".to_owned() } else { format!("only {} KiB of room", free / 1024) };
        findings.push(
            Finding::new(FolderFull, format!("There is {room} left on the disk of the session folder."))
                .meaning("Messages may neither arrive nor leave until there is more. They wait meanwhile.")
                .advice("Make room on the disk, and check whether the quota of the sync service is used up."),
        );
    }
    if survey.entries > MANY {
        findings.push(
            Finding::new(FolderTooLarge, format!("The session folder holds {}.", counted(survey.entries, "file")))
                .meaning(
                    "Sync services become slow with very many files. OneDrive recommends at most 300,000 in all \
                     folders together; other services have similar limits.",
                )
                .advice(
                    "Continue in a new session folder, and remove this one from the sync service when every member has \
                     read it.",
                ),
        );
    }
}

pub(super) fn service(status: &Status, around: &Surroundings, people: &People, findings: &mut Vec<Finding>) {
    let Some(survey) = &around.survey else { return };
    let mut authors = status.members.iter().map(|member| member.author).chain(survey.authors.iter().copied());
    let is_alone = authors.all(|author| people.is_me(author));
    if around.service.is_some() || !is_alone {
        return;
    }
    findings.push(
        Finding::new(NotShared, "The session folder does not seem to be shared.")
            .meaning(
                "You are the only member that has written here, and no sign of a known sync service was found at the \
                 folder or above it. This is not proof: a network drive, a USB stick or an unknown service leaves no \
                 sign.",
            )
            .advice(
                "If others are to take part, put the folder into one that your sync service shares with them. If it is \
                 there already, there is nothing to do.",
            ),
    );
}
