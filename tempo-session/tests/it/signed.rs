//! Members that sign, over a real folder: what a forger achieves, and what becomes of keys.

use std::fs;

use tempo_fs_transport::Installation;
use tempo_message::{Decoded, Digest, Frame, is_signed};
use tempo_session::{
    Event, Session,
    core::IdentityConflict,
    doctor::{FindingKind, Severity},
    error::SendError,
};

use crate::support::{Place, STUCK, texts, timeline, wait_until};

fn installation(place: &Place, name: &str) -> Installation {
    Installation::find(&place.at(name), &place.folder).unwrap().unwrap()
}

fn kinds(place: &Place) -> Vec<(FindingKind, Severity)> {
    let checkup = Session::builder(&place.folder).state_dir(place.at("ben")).check_up().unwrap();
    checkup.findings().into_iter().map(|finding| (finding.kind, finding.severity)).collect()
}

/// Returns a message's bytes with its last letter changed and the digest repaired.
fn forged(frame: &Frame) -> Vec<u8> {
    let mut bytes = frame.bytes()[..frame.bytes().len() - Digest::LEN].to_vec();
    let letter = bytes.len() - 65;
    bytes[letter] ^= 1;
    let digest = Digest::of(&bytes);
    bytes.extend_from_slice(digest.as_bytes());
    bytes
}

#[test]
fn a_forger_changes_nothing_and_is_named() {
    let place = Place::new();
    let (ana, ben) = (place.member("ana"), place.member("ben"));
    let id = ana.send("the real one").unwrap();
    assert_eq!(ana.flush(STUCK), 0);
    wait_until(&ben, "the message", |ben| texts(&timeline(ben)) == ["the real one"]);
    assert!(is_signed(id.author));
    let file = place.folder.join(id.to_string());
    let Decoded::Whole(frame) = Frame::decode(&fs::read(&file).unwrap().into()) else { panic!() };
    // In its place, beside it, and as the next one.
    let next = format!("{:016x}", id.counter + 1);
    fs::write(file.with_file_name(format!("{:016x} (2)", id.counter)), forged(&frame)).unwrap();
    fs::write(file.with_file_name(&next), forged(&frame)).unwrap();
    fs::write(file.with_file_name("head (2)"), fs::read(file.with_file_name("head")).unwrap_or_default()).unwrap();
    ben.refresh(STUCK).unwrap();
    assert_eq!(texts(&timeline(&ben)), ["the real one"]);
    assert_eq!(ben.status().unvouched, [id]);
    // Her next message finds its name taken, and arrives all the same.
    ana.send("the next one").unwrap();
    wait_until(&ben, "the next message", |ben| texts(&timeline(ben)) == ["the real one", "the next one"]);
    assert_eq!(ana.author(), Some(id.author), "she stays who she is");
    let late = place.member("late");
    wait_until(&late, "all", |late| texts(&timeline(late)) == ["the real one", "the next one"]);
    for member in [ana, ben, late] {
        member.close().unwrap();
    }
    let findings = Session::builder(&place.folder).state_dir(place.at("ben")).check_up().unwrap().findings();
    let is_named = |kind: FindingKind| findings.iter().any(|it| it.kind == kind && it.severity == Severity::Attention);
    assert!(is_named(FindingKind::Unvouched), "{findings:#?}");
    let forgery = format!("{}/{:016x} (2)", id.author, id.counter);
    let copies = findings.iter().filter(|it| it.kind == FindingKind::EqualCopy).flat_map(|it| &it.files);
    assert!(!copies.clone().any(|file| *file == forgery), "a forgery is no copy with known content: {findings:#?}");
}

#[test]
fn a_member_that_has_lost_its_key_is_a_new_one_that_cannot_prove_it() {
    let place = Place::new();
    let (ana, ben) = (place.member("ana"), place.member("ben"));
    let before = ana.send("before").unwrap().author;
    ana.close().unwrap();
    fs::remove_file(installation(&place, "ana").vault().path(before)).unwrap();
    let ana = place.member("ana");
    let event = ana.poll().unwrap();
    let is_told = matches!(event, Some(Event::NewAuthor { why: IdentityConflict::KeyLost, .. }));
    assert!(is_told || ana.author() != Some(before), "{event:?}");
    let after = ana.send("after").unwrap().author;
    assert_ne!(after, before);
    wait_until(&ben, "both", |ben| texts(&timeline(ben)) == ["before", "after"]);
    let status = ben.status();
    let member = status.members.iter().find(|member| member.author == after).unwrap();
    assert_eq!((member.former, member.has_proven), (Some(before), false));
    for member in [ana, ben] {
        member.close().unwrap();
    }
    assert!(kinds(&place).contains(&(FindingKind::SuccessionClaimed, Severity::Info)), "{:?}", kinds(&place));
}

#[test]
fn a_key_that_cannot_be_read_stops_sending_and_nothing_else() {
    let place = Place::new();
    let (ana, ben) = (place.member("ana"), place.member("ben"));
    let author = ana.send("before").unwrap().author;
    ana.close().unwrap();
    let path = installation(&place, "ana").vault().path(author);
    let seed = fs::read(&path).unwrap();
    fs::write(&path, "damaged").unwrap();
    let ana = place.member("ana");
    ben.send("hello").unwrap();
    wait_until(&ana, "reading", |ana| texts(&timeline(ana)) == ["before", "hello"]);
    let refused = ana.send("cannot be signed").unwrap_err();
    assert!(matches!(refused, SendError::NoKey { author: of, .. } if of == author), "{refused:?}");
    // It is tried again each time.
    fs::write(&path, seed).unwrap();
    assert_eq!(ana.send("signed again").unwrap().author, author);
    wait_until(&ben, "the message", |ben| texts(&timeline(ben)) == ["before", "hello", "signed again"]);
}

#[test]
fn a_copied_store_proves_whose_place_it_takes() {
    let place = Place::new();
    let (ana, ben) = (place.member("ana"), place.member("ben"));
    let before = ana.send("before").unwrap().author;
    ana.close().unwrap();
    crate::identity::copy_dir(&place.at("ana"), &place.at("copy"));
    fs::remove_dir_all(place.at("ana")).unwrap();
    let copy = Session::builder(&place.folder).state_dir(place.at("copy")).open().unwrap();
    let after = copy.send("after").unwrap().author;
    assert_ne!(after, before);
    wait_until(&ben, "both", |ben| texts(&timeline(ben)) == ["before", "after"]);
    let status = ben.status();
    let member = status.members.iter().find(|member| member.author == after).unwrap();
    assert_eq!((member.former, member.has_proven), (Some(before), true));
}
