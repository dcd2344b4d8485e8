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
    finding::Finding,
    words::{People, counted},
};
use crate::{api::status::Status, engine::event::Attachment, store::error::StoreError};

/// What is known of a session beside its status. Whatever is not known is not diagnosed.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Surroundings {
    /// What the wall clock of this machine shows, in milliseconds since 1970.
    pub unix_ms: Option<i64>,
    /// The extent of the folder.
    pub survey: Option<Survey>,
    /// The sync service that the folder seems to belong to; without a meaning unless there is a survey.
    pub service: Option<&'static str>,
    /// The author of this installation in this folder, also when its store could not be read.
    pub me: Option<AuthorId>,
    /// What came of the local store.
    pub store: LocalStore,
    /// Why the local state cannot be written, if that is so.
    pub state_error: Option<String>,
    /// Messages of others that are here and not in the folder any more.
    pub vanished: Vec<Vanished>,
    /// What is not read, with messages in it that are not in the folder otherwise.
    pub strays: Vec<Stray>,
    /// Where messages may lie that were not looked at, as the report names the places.
    pub unseen: BTreeSet<String>,
    /// The copies that [`remove_redundant`](crate::Builder::remove_redundant) would remove.
    pub redundant: BTreeSet<String>,
    /// Who has not received what others have.
    pub lagging: Vec<Lag>,
    /// The local store, if there is no room left on its disk.
    pub full_store: Option<PathBuf>,
    /// The folder of which this one is a copy, while it is still in its place.
    pub original: Option<PathBuf>,
}

/// What came of the local store when it was to be looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum LocalStore {
    /// There is none for this folder, or it is in order.
    #[default]
    Fine,
    /// Another process has it open.
    InUse {
        /// Who said so.
        holder: String,
    },
    /// It was not closed, or is damaged. Opening it for writing mends it, if it can be mended.
    Unclean {
        /// The store.
        path: PathBuf,
    },
    /// It was written by newer software.
    Newer,
    /// It may not be read.
    Denied {
        /// What the system said.
        why: String,
    },
    /// It cannot be read.
    Unusable {
        /// The store.
        path: PathBuf,
        /// What the system said.
        why: String,
    },
}

impl LocalStore {
    /// Whether it says what has been sent and received here.
    pub fn is_known(&self) -> bool {
        *self == Self::Fine
    }
}

/// OneDrive recommends at most 300,000 items in everything it syncs; this is a third of that.
const MANY: u64 = 100_000;
/// Less room than this is as good as none: a message has up to 16 MiB.
const LITTLE_ROOM: u64 = 64 * 1024 * 1024;

pub(super) fn folder(status: &Status, around: &Surroundings, findings: &mut Vec<Finding>) {
    match &status.attachment {
        Attachment::Detached { .. } if !around.strays.is_empty() => findings.push(
            Finding::new(FolderAway, "The session folder holds messages, and nobody's directory lies where it belongs.")
                .meaning(
                    "Directories were moved or renamed there. Nothing counts as deleted. What you write is kept on this \
                     computer until they are back.",
                )
                .advice("Bring the directories back to their places and names. Where they are now is said below."),
        ),
        Attachment::Detached { why } => findings.push(
            Finding::new(FolderAway, format!("The session folder is away: {}.", printable_text(why)))
                .meaning(
                    "It was moved, emptied, unmounted or replaced by another one. Nothing in it counts as deleted. What \
                     you write is kept on this computer until the folder is back.",
                )
                .advice("Plug in the disk, start the sync service, or bring the folder back to its place."),
        ),
        Attachment::Unreadable { why } => findings.push(
            Finding::new(FolderUnreadable, format!("The session folder cannot be read: {}.", printable_text(why)))
                .meaning("Nothing arrives and nothing leaves until it can be read. What you write is kept here.")
                .advice("Look at the permissions of the folder, and whether its disk or its service works."),
        ),
        Attachment::Unknown | Attachment::Attached => {}
    }
    if let Some(why) = &status.report.without_hints {
        findings.push(
            Finding::new(NotWatched, format!("Changes in the folder are not announced: {}.", printable_text(why)))
                .info()
                .meaning("The folder is looked at from time to time instead. Messages appear some seconds later.")
                .advice("Nothing. On Linux a higher limit of inotify watches may help."),
        );
    }
}

pub(super) fn store(status: &Status, around: &Surroundings, findings: &mut Vec<Finding>) {
    if let Some(why) = &status.store_error {
        findings.push(
            Finding::new(StoreFails, format!("What arrives cannot be kept on this computer: {}.", printable_text(why)))
                .meaning("You see the messages, and they stay in the folder. They are read again the next time.")
                .advice("Make room on the disk of this computer, and look at the permissions of the local store."),
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
                    "What you write has to be kept on this computer before it goes into the folder, so you cannot write \
                     now. Everything in the folder is safe.",
                )
                .advice("Look at the permissions and the disk, or name another directory with --state."),
        );
    }
    if let Some(path) = &around.full_store {
        findings.push(
            Finding::new(
                StoreFull,
                format!("There is no room left on the disk of the local store, {}.", printable_text(&path.display().to_string())),
            )
            .meaning(
                "What you write has to be kept there before it goes into the folder, so you cannot write now. Nothing of what \
                 you wrote before is lost, and what others write is read from the folder.",
            )
            .advice("Make room on this disk. Move nothing of the local state: everything goes on by itself then."),
        );
    }
    let unseen = "Messages of yours may lie only there, and whether there are any cannot be seen now. ";
    findings.push(match &around.store {
        LocalStore::Fine | LocalStore::Denied { .. } => return,
        LocalStore::InUse { holder } => {
            Finding::new(StoreInUse, format!("The session is open at the moment, in {}.", printable_text(holder)))
                .info()
                .meaning(
                    "This is what the folder alone shows. Whether everything that you wrote is in the folder cannot be \
                     seen meanwhile.",
                )
                .advice("End the session there and ask again to see more.")
        }
        LocalStore::Unclean { path } => Finding::new(
            StoreUnclean,
            "The local store was not closed the last time, or is damaged.",
        )
        .may_lose()
        .meaning(format!(
            "Mostly the program or the computer was stopped while the session was open. Then nothing is lost. \
                     {unseen}This is what the folder alone shows."
        ))
        .advice(format!(
            "Open the session, with `tempo status` for instance: that mends the store, if it can be mended. If it \
                     cannot be opened: {}",
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
        // That is said.
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
                    "It belongs to another user of this computer, or its permissions were changed, often by a sync service \
                     that runs as another user. What you write is kept on this computer and reaches nobody.",
                )
                .advice("Give yourself the permission to write in this directory and in what is in it.")
                .files(vec![(me.to_string(), None)]),
        );
    }
    if survey.volume.read_only && people.me.is_some() {
        findings.push(
            Finding::new(FolderReadOnly, "Nothing can be written into the session folder.")
                .meaning("You see what others write. What you write is kept on this computer and reaches nobody.")
                .advice("Look at the permissions of the folder, and whether it was shared with you for reading only."),
        );
    }
    if let Some(free) = survey.volume.free_bytes.filter(|free| *free < LITTLE_ROOM) {
        let room = if free == 0 { "no room".to_owned() } else { format!("only {} KiB of room", free / 1024) };
        findings.push(
            Finding::new(FolderFull, format!("There is {room} left on the disk of the session folder."))
                .meaning("Messages may neither arrive nor leave until there is more. They wait meanwhile.")
                .advice("Make room on the disk, and look whether the quota of the sync service is used up."),
        );
    }
    if survey.entries > MANY {
        findings.push(
            Finding::new(FolderTooLarge, format!("The session folder holds {}.", counted(survey.entries, "file")))
                .meaning(
                    "Sync services become slow with very many files. OneDrive recommends at most 300,000 in all folders \
                     together; others have limits like that.",
                )
                .advice("Go on in a new session folder, and take this one out of the sync service when all have read it."),
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
        Finding::new(NotShared, "The session folder seems to be shared with nobody.")
            .meaning(
                "Nobody but you has ever written here, and no sign of a known sync service was found at the folder or \
                 above it. That proves nothing: a network drive, a USB stick or an unknown service leaves no sign.",
            )
            .advice(
                "If others are to take part, put the folder into one that your sync service shares with them. If it is \
                 there already, all is well.",
            ),
    );
}
