//! Files in the folder that are not messages, or not where they are.

use std::{collections::BTreeSet, ffi::OsStr};

use tempo_clock::{AuthorId, union};
use tempo_fs_transport::DirName;
use tempo_message::{Foreign as Strange, ForeignReason, Item, MessageId, printable_text};

use super::{
    contents::named,
    finding::FindingKind::{Damaged, DamagedHead, Foreign, Harmless, InTheWay, Misplaced, Unlisted},
};
use crate::api::status::Status;
use crate::doctor::{
    around::Surroundings,
    contents::{Group, Groups, about, damaged_head, is_version, known, mending_of_damage, which},
    finding::{Finding, FindingKind, Loss},
    words::{People, counted, one_or_many, ranges, total},
};

/// Reports what is not a message but is where messages or members' directories should be.
pub(super) fn in_places(status: &Status, people: &People, findings: &mut Vec<Finding>) {
    let mut groups = Groups::new();
    for it in &status.report.foreign {
        let mut occupied =
            status.occupied.iter().filter_map(|&counter| Some(MessageId { author: status.author?, counter }));
        let is_told = occupied.any(|id| id.to_string() == it.place);
        let Some((kind, about)) = obstacle(it).filter(|_| !is_told) else { continue };
        Group::add(&mut groups, status, kind, (&it.place, it.item), it.author.or(it.item.directory()), about);
    }
    for ((kind, author, is_here), group) in groups {
        let count = group.files.len() as u64;
        let subject = named(people, author, count, "file");
        let finding = match kind {
            DamagedHead => damaged_head(&subject, count),
            InTheWay => in_the_way(author, is_here, &group, people),
            _ => {
                let verb = one_or_many(count, "is", "are");
                Finding::new(kind, format!("{subject} {verb} damaged{}.", which(&group.missing)))
                    .lost(if is_here { Loss::Nothing } else { Loss::Elsewhere })
                    .meaning(if is_here {
                        known(count, true)
                    } else {
                        "A file that should be a message has other content: it was changed, or was not delivered as it \
                         was written. It is not shown. Its author keeps the message and puts it back."
                            .to_owned()
                    })
                    .advice(mending_of_damage(status, author, &group, people))
            }
        };
        findings.push(about(finding, author, people).numbers(union(group.missing)).files(group.files));
    }
}

/// Returns the kind of something that is not what it should be and is in the place of a message, a
/// head or a directory.
fn obstacle(it: &Strange) -> Option<(FindingKind, Option<String>)> {
    use ForeignReason::{Bad, BadHead, TooLarge, Type};
    Some(match &it.reason {
        BadHead(_) => (DamagedHead, None),
        Bad(bad) => (Damaged, Some(bad.to_string())),
        Type { .. } | TooLarge { .. } if it.item == Item::Head => (DamagedHead, None),
        Type { found, .. } if is_message(it.item) || it.item.directory().is_some() => {
            (InTheWay, Some(found.to_string()))
        }
        TooLarge { .. } if is_message(it.item) => (InTheWay, Some("a file larger than any message".to_owned())),
        _ => return None,
    })
}

/// Reports what does not belong to the session and is not in the way.
pub(super) fn others(status: &Status, around: &Surroundings, people: &People, findings: &mut Vec<Finding>) {
    let (mut harmless, mut strange, mut behind, mut unseen) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let strays: BTreeSet<&str> = around.strays.iter().map(|stray| stray.place.as_str()).collect();
    // A part or a copy of the session inside the folder is reported by its path.
    let report = &status.report;
    let paths = || [&report.parts, &report.undecided, &report.apart].into_iter().flatten();
    let is_inside = |place: &str| paths().any(|path| path.strip_suffix(place).is_some_and(|rest| rest.ends_with('/')));
    let is_told = |it: &Strange| obstacle(it).is_some() || strays.contains(it.place.as_str()) || is_inside(&it.place);
    for it in status.report.foreign.iter().filter(|it| !is_told(it)) {
        let about = match &it.reason {
            ForeignReason::Temporary { .. } | ForeignReason::System { .. } => {
                harmless.push((it.place.clone(), None));
                continue;
            }
            ForeignReason::Author { found } => {
                Some(format!("a message of {} in another member's directory", people.name(*found)))
            }
            ForeignReason::Content => {
                behind.push((it.place.clone(), None));
                continue;
            }
            ForeignReason::Name => None,
            ForeignReason::Type { found, .. } => Some(found.to_string()),
            reason => Some(printable_text(&reason.to_string())),
        };
        if around.unseen.contains(&it.place) {
            unseen.push((it.place.clone(), about));
        } else {
            strange.push((it.place.clone(), about));
        }
    }
    // The content is whole, and counts. The file may be about to be renamed.
    let copies = status.report.copies.iter().filter(|copy| !is_version(status, copy));
    let temporary = copies.filter(|copy| copy.is_temporary);
    harmless.extend(temporary.map(|copy| (copy.place.clone(), None)));
    if !strange.is_empty() {
        let count = strange.len() as u64;
        let (file, it, they) =
            (counted(count, "file"), one_or_many(count, "it", "them"), one_or_many(count, "It is", "They are"));
        let does = one_or_many(count, "does", "do");
        findings.push(
            Finding::new(Foreign, format!("{file} {does} not belong to the session."))
                .meaning(format!(
                    "{they} not read, and {does} no harm here. The sync service carries {it} to every member."
                ))
                .advice(format!("Move {it} out of the session folder, unless a member needs {it} there."))
                .files(strange),
        );
    }
    if !unseen.is_empty() {
        let count = unseen.len() as u64;
        let (file, does) = (counted(count, "file"), one_or_many(count, "does", "do"));
        let them = one_or_many(count, "it", "them");
        findings.push(
            Finding::new(Foreign, format!("{file} {does} not seem to belong to the session."))
                .meaning(format!("Not everything in {them} could be read. There may be messages inside."))
                .advice(format!(
                    "Leave {them} where {} until it is clear what is inside.",
                    one_or_many(count, "it is", "they are")
                ))
                .files(unseen),
        );
    }
    if !behind.is_empty() {
        let count = behind.len() as u64;
        let (file, has) =
            (counted(count, "file"), one_or_many(count, "has a name that begins", "have names that begin"));
        findings.push(
            Finding::new(Foreign, format!("{file} {has} like a message's, but other content."))
                .info()
                .meaning("Sync services, systems and other programs put such files beside messages. They are not read.")
                .advice("Nothing.")
                .files(behind),
        );
    }
    if !harmless.is_empty() {
        let count = harmless.len() as u64;
        let (file, belongs) = (counted(count, "file"), one_or_many(count, "belongs", "belong"));
        findings.push(
            Finding::new(Harmless, format!("{file} {belongs} to sync services, systems or other programs."))
                .info()
                .meaning("Such files are known, and nothing depends on them.")
                .advice("Nothing.")
                .files(harmless),
        );
    }
    if status.report.unlisted > 0 {
        let count = status.report.unlisted;
        let (file, are) = (counted(count, "more file"), one_or_many(count, "is not a message", "are not messages"));
        let is = one_or_many(count, "is", "are");
        findings.push(
            Finding::new(Unlisted, format!("{file} that {are}, or not yet, {is} not listed individually."))
                .meaning("There are more unusual files than the session remembers.")
                .advice("Fix what is listed, and check again."),
        );
    }
}

/// Reports messages under names that are not read.
pub(super) fn misplaced(status: &Status, around: &Surroundings, people: &People, findings: &mut Vec<Finding>) {
    let (foreign, pending) = (status.report.foreign.iter(), status.report.pending.iter());
    let taken: BTreeSet<&str> =
        foreign.map(|it| it.place.as_str()).chain(pending.map(|it| it.place.as_str())).collect();
    for stray in &around.strays {
        let Some(first) = stray.messages.first() else { continue };
        let is_here =
            stray.messages.iter().all(|id| status.missing_of(Some(id.author), &(id.counter..=id.counter)).is_empty());
        let count = stray.messages.len() as u64;
        let what = match count {
            1 => people.message(first.author, first.counter),
            _ => counted(count, "message"),
        };
        let thing = if stray.is_directory { "directory" } else { "file" };
        let message = match &stray.session {
            Some(path) => {
                format!("A session with {what} is further down, in `{}`, where it is not read.", printable_text(path))
            }
            None => format!("1 {thing} contains {what}, but is not read where it is."),
        };
        let place = first.to_string();
        let target = if taken.contains(place.as_str()) { format!("{place} (1)") } else { place };
        let finding = Finding::new(Misplaced, message)
            .lost(if is_here { Loss::Nothing } else { Loss::Possible })
            .meaning(if is_here {
                "It is known here, but is not where other members look for it."
            } else {
                "It is nowhere else in the folder, and may be the only copy left. It is not shown."
            })
            .advice(if let Some(path) = &stray.session {
                format!(
                    "Open `{}` instead, if every member has it there. Otherwise move its content into the session \
                     folder.",
                    printable_text(path)
                )
            } else if is_directory_of_author(&stray.place.to_ascii_lowercase()) {
                format!("Rename it to `{}`.", stray.place.to_ascii_lowercase())
            } else if stray.is_directory {
                format!(
                    "Move each file into the directory of its author, {} as `{target}`.",
                    people.message(first.author, first.counter)
                )
            } else {
                format!("Move or rename it to `{target}`.")
            });
        let authors: BTreeSet<AuthorId> = stray.messages.iter().map(|id| id.author).collect();
        let numbers = ranges(stray.messages.iter().map(|id| id.counter));
        let finding = match authors.first() {
            Some(&author) if authors.len() == 1 => finding.of(author, people).numbers(numbers),
            _ => finding,
        };
        findings.push(finding.files(vec![(stray.place.clone(), None)]));
    }
}

/// Reports what is in the place of a message, but is not a file or is too large for one.
fn in_the_way(author: Option<AuthorId>, is_here: bool, group: &Group, people: &People) -> Finding {
    let whose = author.map_or_else(|| "a member".to_owned(), |author| people.subject_of(author));
    let count = total(&union(group.missing.clone()));
    let place = match count {
        0 if is_here => format!("a message of {whose}"),
        0 => format!("the directory of {whose}"),
        _ => format!("{} of {whose}{}", counted(count, "message"), which(&group.missing)),
    };
    Finding::new(InTheWay, format!("Something else is in the place of {place}."))
        .lost(if is_here { Loss::Nothing } else { Loss::Elsewhere })
        .meaning(if is_here {
            "The content that belongs there is known here, but perhaps not to other members."
        } else {
            "The content that belongs there is not shown, and cannot be put back as long as something else is there."
        })
        .advice(match author {
            Some(author) if !people.is_me(author) => format!(
                "Move it out of the session folder. Then ask {} to open the session, which puts back what belongs \
                 there.",
                people.name(author)
            ),
            _ => {
                "Move it out of the session folder, and open the session. That puts back what belongs there.".to_owned()
            }
        })
}

/// Returns whether the name is exactly that of messages. A copy does not count: it is not needed.
fn is_message(item: Item) -> bool {
    matches!(item, Item::Messages { .. }) && item.counters().is_some()
}

/// Returns whether the last name of a place would be that of an author's directory.
fn is_directory_of_author(place: &str) -> bool {
    let (_, name) = place.rsplit_once('/').unwrap_or(("", place));
    DirName::parse(OsStr::new(name)).author().is_some()
}
