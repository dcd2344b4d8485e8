//! Any schedule of sending and arriving gives every member the same timeline, and never a wrong one
//! in between.

use std::collections::BTreeSet;

use proptest::prelude::*;
use tempo_message::{Digest, Frame};
use tempo_session::core::{CoreEvent, Intake, Output, SessionCore, Slot};

use crate::support::{author, receive, send};

const MEMBERS: usize = 3;

#[derive(Debug, Clone)]
enum Step {
    /// A member sends, with this wall clock.
    Send(usize, i64),
    /// A frame that was sent arrives at a member, perhaps again.
    Arrive(usize, prop::sample::Index),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        1 => (0..MEMBERS, -3_i64..3).prop_map(|(member, clock)| Step::Send(member, clock)),
        2 => (0..MEMBERS, any::<prop::sample::Index>()).prop_map(|(member, frame)| Step::Arrive(member, frame)),
    ];
    prop::collection::vec(step, 1..60)
}

/// A member, and the list that an application makes of its events.
struct Member {
    core: SessionCore,
    list: Vec<Slot>,
    delivered: BTreeSet<Digest>,
}

impl Member {
    fn new(number: usize) -> Self {
        let core = SessionCore::new(Some(author(u8::try_from(number).unwrap())));
        Self { core, list: Vec::new(), delivered: BTreeSet::new() }
    }

    fn take(&mut self, frame: &Frame) {
        let intake = receive(&mut self.core, frame);
        assert!(matches!(intake, Intake::Accepted | Intake::Held | Intake::Duplicate), "{intake:?}");
    }

    /// Follows the events, and checks what must hold after every step.
    fn check(&mut self, sent: &[Frame]) {
        loop {
            let output = self.core.poll();
            if output == Output::Idle {
                break;
            }
            if let Output::Event(CoreEvent::Message { slot, position, .. }) = output {
                let (_, digest) = self.core.order(slot).unwrap();
                assert!(self.delivered.insert(digest), "delivered twice");
                self.list.insert(position, slot);
                let frame = sent.iter().find(|frame| frame.digest() == digest).expect("nothing is invented");
                for cause in frame.message().causes() {
                    assert!(self.delivered.contains(&cause.digest), "delivered before its cause");
                }
            }
        }
        assert!(self.core.timeline().iter().eq(&self.list), "the events do not give the timeline");
        let orders: Vec<_> = self.list.iter().map(|&slot| self.core.order(slot).unwrap()).collect();
        assert!(orders.windows(2).all(|pair| pair[0] < pair[1]), "not in strict order");
    }

    fn digests(&self) -> Vec<Digest> {
        self.core.timeline().iter().map(|&slot| self.core.order(slot).unwrap().1).collect()
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn all_members_agree(steps in steps(), order in any::<prop::sample::Index>()) {
        let mut members: Vec<Member> = (0..MEMBERS).map(Member::new).collect();
        let mut sent: Vec<Frame> = Vec::new();
        for step in steps {
            match step {
                Step::Send(member, clock) => {
                    let text = format!("message {}", sent.len());
                    sent.push(send(&mut members[member].core, &text, clock));
                    members[member].check(&sent);
                }
                Step::Arrive(member, frame) if !sent.is_empty() => {
                    members[member].take(&sent[frame.index(sent.len())]);
                    members[member].check(&sent);
                }
                Step::Arrive(..) => {}
            }
        }
        // Finally everything arrives, at each member in another order, and at a fourth member that
        // comes late.
        members.push(Member::new(MEMBERS));
        for (number, member) in members.iter_mut().enumerate() {
            let mut arriving = sent.clone();
            if !arriving.is_empty() {
                let by = (order.index(arriving.len()) * (number + 1)) % arriving.len();
                arriving.rotate_left(by);
            }
            if number % 2 == 0 {
                arriving.reverse();
            }
            for frame in &arriving {
                member.take(frame);
                member.check(&sent);
            }
            prop_assert_eq!(member.core.held_len(), 0);
        }
        for member in &members {
            prop_assert_eq!(member.digests().len(), sent.len());
            prop_assert_eq!(member.digests(), members[0].digests());
        }
        // The logical time is the length of the longest chain of causes.
        for frame in &sent {
            let causes = frame.message().causes();
            let times = causes.map(|cause| sent.iter().find(|f| f.digest() == cause.digest).unwrap().message().lamport.0);
            prop_assert_eq!(frame.message().lamport.0, times.max().unwrap_or(0) + 1);
        }
    }
}
