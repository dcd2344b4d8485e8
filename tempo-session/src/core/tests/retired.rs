//! Retirement: which authors are waited for depends on the messages that are here, in any order of arrival.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use bytes::Bytes;
use proptest::prelude::*;
use tempo_clock::{AuthorId, Lamport, Stamp};
use tempo_message::{Digest, Frame, Kind, Retirement};

use super::{author, receive, send, sent};
use crate::core::{
    driving::{Input, Output},
    event::{CoreEvent, Intake},
    session_core::SessionCore,
};

fn retire(core: &mut SessionCore, about: AuthorId) -> Frame {
    let content = core.retirement_of(about).unwrap().to_bytes();
    let frames = core.compose([(Kind::Retirement, Bytes::copy_from_slice(&content))], 0).unwrap();
    sent(core, &frames[0]);
    frames[0].clone()
}

fn core(number: u8) -> SessionCore {
    SessionCore::new(Some(author(number)))
}

fn observer<'a>(frames: impl IntoIterator<Item = &'a Frame>) -> SessionCore {
    let mut core = SessionCore::new(None);
    for frame in frames {
        receive(&mut core, frame);
    }
    core
}

fn retired(core: &SessionCore) -> BTreeSet<AuthorId> {
    let known: BTreeSet<AuthorId> = core.authors().collect();
    core.retired().intersection(&known).copied().collect()
}

/// The rule, from the definition, for authors with a message: an author is retired if the latest retirement of it is later than every one that is
/// among the causes, direct or not, of a message of the author.
fn rule(frames: &[Frame], core: &SessionCore) -> BTreeSet<AuthorId> {
    let accepted: BTreeMap<Digest, &Frame> = frames
        .iter()
        .filter(|frame| core.slot(frame.id(), frame.digest()).is_some())
        .map(|frame| (frame.digest(), frame))
        .collect();
    let about = |frame: &Frame| {
        let content = Retirement::from_bytes(&frame.message().payload)?;
        (frame.message().kind == Kind::Retirement).then_some(content.author)
    };
    let place = |frame: &Frame| (frame.message().stamp(), frame.digest());
    let mut latest: BTreeMap<AuthorId, (Stamp, Digest)> = BTreeMap::new();
    let mut answered: BTreeMap<AuthorId, (Stamp, Digest)> = BTreeMap::new();
    for frame in accepted.values() {
        if let Some(about) = about(frame) {
            let known = latest.entry(about).or_insert(place(frame));
            *known = place(frame).max(*known);
        }
        let (mut causes, mut open) = (BTreeSet::new(), vec![*frame]);
        while let Some(next) = open.pop() {
            for cause in next.message().causes().filter(|cause| causes.insert(cause.digest)) {
                open.push(accepted[&cause.digest]);
            }
        }
        for cause in causes.iter().map(|cause| accepted[cause]) {
            if about(cause) == Some(frame.id().author) {
                let known = answered.entry(frame.id().author).or_insert(place(cause));
                *known = place(cause).max(*known);
            }
        }
    }
    let is_retired = |&(author, latest): &(&AuthorId, &(Stamp, Digest))| answered.get(author) < Some(latest);
    let known: BTreeSet<AuthorId> = accepted.values().map(|frame| frame.id().author).collect();
    latest.iter().filter(is_retired).map(|(&author, _)| author).filter(|author| known.contains(author)).collect()
}

/// Ana and Cleo retire Ben without knowing of each other. He writes before he knows, then with knowledge of the earlier
/// retirement, then of both. Cleo leaves.
fn story() -> Vec<Frame> {
    let [mut ana, mut ben, mut cleo] = [0, 1, 2].map(core);
    let first = send(&mut ben, "here", 0);
    receive(&mut ana, &first);
    receive(&mut cleo, &first);
    let by_ana = retire(&mut ana, author(1));
    let on_the_way = send(&mut ben, "on the way", 0);
    let by_cleo = retire(&mut cleo, author(1));
    let (earlier, later) =
        if by_ana.message().stamp() < by_cleo.message().stamp() { (&by_ana, &by_cleo) } else { (&by_cleo, &by_ana) };
    receive(&mut ben, earlier);
    let half = send(&mut ben, "has seen one", 0);
    receive(&mut ben, later);
    let back = send(&mut ben, "has seen both", 0);
    let left = retire(&mut cleo, author(2));
    vec![first, by_ana, on_the_way, by_cleo, half, back, left]
}

/// Calls `each` with every order of the numbers below `count`.
fn permute(count: usize, each: &mut impl FnMut(&[usize])) {
    fn go_on(order: &mut Vec<usize>, at: usize, each: &mut impl FnMut(&[usize])) {
        if at == order.len() {
            return each(order);
        }
        for other in at..order.len() {
            order.swap(at, other);
            go_on(order, at + 1, each);
            order.swap(at, other);
        }
    }
    go_on(&mut (0..count).collect(), 0, each);
}

/// Every order of arrival of seven messages, judged after each one: so every set of them too.
#[test]
fn who_is_retired_depends_on_the_messages_alone() {
    let story = story();
    let mut seen: BTreeMap<Vec<usize>, BTreeSet<AuthorId>> = BTreeMap::new();
    permute(story.len(), &mut |order| {
        let mut core = SessionCore::new(None);
        for (count, &at) in (1..).zip(order) {
            receive(&mut core, &story[at]);
            let mut set = order[..count].to_vec();
            set.sort_unstable();
            let expected = seen.entry(set).or_insert_with(|| rule(&story, &core));
            assert_eq!(&retired(&core), expected, "{:?}", &order[..count]);
        }
    });
    let at_the_end = retired(&observer(&story));
    assert_eq!(at_the_end, BTreeSet::from([author(2)]), "Ben is back, and Cleo has left");
    assert_eq!(retired(&observer(&story[..5])), BTreeSet::from([author(1)]), "he has not seen the later one");
}

proptest! {
    /// The same for random histories with several retirements of everybody by everybody.
    #[test]
    fn random_histories_agree_with_the_rule(
        steps in prop::collection::vec((0..4_u8, 0..8_u8, any::<[bool; 4]>()), 1..40),
        order in any::<[prop::sample::Index; 40]>(),
    ) {
        let mut cores = [0, 1, 2, 3].map(core);
        let mut story: Vec<Frame> = Vec::new();
        for (writer, what, knows) in steps {
            let member = &mut cores[usize::from(writer)];
            let has_met = |frame: &&Frame| (0..4).any(|it| knows[usize::from(it)] && frame.id().author == author(it));
            for frame in story.iter().filter(has_met) {
                receive(member, frame);
            }
            if what >= 4 {
                story.push(send(member, "text", 0));
            } else if member.retirement_of(author(what)).is_some() {
                story.push(retire(member, author(what)));
            }
        }
        let mut rest: Vec<&Frame> = story.iter().collect();
        let mut core = SessionCore::new(None);
        for at in order {
            if !rest.is_empty() {
                receive(&mut core, rest.swap_remove(at.index(rest.len())));
                prop_assert_eq!(retired(&core), rule(&story, &core));
            }
        }
    }
}

/// Marks as stable what can become stable, and returns the stable time.
fn stabilize(core: &mut SessionCore) -> Lamport {
    if let Some(until) = core.reach(0, None) {
        let by = core.who_confirms(until).into_iter().collect();
        core.handle(Input::Stable { until, by });
    }
    core.stable_now(0, None)
}

fn events(core: &mut SessionCore) -> Vec<CoreEvent> {
    let mut events = Vec::new();
    while let Output::Event(event) = core.poll() {
        events.push(event);
    }
    events.retain(|event| matches!(event, CoreEvent::Retired { .. } | CoreEvent::Returned { .. }));
    events
}

#[test]
fn a_retired_author_is_waited_for_again_once_it_writes_with_knowledge_of_it() {
    let [mut ana, mut ben] = [0, 1].map(core);
    let hello = send(&mut ben, "hello", 0);
    receive(&mut ana, &hello);
    let said: Vec<Frame> = (0..5).map(|_| send(&mut ana, "more", 0)).collect();
    assert_eq!((stabilize(&mut ana), ana.waits_for(0, None)), (Lamport(1), vec![author(1)]));
    let retirement = retire(&mut ana, author(1));
    assert_eq!((stabilize(&mut ana), ana.waits_for(0, None)), (Lamport(7), vec![]), "nobody else is waited for");
    assert!(ana.is_with_everybody(retirement.id(), 0, Duration::MAX), "he need not have it");
    assert_eq!(events(&mut ana), [CoreEvent::Retired { author: author(1), by: retirement.id() }]);
    // What was under way arrives, below what is stable, and undoes nothing.
    let late = send(&mut ben, "late", 0);
    assert_eq!(receive(&mut ana, &late), Intake::Accepted);
    assert_eq!((ana.timeline().len(), stabilize(&mut ana), events(&mut ana)), (7, Lamport(7), vec![]));
    // He reads it and writes.
    for frame in said.iter().chain([&retirement]) {
        receive(&mut ben, frame);
    }
    assert_eq!(ben.retired_by(author(1)), Some(retirement.id()));
    let back = send(&mut ben, "back", 0);
    assert_eq!(ben.retired_by(author(1)), None);
    receive(&mut ana, &back);
    assert_eq!(events(&mut ana), [CoreEvent::Returned { author: author(1) }]);
    let next = send(&mut ana, "next", 0);
    assert_eq!((stabilize(&mut ana), ana.waits_for(0, None)), (Lamport(8), vec![author(1)]));
    assert!(!ana.is_with_everybody(next.id(), 0, Duration::MAX));
}

#[test]
fn who_does_not_heed_retirements_believes_only_an_author_itself() {
    let [mut ana, mut ben, mut eve] = [0, 1, 2].map(core);
    ana.heeds_retirements = false;
    let hello = send(&mut ben, "hello", 0);
    receive(&mut ana, &hello);
    receive(&mut eve, &hello);
    let by_eve = retire(&mut eve, author(1));
    assert_eq!(receive(&mut ana, &by_eve), Intake::Accepted);
    assert_eq!((retired(&ana), events(&mut ana)), (BTreeSet::new(), vec![]));
    let by_ben = retire(&mut ben, author(1));
    receive(&mut ana, &by_ben);
    assert_eq!(retired(&ana), BTreeSet::from([author(1)]));
    let again = send(&mut ben, "again", 0);
    receive(&mut ana, &again);
    assert_eq!(retired(&ana), BTreeSet::new());
}

#[test]
fn everything_is_stable_once_nobody_is_waited_for() {
    let [mut ana, mut ben] = [0, 1].map(core);
    let hello = send(&mut ben, "hello", 0);
    receive(&mut ana, &hello);
    let by_ana = [retire(&mut ana, author(1)), retire(&mut ana, author(0))];
    assert_eq!((stabilize(&mut ana), ana.waits_for(0, None)), (Lamport(3), vec![]));
    let mut observer = observer(by_ana.iter().chain([&hello]));
    assert_eq!((stabilize(&mut observer), observer.waits_for(0, None)), (Lamport(3), vec![]));
    assert_eq!(stabilize(&mut SessionCore::new(None)), Lamport(0));
}

#[test]
fn content_of_another_form_retires_nobody_and_an_unknown_author_cannot_be_retired() {
    let [mut ana, mut ben] = [0, 1].map(core);
    receive(&mut ana, &send(&mut ben, "hello", 0));
    assert_eq!(ana.retirement_of(author(7)), None);
    let content = ana.retirement_of(author(1)).unwrap().to_bytes();
    for content in [&content[..16], &[content.as_slice(), b"more"].concat(), b""] {
        let frames = ana.compose([(Kind::Retirement, Bytes::copy_from_slice(content))], 0).unwrap();
        sent(&mut ana, &frames[0]);
    }
    assert_eq!((retired(&ana), ana.end()), (BTreeSet::new(), 4));
}

/// However many authors a stranger retires, the views of messages stay small, and a retirement that is among the last
/// ones is still answered.
#[test]
fn a_flood_of_retirements_takes_little_room() {
    let [mut ana, mut ben, mut eve] = [0, 1, 2].map(core);
    let hello = send(&mut ben, "hello", 0);
    receive(&mut eve, &hello);
    let mut said = vec![hello];
    for number in 0..2000_u32 {
        let stranger = AuthorId::new(uuid::Uuid::from_u128(u128::from(number) << 64));
        let content = Retirement { author: stranger, counter: 1, digest: Digest::of(b"never") }.to_bytes();
        said.extend(eve.compose([(Kind::Retirement, Bytes::copy_from_slice(&content))], 0).unwrap());
        sent(&mut eve, said.last().unwrap());
    }
    said.push(retire(&mut eve, author(1)));
    for frame in &said {
        receive(&mut ana, frame);
        receive(&mut ben, frame);
    }
    assert_eq!(retired(&ana), BTreeSet::from([author(1)]), "the others are not known");
    let mut snapshot = Vec::new();
    ana.write_snapshot(&mut snapshot);
    assert!(snapshot.len() < 2002 * 450, "{}", snapshot.len());
    assert_eq!(ben.answer(), None, "it is among the last ones");
    receive(&mut ana, &send(&mut ben, "back", 0));
    assert_eq!(ana.retired_by(author(1)), None);
}

/// An author whose retirement was displaced by later ones of others says by itself that it is back.
#[test]
fn a_displaced_retirement_is_answered_by_an_own_one() {
    let [mut ana, mut ben, mut eve] = [0, 1, 2].map(core);
    let hello = send(&mut ben, "hello", 0);
    receive(&mut eve, &hello);
    let mut said = vec![hello, retire(&mut eve, author(1))];
    for number in 0..20_u32 {
        let stranger = AuthorId::new(uuid::Uuid::from_u128(u128::from(number) << 64));
        let content = Retirement { author: stranger, counter: 0, digest: Digest::from_bytes([0; 32]) }.to_bytes();
        said.extend(eve.compose([(Kind::Retirement, Bytes::copy_from_slice(&content))], 0).unwrap());
        sent(&mut eve, said.last().unwrap());
    }
    for frame in &said {
        receive(&mut ana, frame);
        receive(&mut ben, frame);
    }
    let answer = ben.answer().expect("the next message alone does not bring him back");
    let contents = [(Kind::Retirement, answer.to_bytes().to_vec()), (Kind::Payload, b"back".to_vec())];
    for frame in ben.compose(contents.map(|(kind, content)| (kind, Bytes::from(content))), 0).unwrap() {
        assert!(ana.retired_by(author(1)).is_some());
        receive(&mut ana, &frame);
        sent(&mut ben, &frame);
    }
    assert_eq!((ana.retired_by(author(1)), ben.retired_by(author(1)), ben.answer()), (None, None, None));
}

/// What was stable while an author was retired stays so when it returns with more than has arrived.
#[test]
fn a_return_takes_nothing_back() {
    let [mut ana, mut ben] = [0, 1].map(core);
    receive(&mut ana, &send(&mut ben, "hello", 0));
    let retirement = retire(&mut ana, author(1));
    for _ in 0..40 {
        send(&mut ana, "more", 0);
    }
    assert_eq!(stabilize(&mut ana), Lamport(42));
    receive(&mut ben, &retirement);
    let back = send(&mut ben, "back", 0);
    send(&mut ben, "next", 0);
    receive(&mut ana, &back);
    ana.handle(Input::Head(ben.own_head(0).unwrap()));
    assert_eq!((ana.retired_by(author(1)), stabilize(&mut ana)), (None, Lamport(42)));
}
