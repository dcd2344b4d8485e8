//! Tests of places in the ledger.

use bytes::Bytes;
use tempo_message::{Frame, Kind};
use uuid::Uuid;

use super::*;

fn next(previous: Option<&Frame>, author: u128, payload: &'static str) -> Frame {
    let counter = previous.map_or(0, |previous| previous.id().counter) + 1;
    let message = Message {
        id: MessageId { author: AuthorId::new(Uuid::from_u128(author)), counter },
        lamport: Lamport(counter),
        unix_ms: -5,
        previous: previous.map(Frame::digest),
        parents: Vec::new(),
        kind: Kind::Payload,
        key: None,
        attachments: Vec::new(),
        extensions: Vec::new(),
        payload: Bytes::from_static(payload.as_bytes()),
    };
    Frame::encode(&message).unwrap()
}

fn line(mut last: Option<Frame>, author: u128, payload: &'static str, messages: usize) -> Vec<Frame> {
    let mut next = || {
        let frame = next(last.as_ref(), author, payload);
        last = Some(frame.clone());
        frame
    };
    (0..messages).map(|_| next()).collect()
}

/// Two authors take turns over several blocks, and a second branch of the first author begins in the middle.
#[test]
fn a_place_determines_the_author_and_counter_of_a_message() {
    let (ana, ben) = (line(None, 1, "", 3 * Block::MOST), line(None, 2, "", 2 * Block::MOST + 1));
    let branch = line(Some(ana[Block::MOST].clone()), 1, "again", 3);
    let arrived = ana.iter().zip(&ben).flat_map(|(ana, ben)| [ana, ben]).chain(&ana[ben.len()..]).chain(&branch);
    let arrived: Vec<&Frame> = arrived.collect();
    let mut ledger = Ledger::default();
    let add = |frame: &&Frame| ledger.add(frame.message(), frame.digest(), Past::default());
    let added: Vec<Added> = arrived.iter().map(add).collect();
    for (number, (frame, added)) in arrived.iter().zip(&added).enumerate() {
        let (id, digest) = (frame.id(), frame.digest());
        let slot = ledger.find(&Parent { author: id.author, counter: id.counter, digest });
        assert_eq!(slot, Some(added.slot));
        assert_eq!((ledger.id(added.slot), ledger.number(added.slot)), (Some(id), Some(number as u64)));
        assert_eq!(ledger.order(added.slot), Some((frame.message().stamp(), digest)));
        let is_aside = number >= ana.len() + ben.len();
        assert_eq!(ledger.is_on_main(added.slot), !is_aside);
        assert_eq!(ledger.previous(added.slot), frame.message().previous.filter(|_| is_aside));
        assert_eq!((added.is_first, added.forks), (id.counter == 1, is_aside));
        let room = ledger.blocks[added.slot.block()].records.capacity();
        assert_eq!(room, if is_aside { 1 } else { Block::MOST });
        let with_id = ledger.with_id(id).collect::<Vec<_>>();
        assert!(with_id.contains(&added.slot) && with_id.len() <= 2);
    }
    assert_eq!(ledger.len(), arrived.len() as u64);
    let (first, at) = (branch[0].id(), Block::MOST - 2);
    assert_eq!(ledger.forks(first.author), [first.counter, first.counter + 1, first.counter + 2]);
    assert_eq!(ledger.contiguous(first.author), ana.len() as u64);
    let mut expected: Vec<_> = ana.iter().skip(at).chain(&branch).collect();
    expected.sort_by_key(|frame| frame.id().counter);
    let mut after: Vec<_> = ledger.messages_after(first.author, at as u64).collect();
    assert!(after.iter().map(|&(counter, _)| counter).eq(expected.iter().map(|frame| frame.id().counter)));
    after.sort_unstable();
    let mut expected: Vec<_> = expected.iter().map(|frame| (frame.id().counter, frame.digest())).collect();
    expected.sort_unstable();
    assert_eq!(after, expected);
}
