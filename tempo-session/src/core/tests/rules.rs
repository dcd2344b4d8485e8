//! Tests of what the core rejects, holds, reports and limits.

use std::collections::BTreeSet;

use crate::core::{
    composing::ComposeError,
    driving::{Input, Output},
    event::{CoreEvent, Intake, Rejection, Slot},
    identity::conflict::IdentityConflict,
    session_core::{MAX_NAME, SessionCore},
};
use bytes::Bytes;
use tempo_clock::AuthorId;
use tempo_message::{Digest, Frame, Head, Kind, Lamport, Life, MAX_PARENTS, Message, MessageId, Parent};

use super::{author, receive, send, sent};

/// Returns all outputs of a core until it is idle.
fn outputs(core: &mut SessionCore) -> Vec<Output> {
    std::iter::from_fn(|| Some(core.poll()).filter(|&output| output != Output::Idle)).collect()
}

fn events(core: &mut SessionCore) -> Vec<CoreEvent> {
    let event = |output| if let Output::Event(event) = output { Some(event) } else { None };
    outputs(core).into_iter().filter_map(event).collect()
}

fn slot(core: &SessionCore, frame: &Frame) -> Slot {
    core.slot(frame.id(), frame.digest()).unwrap()
}

fn encode(message: &Message) -> Frame {
    Frame::encode(message).unwrap()
}

#[test]
fn a_poisoned_clock_is_rejected_and_moves_no_other_clock() {
    let (mut ana, mut ben) = (SessionCore::new(Some(author(0))), SessionCore::new(Some(author(1))));
    let honest = send(&mut ana, "hello", 0);
    receive(&mut ben, &honest);
    for claimed in [u64::MAX, 3, 1, 0] {
        let message = Message {
            id: MessageId { author: author(2), counter: 1 },
            lamport: Lamport(claimed),
            unix_ms: 0,
            previous: None,
            parents: vec![Parent { author: author(0), counter: 1, digest: honest.digest() }],
            kind: Kind::Payload,
            key: None,
            attachments: Vec::new(),
            extensions: Vec::new(),
            payload: Bytes::from(format!("time {claimed}")),
        };
        let why = Rejection::Clock { claimed: Lamport(claimed), expected: Lamport(2) };
        let frame = encode(&message);
        assert_eq!(receive(&mut ben, &frame), Intake::Rejected(why));
        assert_eq!(receive(&mut ben, &frame), Intake::Rejected(why), "again");
        assert_eq!(ben.latest(), Lamport(1));
        assert!(!ben.seen().contains(author(2), 1));
    }
    assert_eq!(ben.rejected().count(), 4);
    assert_eq!(ben.timeline().len(), 1);
    assert_eq!(send(&mut ben, "unharmed", 0).message().lamport, Lamport(2));
}

#[test]
fn a_held_message_names_what_it_waits_for_and_delays_no_other_author() {
    let (mut ana, mut ben) = (SessionCore::new(Some(author(0))), SessionCore::new(Some(author(1))));
    let frames: Vec<Frame> = (0..3).map(|n| send(&mut ana, &format!("{n}"), 0)).collect();
    let mut cleo = SessionCore::new(None);
    assert_eq!(receive(&mut cleo, &frames[2]), Intake::Held);
    receive(&mut ben, &frames[0]);
    let answer = send(&mut ben, "answer", 0);
    assert_eq!(receive(&mut cleo, &answer), Intake::Held);
    let mut dora = SessionCore::new(Some(author(3)));
    assert_eq!(receive(&mut cleo, &send(&mut dora, "unrelated", 0)), Intake::Accepted);
    let waits: Vec<(MessageId, Vec<u64>)> = cleo
        .held(usize::MAX)
        .into_iter()
        .map(|held| (held.id, held.waits_for.iter().map(|parent| parent.counter).collect()))
        .collect();
    assert_eq!(waits, [(frames[2].id(), vec![2]), (answer.id(), vec![1])]);
    assert_eq!(receive(&mut cleo, &frames[0]), Intake::Accepted);
    assert_eq!(cleo.timeline().len(), 3, "the answer was released, the third still waits");
    assert_eq!(receive(&mut cleo, &frames[1]), Intake::Accepted);
    assert_eq!((cleo.timeline().len(), cleo.held_len()), (5, 0));
}

/// Very many waiting messages enter in steps. At every step each message is here exactly once.
#[test]
fn very_many_waiting_messages_are_judged_in_steps() {
    const MANY: usize = 5000;
    let (mut ana, mut ben) = (SessionCore::new(Some(author(0))), SessionCore::new(Some(author(1))));
    let frames: Vec<Frame> = (0..MANY).map(|n| send(&mut ana, &format!("{n}"), 0)).collect();
    for frame in frames[1..].iter().rev() {
        assert_eq!(receive(&mut ben, frame), Intake::Held);
    }
    assert_eq!((ben.held(10).len(), ben.held_len()), (10, MANY - 1));
    assert_eq!(receive(&mut ben, &frames[0]), Intake::Accepted);
    let mut steps = 0;
    loop {
        assert_eq!(ben.timeline().len() + ben.held_len(), MANY);
        for frame in frames.iter().step_by(97) {
            assert!(ben.seen().contains(author(0), frame.id().counter));
        }
        if !ben.go_on() {
            break;
        }
        steps += 1;
    }
    assert!(steps > 1, "everything at once");
    assert_eq!((ben.timeline().len(), ben.held_len()), (MANY, 0));
    let messages = events(&mut ben).into_iter().filter(|event| matches!(event, CoreEvent::Message { .. })).count();
    assert_eq!(messages, MANY);
    assert_eq!(receive(&mut ben, &frames[MANY - 1]), Intake::Duplicate);
}

#[test]
fn a_message_after_a_rejected_one_waits() {
    let mut ben = SessionCore::new(None);
    let first = encode(&Message {
        id: MessageId { author: author(0), counter: 1 },
        lamport: Lamport(9),
        unix_ms: 0,
        previous: None,
        parents: Vec::new(),
        kind: Kind::Payload,
        key: None,
        attachments: Vec::new(),
        extensions: Vec::new(),
        payload: Bytes::new(),
    });
    let second = encode(&Message {
        id: MessageId { author: author(0), counter: 2 },
        lamport: Lamport(10),
        previous: Some(first.digest()),
        ..first.message().clone()
    });
    assert_eq!(receive(&mut ben, &second), Intake::Held);
    assert!(matches!(receive(&mut ben, &first), Intake::Rejected(_)));
    assert_eq!((ben.held_len(), ben.timeline().len()), (1, 0));
}

#[test]
fn a_fork_is_delivered_whole_and_reported_once() {
    let (mut left, mut right) = (SessionCore::new(Some(author(0))), SessionCore::new(Some(author(0))));
    let lefts: Vec<Frame> = (0..3).map(|n| send(&mut left, &format!("left {n}"), 0)).collect();
    let rights: Vec<Frame> = (0..3).map(|n| send(&mut right, &format!("right {n}"), 0)).collect();
    let (mut ana, mut ben) = (SessionCore::new(None), SessionCore::new(None));
    for frame in lefts.iter().chain(&rights) {
        assert_eq!(receive(&mut ana, frame), Intake::Accepted);
    }
    for frame in rights.iter().chain(&lefts) {
        assert_eq!(receive(&mut ben, frame), Intake::Accepted);
    }
    let order = |core: &SessionCore| core.timeline().iter().map(|&slot| core.order(slot)).collect::<Vec<_>>();
    assert_eq!(order(&ana), order(&ben));
    assert_eq!((ana.timeline().len(), ana.forks(author(0)), ben.forks(author(0))), (6, vec![1, 2, 3], vec![1, 2, 3]));
    let forks = events(&mut ana).into_iter().filter(|event| matches!(event, CoreEvent::Fork { .. })).count();
    assert_eq!(forks, 3, "one for each counter");
}

#[test]
fn a_member_whose_author_is_in_use_continues_as_another() {
    let (mut ana, mut twin) = (SessionCore::new(Some(author(0))), SessionCore::new(Some(author(0))));
    let mine = send(&mut ana, "mine", 0);
    let other = send(&mut twin, "not mine", 0);
    receive(&mut ana, &other);
    let refused = ana.compose([(Kind::Payload, Bytes::new())], 0);
    assert_eq!(refused.unwrap_err(), ComposeError::IdentityConflict(IdentityConflict::Message { id: other.id() }));
    assert_eq!(ana.timeline().len(), 2, "and delivers both");
    ana.handle(Input::Author(author(7)));
    assert_eq!((ana.conflict(), ana.author(), ana.former()), (None, Some(author(7)), [author(0)].as_slice()));
    let frames = ana.compose(ana.introduction(), 0).unwrap();
    let parents: Vec<Digest> = frames[0].message().parents.iter().map(|parent| parent.digest).collect();
    assert!(parents.contains(&mine.digest()) && parents.contains(&other.digest()), "it comes after both");
    sent(&mut ana, &frames[0]);
    assert_eq!((ana.introduction(), ana.former_of(author(7))), (vec![], Some(author(0))));
    assert_eq!(send(&mut ana, "on", 0).id(), MessageId { author: author(7), counter: 2 });
    let looked_after: BTreeSet<Digest> = ana.own_after(None, 100).into_iter().map(|(_, digest)| digest).collect();
    assert!(looked_after.contains(&mine.digest()) && looked_after.contains(&other.digest()), "both are looked after");
    // Readers see one person, in any order of arrival.
    let mut ben = SessionCore::new(None);
    for frame in [&frames[0], &other, &mine] {
        receive(&mut ben, frame);
    }
    assert_eq!(ben.former_of(author(7)), Some(author(0)));
}

/// No message of the other installation arrives, but other members name one as a parent.
#[test]
fn a_foreign_parent_shows_that_the_author_is_in_use() {
    let (mut ana, mut twin) = (SessionCore::new(Some(author(0))), SessionCore::new(Some(author(0))));
    let mut ben = SessionCore::new(Some(author(1)));
    let first = send(&mut ana, "first", 0);
    receive(&mut ben, &first);
    receive(&mut ana, &send(&mut ben, "seen", 0));
    assert_eq!(ana.conflict(), None, "what it made is its own");
    sent(&mut twin, &first);
    receive(&mut ben, &send(&mut twin, "second, elsewhere", 0));
    let answer = send(&mut ben, "answer", 0);
    assert_eq!(receive(&mut ana, &answer), Intake::Held);
    let id = MessageId { author: author(0), counter: 2 };
    assert_eq!(ana.conflict(), Some(IdentityConflict::Message { id }));
}

#[test]
fn a_head_reveals_only_what_the_store_has_forgotten() {
    let life = |number, nonce| Life { number, nonce };
    let lived = |lives: &[Life]| {
        let mut ana = SessionCore::new(Some(author(0)));
        ana.handle(Input::Restored { former: Vec::new(), lives: lives.to_vec() });
        let sent = send(&mut ana, "first", 0);
        (ana, sent)
    };
    let (ana, _) = lived(&[life(1, 5), life(2, 6)]);
    let own = ana.own_head(7).unwrap();
    let harmless = [
        own.clone(),
        Head { life: life(1, 5), ..own.clone() },
        Head { counter: 0, digest: None, ..own.clone() },
        Head { author: author(1), counter: 100, life: life(100, 100), ..own.clone() },
    ];
    for head in harmless {
        let (mut ana, _) = lived(&[life(1, 5), life(2, 6)]);
        ana.handle(Input::Head(head.clone()));
        assert_eq!(ana.conflict(), None, "{head:?}");
    }
    let telling = [
        Head { counter: 2, ..own.clone() },
        Head { digest: Some(Digest::of(b"another")), ..own.clone() },
        Head { life: life(2, 7), ..own.clone() },
        Head { life: life(3, 7), ..own.clone() },
    ];
    for head in telling {
        let (mut ana, _) = lived(&[life(1, 5), life(2, 6)]);
        ana.handle(Input::Head(head.clone()));
        assert!(matches!(ana.conflict(), Some(IdentityConflict::Head { .. })), "{head:?}");
        ana.handle(Input::Author(author(9)));
        assert_eq!(ana.conflict(), None);
    }
    // Lives that are forgotten prove nothing.
    let (mut old, _) = lived(&[life(70, 1)]);
    old.handle(Input::Head(Head { life: life(6, 99), ..own }));
    assert_eq!(old.conflict(), None);
}

/// Anyone can invent authors, so their heads take bounded memory.
#[test]
fn the_heads_of_strangers_are_bounded() {
    let (mut ana, mut ben) = (SessionCore::new(Some(author(0))), SessionCore::new(Some(author(1))));
    receive(&mut ana, &send(&mut ben, "known", 0));
    for number in 0..10_000_u128 {
        let stranger = AuthorId::new(uuid::Uuid::from_u128(u128::MAX - number));
        let seen = (0..1024).map(|other| (AuthorId::new(uuid::Uuid::from_u128(other)), 1)).collect();
        ana.handle(Input::Head(Head { author: stranger, seen, ..ben.own_head(0).unwrap() }));
    }
    assert_eq!(ana.authors_with_head().count(), 256);
    // Ben, Ana, and a few strangers.
    assert!(ana.authors_with_head().all(|author| ana.head(author).unwrap().seen.len() <= 18));
    ana.handle(Input::Head(ben.own_head(0).unwrap()));
    assert_eq!(ana.head(author(1)).unwrap().counter, 1, "a known author has room");
}

#[test]
fn the_core_asks_for_another_message_with_a_known_id() {
    let (mut left, mut right) = (SessionCore::new(Some(author(0))), SessionCore::new(Some(author(0))));
    let (here, elsewhere) = (send(&mut left, "here", 0), send(&mut right, "elsewhere", 0));
    let second = send(&mut right, "second", 0);
    for order in [[&here, &second], [&second, &here]] {
        let mut ben = SessionCore::new(None);
        for frame in order {
            receive(&mut ben, frame);
        }
        let asks = |core: &mut SessionCore| outputs(core).contains(&Output::LookFor(elsewhere.id()));
        assert!(asks(&mut ben) && !asks(&mut ben), "once");
        ben.recheck_again();
        assert!(asks(&mut ben));
        receive(&mut ben, &elsewhere);
        ben.recheck_again();
        assert!(!asks(&mut ben) && ben.timeline().len() == 3);
    }
}

/// To look for a message costs reading its whole pack again.
#[test]
fn a_message_that_others_have_waited_for_is_not_looked_for() {
    let (mut ana, mut ben) = (SessionCore::new(Some(author(0))), SessionCore::new(None));
    let [first, second, third] = ["first", "second", "third"].map(|text| send(&mut ana, text, 0));
    for frame in [&third, &second, &first] {
        receive(&mut ben, frame);
    }
    assert_eq!((ben.timeline().len(), ben.held_len()), (3, 0));
    assert!(!outputs(&mut ben).iter().any(|output| matches!(output, Output::LookFor(_) | Output::LookAgain)));
}

#[test]
fn held_messages_are_bounded_and_all_still_arrive() {
    let (mut ana, mut ben) = (SessionCore::new(Some(author(0))), SessionCore::new(Some(author(1))));
    let frames: Vec<Frame> = (0..50).map(|n| send(&mut ana, &format!("{n}"), 0)).collect();
    let others: Vec<Frame> = (0..3).map(|n| send(&mut ben, &format!("{n}"), 0)).collect();
    let mut cleo = SessionCore::with_limit(None, 8);
    for frame in others[1..].iter().rev().chain(frames[1..].iter().rev()) {
        receive(&mut cleo, frame);
        assert!(cleo.held_len() <= 8);
    }
    assert!(cleo.seen().contains(author(1), 3), "the author with few was not crowded out");
    assert!(!outputs(&mut cleo).contains(&Output::LookAgain));
    for frame in [&frames[0], &others[0]] {
        assert_eq!(receive(&mut cleo, frame), Intake::Accepted);
    }
    assert!(outputs(&mut cleo).contains(&Output::LookAgain), "evicted messages can arrive again");
    for frame in &frames {
        receive(&mut cleo, frame);
    }
    assert_eq!((cleo.timeline().len(), cleo.held_len()), (53, 0));
}

#[test]
fn more_tips_than_a_message_can_name_are_named_in_turn() {
    let mut ana = SessionCore::new(Some(author(0)));
    let count = MAX_PARENTS + 44;
    for number in 0..count {
        let other = AuthorId::new(uuid::Uuid::from_u128(1000 + number as u128));
        let mut core = SessionCore::new(Some(other));
        receive(&mut ana, &send(&mut core, "one of many", 0));
    }
    let (first, second) = (send(&mut ana, "first", 0), send(&mut ana, "second", 0));
    assert_eq!((first.message().parents.len(), second.message().parents.len()), (MAX_PARENTS, 44));
    assert_eq!(send(&mut ana, "third", 0).message().parents, []);
}

#[test]
fn a_name_applies_after_its_message() {
    let mut ana = SessionCore::new(Some(author(0)));
    let say = |core: &mut SessionCore, name: &[u8]| {
        let frames = core.compose([(Kind::Profile, Bytes::copy_from_slice(name))], 0).unwrap();
        sent(core, &frames[0]);
    };
    let nameless = send(&mut ana, "who am I", 0);
    say(&mut ana, "Ana".as_bytes());
    let named = send(&mut ana, "Ana", 0);
    say(&mut ana, &[b'x'; MAX_NAME + 1]);
    say(&mut ana, b"\xff");
    say(&mut ana, b"");
    let still = send(&mut ana, "still", 0);
    assert_eq!(ana.name_at(slot(&ana, &nameless)), None);
    assert_eq!(ana.name_at(slot(&ana, &named)), Some("Ana"));
    assert_eq!((ana.name_at(slot(&ana, &still)), ana.name(author(0))), (Some("Ana"), Some("Ana")));
    assert_eq!(ana.timeline().len(), 3, "the timeline has no names");
}

/// Whoever has an author's key can sign a message that waits and is rejected in the end. Meanwhile it has a number, and
/// files with the real message of that number are not read.
#[test]
fn a_held_message_that_is_rejected_gives_its_number_free() {
    let (mut ana, mut cleo) = (SessionCore::new(Some(author(0))), SessionCore::new(Some(author(2))));
    let (first, real) = (send(&mut ana, "first", 0), send(&mut cleo, "real", 0));
    let parent = Parent { author: author(0), counter: 1, digest: first.digest() };
    let spoiled = Message { lamport: Lamport(9), parents: vec![parent], ..real.message().clone() };
    let mut ben = SessionCore::new(Some(author(1)));
    assert_eq!(receive(&mut ben, &encode(&spoiled)), Intake::Held);
    assert!(!outputs(&mut ben).contains(&Output::LookFor(real.id())));
    receive(&mut ben, &first);
    assert!(outputs(&mut ben).contains(&Output::LookFor(real.id())), "the real one was passed over");
    assert!(matches!(receive(&mut ben, &encode(&spoiled)), Intake::Rejected(_)));
    assert!(!outputs(&mut ben).contains(&Output::LookFor(real.id())), "once is enough");
    assert_eq!(receive(&mut ben, &real), Intake::Accepted);
}

/// Where two installations write as one author, each message has the name of its own line, in any order of arrival.
#[test]
fn a_name_applies_to_the_messages_that_continue_it() {
    let mut ana = SessionCore::new(Some(author(0)));
    let first = send(&mut ana, "first", 0);
    let line = |name: &'static str, unix_ms| {
        let mut core = SessionCore::new(Some(author(0)));
        sent(&mut core, &first);
        let named = core.compose([(Kind::Profile, Bytes::from_static(name.as_bytes()))], unix_ms).unwrap().remove(0);
        sent(&mut core, &named);
        [named, send(&mut core, name, unix_ms), send(&mut core, name, unix_ms)]
    };
    let (anas, others) = (line("Ana", 0), line("Mallory", 7));
    for order in [[&anas, &others], [&others, &anas]] {
        let mut ben = SessionCore::new(None);
        receive(&mut ben, &first);
        for frame in order.into_iter().flatten() {
            receive(&mut ben, frame);
        }
        let mut bytes = Vec::new();
        ben.write_snapshot(&mut bytes);
        let again = SessionCore::new(None).with_snapshot(&bytes).unwrap();
        for core in [&ben, &again] {
            for (line, name) in [(&anas, "Ana"), (&others, "Mallory")] {
                assert_eq!(core.name_at(slot(core, &line[0])), None);
                assert_eq!([1, 2].map(|at: usize| core.name_at(slot(core, &line[at]))), [Some(name); 2]);
            }
            assert_eq!(core.name(author(0)), Some("Mallory"), "the latest by its clock");
        }
    }
}

#[test]
fn several_messages_at_once_are_a_chain() {
    let ana = SessionCore::new(Some(author(0)));
    let contents = (0..5).map(|n| (Kind::Payload, Bytes::from(format!("{n}"))));
    let frames = ana.compose(contents, 7).unwrap();
    let mut previous: Option<Digest> = None;
    for (at, frame) in frames.iter().enumerate() {
        assert_eq!(frame.message().previous, previous);
        assert_eq!(frame.message().lamport, Lamport(at as u64 + 1));
        assert_eq!(receive(&mut SessionCore::new(None), frame) == Intake::Accepted, at == 0);
        previous = Some(frame.digest());
    }
    assert_eq!(ana.timeline().len(), 0, "composing changes nothing");
}

#[test]
fn an_observer_composes_nothing() {
    let refused = SessionCore::new(None).compose([(Kind::Payload, Bytes::new())], 0);
    assert_eq!(refused.unwrap_err(), ComposeError::Observer);
}

/// An answer shows that its author has the answered message and everything before it. This needs no heads.
#[test]
fn an_answer_counts_as_seen() {
    let [mut ana, mut ben, mut cleo] = [0, 1, 2].map(|number| SessionCore::new(Some(author(number))));
    let [first, second, third] = ["one", "two", "three"].map(|text| send(&mut ana, text, 0));
    for frame in [&first, &second] {
        receive(&mut ben, frame);
    }
    receive(&mut cleo, &first);
    let answer = send(&mut ben, "two, you say", 0);
    for frame in [&answer, &send(&mut cleo, "one", 0)] {
        receive(&mut ana, frame);
    }
    let seen_by = |frame: &Frame| ana.seen_by(frame.id());
    assert_eq!(seen_by(&first), [author(0), author(1), author(2)]);
    assert_eq!(seen_by(&second), [author(0), author(1)]);
    assert_eq!(seen_by(&third), [author(0)]);
}

/// From a fork on, other members' claims to have a message may mean either of the two.
#[test]
fn claims_about_a_fork_do_not_count() {
    let mut ana = SessionCore::new(Some(author(0)));
    let mut clone = SessionCore::new(Some(author(0)));
    let [mut ben, mut cleo] = [1, 2].map(|number| SessionCore::new(Some(author(number))));
    let first = send(&mut ana, "one", 0);
    sent(&mut clone, &first);
    let (ours, theirs) = (send(&mut ana, "ours", 0), send(&mut clone, "theirs", 0));
    for frame in [&first, &theirs] {
        receive(&mut ben, frame);
    }
    let answer = send(&mut ben, "to theirs", 0);
    for frame in [&first, &ours, &theirs, &answer] {
        receive(&mut cleo, frame);
    }
    receive(&mut ana, &theirs);
    receive(&mut ana, &answer);
    assert!(ana.seen_by(first.id()).contains(&author(1)), "claims before the fork count");
    assert_eq!(ana.seen_by(ours.id()), [author(0)]);
}
