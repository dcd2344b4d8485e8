//! Files in the folder that are not messages yet, or that exist twice.

use std::collections::BTreeMap;

use tempo_clock::{AuthorId, union};
use tempo_message::printable_text;
use tempo_message::{BadFrame, Duplicate, Item, MessageId, PendingReason};

use super::finding::FindingKind::{
    ChangedOnTheWay, DamagedHead, DoubledDirectory, EqualCopy, HeadCopy, InUse, Incomplete, Newer, OnlineOnly, Undone,
    Unreadable,
};
use crate::api::status::{Gap, Status};
use crate::doctor::{
    around::Surroundings,
    finding::{Finding, FindingKind, Loss},
    words::{People, counted, numbers, one_or_many},
};

/// Files by kind, by author, and by whether their messages are here already.
pub(super) type Groups = BTreeMap<(FindingKind, Option<AuthorId>, bool), Group>;

/// Files, each with an optional note.
type Files = Vec<(String, Option<String>)>;

#[derive(Default)]
pub(super) struct Group {
    pub(super) files: Files,
    /// The messages that should be in the files and are not here.
    pub(super) missing: Vec<Gap>,
}

const AVAILABLE: &str = "Let the service keep the folder on this computer: \"Make available offline\" in Dropbox, \
                         \"Always keep on this device\" in OneDrive, \"Keep Downloaded\" or \"Download Now\" in the \
                         Finder.";

/// The number of copies of the own directory that shows that a service undoes what is written. A
/// service that keeps two directories apart makes one or two.
const UNDONE: usize = 3;

impl Group {
    /// Adds a file to its group. The file's name shows whether all its messages are here already.
    pub(super) fn add(
        groups: &mut Groups,
        status: &Status,
        kind: FindingKind,
        (place, item): (&str, Item),
        author: Option<AuthorId>,
        about: Option<String>,
    ) {
        let numbers = item.counters().filter(|_| author.is_some());
        let missing = numbers.as_ref().map(|numbers| status.missing_of(author, numbers)).unwrap_or_default();
        let group = groups.entry((kind, author, numbers.is_some() && missing.is_empty())).or_default();
        group.files.push((place.to_owned(), about));
        group.missing.extend(missing);
    }
}

/// Reports files that may still become messages.
pub(super) fn pending(status: &Status, people: &People, findings: &mut Vec<Finding>) {
    downloads(status, people, findings);
    let mut groups = Groups::new();
    for it in &status.report.pending {
        if let Some(author) = it.item.directory() {
            findings.push(directory(author, &it.place, &it.reason, people));
            continue;
        }
        let (kind, about) = match &it.reason {
            _ if it.item == Item::Head => (DamagedHead, None),
            PendingReason::OnlineOnly | PendingReason::PerhapsOnline => (OnlineOnly, None),
            PendingReason::NotHereYet { cause } => (OnlineOnly, Some(printable_text(cause))),
            PendingReason::Incomplete { .. } | PendingReason::Changing => (Incomplete, None),
            PendingReason::InUse => (InUse, None),
            PendingReason::Unsupported(_) => (Newer, None),
            PendingReason::Unreadable { cause } => (Unreadable, Some(printable_text(cause))),
            reason => (Unreadable, Some(printable_text(&reason.to_string()))),
        };
        Group::add(&mut groups, status, kind, (&it.place, it.item), it.author, about);
    }
    for ((kind, author, is_here), group) in groups {
        let count = group.files.len() as u64;
        let (subject, known) = (named(people, author, count, "file"), known(count, is_here));
        let it = one_or_many(count, "It is", "They are");
        let finding =
            match kind {
                DamagedHead => damaged_head(&subject, count),
                OnlineOnly if is_here => {
                    Finding::new(kind, format!("{subject} {} only online.", one_or_many(count, "is", "are")))
                        .info()
                        .meaning(known)
                        .advice("Nothing.")
                }
                // The downloads are reported already.
                OnlineOnly => continue,
                Incomplete => Finding::new(
                    kind,
                    format!("{subject} {} incomplete{}.", one_or_many(count, "is", "are"), which(&group.missing)),
                )
                .lost(if is_here { Loss::Nothing } else { Loss::Elsewhere })
                .meaning(if is_here {
                    known
                } else {
                    format!(
                        "The rest is still on its way, or the transfer was interrupted. {it} read as soon as {} whole.",
                        one_or_many(count, "it is", "they are")
                    )
                })
                .advice(mending(people, author)),
                InUse => {
                    let is = one_or_many(count, "is", "are");
                    Finding::new(kind, format!("{subject} {is} in use by another program{}.", which(&group.missing)))
                    .lost(if is_here { Loss::Nothing } else { Loss::Elsewhere })
                    .meaning(if is_here {
                        known
                    } else {
                        format!(
                            "A program has {} open and does not share {}. This is often the sync service itself, an \
                             antivirus scanner or a backup program. {it} read as soon as that program is done.",
                            one_or_many(count, "it", "them"),
                            one_or_many(count, "it", "them"),
                        )
                    })
                    .advice("Wait a moment. If this does not change, find out which program has the file open, and \
                             close it.")
                }
                Newer => {
                    let subject = named(people, author, count, "message");
                    let (this, they) = (one_or_many(count, "it", "them"), one_or_many(count, "It is", "They are"));
                    Finding::new(
                        kind,
                        format!("{subject} {} written by newer software.", one_or_many(count, "was", "were")),
                    )
                    .meaning(format!(
                        "This version cannot read {this}. {they} kept in the folder and shown after an update."
                    ))
                    .advice("Update this software.")
                }
                _ => Finding::new(kind, format!("{subject} cannot be read{}.", which(&group.missing)))
                    .lost(if is_here { Loss::Nothing } else { Loss::Elsewhere })
                    .meaning(if is_here {
                        known
                    } else {
                        format!(
                            "The messages in {} cannot be shown. {it} tried again regularly.",
                            one_or_many(count, "it", "them")
                        )
                    })
                    .advice("Check the permissions, and whether the disk and the service work."),
            };
        findings.push(about(finding, author, people).numbers(union(group.missing)).files(group.files));
    }
}

/// Reports files that wait for download.
fn downloads(status: &Status, people: &People, findings: &mut Vec<Finding>) {
    for download in status.downloads() {
        let count = download.count();
        let subject = match download.author {
            Some(author) => people.count(count, "message", author),
            None => counted(download.files.len() as u64, "file"),
        };
        let least = if download.is_least { "At least " } else { "" };
        let waits = one_or_many(count, "waits", "wait");
        let finding =
            Finding::new(OnlineOnly, format!("{least}{subject} {waits} for download{}.", which(&download.numbers)));
        let finding = if download.is_placeholder {
            finding.meaning("The service has replaced the files with placeholders. The content is only online.").advice(
                format!(
                    "{AVAILABLE} Only the service's own program can do that; opening the placeholders does nothing."
                ),
            )
        } else {
            finding.meaning("The files are listed in the folder, but their content is only online.").advice(format!(
                "{AVAILABLE} Or use --download, which opens the files: most services then download them."
            ))
        };
        let files = download.files.into_iter().map(|it| match it.reason {
            PendingReason::NotHereYet { cause } => (it.place, Some(printable_text(&cause))),
            PendingReason::PerhapsOnline => (it.place, Some(PendingReason::PerhapsOnline.to_string())),
            _ => (it.place, None),
        });
        findings.push(about(finding, download.author, people).numbers(download.numbers).files(files.collect()));
    }
}

/// Reports an author's directory that cannot be read.
fn directory(author: AuthorId, place: &str, reason: &PendingReason, people: &People) -> Finding {
    let whose = people.subject_of(author);
    if *reason == PendingReason::PerhapsOnline {
        return Finding::new(OnlineOnly, format!("The directory of {whose} may be only online."))
            .of(author, people)
            .meaning(
                "In its place is a small file. Services leave such placeholders for content that is not on this \
                 computer.",
            )
            .advice(format!(
                "{AVAILABLE} Leave the small file where it is: removing it may remove the directory for every member."
            ))
            .files(vec![(place.to_owned(), None)]);
    }
    let (message, about) = match reason {
        PendingReason::NotHereYet { cause } => (format!("The directory of {whose} does not answer."), cause.clone()),
        PendingReason::OnlineOnly => (format!("The directory of {whose} is only online."), reason.to_string()),
        PendingReason::Unreadable { cause } => (format!("The directory of {whose} cannot be read."), cause.clone()),
        reason => (format!("The directory of {whose} cannot be read."), reason.to_string()),
    };
    Finding::new(Unreadable, message)
        .of(author, people)
        .meaning("Nothing arrives from it until it can be read. It is tried again regularly.")
        .advice("Check the permissions of the directory, and whether the disk and the service work.")
        .files(vec![(place.to_owned(), Some(printable_text(&about)))])
}

pub(super) fn damaged_head(subject: &str, count: u64) -> Finding {
    let it = one_or_many(count, "it", "them");
    Finding::new(DamagedHead, format!("{subject} with hints cannot be read."))
        .info()
        .meaning(format!("Nothing depends on {it}, and the author will write {it} again."))
        .advice("Nothing.")
}

/// Returns ": numbers 2 to 3", or nothing if no message is missing.
pub(super) fn which(missing: &[Gap]) -> String {
    if missing.is_empty() { String::new() } else { format!(": {}", numbers(&union(missing.to_vec()))) }
}

/// Reports what exists twice.
pub(super) fn copies(status: &Status, around: &Surroundings, people: &People, findings: &mut Vec<Finding>) {
    let mut by_author: BTreeMap<(FindingKind, AuthorId), Files> = BTreeMap::new();
    for copy in &status.report.copies {
        // What is not proven is named as such.
        let is_unproven = |counter| status.unvouched.contains(&MessageId { author: copy.author, counter });
        let is_known = !is_version(status, copy) && !copy.counter.is_some_and(is_unproven);
        if is_known && !copy.is_temporary {
            let kind = if copy.counter.is_some() { EqualCopy } else { HeadCopy };
            by_author.entry((kind, copy.author)).or_default().push((copy.place.clone(), None));
        }
    }
    for ((kind, author), files) in by_author {
        let count = files.len() as u64;
        let whose = people.subject_of(author);
        let message = match (kind, count) {
            (HeadCopy, 1) => format!("1 file is a copy of {} hint file.", people.whose(author)),
            (HeadCopy, _) => format!("{count} files are copies of {} hint file.", people.whose(author)),
            (_, 1) => format!("1 file is a copy of a message of {whose}."),
            _ => format!("{count} files are copies of messages of {whose}."),
        };
        let redundant = files.iter().filter(|(place, _)| around.redundant.contains(place)).count() as u64;
        let finding = Finding::new(kind, message).info().of(author, people).files(files);
        findings.push(match kind {
            HeadCopy => finding
                .meaning(
                    "Sync services make such copies. They are read like the original, and nothing depends on them.",
                )
                .advice("Nothing."),
            _ => finding
                .meaning("Sync services and people make such copies. Their content is known, and is shown once.")
                .advice(if redundant > 0 {
                    let them = if redundant == count {
                        one_or_many(count, "it", "them").to_owned()
                    } else {
                        format!("{redundant} of them")
                    };
                    format!("Nothing. `tempo doctor --fix` removes {them}.")
                } else if people.is_me(author) {
                    "Nothing. Leave them where they are: a copy may be the only one left.".to_owned()
                } else {
                    format!("Nothing. Leave them to {}: a copy may be the only one left.", people.name(author))
                }),
        });
    }
    let mine = status.report.doubled.iter().filter(|doubled| people.is_me(doubled.author)).count();
    if mine >= UNDONE {
        let service = around.service.unwrap_or("Something");
        let files = status.report.doubled.iter().filter(|doubled| people.is_me(doubled.author));
        findings.push(
            Finding::new(
                Undone,
                format!("{service} undoes what you write here: there are {mine} copies of your directory."),
            )
            .meaning(
                "The files that you write are moved away. Perhaps you are only allowed to view this folder. Other \
                 members do not get your messages. The messages are kept on this computer, and are not written again \
                 each time.",
            )
            .advice(
                "Ask the owner of the folder for permission to edit it. Then move the copies out of the folder and \
                 open the session, which writes what is missing.",
            )
            .files(files.map(|doubled| (doubled.place.clone(), None)).collect()),
        );
    }
    for doubled in status.report.doubled.iter().filter(|doubled| mine < UNDONE || !people.is_me(doubled.author)) {
        findings.push(
            Finding::new(
                DoubledDirectory,
                format!("There is a second directory with messages of {}.", people.subject_of(doubled.author)),
            )
            .info()
            .of(doubled.author, people)
            .meaning("A sync service has created it beside the first one. Both are read as one.")
            .advice("Nothing. Leave both where they are: moving or deleting files there affects every member.")
            .files(vec![(doubled.place.clone(), None)]),
        );
    }
}

/// Returns whether a copy holds another version of a message, or an own message that had to be put
/// beside its place.
pub(super) fn is_version(status: &Status, copy: &Duplicate) -> bool {
    let Some(counter) = copy.counter else { return false };
    let mut members = status.members.iter().filter(|member| member.author == copy.author);
    let is_beside = Some(copy.author) == status.author && status.occupied.contains(&counter);
    is_beside || members.any(|member| member.forks.contains(&counter))
}

pub(super) fn about(finding: Finding, author: Option<AuthorId>, people: &People) -> Finding {
    match author {
        Some(author) => finding.of(author, people),
        None => finding,
    }
}

pub(super) fn named(people: &People, author: Option<AuthorId>, count: u64, what: &str) -> String {
    author.map_or_else(|| counted(count, what), |author| people.count(count, what, author))
}

pub(super) fn known(count: u64, is_here: bool) -> String {
    let known = one_or_many(count, "The message in it is known here", "The messages in them are known here");
    if is_here { format!("{known}, but perhaps not to other members.") } else { String::new() }
}

/// Settings that keep programs from changing bytes that they take for text.
const BINARY: &str = "In git, put the line `*.session/** -text` into the file `.gitattributes` at the top of the \
                      repository and check the folder out again; with FTP, use the binary mode; in other programs, \
                      switch off the conversion of line ends. Then have the service download the files again.";

/// Reports files whose line ends were converted on the way.
pub(super) fn converted(status: &Status, people: &People, findings: &mut Vec<Finding>) {
    let converted = &status.report.converted;
    if converted.is_empty() {
        return;
    }
    let count = converted.len() as u64;
    let (file, was, them) =
        (counted(count, "file"), one_or_many(count, "was", "were"), one_or_many(count, "it", "them"));
    let mut authors = converted.iter().map(|it| it.author);
    let author = authors.next().filter(|&first| authors.all(|author| author == first));
    let finding =
        Finding::new(ChangedOnTheWay, format!("{file} {was} changed on the way: a program converted line ends."));
    findings.push(
        about(finding, author, people)
            .meaning(format!(
                "Only this copy is changed; other members have {them} as written. The content could be restored, so \
                 nothing is missing. That is not always possible."
            ))
            .advice(BINARY)
            .files(converted.iter().map(|it| (it.place.clone(), None)).collect()),
    );
}

/// Returns how a damaged file can become whole again. If other members have its messages, or if
/// something changes bytes on the way, only this copy is damaged, and its author cannot help.
pub(super) fn mending_of_damage(status: &Status, author: Option<AuthorId>, group: &Group, people: &People) -> String {
    let Some(author) = author.filter(|&author| !people.is_me(author)) else { return mending(people, author) };
    let missing = || group.missing.iter().map(|gap| *gap.end()).max();
    let is_with_others = status.members.iter().filter(|it| it.author != author && !people.is_me(it.author)).any(|it| {
        let last = it.has_seen.iter().find(|(of, _)| *of == author).map(|&(_, last)| last);
        missing().is_some_and(|missing| last >= Some(missing))
    });
    let changed = BadFrame::Digest.to_string();
    let has_changed = group.files.iter().any(|(_, about)| about.as_ref() == Some(&changed));
    let otherwise = if has_changed {
        format!(" If that does not help, something changes bytes on the way here. {BINARY}")
    } else {
        String::new()
    };
    if is_with_others || !status.report.converted.is_empty() {
        let name = people.name(author);
        return format!(
            "Other members have what {name} wrote, so only the copy on this computer is damaged. Have the service \
             download it again.{otherwise}"
        );
    }
    mending(people, Some(author)) + &otherwise
}

/// Returns how a damaged file can become whole again.
pub(super) fn mending(people: &People, author: Option<AuthorId>) -> String {
    match author {
        Some(author) if people.is_me(author) => {
            "Open the session, for instance with `tempo status`. That puts it right.".to_owned()
        }
        Some(author) => format!(
            "Wait until the sync service says that it is done. Then ask {} to open the session, which puts it right.",
            people.name(author)
        ),
        None => "Wait until the sync service says that it is done.".to_owned(),
    }
}
