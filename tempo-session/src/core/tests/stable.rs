//! Tests of what is stable, and of newcomers that had no say in it.

use std::collections::BTreeSet;

use tempo_clock::Lamport;
use tempo_message::{Frame, Head};

use super::{author, receive, send};
use crate::core::{driving::Input, event::Intake, session_core::SessionCore};

fn head(core: &SessionCore) -> Head {
    core.own_head(0).unwrap()
}

/// Returns Ana and Ben, who have sent each other two messages each, and these messages.
fn two() -> (SessionCore, SessionCore, Vec<Frame>) {
    let [mut ana, mut ben] = [0, 1].map(|number| SessionCore::new(Some(author(number))));
    let mut said = Vec::new();
    for text in ["one", "two"] {
        said.push(send(&mut ana, text, 0));
        receive(&mut ben, said.last().unwrap());
        said.push(send(&mut ben, text, 0));
        receive(&mut ana, said.last().unwrap());
    }
    (ana, ben, said)
}

fn receive_all<'a>(core: &mut SessionCore, frames: impl IntoIterator<Item = &'a Frame>) {
    for frame in frames {
        receive(core, frame);
    }
}

/// Marks as stable what can become stable, and returns the stable time.
fn stabilize(core: &mut SessionCore) -> Lamport {
    if let Some(stable) = core.reach(0, None) {
        let by = core.who_confirms(stable);
        core.handle(Input::Stable { until: stable, by: by.into_iter().collect() });
    }
    core.stable_now(0, None)
}

/// Returns Cleo and three messages that she has sent and no member has received.
fn cleo() -> (SessionCore, Vec<Frame>) {
    let mut cleo = SessionCore::new(Some(author(2)));
    let said = ["a", "b", "c"].map(|text| send(&mut cleo, text, 0)).to_vec();
    (cleo, said)
}

#[test]
fn nothing_is_stable_that_a_known_head_contradicts() {
    let (mut ana, _, _) = two();
    assert_eq!((stabilize(&mut ana), ana.len_until(Lamport(4))), (Lamport(4), 4));
    let (cleo, said) = cleo();
    ana.handle(Input::Head(head(&cleo)));
    assert_eq!((ana.stable_now(0, None), ana.stable_until()), (Lamport(0), Lamport(4)));
    assert_eq!(ana.waits_for(0, None), [author(2)]);
    receive(&mut ana, &said[0]);
    assert_eq!(stabilize(&mut ana), Lamport(1), "the next messages are later than that");
    receive(&mut ana, &said[1]);
    receive(&mut ana, &said[2]);
    assert_eq!(stabilize(&mut ana), Lamport(4), "nothing more is known");
    assert_eq!(ana.len_until(Lamport(4)), 7);
}

/// An author that had a say writes nothing below, even when its head has to be read again.
#[test]
fn an_author_that_confirmed_the_prefix_does_not_undo_it() {
    let (mut ana, mut ben, said) = two();
    // Ben's last message has seen less than his head.
    ana.handle(Input::Head(head(&ben)));
    let last = send(&mut ana, "three", 0);
    receive(&mut ben, &last);
    ana.handle(Input::Head(head(&ben)));
    assert_eq!(stabilize(&mut ana), Lamport(5));
    let by = ana.who_confirms(Lamport(5));
    assert_eq!(by.len(), 2);
    send(&mut ben, "on its way", 0);
    for (by, stable) in [(by, 5), (BTreeSet::new(), 4)] {
        let mut again = SessionCore::new(Some(author(0)));
        receive_all(&mut again, said.iter().chain([&last]));
        again.handle(Input::Stable { until: Lamport(5), by: by.into_iter().collect() });
        again.handle(Input::Head(head(&ben)));
        assert_eq!(again.stable_now(0, None), Lamport(stable));
    }
}

/// A newcomer is known only from what others say.
#[test]
fn what_others_know_about_a_newcomer_counts() {
    let (mut ana, mut ben, _) = two();
    let (_, said) = cleo();
    receive_all(&mut ben, &said);
    assert_eq!(stabilize(&mut ana), Lamport(4));
    assert_eq!(ana.handle(Input::Head(head(&ben))), Intake::Accepted, "that is news");
    assert_eq!((ana.stable_now(0, None), ana.waits_for(0, None)), (Lamport(0), vec![author(2)]));
    // It also counts before anything is stable.
    let (mut ana, _, _) = two();
    ana.handle(Input::Head(head(&ben)));
    assert_eq!(stabilize(&mut ana), Lamport(0));
    receive_all(&mut ana, &said);
    assert_eq!(stabilize(&mut ana), Lamport(3));
}

/// A waiting message names the messages that it waits for.
#[test]
fn awaited_messages_count() {
    let (mut ana, mut ben, _) = two();
    let (_, said) = cleo();
    assert_eq!(stabilize(&mut ana), Lamport(4));
    receive_all(&mut ben, &said);
    let answer = send(&mut ben, "to Cleo", 0);
    receive(&mut ana, &answer);
    assert_eq!((ana.held_len(), ana.stable_now(0, None)), (1, Lamport(0)));
    receive_all(&mut ana, &said);
    assert_eq!((ana.held_len(), stabilize(&mut ana)), (0, Lamport(4)));
}
