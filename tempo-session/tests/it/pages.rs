//! What is opened from pages is what would be opened from the log.

use std::ops::ControlFlow;

use tempo_message::{Durability, MemoryMedium};
use tempo_session::{
    Session,
    core::SessionCore,
    store::{MemoryStore, Origin, Page, Record, Store},
};

use crate::{
    session::{drain, open},
    support::{Place, author, send, texts, timeline, wait_until},
};

pub(crate) fn pages_of(store: &dyn Store) -> Vec<(Page, Vec<u8>)> {
    let mut pages = Vec::new();
    let mut take = |page, bytes: &[u8]| {
        pages.push((page, bytes.to_vec()));
        ControlFlow::Continue(())
    };
    store.pages(&mut take).unwrap();
    pages
}

/// The store of one who has talked with another one for a while.
fn talked() -> (MemoryMedium, MemoryStore, Vec<String>) {
    let (medium, store) = (MemoryMedium::default(), MemoryStore::new(Some(author(0))));
    let (ana, mut ana_driver) = open(&medium, store.clone());
    let (ben, mut ben_driver) = open(&medium, MemoryStore::new(Some(author(1))));
    ana.announce_name("Ana").unwrap();
    for number in 0..20 {
        ana.send(format!("{number}, says Ana")).unwrap();
        drain(&mut ana_driver);
        drain(&mut ben_driver);
        ben.send(format!("{number}, says Ben")).unwrap();
        drain(&mut ben_driver);
    }
    drain(&mut ana_driver);
    let said = texts(&timeline(&ana));
    assert_eq!(said.len(), 40);
    (medium, store, said)
}

#[test]
fn a_session_goes_on_from_its_pages() {
    let (medium, store, said) = talked();
    let pages = pages_of(&store);
    assert!(pages.iter().any(|(page, _)| *page == Page::Summary));
    // Of what is in pages the log is not asked again: it may say something else.
    let other = MemoryStore::new(Some(author(0)));
    let mut stranger = SessionCore::new(Some(author(9)));
    let records = (0..99).map(|_| Record { frame: send(&mut stranger, "", 0), origin: Origin::Received });
    other.commit(&records.collect::<Vec<_>>(), Durability::Durable).unwrap();
    other.keep_pages(&pages).unwrap();
    let (ana, _driver) = open(&medium, other);
    assert!((37..=40).contains(&ana.timeline().len()), "the last few are in no page yet");

    let (ana, mut driver) = open(&medium, store.clone());
    assert_eq!(texts(&timeline(&ana)), said);
    assert_eq!((ana.timeline().len(), ana.status().unpublished), (40, 21), "everything is compared with the folder");
    drain(&mut driver);
    assert_eq!(ana.status().unpublished, 0);
    assert_eq!(ana.send("and goes on").unwrap().counter, 22);
    drain(&mut driver);
    drop((ana, driver));
    let (ana, _driver) = open(&medium, store);
    assert_eq!(texts(&timeline(&ana)).last().map(String::as_str), Some("and goes on"));
}

#[test]
fn pages_that_cannot_be_used_are_as_good_as_none() {
    let (medium, store, said) = talked();
    for (page, whole) in pages_of(&store) {
        for bytes in [b"\xff\xff\xff not a page".to_vec(), whole[..whole.len() / 2].to_vec()] {
            store.keep_pages(&[(page, bytes)]).unwrap();
            let (ana, _driver) = open(&medium, store.clone());
            assert_eq!(texts(&timeline(&ana)), said, "without {page:?}");
            assert_eq!(ana.status().unpublished, 21, "without {page:?}");
        }
        store.keep_pages(&[(page, whole)]).unwrap();
    }
}

/// On a real folder, with the usual settings.
#[test]
fn what_was_sent_long_ago_is_looked_after() {
    let place = Place::new();
    // Without anybody else the folder could be another one.
    place.member("Ben").close().unwrap();
    let ana = place.member("Ana");
    ana.send_all((0..1500).map(|number| format!("message {number}"))).unwrap();
    wait_until(&ana, "everything is in the folder", |ana| ana.status().unpublished == 0);
    let own = ana.author().unwrap().to_string();
    ana.close().unwrap();
    crate::support::remove_dir_all(place.folder.join(&own)).unwrap();
    let ana = place.member("Ana");
    assert_eq!(ana.timeline().len(), 1500);
    let ben = Session::builder(&place.folder).observe().unwrap();
    wait_until(&ben, "everything is there again", |ben| ben.timeline().len() == 1500);
    ana.close().unwrap();
}
