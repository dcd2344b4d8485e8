//! Files in a folder that are not messages: nothing is delivered from them, and each is named.

use std::fs::{self, File};

use tempo_session::{Event, MessageId};

use crate::support::{Place, STUCK, replay, texts, timeline, wait_until};

#[test]
fn every_odd_thing_is_named_and_nothing_else_suffers() {
    let place = Place::new();
    let (ana, ben) = (place.member("ana"), place.member("ben"));
    ana.send("honest").unwrap();
    wait_until(&ben, "honest", |ben| ben.timeline().len() == 1);
    let author = ana.author().unwrap();
    let file = |counter| place.folder.join(MessageId { author, counter }.to_string());
    ana.send_all(["cut", "whole"]).unwrap();
    assert_eq!(ana.flush(STUCK), 0);
    ana.close().unwrap();
    ben.close().unwrap();

    let cut = fs::read(file(3)).unwrap();
    fs::write(file(3), &cut[..cut.len() - 5]).unwrap();
    fs::write(file(5), "").unwrap();
    fs::write(file(6), [0x5a; 300]).unwrap();
    File::create(file(7)).unwrap().set_len(100 << 20).unwrap();
    fs::create_dir(file(8)).unwrap();
    #[cfg(unix)]
    std::os::unix::fs::symlink(file(4), file(9)).unwrap();

    let cleo = place.member("cleo");
    cleo.refresh(STUCK).unwrap();
    assert_eq!(texts(&timeline(&cleo)), ["honest"]);
    let report = cleo.status().report;
    let named = |counter: u64| {
        let id = MessageId { author, counter }.to_string();
        let pending = report.pending.iter().filter(|it| it.place == id).map(|it| it.reason.to_string());
        let foreign = report.foreign.iter().filter(|it| it.place == id).map(|it| it.reason.to_string());
        pending.chain(foreign).collect::<Vec<_>>().join(" and ")
    };
    assert_eq!(named(3), "incomplete, at least 5 bytes are missing");
    assert!(named(5).starts_with("incomplete"));
    assert_eq!(named(6), "the bytes do not begin like a message");
    assert!(named(7).starts_with("104857600 bytes, at most 16777216"));
    assert_eq!(named(8), "a directory where a file belongs");
    #[cfg(unix)]
    assert_eq!(named(9), "a symbolic link where a file belongs");
    let waiting: Vec<_> =
        cleo.status().waiting.iter().map(|waiting| (waiting.id.counter, waiting.missing.len())).collect();
    assert_eq!(waiting, [(4, 1)]);

    let mut list = Vec::new();
    let events = replay(&cleo, &mut list);
    let foreign = events.iter().filter(|event| matches!(event, Event::Foreign(_))).count();
    assert_eq!(foreign, if cfg!(unix) { 4 } else { 3 });

    fs::write(file(3), cut).unwrap();
    wait_until(&cleo, "the file is whole", |cleo| cleo.timeline().len() == 3);
    assert_eq!(texts(&timeline(&cleo)), ["honest", "cut", "whole"]);
    assert_eq!(cleo.status().waiting, []);
}
