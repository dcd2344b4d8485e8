//! Findings about files in the folder that are not messages in their places.

use super::*;

#[test]
fn a_file_in_the_place_of_a_missing_message_is_the_cause() {
    use FindingKind::{Damaged, InTheWay};
    let place = MessageId { author: author(2), counter: 2 }.to_string();
    let bad = |reason| {
        let foreign = Foreign { item: item(&place), place: place.clone(), author: Some(author(2)), reason };
        found(|status, _| {
            status.members[1].gaps = vec![2..=2];
            Arc::make_mut(&mut status.report).foreign = vec![foreign];
        })
    };
    let damaged = bad(ForeignReason::Bad(BadFrame::Digest));
    let message = "1 file of Ben\\u{1b} is damaged: number 2.";
    only(&damaged, Damaged, Severity::Attention, Loss::Elsewhere, message);
    assert_eq!(
        (&damaged[0].numbers, &damaged[0].files[0]),
        (&vec![2..=2], &format!("{place}: the content was changed after it was written"))
    );
    assert!(
        damaged[0].advice.contains("ask Ben\\u{1b} to open") && damaged[0].advice.contains("-text"),
        "{damaged:#?}"
    );
    let alone = found(|status, _| {
        status.members.push(Member { has_seen: vec![(author(2), 3)], ..member(3, "Cleo") });
        status.members[1].gaps = vec![2..=2];
        let reason = ForeignReason::Bad(BadFrame::Digest);
        Arc::make_mut(&mut status.report).foreign =
            vec![Foreign { item: item(&place), place: place.clone(), author: Some(author(2)), reason }];
    });
    let advice = &alone[0].advice;
    assert!(advice.starts_with("Other members have what Ben") && !advice.contains("ask Ben"), "{advice}");
    let pipe = ForeignReason::Type { expected: FileType::File, found: FileType::Special };
    for (reason, about) in [
        (pipe, "a pipe, socket or device"),
        (ForeignReason::TooLarge { actual: 15 << 40, limit: 1 }, "a file larger than any message"),
    ] {
        let found = bad(reason);
        let message = "Something else is in the place of 1 message of Ben\\u{1b}: number 2.";
        only(&found, InTheWay, Severity::Attention, Loss::Elsewhere, message);
        assert_eq!(found[0].files[0], format!("{place}: {about}"));
    }
    let directory = found(|status, _| {
        let wrong = ForeignReason::Type { expected: FileType::Directory, found: FileType::File };
        Arc::make_mut(&mut status.report).foreign = vec![foreign(&author(2).to_string(), wrong)];
    });
    let message = "Something else is in the place of the directory of Ben\\u{1b}.";
    only(&directory, InTheWay, Severity::Attention, Loss::Elsewhere, message);
    let closed = Pending {
        item: item(&author(2).to_string()),
        place: author(2).to_string(),
        author: None,
        counter: None,
        reason: PendingReason::Unreadable { cause: "Permission denied".to_owned() },
    };
    let message = "The directory of Ben\\u{1b} cannot be read.";
    attention(FindingKind::Unreadable, message, report(|report| report.pending = vec![closed]));
}

#[test]
fn vanished_and_misplaced_messages_and_lagging_members_are_reported() {
    use FindingKind::{Lagging, Misplaced, Vanished};
    let gone = |numbers, with_directory| crate::doctor::Vanished { author: author(2), numbers, with_directory };
    let message = "2 messages of Ben\\u{1b} that you have are no longer in the folder: numbers 1, 3.";
    attention(Vanished, message, |_, around| around.vanished = vec![gone(vec![1..=1, 3..=3], false)]);
    let message = "The directory of Ben\\u{1b} is no longer in the folder; you have the message that was in it.";
    attention(Vanished, message, |_, around| around.vanished = vec![gone(vec![1..=1], true)]);
    let stray = |counter| Stray::new("Copy of it", false, [MessageId { author: author(2), counter }]);
    let message = "1 file contains message 9 of Ben\\u{1b}, but is not read where it is.";
    let lost = found(|_, around| around.strays = vec![stray(9)]);
    only(&lost, Misplaced, Severity::Attention, Loss::Possible, message);
    let message = "1 file contains message 3 of Ben\\u{1b}, but is not read where it is.";
    attention(Misplaced, message, |_, around| around.strays = vec![stray(3)]);
    let lag = Lag { author: author(2), messages: 5, since_ms: NOW - 9 * DAY, hinted_ms: NOW - DAY };
    let message = "Ben\\u{1b} has not received 5 messages that are here; the oldest of them was written 9 days ago.";
    let lagging = info(Lagging, message, |_, around| around.lagging = vec![lag]);
    assert!(lagging.meaning.contains("left 1 day ago"), "{lagging:#?}");
}

#[test]
fn a_session_in_a_subfolder_is_reported_instead_of_a_missing_disk() {
    use FindingKind::{FolderAway, Misplaced};
    let path = "/music/jam.session/jam.session";
    let mut stray = Stray::new("jam.session", true, [9, 10].map(|counter| MessageId { author: author(2), counter }));
    stray.session = Some(path.to_owned());
    let message = format!("A session with 2 messages is further down, in `{path}`, where it is not read.");
    let deeper = found(|_, around| around.strays = vec![stray.clone()]);
    only(&deeper, Misplaced, Severity::Attention, Loss::Possible, &message);
    let away = found(|status, around| {
        status.folder = FolderState::Detached { why: "it contains no known author".to_owned() };
        around.strays = vec![stray];
    });
    assert_eq!(away.iter().map(|it| it.kind).collect::<Vec<_>>(), [FolderAway, Misplaced]);
    assert!(!away[0].advice.contains("Plug in"), "{away:#?}");
    let upper = author(2).to_string().to_uppercase();
    let stray = Stray::new(&upper, true, [MessageId { author: author(2), counter: 9 }]);
    let found = found(|_, around| around.strays = vec![stray]);
    assert_eq!(found[0].advice, format!("Rename it to `{}`.", author(2)));
}

#[test]
fn unexamined_directories_are_to_be_left_in_place() {
    let other = |around: &mut Surroundings, is_seen: bool| {
        around.unseen = (!is_seen).then(|| "2026".to_owned()).into_iter().collect();
    };
    let advice = |is_seen| {
        let found = found(|status, around| {
            Arc::make_mut(&mut status.report).foreign = vec![foreign("2026", ForeignReason::Name)];
            other(around, is_seen);
        });
        found[0].advice.clone()
    };
    assert!(advice(true).starts_with("Move it out"), "{}", advice(true));
    assert!(advice(false).starts_with("Leave it"), "{}", advice(false));
}

#[test]
fn placeholders_may_stand_for_messages_and_directories() {
    use FindingKind::{FolderReadOnly, OnlineOnly};
    let perhaps =
        |counter| report(move |report| report.pending = vec![pending(2, counter, PendingReason::PerhapsOnline)]);
    attention(OnlineOnly, "1 message of Ben\\u{1b} waits for download: number 9.", perhaps(9));
    info(OnlineOnly, "1 file of Ben\\u{1b} is only online.", perhaps(2));
    let dir = Pending {
        item: item(&format!("{}.cloudf", author(2))),
        place: format!("{}.cloudf", author(2)),
        author: None,
        counter: None,
        reason: PendingReason::PerhapsOnline,
    };
    let message = "The directory of Ben\\u{1b} may be only online.";
    let dir = attention(OnlineOnly, message, report(|report| report.pending = vec![dir]));
    assert!(!dir.advice.contains("Move it"), "{dir:#?}");
    let mine = "Your directory in the session folder cannot be written: permission denied.";
    let denied = |number| {
        move |_: &mut Status, around: &mut Surroundings| {
            around.me = Some(author(1));
            around.survey.as_mut().unwrap().unwritable.insert(author(number));
        }
    };
    attention(FolderReadOnly, mine, denied(1));
    assert_eq!(found(denied(2)), [], "the directories of other members need not be writable");
}

#[test]
fn files_that_are_not_messages_yet_are_reported() {
    use FindingKind::{Incomplete, Newer, OnlineOnly, Unreadable};
    let all = |reason: PendingReason, counters: [u64; 2]| {
        report(move |report| report.pending.extend(counters.map(|counter| pending(2, counter, reason.clone()))))
    };
    let (known, unknown) = ([1, 2], [8, 9]);
    attention(
        OnlineOnly,
        "2 messages of Ben\\u{1b} wait for download: numbers 8 to 9.",
        all(PendingReason::OnlineOnly, unknown),
    );
    info(OnlineOnly, "2 files of Ben\\u{1b} are only online.", all(PendingReason::OnlineOnly, known));
    let slow = PendingReason::NotHereYet { cause: "no answer".to_owned() };
    let least = "At least 2 messages of Ben\\u{1b} wait for download: numbers 8 to 9.";
    let finding = attention(OnlineOnly, least, all(slow, unknown));
    assert!(finding.files[1].ends_with("0009: no answer"), "{finding:#?}");
    let partial = PendingReason::Incomplete { missing: 7 };
    let in_part = "2 files of Ben\\u{1b} are incomplete: numbers 8 to 9.";
    let finding = elsewhere(Incomplete, in_part, all(partial.clone(), unknown));
    assert!(finding.meaning.contains("as soon as they are whole"), "{finding:#?}");
    let finding = attention(Incomplete, "2 files of Ben\\u{1b} are incomplete.", all(partial, known));
    assert!(finding.meaning.contains("known here"), "{finding:#?}");
    elsewhere(Incomplete, in_part, all(PendingReason::Changing, unknown));
    let unreadable = PendingReason::Unreadable { cause: "broken\u{1b}".to_owned() };
    let finding =
        elsewhere(Unreadable, "2 files of Ben\\u{1b} cannot be read: numbers 8 to 9.", all(unreadable, unknown));
    assert!(finding.files[0].ends_with("0008: broken\\u{1b}"), "{finding:#?}");
    let newer = PendingReason::Unsupported(Unsupported::Version(9));
    attention(Newer, "2 messages of Ben\\u{1b} were written by newer software.", all(newer, unknown));
}

#[test]
fn files_that_are_not_messages_are_reported() {
    use FindingKind::{Damaged, Foreign as Stray, Harmless, Unlisted};
    let finding = attention(
        Stray,
        "3 files do not belong to the session.",
        report(|report| {
            let wrong = ForeignReason::Type { expected: FileType::Directory, found: FileType::File };
            report.foreign = vec![
                foreign("notes.txt", ForeignReason::Name),
                foreign("7b0e", wrong),
                foreign("x/1", ForeignReason::Author { found: author(2) }),
            ];
        }),
    );
    let third = "x/1: a message of Ben\\u{1b} in another member's directory";
    assert_eq!(finding.files, ["notes.txt", "7b0e: a file", third]);
    assert_eq!(finding.place, None);
    info(
        Harmless,
        "2 files belong to sync services, systems or other programs.",
        report(|report| {
            let by = "a service";
            report.foreign = vec![
                foreign(".DS_Store", ForeignReason::System { by }),
                foreign("~a.tmp", ForeignReason::Temporary { by }),
            ];
        }),
    );
    info(
        Stray,
        "1 file has a name that begins like a message's, but other content.",
        report(|report| report.foreign = vec![foreign("x/0000000000000003.locked", ForeignReason::Content)]),
    );
    let bad = |counter| Foreign {
        item: item(&MessageId { author: author(2), counter }.to_string()),
        place: MessageId { author: author(2), counter }.to_string(),
        author: Some(author(2)),
        reason: ForeignReason::Bad(BadFrame::Digest),
    };
    let unknown = found(report(|report| report.foreign = vec![bad(9)]));
    let message = "1 file of Ben\\u{1b} is damaged: number 9.";
    only(&unknown, Damaged, Severity::Attention, Loss::Elsewhere, message);
    assert!(unknown[0].meaning.contains("It is not shown."), "{unknown:#?}");
    let finding =
        attention(Damaged, "1 file of Ben\\u{1b} is damaged.", report(|report| report.foreign = vec![bad(2)]));
    assert!(finding.meaning.contains("known here"), "{finding:#?}");
    let head =
        |reason| Foreign { item: Item::Head, place: format!("{}/head", author(2)), author: Some(author(2)), reason };
    for reason in [ForeignReason::BadHead(BadHead::Damaged), ForeignReason::TooLarge { actual: 2, limit: 1 }] {
        let message = "1 file of Ben\\u{1b} with hints cannot be read.";
        info(FindingKind::DamagedHead, message, report(|report| report.foreign = vec![head(reason)]));
    }
    attention(
        Unlisted,
        "7 more files that are not messages, or not yet, are not listed individually.",
        report(|report| report.unlisted = 7),
    );
}

#[test]
fn copies_and_doubled_directories_are_reported() {
    use FindingKind::{DoubledDirectory, EqualCopy};
    let copy = |number, counter| Duplicate {
        item: Item::Copy { first: counter },
        is_temporary: false,
        place: format!("{counter} (1)"),
        author: author(number),
        counter: Some(counter),
    };
    let own = |is_redundant: bool| {
        info(EqualCopy, "1 file is a copy of a message of yours.", |status, around| {
            Arc::make_mut(&mut status.report).copies = vec![copy(1, 2)];
            around.redundant = is_redundant.then(|| "2 (1)".to_owned()).into_iter().collect();
        })
    };
    assert!(own(true).advice.contains("--fix` removes it"));
    assert!(!own(false).advice.contains("--fix"));
    let head = Duplicate {
        item: Item::Head,
        is_temporary: false,
        place: "head (1)".to_owned(),
        author: author(2),
        counter: None,
    };
    let message = "1 file is a copy of Ben\\u{1b}'s hint file.";
    info(FindingKind::HeadCopy, message, report(|report| report.copies = vec![head]));
    let theirs = "2 files are copies of messages of Ben\\u{1b}.";
    let theirs = info(EqualCopy, theirs, report(|report| report.copies = vec![copy(2, 2), copy(2, 3)]));
    assert!(theirs.advice.contains("Leave them") && !theirs.advice.contains("--fix"), "{theirs:#?}");
    let beside =
        info(FindingKind::Occupied, "Something else is in the place of 1 message of yours: number 2.", |status, _| {
            status.occupied = vec![2];
            Arc::make_mut(&mut status.report).copies = vec![copy(1, 2)];
        });
    assert_eq!(beside.numbers, [] as [std::ops::RangeInclusive<u64>; 0], "a message that was put beside is not a copy");
    let second = "There is a second directory with messages of Ben\\u{1b}.";
    info(
        DoubledDirectory,
        second,
        report(|report| {
            report.doubled = vec![Duplicate {
                item: Item::Other,
                is_temporary: false,
                place: "7b0e (1)".to_owned(),
                author: author(2),
                counter: None,
            }];
        }),
    );
}

#[test]
fn parts_of_the_folder_are_reported() {
    use FindingKind::SplitFolder;
    let parts = |names: &[&str]| {
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        report(|report| report.parts = names)
    };
    let one = "1 more folder of this session is beside the session folder.";
    let one = attention(SplitFolder, one, parts(&["jam 2.session"]));
    assert_eq!(one.place.as_deref(), Some("jam 2.session"));
    let two = "2 more folders of this session are beside the session folder.";
    let two = attention(SplitFolder, two, parts(&["jam 2.session", "jam 3.session"]));
    assert_eq!((two.place, two.files.len()), (None, 2));
    let undecided = "1 folder that may be a part of this session is beside it.";
    let undecided = attention(
        FindingKind::UndecidedFolder,
        undecided,
        report(|report| report.undecided = vec!["jam (Konflikt).session".to_owned()]),
    );
    assert!(undecided.advice.contains("--join") && undecided.advice.contains("--apart"), "{undecided:#?}");
    let copy = "1 folder beside the session folder is another session that began with messages of this one.";
    let copied = report(|report| report.apart = vec!["jam copy.session".to_owned()]);
    let copy = info(FindingKind::CopyBeside, copy, copied);
    assert_eq!(copy.place.as_deref(), Some("jam copy.session"));
}

#[test]
fn converted_line_ends_are_reported() {
    let id = MessageId { author: author(2), counter: 2 };
    let converted = vec![Duplicate {
        item: item(&id.to_string()),
        is_temporary: false,
        place: id.to_string(),
        author: author(2),
        counter: Some(2),
    }];
    let message = "1 file was changed on the way: a program converted line ends.";
    let change = report(|report| report.converted = converted);
    let finding = attention(FindingKind::ChangedOnTheWay, message, change);
    assert!(finding.advice.contains("*.session/** -text") && finding.advice.contains("binary"), "{finding:#?}");
    assert_eq!((finding.author, finding.place), (Some(author(2)), Some(id.to_string())));
}
