//! Each kind of finding, from the smallest state that shows it.

use std::{ffi::OsStr, sync::Arc};

use tempo_clock::{AuthorId, Lamport, Stamp};
use tempo_fs_transport::{DirName, FileName, Stray, Survey, Volume};
use tempo_message::{BadFrame, BadHead, Digest, Duplicate, FileType, Item, Unsupported};

use super::*;
use crate::{
    api::status::{ClockSkew, Member, Status, Waiting},
    core::{event::Rejection, session_core::SessionCore},
    engine::event::FolderState,
};
use tempo_message::{Foreign, ForeignReason, MessageId, Pending, PendingReason};

mod files;
mod json;

const DAY: i64 = 24 * 3_600_000;
const NOW: i64 = 1_790_000_000_000;
const KNOWN: u64 = 3;

fn author(number: u8) -> AuthorId {
    AuthorId::new(uuid::Uuid::from_u128(u128::from(number) << 120))
}

fn member(number: u8, name: &str) -> Member {
    let latest = Stamp { lamport: Lamport(KNOWN), unix_ms: NOW - DAY, author: author(number) };
    Member {
        author: author(number),
        name: Some(name.to_owned()),
        messages: KNOWN,
        here: KNOWN,
        last: KNOWN,
        gaps: Vec::new(),
        latest: Some(latest),
        former: None,
        has_proven: false,
        is_signed: true,
        successor: None,
        retired: None,
        announced: KNOWN,
        heard_ms: Some(latest.unix_ms),
        has_seen: Vec::new(),
        forks: Vec::new(),
        clock_skew: None,
    }
}

/// Returns a healthy folder with two members: Ana, the reader, and Ben.
fn healthy() -> (Status, Surroundings) {
    let mut status = Status::of_core(&SessionCore::new(Some(author(1))), Arc::default());
    status.folder = FolderState::Attached;
    status.members = vec![member(1, "Ana"), member(2, "Ben\u{1b}")];
    let survey = Survey::new(100, [author(1), author(2)], Volume::new(Some(1 << 40), false));
    let around = Surroundings { unix_ms: Some(NOW), survey: Some(survey), ..Surroundings::default() };
    (status, around)
}

fn found(change: impl FnOnce(&mut Status, &mut Surroundings)) -> Vec<Finding> {
    let (mut status, mut around) = healthy();
    change(&mut status, &mut around);
    let findings = diagnose(&status, &around);
    for finding in &findings {
        assert!(finding.message.ends_with('.') && finding.meaning.ends_with('.') && finding.advice.ends_with('.'));
        let needs_nothing = finding.advice.starts_with("Nothing");
        assert!(finding.severity == Severity::Info || !needs_nothing, "{finding:#?}");
        let texts = [&finding.message, &finding.meaning, &finding.advice].into_iter().chain(&finding.files);
        assert!(texts.into_iter().all(|text| !text.contains('\u{1b}') && !text.contains("  ")), "{finding:#?}");
    }
    findings
}

/// Asserts the kind, severity, loss and sentence of the only finding.
#[track_caller]
fn only(findings: &[Finding], kind: FindingKind, severity: Severity, lost: Loss, message: &str) {
    let found: Vec<_> = findings.iter().map(|it| (it.kind, it.severity, it.lost, it.message.as_str())).collect();
    assert_eq!(found, [(kind, severity, lost, message)], "{findings:#?}");
}

#[track_caller]
fn attention(kind: FindingKind, message: &str, change: impl FnOnce(&mut Status, &mut Surroundings)) -> Finding {
    let mut findings = found(change);
    only(&findings, kind, Severity::Attention, Loss::Nothing, message);
    findings.remove(0)
}

#[track_caller]
fn elsewhere(kind: FindingKind, message: &str, change: impl FnOnce(&mut Status, &mut Surroundings)) -> Finding {
    let mut findings = found(change);
    only(&findings, kind, Severity::Attention, Loss::Elsewhere, message);
    findings.remove(0)
}

#[track_caller]
fn info(kind: FindingKind, message: &str, change: impl FnOnce(&mut Status, &mut Surroundings)) -> Finding {
    let mut findings = found(change);
    only(&findings, kind, Severity::Info, Loss::Nothing, message);
    findings.remove(0)
}

fn report(change: impl FnOnce(&mut tempo_message::Report)) -> impl FnOnce(&mut Status, &mut Surroundings) {
    |status, _| change(Arc::make_mut(&mut status.report))
}

/// Returns the transport's classification of a name.
fn item(place: &str) -> Item {
    let (_, name) = place.rsplit_once('/').unwrap_or(("", place));
    match FileName::parse(OsStr::new(name)) {
        FileName::Message(first) => Item::Messages { first, last: first },
        FileName::Pack(first, last) => Item::Messages { first, last },
        FileName::Copy(first) => Item::Copy { first },
        FileName::Placeholder(first, last) => Item::Placeholder { first, last },
        FileName::Head => Item::Head,
        _ => DirName::parse(OsStr::new(name)).author().map_or(Item::Other, Item::Directory),
    }
}

fn pending(number: u8, counter: u64, reason: PendingReason) -> Pending {
    let place = MessageId { author: author(number), counter }.to_string();
    Pending { item: item(&place), place, author: Some(author(number)), counter: Some(counter), reason }
}

fn foreign(place: &str, reason: ForeignReason) -> Foreign {
    Foreign { item: item(place), place: place.to_owned(), author: None, reason }
}

fn waiting(counter: u64, missing: &[(u8, u64)]) -> Waiting {
    let id = |(number, counter): (u8, u64)| MessageId { author: author(number), counter };
    let missing = missing.iter().map(|&it| (id(it), Digest::from_bytes([0; 32]))).collect();
    Waiting { id: id((2, counter)), unix_ms: NOW - 2 * DAY, missing }
}

#[test]
fn a_healthy_session_has_no_findings() {
    assert_eq!(found(|_, _| {}), []);
}

#[test]
fn a_missing_folder_hides_findings_about_its_content() {
    use FindingKind::{FolderAway, FolderUnreadable, Gap};
    let findings = found(|status, around| {
        status.folder = FolderState::Detached { why: "it is \u{1b} gone".to_owned() };
        (status.unpublished, status.members[1].gaps) = (3, vec![2..=2]);
        around.survey = None;
    });
    assert_eq!(findings.iter().map(|it| it.kind).collect::<Vec<_>>(), [FolderAway, Gap]);
    assert_eq!(findings[0].message, "The session folder is away: it is \\u{1b} gone.");
    attention(FolderUnreadable, "The session folder cannot be read: no.", |status, _| {
        status.folder = FolderState::Unreadable { why: "no".to_owned() };
    });
}

#[test]
fn the_volume_and_the_service_are_checked() {
    use FindingKind::{FolderFull, FolderReadOnly, FolderTooLarge, NotShared, NotWatched};
    let on = |volume: Volume| {
        move |_: &mut Status, around: &mut Surroundings| around.survey.as_mut().unwrap().volume = volume
    };
    attention(FolderReadOnly, "Nothing can be written into the session folder.", on(Volume::new(None, true)));
    let full = "There is no room left on the disk of the session folder.";
    attention(FolderFull, full, on(Volume::new(Some(0), false)));
    let nearly = "There is only 5 KiB of room left on the disk of the session folder.";
    attention(FolderFull, nearly, on(Volume::new(Some(6000), false)));
    let observer = found(|status, around| {
        status.author = None;
        around.survey.as_mut().unwrap().volume = Volume::new(None, true);
    });
    assert_eq!(observer, [], "an observer needs no permission");

    let large = "The session folder holds 100001 files.";
    attention(FolderTooLarge, large, |_, around| around.survey.as_mut().unwrap().entries = 100_001);
    assert_eq!(found(|_, around| around.survey.as_mut().unwrap().entries = 100_000), []);
    info(
        NotWatched,
        "The system does not report changes in the folder: too many.",
        report(|report| {
            report.without_hints = Some("too many".to_owned());
        }),
    );

    let alone = |status: &mut Status, around: &mut Surroundings| {
        status.members.truncate(1);
        around.survey.as_mut().unwrap().authors.remove(&author(2));
    };
    attention(NotShared, "The session folder does not seem to be shared.", alone);
    let in_a_service = found(|status, around| {
        alone(status, around);
        around.service = Some("Syncthing");
    });
    assert_eq!(in_a_service, []);
    let with_a_directory = found(|status, _| status.members.truncate(1));
    assert_eq!(with_a_directory, [], "another member has joined and written nothing");
    let not_looked_at = found(|status, around| {
        alone(status, around);
        around.survey = None;
    });
    assert_eq!(not_looked_at, []);
}

#[test]
fn the_store_is_checked() {
    use FindingKind::{StateUnusable, StoreFails, StoreInUse, StoreNewer, StoreUnclean, StoreUnusable};
    attention(StoreFails, "Received messages cannot be stored on this computer: no room.", |status, _| {
        status.store_error = Some("no room".to_owned());
    });
    info(StoreInUse, "The session is open at the moment, in process 7.", |_, around| {
        around.store = LocalStore::InUse { holder: "process 7".to_owned() };
    });
    let newer = "The local store was written by a newer version of this software.";
    let newer = attention(StoreNewer, newer, |_, around| around.store = LocalStore::Newer);
    assert_eq!(newer.advice, "Update this software.");
    let unclean = found(|_, around| around.store = LocalStore::Unclean { path: "state/store.redb".into() });
    let message = "The local store was not closed the last time, or is damaged.";
    only(&unclean, StoreUnclean, Severity::Attention, Loss::Possible, message);
    assert!(
        unclean[0].advice.contains("for a backup of state/store.redb. If there is none, keep the file"),
        "{unclean:#?}"
    );
    let unusable = found(|_, around| {
        around.store = LocalStore::Unusable { path: "/state/store.redb".into(), why: "damaged".to_owned() }
    });
    let message = "The local store cannot be read: damaged.";
    only(&unusable, StoreUnusable, Severity::Attention, Loss::Possible, message);
    let denied = "The local state cannot be used: no.";
    attention(StateUnusable, denied, |_, around| around.store = LocalStore::Denied { why: "no".to_owned() });
    attention(StateUnusable, denied, |_, around| around.state_error = Some("no".to_owned()));
}

#[test]
fn unpublished_and_replaced_own_messages_are_reported() {
    use FindingKind::{IdentityInUse, Occupied, Unpublished};
    attention(Unpublished, "1 message of yours is not in the folder.", |status, _| status.unpublished = 1);
    let why = "2 messages of yours are not in the folder: no room.";
    let finding = attention(Unpublished, why, |status, _| {
        (status.unpublished, status.publish_error) = (2, Some("no room".to_owned()));
    });
    assert!(finding.advice.starts_with("Remove the cause."), "{finding:#?}");
    let taken = "Something else is in the place of 1 message of yours: number 2.";
    let finding = info(Occupied, taken, |status, _| {
        status.occupied = vec![2];
        let id = MessageId { author: author(1), counter: 2 };
        let bad = Foreign {
            item: item(&id.to_string()),
            place: id.to_string(),
            author: Some(author(1)),
            reason: ForeignReason::Bad(BadFrame::Magic),
        };
        Arc::make_mut(&mut status.report).foreign.push(bad);
    });
    assert_eq!(finding.place, Some(MessageId { author: author(1), counter: 2 }.to_string()));
    let in_use = "Another device writes under your name: 2 messages of yours, numbers 3 to 4, were not written here.";
    let finding = attention(IdentityInUse, in_use, |status, _| {
        status.intruders = [3, 4].map(|counter| MessageId { author: author(1), counter }).to_vec();
        status.members[0].forks = vec![3];
    });
    assert!(finding.advice.starts_with("Open the session here"), "{finding:#?}");
    assert_eq!((finding.numbers, finding.author), (vec![3..=4], Some(author(1))));
}

#[test]
fn successors_and_announced_messages_are_reported() {
    use FindingKind::{OnTheWay, Successor};
    let on_the_way = "2 messages of Ben\\u{1b} have been written but have not arrived yet: numbers 4 to 5.";
    info(OnTheWay, on_the_way, |status, _| status.members[1].announced = KNOWN + 2);
    let successor = "Ben\\u{1b} 03000000 was formerly Ben\\u{1b} 02000000.";
    let finding = info(Successor, successor, |status, _| {
        let mut next = member(3, "Ben\u{1b}");
        (next.former, next.has_proven) = (Some(author(2)), true);
        (status.members[1].successor, status.members[1].heard_ms) = (Some(author(3)), Some(NOW - 1000 * DAY));
        status.members.push(next);
    });
    assert_eq!(finding.author, Some(author(3)));
}

#[test]
fn what_is_not_proven_is_reported() {
    use FindingKind::{Silent, SuccessionClaimed, UnsignedHead, Unvouched};
    let forged = "2 messages of Ben\\u{1b} are not proven to be by Ben\\u{1b}: numbers 4 to 5.";
    let finding = attention(Unvouched, forged, |status, _| {
        status.unvouched = [4, 5, 5].map(|counter| MessageId { author: author(2), counter }).to_vec();
    });
    assert_eq!((finding.numbers, finding.author), (vec![4..=5], Some(author(2))));
    let own = "1 message of yours is not proven to be by you: number 4.";
    attention(Unvouched, own, |status, _| status.unvouched = vec![MessageId { author: author(1), counter: 4 }]);
    let head = "Hints in the name of Ben\\u{1b} are not signed.";
    attention(UnsignedHead, head, |status, _| status.forged_heads = vec![author(2)]);
    let claimed = "Ben\\u{1b} 03000000 says that it was formerly Ben\\u{1b} 02000000, and has not proven it.";
    info(SuccessionClaimed, claimed, |status, _| {
        let mut next = member(3, "Ben\u{1b}");
        next.former = Some(author(2));
        status.members[1].successor = Some(author(3));
        status.members.push(next);
    });
    let silent = found(|status, _| {
        let mut next = member(3, "Ben\u{1b}");
        next.former = Some(author(2));
        (status.members[1].successor, status.members[1].heard_ms) = (Some(author(3)), Some(NOW - 1000 * DAY));
        status.members.push(next);
    });
    assert_eq!(silent.last().map(|it| it.kind), Some(Silent), "a claim does not end the waiting");
}

#[test]
fn gaps_and_the_messages_that_wait_for_them_are_reported() {
    use FindingKind::{Gap, Held};
    let findings = found(|status, _| {
        (status.members[1].gaps, status.members[1].last) = (vec![4..=4, 6..=8], 10);
        status.waiting = vec![waiting(5, &[(2, 4)]), waiting(9, &[(1, 7), (2, 8)]), waiting(10, &[])];
        status.held = 5;
    });
    // A member has answered a message that is not here.
    let mine = "4 messages of yours have not arrived: numbers 4 to 7. The oldest message that waits for them was \
                written 2 days ago.";
    assert_eq!((findings[0].message.as_str(), &findings[0].numbers), (mine, &vec![4..=7]));
    let findings = &findings[1..];
    let messages: Vec<_> = findings.iter().map(|it| (it.kind, it.lost, it.message.as_str())).collect();
    let gap = "4 messages of Ben\\u{1b} have not arrived: numbers 4, 6 to 8. The oldest message that waits for them \
               was written 2 days ago.";
    let held =
        "5 messages are here and wait: among them numbers 5, 9 to 10 of Ben\\u{1b}. The oldest was written 2 days ago.";
    assert_eq!(messages, [(Gap, Loss::Elsewhere, gap), (Held, Loss::Nothing, held)]);
    assert_eq!(findings[0].numbers, [4..=4, 6..=8]);
    assert!(findings[0].advice.contains("ask Ben"), "{findings:#?}");
    let awaited = "cannot be read: number 7 of yours; numbers 4, 8 of Ben\\u{1b}.";
    assert!(findings[1].meaning.contains(awaited), "{findings:#?}");
    let message = "1 message of yours has not arrived: number 2.";
    let own = elsewhere(Gap, message, |status, _| status.members[0].gaps = vec![2..=2]);
    assert!(own.advice.contains("on the device that wrote them"), "{own:#?}");
    let two = found(|status, _| {
        status.waiting =
            vec![waiting(5, &[]), Waiting { id: MessageId { author: author(1), counter: 4 }, ..waiting(9, &[]) }];
        status.held = 2;
    });
    let message =
        "2 messages are here and wait: number 4 of yours; number 5 of Ben\\u{1b}. The oldest was written 2 days ago.";
    only(&two, Held, Severity::Attention, Loss::Nothing, message);
}

#[test]
fn a_copy_of_a_folder_names_the_other_one() {
    let message = "This folder is a copy of /old/jam.session, which is still there.";
    for (me, then) in [(None, "you stay the member that you are"), (Some(author(1)), "you may remove it")] {
        let finding = info(FindingKind::CopiedFolder, message, |status, around| {
            status.author = me;
            (around.me, around.original) = (me, Some("/old/jam.session".into()));
        });
        assert!(finding.advice.contains(then) && finding.advice.contains("/old/jam.session"), "{finding:#?}");
    }
}

#[test]
fn forks_and_refused_messages_are_reported() {
    use FindingKind::{Fork, Refused};
    let id = MessageId { author: author(2), counter: 3 };
    let finding = attention(Fork, "1 message of Ben\\u{1b} exists in two versions: number 3.", |status, _| {
        status.members[1].forks = vec![3];
        let copy = Duplicate {
            item: item(&format!("{id}-HOST")),
            is_temporary: false,
            place: format!("{id}-HOST"),
            author: author(2),
            counter: Some(3),
        };
        Arc::make_mut(&mut status.report).copies.push(copy);
    });
    assert_eq!(finding.files, [format!("{id}-HOST")], "the copy is reported here, not as a harmless one");
    assert!(finding.advice.starts_with("Ask Ben\\u{1b} to open the session on both"), "{finding:#?}");
    let over = found(|status, _| {
        status.members.push(Member { former: Some(author(2)), ..member(3, "Ben") });
        (status.members[1].forks, status.members[1].successor) = (vec![3], Some(author(3)));
    });
    let over = over.iter().find(|finding| finding.kind == Fork).unwrap();
    assert_eq!((over.severity, over.advice.starts_with("Nothing.")), (Severity::Info, true), "{over:#?}");
    let refused = found(|status, _| status.rejected = vec![(id, Rejection::Exhausted)]);
    let message = "1 message of Ben\\u{1b} was refused: number 3.";
    only(&refused, Refused, Severity::Attention, Loss::Possible, message);
}

#[test]
fn wrong_clocks_and_silent_members_are_reported() {
    use FindingKind::{ClockAhead, ClockBehind, Silent, WaitedFor};
    let at = |unix_ms: i64| {
        move |status: &mut Status, _: &mut Surroundings| {
            status.members[1].latest.as_mut().unwrap().unix_ms = unix_ms;
            status.members[1].heard_ms = Some(unix_ms);
        }
    };
    let minute = 60_000;
    let all_ahead = found(|status, _| {
        status.members.push(member(3, "Cleo"));
        for member in &mut status.members[1..] {
            member.latest = member.latest.map(|latest| Stamp { unix_ms: NOW + 3 * DAY, ..latest });
        }
    });
    let own = "The clock of this computer is behind: the messages of all other members are in its future.";
    only(&all_ahead, ClockBehind, Severity::Attention, Loss::Nothing, own);
    attention(ClockAhead, "The time of Ben\\u{1b}'s latest message is 3 days in the future.", at(NOW + 3 * DAY));
    assert_eq!(found(at(NOW + 10 * minute)), []);
    info(Silent, "The last sign of Ben\\u{1b} is 31 days old.", at(NOW - 31 * DAY));
    assert_eq!(found(at(NOW - 30 * DAY)), []);
    let waited_for = |unix_ms: i64| {
        move |status: &mut Status, around: &mut Surroundings| {
            at(unix_ms)(status, around);
            (status.messages, status.stable.messages) = (6, 4);
            status.stable.waits_for = vec![(author(2), Some(unix_ms))];
        }
    };
    info(
        WaitedFor,
        "2 messages of 6 may still move until Ben\\u{1b} writes. The last sign of Ben\\u{1b} is 8 days old.",
        waited_for(NOW - 8 * DAY),
    );
    assert_eq!(found(waited_for(NOW - 7 * DAY)), []);
    for days in [8, 31] {
        let proposed = found(waited_for(NOW - days * DAY));
        assert!(proposed[0].advice.contains("`tempo retire FOLDER 02000000`"), "{proposed:#?}");
    }
    let retired = found(|status, around| {
        waited_for(NOW - 31 * DAY)(status, around);
        status.members[1].retired = Some(author(1));
    });
    assert_eq!(retired, []);
    assert_eq!(
        found(|status, _| status.members[0].latest.as_mut().unwrap().unix_ms = 0),
        [],
        "a member is never silent to itself"
    );

    let behind = |number, minutes: u64| {
        move |status: &mut Status| {
            let after = MessageId { author: author(number), counter: 2 };
            status.members[1].clock_skew = Some(ClockSkew { after, by_ms: minutes * 60_000 });
        }
    };
    let other =
        "By its time, Ben\\u{1b}'s latest message is 2 hours older than your message 2, which was there before it.";
    attention(ClockBehind, other, |status, _| behind(1, 120)(status));
    let own = "By its time, Ben\\u{1b}'s latest message is 11 minutes older than message 2 of Ben\\u{1b}, which came \
               before it.";
    attention(ClockBehind, own, |status, _| behind(2, 11)(status));
    assert_eq!(found(|status, _| behind(1, 10)(status)), []);
    let whose = found(|status, _| {
        behind(1, 3 * 1440)(status);
        status.members[0].latest.as_mut().unwrap().unix_ms = NOW + 3 * DAY;
    });
    let message = "The time of your latest message is 3 days in the future.";
    only(&whose, ClockAhead, Severity::Attention, Loss::Nothing, message);
}

#[test]
fn members_with_equal_or_missing_names_are_told_apart() {
    let findings = found(|status, _| {
        status.members = vec![member(1, "Ana"), member(2, "Ben"), member(3, "Ben"), member(4, "")];
        status.members[3].name = None;
        status.members.iter_mut().skip(1).for_each(|member| member.gaps = vec![2..=2]);
    });
    let said: Vec<_> = findings.iter().map(|finding| finding.message.split(" has ").next().unwrap()).collect();
    let of = |name: &str| format!("1 message of {name}");
    assert_eq!(said, [of("Ben 02000000"), of("Ben 03000000"), of("the member 04000000")]);
    let who: Vec<_> = findings.iter().map(|finding| finding.who.as_deref()).collect();
    assert_eq!(who, [Some("Ben"), Some("Ben"), None]);
}
