//! Clauses 4 to 9 and 12: the frames that a collect hands up.

use alloc::vec::Vec;

use tempo_clock::Seen;

use super::script::{Arena, Script, counters, gather};
use crate::{
    codec::frame::Frame,
    transport::{
        contract::{Arrival, Budget, CollectRequest, Disposition, Transport},
        outcome::Durability,
    },
};

/// Clause 4.
pub fn c04_known_frames_are_skipped(arena: &impl Arena) {
    let (mut ana, mut ben) = (arena.member(), arena.member());
    let mut script = Script::new(1);
    publish(&mut ana, &script.run(4));
    let mut known = Seen::default();
    known.insert(script.author(), 1);
    known.insert(script.author(), 3);
    assert_eq!(counters(&gather(&mut ben, &known, Disposition::Known), script.author()), [2, 4]);
}

/// Clause 5.
pub fn c05_an_authors_frames_come_in_counter_order(arena: &impl Arena) {
    let (mut ana, mut ben) = (arena.member(), arena.member());
    let mut scripts = [Script::new(1), Script::new(2), Script::new(3)];
    for script in &mut scripts {
        let mut frames = script.run(20);
        frames.reverse();
        publish(&mut ana, &frames);
    }
    let collected = gather(&mut ben, &Seen::default(), Disposition::Known);
    for script in &scripts {
        assert_eq!(counters(&collected, script.author()), (1..=20).collect::<Vec<_>>());
    }
}

/// Clause 6.
pub fn c06_a_collect_keeps_to_its_budget(arena: &impl Arena) {
    let (mut ana, mut ben) = (arena.member(), arena.member());
    publish(&mut ana, &Script::new(1).run(10));
    let mut known = Seen::default();
    let mut sizes = Vec::new();
    loop {
        let (frames, more) = collect(&mut ben, &known, Budget { frames: 4, bytes: usize::MAX });
        sizes.push(frames.len());
        learn(&mut known, &frames);
        if !more {
            break;
        }
        assert!(sizes.len() < 20, "a collect says that there is more and there is not");
    }
    assert_eq!(sizes.iter().sum::<usize>(), 10);
    assert!(sizes.iter().all(|&size| size <= 4), "{sizes:?}");
    let (frames, more) = collect(&mut arena.member(), &Seen::default(), Budget { frames: usize::MAX, bytes: 1 });
    assert_eq!((frames.len(), more), (1, true), "the first frame over the limit of bytes is the last");
}

/// Clause 7.
pub fn c07_every_author_gets_its_turn(arena: &impl Arena) {
    let (mut ana, mut ben) = (arena.member(), arena.member());
    let mut scripts = [Script::new(1), Script::new(2), Script::new(3), Script::new(4)];
    for (at, script) in scripts.iter_mut().enumerate() {
        publish(&mut ana, &script.run(if at == 1 { 50 } else { 2 }));
    }
    let mut known = Seen::default();
    for _ in 0..4 {
        let (frames, _) = collect(&mut ben, &known, Budget { frames: 2, bytes: usize::MAX });
        learn(&mut known, &frames);
    }
    for script in &scripts {
        assert!(known.contiguous(script.author()) >= 2, "eight frames of four authors, and some author had no turn");
    }
}

/// Clause 8.
pub fn c08_later_means_again(arena: &impl Arena) {
    let (mut ana, mut ben) = (arena.member(), arena.member());
    let frames = Script::new(1).run(3);
    publish(&mut ana, &frames);
    for _ in 0..3 {
        assert_eq!(gather(&mut ben, &Seen::default(), Disposition::Later), frames);
    }
}

/// Clause 9.
pub fn c09_done_means_once(arena: &impl Arena) {
    let (mut ana, mut ben) = (arena.member(), arena.member());
    let mut script = Script::new(1);
    let frames = script.run(3);
    publish(&mut ana, &frames);
    assert_eq!(gather(&mut ben, &Seen::default(), Disposition::Done), frames);
    assert_eq!(gather(&mut ben, &Seen::default(), Disposition::Done), []);
    let fourth = script.next(b"new");
    publish(&mut ana, core::slice::from_ref(&fourth));
    assert_eq!(gather(&mut ben, &Seen::default(), Disposition::Done), [fourth]);
}

/// Clause 12.
pub fn c12_a_recheck_hands_up_what_is_known(arena: &impl Arena) {
    let (mut ana, mut ben) = (arena.member(), arena.member());
    let frames = Script::new(1).run(3);
    publish(&mut ana, &frames);
    let mut known = Seen::default();
    learn(&mut known, &gather(&mut ben, &Seen::default(), Disposition::Known));
    assert_eq!(gather(&mut ben, &known, Disposition::Known), []);
    let want = CollectRequest { known: &known, own: None, recheck: &[frames[1].id()], full: false, budget: UNLIMITED };
    for _ in 0..2 {
        let mut again = Vec::new();
        ben.collect(&want, &mut |arrival| {
            again.extend(frame_of(arrival));
            Disposition::Done
        })
        .expect("collecting works");
        assert_eq!(again, [frames[1].clone()]);
    }
}

const UNLIMITED: Budget = Budget { frames: usize::MAX, bytes: usize::MAX };

fn publish(member: &mut impl Transport, frames: &[Frame]) {
    for frame in frames {
        member.publish(frame, Durability::Lazy).expect("published");
    }
}

fn collect(member: &mut impl Transport, known: &Seen, budget: Budget) -> (Vec<Frame>, bool) {
    let mut frames = Vec::new();
    let want = CollectRequest { known, own: None, recheck: &[], full: false, budget };
    let collected = member
        .collect(&want, &mut |arrival| {
            frames.extend(frame_of(arrival));
            Disposition::Known
        })
        .expect("collecting works");
    assert_eq!(collected.frames, frames.len());
    (frames, collected.more)
}

fn learn(known: &mut Seen, frames: &[Frame]) {
    for frame in frames {
        known.insert(frame.id().author, frame.id().counter);
    }
}

fn frame_of(arrival: Arrival) -> Option<Frame> {
    match arrival {
        Arrival::Frame(frame) => Some(frame),
        Arrival::Foreign(_) | Arrival::Head(_) => None,
    }
}
