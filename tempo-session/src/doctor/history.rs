//! Messages: which are missing, wait, exist twice, were refused, or have not left this computer.

use std::collections::{BTreeMap, BTreeSet};

use tempo_clock::AuthorId;
use tempo_fs_transport::printable_text;

use super::{
    Finding,
    FindingKind::{Fork, Gap, Held, IdentityInUse, Occupied, OnTheWay, Refused, Unpublished},
    Surroundings,
    words::{People, ago, counted, numbers, one_or_many, ranges, total},
};
use crate::{Member, MessageId, Status};

/// What concerns the own messages on their way into the folder.
pub(super) fn own(status: &Status, findings: &mut Vec<Finding>) {
    if !status.intruders.is_empty() {
        let count = status.intruders.len() as u64;
        let which = numbers(&ranges(status.intruders.iter().map(|id| id.counter)));
        findings.push(
            Finding {
                author: status.author,
                ..Finding::new(
                    IdentityInUse,
                    format!("Another device writes under your name: {} of yours, {which}, {} not written here.",
                        counted(count, "message"), one_or_many(count, "was", "were")),
                )
            }
            .meaning(
                "The local store of this device is a copy of another one, or was restored from a backup. This device sends \
                 nothing more as this member, so that no number is used twice. What both have written is shown to \
                 everybody.",
            )
            .advice(
                "Nothing. The next time the session is open here, this device goes on as a new member with the same name, \
                 and everybody sees who it is.",
            )
            .numbers(ranges(status.intruders.iter().map(|id| id.counter))),
        );
    }
    if status.unpublished > 0 {
        let count = status.unpublished as u64;
        let why = status.publish_error.as_ref().map(|why| format!(": {}", printable_text(why))).unwrap_or_default();
        findings.push(
            Finding::new(
                Unpublished,
                format!(
                    "{} of yours {} not in the folder{why}.",
                    counted(count, "message"),
                    one_or_many(count, "is", "are")
                ),
            )
            .meaning("The others cannot see what is not in the folder. It is kept on this computer.")
            .advice(if why.is_empty() {
                "Open the session, with `tempo chat` or `tempo status` for instance. That puts it into the folder."
            } else {
                "Remove the cause. What waits then goes into the folder by itself."
            }),
        );
    }
    if !status.occupied.is_empty() {
        let count = status.occupied.len() as u64;
        let which = numbers(&ranges(status.occupied.iter().copied()));
        let places = status.author.map(|author| {
            status.occupied.iter().map(move |&counter| (MessageId { author, counter }.to_string(), None)).collect()
        });
        findings.push(
            Finding {
                author: status.author,
                ..Finding::new(
                    Occupied,
                    format!(
                        "Something else lies in the place of {} of yours: {which}.",
                        counted(count, "message")
                    ),
                )
            }
            .meaning(
                "Somebody or something has changed or replaced the file. While the session is open here, your message is \
                 put beside it under another name, and so reaches everybody.",
            )
            .advice("Nothing. If you do not know the file, you may move it out of the folder; your message takes its place.")
            .files(places.unwrap_or_default()),
        );
    }
}

pub(super) fn members(status: &Status, around: &Surroundings, people: &People, findings: &mut Vec<Finding>) {
    for member in &status.members {
        if !member.gaps.is_empty() {
            findings.push(gap(member, status, around, people));
        }
        // Who the other writer is has been said.
        let is_told = !status.intruders.is_empty() && people.is_me(member.author);
        if !member.forks.is_empty() && !is_told {
            findings.push(fork(member, status, people));
        }
        if member.announced > member.last {
            findings.push(on_the_way(member, people));
        }
    }
    held(status, people, findings);
    let unnamed = status.held.saturating_sub(status.waiting.len()) as u64;
    if unnamed > 0 {
        let message =
            format!("{} {} for others.", counted(unnamed, "more message"), one_or_many(unnamed, "waits", "wait"));
        findings.push(
            Finding::new(Held, message)
                .meaning(
                    "So many wait that not all of them are named here. They are shown when what is missing is here.",
                )
                .advice("Nothing with what waits. See to what is missing."),
        );
    }
    refused(status, people, findings);
}

fn gap(member: &Member, status: &Status, around: &Surroundings, people: &People) -> Finding {
    let count = total(&member.gaps);
    let author = member.author;
    let missing = people.count(count, "message", author);
    let which = numbers(&member.gaps);
    let end = member.gaps.first().map_or(0, |gap| *gap.end());
    let next = status.waiting.iter().filter(|waiting| waiting.id.author == author && waiting.id.counter > end);
    let next = next.min_by_key(|waiting| waiting.id.counter);
    let since = next.zip(around.unix_ms).map(|(next, now)| {
        format!(" The next one that is here, number {}, was written {}.", next.id.counter, ago(next.unix_ms, now))
    });
    let verb = one_or_many(count, "has", "have");
    let it = one_or_many(count, "It is", "They are");
    let subject = people.subject(author);
    Finding::new(Gap, format!("{missing} {verb} not arrived: {which}.{}", since.unwrap_or_default()))
        .of(author, people)
        .meaning(format!(
            "Later ones are here already. {it} still on the way, or {} deleted from the folder. The device that {} written \
             on keeps a copy and puts it back into the folder.",
            one_or_many(count, "was", "were"),
            one_or_many(count, "it was", "they were"),
        ))
        .advice(if people.is_me(author) {
            "Wait until the sync service says that it is done. Then open the session on the device that wrote them.".to_owned()
        } else {
            format!("Wait until the sync service says that it is done. Then ask {subject} to open the session.")
        })
        .numbers(member.gaps.clone())
}

fn fork(member: &Member, status: &Status, people: &People) -> Finding {
    let author = member.author;
    let count = member.forks.len() as u64;
    let which = numbers(&ranges(member.forks.iter().copied()));
    let places = status.report.copies.iter().filter(|copy| copy.author == author);
    let places = places.filter(|copy| copy.counter.is_some_and(|counter| member.forks.contains(&counter)));
    let places = places.map(|copy| (copy.place.clone(), None)).collect();
    let message = format!(
        "{} in two versions: {which}.",
        match count {
            1 => format!("{} exists", people.count(1, "message", author)),
            _ => format!("{} exist", people.count(count, "message", author)),
        }
    );
    Finding::new(Fork, message)
        .of(author, people)
        .meaning(format!(
            "Two devices have written under {} name: a copied or restored computer, or a copied local store. Both versions \
             are shown, in the same order for everybody. As soon as a device notices, it goes on as a new member of the \
             same name.",
            people.whose(author)
        ))
        .advice("Nothing. If it happens again and again, use the session on one of the two devices only.")
        .numbers(ranges(member.forks.iter().copied()))
        .files(places)
}

fn on_the_way(member: &Member, people: &People) -> Finding {
    let (author, first) = (member.author, member.last + 1);
    let count = member.announced - member.last;
    let which = numbers(&[first..=member.announced]);
    let verb = one_or_many(count, "has", "have");
    Finding::new(OnTheWay, format!("{} {verb} been written and not arrived yet: {which}.", people.count(count, "message", author)))
        .info()
        .of(author, people)
        .meaning(format!(
            "A small file of hints that {} leaves in the folder says so. The sync service has brought it before the messages.",
            people.subject(author)
        ))
        .advice("Wait until the sync service says that it is done.")
        .numbers(vec![first..=member.announced])
}

fn held(status: &Status, people: &People, findings: &mut Vec<Finding>) {
    let mut by_author: BTreeMap<AuthorId, (Vec<u64>, BTreeSet<MessageId>)> = BTreeMap::new();
    for waiting in &status.waiting {
        let (counters, missing) = by_author.entry(waiting.id.author).or_default();
        counters.push(waiting.id.counter);
        missing.extend(waiting.missing.iter().map(|(id, _)| *id));
    }
    for (author, (counters, missing)) in by_author {
        let count = counters.len() as u64;
        let verb = one_or_many(count, "is here and waits", "are here and wait");
        let which = numbers(&ranges(counters.iter().copied()));
        let mut for_whom: BTreeMap<AuthorId, Vec<u64>> = BTreeMap::new();
        for id in &missing {
            for_whom.entry(id.author).or_default().push(id.counter);
        }
        let awaited = for_whom.into_iter().map(|(of, counters)| {
            format!("{}: {}", people.count(counters.len() as u64, "message", of), numbers(&ranges(counters)))
        });
        let awaited: Vec<String> = awaited.collect();
        let awaited = if awaited.is_empty() { "others that wait".to_owned() } else { awaited.join("; ") };
        findings.push(
            Finding::new(Held, format!("{} {verb} for others: {which}.", people.count(count, "message", author)))
                .of(author, people)
                .meaning(format!(
                    "{} after messages that have not arrived ({awaited}). {} shown as soon as those are here, in the right \
                     place.",
                    one_or_many(count, "It comes", "They come"),
                    one_or_many(count, "It is", "They are"),
                ))
                .advice("Nothing with what waits. See to what is missing.")
                .numbers(ranges(counters)),
        );
    }
}

fn refused(status: &Status, people: &People, findings: &mut Vec<Finding>) {
    let mut by_author: BTreeMap<AuthorId, Vec<u64>> = BTreeMap::new();
    for (id, _) in &status.rejected {
        by_author.entry(id.author).or_default().push(id.counter);
    }
    for (author, mut counters) in by_author {
        counters.sort_unstable();
        let count = counters.len() as u64;
        let which = numbers(&ranges(counters.iter().copied()));
        let verb = one_or_many(count, "was", "were");
        findings.push(
            Finding::new(Refused, format!("{} {verb} refused: {which}.", people.count(count, "message", author)))
                .of(author, people)
                .may_lose()
                .meaning(
                    "What it says of itself does not fit the messages that it answers. Faulty software or somebody who \
                     tampers with the folder does that. Everybody refuses it alike, and its text is not shown.",
                )
                .advice(format!("Ask {} what the message was, and which software wrote it.", people.subject(author)))
                .numbers(ranges(counters)),
        );
    }
}
