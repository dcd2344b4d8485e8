//! Inserting a message at its position.
//!
//! The timeline itself is not public, so messages go through the core. The core accepts the same history once
//! as payload messages, which enter the timeline, and once as messages of a kind that does not. Everything
//! else is equal, so the difference is the cost of the timeline.

use std::{cmp::Reverse, collections::BTreeMap};

use bytes::Bytes;
use tempo_clock::Stamp;
use tempo_message::{Digest, Frame, Kind};
use tempo_session::core::{Input, Intake, Output, SessionCore};

use crate::{
    history::{Authors, History, Manner},
    rounds::{Variant, interleave, time},
    table::{Bound, Row, Unit},
};

/// The order of arrival.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Arrival {
    /// Each message after all earlier ones.
    InOrder,
    /// Some messages before the last few.
    Near,
    /// One author after all others: each of its messages belongs somewhere in the middle.
    Late,
}

impl Arrival {
    const ALL: [(Self, &'static str, f64); 3] =
        [(Self::InOrder, "in order", 40.0), (Self::Near, "near", 120.0), (Self::Late, "late", 200.0)];

    /// Returns messages of one kind, by authors that have not seen each other's messages, so that any order
    /// among them is possible.
    fn frames(self, kind: Kind, messages: usize) -> Vec<Frame> {
        let mut history = History::by(Authors::Plain, Manner::Deaf);
        let mut frames: Vec<Frame> = (0..messages).map(|_| history.next_message(kind, Bytes::new())).collect();
        match self {
            Self::InOrder => {}
            // Authors write in turns: each block of eight has two messages of each author, and arrives author
            // by author.
            Self::Near => {
                for block in frames.chunks_mut(8) {
                    block.sort_by_key(|frame| Reverse(frame.id().author));
                }
            }
            Self::Late => {
                let late = history.authors()[0];
                frames.sort_by_key(|frame| frame.id().author == late);
            }
        }
        frames
    }
}

pub(super) fn rows((rounds, messages): (usize, usize)) -> Vec<Row> {
    Arrival::ALL.into_iter().map(|(arrival, name, goal)| row(arrival, name, goal, rounds, messages)).collect()
}

fn row(arrival: Arrival, name: &str, goal: f64, rounds: usize, messages: usize) -> Row {
    let shown = arrival.frames(Kind::Payload, messages);
    let hidden = arrival.frames(Kind::Successor, messages);
    let keys: Vec<(Stamp, Digest)> = shown.iter().map(|frame| (frame.message().stamp(), frame.digest())).collect();
    // A quarter of the messages is late; only these count.
    let late = if arrival == Arrival::Late { messages - messages / 4 } else { 0 };
    let each = (messages - late) as f64;
    let accepting = |frames: &[Frame]| {
        let mut core = SessionCore::new(None);
        accept(&mut core, &frames[..late]);
        let (took, ()) = time(|| accept(&mut core, &frames[late..]));
        took / each
    };
    let tree = || {
        let mut tree: BTreeMap<(Stamp, Digest), u32> = BTreeMap::new();
        let mut slots = 0..;
        tree.extend(keys[..late].iter().copied().zip(&mut slots));
        let (took, ()) = time(|| tree.extend(keys[late..].iter().copied().zip(&mut slots)));
        assert_eq!(tree.len(), messages);
        took / each
    };
    let measured = interleave(
        rounds,
        vec![
            Variant::new("shown", || accepting(&shown)),
            Variant::new("hidden", || accepting(&hidden)),
            Variant::new("tree", tree),
        ],
    );
    let of = |name: &str| measured.of(name).clone();
    Row::new("timeline", format!("timeline insert, {name}"), Unit::Nanoseconds, of("shown").minus(&of("hidden")))
        .floor(Bound::figure(goal))
        .peer(Bound::at_most(1.0, "BTreeMap", of("tree")))
        .also("everything that accepting takes", of("shown"))
        .note("accepting messages that stand in the timeline, without what accepting others takes")
}

fn accept(core: &mut SessionCore, frames: &[Frame]) {
    for frame in frames {
        assert_eq!(core.handle(Input::Received(frame)), Intake::Accepted);
        while core.poll() != Output::Idle {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_of_both_kinds_are_accepted_and_only_one_kind_is_shown() {
        for (arrival, ..) in Arrival::ALL {
            for (kind, shown) in [(Kind::Payload, 1000), (Kind::Successor, 0)] {
                let mut core = SessionCore::new(None);
                accept(&mut core, &arrival.frames(kind, 1000));
                assert_eq!(core.timeline().len(), shown);
            }
        }
    }
}
