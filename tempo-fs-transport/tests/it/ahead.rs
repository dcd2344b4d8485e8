//! Reading ahead of what is handed up, from one collect to the next.

use std::{collections::BTreeMap, fs};

use tempo_message::{AuthorId, MessageId, conformance::Script};

use crate::support::Session;

/// Six authors with three packs of 3 MiB each, of which no more is kept open than some of the first ones.
#[test]
fn more_than_is_kept_open_comes_once_and_each_authors_in_order() {
    const AUTHORS: u8 = 6;
    const MESSAGES: u64 = 36;
    let session = Session::new();
    for number in 1..=AUTHORS {
        let mut script = Script::new(number);
        let dir = session.path(script.author().to_string());
        fs::create_dir(&dir).unwrap();
        for first in (1..MESSAGES).step_by(12) {
            let frames: Vec<_> = (0..12).map(|_| script.next(&[number; 256 * 1024])).collect();
            let pack = frames.iter().map(|frame| &frame.bytes()[..]).collect::<Vec<_>>().concat();
            fs::write(dir.join(format!("{first:016x}-{:016x}", first + 11)), pack).unwrap();
        }
    }
    let mut reader = session.reader();
    let mut last: BTreeMap<AuthorId, u64> = BTreeMap::new();
    let mut collects = 0;
    loop {
        let (frames, more) = reader.collect_some(7);
        collects += 1;
        for MessageId { author, counter } in frames.iter().map(tempo_message::Frame::id) {
            let before = last.insert(author, counter).unwrap_or(0);
            assert_eq!(counter, before + 1, "of {author} in collect {collects}");
        }
        if !more {
            break;
        }
        assert!(!frames.is_empty(), "collect {collects} gave nothing although there is more");
    }
    assert_eq!(last.len(), usize::from(AUTHORS));
    assert!(last.values().all(|&last| last == MESSAGES), "{last:?}");
}
