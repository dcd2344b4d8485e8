//! Heads in real folders: copies of them, damage, and other things in their place.

use std::{collections::BTreeMap, fs};

use tempo_clock::Seen;
use tempo_fs_transport::FsTransport;
use tempo_message::{
    Arrival, AuthorId, Budget, CollectRequest, Disposition, Durability, Head, Lamport, Life, PendingReason, Transport,
    conformance::{Script, gather},
};

use crate::support::{Session, link};

fn head(script: &Script, counter: u64) -> Head {
    Head {
        author: script.author(),
        name: None,
        place: None,
        counter,
        digest: None,
        lamport: Lamport(counter),
        seen: Vec::new(),
        wanted: Vec::new(),
        life: Life::default(),
        unix_ms: 0,
        seal: None,
    }
}

/// Returns the counters of the heads that a collect hands up.
fn collected(member: &mut FsTransport) -> BTreeMap<AuthorId, Vec<u64>> {
    let mut heads: BTreeMap<AuthorId, Vec<u64>> = BTreeMap::new();
    let budget = Budget { frames: 100, bytes: usize::MAX };
    let want = CollectRequest { known: &Seen::default(), own: None, recheck: &[], full: false, budget };
    let mut take = |arrival| {
        if let Arrival::Head(head) = arrival {
            heads.entry(head.author).or_default().push(head.counter);
        }
        Disposition::Known
    };
    member.collect(&want, &mut take).unwrap();
    heads.values_mut().for_each(|counters| counters.sort_unstable());
    heads
}

#[test]
fn copies_of_a_head_are_read_like_the_head_and_only_when_they_change() {
    let folder = Session::new();
    let (mut ana, mut ben) = (folder.writer(), folder.writer());
    let script = Script::new(1);
    ana.leave_head(&head(&script, 3)).unwrap();
    let dir = folder.path(script.author().to_string());
    fs::write(dir.join("head (1)"), head(&script, 5).encode()).unwrap();
    fs::write(dir.join("head.sync-conflict-20261122-101112-ABCDEFG"), head(&script, 4).encode()).unwrap();
    assert_eq!(collected(&mut ben), [(script.author(), vec![3, 4, 5])].into());
    assert_eq!(collected(&mut ben), [].into());
    ana.leave_head(&head(&script, 9)).unwrap();
    assert_eq!(collected(&mut ben), [(script.author(), vec![9])].into());
    assert_eq!((ben.report().foreign, ben.report().pending), (vec![], vec![]));
    let copies: Vec<String> = ben.report().copies.into_iter().map(|copy| copy.place).collect();
    assert!(copies.iter().any(|place| place.ends_with("/head (1)")) && copies.len() == 2, "{copies:?}");
}

#[test]
fn an_invalid_head_hides_no_message() {
    let folder = Session::new();
    let mut ben = folder.writer();
    let mut scripts: Vec<Script> = (1..6).map(Script::new).collect();
    for (number, script) in scripts.iter_mut().enumerate() {
        let dir = folder.path(script.author().to_string());
        fs::create_dir(&dir).unwrap();
        let whole = head(script, 3).encode();
        let place = dir.join("head");
        match number {
            0 => fs::write(&place, &whole[..whole.len() - 1]).unwrap(),
            1 => fs::write(&place, "some text").unwrap(),
            2 => fs::write(&place, head(&Script::new(9), 1).encode()).unwrap(),
            3 => fs::create_dir(&place).unwrap(),
            _ => fs::write(&place, vec![0; 1 << 20]).unwrap(),
        }
        fs::write(dir.join("0000000000000001"), script.next(b"hello").bytes()).unwrap();
    }
    assert_eq!(gather(&mut ben, &Seen::default(), Disposition::Known).len(), 5);
    let report = ben.report();
    assert_eq!((report.foreign.len(), report.pending.len()), (4, 1), "{report:?}");
    assert!(matches!(report.pending[0].reason, PendingReason::Incomplete { .. }));
    // Publishing a head replaces anything but a directory.
    for script in [&scripts[0], &scripts[1], &scripts[2], &scripts[4]] {
        folder.writer().leave_head(&head(script, 7)).unwrap();
    }
    assert!(folder.writer().leave_head(&head(&scripts[3], 7)).is_err());
    assert_eq!(collected(&mut folder.writer()).len(), 4);
}

#[test]
fn a_link_in_place_of_a_head_is_replaced_and_not_followed() {
    let folder = Session::new();
    let mut ana = folder.writer();
    let mut script = Script::new(1);
    ana.publish(&script.next(b"hello"), Durability::Lazy).unwrap();
    let outside = tempfile::tempdir().unwrap();
    let precious = outside.path().join("precious");
    fs::write(&precious, "precious").unwrap();
    let place = folder.path(script.author().to_string()).join("head");
    if !link(&precious, &place) {
        return;
    }
    ana.leave_head(&head(&script, 1)).unwrap();
    assert_eq!(fs::read_to_string(&precious).unwrap(), "precious");
    assert!(fs::symlink_metadata(&place).unwrap().is_file());
}

/// Copies are named in the report although what they hold is handed up; messages and heads are not.
#[test]
fn a_report_changes_with_the_copies_that_it_names() {
    let folder = Session::new();
    let (mut ana, mut ben) = (folder.writer(), folder.writer());
    let mut script = Script::new(1);
    let frames = script.run(2);
    let budget = Budget { frames: 100, bytes: usize::MAX };
    let want = CollectRequest { known: &Seen::default(), own: None, recheck: &[], full: true, budget };
    let mut changes = || ben.collect(&want, &mut |_| Disposition::Done).unwrap().report_changed;
    ana.publish(&frames[0], Durability::Lazy).unwrap();
    changes();
    ana.publish(&frames[1], Durability::Lazy).unwrap();
    ana.leave_head(&head(&script, 2)).unwrap();
    assert!(!changes(), "a message and a head are not named");
    let dir = folder.path(script.author().to_string());
    let copies = [("0000000000000001 (1)", frames[0].bytes().clone()), ("head (1)", head(&script, 1).encode())];
    for (name, content) in copies {
        fs::write(dir.join(name), content).unwrap();
        assert!(changes(), "{name} is new");
        assert!(!changes(), "{name} is as it was");
        fs::remove_file(dir.join(name)).unwrap();
        assert!(changes(), "{name} is gone");
    }
}
