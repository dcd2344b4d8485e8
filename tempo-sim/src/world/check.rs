//! The invariants that must hold after every step, under all faults.

use std::{
    collections::BTreeSet,
    ffi::{OsStr, OsString},
    fmt,
    time::Duration,
};

use bytes::Bytes;
use tempo_fs_transport::{DirName, FileName};
use tempo_message::{AuthorId, CounterName, Decoded, Digest, Frame, Head, MessageId, Report};
use tempo_session::{Entry, Event, Session, Status};

use super::{Member, copying::goes_on_in, leaving::whole_frames, member::Running, registry::Registry};
use crate::Counts;

/// A violated invariant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The invariant, by its name in `docs/SIMULATOR.md`.
    pub rule: &'static str,
    /// The observation that violates it.
    pub what: String,
}

impl Violation {
    pub(crate) fn new(rule: &'static str, what: impl Into<String>) -> Self {
        Self { rule, what: what.into() }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.rule, self.what)
    }
}

impl std::error::Error for Violation {}

/// The events that a member received in one step.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    /// The numbers of delivered messages and their positions.
    pub(crate) delivered: Vec<(usize, usize)>,
    /// The numbers of messages that began to wait.
    pub(crate) held: Vec<usize>,
    /// True if more messages were reported as stable.
    pub(crate) stable: bool,
}

/// Takes every event of a member as an application would, and judges each.
pub(crate) fn listen(
    member: &mut Member,
    registry: &Registry,
    counts: &mut Counts,
    in_detail: bool,
) -> Result<Heard, Violation> {
    let mut heard = Heard::default();
    let (me, former, store) = (member.author, &member.former, &member.store);
    let Some(running) = &mut member.running else { return Ok(heard) };
    if running.session.held() > 0 {
        counts.add("held");
        if in_detail {
            let waiting = running.session.status().waiting.into_iter().map(|waiting| waiting.id);
            let fresh: Vec<MessageId> = waiting.filter(|id| running.told_held.insert(*id)).collect();
            heard.held.extend(fresh.into_iter().filter_map(|id| registry.number(id)));
        }
    }
    loop {
        match running.cursor.poll() {
            Ok(None) => break,
            Ok(Some(Event::Message { entry, .. })) => {
                let number = judge(running, registry, &entry)?;
                let author = entry.id.author;
                if (author == me || former.contains(&author)) && !store.has_sent(entry.id, entry.digest) {
                    running.app.met_impostors.insert(author);
                }
                let position = entry.position;
                if position < running.app.list.len() {
                    counts.add("late insertion");
                }
                running.app.latest = running.app.latest.max(entry.stamp.lamport);
                heard.delivered.push((number, position));
                running.app.list.insert(position, entry);
            }
            Ok(Some(Event::Stable { messages })) => {
                counts.add("stable");
                if messages < running.app.stable || messages > running.app.list.len() {
                    let what = format!("{} messages were stable, but now {messages}", running.app.stable);
                    return Err(Violation::new("I8", what));
                }
                running.app.stable = messages;
                heard.stable = true;
            }
            Ok(Some(Event::Fork { id })) => {
                counts.add("fork");
                running.app.forks.insert(id);
            }
            Ok(Some(event)) => {
                counts.add(match event {
                    Event::Foreign(_) => "foreign file told",
                    Event::Folder(_) => "folder changed",
                    Event::Retired { .. } => "retired",
                    Event::Returned { .. } => "returned",
                    Event::Rejected { digest, id, why } if registry.known(&digest).is_some() => {
                        return Err(Violation::new("I14", format!("the honest {id} was rejected: {why}")));
                    }
                    Event::Rejected { .. } => "rejected",
                    _ => "other event",
                });
            }
            Err(error) => return Err(Violation::new("I3", format!("a message cannot be read: {error}"))),
        }
    }
    // An application need not commit at once everything that it has taken.
    if member.rng.chance(100) && running.cursor.commit().is_ok() {
        let progress = running.cursor.progress();
        member.saved.save(progress.map_err(|error| Violation::new("I2", error.to_string()))?, &running.app);
    }
    the_replica_is_right(running)?;
    if member.rng.chance(50) {
        // If the state cannot be saved now, a later call saves it.
        let _ = member.saved.save_replica(&mut running.replica);
    }
    Ok(heard)
}

/// Checks that the state of a replica follows from the timeline.
fn the_replica_is_right(running: &mut Running) -> Result<(), Violation> {
    let unread = |error| Violation::new("I18", format!("a replica cannot read: {error}"));
    running.replica.catch_up().map_err(unread)?;
    if running.replica.state().iter().eq(running.app.list.iter().map(|entry| &entry.digest)) {
        return Ok(());
    }
    let what = format!(
        "a replica of {} messages does not match the list of {}",
        running.replica.messages(),
        running.app.list.len()
    );
    Err(Violation::new("I18", what))
}

/// Checks what a session that has just started shows: only messages that were sent, in order.
pub(crate) fn observed(session: &Session, registry: &Registry) -> Result<(), Violation> {
    let mut last = None;
    for entry in session.timeline() {
        let entry = entry.map_err(|error| Violation::new("I3", format!("an observer cannot read: {error}")))?;
        if registry.known(&entry.digest).is_none_or(|known| known.payload != entry.payload) {
            return Err(Violation::new("I1", format!("an observer sees {}, which was never sent", entry.id)));
        }
        let order = Some((entry.stamp, entry.digest));
        if order <= last {
            return Err(Violation::new("I6", format!("an observer sees {} out of order", entry.id)));
        }
        last = order;
    }
    Ok(())
}

fn judge(running: &mut Running, registry: &Registry, entry: &Entry) -> Result<usize, Violation> {
    let broken = |rule, what: &str| Violation::new(rule, format!("{}: {what}", entry.id));
    let known = registry.known(&entry.digest).ok_or_else(|| broken("I1", "was never sent"))?;
    if known.id != entry.id || known.stamp != entry.stamp || known.payload != entry.payload {
        return Err(broken("I1", "differs from what was sent"));
    }
    if !running.app.delivered.insert(entry.digest) {
        return Err(broken("I2", "was delivered twice"));
    }
    let is_here = |cause| {
        let is_profile = registry.known(cause).is_some_and(|cause| !cause.is_payload);
        is_profile || running.app.delivered.contains(cause)
    };
    if !known.causes.iter().all(is_here) {
        return Err(broken("I5", "was delivered before its causes"));
    }
    let order = (entry.stamp, entry.digest);
    let (before, after) =
        running.app.list.split_at_checked(entry.position).ok_or_else(|| broken("I6", "has no place"))?;
    let is_between = before.last().is_none_or(|last| (last.stamp, last.digest) < order)
        && after.first().is_none_or(|first| order < (first.stamp, first.digest));
    if is_between { Ok(known.number) } else { Err(broken("I6", "was delivered at the wrong position")) }
}

/// The time that a message may be in a folder undelivered, whole and with all its causes: two scans.
const TWO_SCANS: Duration = Duration::from_secs(70);

/// Checks that every message that has been whole in the folder for long enough is delivered, regardless of other files.
pub(crate) fn nothing_is_passed_over(member: &mut Member, registry: &Registry, now: Duration) -> Result<(), Violation> {
    let Member { running: Some(running), disk, arrived, .. } = member else { return Ok(()) };
    // In a folder that was made again, a member waits until somebody is there whom it knows.
    let seemed_away = if member.is_folder_new { member.seemed_away } else { Duration::ZERO };
    while let Some(&(since, digest)) = arrived.first().filter(|(since, _)| *since + TWO_SCANS < now) {
        arrived.remove(&(since, digest));
        let Some(known) = registry.known(&digest) else { continue };
        // A member that has another message of this number reads it once a later one names it.
        let is_contested = registry.only(known.id) != Some(digest);
        if !known.is_payload || running.app.delivered.contains(&digest) || is_contested {
            continue;
        }
        let dir = OsString::from(known.id.author.to_string());
        let name = OsString::from(CounterName::new(known.id.counter).as_str());
        let disturbed = disk.disturbed().max(running.since).max(member.reads_from).max(disk.locked_until(&dir, &name));
        let disturbed = disturbed.max(seemed_away);
        let is_waiting = || running.session.status().waiting.iter().any(|waiting| waiting.id == known.id);
        if disturbed + TWO_SCANS >= now || is_waiting() {
            arrived.insert((now, digest));
            continue;
        }
        // While the member is offline, the service does not bring the names of a dataless directory.
        let is_out_of_reach = member.offline && disk.is_dir_online_only(&dir);
        if !disk.is_unmounted()
            && !is_out_of_reach
            && !disk.is_online_only(&dir, &name)
            && disk.read(&dir, &name) == Some(known.bytes.clone())
        {
            return Err(Violation::new("I15", format!("{} misses {} for too long", member.name, known.id)));
        }
    }
    Ok(())
}

/// The time that a message may wait to be published: slightly more than the longest pause between two attempts.
const TWO_ATTEMPTS: Duration = Duration::from_secs(45);

/// Checks that sent messages are in the folder soon, unless something prevents that.
pub(crate) fn nothing_waits_to_be_published(
    member: &mut Member,
    published: &BTreeSet<(OsString, OsString)>,
    now: Duration,
) -> Result<(), Violation> {
    let Member { running: Some(running), disk, sent_at, seemed_away, .. } = member else { return Ok(()) };
    // A member that cannot tell when an empty folder was created treats it as one that is away.
    let is_beside = |dir: &OsString| dir.as_encoded_bytes().contains(&b'/');
    if !sent_at.is_empty() && disk.options().system.moves_creation_times() && disk.dirs().iter().all(is_beside) {
        *seemed_away = now;
    }
    while sent_at.front().is_some_and(|&(since, ..)| since + TWO_ATTEMPTS < now)
        && let Some((_, dir, name)) = sent_at.pop_front()
    {
        let place = (dir, name);
        if published.contains(&place) {
            continue;
        }
        let disturbed =
            disk.disturbed().max(running.since).max(disk.locked_until(&place.0, &place.1)).max(*seemed_away);
        if disturbed + TWO_ATTEMPTS < now && !disk.is_unmounted() && !disk.is_full() {
            let what = format!("{} does not publish {}", member.name, place.1.to_string_lossy());
            return Err(Violation::new("I15", what));
        }
        sent_at.push_back((now, place.0, place.1));
    }
    Ok(())
}

/// Checks a member once all faults are over and everything has arrived.
pub(crate) fn final_state(
    member: &Member,
    timeline: &[Digest],
    (gone, may_wait): (&BTreeSet<AuthorId>, &BTreeSet<AuthorId>),
    registry: &Registry,
) -> Result<(), Violation> {
    let name = &member.name;
    let Some(running) = &member.running else { return Err(Violation::new("L1", format!("{name} does not run"))) };
    let status = running.session.status();
    let has: Vec<Digest> = running.app.list.iter().map(|entry| entry.digest).collect();
    if let Some(missing) = timeline.iter().find(|digest| !has.contains(digest)) {
        let Some(known) = registry.known(missing) else { return Err(Violation::new("I1", "an unknown message")) };
        let has = |(.., content): &Placed| whole_frames(content).any(|frame| frame.digest() == *missing);
        let files = member.disk.files();
        let places: Vec<(&OsString, &OsString)> =
            files.iter().filter(|file| has(file)).map(|(dir, name, _)| (dir, name)).collect();
        let what = format!("{name} never received {}; it is in its folder as {places:?}; {status:?}", known.id);
        return Err(Violation::new("I3", what));
    }
    if has != timeline {
        return Err(Violation::new("I7", format!("{name} has a different timeline")));
    }
    let read: Result<Vec<Entry>, _> = running.session.timeline().collect();
    if read.map_err(|error| Violation::new("I7", format!("{name}: {error}")))? != positioned(&running.app.list) {
        return Err(Violation::new("I7", format!("the events of {name} do not give its timeline")));
    }
    if let Some((id, _)) = registry.forked().find(|(id, digests)| {
        digests.iter().filter(|digest| running.app.delivered.contains(digest)).count() > 1
            && !running.app.forks.contains(id)
    }) {
        return Err(Violation::new("I9", format!("{name} has two messages {id}, but no event reported it")));
    }
    let is_occupied = !status.occupied.is_empty() && !member.may_lie_beside();
    if status.unpublished > 0 || status.store_error.is_some() || waits(&status, may_wait) || is_occupied {
        return Err(Violation::new("L1", format!("{name} has not come to rest: {status:?}")));
    }
    if let Some(copy) = status.report.parts.iter().find(|part| goes_on_in(&member.disk, part)) {
        return Err(Violation::new("I1", format!("{name} reads {copy}, which is another session")));
    }
    every_odd_thing_is_named(member, &status.report, gone)?;
    every_message_is_whole(member)
}

/// Returns whether any message waits, except those of authors whose missing causes are nowhere.
pub(crate) fn waits(status: &Status, may_wait: &BTreeSet<AuthorId>) -> bool {
    status.waiting.iter().any(|waiting| !may_wait.contains(&waiting.id.author))
}

/// A file, by directory, name and content.
pub(super) type Placed = (OsString, OsString, Bytes);

/// Checks that the report names everything in the folder that is not a message.
fn every_odd_thing_is_named(member: &Member, report: &Report, gone: &BTreeSet<AuthorId>) -> Result<(), Violation> {
    let foreign = report.foreign.iter().map(|foreign| &foreign.place);
    let others = report.pending.iter().map(|pending| &pending.place).chain(report.converted.iter().map(|it| &it.place));
    let named: BTreeSet<&String> = foreign.chain(others).collect();
    let files = member.disk.files();
    // If a power loss damaged a message whose author has left, nothing repairs it. Members that have the message lack
    // nothing.
    let is_left = |(dir, name, _): &Placed| {
        counters(name).is_some() && DirName::parse(dir).author().is_some_and(|author| gone.contains(&author))
    };
    // A copy of a directory is named as a whole.
    let is_copied =
        |file: &Placed| report.doubled.iter().any(|copy| *copy.place == *file.0) && is_whole_elsewhere(file, &files);
    let is_excused = |file: &Placed| is_packed_beside(file, &files) || is_left(file) || is_copied(file);
    let odd = files.iter().filter(|file| is_odd(&file.0, &file.1, &file.2) && !is_excused(file));
    let odd = odd.map(|(dir, name, _)| (dir.clone(), name.clone())).chain(member.disk.specials());
    for (dir, name) in odd.filter(|(dir, _)| is_in_the_session(report, dir)) {
        let place = format!("{}/{}", dir.to_string_lossy(), name.to_string_lossy());
        if !named.contains(&place) {
            let there = member.disk.read(&dir, &name).map_or(0, |bytes| bytes.len());
            let what = format!("{} silently ignores {place} ({there} bytes): {report:?}", member.name);
            return Err(Violation::new("I16", what));
        }
    }
    Ok(())
}

/// Returns whether a directory belongs to the session. Another folder beside it may be a part of the session, in
/// which everything odd is named, or another session.
fn is_in_the_session(report: &Report, dir: &OsStr) -> bool {
    let dir = dir.to_string_lossy();
    dir.split_once('/').is_none_or(|(part, _)| report.parts.iter().any(|name| name == part))
}

/// Returns whether a larger pack beside the file has all its messages whole, so that nothing is missing.
fn is_packed_beside((dir, name, _): &Placed, files: &[Placed]) -> bool {
    let Some((first, last)) = counters(name) else { return false };
    files.iter().any(|(at, pack, content)| {
        let larger = |(start, end)| start <= first && last <= end && end - start > last - first;
        at == dir && counters(pack).is_some_and(larger) && !is_odd(at, pack, content)
    })
}

/// Returns whether the messages of a file are whole in another directory of their author.
fn is_whole_elsewhere((dir, name, _): &Placed, files: &[Placed]) -> bool {
    let (Some(author), Some((first, last))) = (DirName::parse(dir).author(), counters(name)) else { return false };
    let others = files.iter().filter(|(at, ..)| at != dir && DirName::parse(at).author() == Some(author));
    let there = others.flat_map(|(.., content)| whole_frames(content));
    let there: BTreeSet<u64> = there.map(|frame| frame.id().counter).collect();
    (first..=last).all(|counter| there.contains(&counter))
}

/// Returns the first and last counter that a file has by its name.
pub(super) fn counters(name: &OsStr) -> Option<(u64, u64)> {
    match FileName::parse(name) {
        FileName::Message(counter) => Some((counter, counter)),
        FileName::Pack(first, last) => Some((first, last)),
        _ => None,
    }
}

/// Returns whether a file is odd: its name is not in the format, or its content is not only whole messages of this
/// author. This does not use the transport.
fn is_odd(dir: &OsStr, name: &OsStr, content: &Bytes) -> bool {
    let (dir, name) = (dir.to_string_lossy(), name.to_string_lossy());
    // In another part of a split folder, the part's name precedes it.
    let dir = dir.rsplit('/').next().unwrap_or_default();
    if name.starts_with("head") || (name.starts_with("~tempo-") && name.ends_with(".tmp")) {
        return false;
    }
    let stem =
        name.get(..16).is_some_and(|stem| stem.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)));
    if !stem || name.as_bytes().get(16).is_some_and(u8::is_ascii_alphanumeric) {
        return true;
    }
    let mut rest = content.clone();
    loop {
        match Frame::decode(&rest) {
            Decoded::Whole(frame) if dir.starts_with(&frame.id().author.to_string()) => {
                rest = rest.slice(frame.bytes().len()..);
                if rest.is_empty() {
                    return false;
                }
            }
            _ => return true,
        }
    }
}

/// Checks that every committed message is whole under its name.
fn every_message_is_whole(member: &Member) -> Result<(), Violation> {
    let files = member.disk.files();
    for frame in member.store.sent() {
        let dir = OsString::from(frame.id().author.to_string());
        let name = OsString::from(CounterName::new(frame.id().counter).as_str());
        // Two messages with one number are beside each other, and so is a message that another program overwrote.
        // Others are in packs.
        let is_in = |name: &OsStr| match FileName::parse(name) {
            FileName::Pack(first, last) => (first..=last).contains(&frame.id().counter),
            FileName::Copy(_) => member.may_lie_beside(),
            _ => false,
        };
        let has = |content: &Bytes| content.windows(frame.bytes().len()).any(|part| part == frame.bytes());
        let is_beside = files.iter().any(|(at, name, content)| *at == dir && is_in(name) && has(content));
        if member.disk.read(&dir, &name).as_ref() != Some(frame.bytes()) && !is_beside {
            let there = member.disk.read(&dir, &name).map(|bytes| bytes.len());
            let what =
                format!("{} is not whole on its author's disk: {there:?} of {}", frame.id(), frame.bytes().len());
            return Err(Violation::new("I12", what));
        }
    }
    Ok(())
}

/// Checks that no staged file is left. Files that could not be removed are swept when the member restarts.
pub(crate) fn nothing_is_staged(member: &Member) -> Result<(), Violation> {
    let own: Vec<OsString> =
        member.former.iter().chain([&member.author]).map(|author| OsString::from(author.to_string())).collect();
    // Files that were in use when it started do not count either.
    let since = member.running.as_ref().map(|running| running.since).unwrap_or_default();
    let is_free = |at: &OsStr, name: &OsStr| member.disk.locked_until(at, name) <= since;
    let own = member.disk.files().into_iter().filter(|(at, name, _)| own.contains(at) && is_free(at, name));
    let own = own.map(|(_, name, _)| name);
    let beside = member.disk.staged().into_iter().filter(|name| member.disk.staged_locked_until(name) <= since);
    let staged = own.chain(beside).find(|name| FileName::parse(name) == FileName::Staged);
    match staged {
        Some(left) => Err(Violation::new("I12", format!("{} left {} behind", member.name, left.to_string_lossy()))),
        None => Ok(()),
    }
}

/// Checks that the store of a member that has just restarted has everything that its own head in the folder claims.
pub(crate) fn the_head_is_true(member: &Member) -> Result<(), Violation> {
    let Some(running) = member.running.as_ref().filter(|_| !member.is_ambiguous) else { return Ok(()) };
    let content = member.disk.read(&OsString::from(member.author.to_string()), OsStr::new("head"));
    let head = content.and_then(|content| Head::decode(&content).ok());
    // Another program may have put a different author's head in its place.
    let Some(head) = head.filter(|head| head.author == member.author) else { return Ok(()) };
    let status = running.session.status();
    let has = |author| {
        let of = status.members.iter().find(|it| it.author == author);
        of.map_or(0, |it| it.gaps.first().map_or(it.last, |gap| gap.start() - 1))
    };
    let claims = head.seen.iter().copied().chain([(head.author, head.counter)]);
    match claims.into_iter().find(|&(author, counter)| has(author) < counter) {
        Some((author, counter)) => {
            let what =
                format!("{}'s head claims message {counter} of {author}, but its store has lost it", member.name);
            Err(Violation::new("I12", what))
        }
        None => Ok(()),
    }
}

/// Checks that what an application was told to be stable is still stable after a restart.
pub(crate) fn what_was_stable_stays(member: &Member) -> Result<(), Violation> {
    let Some(running) = &member.running else { return Ok(()) };
    // The status reports less while it knows of a newcomer's messages that have not arrived.
    let until = member.store().marks_now().stable;
    let entries = running.session.timeline().map_while(Result::ok);
    let (told, stable) = (running.app.stable, entries.take_while(|entry| entry.stamp.lamport <= until).count());
    if told <= stable {
        return Ok(());
    }
    Err(Violation::new("I8", format!("{} was told that {told} messages are stable, but now {stable} are", member.name)))
}

/// Returns a list whose entries have their current positions.
fn positioned(list: &[Entry]) -> Vec<Entry> {
    let mut list = list.to_vec();
    list.iter_mut().enumerate().for_each(|(position, entry)| entry.position = position);
    list
}
