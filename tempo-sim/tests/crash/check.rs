//! The invariants that must hold when the session is at rest after a crash.

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::OsString,
    hash::{DefaultHasher, Hash, Hasher},
};

use bytes::Bytes;
use tempo_message::{AuthorId, CounterName, Decoded, Digest, Frame, Kind, MessageId};
use tempo_session::{Event, store::Store};
use tempo_sim::SimStore;

use crate::{
    machine::{Machine, Promised},
    operation::Operation,
};

/// Checks I5: messages in the store have their causes in the store, regardless of losses. For a store in memory, before
/// it is opened.
pub(crate) fn causes_are_kept(store: &SimStore) -> Result<(), String> {
    for frame in store.sent() {
        for cause in frame.message().causes() {
            let id = MessageId { author: cause.author, counter: cause.counter };
            if store.frame(id, cause.digest).map_err(|error| error.to_string())?.is_none() {
                return Err(format!("I5: {} is kept without its cause {id}", frame.id()));
            }
        }
    }
    Ok(())
}

/// Returns every author that the installation has been.
fn own(store: &SimStore) -> Vec<AuthorId> {
    store.marks_now().own.iter().map(|own| own.author).collect()
}

/// Checks that the folder never shows a message that may still be lost.
pub(crate) fn nothing_was_shown_too_early<'a>(
    files: impl Iterator<Item = &'a Bytes>,
    store: &SimStore,
) -> Result<(), String> {
    let (own, sent) = (own(store), store.sent());
    let kept: BTreeSet<Digest> = sent.iter().map(Frame::digest).collect();
    for frame in files.flat_map(frames) {
        if own.contains(&frame.id().author) && !kept.contains(&frame.digest()) {
            return Err(format!("I9: {} is in the folder but not in the store", frame.id()));
        }
    }
    Ok(())
}

/// Returns the messages at the start of a file.
fn frames(content: &Bytes) -> Vec<Frame> {
    let (mut frames, mut rest) = (Vec::new(), content.clone());
    while let Decoded::Whole(frame) = Frame::decode(&rest) {
        rest = rest.slice(frame.bytes().len()..);
        frames.push(frame);
    }
    frames
}

/// Checks everything that must hold at rest.
pub(crate) fn at_rest(machine: &Machine, promised: &Promised) -> Result<(), String> {
    if let Some(what) = machine.disk.take_violations().pop() {
        return Err(format!("I10: {what}"));
    }
    let sent = machine.store.sent();
    let kept: BTreeSet<Digest> = sent.iter().map(Frame::digest).collect();
    if let Some((id, _)) = promised.iter().find(|(_, digest)| !kept.contains(digest)) {
        return Err(format!("I9: {id} was sent but is lost"));
    }
    folder(machine, &sent)?;
    session(machine, &sent)
}

/// Checks I12: every committed message is whole under its name or in a pack, and there is nothing else of ours.
fn folder(machine: &Machine, sent: &[Frame]) -> Result<(), String> {
    let mut missing: BTreeMap<MessageId, &Frame> = sent.iter().map(|frame| (frame.id(), frame)).collect();
    if missing.len() < sent.len() {
        return Err("I9: two messages have the same counter".to_owned());
    }
    let own: Vec<OsString> = own(&machine.store).iter().map(|author| author.to_string().into()).collect();
    for (dir, name, content) in machine.disk.files().iter().filter(|(dir, ..)| own.contains(dir)) {
        let place = format!("{}/{}", dir.display(), name.display());
        let there = frames(content);
        let is_whole = there.iter().map(|frame| frame.bytes().len()).sum::<usize>() == content.len();
        let called = match there.as_slice() {
            [] if name.to_string_lossy().starts_with("head") => continue,
            [only] => only.id().to_string(),
            [first, .., last] => format!("{}-{}", first.id(), CounterName::new(last.id().counter)),
            [] => String::new(),
        };
        if !is_whole || called != place || there.iter().any(|frame| !sent.contains(frame)) {
            return Err(format!("I12: {place} does not match its name: {} bytes", content.len()));
        }
        missing.retain(|id, _| there.iter().all(|frame| frame.id() != *id));
    }
    if let Some(frame) = missing.values().next() {
        return Err(format!("I12: {} is not in the folder", frame.id()));
    }
    match machine.disk.staged().pop() {
        Some(left) => Err(format!("I12: {left:?} is left in the staging directory")),
        None => Ok(()),
    }
}

/// Checks I2 and I3: the timeline contains the sent messages and those in the folder, and the events deliver each
/// once.
fn session(machine: &Machine, sent: &[Frame]) -> Result<(), String> {
    let status = machine.session().status();
    // A damaged head was read before its author wrote a new one.
    let is_head = |place: &str| place.ends_with("/head");
    let is_calm = status.waiting.is_empty()
        && status.rejected.is_empty()
        && status.occupied.is_empty()
        && status.intruders.is_empty()
        && status.publish_error.is_none()
        && status.store_error.is_none()
        && status.head_error.is_none()
        && status.former == machine.store.marks_now().former()
        && status.report.foreign.iter().all(|it| is_head(&it.place))
        && status.report.pending.iter().all(|it| is_head(&it.place));
    if !is_calm {
        return Err(format!("L1: unexpected status: {status:?}"));
    }
    let is_shown = |frame: &&Frame| frame.message().kind == Kind::Payload;
    let mut expected: BTreeSet<Digest> = sent.iter().filter(is_shown).map(Frame::digest).collect();
    for frame in machine.disk.files().iter().flat_map(|(.., content)| frames(content)) {
        expected.extend(Some(frame.digest()).filter(|_| is_shown(&&frame)));
    }
    let entries = machine.session().timeline().collect::<Result<Vec<_>, _>>().map_err(|error| error.to_string())?;
    let timeline: BTreeSet<Digest> = entries.iter().map(|entry| entry.digest).collect();
    if timeline != expected || entries.len() != timeline.len() {
        return Err(format!("I3: {} of {} messages are in the timeline", timeline.len(), expected.len()));
    }
    let mut delivered = BTreeSet::new();
    while let Some(event) = machine.session().poll().map_err(|error| error.to_string())? {
        match event {
            Event::Message { entry, .. } if !delivered.insert(entry.digest) => {
                return Err(format!("I2: {} is delivered twice", entry.id));
            }
            Event::Message { .. } | Event::Joined { .. } | Event::Folder(_) => {}
            Event::NewAuthor { .. } | Event::Succeeded { .. } | Event::Receipt { .. } if status.former.len() == 1 => {}
            Event::Stable { messages } if messages <= delivered.len() => {}
            Event::Foreign(foreign) if is_head(&foreign.place) => {}
            event => return Err(format!("L1: {event:?}")),
        }
    }
    if delivered == expected { Ok(()) } else { Err("I3: the events do not give the timeline".to_owned()) }
}

/// Checks I9 from outside: the next message has an unused number.
pub(crate) fn goes_on(machine: &mut Machine, promised: &Promised) -> Result<(), String> {
    *machine.promised.lock().unwrap() = promised.clone();
    machine.act(Operation::Send)?;
    let promised = machine.promised.lock().unwrap().clone();
    machine.rest()?;
    if let Some(what) = machine.disk.take_violations().pop() {
        return Err(format!("I10: {what}"));
    }
    let sent = machine.store.sent();
    if promised.values().any(|digest| sent.iter().all(|frame| frame.digest() != *digest)) {
        return Err("I9: a message is lost by sending another message".to_owned());
    }
    folder(machine, &sent)
}

/// Returns a hash of everything that a machine at rest has. Its future depends on nothing else.
pub(crate) fn summary(machine: &Machine, promised: &Promised) -> u64 {
    let mut hasher = DefaultHasher::new();
    // Every life leaves another head.
    machine.disk.files().iter().filter(|(_, name, _)| name != "head").for_each(|file| file.hash(&mut hasher));
    machine.disk.staged().hash(&mut hasher);
    promised.hash(&mut hasher);
    let mut sent: Vec<Digest> = machine.store.sent().iter().map(Frame::digest).collect();
    sent.sort_unstable();
    sent.hash(&mut hasher);
    hasher.finish()
}
