//! What the core knows of files depends on the messages that are here, and on nothing else.

use tempo_message::{Attachment, AttachmentId, Frame, Kind, ManifestHasher, MessageId, Release};

use super::*;
use crate::core::{composing::Content, driving::Output, event::CoreEvent};

fn file(number: u8) -> Attachment {
    let mut hasher = ManifestHasher::new(10);
    hasher.update(&[number; 3000]).unwrap();
    Attachment { manifest: hasher.finish().unwrap(), name: format!("take {number}"), media_type: String::new() }
}

fn id(number: u8) -> AttachmentId {
    file(number).manifest.id()
}

fn name(core: &mut SessionCore, files: &[u8]) -> Frame {
    let attachments = files.iter().map(|&number| file(number)).collect();
    let content = Content { attachments, ..Content::from((Kind::Payload, Bytes::new())) };
    let frame = core.compose([content], 0).unwrap().remove(0);
    sent(core, &frame);
    frame
}

fn release(core: &mut SessionCore, files: &[u8]) -> Frame {
    let release = Release::new(files.iter().map(|&number| id(number))).unwrap();
    let frame = core.compose([(Kind::Release, Bytes::from(release.to_bytes()))], 0).unwrap().remove(0);
    sent(core, &frame);
    frame
}

fn events(core: &mut SessionCore) -> Vec<CoreEvent> {
    std::iter::from_fn(|| match core.poll() {
        Output::Event(event) => Some(event),
        _ => None,
    })
    .collect()
}

/// Every order of seven messages by two authors, also those in which messages wait for others.
#[test]
fn every_order_of_arrival_gives_the_same_files() {
    let (mut ana, mut ben) = (SessionCore::new(Some(author(0))), SessionCore::new(Some(author(1))));
    let mut frames = vec![name(&mut ana, &[1, 2]), release(&mut ana, &[1]), name(&mut ben, &[1])];
    receive(&mut ana, &frames[2]);
    frames.push(name(&mut ana, &[1]));
    frames.push(release(&mut ana, &[2, 9]));
    frames.push(release(&mut ben, &[1]));
    receive(&mut ben, &frames[0]);
    frames.push(name(&mut ben, &[2]));
    let mut orders = vec![Vec::new()];
    for at in 0..frames.len() {
        let longer = |order: &Vec<usize>| {
            (0..=order.len()).map(|place| [&order[..place], &[at], &order[place..]].concat()).collect::<Vec<_>>()
        };
        orders = orders.iter().flat_map(longer).collect();
    }
    assert_eq!(orders.len(), 5040);
    for order in orders {
        let mut core = SessionCore::new(None);
        for &at in &order {
            receive(&mut core, &frames[at]);
        }
        let released = events(&mut core).into_iter().filter_map(|event| match event {
            CoreEvent::FileReleased { author, id } => Some((author, id)),
            _ => None,
        });
        let told: Vec<_> = released.collect();
        let is_released = |file, member| core.is_released(id(file), author(member));
        assert_eq!(
            [is_released(1, 0), is_released(2, 0)],
            [false, true],
            "{order:?}: Ana has named the first one again"
        );
        assert_eq!([is_released(1, 1), is_released(2, 1)], [true, false], "{order:?}");
        assert!(told.contains(&(author(0), id(2))) && told.contains(&(author(1), id(1))), "{order:?}: {told:?}");
        let of_ana = |counter| MessageId { author: author(0), counter };
        assert_eq!(core.namers(id(2)), [of_ana(1), MessageId { author: author(1), counter: 3 }], "{order:?}");
        assert_eq!(core.files().collect::<Vec<_>>().len(), 2, "nobody has named the file 9");
        assert_eq!(core.descriptions(id(2)).len(), 1);
    }
}

#[test]
fn what_waits_keeps_its_files_within_bounds() {
    let mut ana = SessionCore::new(Some(author(0)));
    let first = name(&mut ana, &[]);
    let others: Vec<Frame> = (0..40).map(|number| name(&mut ana, &[number])).collect();
    let mut core = SessionCore::with_limit(None, 100);
    for frame in &others {
        receive(&mut core, frame);
    }
    assert!(core.held_len() <= 20, "each weighs five: itself, and a file of three parts");
    receive(&mut core, &first);
    for frame in &others {
        receive(&mut core, frame);
    }
    assert_eq!(core.files_len(), 40);
}
