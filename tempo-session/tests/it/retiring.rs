//! Members that are not waited for any more, over a real folder.

use std::sync::{Arc, atomic::Ordering};

use tempo_message::MemoryMedium;
use tempo_session::{
    AuthorId, Event, Placed, Session,
    error::{RetireError, SendError},
    store::MemoryStore,
};

use crate::{
    session::{Clock, drain, open, open_at},
    support::{Place, author, texts, timeline, wait_until},
};

fn retired(session: &Session, author: AuthorId) -> Option<AuthorId> {
    session.status().members.iter().find(|member| member.author == author)?.retired
}

fn stable(session: &Session) -> (usize, Vec<AuthorId>) {
    let stable = session.status().stable;
    (stable.messages, stable.waits_for.into_iter().map(|(author, _)| author).collect())
}

fn events(session: &Session) -> Vec<Event> {
    let mut events = Vec::new();
    while let Some(event) = session.poll().unwrap() {
        events.push(event);
    }
    events
}

#[test]
fn nobody_waits_for_a_retired_member_until_it_writes_again() {
    let place = Place::new();
    let (ana, ben, cleo) = (place.member("ana"), place.member("ben"), place.member("cleo"));
    let him = ben.send("hello").unwrap().author;
    wait_until(&ana, "hello", |ana| texts(&timeline(ana)) == ["hello"]);
    wait_until(&cleo, "hello", |cleo| texts(&timeline(cleo)) == ["hello"]);
    ben.close().unwrap();
    let her = ana.send("where is Ben?").unwrap().author;
    wait_until(&cleo, "the question", |cleo| timeline(cleo).len() == 2);
    cleo.send("gone").unwrap();
    wait_until(&ana, "the answer", |ana| timeline(ana).len() == 3);
    assert!(stable(&ana).0 < 3 && stable(&ana).1.contains(&him), "{:?}", stable(&ana));

    ana.retire(him).unwrap();
    for member in [&ana, &cleo] {
        wait_until(member, "the retirement", |member| retired(member, him) == Some(her));
    }
    wait_until(&ana, "that everything is stable", |ana| stable(ana).0 == 3);
    wait_until(&cleo, "that everything is stable", |cleo| stable(cleo).0 == 3);
    assert!(events(&cleo).contains(&Event::Retired { author: him, by: her }));
    let sent = ana.status().latest;
    ana.retire(him).unwrap();
    assert_eq!(ana.status().latest, sent, "he is retired already");

    // It is known after a restart, and to who joins later.
    cleo.close().unwrap();
    let (cleo, dora) = (place.member("cleo"), place.member("dora"));
    for member in [&cleo, &dora] {
        wait_until(member, "the retirement", |member| retired(member, him) == Some(her));
    }
    let ben = place.member("ben");
    wait_until(&ben, "his retirement", |ben| retired(ben, him) == Some(her));
    ben.send("I am back").unwrap();
    for member in [&ana, &cleo, &dora, &ben] {
        wait_until(member, "his return", |member| retired(member, him).is_none() && timeline(member).len() == 4);
    }
    assert!(events(&ana).contains(&Event::Returned { author: him }));
}

#[test]
fn what_a_retired_member_had_written_arrives_below_what_is_stable() {
    let (medium, clock) = (MemoryMedium::default(), Arc::<Clock>::default());
    let [(ana, mut ana_driver), (ben, mut ben_driver)] =
        [0, 1].map(|number| open_at(&medium, MemoryStore::new(Some(author(number))), &clock));
    ben.send("hello").unwrap();
    drain(&mut ben_driver);
    drain(&mut ana_driver);
    // His driver does not run, so this message stays where it is.
    ben.send("on the way").unwrap();
    ana.send("one").unwrap();
    ana.send("two").unwrap();
    ana.retire(author(1)).unwrap();
    clock.0.fetch_add(1000, Ordering::SeqCst);
    drain(&mut ana_driver);
    assert_eq!(stable(&ana), (3, vec![]));
    events(&ana);
    drain(&mut ben_driver);
    drain(&mut ana_driver);
    let late = events(&ana).into_iter().find_map(|event| match event {
        Event::Message { entry, placed } => Some((entry.payload, placed)),
        _ => None,
    });
    assert_eq!(late, Some((b"on the way".as_slice().into(), Placed::BelowStable)));
    assert_eq!(retired(&ana, author(1)), Some(author(0)), "he did not know of it");
    assert_eq!(retired(&ben, author(1)), Some(author(0)));
    ben.send("back").unwrap();
    drain(&mut ben_driver);
    drain(&mut ana_driver);
    assert_eq!((retired(&ana, author(1)), timeline(&ana).len()), (None, 5));
}

/// Later retirements of others push his out of every view, so his next message alone would not answer it.
#[test]
fn a_member_returns_however_many_others_have_left() {
    let medium = MemoryMedium::default();
    let [(ana, mut ana_driver), (ben, mut ben_driver)] =
        [0, 1].map(|number| open(&medium, MemoryStore::new(Some(author(number)))));
    ben.send("hello").unwrap();
    drain(&mut ben_driver);
    drain(&mut ana_driver);
    ana.retire(author(1)).unwrap();
    drain(&mut ana_driver);
    for number in 2..20 {
        let (other, mut driver) = open(&medium, MemoryStore::new(Some(author(number))));
        drain(&mut driver);
        other.leave().unwrap();
        drain(&mut driver);
    }
    drain(&mut ben_driver);
    assert_eq!(retired(&ben, author(1)), Some(author(0)));
    let back = ben.send("back").unwrap();
    assert_eq!((retired(&ben, author(1)), back.counter), (None, 3), "his own word comes first");
    drain(&mut ben_driver);
    drain(&mut ana_driver);
    assert_eq!((retired(&ana, author(1)), timeline(&ana).len()), (None, 2));
}

#[test]
fn a_member_leaves_by_its_own_word() {
    let place = Place::new();
    let ben = place.member("ben");
    let him = ben.send("hello").unwrap().author;
    let ana = Session::builder(&place.folder).state_dir(place.at("ana")).heed_retirements(false).open().unwrap();
    wait_until(&ana, "hello", |ana| timeline(ana).len() == 1);
    let her = ana.send("hello Ben").unwrap().author;
    wait_until(&ben, "the answer", |ben| timeline(ben).len() == 2);
    ben.retire(her).unwrap();
    ben.leave().unwrap();
    wait_until(&ana, "his word", |ana| retired(ana, him) == Some(him));
    assert_eq!((retired(&ana, her), retired(&ben, her)), (None, Some(him)), "she heeds only an author's own word");
    ben.send("no, wait").unwrap();
    assert_eq!(retired(&ben, him), None);
}

#[test]
fn strangers_cannot_be_retired_and_observers_retire_nobody() {
    let place = Place::new();
    let ana = place.member("ana");
    let her = ana.send("hello").unwrap().author;
    let nobody = author(9);
    assert!(matches!(ana.retire(nobody), Err(RetireError::Unknown { author }) if author == nobody));
    let observer = Session::observe(&place.folder).unwrap();
    wait_until(&observer, "hello", |observer| timeline(observer).len() == 1);
    assert!(matches!(observer.retire(her), Err(RetireError::Send(SendError::Observer))));
    assert!(matches!(observer.leave(), Err(RetireError::Send(SendError::Observer))));
}
