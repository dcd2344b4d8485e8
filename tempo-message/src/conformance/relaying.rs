//! Clause 19: messages that members relay for others.

use alloc::vec::Vec;

use tempo_clock::{AuthorId, Seen};

use super::script::{Arena, Script, gather};
use crate::{
    codec::{frame::Frame, pack::Pack},
    transport::{
        contract::{Disposition, Transport},
        outcome::{Durability, Published},
        report::Relay,
    },
};

/// Clause 19.
pub fn c19_relays_carry_what_others_wrote(arena: &impl Arena) {
    let (mut ana, mut ben) = (arena.member(), arena.member());
    let mut gone = Script::new(1);
    let frames = gone.run(6);
    let [relayer, other] = [2, 3].map(|number| Script::new(number).author());
    if !ana.has_relays() {
        assert!(ana.relay(&frames[0], relayer).is_err(), "what is not relayed is said");
        return;
    }
    let pack = Pack::of(&frames[..4]).expect("a run");
    for outcome in [Published::New, Published::Already] {
        assert_eq!(ana.relay_pack(&pack, relayer).expect("relayed"), outcome);
        assert_eq!(ana.relay(&frames[4], relayer).expect("relayed"), outcome);
    }
    ben.relay(&frames[5], other).expect("relayed by another one");
    assert_eq!(everything(&mut arena.member()), frames, "whoever comes later reads it");
    assert_eq!(ana.inventory(gone.author()).expect("listed"), [], "the author's own place is not touched");
    assert_eq!(relays(&mut ben, gone.author()), [relayer, other]);

    assert_eq!(ana.withdraw(gone.author(), relayer).expect("nothing to do"), 0, "the author has nothing there itself");
    // The author is back with some of it.
    for frame in &frames[1..] {
        assert_eq!(ben.publish(frame, Durability::Durable).expect("published"), Published::New);
    }
    assert_eq!(everything(&mut arena.member()), frames);
    ana.withdraw(gone.author(), relayer).expect("withdrawn");
    assert_eq!(everything(&mut arena.member()), frames, "what the author lacks stays");
    ben.publish(&frames[0], Durability::Durable).expect("published");
    ana.withdraw(gone.author(), relayer).expect("withdrawn");
    assert_eq!(relays(&mut ben, gone.author()), [other], "nobody takes back what others relay");
    ben.withdraw(gone.author(), other).expect("withdrawn");
    assert_eq!(everything(&mut arena.member()), frames);
    assert_eq!(relays(&mut arena.member(), gone.author()), [] as [AuthorId; 0]);
}

/// Returns every frame that is collected, each once.
fn everything(member: &mut impl Transport) -> Vec<Frame> {
    let mut frames = gather(member, &Seen::default(), Disposition::Known);
    frames.sort_by_key(Frame::id);
    frames.dedup();
    frames
}

/// Returns the members that relay an author's messages.
fn relays(member: &mut impl Transport, of: AuthorId) -> Vec<AuthorId> {
    gather(member, &Seen::default(), Disposition::Known);
    let relays = member.report().relays.into_iter();
    relays.filter(|relay| relay.author == of).map(|Relay { relayer, .. }| relayer).collect()
}
