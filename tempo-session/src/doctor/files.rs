//! The files that messages name: parts that are missing, damaged or unwanted.

use std::collections::{BTreeMap, BTreeSet};

use tempo_message::{AttachmentId, CollectError, Manifest, MessageId, Part, Parts, Presence};

use super::finding::FindingKind::{
    FileChanged, FileDamaged, FileDeselected, FileMissing, FileNoRoom, FileOrphans, FileUnwanted,
};
use crate::{
    core::{carrying::Carrying, outgoing::Plan, session_core::SessionCore},
    doctor::{
        finding::{Finding, Loss},
        words::{People, counted},
    },
    store::{
        files::{Content, FileRecord},
        room::NoRoom,
    },
};

/// What a look at the files finds.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct FilesFound {
    /// The files that are not complete.
    pub files: Vec<FileFound>,
    /// The number of files in own directories that belong to no message.
    pub orphans: u64,
    /// The volumes that lack room for files that are to be written there.
    pub no_room: Vec<(FileVolume, NoRoom)>,
}

/// A volume on which files are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum FileVolume {
    /// That of the session folder.
    Folder,
    /// That of the files on this machine.
    Shelf,
}

/// The room for files.
#[derive(Debug, Clone, Copy)]
pub(super) struct Room {
    /// The free bytes on the volume of the files on this machine.
    pub(super) shelf: Option<u64>,
    /// The bytes that files leave free.
    pub(super) reserve: u64,
}

/// A file that is not complete in the folder.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct FileFound {
    /// The file.
    pub id: AttachmentId,
    /// The first message that names it.
    pub named_by: MessageId,
    /// The number of its parts.
    pub of: usize,
    /// The number of parts that the folder has, here or online.
    pub have: usize,
    /// The number of parts whose name something else has.
    pub damaged: usize,
    /// Its state here, if it was attached here.
    pub own: Option<OwnFile>,
}

/// The state of an own file that is not complete in the folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum OwnFile {
    /// The session puts the missing parts there.
    OnTheWay,
    /// The original has changed before all parts were there.
    Changed,
    /// Another person or a service has removed parts again after they were put back.
    Unwanted,
    /// The directory of all own files was removed or deselected.
    Deselected,
}

/// Looks for the parts of all files that are not released by every author that has named them.
pub(super) fn look(
    core: &SessionCore,
    described: &BTreeMap<AttachmentId, Manifest>,
    records: &BTreeMap<AttachmentId, FileRecord>,
    parts: &mut dyn Parts,
    room: Room,
    unix_ms: i64,
) -> Result<FilesFound, CollectError> {
    let own = core.author().into_iter().chain(core.former().iter().copied());
    let mut orphans = 0;
    let mut has_place = BTreeSet::new();
    for author in own {
        let Some(stored) = parts.stored(author)? else { continue };
        has_place.insert(author);
        let all: Vec<Part> = described.values().flat_map(Manifest::parts).collect();
        orphans += stored.iter().filter(|stored| !all.iter().any(|part| stored.is(part))).count() as u64;
    }
    let was_put = records.values().any(|record| record.is_own && record.was_put());
    let is_deselected = was_put && !core.author().is_some_and(|author| has_place.contains(&author));
    let (mut found, mut put, mut fetched) = (Vec::new(), 0, 0);
    for (&id, manifest) in described {
        let namers = core.namers(id);
        let is_needed = namers.iter().any(|namer| !core.is_released(id, namer.author));
        let Some(&named_by) = namers.first().filter(|_| is_needed) else { continue };
        let all: Vec<Part> = manifest.parts().collect();
        let presences = parts.look(None, &all)?;
        if records.get(&id).is_some_and(|record| record.is_wanted && record.content == Content::Missing) {
            fetched = all.first().map_or(0, |part| part.length).max(fetched);
        }
        let have = presences.iter().filter(|presence| **presence >= Presence::Elsewhere).count();
        if have == all.len() {
            continue;
        }
        let own = records.get(&id).filter(|record| record.is_own).map(|record| {
            let plan = Plan::of(&mut record.puts(), &presences, is_deselected, unix_ms, Carrying::default().stay);
            match record.content {
                Content::Changed(_) => OwnFile::Changed,
                _ if plan.is_deselected => OwnFile::Deselected,
                _ if plan.unwanted > 0 => OwnFile::Unwanted,
                _ => OwnFile::OnTheWay,
            }
        });
        if own == Some(OwnFile::OnTheWay) {
            put = all.first().map_or(0, |part| part.length).max(put);
        }
        let damaged = presences.iter().filter(|presence| **presence == Presence::Damaged).count();
        found.push(FileFound { id, named_by, of: all.len(), have, damaged, own });
    }
    let volumes = [(FileVolume::Folder, parts.free(), put), (FileVolume::Shelf, room.shelf, fetched)];
    let lacks = |(volume, free, needed)| Some((volume, NoRoom::check(free, room.reserve, needed).err()?));
    Ok(FilesFound { files: found, orphans, no_room: volumes.into_iter().filter_map(lacks).collect() })
}

pub(super) fn findings(looked: &FilesFound, people: &People, findings: &mut Vec<Finding>) {
    let FilesFound { files, orphans, no_room } = looked;
    let orphans = *orphans;
    findings.extend(files.iter().map(|file| finding(file, people)));
    findings.extend(no_room.iter().map(|(volume, no_room)| {
        let (what, which) = match volume {
            FileVolume::Folder => ("Your files do not go into the folder", "of the session folder"),
            FileVolume::Shelf => ("Files that you asked for do not come", "of the local state"),
        };
        Finding::new(FileNoRoom, format!("{what}: {no_room}."))
            .meaning("Messages still arrive and leave. The files continue by themselves once there is more room.")
            .advice(format!("Make room on the disk {which}."))
    }));
    if orphans > 0 {
        let (subject, verb) = if orphans == 1 { ("1 file", "belongs") } else { ("files", "belong") };
        let subject = if orphans == 1 { subject.to_owned() } else { format!("{orphans} {subject}") };
        findings.push(
            Finding::new(
                FileOrphans,
                format!("{subject} in your directory of files {verb} to no message that is here."),
            )
            .info()
            .meaning("The message may be on its way. Otherwise the file only takes room.")
            .advice("Nothing. Tempo removes only what you have released."),
        );
    }
}

fn finding(file: &FileFound, people: &People) -> Finding {
    let FileFound { id, named_by, of, have, damaged, own } = file;
    let whose = people.message(named_by.author, named_by.counter);
    let parts = counted(u64::try_from(*of).unwrap_or(u64::MAX), "part");
    let what = format!("A file of {whose} ({id:?}) is not complete in the folder: {have} of {parts}.");
    let finding = match own {
        Some(OwnFile::Changed) => Finding::new(FileChanged, what)
            .may_lose()
            .meaning(
                "Its original was changed or removed before all of it was in the folder, so the rest cannot be sent.",
            )
            .advice(
                "If you have the same content elsewhere, send it again: tempo send --file. Otherwise tell the others.",
            ),
        Some(OwnFile::Unwanted) => Finding::new(FileUnwanted, what)
            .meaning("Somebody has removed parts of it twice, for example to save room, so they are not put back.")
            .advice("Ask the others whether they need it. tempo files --put-back puts the parts back."),
        Some(OwnFile::Deselected) => Finding::new(FileDeselected, what)
            .info()
            .meaning(
                "The directory of your files is gone, for example because the service was told to leave it out on this \
                 computer. The others may still have it.",
            )
            .advice("Nothing, if you have done that. Otherwise tempo files --put-back puts the parts back."),
        Some(OwnFile::OnTheWay) => Finding::new(FileMissing, what)
            .info()
            .meaning("The rest is safe here, and goes into the folder while the session is open.")
            .advice("Open the session and leave it open, for example with tempo chat."),
        None if *damaged > 0 => Finding::new(FileDamaged, what)
            .lost(Loss::Elsewhere)
            .meaning("Something else has the name of a part: it is being transferred, or was damaged or changed.")
            .advice(
                "Wait until the sync service says that it is done. If it stays so, ask its author to open the session.",
            ),
        None => Finding::new(FileMissing, what)
            .info()
            .lost(Loss::Elsewhere)
            .meaning("The rest has not arrived yet. The message itself is here.")
            .advice("Wait for the sync service. If nothing comes, ask its author to open the session."),
    };
    finding.of(named_by.author, people).numbers(vec![named_by.counter..=named_by.counter])
}
