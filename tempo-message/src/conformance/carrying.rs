//! Clauses 1 to 3, 10, 11, 13, 16 and 18: the promises of publishing.

use alloc::vec::Vec;

use tempo_clock::Seen;

use super::script::{Arena, Script, counters, gather};
use crate::{
    codec::{frame::Frame, pack::Pack},
    transport::{
        contract::{Disposition, StoredRun, Transport},
        outcome::{Durability, Published},
    },
};

/// Clause 1.
pub fn c01_carries_what_was_published_to_every_member(arena: &impl Arena) {
    let (mut ana, mut ben, mut cleo) = (arena.member(), arena.member(), arena.member());
    let mut script = Script::new(1);
    let large = alloc::vec![0xa5_u8; 1 << 20];
    let sent = [script.next(b""), script.next(b"hello"), script.next(&large)];
    for (frame, durability) in sent.iter().zip([Durability::Lazy, Durability::Durable, Durability::Durable]) {
        assert_eq!(ana.publish(frame, durability).expect("published"), Published::New);
    }
    for member in [&mut ben, &mut cleo] {
        assert_eq!(gather(member, &Seen::default(), Disposition::Known), sent);
    }
    let fourth = script.next(b"one more");
    ana.publish(&fourth, Durability::Lazy).expect("published");
    let mut known = Seen::default();
    for frame in &sent {
        known.insert(frame.id().author, frame.id().counter);
    }
    assert_eq!(gather(&mut ben, &known, Disposition::Known), [fourth], "what comes after a first collect");
}

/// Clause 2.
pub fn c02_publishing_is_create_only(arena: &impl Arena) {
    let (mut ana, mut ben) = (arena.member(), arena.member());
    let first = Script::new(1).next(b"first");
    let other = Script::new(1).next(b"other bytes, same id");
    ana.publish(&first, Durability::Durable).expect("published");
    for outcome in [Published::Displaced, Published::Already] {
        let again = ana.publish(&other, Durability::Durable).expect("published");
        assert!(again == outcome || again == Published::Displaced, "{again:?}");
    }
    let mut collected = gather(&mut ben, &Seen::default(), Disposition::Known);
    collected.sort_by_key(Frame::digest);
    let mut both = [first.clone(), other];
    both.sort_by_key(Frame::digest);
    assert_eq!(collected, both);
    assert_eq!(ana.publish(&first, Durability::Lazy).expect("published"), Published::Already, "the first bytes stay");
}

/// Clause 3.
pub fn c03_publishing_equal_bytes_again_changes_nothing(arena: &impl Arena) {
    let (mut ana, mut ben) = (arena.member(), arena.member());
    let frame = Script::new(1).next(b"hello");
    for (durability, outcome) in [
        (Durability::Lazy, Published::New),
        (Durability::Lazy, Published::Already),
        (Durability::Durable, Published::Already),
    ] {
        assert_eq!(ana.publish(&frame, durability).expect("published"), outcome);
    }
    assert_eq!(gather(&mut ben, &Seen::default(), Disposition::Known), [frame]);
}

/// Clause 10.
pub fn c10_gaps_hold_back_nothing(arena: &impl Arena) {
    let (mut ana, mut ben) = (arena.member(), arena.member());
    let mut script = Script::new(1);
    let frames = script.run(5);
    for at in [4, 1] {
        ana.publish(&frames[at], Durability::Lazy).expect("published");
    }
    assert_eq!(counters(&gather(&mut ben, &Seen::default(), Disposition::Known), script.author()), [2, 5]);
}

/// Clause 11.
pub fn c11_own_frames_are_collected_too(arena: &impl Arena) {
    let mut ana = arena.member();
    let frame = Script::new(1).next(b"to myself");
    ana.publish(&frame, Durability::Lazy).expect("published");
    assert_eq!(gather(&mut ana, &Seen::default(), Disposition::Known), [frame]);
}

/// Clause 13.
pub fn c13_the_inventory_is_exact(arena: &impl Arena) {
    let (mut ana, mut ben) = (arena.member(), arena.member());
    let mut script = Script::new(1);
    let frames = script.run(4);
    assert_eq!(ana.inventory(script.author()).expect("listed"), []);
    for at in [0, 2, 3] {
        ana.publish(&frames[at], Durability::Lazy).expect("published");
    }
    ana.publish(&Script::new(2).next(b"of another"), Durability::Lazy).expect("published");
    let expected: Vec<StoredRun> = [0, 2, 3]
        .into_iter()
        .map(|at| {
            let counter = frames[at].id().counter;
            StoredRun { first: counter, last: counter, bytes: frames[at].bytes().len() as u64 }
        })
        .collect();
    for member in [&mut ana, &mut ben] {
        assert_eq!(member.inventory(script.author()).expect("listed"), expected);
    }
}

/// Clause 16.
pub fn c16_joining_is_repeatable(arena: &impl Arena) {
    let (mut ana, mut ben) = (arena.member(), arena.member());
    let mut script = Script::new(1);
    ana.join(script.author()).expect("joined");
    ana.join(script.author()).expect("joined again");
    assert_eq!(gather(&mut ben, &Seen::default(), Disposition::Known), []);
    let first = script.next(b"after joining");
    ana.publish(&first, Durability::Durable).expect("published");
    ana.join(script.author()).expect("joined with messages");
    let unjoined = Script::new(2).next(b"without joining");
    ana.publish(&unjoined, Durability::Durable).expect("published");
    assert_eq!(gather(&mut ben, &Seen::default(), Disposition::Known).len(), 2);
}

/// Clause 18.
pub fn c18_packs_carry_their_messages(arena: &impl Arena) {
    let (mut ana, mut ben) = (arena.member(), arena.member());
    let mut script = Script::new(1);
    let frames = script.run(9);
    for frame in &frames[2..5] {
        ana.publish(frame, Durability::Lazy).expect("published");
    }
    let pack = Pack::of(&frames[1..8]).expect("a run");
    for outcome in [Published::New, Published::Already] {
        assert_eq!(ana.publish_pack(&pack, Durability::Lazy).expect("published"), outcome);
    }
    let larger = Pack::of(&frames).expect("a run");
    let of_packs = |member: &mut _| {
        let mut collected = gather(member, &Seen::default(), Disposition::Known);
        // A message that is there twice may come twice.
        collected.sort_by_key(Frame::id);
        collected.dedup();
        collected
    };
    assert_eq!(of_packs(&mut ben), frames[1..8]);
    ana.publish_pack(&larger, Durability::Durable).expect("published");
    assert_eq!(of_packs(&mut arena.member()), frames);
    let mut removed: Vec<(u64, u64)> = Vec::new();
    loop {
        let some = ana.thin_out(&larger, 3).expect("thinned out");
        assert!(some.len() <= 3);
        removed.extend(&some);
        if some.is_empty() {
            break;
        }
    }
    assert_eq!(removed, if ana.has_packs() { alloc::vec![(3, 3), (4, 4), (5, 5), (2, 8)] } else { Vec::new() });
    assert_eq!(of_packs(&mut arena.member()), frames, "everything is still there");
    let mut known = Seen::default();
    for frame in &frames {
        known.insert(frame.id().author, frame.id().counter);
    }
    assert_eq!(gather(&mut ben, &known, Disposition::Known), []);
    // Messages that are also there alone, or in another pack, change nothing.
    assert_eq!(ana.publish_pack(&larger, Durability::Lazy).expect("published"), Published::Already);
}
