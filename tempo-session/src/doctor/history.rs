//! Messages that are missing, wait, exist twice, were refused, or have not left this computer.

use std::collections::{BTreeMap, BTreeSet};

use tempo_clock::{AuthorId, difference};
use tempo_message::printable_text;
use tempo_message::{MessageId, Relay, is_signed};

use super::finding::FindingKind::{self as Kind, Fork, Held, IdentityInUse, Occupied, OnTheWay, Refused, Unpublished};
use crate::api::{
    names::short,
    status::{Gap, Member, Status, Waiting},
};
use crate::doctor::{
    around::Surroundings,
    compare::{Vanished, unread},
    finding::{Finding, Loss},
    words::{People, ago, counted, numbers, one_or_many, ranges, total},
};

/// Reports the own messages on their way into the folder.
pub(super) fn own(status: &Status, findings: &mut Vec<Finding>) {
    if !status.intruders.is_empty() {
        let count = status.intruders.len() as u64;
        let which = numbers(&ranges(status.intruders.iter().map(|id| id.counter)));
        findings.push(
            Finding {
                author: status.author,
                ..Finding::new(
                    IdentityInUse,
                    format!(
                        "Another device writes under your name: {} of yours, {which}, {} not written here.",
                        counted(count, "message"),
                        one_or_many(count, "was", "were")
                    ),
                )
            }
            .meaning(
                "The local store of this device is a copy of another one, or was restored from a backup. This device \
                 sends nothing more as this member, so that no more numbers are used twice. The messages of both are \
                 shown to every member.",
            )
            .advice(
                "Open the session here, for instance with `tempo status`: this device then continues as a new member \
                 with the same name, and every member sees who it is.",
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
            .meaning(format!(
                "Other members cannot see what is not in the folder. {} kept on this computer.",
                one_or_many(count, "It is", "They are")
            ))
            .advice(if why.is_empty() {
                "Open the session, for instance with `tempo chat` or `tempo status`. That publishes what is missing."
            } else {
                "Remove the cause. The messages are then published automatically."
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
                    format!("Something else is in the place of {} of yours: {which}.", counted(count, "message")),
                )
            }
            .meaning(
                "A person or a program has changed or replaced the file. While the session is open here, your message \
                 is put beside it under another name, and so reaches every member.",
            )
            .info()
            .advice(
                "Nothing. If you do not know the file, you may move it out of the folder; your message takes its \
                 place.",
            )
            .files(places.unwrap_or_default()),
        );
    }
}

/// Reports missing messages that have no file in the folder.
pub(super) fn gaps(status: &Status, around: &Surroundings, people: &People, findings: &mut Vec<Finding>) {
    let unread = unread(status, &around.strays);
    let unread = |author| unread.get(&author).map(Vec::as_slice).unwrap_or_default();
    let mut awaited = awaited(status);
    for member in &status.members {
        let last = awaited.remove(&member.author).unwrap_or(0).max(member.last);
        let mut gaps = member.gaps.clone();
        gaps.extend(after(member.last, last));
        let gaps = difference(&gaps, unread(member.author));
        if !gaps.is_empty() {
            findings.push(gap(member.author, gaps, status, around, people));
        }
        let announced: Vec<Gap> = after(last, member.announced).into_iter().collect();
        let announced = difference(&announced, unread(member.author));
        if !announced.is_empty() {
            findings.push(on_the_way(member.author, announced, people));
        }
    }
    // Nothing of these authors is here, perhaps not even a directory.
    for (author, last) in awaited {
        let gaps = difference(&[1..=last], unread(author));
        if !gaps.is_empty() {
            findings.push(gap(author, gaps, status, around, people));
        }
    }
}

/// Returns the authors whose messages are waited for, each with the last such number.
fn awaited(status: &Status) -> BTreeMap<AuthorId, u64> {
    let mut awaited = BTreeMap::new();
    for (id, _) in status.waiting.iter().flat_map(|waiting| &waiting.missing) {
        let last: &mut u64 = awaited.entry(id.author).or_default();
        *last = id.counter.max(*last);
    }
    awaited
}

fn after(before: u64, last: u64) -> Option<Gap> {
    (before < last).then(|| before + 1..=last)
}

pub(super) fn members(status: &Status, around: &Surroundings, people: &People, findings: &mut Vec<Finding>) {
    held(status, around, people, findings);
    for member in &status.members {
        // The finding about intruders names the other writer already.
        let is_told = !status.intruders.is_empty() && people.is_me(member.author);
        if !member.forks.is_empty() && !is_told {
            findings.push(fork(member, status, people));
        }
    }
    refused(status, people, findings);
    unvouched(status, people, findings);
}

/// Reports messages of other members that are here and were deleted from the folder.
pub(super) fn vanished(around: &Surroundings, people: &People, findings: &mut Vec<Finding>) {
    for Vanished { author, numbers: gone, with_directory } in &around.vanished {
        let (count, name) = (total(gone), people.name(*author));
        let message = if *with_directory {
            format!(
                "The directory of {name} is no longer in the folder; you have the {} in it.",
                match count {
                    1 => "message that was".to_owned(),
                    _ => format!("{count} messages that were"),
                }
            )
        } else {
            format!(
                "{} that you have {} no longer in the folder: {}.",
                people.count(count, "message", *author),
                one_or_many(count, "is", "are"),
                numbers(gone)
            )
        };
        findings.push(
            Finding::new(Kind::Vanished, message)
                .of(*author, people)
                .meaning(format!(
                    "A person or a program has deleted {} there. A member that joins now cannot see {0}, nor what \
                     comes after {0}.",
                    one_or_many(count, "it", "them")
                ))
                .advice(format!(
                    "Ask {name} to open the session, which puts back what is missing. If {name} does not return, do it \
                     from here: `tempo relay FOLDER {}`. An open session also does this automatically, after some \
                     time, when another member lacks {}.",
                    short(*author),
                    one_or_many(count, "it", "them")
                ))
                .numbers(gone.clone()),
        );
    }
}

fn gap(author: AuthorId, gaps: Vec<Gap>, status: &Status, around: &Surroundings, people: &People) -> Finding {
    let count = total(&gaps);
    let missing = people.count(count, "message", author);
    let is_in = |id: &MessageId| id.author == author && gaps.iter().any(|gap| gap.contains(&id.counter));
    let waiting = status.waiting.iter().filter(|waiting| waiting.missing.iter().any(|(id, _)| is_in(id)));
    let since = oldest(waiting, around).map(|ago| {
        format!(" The oldest message that waits for {} was written {ago}.", one_or_many(count, "it", "them"))
    });
    let verb = one_or_many(count, "has", "have");
    let (it, they) = (one_or_many(count, "it", "them"), one_or_many(count, "It is", "They are"));
    let subject = people.subject(author);
    Finding::new(Kind::Gap, format!("{missing} {verb} not arrived: {}.{}", numbers(&gaps), since.unwrap_or_default()))
        .of(author, people)
        .lost(Loss::Elsewhere)
        .meaning(format!(
            "Later ones are here already. {they} still on the way, or {} deleted from the folder. The device that \
             wrote {it} keeps a copy and puts {it} back into the folder.",
            one_or_many(count, "was", "were"),
        ))
        .advice(if people.is_me(author) {
            "Wait until the sync service says that it is done. Then open the session on the device that wrote \
             them."
                .to_owned()
        } else {
            let otherwise = instead_of(author, &gaps, status, people).unwrap_or_default();
            format!(
                "Wait until the sync service says that it is done. Then ask {subject} to open the session.{otherwise}"
            )
        })
        .numbers(gaps)
}

/// Names another member that can put an author's messages into the folder, if its hints say that it
/// has them.
fn instead_of(author: AuthorId, gaps: &[Gap], status: &Status, people: &People) -> Option<String> {
    let last = *gaps.last()?.end();
    let has = |member: &&Member| member.has_seen.iter().any(|&(of, seen)| of == author && seen >= last);
    let holder = status.members.iter().filter(|member| !people.is_me(member.author)).find(has)?;
    Some(format!(
        " If {} does not return, ask {}, who has {}, to run `tempo relay FOLDER {}`.",
        people.name(author),
        people.name(holder.author),
        one_or_many(total(gaps), "it", "them"),
        short(author)
    ))
}

/// Reports the messages that members keep in the folder for others.
pub(super) fn relayed(status: &Status, people: &People, findings: &mut Vec<Finding>) {
    for Relay { place, author, relayer } in &status.report.relays {
        let (whose, keeps) = (people.whose(*author), if people.is_me(*relayer) { "keep" } else { "keeps" });
        let who = if people.is_me(*relayer) { "You".to_owned() } else { people.name(*relayer) };
        findings.push(
            Finding::new(Kind::Relayed, format!("{who} {keeps} {whose} messages in the folder."))
                .info()
                .of(*author, people)
                .meaning(if is_signed(*author) {
                    "They had vanished there. They are read like the original files, and are removed a week after the \
                     author's own files are back. The author's signature proves them."
                } else {
                    "They had vanished there. They are read like the original files, and are removed a week after the \
                     author's own files are back. The author does not sign, so nothing proves them but what others have \
                     built on them."
                })
                .advice("Nothing.")
                .files(vec![(place.clone(), None)]),
        );
    }
}

/// Returns how long ago the oldest of some messages was written, by its author's clock.
fn oldest<'a>(waiting: impl Iterator<Item = &'a Waiting>, around: &Surroundings) -> Option<String> {
    let oldest = waiting.map(|waiting| waiting.unix_ms).min()?;
    Some(ago(oldest, around.unix_ms?))
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
    let meaning = format!(
        "Two devices have written under {} name: a copied or restored computer, or a copied local store. Both versions \
         are shown, in the same order for every member.",
        people.whose(author)
    );
    let finding = Finding::new(Fork, message).of(author, people);
    let finding = match member.successor {
        // The device that has noticed continues as a new member.
        Some(_) => finding
            .info()
            .meaning(format!(
                "{meaning} One of them has noticed this and continues as a new member with the same name."
            ))
            .advice("Nothing. If it happens repeatedly, use the session on only one of the two devices."),
        None => finding
            .meaning(format!(
                "{meaning} As soon as a device notices this, it continues as a new member with the same name."
            ))
            .advice(format!(
                "{} the session on both devices, once the sync service is done there. Until one of them continues as a \
                 new member, write on only one of them.",
                if people.is_me(author) { "Open".to_owned() } else { format!("Ask {} to open", people.name(author)) }
            )),
    };
    finding.numbers(ranges(member.forks.iter().copied())).files(places)
}

fn on_the_way(author: AuthorId, announced: Vec<Gap>, people: &People) -> Finding {
    let count = total(&announced);
    let subject = people.count(count, "message", author);
    let verb = one_or_many(count, "has", "have");
    let which = numbers(&announced);
    Finding::new(OnTheWay, format!("{subject} {verb} been written but {verb} not arrived yet: {which}."))
        .info()
        .of(author, people)
        .meaning(format!(
            "A small hint file that {} leaves in the folder says so. The sync service has delivered it before the \
             messages.",
            people.subject(author)
        ))
        .advice("Wait until the sync service says that it is done.")
        .numbers(announced)
}

/// Reports waiting messages.
fn held(status: &Status, around: &Surroundings, people: &People, findings: &mut Vec<Finding>) {
    let (mut waiting, mut missing) = (BTreeMap::new(), BTreeMap::new());
    for it in &status.waiting {
        waiting.entry(it.id.author).or_insert_with(BTreeSet::new).insert(it.id.counter);
        for (id, _) in &it.missing {
            missing.entry(id.author).or_insert_with(BTreeSet::new).insert(id.counter);
        }
    }
    let named = |of: &BTreeMap<AuthorId, BTreeSet<u64>>| {
        let each = of.iter().map(|(&author, counters)| {
            format!("{} of {}", numbers(&ranges(counters.iter().copied())), people.subject_of(author))
        });
        each.collect::<Vec<_>>().join("; ")
    };
    let count = status.held.max(status.waiting.len()) as u64;
    let verb = one_or_many(count, "is here and waits", "are here and wait");
    let among = if count > status.waiting.len() as u64 { "among them " } else { "" };
    let of_one = waiting.first_key_value().filter(|_| waiting.len() == 1 && among.is_empty());
    let message = match of_one {
        _ if count == 0 => return,
        Some((&author, counters)) => format!(
            "{} {verb}: {}.",
            people.count(count, "message", author),
            numbers(&ranges(counters.iter().copied()))
        ),
        None => format!("{} {verb}: {among}{}.", counted(count, "message"), named(&waiting)),
    };
    let since = oldest(status.waiting.iter(), around).map(|ago| format!(" The oldest was written {ago}."));
    let awaited = if missing.is_empty() { String::new() } else { format!(": {}", named(&missing)) };
    let finding = Finding::new(Held, message + &since.unwrap_or_default());
    let finding = match of_one {
        Some((&author, counters)) => finding.of(author, people).numbers(ranges(counters.iter().copied())),
        None => finding,
    };
    findings.push(
        finding
            .meaning(format!(
                "{} after messages that are not here or cannot be read{awaited}. {} shown in the right place as soon \
                 as those can be read.",
                one_or_many(count, "It comes", "They come"),
                one_or_many(count, "It is", "They are"),
            ))
            .advice("Take care of the missing messages. The waiting messages need nothing."),
    );
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
                    "Its metadata does not fit the messages that it answers. The cause is faulty software, or a person \
                     who tampers with the folder. Every member refuses it, and its text is not shown.",
                )
                .advice(format!("Ask {} what the message was, and which software wrote it.", people.subject(author)))
                .numbers(ranges(counters)),
        );
    }
}

/// Reports what claims to be by a member that signs, and is not signed by it.
fn unvouched(status: &Status, people: &People, findings: &mut Vec<Finding>) {
    let mut by_author: BTreeMap<AuthorId, BTreeSet<u64>> = BTreeMap::new();
    for id in &status.unvouched {
        by_author.entry(id.author).or_default().insert(id.counter);
    }
    for (author, counters) in by_author {
        let counters = ranges(counters);
        let count = total(&counters);
        let (name, is) = (people.name(author), one_or_many(count, "is", "are"));
        findings.push(
            Finding::new(
                Kind::Unvouched,
                format!(
                    "{} {is} not proven to be by {}: {}.",
                    people.count(count, "message", author),
                    people.subject(author),
                    numbers(&counters)
                ),
            )
            .of(author, people)
            .meaning(format!(
                "The signature does not hold. Somebody who can write the folder has written under the name of \
                 {name}, a program has changed a file, or the message that vouches for {} has not arrived yet. No \
                 member shows {0}, and the real messages are not affected.",
                one_or_many(count, "it", "them")
            ))
            .advice(format!(
                "Wait until the sync service says that it is done. If this remains, ask {} whether something is \
                 missing here, and find out who else can write the folder.",
                people.subject(author)
            ))
            .numbers(counters),
        );
    }
    for &author in &status.forged_heads {
        findings.push(
            Finding::new(Kind::UnsignedHead, format!("Hints in the name of {} are not signed.", people.name(author)))
                .of(author, people)
                .meaning(
                    "Somebody who can write the folder has put them there. They count for nothing, and nothing is \
                     missing.",
                )
                .advice("Find out who else can write the folder."),
        );
    }
}
