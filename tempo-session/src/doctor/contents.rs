//! Files: what lies in the folder and is no message, not yet, or twice.

use std::collections::BTreeMap;

use tempo_clock::AuthorId;
use tempo_fs_transport::printable_text;
use tempo_message::CounterName;

use super::{
    Finding,
    FindingKind::{
        self, Damaged, DoubledDirectory, EqualCopy, Foreign, Harmless, Incomplete, Newer, OnlineOnly, SplitFolder,
        Unlisted, Unreadable,
    },
    words::{People, counted, one_or_many},
};
use crate::{ForeignReason, MessageId, PendingReason, Status};

/// Files of one kind and one author; whether what they hold is here already.
type Groups = BTreeMap<(FindingKind, Option<AuthorId>, bool), Vec<(String, Option<String>)>>;

const AVAILABLE: &str = "Let the service keep the folder on this computer: \"Make available offline\" in Dropbox, \"Always \
                         keep on this device\" in OneDrive, \"Keep Downloaded\" or \"Download Now\" in the Finder.";

/// What may still become a message.
pub(super) fn pending(status: &Status, people: &People, findings: &mut Vec<Finding>) {
    let mut groups = Groups::new();
    for it in &status.report.pending {
        let is_here = it.author.zip(it.counter).is_some_and(|(author, counter)| is_here(status, author, counter));
        let (kind, about) = match &it.reason {
            PendingReason::OnlineOnly => (OnlineOnly, None),
            PendingReason::NotHereYet { cause } => (OnlineOnly, Some(printable_text(cause))),
            PendingReason::Incomplete { .. } | PendingReason::Changing => (Incomplete, None),
            PendingReason::Unsupported(_) => (Newer, None),
            reason => (Unreadable, Some(printable_text(&reason.to_string()))),
        };
        groups.entry((kind, it.author, is_here)).or_default().push((it.place.clone(), about));
    }
    for ((kind, author, is_here), files) in groups {
        let count = files.len() as u64;
        let (subject, known) = (named(people, author, count, "file"), known(count, is_here));
        let finding = match kind {
            OnlineOnly if is_here => {
                Finding::new(kind, format!("{subject} {} only online.", one_or_many(count, "is", "are")))
                    .info()
                    .meaning(known)
                    .advice("Nothing.")
            }
            OnlineOnly => {
                let subject = named(people, author, count, "message");
                Finding::new(kind, format!("{subject} {} for download.", one_or_many(count, "waits", "wait")))
                    .meaning("The files are listed in the folder, and their content is only online.")
                    .advice(AVAILABLE)
            }
            Incomplete => Finding::new(
                kind,
                format!("{subject} {} there only in part.", one_or_many(count, "is", "are")),
            )
            .meaning(if is_here {
                known
            } else {
                "The rest is still being carried here, or the carrying was interrupted. It is read as soon as it is \
                     whole."
                    .to_owned()
            })
            .advice(mending(people, author)),
            Newer => {
                let subject = named(people, author, count, "message");
                Finding::new(
                    kind,
                    format!("{subject} {} written by newer software.", one_or_many(count, "was", "were")),
                )
                .meaning("This version cannot read it. It is kept in the folder and shown after an update.")
                .advice("Update this software.")
            }
            _ => Finding::new(kind, format!("{subject} cannot be read."))
                .meaning(if is_here { known } else { "It may be a message. It is tried again and again.".to_owned() })
                .advice("Look at the permissions of the file, and whether the disk or the service works."),
        };
        findings.push(about(finding, author, people).files(files));
    }
}

/// What is no message.
pub(super) fn foreign(status: &Status, people: &People, findings: &mut Vec<Finding>) {
    let mut groups = Groups::new();
    for it in &status.report.foreign {
        let id = it.author.zip(counter_in(&it.place)).map(|(author, counter)| MessageId { author, counter });
        let is_occupied = id.is_some_and(|id| {
            Some(id.author) == status.author && status.occupied.contains(&id.counter) && id.to_string() == it.place
        });
        if is_occupied {
            // Has been told as what it is in the place of.
            continue;
        }
        let is_here = id.is_some_and(|id| is_here(status, id.author, id.counter));
        let reason = printable_text(&it.reason.to_string());
        let (key, about) = match &it.reason {
            reason if is_harmless(reason) => ((Harmless, None, false), None),
            ForeignReason::Bad(_) => ((Damaged, it.author, is_here), Some(reason)),
            ForeignReason::Author { found } => (
                (Foreign, None, false),
                Some(format!("a message of {} in another member's directory", people.name(*found))),
            ),
            ForeignReason::Name => ((Foreign, None, false), None),
            _ => ((Foreign, None, false), Some(reason)),
        };
        groups.entry(key).or_default().push((it.place.clone(), about));
    }
    for ((kind, author, is_here), files) in groups {
        let count = files.len() as u64;
        let finding = match kind {
            Harmless => Finding::new(
                kind,
                format!(
                    "{} to sync services, systems or other programs.",
                    match count {
                        1 => "1 file belongs".to_owned(),
                        _ => format!("{count} files belong"),
                    }
                ),
            )
            .info()
            .meaning("Such files are known and not read.")
            .advice("Nothing."),
            Damaged => Finding::new(
                kind,
                format!("{} {} damaged.", named(people, author, count, "file"), one_or_many(count, "is", "are")),
            )
            .meaning(if is_here {
                known(count, true)
            } else {
                "What should be a message has other content: the file was changed, or was not carried here as it was \
                     written. It is not shown. Its author keeps the message and puts it back."
                    .to_owned()
            })
            .advice(mending(people, author)),
            _ => Finding::new(
                kind,
                format!(
                    "{} not belong to the session.",
                    match count {
                        1 => "1 file does".to_owned(),
                        _ => format!("{count} files do"),
                    }
                ),
            )
            .meaning("They are not read and do no harm here. The sync service carries them to everybody.")
            .advice("Move them out of the session folder if they are not needed there."),
        };
        findings.push(about(finding, author, people).files(files));
    }
    if status.report.unlisted > 0 {
        findings.push(
            Finding::new(
                Unlisted,
                format!("{} of this kind are not listed.", counted(status.report.unlisted, "more file")),
            )
            .meaning("There are more unusual files than are remembered one by one.")
            .advice("Put right what is listed, and ask again."),
        );
    }
}

/// What is there twice.
pub(super) fn copies(status: &Status, people: &People, findings: &mut Vec<Finding>) {
    let mut by_author: BTreeMap<AuthorId, Vec<(String, Option<String>)>> = BTreeMap::new();
    for copy in &status.report.copies {
        let forks =
            status.members.iter().filter(|member| member.author == copy.author).flat_map(|member| &member.forks);
        let is_fork = copy.counter.is_some_and(|counter| forks.into_iter().any(|&fork| fork == counter));
        let is_beside =
            Some(copy.author) == status.author && copy.counter.is_some_and(|it| status.occupied.contains(&it));
        if !is_fork && !is_beside {
            by_author.entry(copy.author).or_default().push((copy.place.clone(), None));
        }
    }
    for (author, files) in by_author {
        let count = files.len() as u64;
        let message = match count {
            1 => format!("1 file is a copy of a message of {}.", people.subject_of(author)),
            _ => format!("{count} files are copies of messages of {}.", people.subject_of(author)),
        };
        findings.push(
            Finding::new(EqualCopy, message)
                .info()
                .of(author, people)
                .meaning("Sync services and people make such copies. What is in them is known and shown once.")
                .advice(if people.is_me(author) {
                    "Nothing. `tempo doctor --fix` removes those whose original lies beside them.".to_owned()
                } else {
                    format!("Nothing. Leave them to {}: a copy may be the only one left.", people.name(author))
                })
                .files(files),
        );
    }
    for doubled in &status.report.doubled {
        findings.push(
            Finding::new(
                DoubledDirectory,
                format!("There is a second directory with messages of {}.", people.subject_of(doubled.author)),
            )
            .info()
            .of(doubled.author, people)
            .meaning("A sync service has made it beside the first one. Both are read as one.")
            .advice("Nothing. Leave both: what is moved or deleted there is moved or deleted for everybody.")
            .files(vec![(doubled.place.clone(), None)]),
        );
    }
}

/// The other pieces of the folder.
pub(super) fn pieces(status: &Status, findings: &mut Vec<Finding>) {
    let pieces = &status.report.pieces;
    if pieces.is_empty() {
        return;
    }
    let count = pieces.len() as u64;
    let (folder, lies, it) = (
        counted(count, "more folder"),
        one_or_many(count, "lies", "lie"),
        one_or_many(count, "It is read as a part", "They are read as parts"),
    );
    findings.push(
        Finding::new(SplitFolder, format!("{folder} of this session {lies} beside the session folder."))
            .meaning(format!(
                "Sync services make such a folder when a folder of the same name has come from two computers. {it} of the \
                 session, and nothing is written there."
            ))
            .advice(
                "If it is the same session, let it be; or move into the session folder the directories of those members \
                 who have none in there. If it is another session, give it another name: what has been read from it stays \
                 in this one, and nothing more comes.",
            )
            .files(pieces.iter().map(|piece| (piece.clone(), None)).collect()),
    );
}

/// Whether a reason is one of those that need no attention.
fn is_harmless(reason: &ForeignReason) -> bool {
    matches!(reason, ForeignReason::Temporary { .. } | ForeignReason::System { .. })
}

fn about(finding: Finding, author: Option<AuthorId>, people: &People) -> Finding {
    match author {
        Some(author) => finding.of(author, people),
        None => finding,
    }
}

fn named(people: &People, author: Option<AuthorId>, count: u64, what: &str) -> String {
    author.map_or_else(|| counted(count, what), |author| people.count(count, what, author))
}

fn known(count: u64, is_here: bool) -> String {
    let known = one_or_many(count, "The message in it is known here", "The messages in them are known here");
    if is_here { format!("{known}; others may not have what is there.") } else { String::new() }
}

/// How a damaged file becomes whole again.
fn mending(people: &People, author: Option<AuthorId>) -> String {
    match author {
        Some(author) if people.is_me(author) => {
            "Open the session, with `tempo status` for instance. That puts it right.".to_owned()
        }
        Some(author) => format!(
            "Wait until the sync service says that it is done. Then ask {} to open the session, which puts it right.",
            people.name(author)
        ),
        None => "Wait until the sync service says that it is done.".to_owned(),
    }
}

/// Whether a message of this id is accepted or held.
fn is_here(status: &Status, author: AuthorId, counter: u64) -> bool {
    let member = status.members.iter().find(|member| member.author == author);
    member.is_some_and(|member| counter <= member.last && !member.gaps.iter().any(|gap| gap.contains(&counter)))
}

/// The counter that the name of a file begins with.
fn counter_in(place: &str) -> Option<u64> {
    let (_, name) = place.rsplit_once('/')?;
    CounterName::parse(name.as_bytes().get(..CounterName::LEN)?)
}
