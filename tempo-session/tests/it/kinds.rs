//! The kinds of errors that an application decides by.

use std::{error::Error, fs, io};

use tempo_message::{CodecError, PublishError};
use tempo_session::{
    MAX_PAYLOAD, MessageId, Session,
    error::{ErrorKind, OpenError, SendError},
    store::StoreError,
};

use crate::support::{Place, author};

#[test]
fn a_session_that_does_not_open_says_which_kind_of_failure_it_is() {
    let place = Place::new();
    let kind = |folder: &str, state: &str| {
        let opened = Session::builder(place.at(folder)).state_dir(place.at(state)).open();
        opened.map(drop).map_err(|error| error.kind().name()).unwrap_err()
    };
    assert_eq!(kind("away.session", "state"), "not-found");
    fs::create_dir(place.at("jam")).unwrap();
    assert_eq!(kind("jam", "state"), "invalid");
    let _ana = place.member("Ana");
    assert_eq!(kind("jam.session", "Ana"), "busy");
    let unnamed = Session::builder(&place.folder).state_dir(place.at("Ben")).name("").open();
    assert_eq!(unnamed.unwrap_err().kind(), ErrorKind::Invalid);
}

#[test]
fn a_call_that_fails_says_which_kind_of_failure_it_is() {
    let place = Place::new();
    let ana = place.member("Ana");
    let observer = Session::observe(&place.folder).unwrap();
    assert_eq!(observer.send("hello").unwrap_err().kind(), ErrorKind::NotAMember);
    assert_eq!(ana.send(vec![0; MAX_PAYLOAD + 1]).unwrap_err().kind(), ErrorKind::Invalid);
    assert_eq!(ana.retire(author(9)).unwrap_err().kind(), ErrorKind::NotFound);
    let id = ana.send("hello").unwrap();
    let entry = ana.find(id).unwrap().unwrap();
    assert_eq!(ErrorKind::from(&entry.decode::<(String, String)>().unwrap_err()), ErrorKind::Unreadable);
    let other = ana.clone();
    ana.close().unwrap();
    assert_eq!(other.send("hello").unwrap_err().kind(), ErrorKind::Closed);
    assert_eq!(other.refresh(std::time::Duration::ZERO).unwrap_err().kind(), ErrorKind::Closed);
}

#[test]
fn an_error_has_the_kind_of_its_cause() {
    let full = || StoreError::Full { path: "store".into(), source: io::Error::other("no room") };
    assert_eq!(OpenError::Announce(SendError::Store(full())).kind().to_string(), "full");
    let denied = PublishError::Denied { place: "jam".to_owned(), source: "no".into() };
    assert_eq!(ErrorKind::from(&denied).name(), "denied");
    assert_eq!(ErrorKind::from(&io::Error::from(io::ErrorKind::StorageFull)), ErrorKind::Full);
    let unread = CodecError::Trailing { left: 1 };
    assert_eq!(SendError::Codec(unread).kind(), ErrorKind::Unreadable);
}

/// A handle works from any thread, and so does what it returns.
#[test]
fn errors_and_handles_cross_threads() {
    let place = Place::new();
    let ana = place.member("Ana");
    let sent: Vec<Result<MessageId, Box<dyn Error + Send + Sync>>> = std::thread::scope(|scope| {
        let send = |size: usize| Ok(ana.send(vec![0; size])?);
        let threads = [1, MAX_PAYLOAD + 1].map(|size| scope.spawn(move || send(size)));
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(sent[0].is_ok());
    let error = sent[1].as_ref().unwrap_err();
    assert_eq!(error.downcast_ref::<SendError>().unwrap().kind(), ErrorKind::Invalid);
}
