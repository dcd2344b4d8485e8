//! Clause 17: hints of an author reach the others.

use alloc::{borrow::ToOwned, collections::BTreeMap};

use tempo_clock::{AuthorId, Lamport, Seen};

use super::script::{Arena, Script, gather};
use crate::{
    head::{Head, Life},
    transport::{
        contract::{Arrival, Budget, CollectRequest, Disposition, Transport},
        outcome::Durability,
    },
};

/// Clause 17.
pub fn c17_the_last_head_is_handed_up(arena: &impl Arena) {
    let (mut ana, mut ben) = (arena.member(), arena.member());
    let mut script = Script::new(1);
    let mut head = Head {
        author: script.author(),
        name: Some("Ana".to_owned()),
        place: None,
        counter: 0,
        digest: None,
        lamport: Lamport::ZERO,
        seen: alloc::vec![(Script::new(2).author(), 7)],
        wanted: Vec::new(),
        life: Life { number: 1, nonce: 5 },
        unix_ms: 1_700_000_000_000,
        seal: None,
    };
    ana.leave_head(&head).expect("left without having joined");
    assert_eq!(heads(&mut ben).get(&head.author), Some(&head));
    let frames = script.run(3);
    for frame in &frames {
        ana.publish(frame, Durability::Lazy).expect("published");
        head.counter += 1;
        head.digest = Some(frame.digest());
        ana.leave_head(&head).expect("left in the place of the one before");
    }
    let other = Head { author: Script::new(2).author(), ..head.clone() };
    ben.leave_head(&other).expect("left");
    for member in [&mut ana, &mut ben] {
        let found = heads(member);
        assert_eq!(found.get(&head.author), Some(&head), "the last one");
        assert_eq!(found.get(&other.author), Some(&other));
    }
    assert_eq!(gather(&mut arena.member(), &Seen::default(), Disposition::Known), frames, "heads hold back nothing");
}

/// Returns the heads that a full collect hands up; the last one of each author.
fn heads(member: &mut impl Transport) -> BTreeMap<AuthorId, Head> {
    let mut heads = BTreeMap::new();
    let budget = Budget { frames: usize::MAX, bytes: usize::MAX };
    let want = CollectRequest { known: &Seen::default(), own: None, recheck: &[], full: true, budget };
    let taken = |arrival| {
        if let Arrival::Head(head) = arrival {
            // A transport may fill in the name of the place.
            heads.insert(head.author, Head { place: None, ..head });
        }
        Disposition::Known
    };
    member.collect(&want, &mut { taken }).expect("collecting works");
    heads
}
